package signin_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

const (
	horse = "seventeen horses at dawn"
	goose = "eleven geese before noon"
)

// withPasswords has the hashes of a house cost little.
func withPasswords(o *options) {
	o.engine.Passwords = authn.Passwords{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Concurrency: 4}
}

// passwordFirst asks for both at once.
func passwordFirst(o *options) {
	withPasswords(o)
	o.engine.Experience.Methods = []authn.Method{authn.MethodPassword, authn.MethodCode}
}

// passwordOnly knows no codes to sign in with.
func passwordOnly(o *options) {
	withPasswords(o)
	o.engine.Experience.Methods = []authn.Method{authn.MethodPassword}
}

// known makes somebody with a password; "" for none.
func (h *house) known(address, password string) storage.User {
	h.t.Helper()
	u, err := h.engine.CreateUser(h.t.Context(), "cli", address, "")
	if err == nil && password != "" {
		err = h.engine.SetPassword(h.t.Context(), "cli", u.ID, authn.NewPassword{Password: password})
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

func TestPersonUsesTheirPasswordInsteadOfTheCode(t *testing.T) {
	h := newHouse(t, withPasswords)
	u := h.known("ann@example.com", horse)
	p := h.person()
	p.begin("ann@example.com")
	p.says(200, "Use your password instead")
	p.visit("/sign-in/password?flow=" + p.flow())
	p.says(200, `value="ann@example.com" readonly autocomplete="username"`)
	p.submit("/sign-in/password", "password", goose)
	p.says(422, "That is not right")
	if strings.Contains(p.page.body, goose) {
		t.Error("the page repeats the password")
	}
	p.submit("/sign-in/password", "password", horse, "device", "1")
	user, session := p.arrived()
	if user != u.ID.String() {
		t.Errorf("welcomed %s, want %s", user, u.ID)
	}
	id, err := storage.ParseID(session)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.view().Session(id); err != nil || !s.Remembered || s.AMR != "pwd" {
		t.Errorf("got %+v, %v, want a session by password on a device of theirs", s, err)
	}
}

func TestBothAreAskedForAtOnceWherePasswordsComeFirst(t *testing.T) {
	h := newHouse(t, passwordFirst, identifiers(authn.IdentifiersBoth))
	h.known("ann@example.com", horse)
	for _, identifier := range []string{"ann", "Ann@Example.com"} {
		p := h.person()
		p.visit("/app")
		p.submit("/sign-in/password", "identifier", identifier, "password", goose)
		p.says(422, "That is not right")
		p.says(422, `value="`+identifier+`"`)
		p.submit("/sign-in/password", "identifier", identifier, "password", horse)
		p.arrived()
	}
	// The same form goes to a code instead.
	p := h.person()
	p.visit("/app")
	p.says(200, `formaction="/sign-in/email" formnovalidate`)
	p.do("POST", "/sign-in/email", p.fill("/sign-in/password", "identifier", "ann@example.com"))
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	p.arrived()
}

func TestWhereThereAreOnlyPasswordsNoCodeIsOfferedOrMailed(t *testing.T) {
	h := newHouse(t, passwordOnly, silent)
	h.known("ann@example.com", horse)
	p := h.person()
	p.visit("/app")
	for _, word := range []string{"code", "/sign-in/email"} {
		if strings.Contains(p.page.body, word) {
			t.Errorf("the page says %q", word)
		}
	}
	flow := p.flow()
	p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "email": {"ann@example.com"}})
	if due, err := h.view().DueDeliveries(1<<62, 9, "mail"); err != nil || len(due) > 0 || p.page.path != "/sign-in?flow="+flow {
		t.Errorf("got %d mails, %v, and %s", len(due), err, p.page.path)
	}
}

func TestApplicationWithoutPasswordsOffersNoneAndTakesNone(t *testing.T) {
	h := newHouse(t, withPasswords)
	h.known("ann@example.com", horse)
	h.write(func(tx storage.Tx) error {
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.SignInMethods = []string{"code"}
		return tx.UpdateClient(c)
	})
	p := h.person()
	mail := p.begin("ann@example.com")
	if strings.Contains(p.page.body, "password") {
		t.Error("the page of the code speaks of a password")
	}
	flow := p.flow()
	for _, path := range []string{"/sign-in/password", "/sign-in/forgot"} {
		if got := p.visit(path + "?flow=" + flow); strings.HasPrefix(got.path, path) {
			t.Errorf("%s is there: %d", path, got.status)
		}
	}
	p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {"ann@example.com"}, "password": {horse}})
	p.stranger()
	p.do("POST", "/sign-in/forgot", url.Values{"flow": {flow}, "email": {"ann@example.com"}})
	p.visit("/sign-in/code?flow=" + flow)
	p.submit("/sign-in/code", "code", mail.Code)
	p.arrived()
}

func TestStrangersAnswersAreThoseOfEverybody(t *testing.T) {
	for name, s := range map[string]setting{"open": signUp("open"), "closed": signUp("closed")} {
		t.Run(name, func(t *testing.T) {
			b := authn.DefaultBudgets()
			b.WrongGuessesPerAddressHour, b.NetworkGuessesHour, b.NetworkMailsHour = 3, 1000, 1000
			h := newHouse(t, passwordFirst, s, budgets(b), silent)
			h.known("a00@example.com", horse)
			h.known("b00@example.com", "")
			gone := h.known("c00@example.com", horse)
			if err := h.engine.DisableUser(t.Context(), "cli", gone.ID); err != nil {
				t.Fatal(err)
			}
			walk := func(address string) (pages, statements []string) {
				p := h.person()
				p.visit("/app")
				flow := p.flow()
				h.counts.take()
				p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "email": {address}})
				pages = append(pages, plain(p.page, flow, address))
				h.clock.pass(2 * time.Minute)
				for range 4 {
					p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {address}, "password": {goose}})
					pages = append(pages, plain(p.page, flow, address))
				}
				for _, path := range []string{"/sign-in/forgot", "/sign-in/resend"} {
					p.do("POST", path, url.Values{"flow": {flow}, "email": {address}})
					pages = append(pages, plain(p.page, flow, address))
					h.clock.pass(2 * time.Minute)
				}
				p.do("POST", "/sign-in/code", url.Values{"flow": {flow}, "code": {"000000"}})
				pages = append(pages, plain(p.page, flow, address))
				return pages, h.counts.take()
			}
			wantPages, wantStatements := walk("x00@example.com")
			for _, address := range []string{"a00@example.com", "b00@example.com", "c00@example.com"} {
				pages, statements := walk(address)
				for i := range pages {
					if pages[i] != wantPages[i] {
						t.Errorf("%s, page %d:\n%s\na stranger's:\n%s", address, i, pages[i], wantPages[i])
					}
				}
				if !slices.Equal(statements, wantStatements) {
					t.Errorf("%s took\n%s\na stranger\n%s", address, strings.Join(statements, "\n"), strings.Join(wantStatements, "\n"))
				}
			}
		})
	}
}

var reference = regexp.MustCompile(`GL-[0-9A-Z]{4}-[0-9A-Z]{4}|<time .*?</time>`)

// plain is a page without what differs from one visit to the next.
func plain(p *page, flow, address string) string {
	body := strings.NewReplacer(flow, "FLOW", address, "ADDRESS").Replace(p.body)
	return fmt.Sprint(p.status, " ", len(p.body), " ", reference.ReplaceAllString(body, "REFERENCE"))
}

func TestForgottenPasswordIsChosenAnewAndEndsEverythingElse(t *testing.T) {
	h := newHouse(t, passwordFirst)
	h.known("ann@example.com", horse)
	elsewhere := h.person()
	elsewhere.visit("/app")
	elsewhere.submit("/sign-in/password", "identifier", "ann@example.com", "password", horse)
	elsewhere.arrived()

	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.visit("/sign-in/forgot?flow=" + flow)
	p.submit("/sign-in/forgot", "email", "nonsense")
	p.says(422, "Enter an e-mail address")
	p.submit("/sign-in/forgot", "email", "ann@example.com")
	p.says(200, "Check your e-mail")
	m := h.mail("ann@example.com")
	if !strings.Contains(m.Text, "new password") {
		t.Errorf("the mail says\n%s", m.Text)
	}
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "At least 15 characters")
	p.stranger() // the code signs nobody in
	for password, why := range map[string]string{"too short": "That is too short", "ann@example.com": "name or address", "passwordpassword": "Many people", strings.Repeat("ab cd ", 40): "Many people", strings.Repeat("x", 200) + " " + strings.Repeat("yz-", 40): "too long"} {
		p.submit("/sign-in/new-password", "password", password)
		p.says(422, why)
	}
	p.submit("/sign-in/new-password", "password", goose)
	p.says(200, "Your password is changed")
	p.stranger()
	elsewhere.stranger()
	p.submit("/sign-in/password", "password", horse)
	p.says(422, "That is not right")
	p.submit("/sign-in/password", "password", goose)
	p.arrived()
}

func TestResetByLinkWorksWhileGuessesArePaused(t *testing.T) {
	b := authn.DefaultBudgets()
	b.WrongGuessesPerAddressHour = 3
	h := newHouse(t, passwordOnly, budgets(b))
	h.known("ann@example.com", horse)
	guesser := h.person()
	guesser.visit("/app")
	for range 3 {
		guesser.submit("/sign-in/password", "identifier", "ann@example.com", "password", goose)
		guesser.says(422, "That is not right")
	}
	guesser.submit("/sign-in/password", "identifier", "ann@example.com", "password", goose)
	guesser.says(429, "paused")

	p := h.person()
	p.visit("/app")
	p.visit("/sign-in/forgot?flow=" + p.flow())
	p.submit("/sign-in/forgot", "email", "ann@example.com")
	link, err := url.Parse(h.mail("ann@example.com").Link)
	if err != nil {
		t.Fatal(err)
	}
	p.visit(link.RequestURI())
	p.says(200, "Choose a new password")
	p.submit("/sign-in/link")
	p.submit("/sign-in/new-password", "password", goose)
	p.submit("/sign-in/password", "password", goose)
	p.arrived()
}

func TestResetIsOneBrowsersOneTimeAndShortLived(t *testing.T) {
	h := newHouse(t, passwordFirst)
	h.known("ann@example.com", horse)
	begin := func() *person {
		p := h.person()
		p.visit("/app")
		p.visit("/sign-in/forgot?flow=" + p.flow())
		p.submit("/sign-in/forgot", "email", "ann@example.com")
		return p
	}
	// Without the code there is nothing to choose.
	p := begin()
	flow := p.flow()
	p.do("POST", "/sign-in/new-password", url.Values{"flow": {flow}, "password": {goose}})
	if strings.HasPrefix(p.page.path, "/sign-in/new-password") || strings.HasPrefix(p.page.path, "/sign-in/password") {
		t.Errorf("without the code: %s", p.page.path)
	}
	p.visit("/sign-in/code?flow=" + flow)
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	// Another browser gets nothing for the flow's id.
	other := h.person()
	other.visit("/app")
	other.do("POST", "/sign-in/new-password", url.Values{"flow": {flow}, "password": {goose}})
	other.says(410, "")
	// Once is once.
	form := p.fill("/sign-in/new-password", "password", goose)
	p.do("POST", "/sign-in/new-password", form)
	p.says(200, "Your password is changed")
	form.Set("password", "nineteen crows by night")
	p.do("POST", "/sign-in/new-password", form)
	if strings.Contains(p.page.body, "is changed") {
		t.Error("the code chose two passwords")
	}
	// A quarter of an hour is enough.
	p = begin()
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	h.clock.pass(16 * time.Minute)
	p.do("POST", "/sign-in/new-password", p.fill("/sign-in/new-password", "password", "nineteen crows by night"))
	if strings.Contains(p.page.body, "is changed") {
		t.Error("a code from long ago chose a password")
	}
	p.visit("/app")
	p.submit("/sign-in/password", "identifier", "ann@example.com", "password", goose)
	p.arrived()
}

func TestCodeForSigningInChoosesNoPasswordAndTheOtherWayRound(t *testing.T) {
	h := newHouse(t, passwordFirst)
	h.known("ann@example.com", horse)
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "email": {"ann@example.com"}})
	signIn := h.mail("ann@example.com").Code
	p.do("POST", "/sign-in/forgot", url.Values{"flow": {flow}, "email": {"ann@example.com"}})
	reset := h.mail("ann@example.com").Code
	if signIn == reset {
		t.Skip("one in a million")
	}
	p.submit("/sign-in/code", "code", signIn)
	p.says(422, "not right")
	p.submit("/sign-in/code", "code", reset)
	p.says(200, "Choose a new password")
	p.stranger()
}

func TestResetNeverSkipsTheSecondFactor(t *testing.T) {
	h := newHouse(t, passwordFirst, secondFactor(authn.SecondFactorRequired))
	ann := h.person()
	ann.visit("/app")
	ann.do("POST", "/sign-in/email", url.Values{"flow": {ann.flow()}, "email": {"ann@example.com"}})
	key, _ := ann.setUp(h.mail("ann@example.com").Code)
	// Somebody who reads Ann's mail chooses a new password.
	eve := h.person()
	eve.visit("/app")
	flow := eve.flow()
	eve.visit("/sign-in/forgot?flow=" + flow)
	eve.submit("/sign-in/forgot", "email", "ann@example.com")
	eve.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	eve.says(200, "At least 8 characters")
	for _, path := range []string{"/sign-in/second-factor", "/sign-in/protect"} { // a code for a password is no first factor
		if got := eve.do("POST", path, url.Values{"flow": {flow}, "way": {"totp"}, "code": {h.shown(key, 0)}}); strings.HasPrefix(got.path, path) {
			t.Errorf("%s answers: %d", path, got.status)
		}
		eve.stranger()
	}
	eve.visit("/sign-in/new-password?flow=" + flow)
	eve.submit("/sign-in/new-password", "password", goose)
	eve.says(200, "Your password is changed")
	eve.stranger()
	eve.submit("/sign-in/password", "password", goose)
	eve.says(200, "One more step")
	eve.stranger()
	// And neither does the mailbox again, in a sign-in of its own.
	eve.visit("/app")
	eve.do("POST", "/sign-in/email", url.Values{"flow": {eve.flow()}, "email": {"ann@example.com"}})
	eve.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	eve.says(200, "One more step")
	eve.visit("/sign-in/password?flow=" + eve.flow())
	eve.submit("/sign-in/password", "password", goose)
	eve.says(200, "One more step")
	eve.stranger()
}

func TestPasswordIsTheSecondFactorOfWhoeverHasNothingElse(t *testing.T) {
	h := newHouse(t, withPasswords, secondFactor(authn.SecondFactorRequired))
	h.known("ann@example.com", horse)
	p := h.person()
	m := p.begin("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "Enter your password")
	p.stranger()
	p.submit("/sign-in/password", "password", goose)
	p.says(422, "That is not right")
	p.submit("/sign-in/password", "password", horse)
	_, session := p.arrived()
	id, err := storage.ParseID(session)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.view().Session(id); err != nil || s.ACR != authn.ACR2 || s.AMR != "otp pwd mfa" {
		t.Errorf("got %+v, %v, want two factors", s, err)
	}
}
