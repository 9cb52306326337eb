package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// holder is a client with a key of its own.
type holder struct {
	w   *world
	key *ecdsa.PrivateKey
	jwk jwk
}

func (w *world) holder() *holder {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	k, err := publicJWK(ES256, key.Public())
	if err != nil {
		w.t.Fatal(err)
	}
	return &holder{w: w, key: key, jwk: jwk{Kty: k.Kty, Crv: k.Crv, X: k.X, Y: k.Y}}
}

// proof makes a DPoP proof for a POST to a path, or, with a token, for a GET with it; change may spoil header and claims.
func (h *holder) proof(path, token string, change ...func(header, claims map[string]any)) string {
	h.w.t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": ES256, "jwk": h.jwk}
	claims := map[string]any{"htm": "POST", "htu": "https://id.example" + path, "iat": h.w.now().Unix(), "jti": storage.NewID().String()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["htm"], claims["ath"] = "GET", base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for _, c := range change {
		c(header, claims)
	}
	return h.sign(header, claims)
}

func (h *holder) sign(header, claims map[string]any) string {
	h.w.t.Helper()
	head, err1 := json.Marshal(header)
	body, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		h.w.t.Fatal(err1, err2)
	}
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	k := signingKey{Key: storage.Key{Alg: ES256}, private: crypto.Signer(h.key)}
	signature, err := k.signature([]byte(input))
	if err != nil {
		h.w.t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// token posts to the token endpoint with a proof; client "" is a public one named in the form.
func (w *world) token(client, proof string, form url.Values) answer {
	w.t.Helper()
	return w.postWith("/oidc/token", client, proof, form)
}

func (w *world) postWith(path, client, proof string, form url.Values) answer {
	w.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, testSecret)
	}
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return w.answer(w.do(r))
}

func exchangeForm(code string, change ...func(url.Values)) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {testVerifier}}
	for _, c := range change {
		c(form)
	}
	return form
}

func refreshForm(token string, change ...func(url.Values)) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for _, c := range change {
		c(form)
	}
	return form
}

func (w *world) userinfoWith(scheme, token, proof string) answer {
	w.t.Helper()
	r := httptest.NewRequest("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return w.answer(w.do(r))
}

// RFC 9449 §4.3: each check, by a proof that is wrong in that one thing.
func TestProofsThatAreWrongInOneThingAreRefused(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "a")
	h, other := w.holder(), w.holder()
	form := url.Values{"grant_type": {"client_credentials"}}
	if got := w.token("robot", h.proof("/oidc/token", ""), form); got.status != 200 || got.text("token_type") != "DPoP" || got.header.Get("DPoP-Nonce") == "" {
		t.Fatalf("a good proof: got %d %v", got.status, got.body)
	}
	claim := func(name string, value any) func(_, claims map[string]any) {
		return func(_, claims map[string]any) {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	head := func(name string, value any) func(header, _ map[string]any) {
		return func(header, _ map[string]any) {
			if header[name] = value; value == nil {
				delete(header, name)
			}
		}
	}
	now := w.now().Unix()
	private := map[string]any{"kty": "EC", "crv": "P-256", "x": h.jwk.X, "y": h.jwk.Y, "d": "AAAA"}
	for name, bad := range map[string]string{
		"typ of an ID token":    h.proof("/oidc/token", "", head("typ", "JWT")),
		"no typ":                h.proof("/oidc/token", "", head("typ", nil)),
		"alg none":              h.proof("/oidc/token", "", head("alg", "none")),
		"alg HS256":             h.proof("/oidc/token", "", head("alg", "HS256")),
		"alg RS256":             h.proof("/oidc/token", "", head("alg", "RS256")),
		"alg of another key":    h.proof("/oidc/token", "", head("alg", EdDSA)),
		"no jwk":                h.proof("/oidc/token", "", head("jwk", nil)),
		"a private jwk":         h.proof("/oidc/token", "", head("jwk", private)),
		"a shared jwk":          h.proof("/oidc/token", "", head("jwk", map[string]any{"kty": "oct", "k": "AAAA"})),
		"somebody else's jwk":   h.proof("/oidc/token", "", head("jwk", other.jwk)),
		"crit":                  h.proof("/oidc/token", "", head("crit", []string{"x"})),
		"another method":        h.proof("/oidc/token", "", claim("htm", "GET")),
		"method in small":       h.proof("/oidc/token", "", claim("htm", "post")),
		"no method":             h.proof("/oidc/token", "", claim("htm", nil)),
		"another endpoint":      h.proof("/oidc/userinfo", ""),
		"another host":          h.proof("/oidc/token", "", claim("htu", "https://evil.example/oidc/token")),
		"another scheme":        h.proof("/oidc/token", "", claim("htu", "http://id.example/oidc/token")),
		"another port":          h.proof("/oidc/token", "", claim("htu", "https://id.example:8443/oidc/token")),
		"a user in the address": h.proof("/oidc/token", "", claim("htu", "https://x@id.example/oidc/token")),
		"a slash more":          h.proof("/oidc/token/", ""),
		"no htu":                h.proof("/oidc/token", "", claim("htu", nil)),
		"htu a list":            h.proof("/oidc/token", "", claim("htu", []string{"https://id.example/oidc/token"})),
		"two minutes old":       h.proof("/oidc/token", "", claim("iat", now-120)),
		"two minutes early":     h.proof("/oidc/token", "", claim("iat", now+120)),
		"no iat":                h.proof("/oidc/token", "", claim("iat", nil)),
		"iat a text":            h.proof("/oidc/token", "", claim("iat", "now")),
		"over":                  h.proof("/oidc/token", "", claim("exp", now-120)),
		"not yet":               h.proof("/oidc/token", "", claim("nbf", now+120)),
		"no jti":                h.proof("/oidc/token", "", claim("jti", nil)),
		"empty jti":             h.proof("/oidc/token", "", claim("jti", "")),
		"endless jti":           h.proof("/oidc/token", "", claim("jti", strings.Repeat("x", 257))),
		"no JWT":                "x",
		"a changed signature":   h.proof("/oidc/token", "")[:20] + "A" + h.proof("/oidc/token", "")[21:],
	} {
		if got := w.token("robot", bad, form); got.status != 400 || got.text("error") != "invalid_dpop_proof" || got.header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: got %d %v", name, got.status, got.body)
		}
	}
	// What is the same address by RFC 3986, and clocks that are a little off.
	for name, good := range map[string]string{
		"query and fragment":  h.proof("/oidc/token", "", claim("htu", "https://id.example/oidc/token?x=1#y")),
		"the usual port":      h.proof("/oidc/token", "", claim("htu", "https://id.example:443/oidc/token")),
		"capitals":            h.proof("/oidc/token", "", claim("htu", "HTTPS://ID.example/oidc/token")),
		"50 seconds behind":   h.proof("/oidc/token", "", claim("iat", now-50)),
		"50 seconds ahead":    h.proof("/oidc/token", "", claim("iat", now+50)),
		"nbf and exp of now":  h.proof("/oidc/token", "", claim("nbf", now), claim("exp", now+5)),
		"a jwk that says alg": h.proof("/oidc/token", "", head("jwk", jwk{Kty: h.jwk.Kty, Crv: h.jwk.Crv, X: h.jwk.X, Y: h.jwk.Y, Alg: ES256, Kid: "mine"})),
	} {
		if got := w.token("robot", good, form); got.status != 200 {
			t.Errorf("%s: got %d %v", name, got.status, got.body)
		}
	}
	r := httptest.NewRequest("POST", "/oidc/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("robot", testSecret)
	r.Header["Dpop"] = []string{h.proof("/oidc/token", ""), h.proof("/oidc/token", "")}
	w.answer(w.do(r)).want(t, 400, "invalid_dpop_proof")
}

// RFC 9449 §11.1: a proof counts once, also after a restart.
func TestProofCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "a")
	h := w.holder()
	form := url.Values{"grant_type": {"client_credentials"}}
	proof := h.proof("/oidc/token", "")
	if got := w.token("robot", proof, form); got.status != 200 {
		t.Fatalf("got %d %v", got.status, got.body)
	}
	w.token("robot", proof, form).want(t, 400, "invalid_dpop_proof")
	w.start(1)
	w.token("robot", proof, form).want(t, 400, "invalid_dpop_proof")
	same := h.proof("/oidc/token", "", func(_, claims map[string]any) { claims["jti"] = "mine" })
	others := w.holder().proof("/oidc/token", "", func(_, claims map[string]any) { claims["jti"] = "mine" })
	for _, p := range []string{same, others} { // nobody can burn another's jti
		if got := w.token("robot", p, form); got.status != 200 {
			t.Fatalf("got %d %v", got.status, got.body)
		}
	}
	// A refused request burns nothing.
	unused := h.proof("/oidc/token", "")
	w.token("web", unused, form).want(t, 400, "unauthorized_client")
	if got := w.token("robot", unused, form); got.status != 200 {
		t.Fatalf("after a refused request: got %d %v", got.status, got.body)
	}
}

// RFC 9449 §7: a bound token opens nothing without its key.
func TestBoundAccessTokenNeedsItsKey(t *testing.T) {
	for _, jwtAccess := range []bool{false, true} {
		w := newWorld(t)
		w.changeClient("web", func(c *storage.Client) { c.Settings.JWTAccess = jwtAccess })
		u, cookie := w.person("Ann")
		h, thief := w.holder(), w.holder()
		a := w.token("web", h.proof("/oidc/token", ""), exchangeForm(w.code(cookie, "web")))
		token := a.text("access_token")
		if a.status != 200 || a.text("token_type") != "DPoP" {
			t.Fatalf("got %d %v", a.status, a.body)
		}
		if got := w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", token)); got.status != 200 || got.text("sub") != u.ID.String() {
			t.Fatalf("with its key: got %d %v", got.status, got.body)
		}
		if got := w.userinfoWith("dpop", token, h.proof("/oidc/userinfo", token)); got.status != 200 {
			t.Fatalf("the scheme in small: got %d", got.status)
		}
		proof := h.proof("/oidc/userinfo", token)
		if got := w.userinfoWith("DPoP", token, proof); got.status != 200 {
			t.Fatalf("got %d", got.status)
		}
		w.userinfoWith("DPoP", token, proof).want(t, 401, "invalid_dpop_proof")
		stolen := w.userinfoWith("Bearer", token, "")
		stolen.want(t, 401, "invalid_token")
		if challenges := stolen.header.Values("WWW-Authenticate"); len(challenges) != 2 || !strings.HasPrefix(challenges[0], "Bearer ") || !strings.HasPrefix(challenges[1], `DPoP algs="`) {
			t.Errorf("a bound token as Bearer: WWW-Authenticate %q, want both schemes", challenges)
		}
		w.userinfoWith("Bearer", token, h.proof("/oidc/userinfo", token)).want(t, 401, "invalid_token")
		w.userinfoWith("DPoP", token, "").want(t, 401, "invalid_dpop_proof")
		w.userinfoWith("DPoP", token, thief.proof("/oidc/userinfo", token)).want(t, 401, "invalid_token")
		w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", "", func(_, c map[string]any) { c["htm"] = "GET" })).want(t, 401, "invalid_dpop_proof") // no ath
		w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", token+"x")).want(t, 401, "invalid_dpop_proof")
		refused := w.userinfoWith("DPoP", token, "")
		if challenge := refused.header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, `DPoP algs="`) || !strings.Contains(challenge, `error="invalid_dpop_proof"`) {
			t.Errorf("WWW-Authenticate: %s", challenge)
		}
		free := w.tokens(cookie, "web").text("access_token")
		w.userinfoWith("DPoP", free, h.proof("/oidc/userinfo", free)).want(t, 401, "invalid_token") // not bound: no downgrade the other way either
		in := w.introspect("web", token)
		if cnf, _ := in.body["cnf"].(map[string]any); !in.active() || cnf["jkt"] != h.jwk.thumbprint() || in.text("token_type") != "DPoP" {
			t.Errorf("introspection: %v", in.body)
		}
	}
}

// RFC 9449 §5: a public client's refresh token is bound, and stays the same (FAPI 2.0 §5.3.2.1).
func TestRefreshTokenOfAPublicClientIsBound(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	_, cookie := w.person("Ann")
	h, thief := w.holder(), w.holder()
	a := w.token("", h.proof("/oidc/token", ""), exchangeForm(w.code(cookie, "spa"), set("client_id", "spa")))
	refresh := a.text("refresh_token")
	if a.status != 200 || refresh == "" {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	form := refreshForm(refresh, set("client_id", "spa"))
	w.token("", "", form).want(t, 400, "invalid_grant")
	w.token("", thief.proof("/oidc/token", ""), form).want(t, 400, "invalid_grant")
	for range 3 {
		w.wait(time.Hour)
		b := w.token("", h.proof("/oidc/token", ""), form)
		if b.status != 200 || b.text("token_type") != "DPoP" || b.text("refresh_token") != refresh {
			t.Fatalf("with its key: got %d %v", b.status, b.body)
		}
	}
}

// The refresh token of a client with a secret is bound by that; only its access tokens are bound to keys.
func TestConfidentialClientMayChangeItsKey(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	one, two := w.holder(), w.holder()
	a := w.token("web", one.proof("/oidc/token", ""), exchangeForm(w.code(cookie, "web")))
	b := w.token("web", two.proof("/oidc/token", ""), refreshForm(a.text("refresh_token")))
	if b.status != 200 || b.text("token_type") != "DPoP" || b.text("refresh_token") == a.text("refresh_token") {
		t.Fatalf("got %d %v", b.status, b.body)
	}
	token := b.text("access_token")
	w.userinfoWith("DPoP", token, one.proof("/oidc/userinfo", token)).want(t, 401, "invalid_token")
	if got := w.userinfoWith("DPoP", token, two.proof("/oidc/userinfo", token)); got.status != 200 {
		t.Fatalf("got %d %v", got.status, got.body)
	}
}

func TestClientThatMustBindItsTokensGetsNoOthers(t *testing.T) {
	w := newWorld(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.DPoPBound = true })
	_, cookie := w.person("Ann")
	h, code := w.holder(), w.code(cookie, "web")
	w.token("web", "", exchangeForm(code)).want(t, 400, "invalid_dpop_proof")
	a := w.token("web", h.proof("/oidc/token", ""), exchangeForm(code))
	if a.status != 200 {
		t.Fatalf("the refused request spent the code: %d %v", a.status, a.body)
	}
	w.token("web", "", refreshForm(a.text("refresh_token"))).want(t, 400, "invalid_dpop_proof")
	b := w.token("web", h.proof("/oidc/token", ""), refreshForm(a.text("refresh_token")))
	if b.status != 200 || b.text("refresh_token") != a.text("refresh_token") {
		t.Fatalf("it keeps its refresh token: got %d %v", b.status, b.body)
	}
}

// RFC 9449 §10: a stolen code is no use without the key its request named.
func TestCodeIsBoundToTheKeyOfItsRequest(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	_, cookie := w.person("Ann")
	h, thief := w.holder(), w.holder()
	for name, bad := range map[string]string{"short": "abc", "padded": h.jwk.thumbprint() + "=", "no base64": strings.Repeat("!", 43)} {
		if got := w.authorize(request("spa", set("dpop_jkt", bad)), cookie); got.Get("error") != "invalid_request" {
			t.Errorf("%s: got %v", name, got)
		}
	}
	code := w.code(cookie, "spa", set("dpop_jkt", h.jwk.thumbprint()))
	form := exchangeForm(code, set("client_id", "spa"))
	w.token("", "", form).want(t, 400, "invalid_grant")
	w.token("", thief.proof("/oidc/token", ""), form).want(t, 400, "invalid_grant")
	if got := w.token("", h.proof("/oidc/token", ""), form); got.status != 200 {
		t.Fatalf("with its key: got %d %v", got.status, got.body)
	}
}

// RFC 9449 §10.1: the proof of a pushed request names the key.
func TestPushedRequestBindsItsCodeToTheKeyOfItsProof(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	h, thief := w.holder(), w.holder()
	push := func(proof string, change ...func(url.Values)) answer {
		return w.postWith("/oidc/par", "web", proof, request("web", change...))
	}
	push(h.proof("/oidc/token", "")).want(t, 400, "invalid_dpop_proof")
	push(h.proof("/oidc/par", ""), set("dpop_jkt", thief.jwk.thumbprint())).want(t, 400, "invalid_dpop_proof")
	pushed := push(h.proof("/oidc/par", ""))
	if pushed.status != http.StatusCreated {
		t.Fatalf("got %d %v", pushed.status, pushed.body)
	}
	code := w.authorize(url.Values{"client_id": {"web"}, "request_uri": {pushed.text("request_uri")}}, cookie).Get("code")
	w.token("web", thief.proof("/oidc/token", ""), exchangeForm(code)).want(t, 400, "invalid_grant")
	w.token("web", "", exchangeForm(code)).want(t, 400, "invalid_grant")
	if got := w.token("web", h.proof("/oidc/token", ""), exchangeForm(code)); got.status != 200 {
		t.Fatalf("got %d %v", got.status, got.body)
	}
}

// RFC 9449 §8 and §9.
func TestClientThatMustUseNoncesIsToldTheNonceAndGoesOn(t *testing.T) {
	w := newWorld(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.RequireNonce = true })
	_, cookie := w.person("Ann")
	h, code := w.holder(), w.code(cookie, "web")
	with := func(nonce string) func(_, claims map[string]any) {
		return func(_, claims map[string]any) { claims["nonce"] = nonce }
	}
	first := w.token("web", h.proof("/oidc/token", ""), exchangeForm(code))
	first.want(t, 400, "use_dpop_nonce")
	nonce := first.header.Get("DPoP-Nonce")
	for _, bad := range []string{"", "x", nonce + "x", w.p.nonceAt(w.now().Unix()/60 + 5), w.p.nonceAt(w.now().Unix()/60 - 5)} {
		w.token("web", h.proof("/oidc/token", "", with(bad)), exchangeForm(code)).want(t, 400, "use_dpop_nonce")
	}
	a := w.token("web", h.proof("/oidc/token", "", with(nonce)), exchangeForm(code))
	if a.status != 200 {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	token := a.text("access_token")
	again := w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", token))
	again.want(t, 401, "use_dpop_nonce")
	w.wait(3 * time.Minute) // a nonce is good for a while
	if got := w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", token, with(again.header.Get("DPoP-Nonce")))); got.status != 200 {
		t.Fatalf("got %d %v", got.status, got.body)
	}
	w.wait(3 * time.Minute)
	w.userinfoWith("DPoP", token, h.proof("/oidc/userinfo", token, with(nonce))).want(t, 401, "use_dpop_nonce")
}

func TestBoundTokensForAPIsAndMachinesNameTheirKey(t *testing.T) {
	w := newAPIs(t)
	w.addMachine("robot", "orders:read")
	w.changeClient("robot", func(c *storage.Client) { c.Settings.Resources = []string{orders} })
	h := w.holder()
	for _, opaque := range []bool{false, true} {
		w.changeResource(orders, func(r *storage.Resource) { r.Settings.Opaque = opaque })
		a := w.token("robot", h.proof("/oidc/token", ""), url.Values{"grant_type": {"client_credentials"}, "resource": {orders}})
		in := w.introspect("robot", a.text("access_token"))
		if cnf, _ := in.body["cnf"].(map[string]any); cnf["jkt"] != h.jwk.thumbprint() {
			t.Errorf("opaque %v: introspection says %v", opaque, in.body)
		}
		if !opaque {
			if _, payload := claims(t, a.text("access_token")); payload["cnf"].(map[string]any)["jkt"] != h.jwk.thumbprint() {
				t.Errorf("cnf %v", payload["cnf"])
			}
		}
	}
}

// RFC 7638 §3.1.
func TestThumbprintOfTheRFC(t *testing.T) {
	k := jwk{Kty: "RSA", Kid: "2011-04-29", Alg: "RS256", E: "AQAB", N: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}
	if got := k.thumbprint(); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Fatalf("got %s", got)
	}
}
