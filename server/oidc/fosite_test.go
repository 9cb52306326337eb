package oidc

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// What fosite 0.49 gets wrong, where no other file here has the test: each says what a stock fosite does.

// Fosite passes over keys without use, and many clients publish such keys.
func TestKeysOfAClientNeedNeitherUseNorAlg(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		w := newWorld(t)
		s := newSigner(alg, "k1")
		public := s.jwk()
		delete(public, "use")
		delete(public, "alg")
		set, err := json.Marshal(map[string]any{"keys": []any{public}})
		if err != nil {
			t.Fatal(err)
		}
		w.addKeyClient(t, "bare", s, func(c *storage.Client) { c.Settings.JWKS = set })
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion("bare"), nil))(form)
		if a := w.post("/oidc/token", "", form); a.text("error") != "invalid_grant" {
			t.Errorf("%s: got %d %v, want the assertion accepted and the token refused", alg, a.status, a.body)
		}
	}
}

// At fosite's introspection no client proves itself by a key, and anybody's access token in the address opens it.
func TestIntrospectionTakesKeysAndNoTokenInTheAddress(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	_, cookie := w.person("Ann")
	own := w.exchange("", w.code(cookie, "signed"), asserting(s.sign(w.assertion("signed"), nil))).text("access_token")
	form := url.Values{"token": {own}}
	asserting(s.sign(w.assertion("signed"), nil))(form)
	if a := w.post("/oidc/introspect", "", form); !a.active() || a.text("client_id") != "signed" {
		t.Errorf("a client with a key: got %d %v, want its token active", a.status, a.body)
	}
	w.post("/oidc/introspect?access_token="+own, "", url.Values{"token": {own}}).want(t, 401, "invalid_client")
}

// In fosite a JWT access token keeps the iat of the first sign-in for ever, and may have an empty audience.
func TestJWTAccessTokenOfARefreshIsOfNow(t *testing.T) {
	w := newWorld(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.JWTAccess = true })
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web")
	w.wait(20 * time.Minute)
	_, payload := claims(t, w.mustRefresh(first.text("refresh_token")).text("access_token"))
	now := float64(w.now().Unix())
	if iat, exp := payload["iat"], payload["exp"]; !near(iat, now) || !near(exp, now+900) {
		t.Errorf("iat %v and exp %v, want %v and 15 minutes later", iat, exp, now)
	}
	if nbf, has := payload["nbf"]; has && !near(nbf, now) {
		t.Errorf("nbf %v is not of now, %v", nbf, now)
	}
	if payload["aud"] != w.p.Issuer() || payload["client_id"] != "web" {
		t.Errorf("aud %v, client_id %v, want the issuer and web", payload["aud"], payload["client_id"])
	}
}

// Fosite takes any JWT of ours with a sub for an ID token (RFC 8725 §2.8).
func TestOnlyIDTokensAreHints(t *testing.T) {
	w := newServed(t)
	w.changeClient("web", func(c *storage.Client) {
		c.Settings.JWTAccess, c.Settings.UserinfoAlg, c.Settings.IntrospectionAlg = true, RS256, RS256
	})
	u, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	body := func(r *http.Request) string {
		t.Helper()
		text, err := io.ReadAll(w.do(r).Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	about := httptest.NewRequest("GET", "/oidc/userinfo", nil)
	about.Header.Set("Authorization", "Bearer "+a.text("access_token"))
	asked := httptest.NewRequest("POST", "/oidc/introspect", strings.NewReader(url.Values{"token": {a.text("access_token")}}.Encode()))
	asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked.Header.Set("Accept", introspectionType)
	asked.SetBasicAuth("web", testSecret)
	c, err := w.p.cache.client(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	farewell, err := w.p.logoutToken(t.Context(), c, authn.Farewell{ClientID: "web", Subject: u.ID.String(), Session: storage.NewID().String()})
	if err != nil {
		t.Fatal(err)
	}
	rp := &relyingParty{w: w}
	for name, token := range map[string]string{"an access token": a.text("access_token"), "userinfo": body(about), "an introspection answer": body(asked), "a logout token": farewell} {
		if !rp.verify(token) {
			t.Fatalf("%s is not signed by us: %q", name, token)
		}
		if got := w.authorize(request("web", set("prompt", "none"), set("id_token_hint", token)), cookie); got.Get("error") != "invalid_request" {
			t.Errorf("%s as a hint at authorize: got %v, want invalid_request", name, got)
		}
		res := w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://app.example"}}.Encode(), nil), cookie)
		if res.StatusCode != 400 || res.Header.Get("Location") != "" {
			t.Errorf("%s as a hint at sign-out: got %d to %q, want a page", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if got := w.authorize(request("web", set("prompt", "none"), set("id_token_hint", a.text("id_token"))), cookie); got.Get("code") == "" {
		t.Fatalf("the ID token: got %v, want a code", got)
	}
}

// Fosite ignores a request object that comes without the scope openid, and takes what stands beside it.
func TestASignedRequestCountsWithoutOpenIDToo(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	_, cookie := w.person("Ann")
	v := withObject("signed", s.sign(w.object("signed", claim("scope", "email")), nil))
	v.Set("scope", "email profile")
	v.Set("state", "outer")
	got := w.authorize(v, cookie)
	if got.Get("state") != "s t/ä" || got.Get("code") == "" {
		t.Fatalf("got %v, want a code with the state inside", got)
	}
	if a := w.exchange("", got.Get("code"), asserting(s.sign(w.assertion("signed"), nil))); a.text("scope") != "email" {
		t.Fatalf("got %v, want the scope inside", a.body)
	}
}

// Fosite compares seconds with nanoseconds, and calls a sign-in too old that was made for this very request.
func TestASignInThatWasDemandedIsFreshEnoughAtOnce(t *testing.T) {
	for name, change := range map[string]func(url.Values){"prompt=login": set("prompt", "login"), "max_age=0": set("max_age", "0"), "max_age=1": set("max_age", "1")} {
		w := newWorld(t)
		u, old := w.person("Ann")
		w.wait(2 * time.Second)
		res := w.toSignIn(request("web", change), old)
		cookie, resume := w.finish(u, res)
		if _, to := w.location(resume, append(res.Cookies(), cookie)...); !to.Query().Has("code") {
			t.Errorf("%s, freshly signed in: got %s, want a code", name, to)
		}
	}
}

// Fosite's redirect carries the scope, and its expires_in is a second short.
func TestARedirectHoldsCodeStateAndIssuerAndNothingElse(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	got := w.authorize(request("web"), cookie)
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"code", "iss", "state"}) {
		t.Fatalf("got %v, want code, iss and state", names)
	}
	// What is left of the hour when the answer is written: a busy machine takes its time.
	if left, _ := w.exchange("web", got.Get("code")).body["expires_in"].(float64); left > 3600 || left < 3540 {
		t.Fatalf("expires_in is %v, want an hour", left)
	}
}

// Fosite's audiences match by their beginning, and its scopes by wildcards.
func TestAudiencesAndScopesAreComparedWhole(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	for _, near := range []string{orders + "/", orders + "/v1", orders + "?x", "https://ORDERS.example", "https://orders.example:443", "https://orders.exampl", "https://orders.example.evil.example", "https://*.example", "*"} {
		if got := w.authorize(request("shop", set("scope", allScopes), set("resource", near)), cookie); got.Get("error") != "invalid_target" || got.Get("code") != "" {
			t.Errorf("resource %q: got %v, want invalid_target", near, got)
		}
	}
	code := w.code(cookie, "shop", set("scope", "openid orders:* orders orders.read orders:read:all ORDERS:READ *"), set("resource", orders))
	if a := w.exchange("shop", code); a.text("scope") != "openid" {
		t.Errorf("got scope %q, want openid alone", a.text("scope"))
	}
	w.addMachine("robot", "reports:read")
	for _, near := range []string{"reports:*", "reports", "reports:read:all", "*", "Reports:read"} {
		w.machine("robot", set("scope", near)).want(t, 400, "invalid_scope")
	}
}

// With fosite's jwt-bearer a request without any client gets as far as the assertion.
func TestGrantsThatAreNotOfferedAreUnsupported(t *testing.T) {
	w := newWorld(t)
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:openid:params:grant-type:ciba", "Authorization_code", "authorization_code "} {
		form := url.Values{"grant_type": {grant}, "assertion": {"eyJhbGciOiJub25lIn0.e30."}, "username": {"ann"}, "password": {"x"}}
		w.post("/oidc/token", "web", form).want(t, 400, "unsupported_grant_type")
		if a := w.post("/oidc/token", "", form); a.status == http.StatusOK || a.body["access_token"] != nil {
			t.Errorf("%q without a client: got %d %v", grant, a.status, a.body)
		}
	}
}

// Sessions that share memory carry nonce, audience and hash of one ID token into the next.
func TestEveryIDTokenOfAGrantIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	_, first := claims(t, a.text("id_token"))
	for round := range 3 {
		w.wait(7 * time.Minute)
		a = w.mustRefresh(a.text("refresh_token"))
		_, payload := claims(t, a.text("id_token"))
		for name, want := range map[string]any{"sub": u.ID.String(), "aud": "web", "auth_time": first["auth_time"], "sid": first["sid"], "at_hash": leftHalf(RS256, a.text("access_token")), "nonce": nil, "rat": nil} {
			if payload[name] != want {
				t.Errorf("refresh %d: %s is %v, want %v", round, name, payload[name], want)
			}
		}
		if now := float64(w.now().Unix()); !near(payload["iat"], now) || !near(payload["exp"], now+3600) {
			t.Errorf("refresh %d: iat %v, exp %v, now %v", round, payload["iat"], payload["exp"], now)
		}
	}
}

// Stores behind fosite keep codes in clear (they are handed the whole code), and secrets with pushed requests.
// Whoever reads the database must not be able to use what is in it.
func TestDatabaseHoldsNoCodeAndNoTokenInClear(t *testing.T) {
	w := newWorld(t)
	w.addClient("tv", "native", devices)
	_, cookie := w.person("Ann")
	uri := w.pushed("web")
	unused := w.code(cookie, "web")
	code := w.code(cookie, "web")
	a := w.exchange("web", code)
	b := w.mustRefresh(a.text("refresh_token"))
	device, _ := w.asks("tv")
	secrets := map[string]string{"client secret": testSecret, "request_uri": strings.TrimPrefix(uri, requestURIPrefix), "code": code, "unused code": unused, "device code": device, "access token": a.text("access_token"),
		"refresh token": a.text("refresh_token"), "second refresh token": b.text("refresh_token"), "ID token": a.text("id_token"), "session": cookie.Value}
	files, rows := 0, false
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rows = rows || strings.Contains(string(content), "ann@example.com")
		for name, value := range secrets {
			// Without its prefix, too: a row may keep only what is random in it.
			for _, part := range []string{value, value[strings.LastIndex(value[:min(len(value), 6)], "_")+1:]} {
				if len(part) < 16 || strings.Contains(string(content), part) {
					t.Errorf("%s holds the %s: %q", filepath.Base(path), name, part)
				}
			}
		}
		return nil
	})
	if err != nil || !rows {
		t.Fatalf("%d files, of which none has the rows: %v", files, err)
	}
}
