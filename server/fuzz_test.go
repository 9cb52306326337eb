package server_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

const markup = `"'><img src=x onerror=alert(7)>`

// nasty values have broken a parser somewhere.
var nasty = []string{
	"", " ", "\x00", "a\x00b", "\r\nX-Evil: 1", "%", "%zz", "%ff%fe", "\xff\xfe", "\xf0\x28\x8c\x28", "\u202e", "\u2028", "\x1b[2J", "\u009b2J", "é\u0301", "ｅｖｉｌ", "a＠example.com", "ann@example.com",
	"'", `"`, "' OR '1'='1", "'; DROP TABLE users;--", "${jndi:x}", "{{7*7}}", markup, "../../../etc/passwd", "-1", "0", "-0", "+1", "1e309", "NaN", "0x10", "99999999999999999999999", "true", "null",
	"[]", "{}", `{"a":`, "//evil.example", `/\evil.example`, "https://evil.example/", "javascript:alert(1)", "data:text/html,x", "http://127.0.0.1:1/", "http://[::1", "https://shop.example/callback#x",
	strings.Repeat("A", 9000), strings.Repeat("💣", 400), strings.Repeat("a ", 2000), strings.Repeat("en-", 1500), strings.Repeat("x@", 200) + "example.com", "none login", "login none", "code token",
	"00000000-0000-0000-0000-000000000000", "urn:ietf:params:oauth:grant-type:jwt-bearer", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "....", "gl_ac_", "gl_rt_AAAA", "gl_at_" + strings.Repeat("A", 56), "client_credentials", "gl_ct_", "gl_ct_AAAA", "gl_ct_" + strings.Repeat("A", 60), "gl_ct_" + strings.Repeat("_", 60),
	"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	"urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:AAAA", `{"id_token":{"acr":{"values":[[]]}}}`, `{"userinfo":{"sub":{"value":{}}}}`, strings.Repeat("[", 5000), "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRwb3Arand0IiwiandrIjp7fX0.e30.AAAA",
}

var fields = []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "response_mode", "login_hint", "ui_locales",
	"id_token_hint", "acr_values", "claims", "request", "request_uri", "registration", "resource", "audience", "grant_type", "code", "code_verifier", "refresh_token", "client_secret", "client_assertion",
	"client_assertion_type", "subject_token", "subject_token_type", "actor_token", "device_code", "user_code", "dpop_jkt", "decision", "host", "token", "token_type_hint", "access_token", "post_logout_redirect_uri", "flow", "email", "device", "t", "name", "sign_up", "session", "lang", "before", "first_screen", "return_to", "credential", "able"}

// gremlin sends requests that somebody has damaged.
type gremlin struct {
	*rand.Rand
	p    *person
	good url.Values // values that are right, so that the damage is met behind the first check
	mild int        // one thing in so many is damaged
}

func (g *gremlin) damages() bool { return g.IntN(g.mild) == 0 }

func (g *gremlin) of(list []string) string { return list[g.IntN(len(list))] }

func (g *gremlin) value(name string) string {
	if v := g.good.Get(name); v != "" && !g.damages() {
		if g.damages() {
			return v[:g.IntN(len(v))] + g.of(nasty)
		}
		return v
	}
	return g.of(nasty)
}

// parameters start from what the endpoint wants and are dropped, doubled, renamed and encoded wrongly.
func (g *gremlin) parameters(wanted []string) string {
	var b strings.Builder
	names := slices.Clone(wanted)
	for g.damages() {
		names = append(names, g.of(fields))
	}
	for _, name := range names {
		switch v := g.value(name); {
		case g.damages(): // not there
			continue
		case g.damages():
			b.WriteString(name + "=" + v) // as it is
		case g.damages():
			b.WriteString(url.QueryEscape(g.of(nasty)) + "=" + url.QueryEscape(v))
		case g.damages():
			b.WriteString(name + "=" + url.QueryEscape(v) + ";")
		default:
			b.WriteString(name + "=" + url.QueryEscape(v))
		}
		b.WriteByte('&')
	}
	return strings.TrimSuffix(b.String(), "&")
}

// raw is a request as bytes.
func (g *gremlin) raw(target string, wanted []string) []byte {
	var b bytes.Buffer
	g.mild = []int{3, 10, 40}[g.IntN(3)]
	method, path, _ := strings.Cut(target, " ")
	if g.damages() {
		method = g.of([]string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "X"})
	}
	query, body := "", ""
	if method == "POST" && !g.damages() {
		body = g.parameters(wanted)
	} else {
		query = "?" + strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' {
				return '%'
			}
			return r
		}, g.parameters(wanted))
	}
	host := g.p.url.Host
	if g.damages() {
		host = g.of([]string{"evil.example", "127.0.0.1:4283", "[::1]", "localhost", ""})
	}
	fmt.Fprintf(&b, "%s %s%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, path, query, host, len(body))
	kinds := []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "x", ";"}
	if !g.damages() {
		kinds = kinds[:1]
	}
	if method == "POST" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", g.of(kinds))
	}
	for g.damages() {
		fmt.Fprintf(&b, "%s: %s\r\n", g.of([]string{"Authorization", "DPoP", "Accept", "Cookie", "Origin", "Referer", "Accept-Language", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Range",
			"If-None-Match", "Accept-Encoding", "Sec-Fetch-Site", "User-Agent", "Access-Control-Request-Method", "Access-Control-Request-Headers"}), g.header())
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

func (g *gremlin) header() string {
	v := g.of([]string{"Basic", "Basic !!!!", "Basic OjpiOg==", "Basic /w==", "Basic JTAwOiUwMA==", "Basic " + base64.StdEncoding.EncodeToString([]byte("bookstore:"+appSecret)),
		"Basic " + base64.StdEncoding.EncodeToString([]byte("bookstore:"+g.of(nasty))), "Bearer", "Bearer " + g.value("access_token"), "bearer a.b.c", "DPoP x", "DPoP " + g.value("access_token"), "application/token-introspection+jwt", "=", ";;;", "gl_session_4283=" + g.of(nasty),
		"gl_browser_4283=x; gl_browser_4283=y", "null", "https://evil.example", "https://till.example", "*", "zz-" + strings.Repeat("q", 500), strings.Repeat("de-x-", 700), "bytes=9-1", "1.2.3.4, 5.6.7.8", "cross-site", g.of(nasty)})
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return '?'
		}
		return r
	}, v)
}

func TestNoMalformedRequestIsAFaultOfTheServer(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide, registration("open"))
	w.changeApp("bookstore", func(c *storage.Client) { // every grant there is, so that the damage is met inside of them
		c.Settings.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange"}
	})
	p := w.person()
	code, mail := p.signIn("ann@example.com")
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	answer := w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &tokens); err != nil || tokens.ID == "" {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	stranger := w.person()
	stranger.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	setUp, err := url.Parse(w.setUp)
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}
	good := url.Values{"client_id": {"bookstore"}, "client_secret": {appSecret}, "redirect_uri": {appCallback}, "response_type": {"code"}, "scope": {"openid offline_access"}, "code": {code}, "grant_type": {"authorization_code"},
		"refresh_token": {tokens.Refresh}, "access_token": {tokens.Access}, "token": {tokens.Access}, "id_token_hint": {tokens.ID}, "post_logout_redirect_uri": {appGoodbye},
		"flow": {stranger.form("/sign-in/email").Get("flow")}, "email": {"ann@example.com"}, "t": {link.Query().Get("t")}, "lang": {"de"}, "response_mode": {"form_post"}, "prompt": {"login"}, "max_age": {"1"}}
	g := &gremlin{Rand: rand.New(rand.NewPCG(7, 11)), p: stranger, good: good}
	request := []string{"client_id", "redirect_uri", "response_type", "scope", "state", "prompt", "max_age", "id_token_hint", "response_mode", "ui_locales", "code_challenge", "code_challenge_method"}
	asked := 0
	targets := map[string][]string{
		"GET /oidc/authorize": request, "POST /oidc/authorize": request, "GET /oidc/resume": {"flow"}, "POST /oidc/token": {"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "refresh_token", "scope", "resource", "device_code", "subject_token", "subject_token_type", "client_assertion", "client_assertion_type"},
		"GET /oidc/userinfo": {}, "POST /oidc/userinfo": {"access_token"}, "POST /oidc/revoke": {"token", "client_id", "client_secret"}, "POST /oidc/par": append([]string{"client_secret", "request", "claims", "client_assertion", "client_assertion_type"}, request...), "POST /oidc/introspect": {"token", "client_id", "client_secret"}, "GET /oidc/register/bookstore": {}, "GET /oidc/jwks": {}, "GET /oidc/.well-known/openid-configuration": {},
		"GET /oidc/logout": {"id_token_hint", "post_logout_redirect_uri", "client_id", "state"}, "POST /oidc/logout": {"id_token_hint", "client_id"}, "POST /oidc/logout/confirm": {"session", "client_id", "post_logout_redirect_uri"},
		"POST /oidc/register": {"redirect_uris", "client_name"}, "PUT /oidc/register/" + strings.Repeat("a", 24): {"client_id"}, "POST /oidc/device_authorization": {"client_id", "scope", "client_secret"}, "GET /device": {"user_code"}, "POST /device": {"user_code"}, "GET /device/confirm": {"flow"},
		"POST /device/confirm": {"flow", "decision"}, "GET /device/done": {"connected"}, "GET /consent": {"flow", "lang"}, "POST /consent": {"flow", "decision"}, "GET /repair": {"flow", "lang"}, "POST /repair": {"flow", "session", "host"},
		"GET /sign-in": {"flow", "lang"}, "POST /sign-in/email": {"flow", "email"}, "GET /sign-in/code": {"flow", "lang"}, "POST /sign-in/code": {"flow", "code", "device"}, "POST /sign-in/resend": {"flow"},
		"POST /sign-in/restart": {"flow"}, "POST /sign-in/continue": {"flow"}, "GET /sign-in/link": {"flow", "t"}, "POST /sign-in/link": {"flow", "t"}, "GET /set-up": {"t"}, "POST /set-up": {"t", "name", "email", "sign_up"},
		"GET /account": {"done", "lang"}, "GET /account/back": {"flow"}, "POST /account/profile": {"name", "zoneinfo"}, "POST /account/devices/end": {"device"}, "POST /account/apps/remove": {"app"},
		"GET /account/activity": {"before"}, "GET /account/leaving": {"flow"}, "POST /account/keep": {"flow"}, "POST /account/delete": {"address"}, "GET /account/deleted": {}, "POST /account/addresses": {"email"}, "POST /account/addresses/primary": {"address"}, "GET /account/address": {"address", "state"}, "POST /account/address/code": {"address", "code"},
		"POST /sign-out": {}, "GET /signed-out": {"lang"}, "GET /inbox": {"before"}, "GET /inbox/x": {}, "GET /assets/core.css": {}, "GET /healthz": {}, "GET /": {},
	}
	for _, target := range slices.Sorted(maps.Keys(targets)) { // in the same order every time, as the dice fall
		g.good.Set("t", link.Query().Get("t"))
		if strings.HasSuffix(target, "/set-up") {
			g.good.Set("t", setUp.Query().Get("t"))
		}
		times := 300
		if strings.Contains(target, " /oidc/") {
			times = 1000
		}
		for range times {
			raw := g.raw(target, targets[target])
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				continue // net/http answers 400 by itself
			}
			r.RemoteAddr = g.of([]string{"192.0.2.1:5000", "127.0.0.1:5000"}) // the second may read the inbox
			if g.IntN(2) == 0 {
				for _, c := range stranger.jar.Cookies(w.url) {
					r.AddCookie(c)
				}
			}
			asked++
			if wrong := faultOf(w.do(r)); wrong != "" {
				t.Errorf("%s\n%.1500q", wrong, raw)
			}
		}
	}
	if asked < 20_000 {
		t.Errorf("only %d requests reached the server", asked)
	}
	if strings.Contains(w.log.text(), `"level":"ERROR"`) {
		t.Errorf("the log speaks of faults:\n%.3000s", w.log.text()[strings.Index(w.log.text(), `"level":"ERROR"`):])
	}
}

// faultOf says what is wrong with an answer to whatever request; "" if nothing is.
func faultOf(got *httptest.ResponseRecorder) string {
	body, kind := got.Body.String(), got.Header().Get("Content-Type")
	to := got.Header().Get("Location")
	switch {
	case got.Code >= 500:
		return fmt.Sprintf("got %d", got.Code)
	case strings.HasPrefix(kind, "application/json") && !json.Valid(got.Body.Bytes()):
		return "not JSON: " + body
	case strings.HasPrefix(kind, "text/html") && !strings.HasPrefix(body, "<!doctype html>") && to == "":
		return "not a page of ours: " + body
	case strings.Contains(body, "<img src=x"):
		return "markup from the request is in the answer"
	case got.Code == 200 && kind == "" && body != "", kind != "" && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "application/json") && kind != "application/token-introspection+jwt":
		return "an answer of kind " + kind
	case to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) && !sameAddress(to, appCallback) && !sameAddress(to, appGoodbye) && !strings.HasPrefix(to, "http://localhost:4283/"):
		return "a redirect to " + to
	}
	for name, values := range got.Header() {
		if strings.ContainsAny(name+strings.Join(values, ""), "\r\n") || strings.EqualFold(name, "X-Evil") {
			return "a header that the request has written: " + name
		}
	}
	return ""
}

// sameAddress reports whether to is the registered address, with answers behind it.
func sameAddress(to, registered string) bool {
	rest, ok := strings.CutPrefix(to, registered)
	return ok && (rest == "" || rest[0] == '?' || rest[0] == '#')
}

// The list above was written by hand; this one grows with the routes. Whoever sends the damage is signed in, as most forms of the account
// page are met only then, and has a sign-in that is half done (SECURITY row 72).
func TestNoDamagedFormIsAFaultOfTheServer(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) {
		c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword, authn.MethodPasskey, authn.MethodSocial}
	})
	ann := w.settle(false)
	p := w.atHome(ann.address)
	p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	credential, err := ann.passkey.Get(p.question())
	if err != nil {
		t.Fatal(err)
	}
	flow := p.flow()
	p.submit("/sign-in/email", "email", ann.address)
	mail, err := w.mails.Wait(t.Context(), ann.address)
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}
	g := &gremlin{Rand: rand.New(rand.NewPCG(3, 5)), p: p, good: url.Values{"flow": {flow}, "t": {link.Query().Get("t")}, "email": {ann.address}, "identifier": {ann.address}, "address": {ann.address}, "code": {not(mail.Code)}, "username": {"ann"},
		"password": {annsPassword}, "current": {annsPassword}, "credential": {credential}, "connection": {"staff"}, "way": {"totp"}, "id": {storage.NewID().String()}, "device": {storage.NewID().String()}, "name": {"Ann"}, "lang": {"de"}, "state": {"failed"}}}
	names, asked := slices.Sorted(maps.Keys(g.good)), 0
	for _, method := range []string{"GET", "POST"} {
		for _, path := range routes(t, method) {
			if slices.Contains([]string{"/sign-out", "/account/devices/end-all", "/account/delete"}, path) { // they would end it all
				continue
			}
			for range 80 {
				raw := g.raw(method+" "+path, names)
				r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
				if err != nil {
					continue // net/http answers 400 by itself
				}
				r.RemoteAddr = "192.0.2.1:5000"
				asked++
				got := p.send(r)
				if wrong := faultOf(got); wrong != "" && !strings.HasPrefix(got.Header().Get("Location"), ann.there.URL+"/authorize?") {
					t.Errorf("%s\n%.1500q", wrong, raw)
				}
			}
			if !p.signedIn() {
				t.Fatalf("%s %s: the damage has signed somebody out", method, path)
			}
		}
	}
	if asked < 5_000 {
		t.Errorf("only %d requests reached the server", asked)
	}
	if log := w.log.text(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log speaks of faults:\n%.3000s", log[strings.Index(log, `"level":"ERROR"`):])
	}
}
