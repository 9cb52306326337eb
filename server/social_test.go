package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatelatch/email"
	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

func annThere() map[string]any {
	return map[string]any{"sub": "ann-there", "email": "ann@example.com", "email_verified": true, "name": "Ann Example", "given_name": "Ann", "preferred_username": "Ann.There"}
}

// begins opens the sign-in page as the bookstore has it, and goes to a provider.
func (p *person) begins(connection string) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.chooses(connection)
}

// chooses presses a provider's button on the screen.
func (p *person) chooses(connection string) {
	p.t.Helper()
	for _, f := range formsOf(p.t, p.screen.Body.String()) {
		if f.action == "/sign-in/social" && f.hidden.Get("connection") == connection {
			p.post(f.action, f.hidden)
			return
		}
	}
	p.t.Fatalf("no button for %s:\n%s", connection, p.screen.Body)
}

// arrived reports whether the person is back at the bookstore with a code.
func (p *person) arrived() bool {
	back, err := url.Parse(p.left)
	return err == nil && strings.HasPrefix(p.left, appCallback+"?") && back.Query().Get("code") != ""
}

// mailed types the code that was mailed to an address.
func (p *person) mailed(address string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	mail, err := p.mails.WaitFor(ctx, address, email.SignIn)
	if err != nil {
		p.t.Fatal(err)
	}
	p.submit("/sign-in/code", "code", mail.Code)
}

func (w *world) userBy(address string) (storage.User, []storage.Identity) {
	w.t.Helper()
	u, err := w.store.View(w.t.Context()).UserByEmail(address)
	if err != nil {
		w.t.Fatalf("%s: %v", address, err)
	}
	accounts, err := w.store.View(w.t.Context()).UserIdentities(u.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return u, accounts
}

// signedInAs is the session that the browser has; zero for none.
func (p *person) signedInAs() storage.Session {
	p.t.Helper()
	for _, c := range p.jar.Cookies(p.url) {
		if strings.Contains(c.Name, "session") {
			s, _, err := p.store.View(p.t.Context()).LiveSession(hashOf(c.Value), p.now().UnixMicro())
			if err == nil {
				return s
			}
		}
	}
	return storage.Session{}
}

func (w *world) addUser(address string) {
	w.t.Helper()
	w.administer("POST", "/users", map[string]any{"email": address}, http.StatusCreated)
}

func TestAnAccountElsewhereMakesAPersonAndSignsThemInAgain(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true})
	p := w.person()
	p.begins("staff")
	if q := queryOf(t, p.left); q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" || q.Get("response_type") != "code" || q.Get("redirect_uri") != "http://localhost:4283/sign-in/social/staff/callback" {
		t.Fatalf("the question is %v", q)
	}
	p.visit(there.answer(p.left))
	if !p.arrived() {
		t.Fatalf("got %s %d\n%s", p.at, p.screen.Code, p.screen.Body)
	}
	ann, accounts := w.userBy("ann@example.com")
	if ann.Name != "Ann Example" || ann.Username != "ann.there" || len(accounts) != 1 || accounts[0].Subject != "ann-there" {
		t.Fatalf("the person is %+v with %+v", ann, accounts)
	}
	if s := p.signedInAs(); s.Methods != "social:staff" || s.UserID != ann.ID || s.ACR != authn.ACR {
		t.Fatalf("the session is %+v", s)
	}
	there.claims = map[string]any{"sub": "ann-there", "email": "other@example.com", "email_verified": true}
	w.addUser("other@example.com")
	again := w.person()
	again.begins("staff")
	again.visit(there.answer(again.left))
	if s := again.signedInAs(); s.UserID != ann.ID {
		t.Fatalf("a changed address there has led to another person: %+v", s)
	}
	if _, accounts := w.userBy("other@example.com"); len(accounts) != 0 {
		t.Fatal("the changed address was linked")
	}
}

// The attack called nOAuth: an address that anybody may write into an account elsewhere opens no account here.
func TestAnAddressIsWorthSomethingOnlyIfVerifiedByAProviderThatIsTrusted(t *testing.T) {
	for name, c := range map[string]struct {
		verified any
		trusted  bool
		settings map[string]any
		linked   bool
	}{
		"verified, trusted":       {true, true, nil, true},
		"verified as text":        {"true", true, nil, true},
		"unverified, trusted":     {false, true, nil, false},
		"not said, trusted":       {nil, true, nil, false},
		"nonsense, trusted":       {"yes", true, nil, false},
		"verified, not trusted":   {true, false, nil, false},
		"unverified, not trusted": {false, false, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283")
			w.addUser("ann@example.com")
			claims := annThere()
			claims["email_verified"] = c.verified
			there := newElsewhere(t, claims)
			w.connect(there, "staff", map[string]any{"trusted": c.trusted})
			p := w.person()
			p.begins("staff")
			p.visit(there.answer(p.left))
			ann, accounts := w.userBy("ann@example.com")
			if got := p.signedInAs().UserID == ann.ID; got != c.linked || (len(accounts) == 1) != c.linked {
				t.Fatalf("signed in: %v with %v\n%s", got, accounts, p.screen.Body)
			}
			if c.linked {
				return
			}
			if body := p.screen.Body.String(); !strings.Contains(body, "Name of staff") || strings.Contains(body, "/sign-in/social\"") {
				t.Fatalf("the page does not ask for another proof:\n%s", body)
			}
			p.submit("/sign-in/email", "email", "ann@example.com")
			p.mailed("ann@example.com")
			if _, accounts := w.userBy("ann@example.com"); !p.arrived() || len(accounts) != 1 {
				t.Fatalf("after the proof: %q with %v", p.left, accounts)
			}
			again := w.person()
			again.begins("staff")
			again.visit(there.answer(again.left))
			if s := again.signedInAs(); s.UserID != ann.ID || s.Methods != "social:staff" {
				t.Fatalf("the next time: %+v", s)
			}
		})
	}
}

func TestAnAccountElsewhereIsNotLinkedToWhoeverGoesOnWithoutIt(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	w.addUser("ann@example.com")
	there := newElsewhere(t, map[string]any{"sub": "mallory", "email": "mallory@example.com", "email_verified": true})
	w.connect(there, "staff", nil)
	p := w.person()
	p.begins("staff")
	p.visit(there.answer(p.left))
	if !strings.Contains(p.screen.Body.String(), "mallory@example.com") {
		t.Fatalf("the page does not name the account:\n%s", p.screen.Body)
	}
	p.post("/sign-in/disconnect", p.form("/sign-in/disconnect"))
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.mailed("ann@example.com")
	if _, accounts := w.userBy("ann@example.com"); !p.arrived() || len(accounts) != 0 {
		t.Fatalf("got %q with %v", p.left, accounts)
	}
}

func TestClosedSignUpAndADisabledPersonLookTheSame(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) { c.Experience.SignUp = "closed" })
	w.addUser("bob@example.com")
	w.administer("POST", "/users/bob@example.com/disable", nil, http.StatusOK)
	var pages []string
	for _, address := range []string{"stranger@example.com", "bob@example.com"} {
		there := newElsewhere(t, map[string]any{"sub": address, "email": address, "email_verified": true})
		id := strings.Split(address, "@")[0]
		w.connect(there, id, map[string]any{"trusted": true, "name": "Staff"})
		p := w.person()
		p.begins(id)
		p.visit(there.answer(p.left))
		if p.signedInAs().UserID != (storage.ID{}) || !strings.Contains(p.at, "state=no_account") {
			t.Fatalf("%s: got %s", address, p.at)
		}
		w.administer("PATCH", "/connections/"+id, map[string]any{"disabled": true}, http.StatusOK)
		flow := queryOf(t, p.at).Get("flow")
		page := strings.NewReplacer(flow, "FLOW", id, "ID").Replace(p.screen.Body.String())
		pages = append(pages, challenge.ReplaceAllString(page, ""))
	}
	if pages[0] != pages[1] {
		t.Fatalf("they differ:\n%s\n%s", pages[0], pages[1])
	}
	if _, err := w.store.View(t.Context()).UserByEmail("stranger@example.com"); err == nil {
		t.Fatal("the stranger was made a person")
	}
}

// challenge is what a passkey would sign: another one each time.
var challenge = regexp.MustCompile(`data-(passkey|again)="[^"]*"`)

func TestASecondFactorIsAskedForAfterAnAccountElsewhereAndNothingIsLinkedBefore(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) { c.Experience.SecondFactor = authn.SecondFactorRequired })
	w.addUser("ann@example.com")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true})
	p := w.person()
	p.begins("staff")
	p.visit(there.answer(p.left))
	if _, accounts := w.userBy("ann@example.com"); !strings.HasPrefix(p.at, "/sign-in/protect") || p.signedInAs().UserID != (storage.ID{}) || len(accounts) != 0 {
		t.Fatalf("got %s with %v", p.at, accounts)
	}
}

func TestOnlyAddressesOfItsDomainsAreLetInByAConnection(t *testing.T) {
	for address, in := range map[string]bool{"ann@staff.example": true, "ann@STAFF.example": true, "ann@staff.example.evil.example": false, "ann@example.com": false} {
		for _, verified := range []bool{true, false} {
			w := newWorld(t, "http://localhost:4283")
			there := newElsewhere(t, map[string]any{"sub": "ann", "email": address, "email_verified": verified})
			w.connect(there, "staff", map[string]any{"trusted": true, "domains": []string{"Staff.example"}})
			p := w.person()
			p.begins("staff")
			p.visit(there.answer(p.left))
			if got := p.arrived(); got != (in && verified) {
				t.Errorf("%s, verified %v: got in: %v", address, verified, got)
			}
		}
	}
}

// Answers that must not be believed. Each leads back to the sign-in page, which offers the other ways; nobody is signed in.
func TestAnswersThatMustNotBeBelievedSignNobodyIn(t *testing.T) {
	stranger := newElsewhere(t, annThere())
	for name, tell := range map[string]func(e *elsewhere, back *url.Values){
		"the person says no": func(_ *elsewhere, back *url.Values) { back.Del("code"); back.Set("error", "access_denied") },
		"no code":            func(_ *elsewhere, back *url.Values) { back.Del("code") },
		"another provider's answer (mix-up)": func(_ *elsewhere, back *url.Values) {
			back.Set("iss", stranger.URL)
		},
		"no iss from a provider that always sends it": func(_ *elsewhere, back *url.Values) { back.Del("iss") },
		"a code of another question (injection)":      func(e *elsewhere, back *url.Values) { back.Set("code", e.otherCode()) },
		"no nonce": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { delete(c, "nonce") })
		},
		"another nonce": func(e *elsewhere, _ *url.Values) { e.idToken = lie(func(c map[string]any) { c["nonce"] = "x" }) },
		"no sub":        func(e *elsewhere, _ *url.Values) { e.idToken = lie(func(c map[string]any) { delete(c, "sub") }) },
		"another issuer": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { c["iss"] = stranger.URL })
		},
		"another audience": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { c["aud"] = "somebody-else" })
		},
		"two audiences without azp": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { c["aud"] = []string{elsewhereClient, "somebody-else"} })
		},
		"two audiences, made for the other": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) {
				c["aud"], c["azp"] = []string{elsewhereClient, "somebody-else"}, "somebody-else"
			})
		},
		"expired": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() })
		},
		"an access token that does not belong to it": func(e *elsewhere, _ *url.Values) {
			e.idToken = lie(func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" })
		},
		"signed by somebody else": func(e *elsewhere, _ *url.Values) {
			e.idToken = func(c map[string]any) string {
				return e.sign(c, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.key, KeyID: "k1"}})
			}
		},
		"signed with the client secret (HS256, published as supported)": func(e *elsewhere, _ *url.Values) {
			e.idToken = func(c map[string]any) string {
				return e.sign(c, jose.SigningKey{Algorithm: jose.HS256, Key: []byte("there-secret-there-secret-there-secret")})
			}
		},
		"not signed (none, published as supported)": func(e *elsewhere, _ *url.Values) {
			e.idToken = func(c map[string]any) string { return unsigned(c) }
		},
		"no ID token": func(e *elsewhere, _ *url.Values) { e.idToken = func(map[string]any) string { return " " } },
		"userinfo about somebody else": func(e *elsewhere, _ *url.Values) {
			delete(e.claims, "email")
			e.userinfo = func() map[string]any {
				return map[string]any{"sub": "bob", "email": "ann@example.com", "email_verified": true}
			}
		},
		"userinfo about nobody": func(e *elsewhere, _ *url.Values) {
			delete(e.claims, "email")
			e.userinfo = func() map[string]any { return map[string]any{"email": "ann@example.com", "email_verified": true} }
		},
		"a page in place of an answer": func(e *elsewhere, _ *url.Values) {
			e.token = says(200, "text/html", "<html>maintenance</html>")
		},
		"500":                      func(e *elsewhere, _ *url.Values) { e.token = says(500, "application/json", `{"error":"server_error"}`) },
		"a redirect":               func(e *elsewhere, _ *url.Values) { e.token = says(302, "text/html", "") },
		"an answer without end":    func(e *elsewhere, _ *url.Values) { e.token = says(200, "application/json", strings.Repeat(" ", 1<<20)) },
		"an answer that is broken": func(e *elsewhere, _ *url.Values) { e.token = says(200, "application/json", `{"access_token":`) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283")
			w.addUser("ann@example.com")
			there := newElsewhere(t, annThere())
			if strings.HasPrefix(name, "userinfo") { // before discovery
				tell(there, &url.Values{})
			}
			w.connect(there, "staff", map[string]any{"trusted": true})
			p := w.person()
			p.begins("staff")
			path, query, _ := strings.Cut(there.answer(p.left), "?")
			back, _ := url.ParseQuery(query)
			tell(there, &back)
			p.visit(path + "?" + back.Encode())
			if p.signedInAs().UserID != (storage.ID{}) || p.left != "" || !strings.HasPrefix(p.at, "/sign-in?flow=") || p.screen.Code != 200 {
				t.Fatalf("got %s %d, left for %q", p.at, p.screen.Code, p.left)
			}
			if _, accounts := w.userBy("ann@example.com"); len(accounts) > 0 {
				t.Fatalf("linked: %v", accounts)
			}
			want := "state=failed"
			if name == "the person says no" {
				want = "state=refused"
			}
			if !strings.Contains(p.at, want) || !strings.Contains(p.screen.Body.String(), `<div class="note mb" role="status">`) {
				t.Fatalf("got %s, want %s and a note", p.at, want)
			}
			p.submit("/sign-in/email", "email", "ann@example.com")
			p.mailed("ann@example.com")
			if !p.arrived() {
				t.Fatalf("the other way leads to %s %q", p.at, p.left)
			}
		})
	}
}

// Another browser (a stolen or planted callback: login CSRF), the same answer twice, or the callback of another connection.
func TestAnAnswerCountsOnceInItsBrowserAtItsAddress(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true})
	w.connect(there, "guests", map[string]any{"trusted": true})
	p, victim := w.person(), w.person()
	p.begins("staff")
	answer := there.answer(p.left)
	victim.begins("guests")
	gone := func(who *person, path string) {
		t.Helper()
		who.visit(path)
		if who.screen.Code != http.StatusGone || who.signedInAs().UserID != (storage.ID{}) {
			t.Errorf("%s: got %d, session %v", path, who.screen.Code, who.signedInAs().UserID)
		}
	}
	gone(victim, answer)
	gone(w.person(), answer)
	gone(p, strings.Replace(answer, "/staff/", "/guests/", 1))
	gone(p, strings.Replace(answer, "/staff/", "/nobody/", 1))
	gone(p, "/sign-in/social/staff/callback?code=x&state=guess")
	gone(p, "/sign-in/social/staff/callback")
	p.visit(answer)
	if !p.arrived() {
		t.Fatalf("the right browser: %s %q", p.at, p.left)
	}
	other := w.person()
	other.jar = p.jar
	p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	p.chooses("staff")
	p.visit(answer)
	if p.screen.Code != http.StatusGone {
		t.Fatalf("the second time: %s %d", p.at, p.screen.Code)
	}
	p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	p.chooses("staff")
	late := there.answer(p.left)
	w.later.Add(int64(11 * time.Minute))
	gone(w.person(), late)
	p.visit(late)
	if p.screen.Code != http.StatusGone {
		t.Fatalf("after eleven minutes: %s %d", p.at, p.screen.Code)
	}
}

// Apple answers by POST from its own site, with which browsers send none of our cookies.
func TestAnAnswerByPostIsBroughtToTheGetAndNothingElse(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true})
	p := w.person()
	p.begins("staff")
	path, query, _ := strings.Cut(there.answer(p.left), "?")
	form, _ := url.ParseQuery(query)
	form.Set("id_token", "x")
	form.Set("next", "https://evil.example/")
	r := w.request("POST", path, form)
	r.Header.Set("Origin", "https://appleid.apple.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	got := w.do(r)
	to, err := url.Parse(got.Header().Get("Location"))
	if err != nil || got.Code != http.StatusSeeOther || to.Path != path || to.Host != "" || to.Query().Has("id_token") || to.Query().Has("next") || len(got.Result().Cookies()) > 0 {
		t.Fatalf("got %d to %s with cookies %v", got.Code, to, got.Result().Cookies())
	}
	p.visit(to.RequestURI())
	if !p.arrived() {
		t.Fatalf("got %s %q", p.at, p.left)
	}
	for _, connection := range []string{"%2F%2Fevil.example%2F", "..%2F..%2Fevil", "staff%3F"} {
		r := w.request("POST", "/sign-in/social/"+connection+"/callback", url.Values{"code": {"x"}})
		if to := w.do(r).Header().Get("Location"); to != "" && !strings.HasPrefix(to, "/sign-in/social/") || strings.Contains(to, "//evil") {
			t.Errorf("%s leads to %s", connection, to)
		}
	}
	r = w.request("POST", path, url.Values{"code": {strings.Repeat("x", 20<<10)}})
	if got := w.do(r); got.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("20 KiB: got %d", got.Code)
	}
}

func TestAHintOfTheApplicationSkipsThePage(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true, "name": "Staff Account", "domains": []string{"example.com"}})
	for _, hint := range [][2]string{{"direct_sign_in", "social:staff"}, {"identity_provider", "staff"}, {"identity_provider", "staff account"}, {"idp_identifier", "Example.com"}} {
		p := w.person()
		p.visit("/oidc/authorize?" + authorization(hint[0], hint[1]).Encode())
		if !strings.HasPrefix(p.left, there.URL+"/authorize?") {
			t.Errorf("%v: got %s, left for %q", hint, p.at, p.left)
			continue
		}
		p.visit(there.answer(p.left))
		if !p.arrived() {
			t.Errorf("%v: back at %s", hint, p.at)
		}
	}
	for _, hint := range [][2]string{{"direct_sign_in", "social:nobody"}, {"direct_sign_in", "sso:staff"}, {"direct_sign_in", "staff"}, {"identity_provider", "COGNITO"}, {"identity_provider", "Google"}} {
		p := w.person()
		p.visit("/oidc/authorize?" + authorization(hint[0], hint[1]).Encode())
		if !strings.HasPrefix(p.at, "/sign-in?flow=") || p.screen.Code != 200 {
			t.Errorf("%v: got %s, left for %q", hint, p.at, p.left)
		}
	}
	there.Close()
	p := w.person()
	w.administer("PATCH", "/connections/staff", map[string]any{"issuer": "http://127.0.0.1:1"}, http.StatusOK)
	p.visit("/oidc/authorize?" + authorization("direct_sign_in", "social:staff").Encode())
	if !strings.Contains(p.at, "state=failed") || p.screen.Code != 200 {
		t.Errorf("a provider that is away: got %s", p.at)
	}
}

func TestAnApplicationIsOfferedOnlyTheConnectionsItAccepts(t *testing.T) {
	for name, c := range map[string]struct {
		methods []string
		buttons []string
	}{
		"all":            {nil, []string{"guests", "staff"}},
		"all of them":    {[]string{"social"}, []string{"guests", "staff"}},
		"one":            {[]string{"code", "social:staff"}, []string{"staff"}},
		"mailed codes":   {[]string{"code"}, nil},
		"one that is no": {[]string{"social:none"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283")
			there := newElsewhere(t, annThere())
			for _, id := range []string{"staff", "guests"} {
				w.connect(there, id, map[string]any{"trusted": true, "position": len(id) * -1})
			}
			app, err := w.store.View(t.Context()).Client("bookstore")
			if err != nil {
				t.Fatal(err)
			}
			app.Settings.SignInMethods = c.methods
			if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.UpdateClient(app) }); err != nil {
				t.Fatal(err)
			}
			p := w.person()
			p.visit("/oidc/authorize?" + authorization().Encode())
			var got []string
			for _, f := range formsOf(t, p.screen.Body.String()) {
				if f.action == "/sign-in/social" {
					got = append(got, f.hidden.Get("connection"))
				}
			}
			if !slices.Equal(got, c.buttons) {
				t.Errorf("buttons are %v, want %v", got, c.buttons)
			}
			flow := queryOf(t, p.at).Get("flow")
			p.post("/sign-in/social", url.Values{"flow": {flow}, "connection": {"guests"}})
			if sent := strings.HasPrefix(p.left, there.URL); sent != slices.Contains(c.buttons, "guests") {
				t.Errorf("asked for guests, it was sent to %q", p.left)
			}
		})
	}
}

func TestTheSecretOfAConnectionIsSealedAndNeverShown(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", nil)
	for _, path := range []string{"/connections/staff", "/connections"} {
		text, _ := json.Marshal(w.administer("GET", path, nil, http.StatusOK))
		if strings.Contains(string(text), "there-secret") || !strings.Contains(string(text), `"has_secret":true`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	k, err := w.store.View(t.Context()).Connection("staff")
	if err != nil || strings.Contains(string(k.Sealed), "there-secret") || len(k.Sealed) == 0 {
		t.Fatalf("the row holds %q, %v", k.Sealed, err)
	}
	// Moved to another row it does not open.
	other := k
	other.ID, other.Name = "other", "Other"
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertConnection(other) }); err != nil {
		t.Fatal(err)
	}
	w.administer("POST", "/connections/other/test", nil, http.StatusInternalServerError)
	if out := w.administer("POST", "/connections/staff/test", nil, http.StatusOK); out["ok"] != true {
		t.Errorf("the test says %v", out)
	}
	w.administer("PATCH", "/connections/staff", map[string]any{"client_secret": "wrong"}, http.StatusOK)
	if out := w.administer("POST", "/connections/staff/test", nil, http.StatusOK); out["ok"] != false || !strings.Contains(out["problem"].(string), "does not know us") {
		t.Errorf("with a wrong secret the test says %v", out)
	}
	if strings.Contains(w.log.text(), "there-secret") {
		t.Error("the log has the secret")
	}
}

func TestAConnectionThatCannotWorkIsRefused(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	for name, in := range map[string]map[string]any{
		"no client":      {"kind": "github", "client_secret": "x"},
		"no secret":      {"kind": "github", "client_id": "x"},
		"no issuer":      {"kind": "oidc", "client_id": "x"},
		"issuer":         {"kind": "oidc", "client_id": "x", "issuer": "javascript:alert(1)"},
		"id":             {"kind": "oidc", "client_id": "x", "issuer": "https://id.example", "id": "a/b"},
		"tenant":         {"kind": "microsoft", "client_id": "x", "client_secret": "x", "tenant": "../evil"},
		"key":            {"kind": "apple", "client_id": "x", "client_secret": "x", "team_id": "t", "key_id": "k"},
		"issuer of kind": {"kind": "google", "client_id": "x", "client_secret": "x", "issuer": "https://evil.example"},
		"domain":         {"kind": "oidc", "client_id": "x", "issuer": "https://id.example", "domains": []string{"@example.com"}},
		"claim":          {"kind": "oidc", "client_id": "x", "issuer": "https://id.example", "claims": map[string]string{"role": "role"}},
	} {
		if out := w.administer("POST", "/connections", in, http.StatusUnprocessableEntity); out["detail"] == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	in := map[string]any{"kind": "github", "client_id": "x", "client_secret": "x"}
	w.administer("POST", "/connections", in, http.StatusCreated)
	w.administer("POST", "/connections", in, http.StatusConflict)
	w.administer("DELETE", "/connections/github", nil, http.StatusNoContent)
	w.administer("GET", "/connections/github", nil, http.StatusNotFound)
}

func queryOf(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// says answers every request so.
func says(status int, media, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Location", "/jwks")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}
