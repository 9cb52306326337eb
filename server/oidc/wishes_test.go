package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// strongSession signs somebody in with that strength.
func (w *world) strongSession(u storage.User, acr string) *http.Cookie {
	w.t.Helper()
	token, now := secret.Token(32), w.now().UnixMicro()
	s := storage.Session{ID: storage.NewID(), Digest: secret.Hash(token), UserID: u.ID, AuthTime: now, AMR: "otp", ACR: acr, Seen: now, Expires: now + (24 * time.Hour).Microseconds()}
	w.write(func(tx storage.Tx) error { return tx.InsertSession(s) })
	rec := httptest.NewRecorder()
	w.cookies.Set(rec, "session", token, 0)
	return rec.Result().Cookies()[0]
}

// OpenID Connect Core §5.5: claims by name go where they were asked for, for the whole life of the grant, and no others do.
func TestClaimsAskedForByNameGoWhereTheyWereAskedFor(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	asked := set("claims", `{"userinfo":{"name":{"essential":true},"picture":null,"nickname":null,"nonsense":{"value":1}},"id_token":{"email":{"essential":true},"auth_time":{"essential":true}}}`)
	a := w.exchange("web", w.code(cookie, "web", asked, set("scope", "openid offline_access")))
	for range 2 { // at the exchange and at the refresh
		_, id := claims(t, a.text("id_token"))
		info := w.userinfo(a.text("access_token"))
		if id["email"] != "Ann@example.com" || id["name"] != nil || id["email_verified"] != nil || id["auth_time"] == nil {
			t.Fatalf("ID token: %v", id)
		}
		if info.body["name"] != "Ann" || info.body["email"] != nil || info.body["preferred_username"] != nil || info.body["nonsense"] != nil || info.body["picture"] != nil {
			t.Fatalf("userinfo: %v", info.body)
		}
		a = w.refresh("web", a.text("refresh_token"))
	}
	plain := w.exchange("web", w.code(cookie, "web", set("scope", "openid")))
	if _, id := claims(t, plain.text("id_token")); id["email"] != nil || w.userinfo(plain.text("access_token")).body["name"] != nil {
		t.Fatalf("without claims: %v", id)
	}
}

func TestClaimsSurviveTheTripToSignInAndComeInASignedRequest(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	u, _ := w.person("Ann")
	object := s.sign(w.object("signed", claim("scope", "openid"), claim("claims", map[string]any{"id_token": map[string]any{"email": nil}})), nil)
	res := w.toSignIn(withObject("signed", object))
	session, resume := w.finish(u, res)
	_, to := w.location(resume, append(res.Cookies(), session)...)
	a := w.exchange("", to.Query().Get("code"), asserting(s.sign(w.assertion("signed"), nil)))
	if _, id := claims(t, a.text("id_token")); id["email"] != "Ann@example.com" {
		t.Fatalf("got %v", id)
	}
}

// A claim asked for by name opens no side door: people are asked about its scope, and an application that may not have the scope
// does not get the claim either.
func TestClaimsDoNotGoBeyondWhatPeopleAreAskedAbout(t *testing.T) {
	w, ann, u := consentWorld(t)
	cookie, _ := w.session(u)
	w.addClient("narrow", "web", func(c *storage.Client) { c.Settings.Scopes = []string{"openid", "profile"} })
	now := w.now().UnixMicro()
	w.write(func(tx storage.Tx) error {
		return tx.PutConsent(storage.Consent{UserID: u.ID, ClientID: "other", Scopes: []string{"openid", "profile"}, Created: now, Updated: now})
	})
	asked := set("claims", `{"id_token":{"email":null,"nickname":null},"userinfo":{"email":null}}`)
	profile := set("scope", "openid profile")
	if got := w.authorize(request("other", asked, profile, set("prompt", "none")), cookie); got.Get("error") != "consent_required" {
		t.Fatalf("nobody was asked: %v", got)
	}
	flow := ann.asked(request("other", asked, profile))
	if _, _, body := ann.get("/consent?flow=" + flow); !strings.Contains(body, "See your e-mail address") {
		t.Errorf("the page does not ask about the e-mail address: %s", body)
	}
	a := w.exchange("other", ann.decide(flow, "allow").Get("code"))
	if _, id := claims(t, a.text("id_token")); id["email"] != "Ann@example.com" || a.text("scope") != "openid profile" {
		t.Errorf("after the answer: %v, scope %q", id, a.text("scope"))
	}
	a = w.exchange("narrow", w.code(cookie, "narrow", asked, profile))
	if _, id := claims(t, a.text("id_token")); id["email"] != nil || id["name"] != "Ann" || w.userinfo(a.text("access_token")).body["email"] != nil {
		t.Errorf("the application may not ask for e-mail addresses and got %v", id)
	}
}

func TestClaimsParametersThatAreNotRight(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	for _, text := range []string{"x", "[]", "null", `"text"`, `{"userinfo":[]}`, `{"id_token":"x"}`, `{"id_token":{"acr":5}}`, `{"id_token":{"acr":{"values":"x"}}}`, `{"id_token":{"acr":{"essential":"yes"}}}`,
		`{"id_token":{},"id_token":{}}`, `{"userinfo":{"name":null,"name":null}}`, `{}x`, `{"userinfo":{"sub":{"value":"a"}},"id_token":{"sub":{"value":"b"}}}`, `{"id_token":{"sub":{"values":["a","b"]}}}`,
		`{"x":"` + strings.Repeat("x", maxClaims) + `"}`, strings.Repeat("[", 3000)} {
		if got := w.authorize(request("web", set("claims", text)), cookie); got.Get("error") != "invalid_request" || got.Get("code") != "" {
			t.Errorf("%.40s: got %v", text, got)
		}
	}
	for _, text := range []string{"", "{}", `{"userinfo":null,"id_token":{}}`, `{"unknown":5}`, `{"id_token":{"unknown":{"x":1}}}`} {
		if got := w.authorize(request("web", set("claims", text)), cookie); got.Get("code") == "" {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// Core §5.5.1: a request that names a person is not answered for another.
func TestClaimsCanNameThePerson(t *testing.T) {
	w := newWorld(t)
	ann, anns := w.person("Ann")
	_, bobs := w.person("Bob")
	for _, member := range []string{"id_token", "userinfo"} {
		asked := set("claims", `{"`+member+`":{"sub":{"value":"`+ann.ID.String()+`"}}}`)
		if got := w.authorize(request("web", asked, set("prompt", "none")), anns); got.Get("code") == "" {
			t.Errorf("%s, Ann: got %v", member, got)
		}
		if got := w.authorize(request("web", asked, set("prompt", "none")), bobs); got.Get("error") != "login_required" {
			t.Errorf("%s, Bob: got %v", member, got)
		}
		w.toSignIn(request("web", asked), bobs)
	}
}

// Core §2, §5.5.1.1; RFC 9470 §4.
func TestACRInTokensIsOneThatWasAskedForAndFulfilled(t *testing.T) {
	w := newWorld(t)
	u, _ := w.person("Ann")
	weak, usual, best := w.strongSession(u, "0"), w.strongSession(u, authn.ACR), w.strongSession(u, "phr")
	acrClaim := func(inner string) func(url.Values) { return set("claims", `{"id_token":{"acr":{`+inner+`}}}`) }
	for _, test := range []struct {
		name   string
		cookie *http.Cookie
		change func(url.Values)
		want   string // acr, or "sign-in", or an error
	}{
		{"nothing asked", usual, without(), authn.ACR},
		{"the usual", usual, set("acr_values", authn.ACR), authn.ACR},
		{"the first that is fulfilled", best, set("acr_values", "x urn:gatelatch:2 phr"), "urn:gatelatch:2"},
		{"in the order asked", usual, set("acr_values", "phr urn:gatelatch:1"), authn.ACR},
		{"a wish for more than was proven", usual, set("acr_values", "phr"), "sign-in"},
		{"a wish without meaning", usual, set("acr_values", "x"), authn.ACR},
		{"a wish that a new sign-in fulfils", weak, set("acr_values", authn.ACR), "sign-in"},
		{"by claims", best, acrClaim(`"values":["urn:gatelatch:2"]`), "urn:gatelatch:2"},
		{"by claims before acr_values", best, func(v url.Values) {
			set("acr_values", "phr")(v)
			acrClaim(`"values":["urn:gatelatch:2"]`)(v)
		}, "urn:gatelatch:2"},
		{"essential and fulfilled", usual, acrClaim(`"essential":true,"value":"urn:gatelatch:1"`), authn.ACR},
		{"essential without values", usual, acrClaim(`"essential":true`), authn.ACR},
		{"essential, and a new sign-in fulfils it", weak, acrClaim(`"essential":true,"values":["urn:gatelatch:1"]`), "sign-in"},
		{"essential, and more than was proven", usual, acrClaim(`"essential":true,"values":["phr"]`), "sign-in"},
		{"essential without meaning", usual, acrClaim(`"essential":true,"value":"x"`), "unmet_authentication_requirements"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := request("web", test.change)
			if test.want == "sign-in" {
				w.toSignIn(v, test.cookie)
				return
			}
			got := w.authorize(v, test.cookie)
			if got.Get("code") == "" {
				if got.Get("error") != test.want {
					t.Fatalf("got %v, want %s", got, test.want)
				}
				return
			}
			a := w.exchange("web", got.Get("code"))
			if _, id := claims(t, a.text("id_token")); id["acr"] != test.want {
				t.Fatalf("acr %v, want %s", id["acr"], test.want)
			}
			a = w.refresh("web", a.text("refresh_token"))
			if _, id := claims(t, a.text("id_token")); id["acr"] != test.want {
				t.Fatalf("acr %v after a refresh, want %s", id["acr"], test.want)
			}
		})
	}
}

func TestASignInThatIsTooWeakIsNotAnAnswer(t *testing.T) {
	w := newWorld(t)
	u, _ := w.person("Ann")
	weak := w.strongSession(u, "0")
	res := w.toSignIn(request("web", set("claims", `{"id_token":{"acr":{"essential":true,"value":"urn:gatelatch:1"}}}`)), weak)
	id, err := storage.ParseID(strings.TrimPrefix(res.Header.Get("Location"), "/sign-in?flow="))
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.p.engine.Session(t.Context(), weak.Value)
	if err != nil || live == nil {
		t.Fatal(err)
	}
	w.write(func(tx storage.Tx) error { return tx.FinishFlow(id, live.Session.ID, w.now().UnixMicro()) })
	_, to := w.location("/oidc/resume?flow="+id.String(), append(res.Cookies(), weak)...)
	if to.Query().Get("error") != "unmet_authentication_requirements" || to.Query().Has("code") {
		t.Fatalf("got %s", to)
	}
}

// RFC 9470 §3, §5: an older, weaker token is challenged, and what the challenge asks for is enough.
func TestAClientThatInsistsOnStrength(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	weak := w.strongSession(u, "0")
	old := w.exchange("web", w.code(weak, "web"))
	c, err := w.store.View(t.Context()).Client("web")
	if err != nil {
		t.Fatal(err)
	}
	c.Settings.RequiredACR = authn.ACR
	w.write(func(tx storage.Tx) error { return tx.UpdateClient(c) })
	a := w.userinfo(old.text("access_token"))
	a.want(t, 401, "insufficient_user_authentication")
	if h := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Bearer ") || !strings.Contains(h, `error="insufficient_user_authentication"`) || !strings.Contains(h, `acr_values="urn:gatelatch:1"`) {
		t.Fatalf("challenge %q", h)
	}
	w.toSignIn(request("web"), weak)
	if got := w.authorize(request("web", set("prompt", "none")), weak); got.Get("error") != "login_required" {
		t.Fatalf("silently: got %v", got)
	}
	fresh := w.exchange("web", w.code(cookie, "web", set("acr_values", authn.ACR)))
	if got := w.userinfo(fresh.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("after the step-up: %d %v", got.status, got.body)
	}
	c.Settings.RequiredACR = "phr"
	w.write(func(tx storage.Tx) error { return tx.UpdateClient(c) })
	w.toSignIn(request("web"), cookie)
	c.Settings.RequiredACR = "urn:example:biometric"
	w.write(func(tx storage.Tx) error { return tx.UpdateClient(c) })
	if got := w.authorize(request("web"), cookie); got.Get("error") != "unmet_authentication_requirements" {
		t.Fatalf("what nobody reaches: got %v", got)
	}
}
