package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

// question is what the page asks an authenticator.
func (p *person) question() string {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.screen.Body.String()))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if text := attribute(n, "data-passkey"); text != "" {
			return text
		}
	}
	p.t.Fatalf("%s (%d) asks for no passkey:\n%s", p.at, p.screen.Code, p.screen.Body)
	return ""
}

// told are the claims of the ID token for the code that the browser was sent away with.
func (p *person) told() map[string]any {
	p.t.Helper()
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back is %q; on the screen is %s (%d)", p.left, p.at, p.screen.Code)
	}
	_, claims := p.exchange(back.Query().Get("code"))
	return claims
}

func (p *person) strength(claims map[string]any, acr string, amr ...string) {
	p.t.Helper()
	var methods []string
	for _, m := range claims["amr"].([]any) {
		methods = append(methods, m.(string))
	}
	if claims["acr"] != acr || !slices.Equal(methods, amr) {
		p.t.Errorf("acr %v, amr %v; want %s, %v", claims["acr"], methods, acr, amr)
	}
}

func TestApplicationThatInsistsOnAKeyIsToldOfOne(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	p.strength(p.told(), authn.ACR, "otp")

	// The same session is asked for more, and has nothing more yet.
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.RequiredACR = authn.PHR })
	p.visit("/oidc/authorize?" + authorization().Encode())
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/protect/passkey", "credential", said)
	p.strength(p.told(), authn.PHR, "otp", "swk", "user", "mfa")

	// Another browser begins with the passkey; another one with a code, and is asked for the passkey.
	q := w.person()
	q.visit("/oidc/authorize?" + authorization().Encode())
	if said, err = a.Get(q.question()); err != nil {
		t.Fatal(err)
	}
	q.submit("/sign-in/passkey", "credential", said)
	q.strength(q.told(), authn.PHR, "swk", "user", "mfa")
}

func TestRequestThatWishesForAKeyIsFulfilledByWhoeverHasOne(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	wish := authorization("acr_values", authn.PHR)
	p.visit("/oidc/authorize?" + wish.Encode())
	p.strength(p.told(), authn.ACR, "otp") // a wish is let go

	p.visit("/oidc/authorize?" + authorization("claims", `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`).Encode())
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/protect/passkey", "credential", said)
	p.strength(p.told(), authn.PHR, "otp", "swk", "user", "mfa")

	q := w.person()
	q.signIn("ann@example.com")
	q.visit("/oidc/authorize?" + wish.Encode())
	if said, err = a.Get(q.question()); err != nil {
		t.Fatal(err)
	}
	q.submit("/sign-in/passkey", "credential", said)
	q.strength(q.told(), authn.PHR, "otp", "swk", "user", "mfa")
}

func TestPageSaysWhyThereAreNoPasskeysAtItsAddress(t *testing.T) {
	const why = "Passkeys do not work at this address: they need https."
	for address, want := range map[string]bool{"http://192.168.1.5:4283": true, "http://id.example.com": true, "http://localhost:4283": false, "https://id.example.com": false} {
		p := newWorld(t, address).person()
		p.visit("/oidc/authorize?" + authorization().Encode())
		body := p.screen.Body.String()
		if strings.Contains(body, why) != want || strings.Contains(body, "data-passkey") == want {
			t.Errorf("%s: says why is %v, want %v:\n%s", address, !want, want, body)
		}
	}
}

func TestPersonLooksAfterTheirPasskeys(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	p.visit("/account/passkey/new")
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/account/passkey/new", "credential", said)
	if !p.shows("Your passkey is saved.") || !p.shows("synced between your devices") {
		t.Fatalf("%s (%d):\n%s", p.at, p.screen.Code, p.screen.Body)
	}
	if m, err := w.mails.WaitFor(t.Context(), "ann@example.com", email.AccountChange); err != nil || !strings.Contains(m.Subject, "passkey") {
		t.Errorf("told by mail: %q, %v", m.Subject, err)
	}
	id := strings.Split(strings.Split(p.screen.Body.String(), "/account/passkey?id=")[1], `"`)[0]

	stranger := w.person()
	stranger.signIn("eve@example.com")
	stranger.visit("/account/passkey?id=" + id)
	if stranger.at != "/account" {
		t.Errorf("somebody else sees it at %s", stranger.at)
	}
	for _, action := range []string{"rename", "remove"} {
		stranger.post("/account/passkey/"+action, url.Values{"id": {id}, "name": {"Mine"}})
	}

	p.visit("/account/passkey?id=" + id)
	p.submit("/account/passkey/rename", "name", " ")
	if p.screen.Code != 422 || !p.shows("Enter a name of up to 100 letters.") {
		t.Errorf("an empty name: %d", p.screen.Code)
	}
	p.submit("/account/passkey/rename", "name", "Work <laptop>")
	if !p.shows("Work &lt;laptop&gt;") {
		t.Errorf("not renamed:\n%s", p.screen.Body)
	}

	// Ten minutes later neither is done without signing in again.
	w.later.Add(int64(10 * time.Minute))
	p.post("/account/passkey/remove", url.Values{"id": {id}})
	if !strings.HasPrefix(p.at, "/sign-in") {
		t.Errorf("removed by an old sign-in: at %s", p.at)
	}
	p.visit("/account/passkey/new")
	if said, err = a.Get(p.question()); err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/passkey", "credential", said)
	p.post("/account/passkey/remove", url.Values{"id": {id}})
	if !p.shows("The passkey is removed.") || p.shows("laptop") {
		t.Errorf("%s (%d):\n%s", p.at, p.screen.Code, p.screen.Body)
	}
}

func TestLastPasskeyStaysWhereNothingElseSignsIn(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	p.visit("/account/passkey/new")
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/account/passkey/new", "credential", said)
	id := strings.Split(strings.Split(p.screen.Body.String(), "/account/passkey?id=")[1], `"`)[0]
	err = w.store.Write(t.Context(), func(tx storage.Tx) error {
		return tx.SaveSetting("experience", `{"methods":["passkey"],"sign_up":"closed"}`, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.later.Add(int64(2 * time.Second)) // settings are believed for a second
	p.post("/account/passkey/remove", url.Values{"id": {id}})
	if p.screen.Code != 409 || !p.shows("This is your only way in, so it stays.") {
		t.Errorf("%s (%d):\n%s", p.at, p.screen.Code, p.screen.Body)
	}
}

func TestPasskeyOfAThiefIsTakenBack(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	thief := w.person()
	thief.signIn("ann@example.com")
	thief.visit("/account/passkey/new")
	said, err := a.Create(thief.question())
	if err != nil {
		t.Fatal(err)
	}
	thief.submit("/account/passkey/new", "credential", said)
	m, err := w.mails.WaitFor(t.Context(), "ann@example.com", email.AccountChange)
	if err != nil {
		t.Fatal(err)
	}
	ann := w.person()
	ann.visit(strings.TrimPrefix(m.Link, "http://localhost:4283"))
	ann.post("/sign-in/not-me", ann.form("/sign-in/not-me"))
	thief = w.person()
	thief.visit("/oidc/authorize?" + authorization().Encode())
	if said, err = a.Get(thief.question()); err != nil {
		t.Fatal(err)
	}
	thief.submit("/sign-in/passkey", "credential", said)
	if thief.screen.Code != 422 || thief.left != "" {
		t.Errorf("the thief is at %s (%d) %s", thief.at, thief.screen.Code, thief.left)
	}
}

// shows reports whether the text is on the screen.
func (p *person) shows(text string) bool { return strings.Contains(p.screen.Body.String(), text) }
