package oidc

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

func digestOf(uri string) []byte {
	d := sha256.Sum256([]byte(uri))
	return d[:]
}

// object is a request object over the usual request; change may alter its claims.
func (w *world) object(client string, change ...func(map[string]any)) map[string]any {
	c := map[string]any{"iss": client, "aud": "https://id.example/oidc", "exp": w.now().Add(5 * time.Minute).Unix()}
	for name, values := range request(client) {
		c[name] = values[0]
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func withObject(client, object string) url.Values {
	return url.Values{"client_id": {client}, "request": {object}, "response_type": {"code"}, "scope": {"openid"}}
}

// RFC 9101 §5, §6; OpenID Connect Core §6.1.
func TestASignedRequestCountsAndNothingBesideIt(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t)
			s := newSigner(alg, "k1")
			w.addKeyClient(t, "signed", s, func(c *storage.Client) { c.Settings.RequestObjectAlg = alg })
			_, cookie := w.person("Ann")
			v := withObject("signed", s.sign(w.object("signed", claim("scope", "openid email")), map[string]any{"typ": "oauth-authz-req+jwt"}))
			v.Set("state", "outer")
			v.Set("redirect_uri", "https://evil.example/cb")
			v.Set("scope", "openid profile offline_access")
			v.Set("nonce", "outer")
			got := w.authorize(v, cookie)
			if got.Get("state") != "s t/ä" || got.Get("code") == "" {
				t.Fatalf("got %v", got)
			}
			a := w.exchange("", got.Get("code"), asserting(s.sign(w.assertion("signed"), nil)))
			if _, payload := claims(t, a.text("id_token")); a.text("scope") != "openid email" || payload["nonce"] != "n-0S6_WzA2Mj" {
				t.Fatalf("got %v %v", a.body, payload)
			}
		})
	}
}

func TestClaimsOfARequestObjectHaveTypes(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	_, cookie := w.person("Ann")
	w.wait(20 * time.Second)
	u, err := w.store.View(t.Context()).UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []any{10, "10"} { // fosite: a number became "%!s(int64=10)" and was ignored
		w.toSignIn(withObject("signed", s.sign(w.object("signed", claim("max_age", age)), nil)), cookie)
	}
	cookie, _ = w.session(u)
	if got := w.authorize(withObject("signed", s.sign(w.object("signed", claim("max_age", 10)), nil)), cookie); got.Get("code") == "" {
		t.Fatalf("got %v", got)
	}
	for name, change := range map[string]func(map[string]any){
		"max_age with a fraction": claim("max_age", 1.5), "max_age null": func(c map[string]any) { c["max_age"] = json.RawMessage("null") }, "scope in a list": claim("scope", []string{"openid"}),
		"state is a number": claim("state", 5), "prompt is true": claim("prompt", true), "claims in a list": claim("claims", []string{}), "nonce is an object": claim("nonce", map[string]any{}),
		"NUL": claim("state", "a\x00b"), "a request inside": claim("request", "x"), "a request_uri inside": claim("request_uri", "https://x.example"), "a secret": claim("client_secret", "x"),
	} {
		if got := w.authorize(withObject("signed", s.sign(w.object("signed", change), nil)), cookie); got.Get("error") != "invalid_request_object" || got.Get("code") != "" {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// RFC 9101 §4, §6.1, §10; FAPI 2.0 Message Signing §5.3.1.
func TestRequestObjectsThatAreNotRight(t *testing.T) {
	w := newWorld(t)
	s, stranger := newSigner("ES256", "k1"), newSigner("ES256", "k1")
	rs := newSigner("RS256", "r1")
	w.addKeyClient(t, "signed", s)
	w.addKeyClient(t, "pinned", s, func(c *storage.Client) { c.Settings.RequestObjectAlg = "PS256" })
	w.addKeyClient(t, "rsa", rs)
	w.addKeyClient(t, "always", s, func(c *storage.Client) { c.Settings.RequireSigned = true })
	_, cookie := w.person("Ann")
	now := w.now().Unix()
	hand := func(change ...func(map[string]any)) string { return s.sign(w.object("signed", change...), nil) }
	none := b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(hand(), ".")[1] + "."
	for _, test := range []struct{ name, client, object, code string }{
		{"right", "signed", hand(), ""},
		{"without typ", "signed", s.sign(w.object("signed"), map[string]any{"typ": nil}), ""},
		{"aud in a list", "signed", hand(claim("aud", []string{"https://id.example/oidc", "https://x.example"})), ""},
		{"nbf 59 minutes back", "signed", hand(claim("nbf", now-59*60)), ""},
		{"without client_id inside", "signed", hand(claim("client_id", nil)), ""},
		{"nbf of a client that signs all", "always", s.sign(w.object("always", claim("nbf", now)), nil), ""},

		{"no nbf of a client that signs all", "always", s.sign(w.object("always"), nil), "invalid_request_object"},
		{"alg none", "signed", none, "request_not_supported"},
		{"alg nOnE", "signed", b64([]byte(`{"alg":"nOnE"}`)) + "." + strings.Split(none, ".")[1] + ".", "request_not_supported"},
		{"a client without keys", "web", s.sign(w.object("web"), nil), "request_not_supported"},
		{"signed by a stranger", "signed", stranger.sign(w.object("signed"), nil), "invalid_request_object"},
		{"HS256 with the public key", "signed", s.withPublicKeyAsSecret(w.object("signed")), "invalid_request_object"},
		{"HS256 with the public RSA key", "rsa", rs.withPublicKeyAsSecret(w.object("rsa")), "invalid_request_object"},
		{"its own key in the header", "signed", stranger.sign(w.object("signed"), map[string]any{"jwk": stranger.jwk(), "kid": nil}), "invalid_request_object"},
		{"jku", "signed", stranger.sign(w.object("signed"), map[string]any{"jku": "https://evil.example/jwks", "kid": "e"}), "invalid_request_object"},
		{"another algorithm than set", "pinned", s.sign(w.object("pinned"), nil), "invalid_request_object"},
		{"typ of another kind", "signed", s.sign(w.object("signed"), map[string]any{"typ": "at+jwt"}), "invalid_request_object"},
		{"crit", "signed", s.sign(w.object("signed"), map[string]any{"crit": []string{"x"}}), "invalid_request_object"},
		{"another client's", "signed", s.sign(w.object("other"), nil), "invalid_request_object"},
		{"client_id of another inside", "signed", hand(claim("client_id", "web")), "invalid_request_object"},
		{"no iss", "signed", hand(claim("iss", nil)), "invalid_request_object"},
		{"no aud", "signed", hand(claim("aud", nil)), "invalid_request_object"},
		{"aud of another server", "signed", hand(claim("aud", "https://evil.example")), "invalid_request_object"},
		{"a client assertion", "signed", s.sign(w.assertion("signed"), nil), "invalid_request_object"},
		{"no exp", "signed", hand(claim("exp", nil)), "invalid_request_object"},
		{"expired", "signed", hand(claim("exp", now-61)), "invalid_request_object"},
		{"exp in 70 minutes", "signed", hand(claim("exp", now+70*60)), "invalid_request_object"},
		{"nbf in the future", "signed", hand(claim("nbf", now+120)), "invalid_request_object"},
		{"nbf 70 minutes back", "signed", hand(claim("nbf", now-70*60)), "invalid_request_object"},
		{"encrypted", "signed", "a.b.c.d.e", "invalid_request_object"},
		{"nothing", "signed", "", "invalid_request_object"},
	} {
		v := withObject(test.client, test.object)
		v.Set("redirect_uri", callback)
		v.Set("state", "kept")
		got := w.authorize(v, cookie)
		if got.Get("error") != test.code || (got.Get("code") == "") != (test.code != "") {
			t.Errorf("%s: got %v, want %q", test.name, got, test.code)
		}
		if test.code != "" && (got.Get("state") != "kept" || got.Get("iss") == "") {
			t.Errorf("%s: the refusal is %v", test.name, got)
		}
	}
}

// A refusal goes to a registered address, or to none.
func TestARefusedObjectLeadsNowhereElse(t *testing.T) {
	w := newWorld(t)
	s, stranger := newSigner("ES256", "k1"), newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	if got := w.authorize(withObject("signed", stranger.sign(w.object("signed"), nil))); got.Get("error") != "invalid_request_object" || got.Get("state") != "s t/ä" {
		t.Fatalf("the registered address inside: got %v", got)
	}
	for name, v := range map[string]url.Values{
		"a foreign one inside":         withObject("signed", s.sign(w.object("signed", claim("redirect_uri", "https://evil.example/cb")), nil)),
		"a foreign one inside, forged": withObject("signed", stranger.sign(w.object("signed", claim("redirect_uri", "https://evil.example/cb")), nil)),
		"none inside, one outside": func() url.Values {
			v := withObject("signed", s.sign(w.object("signed", claim("redirect_uri", nil)), nil))
			v.Set("redirect_uri", callback)
			return v
		}(),
		"an unknown client":             withObject("nobody", s.sign(w.object("nobody"), nil)),
		"two objects":                   {"client_id": {"signed"}, "request": {"a", "b"}},
		"no JWT and no address at all":  withObject("signed", "x"),
		"a foreign request_uri, no way": {"client_id": {"signed"}, "request_uri": {"https://evil.example/r"}},
	} {
		if status, body := w.page(v); status != 400 || strings.Contains(body, "evil.example") {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
}

func TestASignedRequestMayBePushedAndIsReadFromThere(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s, func(c *storage.Client) { c.Settings.RequirePushed, c.Settings.RequireSigned = true, true })
	u, cookie := w.person("Ann")
	begins := claim("nbf", w.now().Unix())
	push := func(change ...func(url.Values)) answer {
		v := url.Values{"request": {s.sign(w.object("signed", begins), nil)}}
		asserting(s.sign(w.assertion("signed"), nil))(v)
		for _, f := range change {
			f(v)
		}
		return w.post("/oidc/par", "", v)
	}
	a := push()
	if a.status != http.StatusCreated {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	if got := w.authorize(byURI("signed", a.text("request_uri")), cookie); got.Get("code") == "" || got.Get("state") != "s t/ä" {
		t.Fatalf("got %v", got)
	}
	res := w.toSignIn(byURI("signed", push().text("request_uri")))
	session, resume := w.finish(u, res)
	if _, to := w.location(resume, append(res.Cookies(), session)...); !to.Query().Has("code") {
		t.Fatalf("after the sign-in: %s", to)
	}
	push(set("request", "x")).want(t, 400, "invalid_request_object")
	push(set("request", s.sign(w.object("signed", begins, claim("exp", nil)), nil))).want(t, 400, "invalid_request_object")
	push(set("request", s.sign(w.object("signed", begins, claim("redirect_uri", "https://evil.example/")), nil))).want(t, 400, "invalid_request")
	plain := request("signed")
	asserting(s.sign(w.assertion("signed"), nil))(plain)
	w.post("/oidc/par", "", plain).want(t, 400, "invalid_request") // it must sign
	if got := w.authorize(withObject("signed", s.sign(w.object("signed", begins), nil)), cookie); got.Get("error") != "invalid_request" {
		t.Fatalf("signed but not pushed: %v", got)
	}
}
