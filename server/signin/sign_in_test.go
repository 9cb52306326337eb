package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

func TestSecondAppSignsInWithoutAQuestion(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	sub, session := p.signIn("ann@example.com")
	p.visit("/app")
	if u, s := p.arrived(); u != sub || s != session {
		t.Errorf("got %s in %s, want %s in %s", u, s, sub, session)
	}
}

func TestPromptLoginReallyAsksAgain(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	_, before := p.signIn("ann@example.com")
	old := p.cookie("session")
	for _, query := range []string{"prompt=login", "max_age=0"} { // in the same second
		p.visit("/app?" + query)
		p.says(200, `id="identifier"`)
		if strings.Contains(p.page.body, "/sign-in/continue") {
			t.Errorf("%s: the page offers to go on without signing in", query)
		}
		flow := p.flow()
		p.do("POST", "/sign-in/continue", url.Values{"flow": {flow}}) // stripping it does not help
		p.says(200, `id="identifier"`)
		p.visit("/app/resume?flow=" + flow)
		p.says(200, `id="identifier"`)
	}
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", p.mail("ann@example.com").Code)
	if _, after := p.arrived(); after == before {
		t.Error("the session is the one from before")
	}
	if p.cookie("session") == old {
		t.Error("the cookie is the one from before")
	}
}

func TestMaxAgeAsksWhenTheSignInIsTooOld(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.signIn("ann@example.com")
	h.clock.pass(time.Minute)
	p.visit("/app?max_age=60")
	p.arrived()
	h.clock.pass(time.Second)
	p.visit("/app?max_age=60")
	p.says(200, `id="identifier"`)
}

func TestSelectAccountOffersToGoOn(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	_, session := p.signIn("ann@example.com")
	h.clock.pass(time.Minute)
	p.visit("/app?prompt=select_account")
	p.says(200, "ann@example.com")
	p.submit("/sign-in/continue")
	if _, same := p.arrived(); same != session {
		t.Errorf("got session %s, want %s", same, session)
	}
	p.visit("/app?prompt=select_account")
	p.submit("/sign-in/email", "email", "bob@example.com") // another account
	p.submit("/sign-in/code", "code", p.mail("bob@example.com").Code)
	if _, other := p.arrived(); other == session {
		t.Error("another person has the same session")
	}
}

func TestContinueIsNoWayInForStrangers(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app")
	p.do("POST", "/sign-in/continue", url.Values{"flow": {p.flow()}})
	p.says(200, `id="identifier"`)
	p.stranger()
}

func TestCreateAsksWhoeverIsSignedIn(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.signIn("ann@example.com")
	p.visit("/app?prompt=create")
	p.says(200, `id="identifier"`)
	p.says(200, "Create your account for <bdi>Bookstore</bdi>")
	flow := p.flow()
	p.do("POST", "/sign-in/continue", url.Values{"flow": {flow}})
	p.says(200, `id="identifier"`)
	p.submit("/sign-in/email", "email", "new@example.com")
	p.submit("/sign-in/code", "code", p.mail("new@example.com").Code)
	p.arrived()
}

func TestFirstScreenChoosesTheWords(t *testing.T) {
	for how, want := range map[string]string{"open": "Create your account for", "closed": "Sign in to"} {
		t.Run(how, func(t *testing.T) {
			p := newHouse(t, signUp(how)).person()
			p.visit("/app?first_screen=register")
			p.says(200, want)
		})
	}
}

func TestLoginHintFillsTheField(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app?login_hint=" + url.QueryEscape("ann@example.com"))
	p.says(200, `value="ann@example.com"`)
	p.visit("/app?login_hint=" + url.QueryEscape(`"><script>alert(1)</script>`))
	if strings.Contains(p.page.body, "<script>alert") {
		t.Error("a hint is not escaped")
	}
	p.signIn("bob@example.com")
	p.visit("/app?prompt=select_account&login_hint=" + url.QueryEscape("ann@example.com"))
	if strings.Contains(p.page.body, "bob@") || !strings.Contains(p.page.body, `value="ann@example.com"`) {
		t.Error("the app means somebody else, and the page offers to go on as Bob")
	}
}

func TestBadAddressStaysInTheField(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app")
	for _, typed := range []string{"ann", "ann@", "", "ann@localhost", "ann\uff20example.com", "a@b.c, d@e.f", "ann@example.com\r\nBcc: x@example.com"} {
		p.submit("/sign-in/email", "email", typed)
		p.says(http.StatusUnprocessableEntity, "Enter an e-mail address")
	}
	if len(h.mails.Messages()) != 0 {
		t.Errorf("mail was sent: %v", h.mails.Messages())
	}
}

func TestBackButtonDoesNoHarm(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	flow := p.flow()
	p.submit("/sign-in/code", "code", m.Code)
	_, session := p.arrived()
	for _, back := range []string{"/sign-in?flow=", "/sign-in/code?flow="} {
		p.visit(back + flow)
		if _, same := p.arrived(); same != session {
			t.Errorf("%s: got session %s, want %s", back, same, session)
		}
	}
	for _, action := range []string{"/sign-in/email", "/sign-in/code", "/sign-in/resend", "/sign-in/restart", "/sign-in/continue"} {
		p.do("POST", action, url.Values{"flow": {flow}, "email": {"ann@example.com"}, "code": {m.Code}})
		if _, same := p.arrived(); same != session {
			t.Errorf("%s: got session %s, want %s", action, same, session)
		}
	}
	if n := len(h.mails.Messages()); n != 1 {
		t.Errorf("%d mails were sent, want 1", n)
	}
}

// The application has spent its state: sent there again, it would have to refuse.
func TestFlowThatWasAnsweredLeadsNobodyToTheAppAgain(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	flow := p.flow()
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
	id, err := storage.ParseID(flow)
	if err != nil {
		t.Fatal(err)
	}
	h.write(func(tx storage.Tx) error { return tx.AnswerFlow(id, h.clock.Now().UnixMicro()) })
	for _, back := range []string{"/sign-in?flow=" + flow, "/sign-in/code?flow=" + flow} {
		p.visit(back)
		p.says(http.StatusGone, "too old")
	}
	link, err := url.Parse(m.Link)
	if err != nil {
		t.Fatal(err)
	}
	p.visit(link.RequestURI())
	p.says(http.StatusGone, "used")
}

func TestCodePageWithoutACodeGoesBackToTheAddress(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.visit("/sign-in/code?flow=" + flow)
	p.says(200, `id="identifier"`)
	for _, action := range []string{"/sign-in/code", "/sign-in/resend"} {
		p.do("POST", action, url.Values{"flow": {flow}, "code": {"123456"}})
		p.says(200, `id="identifier"`)
	}
}

func TestOldPageLeadsBackToTheApp(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	h.clock.pass(30 * time.Minute)
	p.submit("/sign-in/code", "code", m.Code)
	p.says(http.StatusGone, "This page is too old")
	p.says(http.StatusGone, "Start again from <bdi>Bookstore</bdi>")
	p.says(http.StatusGone, `href="https://shop.example.com/"`)
	p.stranger()
	for _, flow := range []string{"nonsense", "01990000-0000-7000-8000-000000000000", strings.Repeat("a", 5000), "01990000-0000-7000-8000-00000000000G"} {
		p.visit("/sign-in?flow=" + flow)
		p.says(http.StatusGone, "This page is too old")
	}
}

func TestUseAnotherAddress(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.begin("typo@example.com")
	p.submit("/sign-in/restart")
	p.says(200, `value="typo@example.com"`)
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", p.mail("ann@example.com").Code)
	p.arrived()
	if _, err := h.view().UserByEmail("typo@example.com"); err == nil {
		t.Error("an address nobody proved has an account")
	}
}

func TestSignInWithoutAnAppLandsAndSignsOut(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/sign-in")
	p.says(200, `id="identifier"`)
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", p.mail("ann@example.com").Code)
	p.says(200, "You are signed in")
	p.says(200, "ann@example.com")
	p.visit("/sign-in")
	p.says(200, "You are signed in")
	copied := p.twin()
	p.submit("/sign-out")
	p.says(200, "You are signed out")
	if p.cookie("session") != "" {
		t.Error("the cookie is still there")
	}
	copied.stranger() // and the cookie is worth nothing
	copied.do("POST", "/sign-out", url.Values{})
	copied.says(200, "You are signed out")
}

func TestSessionIsNewAtEverySignIn(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app")
	planted := p.twin() // whoever planted the cookies of before
	m := p.begin("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	_, first := p.arrived()
	planted.stranger()
	before := p.twin()
	p.visit("/app?prompt=login")
	p.submit("/sign-in/email", "email", "bob@example.com")
	p.submit("/sign-in/code", "code", p.mail("bob@example.com").Code)
	if _, second := p.arrived(); second == first {
		t.Error("two people have one session")
	}
	before.stranger()
}

func TestOldSessionsAppsMoveWithThePersonAndEndWithAnother(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	user, session := p.signIn("ann@example.com")
	now := h.clock.Now().UnixMicro()
	g := storage.Grant{ID: storage.NewID(), ClientID: "bookstore", Secret: []byte("secret"), Scope: "openid", CodeExpires: now, Expires: now + 1e12}
	g.UserID, _ = storage.ParseID(user)
	g.SessionID, _ = storage.ParseID(session)
	h.write(func(tx storage.Tx) error { return tx.InsertGrant(g) })

	p.visit("/app?prompt=login")
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", p.mail("ann@example.com").Code)
	_, next := p.arrived()
	if got, err := h.view().Grant(g.ID); err != nil || got.RevokedAt != 0 || got.SessionID.String() != next {
		t.Errorf("signing in again as oneself: got %+v, %v, want the grant in session %s", got, err, next)
	}
	p.visit("/app?prompt=login")
	p.submit("/sign-in/email", "email", "bob@example.com")
	p.submit("/sign-in/code", "code", p.mail("bob@example.com").Code)
	p.arrived()
	if got, err := h.view().Grant(g.ID); err != nil || got.RevokedAt == 0 {
		t.Errorf("signing in as somebody else: got %+v, %v, want the grant revoked", got, err)
	}
}

func TestDeviceDecidesHowLongTheSessionLives(t *testing.T) {
	h := newHouse(t)
	shared, own := h.person(), h.person()
	shared.signIn("ann@example.com")
	m := own.begin("ann@example.com")
	own.submit("/sign-in/code", "code", m.Code, "device", "1")
	own.arrived()
	h.clock.pass(12*time.Hour - time.Second)
	shared.visit("/app")
	shared.arrived()
	h.clock.pass(time.Second)
	shared.stranger()
	for range 13 { // 29 days at a time, for more than a year
		own.visit("/app")
		if own.page.status != 200 || !strings.HasPrefix(own.page.body, "welcome") {
			break
		}
		h.clock.pass(29 * 24 * time.Hour)
	}
	own.stranger() // a year is the most

	idle := h.person()
	m = idle.begin("ann@example.com")
	idle.submit("/sign-in/code", "code", m.Code, "device", "1")
	idle.arrived()
	h.clock.pass(30 * 24 * time.Hour)
	idle.stranger()
}

func TestSessionIsTouchedNowAndThenOnly(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.signIn("ann@example.com")
	writes := func() uint64 { h.visitQuietly(p); return h.store.Stats().Units }
	before := writes()
	if after := writes(); after != before {
		t.Errorf("a second look wrote %d times", after-before)
	}
	h.clock.pass(5 * time.Minute)
	if after := writes(); after != before+1 {
		t.Errorf("after five minutes it wrote %d times, want 1", after-before)
	}
}

// visitQuietly asks who is signed in.
func (h *house) visitQuietly(p *person) {
	h.t.Helper()
	if live, err := h.engine.Session(h.t.Context(), p.cookie("session")); err != nil || live == nil {
		h.t.Fatalf("got %v, %v, want somebody signed in", live, err)
	}
}

func TestSignOutEndsOnlineGrantsOnly(t *testing.T) {
	for name, c := range map[string]struct {
		scope    string
		settings storage.ClientSettings
		ends     bool
	}{
		"online":                            {"openid email", storage.ClientSettings{}, true},
		"offline":                           {"openid offline_access", storage.ClientSettings{}, false},
		"offline, but the app ends with us": {"openid offline_access", storage.ClientSettings{SignOutEndsAccess: true}, true},
		"a scope that only looks like it":   {"openid offline_access_not", storage.ClientSettings{}, true},
		"offline_access of a deleted app":   {"openid offline_access", storage.ClientSettings{HomeURL: "deleted"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.person()
			user, session := p.signIn("ann@example.com")
			now := h.clock.Now().UnixMicro()
			g := storage.Grant{ID: storage.NewID(), ClientID: "app", Secret: []byte("secret"), Scope: c.scope, CodeExpires: now, Expires: now + 1e12}
			g.UserID, _ = storage.ParseID(user)
			g.SessionID, _ = storage.ParseID(session)
			h.write(func(tx storage.Tx) error {
				if c.settings.HomeURL != "deleted" {
					if err := tx.InsertClient(storage.Client{ID: "app", Nonce: []byte("nonce"), Name: "App", Type: "web", Framework: "generic", Source: "api", Settings: c.settings}); err != nil {
						return err
					}
				}
				return tx.InsertGrant(g)
			})
			if err := h.engine.SignOut(t.Context(), authn.Visitor{}, g.SessionID); err != nil {
				t.Fatal(err)
			}
			p.stranger()
			if got, err := h.view().Grant(g.ID); err != nil || (got.RevokedAt > 0) != c.ends {
				t.Errorf("got %+v, %v, want ended: %t", got, err, c.ends)
			}
		})
	}
}

func TestPagesSpeakTheVisitorsLanguage(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.header["Accept-Language"] = "de-CH, en;q=0.5"
	p.visit("/app")
	p.says(200, `lang="de"`)
	p.submit("/sign-in/email", "email", "ann@example.com")
	if m := p.mail("ann@example.com"); m.Lang != "de" {
		t.Errorf("the mail is in %s, want de", m.Lang)
	}
	p.visit(p.page.path + "&lang=en") // what the footer links to
	p.says(200, `<html lang="en"`)
	p.visit("/app") // and it stays
	p.says(200, `<html lang="en"`)

	q := h.person()
	q.visit("/app?ui_locales=" + url.QueryEscape("de-AT en"))
	q.says(200, `<html lang="de"`)
	q.visit(q.page.path + "&lang=en") // the visitor knows better than the app
	q.submit("/sign-in/email", "email", "bob@example.com")
	q.says(200, `<html lang="en"`)
	q.visit("/app?ui_locales=de") // at the next app it is the app's word again
	q.says(200, `<html lang="de"`)
	q.visit("/sign-in?lang=xx")
	q.says(200, `<html lang="en"`)
}

func TestAnswersCannotBeKeptFramedOrRepeated(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	if p.page.header.Get("Cache-Control") != "no-store" || !strings.Contains(p.page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("got %v", p.page.header)
	}
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
	for name, r := range map[string]struct{ contentType, body string }{
		"a parameter twice":   {"application/x-www-form-urlencoded", "flow=a&flow=b"},
		"no form":             {"application/json", `{"flow":"a"}`},
		"bad UTF-8":           {"application/x-www-form-urlencoded", "flow=%ff"},
		"NUL":                 {"application/x-www-form-urlencoded", "flow=a%00b"},
		"half an escape":      {"application/x-www-form-urlencoded", "flow=%"},
		"too large":           {"application/x-www-form-urlencoded", "flow=" + strings.Repeat("a", 65<<10)},
		"too many parameters": {"application/x-www-form-urlencoded", strings.Repeat("a=1&", 300)},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", publicURL+"/sign-in/email", strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", r.contentType)
		if got := p.send(req); got.status < 400 || got.status >= 500 {
			t.Errorf("%s: got %d", name, got.status)
		}
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	form := p.fill("/sign-in/code", "code", m.Code)
	p.header["Origin"], p.header["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	p.do("POST", "/sign-in/code", form)
	if p.page.status != http.StatusForbidden {
		t.Errorf("got %d, want 403", p.page.status)
	}
	p.stranger()
}

func TestCookiesAreUnreadableAndBound(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	r, err := http.NewRequestWithContext(t.Context(), "POST", publicURL+"/sign-in/code", strings.NewReader(p.fill("/sign-in/code", "code", m.Code).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := p.send(r)
	set := got.header.Get("Set-Cookie")
	if got.status != http.StatusSeeOther || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || strings.Contains(set, "Max-Age") || strings.Contains(set, "Domain") {
		t.Errorf("got %d with %q", got.status, set)
	}
	if want := "/app/resume?flow="; !strings.HasPrefix(got.header.Get("Location"), want) {
		t.Errorf("got %q, want %s…", got.header.Get("Location"), want)
	}
}
