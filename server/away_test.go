package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"gatelatch/storage"
)

// A store that is away is never the client's or the visitor's fault: whoever is told invalid_grant throws a good token away
// (hydra and fosite GHSA-7mqr-2v3q-v2wm is the other half: an error of the store told as a success).
func TestStoreThatIsAwayIs503WithRetryAfterAndNothingElse(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	code, mail := p.signIn("ann@example.com")
	var tokens map[string]any
	if err := json.Unmarshal(w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback).Body.Bytes(), &tokens); err != nil {
		t.Fatal(err)
	}
	access, _ := tokens["access_token"].(string)
	refresh, _ := tokens["refresh_token"].(string)
	idToken, _ := tokens["id_token"].(string)
	p.visit("/oidc/authorize?" + authorization().Encode())
	left, err := url.Parse(p.left)
	if err != nil {
		t.Fatal(err)
	}
	second := left.Query().Get("code")
	p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	flow := p.form("/sign-in/email").Get("flow")
	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}

	away := func(what string, got *httptest.ResponseRecorder) {
		t.Helper()
		seconds, err := strconv.Atoi(got.Header().Get("Retry-After"))
		if got.Code != http.StatusServiceUnavailable || err != nil || seconds < 1 || seconds > 60 || strings.Contains(strings.Join(got.Header().Values("Set-Cookie"), " "), "session") {
			t.Errorf("%s: got %d with %v, want 503\n%.300s", what, got.Code, got.Header(), got.Body)
		}
	}
	for what, pairs := range map[string][]string{
		"/token exchange":        {"grant_type", "authorization_code", "code", second, "redirect_uri", appCallback},
		"/token wrong exchange":  {"grant_type", "authorization_code", "code", second, "redirect_uri", "https://evil.example/"},
		"/token spent code":      {"grant_type", "authorization_code", "code", code, "redirect_uri", appCallback},
		"/token refresh":         {"grant_type", "refresh_token", "refresh_token", refresh},
		"/revoke access token":   {"token", access},
		"/revoke refresh token":  {"token", refresh, "token_type_hint", "refresh_token"},
		"/userinfo":              {"access_token", access},
		"/introspect":            {"token", access},
		"/par":                   {"redirect_uri", appCallback, "response_type", "code", "scope", "openid"},
		"/token unknown client ": {"grant_type", "refresh_token", "refresh_token", refresh, "client_id", "nobody"},
	} {
		path, _, _ := strings.Cut(what, " ")
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r := w.request("POST", "/oidc"+path, form)
		if path != "/userinfo" && form.Get("client_id") == "" {
			r.SetBasicAuth("bookstore", appSecret)
		}
		got := w.do(r)
		away(what, got)
		var body map[string]string
		if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || body["error"] != "temporarily_unavailable" || got.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: got %v %s", what, got.Header(), got.Body)
		}
	}
	for _, path := range []string{"/oidc/authorize?" + authorization().Encode(), "/oidc/authorize?" + authorization("prompt", "none").Encode(), "/oidc/authorize?" + authorization("id_token_hint", idToken).Encode(),
		"/oidc/authorize?client_id=nobody", "/oidc/resume?flow=" + flow, "/sign-in?flow=" + flow, "/sign-in/code?flow=" + flow, "/consent?flow=" + flow, "/repair?flow=" + flow, "/oidc/logout?client_id=bookstore", "/oidc/logout?id_token_hint=" + idToken,
		link.RequestURI(), strings.TrimPrefix(w.setUp, w.url.String())} {
		away("GET "+path, p.send(w.request("GET", path, nil)))
	}
	for _, path := range []string{"/sign-in/email", "/sign-in/code", "/sign-in/resend", "/sign-in/restart", "/sign-in/continue", "/sign-in/link", "/set-up", "/sign-out", "/oidc/logout/confirm", "/consent", "/repair"} {
		form := url.Values{"flow": {flow}, "email": {"ann@example.com"}, "code": {mail.Code}, "t": {link.Query().Get("t")}, "client_id": {"bookstore"}}
		away("POST "+path, p.send(w.request("POST", path, form)))
	}
	away("GET /sign-in of a stranger", w.do(w.request("GET", "/sign-in", nil)))
	r := w.request("GET", "/inbox", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	away("GET /inbox", w.do(r))
	if got := w.do(w.request("GET", "/readyz", nil)); got.Code != http.StatusServiceUnavailable {
		t.Errorf("GET /readyz: got %d, want 503", got.Code)
	}
	if got := w.do(w.request("GET", "/healthz", nil)); got.Code != http.StatusOK {
		t.Errorf("GET /healthz: got %d, want 200: the process is well", got.Code)
	}
	for line := range strings.Lines(w.log.text()) {
		if strings.Contains(line, `"request failed"`) && !strings.Contains(line, storage.ErrClosed.Error()) {
			t.Errorf("the log does not say why: %s", line)
		}
	}
}
