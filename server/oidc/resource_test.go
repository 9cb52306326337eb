package oidc

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

const (
	orders    = "https://orders.example"
	files     = "https://files.example"
	secretAPI = "https://secret.example"
)

// newAPIs is a world with three APIs, of which the client "shop" may ask for two.
func newAPIs(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.addResource(orders, "orders:read", "orders:write")
	w.addResource(files, "files:read", "orders:read")
	w.addResource(secretAPI, "secret:read")
	w.addClient("shop", "web", func(c *storage.Client) { c.Settings.Resources = []string{orders, files} })
	return w
}

func (w *world) addResource(id string, scopes ...string) {
	w.t.Helper()
	r := storage.Resource{ID: id, Name: "API " + id, Source: "api", Created: 1, Updated: 1}
	for _, s := range scopes {
		r.Scopes = append(r.Scopes, storage.ResourceScope{Name: s})
	}
	w.write(func(tx storage.Tx) error { return tx.InsertResource(r) })
}

func (w *world) changeResource(id string, change func(*storage.Resource)) {
	w.t.Helper()
	w.write(func(tx storage.Tx) error {
		r, err := tx.Resource(id)
		if err != nil {
			return err
		}
		change(&r)
		return tx.UpdateResource(r)
	})
}

func (w *world) changeClient(id string, change func(*storage.Client)) {
	w.t.Helper()
	w.write(func(tx storage.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return err
		}
		change(&c)
		return tx.UpdateClient(c)
	})
}

func add(name string, values ...string) func(url.Values) {
	return func(v url.Values) { v[name] = append(v[name], values...) }
}

const allScopes = "openid profile offline_access orders:read orders:write files:read"

// shop signs somebody in to the client with both of its APIs.
func (w *world) shop(cookie *http.Cookie, change ...func(url.Values)) answer {
	w.t.Helper()
	code := w.code(cookie, "shop", append([]func(url.Values){set("scope", allScopes), add("resource", orders, files)}, change...)...)
	return w.exchange("shop", code)
}

// RFC 9068 §2.
func TestAccessTokenForAnAPIIsAJWT(t *testing.T) {
	w := newAPIs(t)
	u, cookie := w.person("Ann")
	code := w.code(cookie, "shop", set("scope", allScopes), add("resource", orders, files))
	a := w.exchange("shop", code, set("resource", orders))
	if a.status != http.StatusOK || a.text("scope") != "orders:read orders:write" || !near(a.body["expires_in"], 900) || a.text("refresh_token") == "" || a.text("id_token") == "" {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	header, payload := claims(t, a.text("access_token"))
	if header["typ"] != "at+jwt" || header["kid"] == nil || !(&relyingParty{w: w}).verify(a.text("access_token")) {
		t.Fatalf("header %v", header)
	}
	for name, want := range map[string]any{"iss": "https://id.example/oidc", "sub": u.ID.String(), "aud": orders, "client_id": "shop", "scope": "orders:read orders:write", "acr": "urn:gatelatch:1"} {
		if payload[name] != want {
			t.Errorf("%s is %v, want %v", name, payload[name], want)
		}
	}
	if !near(payload["exp"].(float64)-payload["iat"].(float64), 900) || payload["jti"] == nil || payload["auth_time"] == nil || payload["gid"] == nil {
		t.Errorf("got %v", payload)
	}
	if idHeader, id := claims(t, a.text("id_token")); idHeader["typ"] != "JWT" || id["at_hash"] != leftHalf(RS256, a.text("access_token")) || id["name"] != "Ann" {
		t.Errorf("ID token beside it: %v", id)
	}
}

// RFC 8707 §2.2: each request gets a token for one of the granted APIs, or for us.
func TestEachRefreshPicksOneOfTheGrantedAPIs(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	refresh := w.shop(cookie).text("refresh_token")
	for _, step := range []struct{ resource, scope, want string }{
		{orders, "", "orders:read orders:write"}, {files, "", "orders:read files:read"}, {orders, "orders:read", "orders:read"}, {files, "profile", ""},
		{"", "", allScopes}, {orders, "", "orders:read orders:write"},
	} {
		change := []func(url.Values){}
		if step.resource != "" {
			change = append(change, set("resource", step.resource))
		}
		if step.scope != "" {
			change = append(change, set("scope", step.scope))
		}
		a := w.refresh("shop", refresh, change...)
		if a.status != http.StatusOK {
			t.Fatalf("%+v: got %d %v", step, a.status, a.body)
		}
		refresh = a.text("refresh_token")
		got, want := strings.Fields(a.text("scope")), strings.Fields(step.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: got scope %v", step, got)
		}
		token, err := w.p.accessToken(t.Context(), a.text("access_token"))
		if err != nil || (token.resource == nil) != (step.resource == "") || token.resource != nil && token.resource.ID != step.resource {
			t.Fatalf("%+v: got %+v, %v", step, token, err)
		}
	}
}

// Scope and audience never grow (RFC 8707 §2, RFC 6749 §6).
func TestAudienceAndScopeNeverGrow(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	for _, bad := range []string{secretAPI, "https://nowhere.example", "orders", orders + "#x", orders + "/", ""} {
		got := w.authorize(request("shop", set("scope", allScopes), set("resource", bad)), cookie)
		if got.Get("error") != "invalid_target" || got.Get("state") == "" {
			t.Errorf("authorize for %q: got %v", bad, got)
		}
	}
	// Granted one of the two.
	code := w.code(cookie, "shop", set("scope", allScopes+" secret:read"), set("resource", orders))
	a := w.exchange("shop", code)
	if a.text("scope") != "openid profile offline_access orders:read orders:write" {
		t.Fatalf("scopes of an API that was not asked for: got %v", a.text("scope"))
	}
	for _, bad := range []string{files, secretAPI, "", orders + "/"} {
		w.refresh("shop", a.text("refresh_token"), set("resource", bad)).want(t, 400, "invalid_target")
	}
	w.refresh("shop", a.text("refresh_token"), add("resource", orders, files)).want(t, 400, "invalid_target")
	w.refresh("shop", a.text("refresh_token"), add("resource", orders, orders)).want(t, 400, "invalid_target")
	w.refresh("shop", a.text("refresh_token"), set("resource", orders), set("scope", "files:read")).want(t, 400, "invalid_scope")
	w.exchange("shop", w.code(cookie, "shop", set("resource", orders)), set("resource", files)).want(t, 400, "invalid_target")
	// A client without APIs gets none, and no scope of one.
	if got := w.authorize(request("web", set("resource", orders)), cookie); got.Get("error") != "invalid_target" {
		t.Fatalf("a client without APIs: got %v", got)
	}
	if a := w.exchange("web", w.code(cookie, "web", set("scope", "openid orders:read"))); a.text("scope") != "openid" {
		t.Fatalf("got scope %q", a.text("scope"))
	}
	if got := w.refresh("shop", a.text("refresh_token"), set("resource", orders)); got.status != http.StatusOK {
		t.Fatalf("after all that the grant is as it was: got %d %v", got.status, got.body)
	}
}

func TestWhatAnAdminTakesBackIsGoneAtTheNextRefresh(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	refresh := func(token string, change ...func(url.Values)) answer {
		t.Helper()
		return w.refresh("shop", token, change...)
	}
	a := w.shop(cookie)
	w.changeResource(orders, func(r *storage.Resource) { r.Scopes = r.Scopes[:1] })
	if got := refresh(a.text("refresh_token"), set("resource", orders)); got.text("scope") != "orders:read" {
		t.Fatalf("a scope the API has no more: got %v", got.body)
	}
	w.changeClient("shop", func(c *storage.Client) { c.Settings.Resources = []string{files} })
	refresh(a.text("refresh_token"), set("resource", orders)).want(t, 400, "invalid_target")
	a = refresh(a.text("refresh_token"), set("resource", files))
	if a.status != http.StatusOK {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	w.write(func(tx storage.Tx) error { return tx.DeleteResource(files) })
	if _, err := w.p.accessToken(t.Context(), a.text("access_token")); !errors.Is(err, errToken) {
		t.Fatalf("a token for an API that is gone: %v", err)
	}
	if got := refresh(a.text("refresh_token")); got.status != http.StatusOK || got.text("scope") != "openid profile offline_access" {
		t.Fatalf("without its APIs the grant goes on: got %d %v", got.status, got.body)
	}
}

// RFC 9068 §4: a token that is meant for somebody else opens nothing here.
func TestUserinfoRefusesTokensOfAPIs(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	a := w.shop(cookie)
	if got := w.userinfo(a.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("the token for us: got %d", got.status)
	}
	for _, opaque := range []bool{false, true} {
		w.changeResource(orders, func(r *storage.Resource) { r.Settings.Opaque = opaque })
		a = w.refresh("shop", a.text("refresh_token"), set("resource", orders))
		if strings.HasPrefix(a.text("access_token"), "gl_at_") != opaque {
			t.Fatalf("opaque %v: got %q", opaque, a.text("access_token"))
		}
		w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
	}
}

func TestClientCanHaveJWTAccessTokensForUsToo(t *testing.T) {
	w := newWorld(t)
	w.addClient("jwt", "web", func(c *storage.Client) { c.Settings.JWTAccess = true; c.Settings.IDTokenAlg = ES256 })
	u, cookie := w.person("Ann")
	a := w.tokens(cookie, "jwt")
	header, payload := claims(t, a.text("access_token"))
	if header["alg"] != ES256 || header["typ"] != "at+jwt" || payload["aud"] != w.p.Issuer() || payload["scope"] != "openid profile email offline_access" || !near(a.body["expires_in"], 900) {
		t.Fatalf("got %v %v", header, payload)
	}
	if got := w.userinfo(a.text("access_token")); got.text("sub") != u.ID.String() {
		t.Fatalf("userinfo: got %d %v", got.status, got.body)
	}
	w.userinfo(a.text("id_token")).want(t, 401, "invalid_token") // signed by the same key, and something else
	w.wait(15 * time.Minute)
	w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
}

// One function decides whether a token is alive; a JWT is no exception (CVE-2026-8922, CVE-2026-9097).
func TestJWTAccessTokenEndsWithEverythingItStandsOn(t *testing.T) {
	for name, end := range map[string]func(w *world, u storage.User, a answer){
		"revoked by its own name": func(w *world, _ storage.User, a answer) {
			w.post("/oidc/revoke", "jwt", url.Values{"token": {a.text("access_token")}}).want(w.t, 200, "")
			w.refresh("jwt", a.text("refresh_token")).want(w.t, 400, "invalid_grant")
		},
		"revoked by the refresh token": func(w *world, _ storage.User, a answer) {
			w.post("/oidc/revoke", "jwt", url.Values{"token": {a.text("refresh_token")}}).want(w.t, 200, "")
		},
		"the person is disabled": func(w *world, u storage.User, _ answer) {
			u.Status = "disabled"
			w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
		},
		"the client is deleted": func(w *world, _ storage.User, _ answer) {
			w.write(func(tx storage.Tx) error { return tx.DeleteClient("jwt") })
		},
		"another client came under its id": func(w *world, _ storage.User, _ answer) {
			w.write(func(tx storage.Tx) error { return tx.DeleteClient("jwt") })
			w.wait(2 * time.Second)
			w.addClient("jwt", "web", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.addClient("jwt", "web", func(c *storage.Client) { c.Settings.JWTAccess = true })
			u, cookie := w.person("Ann")
			a := w.tokens(cookie, "jwt")
			if got := w.userinfo(a.text("access_token")); got.status != http.StatusOK {
				t.Fatalf("before: got %d", got.status)
			}
			end(w, u, a)
			w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
		})
	}
}

func TestRevocationOfAJWTByAnotherClientDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.addClient("jwt", "web", func(c *storage.Client) { c.Settings.JWTAccess = true })
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "jwt")
	w.post("/oidc/revoke", "web", url.Values{"token": {a.text("access_token")}}).want(t, 200, "")
	if got := w.userinfo(a.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("got %d", got.status)
	}
}

func TestMachineGetsTokensForItsAPIs(t *testing.T) {
	w := newAPIs(t)
	w.addMachine("robot", "orders:read", "files:read", "own")
	w.changeClient("robot", func(c *storage.Client) { c.Settings.Resources = []string{orders} })
	a := w.machine("robot", set("resource", orders))
	header, payload := claims(t, a.text("access_token"))
	if header["typ"] != "at+jwt" || payload["aud"] != orders || payload["sub"] != "robot" || payload["client_id"] != "robot" || payload["scope"] != "orders:read" || payload["gid"] != nil || a.text("scope") != "orders:read" {
		t.Fatalf("got %v %v", header, payload)
	}
	w.machine("robot", set("resource", files)).want(t, 400, "invalid_target")
	w.machine("robot", add("resource", orders, orders)).want(t, 400, "invalid_target")
	w.machine("robot", set("resource", orders), set("scope", "orders:write")).want(t, 400, "invalid_scope")
	if _, err := w.p.accessToken(t.Context(), a.text("access_token")); err != nil {
		t.Fatal(err)
	}
	w.post("/oidc/revoke", "shop", url.Values{"token": {a.text("access_token")}}).want(t, 200, "")
	if _, err := w.p.accessToken(t.Context(), a.text("access_token")); err != nil {
		t.Fatalf("another client ended it: %v", err)
	}
	w.post("/oidc/revoke", "robot", url.Values{"token": {a.text("access_token")}}).want(t, 200, "")
	if _, err := w.p.accessToken(t.Context(), a.text("access_token")); !errors.Is(err, errToken) {
		t.Fatalf("revoked: got %v", err)
	}
	w.changeResource(orders, func(r *storage.Resource) { r.Settings.Opaque = true })
	opaque := w.machine("robot", set("resource", orders)).text("access_token")
	if got, err := w.p.accessToken(t.Context(), opaque); err != nil || !strings.HasPrefix(opaque, "gl_ct_") || got.resource == nil || got.resource.ID != orders {
		t.Fatalf("opaque: got %q %+v %v", opaque, got, err)
	}
}

// A grant without openid has nothing to get from us: its one API is what its tokens are for.
func TestOnlyAPIOfAGrantIsTheDefault(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	a := w.exchange("shop", w.code(cookie, "shop", set("scope", "orders:read"), set("resource", orders)))
	if _, payload := claims(t, a.text("access_token")); payload["aud"] != orders || a.body["id_token"] != nil {
		t.Fatalf("got %v", payload)
	}
}

// A scope that a person allowed at one API says nothing about another that has one of the same name.
func TestConsentIsForAScopeAtAnAPI(t *testing.T) {
	w := newAPIs(t)
	w.changeClient("shop", func(c *storage.Client) { c.Settings.ThirdParty = true })
	u, cookie := w.person("Ann")
	asks := func(change ...func(url.Values)) bool {
		t.Helper()
		got := w.authorize(request("shop", append(change, set("prompt", "none"))...), cookie)
		return got.Get("error") == "consent_required"
	}
	a := &authorizeRequest{scopes: []string{"openid", "orders:read"}, resources: []storage.Resource{mustResource(w, orders)}}
	w.write(func(tx storage.Tx) error {
		return tx.PutConsent(storage.Consent{UserID: u.ID, ClientID: "shop", Scopes: a.permissions(), Created: 1, Updated: 1})
	})
	if asks(set("scope", "openid orders:read"), set("resource", orders)) {
		t.Fatal("asked about what was allowed")
	}
	for name, change := range map[string][]func(url.Values){
		"the scope at another API": {set("scope", "openid orders:read"), set("resource", files)},
		"another API":              {set("scope", "openid"), set("resource", files)},
		"another scope":            {set("scope", "openid orders:write"), set("resource", orders)},
	} {
		if !asks(change...) {
			t.Errorf("%s was not asked about", name)
		}
	}
}

// near compares seconds: one may pass between two looks at the clock.
func near(got any, want float64) bool {
	n, ok := got.(float64)
	return ok && n >= want-2 && n <= want+1
}

func mustResource(w *world, id string) storage.Resource {
	w.t.Helper()
	r, err := w.store.View(w.t.Context()).Resource(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// The way by the sign-in pages keeps every API of the request.
func TestAPIsSurviveTheWayOverTheSignInPages(t *testing.T) {
	w := newAPIs(t)
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("shop", set("scope", allScopes), add("resource", orders, files)).Encode(), nil))
	to, _ := url.Parse(res.Header.Get("Location"))
	id, err := storage.ParseID(to.Query().Get("flow"))
	if err != nil {
		t.Fatalf("sent to %s", to)
	}
	flow, err := w.store.View(t.Context()).Flow(id, w.p.micros())
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := url.ParseQuery(flow.Request)
	if !slices.Equal(kept["resource"], []string{orders, files}) {
		t.Fatalf("kept %v", kept["resource"])
	}
}
