package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// newChain is a world in which the shop's back end may call the orders API, and that one the files API for the same person.
func newChain(t testing.TB) *world {
	w := newServed(t)
	delegate := func(id string, resources ...string) {
		w.changeClient(id, func(c *storage.Client) {
			c.Settings.GrantTypes = append(c.Grants(), exchangeGrantType)
			c.Settings.Resources = resources
		})
	}
	delegate("shop", orders, files)
	delegate("orders-api", files, secretAPI)
	delegate("files-api", orders)
	return w
}

func (w *world) delegated(client, subject string, change ...func(url.Values)) answer {
	w.t.Helper()
	form := url.Values{"grant_type": {exchangeGrantType}, "subject_token": {subject}, "subject_token_type": {accessTokenType}, "resource": {files}}
	for _, c := range change {
		c(form)
	}
	return w.post("/oidc/token", client, form)
}

// ordersToken is what the orders API is given when a person uses the shop.
func (w *world) ordersToken() (storage.User, answer) {
	w.t.Helper()
	u, cookie := w.person("Ann")
	code := w.code(cookie, "shop", set("scope", allScopes), add("resource", orders, files))
	a := w.exchange("shop", code, set("resource", orders))
	if a.status != http.StatusOK {
		w.t.Fatalf("got %d %v", a.status, a.body)
	}
	return u, a
}

// RFC 8693 §2.2.1 and §4.1.
func TestServiceExchangesATokenAndTheNewOneSaysWhoActs(t *testing.T) {
	w := newChain(t)
	u, a := w.ordersToken()
	got := w.delegated("orders-api", a.text("access_token"))
	if got.status != 200 || got.text("issued_token_type") != accessTokenType || got.text("token_type") != "Bearer" || got.text("scope") != "orders:read" || got.body["refresh_token"] != nil || got.body["id_token"] != nil {
		t.Fatalf("got %d %v", got.status, got.body)
	}
	_, payload := claims(t, got.text("access_token"))
	act, _ := payload["act"].(map[string]any)
	if payload["sub"] != u.ID.String() || payload["aud"] != files || payload["client_id"] != "orders-api" || act["sub"] != "orders-api" || act["act"] != nil || payload["scope"] != "orders:read" {
		t.Fatalf("got %v", payload)
	}
	in := w.introspect("files-api", got.text("access_token"))
	if told, _ := in.body["act"].(map[string]any); !in.active() || told["sub"] != "orders-api" {
		t.Fatalf("the server of the API learns %v", in.body)
	}
	// Handed on once more: who acted before stays visible.
	again := w.delegated("files-api", got.text("access_token"), set("resource", orders))
	_, payload = claims(t, again.text("access_token"))
	act, _ = payload["act"].(map[string]any)
	before, _ := act["act"].(map[string]any)
	if payload["aud"] != orders || act["sub"] != "files-api" || before["sub"] != "orders-api" {
		t.Fatalf("got %v", payload)
	}
}

func TestExchangeMakesNothingGrow(t *testing.T) {
	w := newChain(t)
	_, a := w.ordersToken()
	token := a.text("access_token")
	w.delegated("orders-api", token, set("scope", "files:read")).want(t, 400, "invalid_scope") // the person gave it, this token has it not
	w.delegated("orders-api", token, set("scope", "openid")).want(t, 400, "invalid_scope")
	w.delegated("orders-api", token, set("resource", secretAPI)).want(t, 400, "invalid_target") // the service may, the person never did
	w.delegated("orders-api", token, set("resource", orders)).want(t, 400, "invalid_target")    // the person did, the service may not
	w.delegated("orders-api", token, without("resource")).want(t, 400, "invalid_target")
	w.delegated("orders-api", token, add("audience", orders)).want(t, 400, "invalid_target")
	w.wait(10 * time.Minute)
	got := w.delegated("orders-api", token)
	if life := got.body["expires_in"].(float64); !near(life, 300) {
		t.Fatalf("a token with five minutes left became one of %v seconds", life)
	}
}

func TestOnlyWhoWasGivenATokenMayExchangeIt(t *testing.T) {
	w := newChain(t)
	_, a := w.ordersToken()
	token := a.text("access_token")
	w.delegated("files-api", token, set("resource", orders)).want(t, 400, "invalid_request") // it serves another API
	w.delegated("web", token).want(t, 400, "unauthorized_client")
	w.post("/oidc/token", "", url.Values{"grant_type": {exchangeGrantType}, "client_id": {"orders-api"}, "subject_token": {token}, "subject_token_type": {accessTokenType}}).want(t, 401, "invalid_client")
	for name, bad := range map[string]string{"an ID token": a.text("id_token"), "a refresh token": a.text("refresh_token"), "nothing": "", "nonsense": "a.b.c", "changed": token[:len(token)-8] + "AAAAAAAA"} {
		if got := w.delegated("orders-api", bad); got.status != 400 || got.text("error") != "invalid_request" {
			t.Errorf("%s: got %d %v", name, got.status, got.body)
		}
	}
	w.delegated("orders-api", token, set("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")).want(t, 400, "invalid_request")
	w.delegated("orders-api", token, set("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")).want(t, 400, "invalid_request")
	w.delegated("orders-api", token, set("actor_token", token), set("actor_token_type", accessTokenType)).want(t, 400, "invalid_request") // nobody acts as another
	if got := w.delegated("shop", token); got.status != 200 {
		t.Fatalf("the client it was issued to: got %d %v", got.status, got.body)
	}
}

// CVE-2026-9097: a revoked token at the exchange. One function decides over all of them.
func TestExchangeBelievesNoDeadTokenAndItsTokenDiesWithTheGrant(t *testing.T) {
	for name, end := range map[string]func(w *world, u storage.User, a answer){
		"revoked": func(w *world, _ storage.User, a answer) {
			w.post("/oidc/revoke", "shop", url.Values{"token": {a.text("refresh_token")}}).want(w.t, 200, "")
		},
		"person disabled": func(w *world, u storage.User, _ answer) {
			u.Status = "disabled"
			w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
		},
		"client deleted": func(w *world, _ storage.User, _ answer) {
			w.write(func(tx storage.Tx) error { return tx.DeleteClient("shop") })
		},
		"over": func(w *world, _ storage.User, _ answer) { w.wait(15 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newChain(t)
			u, a := w.ordersToken()
			got := w.delegated("orders-api", a.text("access_token"))
			end(w, u, a)
			w.introspect("files-api", got.text("access_token")).nothing(t)
			w.delegated("orders-api", a.text("access_token")).want(t, 400, "invalid_request")
		})
	}
}

// The service ends its own token and not what the person gave the shop.
func TestExchangedTokenIsRevokedAlone(t *testing.T) {
	w := newChain(t)
	_, a := w.ordersToken()
	for _, client := range []string{"orders-api", "shop"} {
		one, two := w.delegated(client, a.text("access_token")).text("access_token"), w.delegated(client, a.text("access_token")).text("access_token")
		w.post("/oidc/revoke", client, url.Values{"token": {one}}).want(t, 200, "")
		w.introspect("files-api", one).nothing(t)
		if !w.introspect("files-api", two).active() || !w.introspect("shop", a.text("access_token")).active() {
			t.Fatalf("%s: more than the one token ended", client)
		}
	}
}

func TestTokensAreNotHandedOnForEver(t *testing.T) {
	w := newChain(t)
	_, a := w.ordersToken()
	token, steps := a.text("access_token"), 0
	for _, hop := range strings.Fields("orders-api files-api orders-api files-api orders-api") {
		to := map[string]string{"orders-api": files, "files-api": orders}[hop]
		got := w.delegated(hop, token, set("resource", to))
		if got.status != 200 {
			got.want(t, 400, "invalid_request")
			break
		}
		token, steps = got.text("access_token"), steps+1
	}
	if steps != maxActors {
		t.Fatalf("handed on %d times, want %d", steps, maxActors)
	}
}
