package oidc

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/storage"
)

// RFC 7523 §2.2, OpenID Connect Core §9.
func TestAClientProvesItselfByAnAssertion(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t)
			s := newSigner(alg, "k1")
			w.addKeyClient(t, "signed", s, func(c *storage.Client) { c.Settings.AuthAlg = alg })
			_, cookie := w.person("Ann")
			a := w.exchange("", w.code(cookie, "signed"), asserting(s.sign(w.assertion("signed"), nil)))
			if a.status != http.StatusOK {
				t.Fatalf("exchange: got %d %v", a.status, a.body)
			}
			a = w.refresh("", a.text("refresh_token"), asserting(s.sign(w.assertion("signed"), nil)), set("client_id", "signed"))
			if a.status != http.StatusOK {
				t.Fatalf("refresh: got %d %v", a.status, a.body)
			}
			form := url.Values{"token": {a.text("refresh_token")}}
			asserting(s.sign(w.assertion("signed"), nil))(form)
			if r := w.post("/oidc/revoke", "", form); r.status != http.StatusOK {
				t.Fatalf("revoke: got %d %v", r.status, r.body)
			}
			if got := w.userinfo(a.text("access_token")); got.status != http.StatusUnauthorized {
				t.Fatalf("the revocation did nothing: %d", got.status)
			}
		})
	}
}

// RFC 7523 §3, FAPI 2.0 §5.3.3.1: aud is the issuer as one string, clocks differ by a minute at most.
func TestAssertionsThatAreNotRight(t *testing.T) {
	w := newWorld(t)
	s, stranger := newSigner("ES256", "k1"), newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	w.addKeyClient(t, "other", newSigner("ES256", "k2"))
	issuer, now := "https://id.example/oidc", w.now().Unix()
	hand := func(change ...func(map[string]any)) string { return s.sign(w.assertion("signed", change...), nil) }
	for _, test := range []struct {
		name  string
		token string
		ok    bool
	}{
		{"right", hand(), true},
		{"without iat", hand(claim("iat", nil)), true},
		{"without kid", s.sign(w.assertion("signed"), map[string]any{"kid": nil}), true},
		{"without typ", s.sign(w.assertion("signed"), map[string]any{"typ": nil}), true},
		{"its own typ", s.sign(w.assertion("signed"), map[string]any{"typ": "client-authentication+jwt"}), true},
		{"nbf 8 s ahead", hand(claim("nbf", now+8)), true},
		{"iat 50 s ahead", hand(claim("iat", now+50)), true},
		{"expired 30 s ago", hand(claim("exp", now-30)), true},
		{"a fraction of a second", hand(claim("exp", float64(now)+90.5)), true},

		{"signed by a stranger", stranger.sign(w.assertion("signed"), nil), false},
		{"unknown kid", s.sign(w.assertion("signed"), map[string]any{"kid": "k9"}), false},
		{"alg none", b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(hand(), ".")[1] + ".", false},
		{"HS256 with the public key", s.withPublicKeyAsSecret(w.assertion("signed")), false},
		{"its own key in the header", stranger.sign(w.assertion("signed"), map[string]any{"jwk": stranger.jwk(), "kid": nil}), false},
		{"jku", stranger.sign(w.assertion("signed"), map[string]any{"jku": "https://evil.example/jwks", "kid": "evil"}), false},
		{"x5u", stranger.sign(w.assertion("signed"), map[string]any{"x5u": "https://evil.example/x5", "kid": "evil"}), false},
		{"crit", s.sign(w.assertion("signed"), map[string]any{"crit": []string{"exp"}}), false},
		{"typ of another kind", s.sign(w.assertion("signed"), map[string]any{"typ": "at+jwt"}), false},
		{"another client's name", hand(claim("iss", "other"), claim("sub", "other")), false},
		{"iss of another", hand(claim("iss", "other")), false},
		{"no iss", hand(claim("iss", nil)), false},
		{"no sub", hand(claim("sub", nil)), false},
		{"no aud", hand(claim("aud", nil)), false},
		{"aud in a list", hand(claim("aud", []string{issuer})), false},
		{"aud in a list of two", hand(claim("aud", []string{issuer, "https://evil.example"})), false},
		{"aud is the token endpoint", hand(claim("aud", issuer+"/token")), false},
		{"aud is the PAR endpoint", hand(claim("aud", issuer+"/par")), false},
		{"aud with a slash", hand(claim("aud", issuer+"/")), false},
		{"aud of another server", hand(claim("aud", "https://evil.example")), false},
		{"no exp", hand(claim("exp", nil)), false},
		{"exp is text", hand(claim("exp", "soon")), false},
		{"exp is null", hand(func(c map[string]any) { c["exp"] = json.RawMessage("null") }), false},
		{"expired 61 s ago", hand(claim("exp", now-61)), false},
		{"expired 5 minutes ago", hand(claim("exp", now-300)), false},
		{"exp in 11 minutes", hand(claim("exp", now+660)), false},
		{"exp in 10 years", hand(claim("exp", now+315360000)), false},
		{"exp beyond all numbers", hand(claim("exp", 1e300)), false},
		{"nbf 70 s ahead", hand(claim("nbf", now+70)), false},
		{"iat 70 s ahead", hand(claim("iat", now+70)), false},
		{"no jti", hand(claim("jti", nil)), false},
		{"empty jti", hand(claim("jti", "")), false},
		{"jti is a number", hand(claim("jti", 5)), false},
		{"nothing", "", false},
		{"no JWT", "secret", false},
		{"encrypted", "a.b.c.d.e", false},
	} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(test.token)(form)
		a := w.post("/oidc/token", "", form)
		if test.ok && a.text("error") != "invalid_grant" || !test.ok && (a.status != 401 || a.text("error") != "invalid_client") {
			t.Errorf("%s: got %d %v", test.name, a.status, a.body)
		}
	}
}

func TestTheSettingPinsTheAlgorithmOfAssertions(t *testing.T) {
	w := newWorld(t)
	rs, ps := newSigner("RS256", "k1"), newSigner("PS256", "k1")
	public := rs.jwk()
	delete(public, "alg") // good for both
	set, _ := json.Marshal(map[string]any{"keys": []any{public}})
	w.addKeyClient(t, "pinned", ps, func(c *storage.Client) { c.Settings.AuthAlg, c.Settings.JWKS = "PS256", set })
	try := func(token string) answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(token)(form)
		return w.post("/oidc/token", "", form)
	}
	try(rs.sign(w.assertion("pinned"), nil)).want(t, 401, "invalid_client")
	try(ps.sign(w.assertion("pinned"), nil)).want(t, 400, "invalid_grant")
}

// Older libraries address an endpoint, or everything they can think of: OpenID Connect Core §9 suggested it.
func TestTheCompatibilitySwitchAcceptsOurEndpointsAsAudience(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "old", s, func(c *storage.Client) { c.Settings.EndpointAudience = true })
	for aud, ok := range map[any]bool{"https://id.example/oidc/token": true, "https://id.example/oidc": true, "https://evil.example/token": false, "https://id.example/oidc/token/": false} {
		for _, spelled := range []any{aud, []any{aud, "https://elsewhere.example"}} {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
			asserting(s.sign(w.assertion("old", claim("aud", spelled)), nil))(form)
			if a := w.post("/oidc/token", "", form); (a.text("error") == "invalid_grant") != ok {
				t.Errorf("aud %v: got %v", spelled, a.body)
			}
		}
	}
}

// RFC 7523 §3 point 7; the jti of one client is no business of another.
func TestAnAssertionCountsOnceForItsClientAndAlsoAfterARestart(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "a", s)
	w.addKeyClient(t, "b", s)
	try := func(token string) answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(token)(form)
		return w.post("/oidc/token", "", form)
	}
	token := s.sign(w.assertion("a", claim("jti", "same")), nil)
	try(token).want(t, 400, "invalid_grant")
	try(token).want(t, 401, "invalid_client")
	try(s.sign(w.assertion("b", claim("jti", "same")), nil)).want(t, 400, "invalid_grant")
	w.start(1)
	try(token).want(t, 401, "invalid_client")
	if a := w.post("/oidc/revoke", "", url.Values{"token": {"x"}, "client_assertion_type": {assertionType}, "client_assertion": {token}}); a.status != 401 {
		t.Fatalf("at another endpoint: got %d", a.status)
	}
}

func TestOfParallelUsesOfOneAssertionOneWins(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	token := s.sign(w.assertion("signed"), nil)
	var won atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
			asserting(token)(form)
			switch a := w.post("/oidc/token", "", form); a.text("error") {
			case "invalid_grant":
				won.Add(1)
			case "invalid_client":
			default:
				t.Errorf("got %d %v", a.status, a.body)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d of 20 were accepted, want 1", won.Load())
	}
}

func TestAForgedAssertionDoesNotBurnTheJTIOfTheRightOne(t *testing.T) {
	w := newWorld(t)
	s := newSigner("EdDSA", "k1")
	w.addKeyClient(t, "signed", s)
	right := s.sign(w.assertion("signed"), nil)
	parts := strings.Split(right, ".")
	_, other, _ := ed25519.GenerateKey(nil)
	forged := parts[0] + "." + parts[1] + "." + b64(ed25519.Sign(other, []byte(parts[0]+"."+parts[1])))
	for token, want := range map[string]string{forged: "invalid_client"} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(token)(form)
		w.post("/oidc/token", "", form).want(t, 401, want)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
	asserting(right)(form)
	w.post("/oidc/token", "", form).want(t, 400, "invalid_grant")
}

// RFC 6749 §2.3: one method in a request, and of a client only its own.
func TestMethodsOfAuthenticationAreNotMixed(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	w.addClient("spa", "spa", nil)
	assertion := func() func(url.Values) { return asserting(s.sign(w.assertion("signed"), nil)) }
	for _, test := range []struct {
		name   string
		basic  string
		change []func(url.Values)
		status int
		code   string
	}{
		{"Basic beside client_id", "web", []func(url.Values){set("client_id", "web")}, 400, "invalid_grant"},
		{"Basic beside another client_id", "web", []func(url.Values){set("client_id", "spa")}, 400, "invalid_request"},
		{"Basic and client_secret", "web", []func(url.Values){set("client_secret", testSecret)}, 400, "invalid_request"},
		{"Basic and an assertion", "web", []func(url.Values){assertion()}, 400, "invalid_request"},
		{"client_secret and an assertion", "", []func(url.Values){set("client_secret", testSecret), assertion()}, 400, "invalid_request"},
		{"an assertion and its client_id", "", []func(url.Values){set("client_id", "signed"), assertion()}, 400, "invalid_grant"},
		{"an assertion and another client_id", "", []func(url.Values){set("client_id", "web"), assertion()}, 401, "invalid_client"},
		{"an assertion without its type", "", []func(url.Values){assertion(), without("client_assertion_type")}, 401, "invalid_client"},
		{"an assertion of another type", "", []func(url.Values){assertion(), set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")}, 401, "invalid_client"},
		{"a type without an assertion", "", []func(url.Values){set("client_id", "signed"), set("client_assertion_type", assertionType)}, 401, "invalid_client"},
		{"a secret where keys are registered", "", []func(url.Values){set("client_id", "signed"), set("client_secret", testSecret)}, 401, "invalid_client"},
		{"Basic where keys are registered", "signed", nil, 401, "invalid_client"},
		{"nothing where keys are registered", "", []func(url.Values){set("client_id", "signed")}, 401, "invalid_client"},
		{"an assertion twice", "", []func(url.Values){assertion(), func(v url.Values) { v.Add("client_assertion", "x") }}, 400, "invalid_request"},
	} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		for _, f := range test.change {
			f(form)
		}
		if a := w.post("/oidc/token", test.basic, form); a.status != test.status || a.text("error") != test.code {
			t.Errorf("%s: got %d %v, want %d %s", test.name, a.status, a.body, test.status, test.code)
		}
	}
	for _, client := range []string{"web", "spa"} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion(client), nil))(form)
		if a := w.post("/oidc/token", "", form); a.status != 401 {
			t.Errorf("an assertion for %s, which has no keys: got %d %v", client, a.status, a.body)
		}
	}
}

// keyServer publishes a client's keys.
type keyServer struct {
	*httptest.Server
	mu   sync.Mutex
	keys []byte
	hits int
}

func newKeyServer(t *testing.T, signers ...*signer) *keyServer {
	k := &keyServer{keys: jwks(signers...)}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.hits++
		_, _ = w.Write(k.keys)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keyServer) publish(text []byte) {
	k.mu.Lock()
	k.keys = text
	k.mu.Unlock()
}

func (k *keyServer) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hits
}

func TestKeysAtAnAddressAreFetchedRarelyAndAnewForAnUnknownKid(t *testing.T) {
	w := newWorld(t)
	old, fresh, stranger := newSigner("ES256", "old"), newSigner("ES256", "fresh"), newSigner("ES256", "stranger")
	server := newKeyServer(t, old)
	w.addKeyClient(t, "remote", old, func(c *storage.Client) { c.Settings.JWKS, c.Settings.JWKSURI = nil, server.URL })
	try := func(s *signer, want string, hits int) {
		t.Helper()
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion("remote"), nil))(form)
		if a := w.post("/oidc/token", "", form); a.text("error") != want || server.count() != hits {
			t.Fatalf("got %v after %d fetches, want %s after %d", a.body, server.count(), want, hits)
		}
	}
	try(old, "invalid_grant", 1)
	try(old, "invalid_grant", 1)
	server.publish(jwks(old, fresh))
	try(fresh, "invalid_client", 1) // within the minute
	w.wait(61 * time.Second)
	try(fresh, "invalid_grant", 2)
	for range 5 {
		try(stranger, "invalid_client", 2) // nobody makes us knock again and again
	}
	w.wait(61 * time.Second)
	try(stranger, "invalid_client", 3)
	server.publish([]byte("broken"))
	w.wait(61 * time.Second)
	try(stranger, "invalid_client", 4)
	try(old, "invalid_grant", 4) // what is at hand is good for its hour
	w.wait(time.Hour)
	try(old, "invalid_client", 5)
	try(old, "invalid_client", 5)
	server.publish(jwks(fresh))
	w.wait(61 * time.Second)
	try(old, "invalid_client", 6) // a key that was taken away
	try(fresh, "invalid_grant", 6)
}

func TestKeysAtAnInnerAddressAreNotFetched(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	for i, address := range []string{"http://127.0.0.2:1/", "https://10.0.0.1/jwks", "https://[::1]/jwks", "http://169.254.169.254/latest"} {
		id := "inner" + string(rune('a'+i))
		w.addKeyClient(t, id, s, func(c *storage.Client) { c.Settings.JWKS, c.Settings.JWKSURI = nil, address })
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion(id), nil))(form)
		w.post("/oidc/token", "", form).want(t, 401, "invalid_client")
		if !strings.Contains(w.log.String(), "client_id="+id) {
			t.Errorf("%s: the log does not say so:\n%s", address, w.log)
		}
	}
}

func TestTheUseOfASecretIsNotedOnceAnHourAndItsEndWarnedOf(t *testing.T) {
	w := newWorld(t)
	w.write(func(tx storage.Tx) error {
		return tx.ExpireClientSecrets("web", storage.NewID(), w.now().Add(10*24*time.Hour).UnixMicro())
	})
	used := func() int64 {
		t.Helper()
		secrets, err := w.store.View(t.Context()).ClientSecrets("web", w.now().UnixMicro())
		if err != nil || len(secrets) != 1 {
			t.Fatalf("%d secrets, %v", len(secrets), err)
		}
		return secrets[0].LastUsed
	}
	call := func() {
		t.Helper()
		w.post("/oidc/token", "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}).want(t, 400, "invalid_grant")
	}
	call()
	first := used()
	if first == 0 {
		t.Fatal("not noted")
	}
	units := w.store.Stats().Units
	w.wait(59 * time.Minute)
	call()
	if used() != first || w.store.Stats().Units != units {
		t.Fatal("written again within the hour")
	}
	w.wait(time.Minute)
	call()
	if used() == first {
		t.Fatal("not noted after an hour")
	}
	if n := strings.Count(w.log.String(), "ends soon"); n != 2 || !strings.Contains(w.log.String(), "gatelatch app rotate-secret web") || strings.Contains(w.log.String(), testSecret) {
		t.Fatalf("warned %d times:\n%s", n, w.log)
	}
	w.post("/oidc/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}, "client_id": {"web"}, "client_secret": {"wrong"}}).want(t, 401, "invalid_client")
	w.wait(10 * 24 * time.Hour)
	w.post("/oidc/token", "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}).want(t, 401, "invalid_client")
}
