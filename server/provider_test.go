package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatelatch/server/secret"
)

// elsewhere is a provider with OpenID Connect that our people have accounts with. It does what is right, unless it is told to lie.
type elsewhere struct {
	*httptest.Server
	t   testing.TB
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // by code: the request it answers
	claims map[string]any        // of whoever is signed in there
	asked  url.Values            // the last request

	// Lies.
	document func(map[string]any)                              // changes what is published
	idToken  func(claims map[string]any) string                // "": the right one, from the claims as changed
	userinfo func() map[string]any                             // nil: there is none
	token    func(w http.ResponseWriter, r *http.Request) bool // has answered
}

const elsewhereClient = "gatelatch-there"

func newElsewhere(t testing.TB, claims map[string]any) *elsewhere {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := &elsewhere{t: t, key: key, codes: map[string]url.Values{}, claims: claims}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		d := map[string]any{"issuer": e.URL, "authorization_endpoint": e.URL + "/authorize", "token_endpoint": e.URL + "/token", "jwks_uri": e.URL + "/jwks",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true}
		if e.userinfo != nil {
			d["userinfo_endpoint"] = e.URL + "/userinfo"
		}
		if e.document != nil {
			e.document(d)
		}
		e.write(w, d)
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		e.write(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", e.redeem)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) { e.write(w, e.userinfo()) })
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

func (e *elsewhere) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		e.t.Error(err)
	}
}

// answer is what a person's browser comes back with, who was sent there and signs in: the path of ours, with its query.
func (e *elsewhere) answer(sent string) string {
	e.t.Helper()
	u, err := url.Parse(sent)
	if err != nil || u.Path != "/authorize" {
		e.t.Fatalf("the browser was sent to %q", sent)
	}
	code := secret.Token(16)
	e.mu.Lock()
	e.asked = u.Query()
	e.codes[code] = u.Query()
	e.mu.Unlock()
	back, err := url.Parse(u.Query().Get("redirect_uri"))
	if err != nil {
		e.t.Fatal(err)
	}
	answer := url.Values{"code": {code}, "state": {u.Query().Get("state")}, "iss": {e.URL}}
	return back.Path + "?" + answer.Encode()
}

// redeem is the token endpoint: each code once, with the verifier that belongs to its challenge (RFC 7636 §4.6).
func (e *elsewhere) redeem(w http.ResponseWriter, r *http.Request) {
	if e.token != nil && e.token(w, r) {
		return
	}
	e.mu.Lock()
	request, known := e.codes[r.PostFormValue("code")]
	delete(e.codes, r.PostFormValue("code"))
	e.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, password, _ := r.BasicAuth()
	switch {
	case id != elsewhereClient || password != "there-secret":
		w.WriteHeader(http.StatusUnauthorized)
		e.write(w, map[string]any{"error": "invalid_client"})
		return
	case !known, request.Get("code_challenge_method") != "S256", base64.RawURLEncoding.EncodeToString(sum[:]) != request.Get("code_challenge"), r.PostFormValue("redirect_uri") != request.Get("redirect_uri"):
		w.WriteHeader(http.StatusBadRequest)
		e.write(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": e.URL, "aud": elsewhereClient, "nonce": request.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	for name, value := range e.claims {
		claims[name] = value
	}
	token := ""
	if e.idToken != nil {
		token = e.idToken(claims)
	}
	if token == "" {
		token = e.sign(claims, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: e.key, KeyID: "k1"}})
	}
	e.write(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": token})
}

func (e *elsewhere) sign(claims map[string]any, with jose.SigningKey) string {
	signer, err := jose.NewSigner(with, nil)
	if err != nil {
		e.t.Error(err)
		return ""
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		e.t.Error(err)
	}
	return token
}

// lie gives an ID token with other claims.
func lie(change func(claims map[string]any)) func(map[string]any) string {
	return func(claims map[string]any) string { change(claims); return "" }
}

// connect makes a connection to the provider.
func (w *world) connect(e *elsewhere, id string, settings map[string]any) {
	w.t.Helper()
	in := map[string]any{"id": id, "kind": "oidc", "name": "Name of " + id, "issuer": e.URL, "client_id": elsewhereClient, "client_secret": "there-secret"}
	for name, value := range settings {
		in[name] = value
	}
	w.administer("POST", "/connections", in, http.StatusCreated)
}

// administer does one operation of the management API.
func (w *world) administer(method, path string, in any, want int) map[string]any {
	w.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://gatelatch/api/v1"+path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if rec.Code != want {
		w.t.Fatalf("%s %s: got %d, want %d\n%s", method, path, rec.Code, want, rec.Body)
	}
	out := map[string]any{}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			w.t.Fatal(fmt.Errorf("%s: %w", rec.Body, err))
		}
	}
	return out
}

// otherCode is a code of somebody else's question, which an attacker has got hold of.
func (e *elsewhere) otherCode() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	code := secret.Token(16)
	other := url.Values{"nonce": {"x"}, "code_challenge_method": {"S256"}, "code_challenge": {"x"}, "redirect_uri": {e.asked.Get("redirect_uri")}}
	e.codes[code] = other
	return code
}

// unsigned is a JWT of the algorithm none.
func unsigned(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err) // text and numbers always encode
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

func hashOf(token string) []byte { return secret.Hash(token) }
