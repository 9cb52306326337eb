package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Keycloak CVE-2026-9689: of two parameters with one name the first was checked and the second used.
func TestRepeatedParameterIsRefusedWhereverItIs(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	twice := func(form url.Values, name string) url.Values {
		form[name] = append(form[name], form.Get(name)) // even the same again
		return form
	}
	for name := range authorization() {
		p.visit("/oidc/authorize?" + twice(authorization(), name).Encode())
		if strings.Contains(p.left, "code=") || p.left == "" && p.screen.Code != 400 || p.left != "" && !strings.Contains(p.left, "error=invalid_request") {
			t.Errorf("authorize with %s twice: got %q, %d", name, p.left, p.screen.Code)
		}
	}
	forms := map[string]url.Values{
		"/oidc/token": {"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"bookstore"}, "client_secret": {appSecret}, "unknown": {"x"}}, "/oidc/revoke": {"token": {"x"}, "token_type_hint": {"x"}, "client_id": {"bookstore"}, "client_secret": {appSecret}},
		"/oidc/introspect": {"token": {"x"}, "client_id": {"bookstore"}, "client_secret": {appSecret}}, "/oidc/userinfo": {"access_token": {"x"}}, "/oidc/par": authorization("client_secret", appSecret),
		"/oidc/device_authorization": {"client_id": {"bookstore"}, "client_secret": {appSecret}, "scope": {"openid"}}, "/device": {"user_code": {"x"}}, "/device/confirm": {"flow": {"x"}, "decision": {"allow"}}, "/sign-in/email": {"flow": {"x"}, "email": {"x"}}, "/sign-in/code": {"flow": {"x"}, "code": {"x"}, "device": {"1"}}, "/sign-in/resend": {"flow": {"x"}}, "/sign-in/restart": {"flow": {"x"}},
		"/sign-in/continue": {"flow": {"x"}}, "/sign-in/link": {"flow": {"x"}, "t": {"x"}}, "/set-up": {"t": {"x"}, "name": {"x"}, "email": {"x"}, "sign_up": {"x"}}, "/oidc/logout/confirm": {"session": {"x"}, "client_id": {"bookstore"}}, "/sign-out": {"x": {"x"}}, "/consent": {"flow": {"x"}, "decision": {"allow"}}, "/repair": {"flow": {"x"}, "session": {"x"}, "host": {"x"}},
	}
	for path, form := range forms {
		for name := range form {
			if got := p.send(w.request("POST", path, twice(clone(form), name))); got.Code != http.StatusBadRequest {
				t.Errorf("POST %s with %s twice: got %d, want 400", path, name, got.Code)
			}
		}
	}
	for path, names := range map[string][]string{"/oidc/resume": {"flow"}, "/oidc/logout": {"client_id", "id_token_hint", "post_logout_redirect_uri", "state"}, "/sign-in": {"flow", "lang"}, "/sign-in/code": {"flow", "state"}, "/sign-in/link": {"flow", "t"}, "/set-up": {"t"}, "/signed-out": {"lang"}, "/consent": {"flow"}, "/repair": {"flow"}, "/device": {"user_code"}, "/device/confirm": {"flow"}, "/device/done": {"connected"}} {
		for _, name := range names {
			if got := p.send(w.request("GET", path+"?"+name+"=x&"+name+"=x", nil)); got.Code != http.StatusBadRequest {
				t.Errorf("GET %s with %s twice: got %d, want 400", path, name, got.Code)
			}
		}
	}
}

func clone(v url.Values) url.Values {
	c := url.Values{}
	for name, values := range v {
		c[name] = append([]string(nil), values...)
	}
	return c
}

func TestFormsHaveLimitsAtEveryEndpoint(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	for _, path := range append([]string{"/oidc/token", "/oidc/revoke", "/oidc/authorize", "/oidc/logout", "/oidc/userinfo"}, posts...) {
		for name, c := range map[string]struct {
			body, kind string
			want       int
		}{
			"64 KiB and a byte":      {"a=" + strings.Repeat("x", 64<<10-1), "application/x-www-form-urlencoded", 413},
			"201 parameters":         {strings.Repeat("&", 200) + "a=1", "application/x-www-form-urlencoded", 400},
			"a NUL":                  {"a=b%00c", "application/x-www-form-urlencoded", 400},
			"a NUL in a name":        {"a%00=b", "application/x-www-form-urlencoded", 400},
			"bad UTF-8":              {"a=%ff", "application/x-www-form-urlencoded", 400},
			"half an escape":         {"a=%f", "application/x-www-form-urlencoded", 400},
			"a semicolon":            {"a=1;b=2", "application/x-www-form-urlencoded", 400},
			"JSON":                   {`{"a":1}`, "application/json", 415},
			"multipart":              {"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415},
			"no kind":                {"a=1", "", 415},
			"a kind no one can read": {"a=1", "application/x-www-form-urlencoded; ;", 415},
		} {
			if path == "/oidc/userinfo" && c.want == 415 && !strings.HasPrefix(c.kind, "application/x-www-form-urlencoded") {
				c.want = 401 // its form is one way of several to bring a token
			}
			r := httptest.NewRequest("POST", w.url.String()+path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if got := w.do(r); got.Code != c.want {
				t.Errorf("POST %s with %s: got %d, want %d", path, name, got.Code, c.want)
			}
		}
	}
}

func TestEveryAnswerHasTheHeadersOfABrowsersSafety(t *testing.T) {
	for _, public := range []string{"http://localhost:4283", "https://id.example"} {
		w := newWorld(t, public)
		p := w.person()
		p.visit("/oidc/authorize?" + authorization().Encode())
		paths := []string{p.at, "/", "/sign-in", "/signed-out", "/nothing", "/inbox", "/healthz", "/readyz", "/assets/nothing.css", "/oidc/jwks", "/oidc/.well-known/openid-configuration", "/oidc/token", "/oidc/userinfo",
			"/oidc/authorize", "/oidc/authorize?" + authorization("response_mode", "form_post", "prompt", "none").Encode(), "/oidc/logout", "/oidc/resume", "/sign-in/link", "/set-up", "/sign-in?lang=%ff", "//", "/sign-in/../x"}
		for _, path := range paths {
			for _, method := range []string{"GET", "POST", "TRACE"} {
				r := w.request("GET", "/", nil)
				r.Method = method
				u, err := url.Parse(public + path)
				if err != nil {
					t.Fatal(err)
				}
				r.URL = u
				got := p.send(r)
				h := got.Header()
				page := strings.HasPrefix(h.Get("Content-Type"), "text/html")
				for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
					if h.Get(name) != want {
						t.Errorf("%s %s: %s is %q, want %q", method, path, name, h.Get(name), want)
					}
				}
				csp := h.Get("Content-Security-Policy")
				for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
					if !strings.Contains(csp, want) {
						t.Errorf("%s %s: the policy is %q, want %s in it", method, path, csp, want)
					}
				}
				if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
					t.Errorf("%s %s: the policy is %q", method, path, csp)
				}
				if page && h.Get("Cache-Control") != "no-store" && got.Code != http.StatusMovedPermanently && got.Code != http.StatusTemporaryRedirect {
					t.Errorf("%s %s: a page that may be kept: %q", method, path, h.Get("Cache-Control"))
				}
				if (h.Get("Strict-Transport-Security") != "") != strings.HasPrefix(public, "https") || h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
					t.Errorf("%s %s at %s: got %v", method, path, public, h)
				}
			}
		}
	}
}
