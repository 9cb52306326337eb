package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

const week = 7 * 24 * time.Hour

// invite makes an invitation and returns the path of its link, out of the mail if it was mailed.
func (h *house) invite(n authn.Invite) string {
	h.t.Helper()
	if n.Life == 0 {
		n.Life = week
	}
	made, err := h.engine.Invite(h.t.Context(), "cli", n)
	if err != nil {
		h.t.Fatal(err)
	}
	link := made.Link
	if made.Mailed {
		if link != "" {
			h.t.Errorf("the link of a mailed invitation was shown: %s", link)
		}
		mail := h.mail(made.Address)
		if mail.Usage != email.Invite {
			h.t.Fatalf("got a mail %q, want the invitation", mail.Usage)
		}
		link = mail.Link
	}
	return strings.TrimPrefix(link, publicURL)
}

func (h *house) group(name string) {
	h.t.Helper()
	if _, err := h.engine.CreateGroup(h.t.Context(), "cli", name, ""); err != nil {
		h.t.Fatal(err)
	}
}

// groupsOf are the groups of whoever has an address.
func (h *house) groupsOf(address string) string {
	h.t.Helper()
	u, err := h.view().UserByEmail(address)
	if err != nil {
		h.t.Fatalf("%s: %v", address, err)
	}
	groups, err := h.view().UserGroups(u.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(groups, " ")
}

// nobody fails the test if somebody has the address.
func (h *house) nobody(address string) {
	h.t.Helper()
	if _, err := h.view().UserByEmail(address); err == nil {
		h.t.Errorf("somebody has %s now", address)
	}
}

func TestMailedInvitationIsAcceptedWithoutACodeWhileSignUpIsClosed(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	h.group("staff")
	link := h.invite(authn.Invite{Address: "Ann@Example.com", Mail: true, Groups: []string{"staff"}, Role: "admin"})
	ann := h.person()
	for range 3 { // a mail scanner looks
		ann.visit(link)
		ann.says(200, "You are invited")
		ann.says(200, "ann@example.com")
	}
	h.nobody("ann@example.com")
	ann.submit("/invitation")
	ann.says(200, "You are signed in")
	if got := h.groupsOf("ann@example.com"); got != "staff" {
		t.Errorf("ann is in %q, want staff", got)
	}
	if u, _ := h.view().UserByEmail("ann@example.com"); u.Role != "admin" {
		t.Errorf("ann's role is %q, want admin", u.Role)
	}
	eve := h.person()
	eve.visit(link)
	eve.says(http.StatusGone, "used already")
	eve.do("POST", "/invitation", url.Values{"t": mustQuery(t, link)["t"]})
	eve.says(http.StatusGone, "used already")
	eve.stranger()
}

func TestMailedInvitationNeverSignsInSomebodyWhoHasAnAccount(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	h.group("staff")
	if _, err := h.engine.CreateUser(t.Context(), "cli", "ann@example.com", "Ann"); err != nil {
		t.Fatal(err)
	}
	link := h.invite(authn.Invite{Address: "ann@example.com", Mail: true, Groups: []string{"staff"}})
	p := h.person()
	p.visit(link)
	p.submit("/invitation")
	p.says(200, "E-mail address")
	p.stranger()
	if got := h.groupsOf("ann@example.com"); got != "" {
		t.Fatalf("ann is in %q before she has signed in", got)
	}
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	p.says(200, "You are signed in")
	if got := h.groupsOf("ann@example.com"); got != "staff" {
		t.Errorf("ann is in %q, want staff", got)
	}
}

func TestWhoeverHasTheLinkProvesAnAddressAndOneBoundToAnAddressIsForItAlone(t *testing.T) {
	h := newHouse(t, signUp("invite"))
	bound := h.invite(authn.Invite{Address: "ann@example.com"})
	eve := h.person()
	eve.visit(bound)
	eve.submit("/invitation")
	eve.stranger()
	eve.submit("/sign-in/email", "email", "eve@example.com")
	if mail := h.mail("eve@example.com"); mail.Usage != email.SignUpClosed {
		t.Errorf("eve got a mail %q, want that she has no account", mail.Usage)
	}
	eve.visit("/sign-in?flow=" + eve.flow() + "&other=1")
	open := h.invite(authn.Invite{Uses: 1})
	ben := h.person()
	ben.visit("/sign-in")
	ben.says(200, "You need an invitation")
	ben.visit(open)
	ben.submit("/invitation")
	if strings.Contains(ben.page.body, "You need an invitation") {
		t.Error("the page asks for an invitation of somebody who has one")
	}
	ben.submit("/sign-in/email", "email", "ben@example.com")
	ben.submit("/sign-in/code", "code", h.mail("ben@example.com").Code)
	ben.says(200, "You are signed in")
}

func TestPeopleWhoRaceForTheLastUseOfAnInvitationMakeOneAccount(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	link := h.invite(authn.Invite{Uses: 2})
	addresses := []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"}
	people := make([]*person, len(addresses))
	codes := make([]string, len(addresses))
	for i, address := range addresses {
		people[i] = h.person()
		people[i].visit(link)
		people[i].submit("/invitation")
		people[i].submit("/sign-in/email", "email", address)
		codes[i] = h.mail(address).Code
	}
	var all sync.WaitGroup
	for i, p := range people {
		all.Go(func() { p.submit("/sign-in/code", "code", codes[i]) })
	}
	all.Wait()
	made := 0
	for _, address := range addresses {
		if _, err := h.view().UserByEmail(address); err == nil {
			made++
		}
	}
	if made != 2 {
		t.Errorf("%d accounts were made with an invitation for 2", made)
	}
	late := h.person()
	late.visit(link)
	late.says(http.StatusGone, "used already")
}

func TestInvitationThatWasTakenBackOrIsTooOldOrForgedWorksNoMore(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	p := h.person()
	made, err := h.engine.Invite(t.Context(), "cli", authn.Invite{Life: week})
	if err != nil {
		t.Fatal(err)
	}
	link := strings.TrimPrefix(made.Link, publicURL)
	p.visit(link)
	p.submit("/invitation")
	if err := h.engine.Uninvite(t.Context(), "cli", made.ID); err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/email", "email", "ann@example.com") // begun before it was taken back
	if mail := h.mail("ann@example.com"); mail.Usage != email.SignUpClosed {
		t.Errorf("got a mail %q, want that there is no account", mail.Usage)
	}
	old := h.invite(authn.Invite{Life: time.Hour})
	h.clock.pass(61 * time.Minute)
	other := h.invite(authn.Invite{})
	for name, path := range map[string]string{"taken back": link, "too old": old, "cut": other[:len(other)-1], "changed": other[:len(other)-2] + "AA", "empty": "/invitation?t=", "none": "/invitation"} {
		eve := h.person()
		if eve.visit(path); eve.page.status != http.StatusGone || !strings.Contains(eve.page.body, "does not work any more") {
			t.Errorf("%s: got %d", name, eve.page.status)
		}
		eve.do("POST", "/invitation", mustQuery(t, path))
		eve.says(http.StatusGone, "does not work any more")
	}
}

func TestInvitationJoinsWhoContinuesAsThemselves(t *testing.T) {
	h := newHouse(t)
	h.group("staff")
	p := h.person()
	p.signIn("ann@example.com")
	p.visit(h.invite(authn.Invite{Groups: []string{"staff"}}))
	p.submit("/invitation")
	p.submit("/sign-in/continue")
	if got := h.groupsOf("ann@example.com"); got != "staff" {
		t.Errorf("ann is in %q, want staff", got)
	}
	theirs := h.invite(authn.Invite{Address: "ben@example.com", Groups: []string{"staff"}, Role: "admin"})
	p.visit(theirs)
	p.submit("/invitation")
	if u, _ := h.view().UserByEmail("ann@example.com"); u.Role != "none" {
		t.Errorf("an invitation for ben made ann %s", u.Role)
	}
}

func TestRefusedDomainsAreComparedAsAddressesAreHoweverTheyAreTyped(t *testing.T) {
	h := newHouse(t, func(o *options) {
		o.engine.Experience.AllowedDomains = []string{".example.com", "xn--bcher-kva.example"}
		o.engine.Experience.RefusedDomains = []string{"bad.example.com"}
	})
	for typed, may := range map[string]bool{
		"ann@example.com": true, "ben@EXAMPLE.com": true, "ann@team.example.com": true, "ann@Bücher.example": true,
		"ann@bad.example.com": false, "eve@BAD.example.com": false, "ann@below.bad.example.com": true, "ann@notexample.com": false,
		"ann@example.com.evil.example": false, "ann@sub.bücher.example": false, "ann@examp\u0435.com": false, // Cyrillic
	} {
		address, err := authn.NormalizeAddress(typed)
		if err != nil {
			if may {
				t.Errorf("%s: %v", typed, err)
			}
			continue
		}
		p := h.person()
		p.visit("/sign-in")
		p.submit("/sign-in/email", "email", typed)
		p.says(200, "Check your e-mail") // whoever they are
		if got := h.mail(address).Usage == email.Register; got != may {
			t.Errorf("%s may sign up: %t, want %t", typed, got, may)
		}
	}
	if address, err := authn.NormalizeAddress("eve@bad.example.com."); err == nil && address != "eve@bad.example.com" {
		t.Errorf("a dot at the end makes another domain: %s", address)
	}
	invited := h.person()
	invited.visit(h.invite(authn.Invite{Address: "eva@bad.example.com", Mail: true}))
	invited.submit("/invitation")
	invited.says(200, "You are signed in")
}

func TestInvitationsSayWhatHappenedInTheLog(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	p := h.person()
	p.visit(h.invite(authn.Invite{Address: "ann@example.com", Mail: true}))
	p.submit("/invitation")
	events, err := h.view().Events(storage.ID{}, 20)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
		if strings.Contains(e.Detail, "ann@") {
			t.Errorf("%s names the address", e.Kind)
		}
	}
	for _, kind := range []string{storage.EventInvited, storage.EventSignedUp, storage.EventInviteAccepted, storage.EventSignedIn} {
		if !strings.Contains(strings.Join(kinds, " "), kind) {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
}
