package oidc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// page sends the request and returns what stays on our own address.
func (w *world) page(v url.Values, cookies ...*http.Cookie) (int, string) {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+v.Encode(), nil), cookies...)
	if res.Header.Get("Location") != "" {
		w.t.Fatalf("redirected to %s", res.Header.Get("Location"))
	}
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// toSignIn sends the request and returns where the browser has to sign in.
func (w *world) toSignIn(v url.Values, cookies ...*http.Cookie) *http.Response {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+v.Encode(), nil), cookies...)
	if to := res.Header.Get("Location"); res.StatusCode != 303 || !strings.HasPrefix(to, "/sign-in?flow=") {
		w.t.Fatalf("got %d to %q, want the sign-in page", res.StatusCode, to)
	}
	return res
}

// Auth.js sends neither state nor nonce; what was not sent must not come back.
func TestRequestWithoutStateAndNonce(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	got := w.authorize(request("web", without("state", "nonce")), cookie)
	if got.Has("state") || got.Get("code") == "" || got.Get("iss") != "https://id.example/oidc" {
		t.Fatalf("got %v", got)
	}
	if a := w.exchange("web", got.Get("code")); a.status != http.StatusOK {
		t.Fatalf("got %d %v", a.status, a.body)
	} else if _, payload := claims(t, a.text("id_token")); payload["nonce"] != nil {
		t.Fatalf("a nonce that was not sent: %v", payload)
	}
}

func TestStateComesBackToTheByte(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	for _, state := range []string{"x", "", "a b+c%20&=\"'<>/ü\r\nSet-Cookie: a=b", strings.Repeat("s", 4096)} {
		res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("web", set("state", state)).Encode(), nil), cookie)
		to, err := url.Parse(res.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if got := to.Query(); got.Get("state") != state || !got.Has("state") || len(res.Header.Values("Set-Cookie")) > 0 {
			t.Fatalf("state %q came back as %q", state, got.Get("state"))
		}
	}
}

func TestShortNonceIsCarriedAndDoesNotFailAtTheTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.exchange("web", w.code(cookie, "web", set("nonce", "n")))
	if _, payload := claims(t, a.text("id_token")); payload["nonce"] != "n" {
		t.Fatalf("nonce %v, want n", payload["nonce"])
	}
}

func TestIDTokenOfAnExchange(t *testing.T) {
	w := newWorld(t)
	w.addClient("es", "web", func(c *storage.Client) { c.Settings.IDTokenAlg = ES256; c.Settings.UsernameClaim = true })
	u, cookie := w.person("Ann")
	for client, alg := range map[string]string{"web": RS256, "es": ES256} {
		a := w.tokens(cookie, client)
		header, payload := claims(t, a.text("id_token"))
		keys, err := w.p.cache.keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.verify(a.text("id_token")); err != nil || header["alg"] != alg || header["kid"] == nil {
			t.Fatalf("header %v, signature %v", header, err)
		}
		for name, want := range map[string]any{"iss": "https://id.example/oidc", "sub": u.ID.String(), "aud": client, "name": "Ann", "preferred_username": "ann",
			"email": "Ann@example.com", "email_verified": true, "acr": "urn:gatelatch:1"} {
			if payload[name] != want {
				t.Errorf("%s: claim %s is %v, want %v", client, name, payload[name], want)
			}
		}
		if _, has := payload["username"]; has != (client == "es") {
			t.Errorf("%s: username %v", client, payload["username"])
		}
		if payload["rat"] != nil || payload["sid"] == nil || payload["at_hash"] == nil || payload["auth_time"] == nil {
			t.Errorf("%s: %v", client, payload)
		}
	}
}

// SECURITY.md: byte equality, no pattern, no parsing (rows 1 to 4).
func TestRedirectURIIsComparedByteForByte(t *testing.T) {
	w := newWorld(t)
	w.addClient("native", "native", func(c *storage.Client) {
		c.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]:1/cb?a=b", "com.example.app:/cb"}
	})
	w.addClient("loopweb", "web", func(c *storage.Client) {
		c.RedirectURIs = []string{"http://127.0.0.1:3000/cb", "http://localhost:3000/cb"}
	})
	_, cookie := w.person("Ann")
	for client, refused := range map[string][]string{
		"web": {"", "https://app.example/callback/", "https://app.example/callbac", "https://app.example/callback?x=1", "https://app.example/callback#f", "https://app.example//callback",
			"https://APP.example/callback", "HTTPS://app.example/callback", "https://app.example:443/callback", "http://app.example/callback", "https://user@app.example/callback",
			"https://app.example@evil.example/callback", "https://app.example.evil.example/callback", "https://app.example/x/../callback", "https://app.example/%63allback",
			"https://app.example/callback%00", "https://app.example/callback ", " https://app.example/callback", "https://app.example\\callback", "//app.example/callback", "/callback",
			"javascript:alert(1)", "data:text/html,x", "https://*.example/callback", "https://app.example/callback;x", "https://app.example/callback%2f.."},
		"native": {"http://127.0.0.1:1/cb/", "http://127.0.0.1:1/CB", "https://127.0.0.1:1/cb", "http://localhost:1/cb", "http://127.0.0.2:1/cb", "http://127.1:1/cb", "http://0x7f000001/cb",
			"http://127.0.0.1:1/cb?x", "http://user@127.0.0.1:1/cb", "http://127.0.0.1:x/cb", "http://[::1]:5/cb", "http://[::1]:5/cb?a=c", "http://[0:0:0:0:0:0:0:1]:5/cb?a=b",
			"http://[::ffff:127.0.0.1]:5/cb", "com.example.app:/cb2", "http://127.0.0.1.evil.example:1/cb", "http://127.0.0.1:1@evil.example/cb"},
		"loopweb": {"http://127.0.0.1:3001/cb", "http://localhost:3001/cb", "http://127.0.0.1/cb"},
	} {
		for _, uri := range refused {
			if status, body := w.page(request(client, set("redirect_uri", uri)), cookie); status != 400 || strings.Contains(body, "evil.example") {
				t.Errorf("%s %q: got %d %s", client, uri, status, body)
			}
		}
	}
	if status, body := w.page(request("web", without("redirect_uri")), cookie); status != 400 { // though one alone is registered
		t.Errorf("none: got %d %s", status, body)
	}
	for client, allowed := range map[string][]string{
		"web":     {callback},
		"native":  {"http://127.0.0.1:49152/cb", "http://127.0.0.1/cb", "http://[::1]:8/cb?a=b", "http://[::1]/cb?a=b", "com.example.app:/cb"},
		"loopweb": {"http://127.0.0.1:3000/cb", "http://localhost:3000/cb"},
	} {
		for _, uri := range allowed {
			if got := w.authorize(request(client, set("redirect_uri", uri)), cookie); got.Get("code") == "" {
				t.Errorf("%s %q: got %v", client, uri, got)
			}
		}
	}
}

func TestRefusedRedirectTellsTheLogAndNotTheVisitor(t *testing.T) {
	w := newWorld(t)
	_, body := w.page(request("web", set("redirect_uri", "https://elsewhere.example/cb")))
	if strings.Contains(body, "elsewhere") || strings.Contains(body, "app.example") || !strings.Contains(body, "App web") {
		t.Fatalf("the page says %s", body)
	}
	for _, want := range []string{"received=https://elsewhere.example/cb", "registered=[https://app.example/callback]", "client_id=web", "gatelatch app update web --redirect-uri"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, w.log)
		}
	}
}

func TestUnknownClientIsAPage(t *testing.T) {
	w := newWorld(t)
	w.addClient("off", "web", func(c *storage.Client) { c.Disabled = true })
	for _, id := range []string{"", "nobody", "off", "<script>", strings.Repeat("x", 5000)} {
		if status, body := w.page(request(id)); status != 400 || strings.Contains(body, "<script>") {
			t.Errorf("%.20q: got %d", id, status)
		}
	}
}

func TestRefusalsGoBackToTheClient(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	for _, test := range []struct {
		name   string
		change func(url.Values)
		want   string
	}{
		{"no response_type", without("response_type"), "invalid_request"},
		{"implicit", set("response_type", "token"), "unsupported_response_type"},
		{"hybrid", set("response_type", "code id_token"), "unsupported_response_type"},
		{"response_mode", set("response_mode", "smoke"), "invalid_request"},
		{"request object", set("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		{"request_uri", set("request_uri", "https://app.example/r"), "request_uri_not_supported"},
		{"registration", set("registration", "{}"), "registration_not_supported"},
		{"prompt unknown", set("prompt", "maybe"), "invalid_request"},
		{"prompt none and login", set("prompt", "none login"), "invalid_request"},
		{"max_age text", set("max_age", "soon"), "invalid_request"},
		{"max_age negative", set("max_age", "-1"), "invalid_request"},
		{"hint", set("id_token_hint", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."), "invalid_request"},
		{"duplicate scope", func(v url.Values) { v["scope"] = []string{"openid", "email"} }, "invalid_request"},
		{"duplicate state", func(v url.Values) { v["state"] = []string{"a", "b"} }, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.authorize(request("web", test.change), cookie)
			if got.Get("error") != test.want || got.Get("iss") == "" || got.Get("code") != "" || got.Get("error_description") == "" {
				t.Fatalf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestDuplicateClientOrRedirectIsAPage(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"client_id", "redirect_uri"} {
		v := request("web")
		v[name] = append(v[name], "https://evil.example/cb")
		if status, _ := w.page(v); status != 400 {
			t.Errorf("%s twice: got %d", name, status)
		}
	}
}

func TestPrompts(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	if got := w.authorize(request("web", set("prompt", "none"))); got.Get("error") != "login_required" || got.Get("state") != "s t/ä" {
		t.Fatalf("none without a session: %v", got)
	}
	for _, silent := range []string{"none", "consent"} {
		if got := w.authorize(request("web", set("prompt", silent)), cookie); got.Get("code") == "" {
			t.Fatalf("%s with a session: %v", silent, got)
		}
	}
	for _, asks := range []string{"login", "select_account", "create", "login consent"} {
		w.toSignIn(request("web", set("prompt", asks)), cookie)
	}
	w.toSignIn(request("web"))
}

// fosite ignores max_age=0.
func TestMaxAge(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	w.toSignIn(request("web", set("max_age", "0")), cookie)
	if got := w.authorize(request("web", set("max_age", "10")), cookie); got.Get("code") == "" {
		t.Fatalf("a fresh session: %v", got)
	}
	w.wait(12 * time.Second)
	w.toSignIn(request("web", set("max_age", "10")), cookie)
	if got := w.authorize(request("web", set("max_age", "10"), set("prompt", "none")), cookie); got.Get("error") != "login_required" {
		t.Fatalf("prompt=none with an old session: %v", got)
	}
	if got := w.authorize(request("web", set("max_age", "99999999999999")), cookie); got.Get("code") == "" {
		t.Fatalf("a huge max_age: %v", got)
	}
}

// fosite believes any JWT of ours, and only of one key.
func TestIDTokenHint(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	_, bobs := w.person("Bob")
	mine, others, foreign := w.tokens(cookie, "web").text("id_token"), w.tokens(bobs, "web").text("id_token"), w.tokens(cookie, "other").text("id_token")
	w.wait(48 * time.Hour)
	u, err := w.store.View(t.Context()).UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	cookie, _ = w.session(u)
	if got := w.authorize(request("web", set("id_token_hint", mine), set("prompt", "none")), cookie); got.Get("code") == "" {
		t.Fatalf("my own expired hint: %v", got)
	}
	if got := w.authorize(request("web", set("id_token_hint", others), set("prompt", "none")), cookie); got.Get("error") != "login_required" {
		t.Fatalf("somebody else's hint: %v", got)
	}
	w.toSignIn(request("web", set("id_token_hint", others)), cookie)
	if got := w.authorize(request("web", set("id_token_hint", foreign)), cookie); got.Get("error") != "invalid_request" {
		t.Fatalf("a hint for another client: %v", got)
	}
}

func TestUnknownScopesAndParametersArePassedOver(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.exchange("web", w.code(cookie, "web", set("scope", "openid custom_data admin email openid"), set("first_screen", "sign_in"), set("display", "page"), set("claims_locales", "se")))
	if a.text("scope") != "openid email" {
		t.Fatalf("scope %q", a.text("scope"))
	}
	if a := w.exchange("web", w.code(cookie, "web", set("scope", "email"))); a.body["id_token"] != nil {
		t.Fatal("an ID token without openid")
	}
	if a := w.exchange("web", w.code(cookie, "web", without("scope"))); a.status != http.StatusOK || a.body["id_token"] != nil {
		t.Fatalf("no scope at all: %v", a.body)
	}
}

func TestResponseModes(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("web", set("response_mode", "fragment")).Encode(), nil), cookie)
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, callback+"#") || !strings.Contains(to, "code=gl_ac_") {
		t.Fatalf("fragment: %s", to)
	}
	status, body := w.page(request("web", set("response_mode", "form_post"), set("state", `"><script>alert(1)</script>`)), cookie)
	if status != 200 || !strings.Contains(body, `action="`+callback+`"`) || !strings.Contains(body, `name="code"`) || !strings.Contains(body, `name="iss"`) || strings.Contains(body, "<script>alert") {
		t.Fatalf("form_post: %d %s", status, body)
	}
}

func TestRegisteredQueryStaysAsItIs(t *testing.T) {
	w := newWorld(t)
	w.addClient("query", "web", func(c *storage.Client) { c.RedirectURIs = []string{"https://app.example/cb?b=2&a=%7e1"} })
	_, cookie := w.person("Ann")
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("query", set("redirect_uri", "https://app.example/cb?b=2&a=%7e1")).Encode(), nil), cookie)
	if to := res.Header.Get("Location"); !strings.HasPrefix(to, "https://app.example/cb?b=2&a=%7e1&code=") {
		t.Fatalf("got %s", to)
	}
}

// A browser sends no SameSite=Lax cookie with a POST from another site: the request goes on by GET (OpenID Connect Core §3.1.2.1).
func TestAuthorizeByPost(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	r := httptest.NewRequest("POST", "/oidc/authorize", strings.NewReader(request("web").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res := w.do(r)
	if res.StatusCode != 303 {
		t.Fatalf("got %d", res.StatusCode)
	}
	next := w.do(httptest.NewRequest("GET", res.Header.Get("Location"), nil), cookie)
	if to := next.Header.Get("Location"); !strings.HasPrefix(to, callback+"?") {
		t.Fatalf("got %s", to)
	}
}

func TestFlowOfAnotherBrowserCannotBeResumed(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	res := w.toSignIn(request("web"))
	flow := strings.TrimPrefix(res.Header.Get("Location"), "/sign-in?flow=")
	if got := w.do(httptest.NewRequest("GET", "/oidc/resume?flow="+flow, nil), cookie); got.StatusCode != 400 {
		t.Fatalf("without the browser's cookie: got %d", got.StatusCode)
	}
	got := w.do(httptest.NewRequest("GET", "/oidc/resume?flow="+flow, nil), append(res.Cookies(), cookie)...)
	if to := got.Header.Get("Location"); !strings.HasPrefix(to, "/sign-in?flow=") {
		t.Fatalf("an unfinished flow: got %d to %q, want the sign-in page", got.StatusCode, to)
	}
}

// A person reloads, or goes back: the same request is answered anew, and a sign-in that was demanded is demanded again.
func TestResumeTwiceIsTheRequestAnew(t *testing.T) {
	w := newWorld(t)
	u, _ := w.person("Ann")
	for prompt, want := range map[string]string{"": callback + "?", "login": "/sign-in?flow="} {
		res := w.toSignIn(request("web", set("prompt", prompt)))
		id, err := storage.ParseID(strings.TrimPrefix(res.Header.Get("Location"), "/sign-in?flow="))
		if err != nil {
			t.Fatal(err)
		}
		cookie, s := w.session(u)
		w.write(func(tx storage.Tx) error { return tx.FinishFlow(id, s.ID, w.now().UnixMicro()) })
		resume := func() string {
			return w.do(httptest.NewRequest("GET", "/oidc/resume?flow="+id.String(), nil), append(res.Cookies(), cookie)...).Header.Get("Location")
		}
		first, second := resume(), resume()
		if !strings.HasPrefix(first, callback+"?") || !strings.HasPrefix(second, want) || first == second {
			t.Fatalf("prompt %q: first %s, then %s", prompt, first, second)
		}
	}
}
