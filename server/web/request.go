package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Visitor is where a request came from.
type Visitor struct {
	IP    netip.Addr
	Agent string // User-Agent, at most 256 bytes of printable ASCII
}

// Network is the unit that budgets count by: the IPv4 address, or the /64 of an IPv6 address.
func (v Visitor) Network() string {
	if v.IP.Is6() {
		if p, err := v.IP.Prefix(64); err == nil {
			return p.String()
		}
	}
	return v.IP.String()
}

type requestKey struct{}

type request struct {
	id      string
	visitor Visitor
}

// RequestID is the reference of a request, GL-XXXX-XXXX: shown on error pages and written on every line of the log about it.
func RequestID(ctx context.Context) string {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.id
	}
	return ""
}

// VisitorOf tells where the request came from.
func VisitorOf(ctx context.Context) Visitor {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.visitor
	}
	return Visitor{}
}

// Identify gives every request its reference and finds out where it came from. X-Forwarded-For is read only when the peer
// is a trusted proxy, from the right, up to the first address that is not one: whatever a stranger writes there counts for nothing.
// With log enabled at info level it writes one line a request, at debug level for those that quiet picks: no query, no address of a person.
func Identify(trusted []netip.Prefix, log *slog.Logger, quiet func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{id: newRequestID(), visitor: Visitor{IP: clientIP(r, trusted), Agent: printable(r.UserAgent(), 256)}}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
		level := slog.LevelInfo
		if quiet(r) {
			level = slog.LevelDebug
		}
		if !log.Enabled(r.Context(), level) {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		log.Log(r.Context(), level, "request", "method", r.Method, "path", printable(r.URL.Path, 200), "status", rec.status,
			"took", time.Since(start).Round(time.Microsecond), "request", q.id)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func clientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	ip := parseIP(r.RemoteAddr)
	if !within(ip, trusted) {
		return ip
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseIP(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			return ip
		}
		if ip = hop; !within(ip, trusted) {
			return ip
		}
	}
	return ip
}

func parseIP(s string) netip.Addr {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

func within(ip netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func printable(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, s[:min(len(s), limit)])
}

// Letters and digits that nobody mistakes for one another.
const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

func newRequestID() string {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return "GL-" + string(b[:4]) + "-" + string(b[4:])
}
