package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"gatelatch/server/account"
	"gatelatch/server/authn"
	"gatelatch/server/web"
)

// sameOrigin refuses what another site posts in a visitor's name, by Sec-Fetch-Site and Origin (besides the cookies' SameSite).
// What the standards want open to other origins is let through: programs post there with their own proof, and authorization
// and logout by POST only turn into a GET.
func (s *Server) sameOrigin(next http.Handler, c Config, show func(http.ResponseWriter, *http.Request, *web.Error)) http.Handler {
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(originOf(c.PublicURL)); err != nil {
		panic(err) // the configuration has checked public_url
	}
	for _, path := range []string{"/token", "/par", "/revoke", "/device_authorization", "/userinfo", "/authorize", "/logout"} {
		guard.AddInsecureBypassPattern("POST " + c.IssuerPath + path)
	}
	for _, pattern := range []string{"POST %s/register", "PUT %s/register/{client_id}", "DELETE %s/register/{client_id}"} {
		guard.AddInsecureBypassPattern(fmt.Sprintf(pattern, c.IssuerPath))
	}
	for _, path := range []string{"/cognito", "/cognito/{$}", "/cognito/oauth2/token", "/cognito/oauth2/revoke", "/cognito/oauth2/userInfo"} {
		guard.AddInsecureBypassPattern("POST " + path)
	}
	guard.AddInsecureBypassPattern(account.APIPath + "/") // no cookie counts there
	guard.AddInsecureBypassPattern("POST " + authn.CallbackPath("{connection}"))
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show(w, r, &web.Error{Status: http.StatusForbidden, Code: "cross_origin"})
	}))
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "" && otherScheme(r, c.PublicURL.Scheme) {
			r = r.Clone(r.Context())
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		guarded.ServeHTTP(w, r)
	})
}

// otherScheme reports whether a request comes from a page of this host by another scheme: from whoever answers for http://id.example on a
// network that is not to be trusted. A browser that does not send Sec-Fetch-Site is otherwise judged by the host alone.
func otherScheme(r *http.Request, ours string) bool {
	from, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && from.Host != "" && from.Host == r.Host && from.Scheme != ours
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// home sends browsers that came by another loopback name (127.0.0.1 for localhost) to the one address whose cookies count. Only
// pages for people are sent on: programs may reach us by any name.
func (s *Server) home(next http.Handler) http.Handler {
	if !isLoopback(s.cfg.PublicURL.Hostname()) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.Host != s.cfg.PublicURL.Host && forPeople(r.URL.Path, s.cfg.IssuerPath) && loopbackTwin(r.Host, s.cfg.PublicURL) {
			// From the parts that are wanted: the address of a request may carry more, such as a name before the host.
			to := url.URL{Scheme: s.cfg.PublicURL.Scheme, Host: s.cfg.PublicURL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, to.String(), http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackTwin reports whether host is another name of this machine with public's port.
func loopbackTwin(host string, public *url.URL) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	return port == public.Port() && isLoopback(strings.Trim(name, "[]"))
}

func forPeople(path, issuerPath string) bool {
	switch path {
	case "/", "/set-up", "/inbox", "/device", "/account", issuerPath + "/authorize", issuerPath + "/logout":
		return true
	}
	return path == "/sign-in" || strings.HasPrefix(path, "/sign-in/") || strings.HasPrefix(path, "/account/") || strings.HasPrefix(path, "/inbox/")
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
