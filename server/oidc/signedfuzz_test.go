package oidc

import (
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatelatch/storage"
)

// oddities are JSON values that somebody's parser took for something else.
var oddities = []string{`null`, `true`, `0`, `-1`, `1.5`, `1e400`, `-1e308`, `9223372036854775808`, `""`, `" "`, `"\u0000"`, `"\ud800"`, `"null"`, `[]`, `[[]]`, `[null]`, `[1,"https://id.example/oidc"]`, `{}`, `{"":{}}`, `{"$ref":"#"}`,
	`"` + strings.Repeat("x", 5000) + `"`, `"javascript:alert(1)"`, `"https://evil.example/"`, `"https://id.example/oidc"`, `"../../x"`, `{"values":[[]]}`, `"code token"`, `"none login"`, `"\r\nX-Evil: 1"`}

// Whoever has a key can sign anything. What the fuzz of the whole server cannot make, this one does: messages whose signature is right
// and whose claims and headers are not.
func TestNoSignedMessageIsAFaultOfTheServer(t *testing.T) {
	w := newWorld(t)
	s := newSigner("EdDSA", "k1")
	w.addKeyClient(t, "signed", s, func(c *storage.Client) {
		c.Settings.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials", deviceGrantType, exchangeGrantType}
	})
	_, cookie := w.person("Ann")
	dice := rand.New(rand.NewPCG(3, 5))
	spoil := func(claims map[string]any, names ...string) {
		for range 1 + dice.IntN(3) {
			claims[names[dice.IntN(len(names))]] = json.RawMessage(oddities[dice.IntN(len(oddities))])
		}
	}
	registered := []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "typ", "client_id", "crit"}
	asked := []string{"response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "prompt", "max_age", "claims", "resource", "acr_values", "id_token_hint", "login_hint", "ui_locales", "code_challenge",
		"code_challenge_method", "dpop_jkt", "request", "request_uri", "registration"}
	header := func() map[string]any {
		h := map[string]any{}
		if dice.IntN(4) == 0 {
			spoil(h, "typ", "kid", "crit", "cty", "b64", "jwk", "jku", "x5c", "zip", "enc")
		}
		return h
	}
	accepted := map[string]int{}
	check := func(what, message string, got *httptest.ResponseRecorder) {
		t.Helper()
		if got.Code < 300 || strings.Contains(got.Header().Get("Location"), "code=gl_ac_") {
			accepted[what]++
		}
		to := got.Header().Get("Location")
		if got.Code >= 500 || got.Header().Get("X-Evil") != "" || to != "" && !strings.HasPrefix(to, callback+"?") && !strings.HasPrefix(to, callback+"#") && !strings.HasPrefix(to, "/sign-in?flow=") {
			t.Errorf("%s: got %d to %.200q\n%.300s\n%s", what, got.Code, to, got.Body, message)
		}
	}
	post := func(what, message, path string, form url.Values, proof string) {
		t.Helper()
		r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if proof != "" {
			r.Header.Set("DPoP", proof)
		}
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		check(what, message, rec)
	}
	for range 500 {
		assertion := w.assertion("signed")
		spoil(assertion, registered...)
		form := url.Values{"grant_type": {"client_credentials"}}
		asserting(s.sign(assertion, header()))(form)
		post("an assertion", form.Get("client_assertion"), "/oidc/token", form, "")

		object := w.object("signed")
		spoil(object, slices.Concat(registered, asked, asked)...)
		request := s.sign(object, header())
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/oidc/authorize?"+withObject("signed", request).Encode(), nil)
		r.AddCookie(cookie)
		w.mux.ServeHTTP(rec, r)
		check("a request object", request, rec)
		form = url.Values{"request": {request}}
		asserting(s.sign(w.assertion("signed"), nil))(form)
		post("a pushed object", request, "/oidc/par", form, "")

		proof := s.sign(spoiled(w.proof("/oidc/token"), func(c map[string]any) { spoil(c, "htm", "htu", "iat", "jti", "nonce", "ath", "exp", "nbf") }), spoiled(header(), func(h map[string]any) {
			h["typ"] = "dpop+jwt"
			if dice.IntN(3) > 0 {
				h["jwk"] = s.jwk()
			}
			delete(h, "kid")
		}))
		form = url.Values{"grant_type": {"client_credentials"}}
		asserting(s.sign(w.assertion("signed"), nil))(form)
		post("a proof", proof, "/oidc/token", form, proof)
	}
	for _, what := range []string{"an assertion", "a request object", "a pushed object", "a proof"} {
		if accepted[what] == 0 {
			t.Errorf("%s never got past the signature, so nothing behind it was tried: %v", what, accepted)
		}
	}
}

// spoiled changes what it is given.
func spoiled(m map[string]any, change func(map[string]any)) map[string]any { change(m); return m }

// proof is the claims of a DPoP proof for a POST.
func (w *world) proof(path string) map[string]any {
	return map[string]any{"htm": "POST", "htu": "https://id.example" + path, "iat": w.now().Unix(), "jti": storage.NewID().String()}
}
