package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/storage"
)

// addresses are those of a person as "address" or "address main" or "address unproven".
func (w *world) addresses(user storage.ID) (list []string) {
	w.t.Helper()
	all, err := w.store.View(w.t.Context()).Emails(user)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range all {
		text := m.Address
		if m.Primary {
			text += " main"
		}
		if m.VerifiedAt == 0 {
			text += " unproven"
		}
		list = append(list, text)
	}
	return list
}

func (w *world) hasAddresses(user storage.ID, want ...string) {
	w.t.Helper()
	if got := w.addresses(user); strings.Join(got, ", ") != strings.Join(want, ", ") {
		w.t.Errorf("addresses are %v, want %v", got, want)
	}
}

// adds adds an address and types its code.
func (p *person) adds(address string) {
	p.t.Helper()
	p.post("/account/addresses", url.Values{"email": {address}})
	p.submit("/account/address/code", "code", p.code(address))
}

func TestANewAddressCountsOnlyAfterItsCode(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	ann := w.who("ann@example.com").ID
	p.post("/account/addresses", url.Values{"email": {" Ann@New.Example "}})
	if !strings.HasPrefix(p.at, "/account/address?") {
		t.Fatalf("adding ends at %s: %s", p.at, p.text())
	}
	p.reads("ann@new.example", "Until you enter it, nothing changes.")
	w.hasAddresses(ann, "ann@example.com main", "ann@new.example unproven")
	mail := w.code("ann@new.example")
	for _, wrong := range []string{"000000", "12"} {
		p.submit("/account/address/code", "code", wrong)
		if p.screen.Code != http.StatusUnprocessableEntity {
			t.Errorf("the code %s gets %d", wrong, p.screen.Code)
		}
	}
	p.post("/account/addresses/primary", url.Values{"address": {"ann@new.example"}})
	w.hasAddresses(ann, "ann@example.com main", "ann@new.example unproven")
	p.visit("/account/address?address=ann%40new.example")
	p.submit("/account/address/code", "code", mail)
	p.reads("The address is confirmed.")
	w.hasAddresses(ann, "ann@example.com main", "ann@new.example")
	other := w.atHome("ann@new.example")
	other.visit("/account")
	if w.who("ann@new.example").ID != ann {
		t.Error("the new address signs somebody else in")
	}
	other.post("/account/addresses/primary", url.Values{"address": {"ann@new.example"}})
	other.reads("Apps see your new main address from now on.")
	w.hasAddresses(ann, "ann@new.example main", "ann@example.com")
	if p.signedIn() {
		t.Error("another device is signed in after the main address has changed")
	}
	other.post("/account/addresses/remove", url.Values{"address": {"ann@example.com"}})
	w.hasAddresses(ann, "ann@new.example main")
}

func TestTheCodeOfANewAddressWorksOnceAndForItsPersonAlone(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	ann, mallory := w.atHome("ann@example.com"), w.atHome("mallory@example.com")
	ann.post("/account/addresses", url.Values{"email": {"new@example.com"}})
	code := w.code("new@example.com")
	form := url.Values{"address": {"new@example.com"}, "code": {code}}
	mallory.post("/account/address/code", form)
	w.hasAddresses(w.who("mallory@example.com").ID, "mallory@example.com main")
	mallory.post("/account/addresses", url.Values{"email": {"new@example.com"}})
	mallory.post("/account/address/code", form) // her own code is another one
	w.hasAddresses(w.who("mallory@example.com").ID, "mallory@example.com main", "new@example.com unproven")
	ann.post("/account/address/code", form)
	ann.reads("The address is confirmed.")
	ann.post("/account/address/code", form)
	ann.reads("There is nothing to confirm")
	stranger := w.person()
	stranger.visit("/sign-in")
	stranger.post("/sign-in/code", url.Values{"flow": {stranger.form("/sign-in/email").Get("flow")}, "code": {code}})
	if stranger.signedIn() {
		t.Error("the code of an address signs in")
	}
}

func TestAddingAnAddressDoesNotTellWhoHasIt(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("bob@example.com")
	p := w.atHome("ann@example.com")
	var answers []string
	for _, address := range []string{"bob@example.com", "new@example.com"} {
		p.post("/account/addresses", url.Values{"email": {address}})
		answers = append(answers, strings.ReplaceAll(p.text(), address, "X"))
	}
	if answers[0] != answers[1] {
		t.Errorf("another person's address answers\n%s\nand a free one\n%s", answers[0], answers[1])
	}
	// Whoever reads the mail of both may learn it; the address stays where it is.
	p.visit("/account/address?address=bob%40example.com")
	p.submit("/account/address/code", "code", w.code("bob@example.com"))
	p.reads("That address belongs to another account")
	w.hasAddresses(w.who("ann@example.com").ID, "ann@example.com main", "new@example.com unproven")
	w.hasAddresses(w.who("bob@example.com").ID, "bob@example.com main")
}

func TestAnUnprovenAddressKeepsNobodyOutAndGoesAfterADay(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	squatter := w.atHome("mallory@example.com")
	squatter.post("/account/addresses", url.Values{"email": {"victim@example.com"}})
	w.code("victim@example.com")             // which the victim leaves alone
	victim := w.atHome("victim@example.com") // signs up as if nothing were
	if !victim.signedIn() || w.who("victim@example.com").ID == w.who("mallory@example.com").ID {
		t.Fatal("the owner of the address does not get an account of their own")
	}
	squatter.post("/account/address/again", url.Values{"address": {"victim@example.com"}})
	w.hasAddresses(w.who("mallory@example.com").ID, "mallory@example.com main", "victim@example.com unproven")
	w.later.Store(int64(25 * time.Hour))
	w.tend()
	w.hasAddresses(w.who("mallory@example.com").ID, "mallory@example.com main")
}

func TestGuessingTheCodeOfANewAddressStops(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	p.post("/account/addresses", url.Values{"email": {"new@example.com"}})
	right := w.code("new@example.com")
	guess := url.Values{"address": {"new@example.com"}, "code": {"000000"}}
	if right == "000000" {
		guess.Set("code", "000001")
	}
	for range 5 {
		p.post("/account/address/code", guess)
	}
	p.post("/account/address/code", url.Values{"address": {"new@example.com"}, "code": {right}})
	p.reads("That code cannot be used any more.")
	w.hasAddresses(w.who("ann@example.com").ID, "ann@example.com main", "new@example.com unproven")
}

// Whoever had got hold of a device or of an app's tokens is out when the addresses change (ASVS 7.4.2, 10.7.3).
func TestAChangeOfAddressesEndsOtherDevicesAndWhatTheirAppsWereGiven(t *testing.T) {
	for _, path := range []string{"/account/addresses/primary", "/account/addresses/remove"} {
		w := newWorld(t, "https://id.example.com", wide)
		here, lost := w.atHome("ann@example.com"), w.person()
		here.adds("two@example.com")
		code, _ := lost.signIn("ann@example.com")
		given := w.exchanged(code)
		userinfo := func() int {
			r := w.request("GET", "/oidc/userinfo", nil)
			r.Header.Set("Authorization", "Bearer "+given.Access)
			return w.do(r).Code
		}
		if got := userinfo(); got != http.StatusOK {
			t.Fatalf("the access token gets %d before, want 200", got)
		}
		here.post(path, url.Values{"address": {"two@example.com"}})
		if lost.signedIn() || !here.signedIn() {
			t.Errorf("%s: not exactly the other device is signed out", path)
		}
		if got := userinfo(); got != http.StatusUnauthorized {
			t.Errorf("%s: the access token of the other device gets %d, want 401", path, got)
		}
		if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", given.Refresh); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "invalid_grant") {
			t.Errorf("%s: its refresh token gets %d %s", path, got.Code, got.Body)
		}
	}
}

func TestTheLastProvenAddressAndTheMainOneStay(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	ann := w.who("ann@example.com").ID
	p.post("/account/addresses/remove", url.Values{"address": {"ann@example.com"}})
	p.reads("This is your last confirmed address")
	p.adds("two@example.com")
	p.post("/account/addresses/remove", url.Values{"address": {"ann@example.com"}})
	p.reads("This is your main address.")
	w.hasAddresses(ann, "ann@example.com main", "two@example.com")
	p.post("/account/addresses/remove", url.Values{"address": {"two@example.com"}})
	p.reads("The address is removed.")
}

func TestNobodyTouchesTheAddressesOfSomebodyElse(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	ann, mallory := w.atHome("ann@example.com"), w.atHome("mallory@example.com")
	ann.adds("two@example.com")
	for _, path := range []string{"/account/addresses/primary", "/account/addresses/remove"} {
		for _, address := range []string{"two@example.com", "nobody@example.com", ""} {
			mallory.post(path, url.Values{"address": {address}})
			mallory.reads("There is nothing to confirm or change")
		}
	}
	w.hasAddresses(w.who("ann@example.com").ID, "ann@example.com main", "two@example.com")
}

func TestChangesToAddressesNeedAFreshSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	p.adds("two@example.com")
	ann := w.who("ann@example.com").ID
	w.later.Store(int64(6 * time.Minute))
	for path, form := range map[string]url.Values{"/account/addresses": {"email": {"evil@example.com"}}, "/account/addresses/primary": {"address": {"two@example.com"}},
		"/account/addresses/remove": {"address": {"two@example.com"}}} {
		p.post(path, form)
		if !strings.HasPrefix(p.at, "/sign-in?flow=") {
			t.Errorf("POST %s with a sign-in of six minutes ago ends at %s", path, p.at)
		}
		w.hasAddresses(ann, "ann@example.com main", "two@example.com")
	}
	p.reads("ann@example.com") // who it was is filled in
	if p.post("/sign-in/continue", p.form("/sign-in/email")); strings.HasPrefix(p.at, "/account") {
		t.Error("going on as who is signed in passes for a fresh sign-in")
	}
	p.visit("/account")
	p.post("/account/addresses/remove", url.Values{"address": {"two@example.com"}})
	p.proves("ann@example.com")
	if !strings.HasPrefix(p.at, "/account?") {
		t.Fatalf("the fresh sign-in ends at %s", p.at)
	}
	p.reads("You have signed in again. Now make your change.")
	w.hasAddresses(ann, "ann@example.com main", "two@example.com") // nothing happens by itself
	p.post("/account/addresses/remove", url.Values{"address": {"two@example.com"}})
	w.hasAddresses(ann, "ann@example.com main")
}

func TestManyWhoChooseAMainAddressAtOnceLeaveExactlyOne(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	ann := w.who("ann@example.com").ID
	p.adds("two@example.com")
	p.adds("three@example.com")
	cookies := p.jar.Cookies(w.url)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			path, address := "/account/addresses/primary", []string{"ann@example.com", "two@example.com", "three@example.com"}[i%3]
			if i%4 == 3 {
				path = "/account/addresses/remove"
			}
			r := w.request("POST", path, url.Values{"address": {address}})
			for _, c := range cookies {
				r.AddCookie(c)
			}
			if rec := w.do(r); rec.Code >= 500 {
				t.Errorf("%s %s: %d", path, address, rec.Code)
			}
		})
	}
	all.Wait()
	main := 0
	left := w.addresses(ann)
	for _, a := range left {
		if strings.HasSuffix(a, " main") {
			main++
		}
	}
	if main != 1 || len(left) == 0 {
		t.Errorf("left are %v, want one main address among them", left)
	}
}

func TestMailToANewAddressIsBudgeted(t *testing.T) {
	w := newWorld(t, "https://id.example.com", func(c *server.Config) { wide(c); c.Budgets.MailsPerAddressHour = 2 })
	p := w.atHome("ann@example.com")
	p.post("/account/addresses", url.Values{"email": {"victim@example.com"}})
	p.post("/account/address/again", url.Values{"address": {"victim@example.com"}})
	p.reads("We have sent a new code.")
	p.post("/account/address/again", url.Values{"address": {"victim@example.com"}})
	if p.screen.Code != http.StatusTooManyRequests || p.screen.Header().Get("Retry-After") == "" {
		t.Errorf("the third mail gets %d", p.screen.Code)
	}
}

// tend lets the engine do at once what it does in the background.
func (w *world) tend() {
	w.t.Helper()
	if err := w.server.Tend(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}
