package oidc

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// forgeries are ID tokens for the same person that our keys have not signed (RFC 8725 §2, CVE-2026-9090: the key taken from the message itself).
func (w *world) forgeries(genuine string) map[string]string {
	w.t.Helper()
	var set struct {
		Keys []struct{ Kid, Kty, Alg, N, E string }
	}
	if err := json.NewDecoder(w.do(httptest.NewRequest("GET", "/oidc/jwks", nil)).Body).Decode(&set); err != nil {
		w.t.Fatal(err)
	}
	parts := strings.Split(genuine, ".")
	header, payload := claims(w.t, genuine)
	kid := header["kid"].(string)
	var public *rsa.PublicKey
	other := ""
	for _, k := range set.Keys {
		if k.Kid != kid {
			other = k.Kid
			continue
		}
		n, err1 := base64.RawURLEncoding.DecodeString(k.N)
		e, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if err1 != nil || err2 != nil {
			w.t.Fatal(err1, err2)
		}
		public = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		w.t.Fatal(err)
	}
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		w.t.Fatal(err)
	}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	head := func(pairs ...string) string {
		h := map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = pairs[i+1]
		}
		return encode(h)
	}
	mac := func(h string, key []byte) string {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(h + "." + parts[1]))
		return h + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	sign := func(h string) string {
		digest := sha256.Sum256([]byte(h + "." + parts[1]))
		s, err := rsa.SignPKCS1v15(nil, own, crypto.SHA256, digest[:])
		if err != nil {
			w.t.Fatal(err)
		}
		return h + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(s)
	}
	jwk := map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid, "jwk": map[string]string{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(own.N.Bytes())}}
	payload["email"] = "mallory@example.com"
	return map[string]string{
		"alg none": head("alg", "none") + "." + parts[1] + ".", "alg None": head("alg", "None") + "." + parts[1] + ".", "alg none with the signature": head("alg", "none") + "." + parts[1] + "." + parts[2],
		"no signature": parts[0] + "." + parts[1] + ".", "no alg": head("alg", "") + "." + parts[1] + "." + parts[2], "another payload": parts[0] + "." + encode(payload) + "." + parts[2],
		"HMAC with our public key": mac(head("alg", "HS256"), der), "HMAC with its PEM": mac(head("alg", "HS256"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "HMAC with nothing": mac(head("alg", "HS256"), nil),
		"own key": sign(head()), "own key by jwk": sign(encode(jwk)), "own key by jku": sign(head("jku", "https://evil.example/jwks")), "own key by x5u": sign(head("x5u", "https://evil.example/x")),
		"own key by path": sign(head("kid", "../../../dev/null")), "own key by no kid": sign(head("kid", "")), "kid of another key": head("kid", other) + "." + parts[1] + "." + parts[2],
		"another alg": head("alg", "PS256") + "." + parts[1] + "." + parts[2], "four parts": genuine + ".x", "two parts": parts[0] + "." + parts[1], "cut": genuine[:len(genuine)-2], "padded": genuine + "=", "JSON": `{"payload":"` + parts[1] + `"}`,
	}
}

func TestForgedIDTokensAreBelievedNowhere(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	genuine := w.tokens(cookie, "web").text("id_token")
	if got := w.authorize(request("web", set("id_token_hint", genuine), set("prompt", "none")), cookie); got.Get("code") == "" {
		t.Fatalf("the genuine one: %v", got)
	}
	for name, token := range w.forgeries(genuine) {
		if got := w.authorize(request("web", set("id_token_hint", token), set("prompt", "none")), cookie); got.Get("error") != "invalid_request" {
			t.Errorf("%s as a hint: got %v, want invalid_request", name, got)
		}
		res := w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://app.example"}}.Encode(), nil), cookie)
		if res.StatusCode != 400 || res.Header.Get("Location") != "" || len(res.Cookies()) > 0 {
			t.Errorf("%s at sign-out: got %d to %q", name, res.StatusCode, res.Header.Get("Location"))
		}
		if got := w.userinfo(token); got.status != 401 {
			t.Errorf("%s at userinfo: got %d, want 401", name, got.status)
		}
	}
	if got := w.authorize(request("web", set("prompt", "none")), cookie); got.Get("code") == "" {
		t.Fatalf("afterwards: %v", got)
	}
}

// RFC 9700 §4.3.2: what stands in an address lies in logs and histories.
func TestSecretsInTheAddressCountForNothing(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	grant := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	whole := url.Values{"client_id": {"web"}, "client_secret": {testSecret}}
	for name, values := range grant {
		whole[name] = values
	}
	secrets := url.Values{"client_id": {"web"}, "client_secret": {testSecret}}
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
	}{
		{"/oidc/token?" + whole.Encode(), url.Values{}, 400}, {"/oidc/token?" + secrets.Encode(), grant, 401}, {"/oidc/token?" + grant.Encode(), secrets, 400}, {"/oidc/revoke?" + secrets.Encode(), url.Values{"token": {a.text("access_token")}}, 401},
		{"/oidc/userinfo?access_token=" + a.text("access_token"), url.Values{}, 401},
	} {
		got := w.post(c.path, "", c.form)
		if got.status != c.status || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("POST %.30s: got %d %v %v, want %d in JSON that nobody keeps", c.path, got.status, got.header, got.body, c.status)
		}
	}
	if got := w.userinfo(a.text("access_token")); got.status != 200 {
		t.Errorf("the access token: got %d, want it alive", got.status)
	}
}
