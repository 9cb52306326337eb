package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// links goes the way of a person on the account page who links an account at a provider, up to the provider.
func (p *person) links(connection string) {
	p.t.Helper()
	p.visit("/account/link?connection=" + connection)
	p.post("/account/link", p.form("/account/link"))
}

func TestAPersonLinksAnAccountSignsInWithItAndUnlinksIt(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, map[string]any{"sub": "ann-there", "email": "private@elsewhere.example"})
	w.connect(there, "staff", nil)
	p := w.atHome("ann@example.com")
	p.visit("/account")
	p.reads("Linked accounts", "Name of staff")
	p.links("staff")
	p.visit(there.answer(p.left))
	p.reads("The account is linked", "private@elsewhere.example", "last used")
	again := w.person()
	again.begins("staff")
	again.visit(there.answer(again.left))
	if s := again.signedInAs(); s.UserID != w.who("ann@example.com").ID {
		t.Fatalf("the linked account signs in %+v", s)
	}
	p.visit("/account")
	p.post("/account/unlink", p.form("/account/unlink"))
	p.reads("The account is unlinked")
	again = w.person()
	again.begins("staff")
	again.visit(there.answer(again.left))
	if s := again.signedInAs(); s.UserID != (storage.ID{}) {
		t.Fatalf("the unlinked account signs in %+v", s)
	}
}

func TestLinkingNeedsAFreshSignInAndTheSameSessionAtBothEnds(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", nil)
	p := w.atHome("ann@example.com")
	p.links("staff")
	planted := there.answer(p.left) // an attacker's account, planted into the victim's browser
	victim := w.atHome("bob@example.com")
	victim.visit(planted)
	if _, accounts := w.userBy("bob@example.com"); victim.screen.Code != http.StatusGone || len(accounts) != 0 {
		t.Fatalf("in another browser: %d, linked %v", victim.screen.Code, accounts)
	}
	p.post("/sign-out", url.Values{})
	p.visit(planted)
	if _, accounts := w.userBy("ann@example.com"); len(accounts) != 0 {
		t.Fatalf("after signing out: linked %v", accounts)
	}
	late := w.atHome("carol@example.com")
	w.later.Add(int64(6 * time.Minute))
	late.post("/account/link", url.Values{"connection": {"staff"}})
	if late.left != "" || !strings.HasPrefix(late.at, "/sign-in?flow=") {
		t.Fatalf("six minutes after the sign-in: %s, left for %q", late.at, late.left)
	}
}

func TestAnAccountThatIsSomebodyElsesIsNotLinkedAgain(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", nil)
	for i, address := range []string{"ann@example.com", "bob@example.com"} {
		p := w.atHome(address)
		p.links("staff")
		p.visit(there.answer(p.left))
		p.reads([]string{"The account is linked", "belongs to somebody else"}[i])
		if _, accounts := w.userBy(address); len(accounts) != 1-i {
			t.Errorf("%s has %v", address, accounts)
		}
	}
}

func TestNobodyUnlinksTheirLastWayInOrSomebodyElsesAccount(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) { c.Experience.Methods = []authn.Method{authn.MethodSocial} })
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", map[string]any{"trusted": true})
	p := w.person()
	p.begins("staff")
	p.visit(there.answer(p.left))
	_, before := w.userBy("ann@example.com")
	p.visit("/account")
	p.post("/account/unlink", p.form("/account/unlink"))
	p.reads("only way to sign in")
	if _, after := w.userBy("ann@example.com"); p.screen.Code != http.StatusUnprocessableEntity || len(after) != 1 {
		t.Fatalf("got %d with %v", p.screen.Code, after)
	}
	there.claims = map[string]any{"sub": "bob-there", "email": "bob@example.com", "email_verified": true}
	bob := w.person()
	bob.begins("staff")
	bob.visit(there.answer(bob.left))
	bob.post("/account/unlink", url.Values{"account": {before[0].ID.String()}})
	if _, after := w.userBy("ann@example.com"); len(after) != 1 {
		t.Fatal("somebody else has unlinked it")
	}
	w.administer("PATCH", "/connections/staff", map[string]any{"disabled": true}, http.StatusOK)
	p.visit("/account")
	p.reads("Not available now")
}

func TestWhoeverDidNotLinkAnAccountTakesItAway(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	there := newElsewhere(t, map[string]any{"sub": "mallory"})
	w.connect(there, "staff", nil)
	p := w.atHome("ann@example.com")
	p.links("staff")
	p.visit(there.answer(p.left))
	mail, path := w.notice("ann@example.com")
	if !strings.Contains(mail.Text, "Name of staff") {
		t.Errorf("the mail does not say what was linked:\n%s", mail.Text)
	}
	ann := w.person()
	ann.visit(path)
	ann.post("/sign-in/not-me", ann.form("/sign-in/not-me"))
	if _, accounts := w.userBy("ann@example.com"); len(accounts) != 0 {
		t.Fatalf("still linked: %v", accounts)
	}
}
