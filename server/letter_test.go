package server_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// letter is a link that an administrator has made for somebody.
func (w *world) letter(address string, recover bool) *url.URL {
	w.t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/v1/users/"+address+"/links", strings.NewReader(fmt.Sprintf(`{"recover":%t}`, recover)))
	r.Header.Set("Content-Type", "application/json")
	w.api.ServeHTTP(rec, r)
	var made struct{ Link string }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || rec.Code != 201 || !strings.HasPrefix(made.Link, w.url.String()+"/sign-in/letter?t=") {
		w.t.Fatalf("got %d %s", rec.Code, rec.Body)
	}
	link, err := url.Parse(made.Link)
	if err != nil {
		w.t.Fatal(err)
	}
	return link
}

// opens opens a link of an administrator and presses its button.
func (p *person) opens(link *url.URL) {
	p.t.Helper()
	p.visit(link.RequestURI())
	p.post("/sign-in/letter", p.form("/sign-in/letter"))
}

func TestWhoeverHasLostEveryWayInGetsInOnceByTheAdministratorsWord(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("ann@example.com")
	link := w.letter("ann@example.com", true)
	strange := w.request("POST", "/sign-in/letter", url.Values{"t": {link.Query().Get("t")}})
	strange.Header.Set("Origin", "https://evil.example")
	if got := w.do(strange); got.Code != 403 {
		t.Errorf("from another site: got %d, want 403", got.Code)
	}
	p := w.person()
	for range 2 {
		p.visit(link.RequestURI())
	}
	p.post("/sign-in/letter", p.form("/sign-in/letter"))
	if !strings.HasPrefix(p.at, "/account") || p.screen.Code != 200 {
		t.Fatalf("got %d at %s", p.screen.Code, p.at)
	}
	p.visit("/oidc/authorize?" + authorization().Encode())
	if p.left != "" {
		t.Errorf("an application was answered: %s", p.left)
	}
	if p.visit(link.RequestURI()); p.screen.Code != 410 {
		t.Errorf("once more: got %d, want 410", p.screen.Code)
	}
	if log := w.log.text(); strings.Contains(log, link.Query().Get("t")) || strings.Contains(log, "ann@") {
		t.Error("the log holds the link or the address")
	}
}

func TestAnAdministratorWhoWasLetInByAnothersWordAdministersNothingUntilTheySignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("ann@example.com")
	w.promote("ann@example.com", "owner")
	for name, c := range map[string]struct {
		signIn func(*person)
		may    bool
	}{
		"recovered":       {func(p *person) { p.opens(w.letter("ann@example.com", true)) }, false},
		"by a plain link": {func(p *person) { p.opens(w.letter("ann@example.com", false)) }, true},
		"recovered, then signed in": {func(p *person) {
			p.opens(w.letter("ann@example.com", true))
			p.post("/sign-out", url.Values{})
			p.visit("/sign-in")
			p.proves("ann@example.com")
		}, true},
	} {
		p := w.person()
		c.signIn(p)
		if p.visit("/account"); p.screen.Code != 200 {
			t.Fatalf("%s: the account page answers %d at %s", name, p.screen.Code, p.at)
		}
		p.visit("/inbox")
		if got := p.screen.Code == 200; got != c.may {
			t.Errorf("%s: the inbox answers %d", name, p.screen.Code)
		}
		p.stray(strayCallback)
		if got := strings.HasPrefix(p.at, "/repair"); got != c.may {
			t.Errorf("%s: an address that is not registered leads to %s", name, p.at)
		}
	}
	// The page of a repair that was begun before, and its form, posted by the recovered session.
	p := w.person()
	p.visit("/sign-in")
	p.proves("ann@example.com")
	p.stray(strayCallback)
	page, form := p.at, p.form("/repair")
	p.opens(w.letter("ann@example.com", true))
	p.visit(page)
	if p.screen.Code != 400 || p.sees("logto") {
		t.Errorf("the page of a repair: got %d", p.screen.Code)
	}
	u, err := w.store.View(t.Context()).UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.store.View(t.Context()).UserSessions(u.ID, w.now().UnixMicro())
	if err != nil || len(live) == 0 {
		t.Fatal(err, len(live))
	}
	for _, s := range live {
		form.Set("session", s.ID.String())
		p.post("/repair", form)
	}
	if got := w.registered("bookstore"); len(got) != 1 {
		t.Errorf("a recovered session has registered %q", got)
	}
}

func TestACodeThatWasToldSignsInAndSaysNothingOfStrangers(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("ann@example.com")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, httptest.NewRequest("POST", "/api/v1/users/ann@example.com/codes", nil))
	var made struct{ Code, Page string }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || rec.Code != 201 || made.Page != "https://id.example.com/sign-in/letter" || len(made.Code) != 14 {
		t.Fatalf("got %d %s", rec.Code, rec.Body)
	}
	typed := func(p *person, identifier, code string) {
		t.Helper()
		p.visit("/sign-in/letter")
		form := p.form("/sign-in/letter")
		form.Set("identifier", identifier)
		form.Set("code", code)
		p.post("/sign-in/letter", form)
	}
	wrong := map[bool]string{true: "1111 1111 1111", false: "2222 2222 2222"}[made.Code[0] != '1']
	pages := map[string]string{}
	for _, address := range []string{"ann@example.com", "eve@example.com"} {
		p := w.person()
		typed(p, address, wrong)
		pages[address] = fmt.Sprint(p.screen.Code, strings.ReplaceAll(p.screen.Body.String(), address, "ADDRESS"))
		if p.screen.Code != 422 || p.signedIn() {
			t.Errorf("%s with a wrong code: got %d", address, p.screen.Code)
		}
	}
	if pages["ann@example.com"] != pages["eve@example.com"] {
		t.Errorf("a stranger's page differs:\n%s\n%s", pages["ann@example.com"], pages["eve@example.com"])
	}
	strange := w.request("POST", "/sign-in/letter", url.Values{"identifier": {"ann@example.com"}, "code": {made.Code}})
	strange.Header.Set("Origin", "https://evil.example")
	if got := w.do(strange); got.Code != 403 {
		t.Errorf("from another site: got %d, want 403", got.Code)
	}
	p, thief := w.person(), w.person()
	typed(p, "ann@example.com", made.Code)
	if !strings.HasPrefix(p.at, "/account") || p.screen.Code != 200 {
		t.Fatalf("got %d at %s", p.screen.Code, p.at)
	}
	typed(thief, "ann@example.com", made.Code)
	if thief.screen.Code != 422 || thief.signedIn() {
		t.Errorf("once more: got %d at %s", thief.screen.Code, thief.at)
	}
	p.visit("/account")
	p.reads("An administrator made a code for you to sign in with")
	if log := w.log.text(); strings.Contains(log, made.Code) || strings.Contains(log, strings.ReplaceAll(made.Code, " ", "")) || strings.Contains(log, "ann@") {
		t.Error("the log holds the code or the address")
	}
}
