package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"gatelatch/server/clients"
)

// atThisMachine says whether a request comes from somebody sitting at the machine the server runs on, who may then read
// captured mail without signing in. Each condition stops a way in that a loopback peer alone would leave open:
// a server for others (its public address is not loopback), DNS rebinding (a page of evil.example whose name resolves to
// 127.0.0.1 sends its own Host), and a proxy on the same machine (to us every visitor of it is loopback, but it says so in
// a header, or keeps the Host of the public name).
func (a *Admin) atThisMachine(r *http.Request) bool {
	return clients.IsLoopback(a.cfg.PublicURL.Hostname()) &&
		strings.EqualFold(r.Host, a.cfg.PublicURL.Host) &&
		loopbackPeer(r.RemoteAddr) &&
		!forwarded(r.Header)
}

// loopbackPeer reads the address of the connection, never a header.
func loopbackPeer(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// forwarded says whether anything in between has left its mark.
func forwarded(h http.Header) bool {
	for name := range h {
		switch name = http.CanonicalHeaderKey(name); {
		case strings.HasPrefix(name, "X-Forwarded"), strings.HasPrefix(name, "X-Original"), strings.HasSuffix(name, "-Client-Ip"),
			strings.HasSuffix(name, "-Connecting-Ip"), name == "Forwarded", name == "Via", name == "X-Real-Ip", name == "X-Proxyuser-Ip":
			return true
		}
	}
	return false
}
