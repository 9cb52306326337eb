package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// signer is an app that has a key instead of a secret.
type signer struct {
	app
	Key jose.JSONWebKey `json:"key"`
}

// newSigner makes the app's key (ES256).
func newSigner(t *testing.T, a app) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{app: a, Key: jose.JSONWebKey{Key: key, KeyID: a.ClientID + "-1", Algorithm: "ES256", Use: "sig"}}
}

// jwks are the public keys, as a configuration declares them.
func (s signer) jwks(t *testing.T) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.Key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withSecret names an app that lives at this address.
func withSecret(url, id string) app { return app{URL: url, ClientID: id, ClientSecret: secret(id)} }

// declared is the app as a configuration has it, with openid-client's callback; more replaces what is here.
func (a app) declared(more application) application {
	all := application{
		"client_id": a.ClientID, "client_name": a.ClientID, "redirect_uris": []string{a.URL + "/callback"},
		"post_logout_redirect_uris": []string{a.URL + "/bye"}, "allowed_origins": []string{a.URL},
	}
	if a.ClientSecret != "" {
		all["client_secret"] = a.ClientSecret
	}
	for key, value := range more {
		all[key] = value
	}
	return all
}

func TestOpenIDClientUsesEveryFeature(t *testing.T) {
	const orders, stock = "https://orders.example.com", "https://stock.example.com"
	url := fmt.Sprintf("http://localhost:%d", freePort(t))
	everything, post, jwt := withSecret(url, "everything"), withSecret(url, "post"), newSigner(t, app{URL: url, ClientID: "keyed"})
	public, api := app{URL: url, ClientID: "public"}, withSecret(url, "orders-api")
	type signed struct {
		app
		Alg string `json:"alg"`
	}
	var algorithms []signed
	clients := []application{
		everything.declared(application{"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"}, "resources": []string{orders, stock}}),
		post.declared(application{"token_endpoint_auth_method": "client_secret_post", "userinfo_signed_response_alg": "ES256"}),
		jwt.declared(application{"token_endpoint_auth_method": "private_key_jwt", "jwks": jwt.jwks(t)}),
		public.declared(application{"type": "native"}),
		api.declared(application{"grant_types": []string{"urn:ietf:params:oauth:grant-type:token-exchange"}, "resources": []string{stock}, "type": "m2m", "redirect_uris": nil, "post_logout_redirect_uris": nil, "allowed_origins": nil}),
	}
	for _, alg := range []string{"PS256", "ES256", "EdDSA"} {
		a := signed{withSecret(url, "signed-"+alg), alg}
		algorithms = append(algorithms, a)
		clients = append(clients, a.declared(application{"id_token_signed_response_alg": alg}))
	}
	s := serve(t, settings{
		"clients": clients, "registration": "open",
		"resources": []settings{
			{"resource": orders, "name": "Orders", "scopes": []string{"orders:read See your orders"}, "servers": []string{api.ClientID}},
			{"resource": stock, "name": "Stock", "scopes": []string{"stock:read See what there is"}},
		},
		"lifetimes": settings{"refresh_grace": "0s"}, // a second use is a theft at once: the grace has journeys of its own
	})
	s.run("user", "create", "dora@example.com", "--name", "Dora Example")

	s.journey("openid-client/features.mjs", map[string]any{
		"ADDRESS": "dora@example.com", "NAME": "Dora Example", "E2E_ARTEFACTS": artefacts(t), "RESOURCE": orders, "STOCK": stock,
		"APPS": []any{everything, post, jwt, public, api}, "SIGNED": algorithms,
	})
}
