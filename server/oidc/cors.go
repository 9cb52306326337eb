package oidc

import (
	"net/http"
)

// public lets pages of every origin read an answer: documents without a secret.
func (p *Provider) public(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next.ServeHTTP(w, r)
	})
}

// crossOrigin lets pages of the clients' origins read an answer (Fetch standard, CORS protocol), never with cookies.
func (p *Provider) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.allowOrigin(w, r)
		next.ServeHTTP(w, r)
	})
}

// publicPreflight answers a browser that asks before it sends a header with its request for a public document.
func publicPreflight(w http.ResponseWriter, _ *http.Request) { allowAll(w, "GET", "*") }

// registerPreflight answers a browser whose page wants to register an application where everybody may. A page brings no initial
// access token: that one belongs to whoever it was given to, not to a browser.
func registerPreflight(w http.ResponseWriter, _ *http.Request) {
	allowAll(w, "POST", "Content-Type, MCP-Protocol-Version")
}

// allowAll lets pages of every origin send a request with those headers, without cookies.
func allowAll(w http.ResponseWriter, method, headers string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", method)
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// preflight answers a browser that asks before it sends.
func (p *Provider) preflight(w http.ResponseWriter, r *http.Request) {
	if p.allowOrigin(w, r) {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, X-Amz-User-Agent")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Provider) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	allowed, err := p.cache.allowsOrigin(r.Context(), origin)
	if err != nil || !allowed {
		return false // the browser keeps the answer from the page
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
	return true
}
