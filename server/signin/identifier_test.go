package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

func TestUsernameSignsInByACodeToTheirAddress(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	u := h.known("ann@example.com", "")
	for _, typed := range []string{"ann", " ANN ", "\uff21nn"} {
		p := h.person()
		p.visit("/app")
		p.says(200, `name="identifier" type="text" inputmode="email" autocomplete="username webauthn" autocapitalize="none" spellcheck="false"`)
		p.submit("/sign-in/email", "identifier", typed)
		p.says(200, "If there is an account called")
		if strings.Contains(p.page.body, "example.com") {
			t.Errorf("%q: the page tells where the code went:\n%s", typed, p.page.body)
		}
		p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
		if user, _ := p.arrived(); user != u.ID.String() {
			t.Errorf("%q: welcomed %s, want %s", typed, user, u.ID)
		}
	}
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "identifier", "ann")
	p.visit(path(h.mail("ann@example.com").Link))
	p.submit("/sign-in/link")
	p.arrived()
	p.visit("/app?prompt=login")
	p.submit("/sign-in/email", "identifier", "ann@example.com") // the same field takes the address
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	p.arrived()
}

func TestLinkForTheNameBeforeIsWorthNothingOnceAnotherIsTyped(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	h.known("ann@example.com", "")
	h.known("bob@example.com", "")
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "identifier", "bob")
	link := h.mail("bob@example.com").Link
	p.submit("/sign-in/restart")
	p.submit("/sign-in/email", "identifier", "ann")
	p.visit(path(link))
	p.says(http.StatusGone, "")
	p.stranger()
}

func TestKnownAndUnknownUsernamesLookAndCostTheSame(t *testing.T) {
	for _, how := range []string{"open", "closed"} {
		t.Run("sign-up "+how, func(t *testing.T) {
			b := authn.DefaultBudgets()
			b.WrongGuessesPerAddressHour, b.NetworkGuessesHour, b.NetworkMailsHour = 8, 1000, 1000
			h := newHouse(t, signUp(how), passwordFirst, identifiers(authn.IdentifiersBoth), budgets(b), silent)
			h.known("a00@example.com", horse)
			h.known("b00@example.com", "")
			gone := h.known("c00@example.com", horse)
			if err := h.engine.DisableUser(t.Context(), "cli", gone.ID); err != nil {
				t.Fatal(err)
			}
			walk := func(name string) (pages, statements []string) {
				p := h.person()
				p.visit("/app")
				flow := p.flow()
				before := h.store.Stats().Units
				h.counts.take()
				post := func(path string, pairs ...string) {
					form := url.Values{"flow": {flow}}
					for i := 0; i < len(pairs); i += 2 {
						form.Set(pairs[i], pairs[i+1])
					}
					p.do("POST", path, form)
					pages = append(pages, plain(p.page, flow, name))
				}
				post("/sign-in/email", "identifier", name)
				for range 6 {
					post("/sign-in/code", "code", "000000")
				}
				for range 7 { // more than the mails that one name may have at once
					post("/sign-in/resend")
				}
				h.clock.pass(2 * time.Minute)
				post("/sign-in/forgot", "identifier", name)
				post("/sign-in/code", "code", "000000")
				for range 3 {
					post("/sign-in/password", "identifier", name, "password", goose)
				}
				p.stranger()
				return append(pages, fmt.Sprint(h.store.Stats().Units-before, " writes")), h.counts.take()
			}
			walk("w00") // statements are prepared, settings read
			wantPages, wantStatements := walk("x00")
			if !strings.Contains(strings.Join(wantPages, ""), "If there is an account called") || len(wantStatements) < 100 {
				t.Fatalf("the walk saw nothing:\n%s", strings.Join(wantPages, "\n"))
			}
			for _, name := range []string{"a00", "b00", "c00"} {
				pages, statements := walk(name)
				for i := range pages {
					if pages[i] != wantPages[i] {
						t.Errorf("%s, page %d:\n%s\na stranger's:\n%s", name, i, pages[i], wantPages[i])
					}
				}
				if !slices.Equal(statements, wantStatements) {
					t.Errorf("%s took\n%s\na stranger\n%s", name, strings.Join(statements, "\n"), strings.Join(wantStatements, "\n"))
				}
			}
		})
	}
}

func TestMailboxFullByItsAddressDoesNotTellWhoseNameWasTyped(t *testing.T) {
	b := authn.DefaultBudgets()
	b.NetworkMailsHour = 1000
	h := newHouse(t, identifiers(authn.IdentifiersBoth), budgets(b))
	h.known("ann@example.com", "")
	p := h.person()
	p.visit("/app")
	for range b.MailsPerAddressBurst {
		p.do("POST", "/sign-in/email", url.Values{"flow": {p.flow()}, "identifier": {"ann@example.com"}})
		h.mail("ann@example.com")
	}
	p.do("POST", "/sign-in/email", url.Values{"flow": {p.flow()}, "identifier": {"ann@example.com"}})
	p.says(http.StatusTooManyRequests, "")
	h.settle()
	got := map[string]string{}
	for _, name := range []string{"ann", "eve"} {
		other := h.person()
		other.visit("/app")
		flow := other.flow()
		other.submit("/sign-in/email", "identifier", name)
		got[name] = plain(other.page, flow, name)
	}
	if got["ann"] != got["eve"] || !strings.Contains(got["ann"], "If there is an account called") {
		t.Errorf("ann, whose address has got enough:\n%s\nnobody:\n%s", got["ann"], got["eve"])
	}
	h.settle()
	if n := len(h.mails.Messages()); n != b.MailsPerAddressBurst+1 {
		t.Errorf("%d mails left, want %d", n, b.MailsPerAddressBurst+1)
	}
}

func TestMailboxGetsAtMostTwiceTheMailsOfAnAddressHoweverManyNamesItHad(t *testing.T) {
	b := authn.DefaultBudgets()
	b.NetworkMailsHour = 1000
	h := newHouse(t, identifiers(authn.IdentifiersBoth), budgets(b))
	u := h.known("ann@example.com", "")
	ask := func(typed string) {
		p := h.person()
		p.visit("/app")
		flow := p.flow()
		for i := range b.MailsPerAddressBurst + 1 {
			p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "identifier": {typed}})
			if tooMany := p.page.status == http.StatusTooManyRequests; tooMany != (i == b.MailsPerAddressBurst) || !tooMany && p.page.status >= 400 {
				t.Fatalf("mail %d by %s: got %d", i+1, typed, p.page.status)
			}
			h.settle()
		}
	}
	ask("ann@example.com")
	ask("ann")
	if err := h.engine.SetAttributes(t.Context(), "cli", u.ID, map[string]any{"preferred_username": "annie"}); err != nil {
		t.Fatal(err)
	}
	ask("annie") // looks the same, and nothing leaves
	if n := len(h.mails.Messages()); n != 2*b.MailsPerAddressBurst {
		t.Errorf("%d mails left, want %d", n, 2*b.MailsPerAddressBurst)
	}
}

// A stranger who has used up what both names may ask for sees one of them full again once its owner is in, and must not see it at the other.
func TestSignInByOneNameShowsNothingAtTheOther(t *testing.T) {
	for typed, other := range map[string]string{"ann": "ann@example.com", "ann@example.com": "ann"} {
		t.Run(typed, func(t *testing.T) {
			b := authn.DefaultBudgets()
			b.NetworkMailsHour = 1000
			h := newHouse(t, identifiers(authn.IdentifiersBoth), budgets(b))
			h.known("ann@example.com", "")
			asked := func(name string) int {
				eve := h.person()
				eve.visit("/app")
				eve.do("POST", "/sign-in/email", url.Values{"flow": {eve.flow()}, "identifier": {name}})
				return eve.page.status
			}
			for range b.MailsPerAddressBurst {
				if got := asked(other); got >= 400 {
					t.Fatalf("%s, while there are mails: got %d", other, got)
				}
				h.mail("ann@example.com")
			}
			for range b.MailsPerAddressBurst - 1 {
				asked(typed)
				h.mail("ann@example.com")
			}
			ann := h.person()
			ann.visit("/app")
			ann.submit("/sign-in/email", "identifier", typed)
			code := h.mail("ann@example.com").Code
			if got := asked(typed); got != http.StatusTooManyRequests {
				t.Errorf("%s, before its owner is in: got %d, want 429", typed, got)
			}
			ann.submit("/sign-in/code", "code", code)
			ann.arrived()
			if got := asked(typed); got >= 400 {
				t.Errorf("%s, with which its owner is in: got %d", typed, got)
			}
			if got := asked(other); got != http.StatusTooManyRequests {
				t.Errorf("%s, of the same person: got %d, want 429", other, got)
			}
		})
	}
}

func TestSpellingsOfAUsernameShareItsBudgets(t *testing.T) {
	b := authn.DefaultBudgets()
	b.WrongGuessesPerAddressHour, b.NetworkMailsHour, b.NetworkGuessesHour = 6, 1000, 1000
	for name, known := range map[string]bool{"known": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, passwordFirst, identifiers(authn.IdentifiersBoth), budgets(b), silent)
			if known {
				h.known("ann@example.com", horse)
			}
			spellings := []string{"ann", "ANN", "aNn", "\uff41\uff4e\uff4e", " ann\t", "aNN"}
			p := h.person()
			p.visit("/app")
			flow := p.flow()
			for _, typed := range spellings[:5] {
				p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "identifier": {typed}})
				p.says(200, "If there is an account called")
			}
			p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "identifier": {"aNN"}})
			if p.page.status != http.StatusTooManyRequests {
				t.Errorf("the sixth mail: got %d, want 429", p.page.status)
			}
			for _, typed := range spellings {
				p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {typed}, "password": {goose}})
				p.says(422, "That is not right")
			}
			p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {"annN"}, "password": {horse}})
			p.says(422, "That is not right") // another name
			p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {"AnN"}, "password": {horse}})
			if p.page.status != http.StatusTooManyRequests {
				t.Errorf("the seventh guess: got %d, want 429", p.page.status)
			}
		})
	}
}

func TestTroubleOfMailDoesNotTellWhoseNameWasTyped(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	h.known("ann@example.com", "")
	h.mails.Refuse(&email.Error{Provider: "ses", Kind: email.Identity, Reason: "The sender is not verified.", Next: "Verify it."})
	got := map[string]string{}
	for _, name := range []string{"ann", "eve"} {
		p := h.person()
		p.visit("/app")
		flow := p.flow()
		p.submit("/sign-in/email", "identifier", name)
		if name == "ann" {
			h.refused(1)
		}
		p.visit("/sign-in/code?flow=" + flow)
		got[name] = plain(p.page, flow, name)
	}
	if got["ann"] != got["eve"] || strings.Contains(got["ann"], "late") {
		t.Errorf("ann, whose mail does not leave:\n%s\nnobody:\n%s", got["ann"], got["eve"])
	}
}

func TestWhatIsTypedHasToBeOfTheKindThatIsAskedFor(t *testing.T) {
	for _, c := range []struct{ which, typed, says string }{
		{authn.IdentifiersEmail, "ann", "Enter an e-mail address like"},
		{authn.IdentifiersEmail, "ann\uff20example.com", "Enter an e-mail address like"},
		{authn.IdentifiersUsername, "ann@example.com", "Enter your username. It has no @."},
		{authn.IdentifiersUsername, "", "Enter your username. It has no @."},
		{authn.IdentifiersBoth, "", "Enter an e-mail address like"},
		{authn.IdentifiersBoth, "ann@", "Enter an e-mail address like"},
		{authn.IdentifiersBoth, "ann b", "Enter an e-mail address like"},
		{authn.IdentifiersBoth, "ann\uff20example.com", "Enter an e-mail address like"},
	} {
		t.Run(c.which+" "+c.typed, func(t *testing.T) {
			h := newHouse(t, passwordFirst, identifiers(c.which), silent)
			h.known("ann@example.com", horse)
			p := h.person()
			p.visit("/app")
			flow := p.flow()
			p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "identifier": {c.typed}})
			p.says(422, c.says)
			p.do("POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {c.typed}, "password": {horse}})
			if p.page.status != 422 {
				t.Errorf("with the password: got %d", p.page.status)
			}
			p.stranger()
			if due, err := h.view().DueDeliveries(1<<62, 9, "mail"); err != nil || len(due) > 0 {
				t.Errorf("got %d mails, %v", len(due), err)
			}
		})
	}
}

func TestWhereUsernamesAreTypedAnAddressStillHelpsNewcomersAndTheForgetful(t *testing.T) {
	h := newHouse(t, withPasswords, identifiers(authn.IdentifiersUsername))
	u := h.known("ann@example.com", horse)
	p := h.person()
	p.visit("/app")
	p.says(200, "New here, or username forgotten?")
	if strings.Contains(p.page.body, "E-mail") {
		t.Errorf("the first page asks for an address:\n%s", p.page.body)
	}
	flow := p.flow()
	p.visit("/sign-in?flow=" + flow + "&by=address")
	p.says(200, `type="email"`)
	p.submit("/sign-in/email", "email", "ann")
	p.says(200, "If there is an account called") // nobody minds a username there
	h.mail("ann@example.com")
	p.visit("/sign-in?flow=" + flow + "&by=address")
	p.submit("/sign-in/email", "email", "nonsense@")
	p.says(422, "Enter an e-mail address like")
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.says(200, "We sent a code to")
	if strings.Contains(p.page.body, "/sign-in/password") {
		t.Error("a password is offered for an address, and none is taken")
	}
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	if user, _ := p.arrived(); user != u.ID.String() {
		t.Errorf("welcomed %s, want %s", user, u.ID)
	}
	again := h.person()
	again.visit("/app")
	again.submit("/sign-in/email", "identifier", "ann")
	again.visit("/sign-in/password?flow=" + again.flow())
	again.says(200, `value="ann" readonly`)
	again.submit("/sign-in/password", "password", horse)
	again.arrived()
	newcomer := h.person()
	newcomer.visit("/app?prompt=create")
	newcomer.says(200, "Use your username")
	newcomer.submit("/sign-in/email", "email", "new@example.com")
	newcomer.submit("/sign-in/code", "code", h.mail("new@example.com").Code)
	if newcomer.page.status != 200 {
		t.Errorf("got %d: %s", newcomer.page.status, newcomer.page.body)
	}
}

func TestForgottenPasswordIsChosenAnewByUsername(t *testing.T) {
	for _, c := range []struct{ which, typed, then string }{
		{authn.IdentifiersBoth, "Ann", "ann"},
		{authn.IdentifiersUsername, "ann", "ann"},
		{authn.IdentifiersUsername, "ann@example.com", "ann"}, // who has forgotten both learns their own name
		{authn.IdentifiersBoth, "ann@example.com", "ann@example.com"},
	} {
		t.Run(c.which+" "+c.typed, func(t *testing.T) {
			h := newHouse(t, passwordFirst, identifiers(c.which))
			h.known("ann@example.com", horse)
			p := h.person()
			p.visit("/app")
			p.visit("/sign-in/forgot?flow=" + p.flow())
			p.submit("/sign-in/forgot", "identifier", c.typed)
			p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
			p.says(200, `value="`+c.then+`" readonly`)
			p.submit("/sign-in/new-password", "password", goose)
			p.says(200, `value="`+c.then+`" readonly`)
			p.submit("/sign-in/password", "password", goose)
			p.arrived()
		})
	}
}

func TestHintThatIsAUsernameFillsTheField(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	h.known("ann@example.com", "")
	h.known("bob@example.com", "")
	p := h.person()
	p.visit("/app?login_hint=ann")
	p.says(200, `value="ann"`)
	p.submit("/sign-in/email")
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	p.arrived()
	p.visit("/app?prompt=select_account&login_hint=ANN")
	p.says(200, "/sign-in/continue")
	p.visit("/app?prompt=select_account&login_hint=bob")
	if strings.Contains(p.page.body, "/sign-in/continue") || !strings.Contains(p.page.body, `value="bob"`) {
		t.Error("the app means somebody else, and the page offers to go on as Ann")
	}
}

func TestGuessesAtANameAreGivenBackToItsOwner(t *testing.T) {
	b := authn.DefaultBudgets()
	b.WrongGuessesPerAddressHour = 3
	h := newHouse(t, identifiers(authn.IdentifiersBoth), budgets(b))
	u := h.known("ann@example.com", "")
	for range 2 { // would be five guesses in all
		p := h.person()
		p.visit("/app")
		p.submit("/sign-in/email", "identifier", "ann")
		m := h.mail("ann@example.com")
		p.submit("/sign-in/code", "code", not(m.Code))
		p.submit("/sign-in/code", "code", not(m.Code))
		p.submit("/sign-in/code", "code", m.Code)
		p.arrived()
	}
	eve := h.person()
	eve.visit("/app")
	eve.submit("/sign-in/email", "identifier", "ann")
	m := h.mail("ann@example.com")
	for range 3 {
		eve.do("POST", "/sign-in/code", url.Values{"flow": {eve.flow()}, "code": {not(m.Code)}})
	}
	eve.do("POST", "/sign-in/code", url.Values{"flow": {eve.flow()}, "code": {m.Code}})
	eve.says(http.StatusTooManyRequests, "")
	events, err := h.view().Events(storage.ID{}, 50)
	if err != nil || !slices.ContainsFunc(events, func(e storage.Event) bool { return e.Kind == storage.EventAddressSlowed && e.UserID == u.ID }) {
		t.Errorf("nobody can read whose name was slowed: %v", errors.Join(err, fmt.Errorf("%+v", events)))
	}
}
