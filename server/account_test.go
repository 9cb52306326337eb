package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/server"
	"gatelatch/storage"
)

// code is the next code that was mailed to an address.
func (w *world) code(address string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	mail, err := w.mails.Wait(ctx, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return mail.Code
}

// atHome is somebody who has signed in at this server's own page.
func (w *world) atHome(address string) *person {
	w.t.Helper()
	p := w.person()
	p.visit("/sign-in")
	p.proves(address)
	return p
}

// proves goes on from the question for the address.
func (p *person) proves(address string) {
	p.t.Helper()
	p.submit("/sign-in/email", "email", address)
	p.submit("/sign-in/code", "code", p.code(address))
}

func (p *person) reads(want ...string) {
	p.t.Helper()
	for _, text := range want {
		if !strings.Contains(p.screen.Body.String(), text) {
			p.t.Errorf("%s (%d) does not say %q:\n%s", p.at, p.screen.Code, text, p.text())
		}
	}
}

// text is what the screen says, without markup.
func (p *person) text() string {
	doc, err := html.Parse(strings.NewReader(p.screen.Body.String()))
	if err != nil {
		p.t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return b.String()
}

func (p *person) doesNotRead(unwanted ...string) {
	p.t.Helper()
	for _, text := range unwanted {
		if strings.Contains(p.screen.Body.String(), text) {
			p.t.Errorf("%s (%d) says %q:\n%s", p.at, p.screen.Code, text, p.text())
		}
	}
}

// signedIn tells whether the browser is signed in: then the account page answers without a way around.
func (p *person) signedIn() bool {
	p.t.Helper()
	return p.send(p.request("GET", "/account", nil)).Code == http.StatusOK
}

// who is the person that has an address.
func (w *world) who(address string) storage.User {
	w.t.Helper()
	u, err := w.store.View(w.t.Context()).UserByEmail(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func TestTheAccountPageAsksWhoIsThereAndComesBack(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.person()
	p.visit("/account")
	p.proves("ann@example.com")
	if p.at != "/account" || p.screen.Code != 200 {
		t.Fatalf("the sign-in ends at %s with %d, want the account page", p.at, p.screen.Code)
	}
	p.reads("ann@example.com", "This device")
	if got := p.screen.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self'") {
		t.Errorf("Content-Security-Policy is %q", got)
	}
	p.visit("/sign-in")
	p.reads(`href="/account"`)
}

func TestAPersonChangesTheirProfile(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.atHome("ann@example.com")
	p.visit("/account")
	p.post("/account/profile", url.Values{"name": {" Ann  Example"}, "zoneinfo": {"Europe/Vienna"}, "locale": {"de"}, "birthdate": {"1990-02-03"}})
	p.reads("Gespeichert.", "Ann  Example", "Europe/Vienna", "1990-02-03")
	if u := w.who("ann@example.com"); u.Name != "Ann  Example" || u.Locale != "de" {
		t.Errorf("kept is %q, %q", u.Name, u.Locale)
	}
	p.post("/account/profile", url.Values{"name": {"Other"}, "birthdate": {"yesterday"}})
	if p.screen.Code != http.StatusUnprocessableEntity {
		t.Errorf("a bad date gets %d, want 422", p.screen.Code)
	}
	p.reads("yesterday", `aria-invalid="true"`, "<title>Fehler: ")
	if u := w.who("ann@example.com"); u.Name != "Ann  Example" {
		t.Errorf("a refused form has changed the name to %q", u.Name)
	}
}

func TestNobodyVouchesForThemselvesOrRenamesThemselvesByTheProfile(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.atHome("ann@example.com")
	p.post("/account/profile", url.Values{"name": {"Ann"}, "phone_number": {"+43 1 234567"}, "phone_number_verified": {"true"}, "preferred_username": {"root"}, "picture": {"https://evil.example/x.png"},
		"role": {"owner"}, "email": {"root@example.com"}})
	u := w.who("ann@example.com")
	if u.Username != "ann" || u.Picture != "" || u.Role != "none" || strings.Contains(string(u.Attributes), "true") {
		t.Errorf("the profile form made %+v with %s", u, u.Attributes)
	}
}

func TestSigningOutOneDeviceLeavesTheOthers(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	here, phone, work := w.atHome("ann@example.com"), w.atHome("ann@example.com"), w.atHome("ann@example.com")
	sessions, err := w.store.View(t.Context()).UserSessions(w.who("ann@example.com").ID, w.now().UnixMicro())
	if err != nil || len(sessions) != 3 {
		t.Fatalf("%d sessions, %v", len(sessions), err)
	}
	here.visit("/account")
	shown := formsWith(here, "/account/devices/end", "device")
	if len(shown) != 2 {
		t.Fatalf("%d other devices are shown, want 2", len(shown))
	}
	here.post("/account/devices/end", url.Values{"device": {shown[0]}})
	here.reads("That device is signed out.")
	if in := []bool{phone.signedIn(), work.signedIn()}; in[0] == in[1] || !here.signedIn() {
		t.Errorf("signed in are %v, want exactly one of the two", in)
	}
	here.post("/account/devices/end-others", url.Values{})
	here.reads("All other devices are signed out.", "This device")
	if phone.signedIn() || work.signedIn() || !here.signedIn() {
		t.Error("not exactly the others are signed out")
	}
	here.post("/account/devices/end-all", url.Values{})
	if here.signedIn() {
		t.Error("still signed in after signing out everywhere")
	}
}

// formsWith lists the values of a hidden field in the forms on the screen that go to action.
func formsWith(p *person, action, field string) (values []string) {
	for _, f := range formsOf(p.t, p.screen.Body.String()) {
		if f.action == action {
			values = append(values, f.hidden.Get(field))
		}
	}
	return values
}

func TestEndingADeviceEndsWhatItsAppsWereGiven(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	lost, here := w.person(), w.person()
	code, _ := lost.signIn("ann@example.com")
	tokens := w.exchanged(code)
	here.visit("/account")
	here.proves("ann@example.com")
	here.post("/account/devices/end", url.Values{"device": {formsWith(here, "/account/devices/end", "device")[0]}})
	// It has offline_access: a sign-out on the device itself would leave it, the loss of the device does not.
	if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", tokens.Refresh); got.Code != 400 {
		t.Errorf("the refresh token of an ended device gets %d %s", got.Code, got.Body)
	}
}

func TestNobodyEndsTheDeviceOfSomebodyElse(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	ann, mallory := w.atHome("ann@example.com"), w.atHome("mallory@example.com")
	sessions, err := w.store.View(t.Context()).UserSessions(w.who("ann@example.com").ID, w.now().UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	mallory.visit("/account")
	for _, id := range []string{sessions[0].ID.String(), storage.NewID().String(), "made up", ""} {
		mallory.post("/account/devices/end", url.Values{"device": {id}})
		mallory.reads("That device is signed out.") // the same for all: nothing is learnt about an id
	}
	mallory.post("/account/devices/end-others", url.Values{})
	if !ann.signedIn() {
		t.Error("another person's session has ended")
	}
}

func TestRemovingAnAppEndsItsTokensAndTellsIt(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.person()
	code, _ := p.signIn("ann@example.com")
	tokens := w.exchanged(code)
	other := w.person()
	code, _ = other.signIn("bob@example.com")
	theirs := w.exchanged(code)
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.LogoutURI = "https://shop.example/backchannel"
		return tx.UpdateClient(c)
	}); err != nil {
		t.Fatal(err)
	}
	p.visit("/account")
	p.reads("Bookstore", "See your name and profile", "See your e-mail address", "Keep you signed in")
	other.post("/account/apps/remove", url.Values{"app": {"no such app"}})
	p.submit("/account/apps/remove", "app", "bookstore")
	p.reads("The app has no access any more.", "Apps that you sign in to appear here")
	for token, want := range map[string]int{tokens.Refresh: 400, theirs.Refresh: 200} {
		if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", token); got.Code != want {
			t.Errorf("a refresh gets %d, want %d: %s", got.Code, want, got.Body)
		}
	}
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	if e := events[0]; e.Kind != storage.EventConsentRevoked || e.ClientID != "bookstore" || e.UserID != w.who("ann@example.com").ID {
		t.Errorf("the last event is %+v", e)
	}
	w.waitFor("a farewell to the bookstore", func() bool { return strings.Contains(w.log.text(), `"kind":"farewell"`) })
}

// waitFor gives background jobs their turn.
func (w *world) waitFor(what string, happened func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not seen: %s\n%s", what, w.log.text())
		}
	}
}

func TestOtherSitesPostNothingToTheAccount(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.atHome("ann@example.com")
	for _, path := range accountPosts {
		for name, header := range map[string][2]string{"Origin": {"Origin", "https://evil.example"}, "fetch metadata": {"Sec-Fetch-Site", "cross-site"}} {
			r := p.request("POST", path, url.Values{"name": {"Mallory"}})
			r.Header.Set(header[0], header[1])
			if got := p.send(r); got.Code != http.StatusForbidden {
				t.Errorf("POST %s with %s of another site gets %d, want 403", path, name, got.Code)
			}
		}
	}
	if u := w.who("ann@example.com"); u.Name != "" || !p.signedIn() {
		t.Errorf("another site has changed something: %+v", u)
	}
}

// accountPosts are all forms of the account page.
var accountPosts = []string{"/account/profile", "/account/devices/end", "/account/devices/end-others", "/account/devices/end-all", "/account/apps/remove",
	"/account/password", "/account/password/remove",
	"/account/picture", "/account/picture/remove",
	"/account/addresses", "/account/addresses/primary", "/account/addresses/remove", "/account/address/code", "/account/address/again",
	"/account/delete", "/account/keep",
}

func TestAccountFormsOfNobodyLeadToTheSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	for _, path := range accountPosts {
		p := w.person()
		p.post(path, url.Values{"name": {"Nobody"}})
		if !strings.HasPrefix(p.at, "/sign-in?flow=") {
			t.Errorf("POST %s by nobody ends at %s", path, p.at)
		}
	}
}

func TestTheWayBackFromASignInIsNobodyElses(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p, other := w.person(), w.person()
	p.visit("/account")
	flow := p.form("/sign-in/email").Get("flow")
	other.visit("/account")
	for name, who := range map[string]*person{"another browser": other, "no browser": w.person()} {
		if got := who.send(who.request("GET", "/account/back?flow="+flow, nil)); got.Code != http.StatusGone {
			t.Errorf("%s gets %d from the flow, want 410", name, got.Code)
		}
	}
	if got := p.send(p.request("GET", "/account/back?flow="+flow, nil)); got.Header().Get("Location") != "/sign-in?flow="+flow {
		t.Errorf("an unfinished flow leads to %q", got.Header().Get("Location"))
	}
	foreign := p.send(p.request("GET", "/oidc/authorize?"+authorization().Encode(), nil)).Header().Get("Location")
	if got := p.send(p.request("GET", strings.Replace(foreign, "/sign-in", "/account/back", 1), nil)); got.Code != http.StatusGone {
		t.Errorf("a flow of another door gets %d, want 410", got.Code)
	}
}

func TestTheAccountPageSpeaksTheLanguageOfItsPerson(t *testing.T) {
	w := newWorld(t, "https://id.example.com", func(c *server.Config) { c.Language = "en" })
	p := w.atHome("ann@example.com")
	p.visit("/account?lang=de")
	p.reads(`lang="de"`, "Ihr Konto")
	p.visit("/account")
	p.reads("Ihr Konto") // it was kept
}

// exchanged are the tokens that the bookstore gets for a code.
func (w *world) exchanged(code string) (tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}) {
	w.t.Helper()
	answer := w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &tokens); err != nil || tokens.Refresh == "" {
		w.t.Fatalf("%v: %s", err, answer.Body)
	}
	return tokens
}
