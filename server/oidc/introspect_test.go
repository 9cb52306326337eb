package oidc

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

func (w *world) introspect(client, token string) answer {
	w.t.Helper()
	return w.post("/oidc/introspect", client, url.Values{"token": {token}})
}

func (a answer) active() bool { yes, _ := a.body["active"].(bool); return yes }

// nothing demands the answer about a token that does not exist (RFC 7662 §2.2).
func (a answer) nothing(t testing.TB) {
	t.Helper()
	if a.status != http.StatusOK || a.active() || len(a.body) != 1 {
		t.Fatalf("got %d %v, want only active: false", a.status, a.body)
	}
}

// newServed is a world whose API "orders" has a server of its own.
func newServed(t testing.TB) *world {
	w := newAPIs(t)
	w.addMachine("orders-api")
	w.addMachine("files-api")
	w.changeResource(orders, func(r *storage.Resource) { r.Servers = []string{"orders-api"} })
	w.changeResource(files, func(r *storage.Resource) { r.Servers = []string{"files-api"} })
	return w
}

func TestIntrospectionTellsTheClientAndTheServerOfTheAPI(t *testing.T) {
	for _, opaque := range []bool{false, true} {
		w := newServed(t)
		w.changeResource(orders, func(r *storage.Resource) { r.Settings.Opaque = opaque })
		u, cookie := w.person("Ann")
		code := w.code(cookie, "shop", set("scope", allScopes), add("resource", orders, files))
		token := w.exchange("shop", code, set("resource", orders)).text("access_token")
		for _, caller := range []string{"shop", "orders-api"} {
			a := w.introspect(caller, token)
			for name, want := range map[string]any{"active": true, "iss": w.p.Issuer(), "sub": u.ID.String(), "aud": orders, "client_id": "shop", "token_type": "Bearer",
				"scope": "orders:read orders:write", "acr": "urn:gatelatch:1"} {
				if a.body[name] != want {
					t.Errorf("opaque %v, %s: %s is %v, want %v", opaque, caller, name, a.body[name], want)
				}
			}
			if exp, iat := a.body["exp"].(float64), a.body["iat"].(float64); !near(exp-iat, 900) || (a.body["jti"] == nil) != opaque || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %v %v", a.body, a.header)
			}
		}
		for _, stranger := range []string{"web", "files-api"} {
			w.introspect(stranger, token).nothing(t)
		}
	}
}

func TestIntrospectionOfTokensForUsAndOfRefreshTokensIsTheClientsOwn(t *testing.T) {
	w := newServed(t)
	u, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	access, refresh := w.introspect("web", a.text("access_token")), w.introspect("web", a.text("refresh_token"))
	if !access.active() || access.text("aud") != w.p.Issuer() || access.text("sub") != u.ID.String() || !near(access.body["exp"].(float64)-access.body["iat"].(float64), 3600) {
		t.Fatalf("access token: %v", access.body)
	}
	if life := time.Unix(int64(refresh.body["exp"].(float64)), 0).Sub(w.now()); !refresh.active() || life < 29*day || life > 30*day || refresh.body["token_type"] != nil {
		t.Fatalf("refresh token: %v", refresh.body) // its own end, not the access token's
	}
	w.introspect("web", a.text("id_token")).nothing(t)
	for _, token := range []string{a.text("access_token"), a.text("refresh_token"), "gl_rt_", "gl_at_", "gl_ct_", "a.b.c", "x"} {
		w.introspect("shop", token).nothing(t)
	}
	w.addMachine("robot", "a")
	if own := w.introspect("robot", w.machine("robot").text("access_token")); !own.active() || own.text("sub") != "robot" || own.text("client_id") != "robot" {
		t.Fatalf("machine token: %v", own.body)
	}
}

func TestIntrospectionIsForClientsThatProveThemselves(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("access_token")
	w.post("/oidc/introspect", "", url.Values{"token": {token}}).want(t, 401, "invalid_client")
	w.post("/oidc/introspect", "", url.Values{"token": {token}, "client_id": {"spa"}}).want(t, 401, "invalid_client")
	w.post("/oidc/introspect", "", url.Values{"token": {token}, "client_id": {"web"}}).want(t, 401, "invalid_client")
	r := httptest.NewRequest("POST", "/oidc/introspect", strings.NewReader("token="+token))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+token) // a person's own token opens nothing here
	w.answer(w.do(r)).want(t, 401, "invalid_client")
	w.post("/oidc/introspect", "web", url.Values{}).want(t, 400, "invalid_request")
	w.post("/oidc/introspect", "web", url.Values{"token": {token, token}}).want(t, 400, "invalid_request")
}

func TestIntrospectionKnowsEveryEndOfATokenAtOnce(t *testing.T) {
	for name, end := range map[string]func(w *world, u storage.User, a answer){
		"time": func(w *world, _ storage.User, _ answer) { w.wait(366 * day) },
		"revocation": func(w *world, _ storage.User, a answer) {
			w.post("/oidc/revoke", "web", url.Values{"token": {a.text("refresh_token")}})
		},
		"a person who is locked": func(w *world, u storage.User, _ answer) {
			u.Status = "disabled"
			w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u, cookie := w.person("Ann")
			a := w.tokens(cookie, "web")
			end(w, u, a)
			w.introspect("web", a.text("access_token")).nothing(t)
			w.introspect("web", a.text("refresh_token")).nothing(t)
		})
	}
	w := newWorld(t)
	_, cookie := w.person("Ann")
	old := w.tokens(cookie, "web").text("refresh_token")
	w.mustRefresh(old)
	w.wait(time.Minute)
	w.introspect("web", old).nothing(t) // superseded for longer than the grace
}

// RFC 9701.
func TestIntrospectionAnswerCanBeSigned(t *testing.T) {
	w := newServed(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.IntrospectionAlg = ES256 })
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("access_token")
	ask := func(client, token string) (string, map[string]any) {
		t.Helper()
		r := httptest.NewRequest("POST", "/oidc/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/token-introspection+jwt")
		r.SetBasicAuth(client, testSecret)
		res := w.do(r)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/token-introspection+jwt" || !(&relyingParty{w: w}).verify(string(body)) {
			t.Fatalf("got %d %v %s", res.StatusCode, res.Header, body)
		}
		header, payload := claims(t, string(body))
		if header["typ"] != "token-introspection+jwt" || payload["iss"] != w.p.Issuer() || payload["aud"] != client || payload["iat"] == nil || payload["sub"] != nil || payload["exp"] != nil {
			t.Fatalf("got %v %v", header, payload)
		}
		return header["alg"].(string), payload["token_introspection"].(map[string]any)
	}
	if alg, got := ask("web", token); alg != ES256 || got["active"] != true || got["client_id"] != "web" {
		t.Fatalf("got %s %v", alg, got)
	}
	if alg, got := ask("shop", token); alg != RS256 || got["active"] != false || len(got) != 1 {
		t.Fatalf("a stranger got %s %v", alg, got)
	}
	// An answer about a token is no token.
	r := httptest.NewRequest("POST", "/oidc/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/token-introspection+jwt")
	r.SetBasicAuth("web", testSecret)
	body, _ := io.ReadAll(w.do(r).Body)
	w.userinfo(string(body)).want(t, 401, "invalid_token")
	w.introspect("web", string(body)).nothing(t)
}

func TestDiscoveryTellsOfIntrospection(t *testing.T) {
	w := newWorld(t)
	var doc map[string]any
	if err := json.NewDecoder(w.do(httptest.NewRequest("GET", "/oidc/.well-known/openid-configuration", nil)).Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc["introspection_endpoint"] != w.p.Issuer()+"/introspect" || strings.Contains(strings.Join(texts(doc["introspection_endpoint_auth_methods_supported"]), " "), "none") {
		t.Fatalf("got %v", doc)
	}
}

func texts(list any) []string {
	var out []string
	for _, v := range list.([]any) {
		out = append(out, v.(string))
	}
	return out
}
