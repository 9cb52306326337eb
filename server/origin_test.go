package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// posts are the addresses where a browser's POST changes something in its visitor's name.
var posts = []string{"/sign-in/email", "/sign-in/code", "/sign-in/resend", "/sign-in/restart", "/sign-in/continue", "/sign-in/link", "/set-up", "/sign-out", "/oidc/logout/confirm", "/consent", "/repair", "/device", "/device/confirm"}

func TestWhatAnotherSitePostsIsRefused(t *testing.T) {
	for _, public := range []string{"http://localhost:4283", "https://id.example"} {
		w := newWorld(t, public)
		p := w.person()
		p.signIn("ann@example.com")
		for _, path := range posts {
			for _, from := range []map[string]string{
				{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
				{"Origin": "https://evil.example"},
				{"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
				{"Sec-Fetch-Site": "cross-site"},
				{"Sec-Fetch-Site": "same-site", "Origin": "https://other.id.example"}, {"Sec-Fetch-Site": "same-site"},
				{"Origin": public + ".evil.example"}, {"Origin": public + ":1"}, {"Origin": strings.TrimSuffix(public, "4283") + "3000", "Sec-Fetch-Site": "same-site"},
				{"Origin": "https://user@evil.example", "Sec-Fetch-Site": "cross-site", "Referer": public + "/sign-in"},
				{"Sec-Fetch-Site": "nonsense"}, {"Sec-Fetch-Site": "Same-Origin", "Origin": "https://evil.example"},
			} {
				if from["Origin"] == public { // the suffix above leaves an address without a port as it is
					continue
				}
				r := w.request("POST", path, url.Values{})
				for name, value := range from {
					r.Header.Set(name, value)
				}
				if got := p.send(r); got.Code != http.StatusForbidden || len(got.Result().Cookies()) > 0 {
					t.Errorf("%s: POST %s with %v: got %d, want 403", public, path, from, got.Code)
				}
			}
			for _, from := range []map[string]string{{"Origin": public}, {"Origin": public, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}} {
				r := w.request("POST", path, url.Values{})
				for name, value := range from {
					r.Header.Set(name, value)
				}
				if got := w.do(r); got.Code == http.StatusForbidden {
					t.Errorf("%s: POST %s with %v: got 403, want it let through", public, path, from)
				}
			}
		}
	}
}

func TestSessionOutlivesWhatOtherSitesTry(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	for _, path := range []string{"/sign-out", "/oidc/logout", "/oidc/logout/confirm", "/sign-in/restart"} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			r := w.request(method, path, nil)
			if method == "POST" {
				r = w.request(method, path, url.Values{})
			}
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			p.send(r)
		}
	}
	p.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if !strings.Contains(p.left, "code=") {
		t.Errorf("the way back to the bookstore is %q, want a code", p.left)
	}
}

// Authorization and logout by POST come from other sites by right, and so turn into a GET before anything happens.
func TestPostsThatStandardsOpenToOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	for path, form := range map[string]url.Values{"/oidc/authorize": authorization(), "/oidc/logout": {"client_id": {"bookstore"}}} {
		r := w.request("POST", path, form)
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		got := p.send(r)
		if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || to != path+"?"+form.Encode() || len(got.Result().Cookies()) > 0 {
			t.Errorf("POST %s: got %d to %s, want 303 to the same by GET", path, got.Code, to)
		}
	}
}

func TestPagesOfOtherOriginsReadOnlyWhatTheirClientsMay(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	const registered = "https://till.example" // of the redirect address of a browser application
	documents := []string{"/oidc/.well-known/openid-configuration", "/.well-known/openid-configuration/oidc", "/.well-known/oauth-authorization-server/oidc", "/oidc/jwks"}
	programs := []string{"/oidc/token", "/oidc/par", "/oidc/revoke", "/oidc/userinfo"}
	pages := append([]string{"/oidc/authorize", "/oidc/resume", "/oidc/logout", "/", "/sign-in", "/sign-in/link", "/set-up", "/signed-out", "/consent", "/inbox", "/healthz", "/assets/core.css"}, posts...)
	for _, path := range slices.Concat(documents, programs, pages) {
		for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD"} {
			for _, origin := range []string{registered, "https://evil.example", "null", "http://till.example", "https://till.example:443", "https://till.example.evil.example", "https://evil.example/https://till.example", "https://shop.example", "https://TILL.example", "*", ""} {
				r := w.request(method, path, nil)
				r.Header.Set("Origin", origin)
				r.Header.Set("Access-Control-Request-Method", "POST")
				r.Header.Set("Access-Control-Request-Headers", "authorization")
				h := p.send(r).Header()
				want := ""
				switch {
				case slices.Contains(documents, path) && method != "POST":
					want = "*"
				case slices.Contains(programs, path) && origin == registered && !refusesMethod(path, method):
					want = origin
				}
				if got := h.Get("Access-Control-Allow-Origin"); got != want || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Allow-Private-Network") != "" {
					t.Errorf("%s %s from %q: got %q with credentials %q, want %q without", method, path, origin, got, h.Get("Access-Control-Allow-Credentials"), want)
				}
				if slices.Contains(programs, path) && want != "" && !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
					t.Errorf("%s %s from %q: the answer may be kept for another origin", method, path, origin)
				}
			}
		}
	}
}

// refusesMethod reports whether a program's endpoint has no such method.
func refusesMethod(path, method string) bool {
	return path != "/oidc/userinfo" && (method == "GET" || method == "HEAD")
}

// Zitadel CVE-2025-64101, couch-auth CVE-2025-70948: links made from what the request says.
func TestForgedHostReachesNoLinkAndNoMail(t *testing.T) {
	for _, public := range []string{"http://localhost:4283", "https://id.example"} {
		w := newWorld(t, public)
		forge := func(r *http.Request) *http.Request {
			r.Host = "evil.example"
			for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host", "X-HTTP-Host-Override", "X-Rewrite-URL", "X-Original-URL"} {
				r.Header.Set(name, "evil.example")
			}
			r.Header.Set("Forwarded", "host=evil.example;proto=gopher;for=203.0.113.9")
			r.Header.Set("X-Forwarded-Proto", "gopher")
			r.Header.Set("X-Forwarded-Port", "666")
			r.Header.Set("X-Forwarded-Prefix", "/evil")
			return r
		}
		clean := func(what string, text string) {
			t.Helper()
			if strings.Contains(text, "evil") || strings.Contains(text, "gopher") || strings.Contains(text, ":666") {
				t.Errorf("%s: %s says %.500s", public, what, text)
			}
		}
		p := w.person()
		got := p.send(forge(w.request("GET", "/oidc/authorize?"+authorization().Encode(), nil)))
		clean("authorize", got.Header().Get("Location"))
		p.visit(got.Header().Get("Location"))
		fill := p.form("/sign-in/email")
		fill.Set("email", "ann@example.com")
		r := forge(w.request("POST", "/sign-in/email", fill))
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if got = p.send(r); got.Code != http.StatusSeeOther {
			t.Fatalf("got %d %s", got.Code, got.Body)
		}
		clean("the way to the code", got.Header().Get("Location"))
		mail, err := w.mails.Wait(t.Context(), "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		clean("the mail", mail.Link+mail.Text+mail.HTML+mail.Subject)
		if !strings.HasPrefix(mail.Link, public+"/sign-in/link?") {
			t.Errorf("the link in the mail is %s, want one at %s", mail.Link, public)
		}
		for _, path := range []string{"/oidc/.well-known/openid-configuration", "/", "/sign-in", "/signed-out", "/nothing", "/oidc/authorize?client_id=x", "/oidc/logout", "/inbox", "//evil", "/assets", "/sign-in/../sign-in", "/oidc/token", "/oidc/userinfo"} {
			got := w.do(forge(w.request("GET", path, nil)))
			text := got.Body.String()
			for name, values := range got.Header() {
				text += " " + name + ": " + strings.Join(values, " ")
			}
			if path != "//evil" { // is cleaned to a path of ours
				clean("GET "+path, text)
			}
			if to := got.Header().Get("Location"); to != "" && (strings.HasPrefix(to, "//") || strings.Contains(to, "://") && !strings.HasPrefix(to, public+"/")) {
				t.Errorf("%s: GET %s leads to %s", public, path, to)
			}
		}
		var meta map[string]any
		if err := json.Unmarshal(w.do(forge(w.request("GET", "/oidc/.well-known/openid-configuration", nil))).Body.Bytes(), &meta); err != nil || meta["issuer"] != public+"/oidc" {
			t.Errorf("got issuer %v, want %s/oidc", meta["issuer"], public)
		}
	}
}

func TestOnlyAnotherNameOfThisMachineIsSentHome(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	for host, want := range map[string]string{
		"127.0.0.1:4283": "http://localhost:4283/sign-in?flow=x", "[::1]:4283": "http://localhost:4283/sign-in?flow=x", "evil.example:4283": "", "127.0.0.1:4284": "", "127.0.0.1": "", "localhost.evil.example:4283": "",
	} {
		r := w.request("GET", "/sign-in?flow=x", nil)
		r.Host, r.URL.Host, r.URL.User = host, host, url.UserPassword("trusted.example", "x") // as in the absolute form of a request line
		if got := w.do(r).Header().Get("Location"); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
	r := w.request("POST", "/sign-in/email", url.Values{})
	r.Host = "127.0.0.1:4283"
	if got := w.do(r); got.Header().Get("Location") != "" {
		t.Errorf("a POST was sent on to %s", got.Header().Get("Location"))
	}
}

// leadsAway finds what a visitor of a page could follow to where a stranger wants them.
var leadsAway = regexp.MustCompile(`(?i)(href|src|action|content)="[^"]*(javascript:|//evil|\\evil|https:evil)`)

func TestNoParameterLeadsOffTheServer(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	signedIn := w.person()
	signedIn.signIn("ann@example.com")
	paths := []string{"/", "/sign-in", "/sign-in/code", "/sign-in/link", "/set-up", "/signed-out", "/sign-out", "/inbox", "/oidc/authorize", "/oidc/resume", "/oidc/logout", "/oidc/logout/confirm", "/sign-in/restart", "/sign-in/continue"}
	names := []string{"return_to", "next", "redirect", "redirect_to", "redirect_uri", "continue", "rd", "returnUrl", "url", "post_logout_redirect_uri", "logout_uri", "flow", "t", "lang", "state", "iss", "target_link_uri", "HomeURL", "again"}
	for _, p := range []*person{w.person(), signedIn} {
		for _, path := range paths {
			for _, name := range names {
				for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "https:evil.example", "javascript:alert(1)"} {
					for _, q := range []url.Values{{name: {to}}, {name: {to}, "client_id": {"bookstore"}, "response_type": {"code"}, "scope": {"openid"}}} {
						got := p.send(w.request("GET", path+"?"+q.Encode(), nil))
						at := got.Header().Get("Location")
						if at != "" && (!strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.HasPrefix(at, `/\`)) || leadsAway.MatchString(got.Body.String()) {
							t.Errorf("GET %s?%s leads to %q:\n%.400s", path, q.Encode(), at, got.Body)
						}
					}
				}
			}
		}
	}
}

func TestPagesOfAnyOriginRegisterWhereEverybodyMayAndReadTheirTokensAfterwards(t *testing.T) {
	const inspector = "http://localhost:6274"
	page := func(w *world, method, path, origin, body string) http.Header {
		r := httptest.NewRequest(method, w.url.String()+path, strings.NewReader(body))
		r.Header.Set("Origin", origin)
		r.Header.Set("Content-Type", "application/json")
		if method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "content-type")
		}
		return w.do(r).Header()
	}
	const body = `{"client_name":"Inspector","redirect_uris":["http://localhost:6274/oauth/callback"],"token_endpoint_auth_method":"none"}`
	for mode, want := range map[string]string{"open": "*", "token": "", "off": ""} {
		w := newWorld(t, "https://id.example", registration(mode))
		for _, method := range []string{"OPTIONS", "POST"} {
			h := page(w, method, "/oidc/register", inspector, body)
			if got := h.Get("Access-Control-Allow-Origin"); got != want || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s, %s: got %q with credentials %q, want %q without", mode, method, got, h.Get("Access-Control-Allow-Credentials"), want)
			}
			if allowed := h.Get("Access-Control-Allow-Headers"); strings.Contains(allowed, "Authorization") || strings.Contains(allowed, "*") {
				t.Errorf("%s: a page may send an initial access token: %q", mode, allowed)
			}
		}
		want := map[bool]string{true: inspector}[mode == "open"]
		if got := page(w, "OPTIONS", "/oidc/token", inspector, "").Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: the token endpoint allows %q, want %q", mode, got, want)
		}
		if got := page(w, "OPTIONS", "/oidc/token", "http://localhost:6275", "").Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: the token endpoint allows another port: %q", mode, got)
		}
	}
}
