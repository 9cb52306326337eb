package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
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

// cli is a command of the program on this server's data, as a journey can run it.
func (s *server) cli(command string) string {
	return fmt.Sprintf("%q %s --data %q", gatelatch, command, s.Data)
}

func TestPersonDecidesWhatAnAppOfSomebodyElseMay(t *testing.T) {
	third := withSecret(fmt.Sprintf("http://localhost:%d", freePort(t)), "third")
	s := serve(t, settings{"clients": []application{third.declared(application{"client_name": "Third Party", "first_party": false})}})
	s.run("user", "create", "fay@example.com", "--name", "Fay Example")

	s.journey("openid-client/consent.mjs", map[string]any{
		"ADDRESS": "fay@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{third},
		"TAKE_BACK": s.cli("user revoke-consent fay@example.com third"),
	})
}

func TestPersonConnectsADeviceByItsCode(t *testing.T) {
	device := application{"type": "native", "grant_types": []string{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"},
		"redirect_uris": nil, "post_logout_redirect_uris": nil, "allowed_origins": nil}
	telly, speaker := app{ClientID: "telly"}, app{ClientID: "speaker"}
	ofOther := maps.Clone(device)
	ofOther["client_name"], ofOther["first_party"] = "Speaker", false
	s := serve(t, settings{"clients": []application{telly.declared(device), speaker.declared(ofOther)}})

	s.journey("openid-client/device.mjs", map[string]any{
		"ADDRESS": "gus@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{telly, speaker},
	})
}

func TestRelyingPartyVerifiesWhatItIsToldOfSignOuts(t *testing.T) {
	type told struct {
		app
		Logout string `json:"logout"`
	}
	party := told{withSecret(fmt.Sprintf("http://localhost:%d", freePort(t)), "party"), fmt.Sprintf("http://localhost:%d/backchannel", freePort(t))}
	other := withSecret(fmt.Sprintf("http://localhost:%d", freePort(t)), "other")
	s := serve(t, settings{"clients": []application{party.declared(application{"backchannel_logout_uri": party.Logout}), other.declared(nil)}})

	s.journey("openid-client/backchannel.mjs", map[string]any{
		"ADDRESS": "hal@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{party, other},
		"SIGN_OUT": s.cli("user sign-out hal@example.com"),
	})
}

func TestClientInTheShapeOfFAPI(t *testing.T) {
	bank := newSigner(t, app{URL: fmt.Sprintf("http://localhost:%d", freePort(t)), ClientID: "bank"})
	s := serve(t, settings{"clients": []application{bank.declared(application{
		"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks": bank.jwks(t),
		"require_pushed_authorization_requests": true, "require_signed_request_object": true, "request_object_signing_alg": "ES256",
		"authorization_signed_response_alg": "ES256", "id_token_signed_response_alg": "ES256",
		"dpop_bound_access_tokens": true, "require_dpop_nonce": true, "require_pkce": true,
		"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
	})}})

	s.journey("openid-client/fapi.mjs", map[string]any{
		"ADDRESS": "ida@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{bank},
	})
}

func TestKeysRotateWhileAppsVerify(t *testing.T) {
	busy := withSecret(fmt.Sprintf("http://localhost:%d", freePort(t)), "busy")
	s := serve(t, settings{"clients": []application{busy.declared(nil)}})

	s.journey("openid-client/rotation.mjs", map[string]any{
		"ADDRESS": "jo@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{busy}, "ROTATE": s.cli("keys rotate"),
	})
}
