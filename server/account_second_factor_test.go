package server_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// turnOn sets up an authenticator on the account page of whoever has just signed in, and returns its key.
func (p *person) turnOn() (key string) {
	p.t.Helper()
	p.visit("/account")
	p.post("/account/totp/begin", p.form("/account/totp/begin"))
	found := keyOnPage.FindStringSubmatch(p.screen.Body.String())
	if found == nil {
		p.t.Fatalf("%s: no key on\n%s", p.at, p.screen.Body)
	}
	key = strings.ReplaceAll(found[1], " ", "")
	p.submit("/account/totp", "code", "123")
	p.reads("The code has 6")
	p.submit("/account/totp", "code", p.shown(key))
	p.reads("Keep your recovery codes")
	p.post("/account/recovery-codes/saved", p.form("/account/recovery-codes/saved"))
	p.reads("Asked for when you sign in.", "10")
	return key
}

func TestAuthenticatorIsTurnedOnAndOffOnTheAccountPage(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	ann := w.atHome("ann@example.com")
	key := ann.turnOn()
	ann.visit("/account/recovery-codes")
	if strings.Contains(ann.screen.Body.String(), "the-codes") {
		t.Error("the recovery codes are shown again")
	}

	// The session is from before: the factor that is taken away has to be given first.
	w.later.Add(int64(time.Minute))
	ann.visit("/account")
	ann.post("/account/totp/remove", ann.form("/account/totp/remove"))
	if !strings.HasPrefix(ann.at, "/sign-in/second-factor") {
		t.Fatalf("got %s, want the second factor", ann.at)
	}
	ann.submit("/sign-in/second-factor", "code", w.shown(key))
	if !strings.HasPrefix(ann.at, "/account?done=ways.again") {
		t.Fatalf("got %s, want the account page", ann.at)
	}
	ann.post("/account/recovery-codes", ann.form("/account/recovery-codes"))
	ann.reads("Keep your recovery codes")
	ann.post("/account/recovery-codes/saved", ann.form("/account/recovery-codes/saved"))
	ann.post("/account/totp/remove", ann.form("/account/totp/remove"))
	ann.reads("The authenticator app is turned off.")
	again := w.atHome("ann@example.com")
	if again.at != "/sign-in" {
		t.Errorf("the next sign-in ends at %s, want no second factor", again.at)
	}
	kinds := map[string]bool{}
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		kinds[e.Kind] = true
	}
	if !kinds[storage.EventFactorAdded] || !kinds[storage.EventFactorRemoved] || !kinds[storage.EventRecoveryCodes] {
		t.Errorf("events: %v", kinds)
	}
}

func TestSecondFactorIsChangedOnlyAfterAFreshSignIn(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	ann := w.atHome("ann@example.com")
	w.later.Add(int64(6 * time.Minute))
	for _, path := range []string{"/account/totp/begin", "/account/totp/remove", "/account/recovery-codes"} {
		if ann.post(path, url.Values{}); !strings.HasPrefix(ann.at, "/sign-in?") {
			t.Errorf("%s: got %s, want a fresh sign-in", path, ann.at)
		}
	}
	ann.visit("/account/totp")
	if ann.at != "/account" {
		t.Errorf("a set-up that nobody has begun: got %s", ann.at)
	}
}

func TestAdministratorHelpsWhoeverHasLostTheirPhone(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	ann := w.atHome("ann@example.com")
	ann.turnOn()
	w.later.Add(int64(time.Minute))
	call := func() int {
		r := w.request("POST", "/api/v1/users/ann@example.com/remove-second-factor", nil)
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		return rec.Code
	}
	if status := call(); status != 200 {
		t.Fatalf("got %d", status)
	}
	if status := call(); status != 409 {
		t.Errorf("a second time: got %d, want 409", status)
	}
	if again := w.atHome("ann@example.com"); again.at != "/sign-in" {
		t.Errorf("the next sign-in ends at %s, want no second factor", again.at)
	}
}

func TestOneTrustedBrowserIsAskedAgainAndTheOthersAreNot(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	key := w.atHome("ann@example.com").turnOn()
	// A sign-in with the mailed code, in a browser that may be asked for the second factor, and says then not to ask again.
	signIn := func(p *person) (asked bool) {
		t.Helper()
		w.age(2 * time.Minute)
		p.visit("/sign-in")
		p.prove("ann@example.com")
		if asked = strings.HasPrefix(p.at, "/sign-in/second-factor"); asked {
			form := p.form("/sign-in/second-factor")
			form.Set("code", w.shown(key))
			form.Set("trust", "1")
			p.post("/sign-in/second-factor", form)
		}
		if p.visit("/account"); p.screen.Code != 200 || p.at != "/account" {
			t.Fatalf("not signed in: %d at %s", p.screen.Code, p.at)
		}
		return asked
	}
	leave := func(p *person) { p.post("/sign-out", url.Values{}) }
	phone, desk := w.person(), w.person()
	signIn(phone)
	signIn(desk)
	ann, err := w.store.View(t.Context()).UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	trusted := func() (ids []string) {
		t.Helper()
		all, err := w.store.View(t.Context()).UserDevices(ann.ID, w.now().UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			if d.Trusted > 0 {
				ids = append(ids, d.ID.String())
			}
		}
		return ids
	}
	both := trusted() // the one seen last, the desk's, first
	if len(both) != 2 {
		t.Fatalf("trusted are %v, want two", both)
	}
	// Somebody else takes nothing away.
	bob := w.atHome("bob@example.com")
	for _, id := range []string{both[0], "x"} {
		bob.post("/account/trusted/forget", url.Values{"browser": {id}})
	}
	if got := trusted(); len(got) != 2 {
		t.Fatalf("somebody else has left %v", got)
	}
	desk.visit("/account")
	desk.reads("Devices without the second step", both[0], both[1])
	desk.post("/account/trusted/forget", url.Values{"browser": {both[1]}})
	desk.reads("That device asks for the second step again.")
	if got := trusted(); len(got) != 1 || got[0] != both[0] {
		t.Fatalf("left are %v, want %s", got, both[0])
	}
	leave(phone)
	leave(desk)
	if signIn(desk) {
		t.Error("the desk, which was left alone, is asked")
	}
	if !signIn(phone) {
		t.Error("the phone, which was forgotten, is not asked")
	}
	desk.visit("/account")
	desk.post("/account/trusted/forget", url.Values{})
	if got := trusted(); len(got) != 0 {
		t.Errorf("after all were forgotten %v are left", got)
	}
}
