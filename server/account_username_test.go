package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// named is a world in which people sign in by address or username.
func named(c *server.Config) { c.Experience.Identifiers = authn.IdentifiersBoth }

// joins signs somebody new up at this server's own page, with the username that is suggested.
func (w *world) joins(address string) *person {
	w.t.Helper()
	p := w.person()
	p.visit("/sign-in")
	p.submit("/sign-in/email", "identifier", address)
	p.submit("/sign-in/code", "code", p.code(address))
	p.submit("/sign-in/details", "username", w.who(address).Username)
	return p
}

func TestPeopleChangeTheirUsernameAndTheOneBeforeGoesToNobodyElseForAWhile(t *testing.T) {
	w := newWorld(t, "https://id.example.com", named)
	ann, bob := w.joins("ann@example.com"), w.joins("bob@example.com")
	ann.visit("/account")
	ann.reads(`action="/account/username"`, `value="ann"`)
	ann.submit("/account/username", "username", "BOB")
	if ann.reads("This username is taken"); ann.screen.Code != http.StatusUnprocessableEntity {
		t.Errorf("got %d", ann.screen.Code)
	}
	ann.submit("/account/username", "username", "ann@example.com")
	ann.reads("Use only a–z")
	ann.submit("/account/username", "username", "Anna")
	ann.reads("Saved.", `value="anna"`)
	if kinds := w.did("ann@example.com"); !slices.Contains(kinds, storage.EventUserChanged) {
		t.Errorf("the log has %v", kinds)
	}
	bob.visit("/account")
	bob.submit("/account/username", "username", "ann")
	bob.reads("This username is taken") // applications may know Ann by it
	ann.submit("/account/username", "username", "ann")
	ann.reads(`value="ann"`) // who may have it back
	ann.submit("/account/username", "username", "anna")

	w.age(31 * 24 * time.Hour)
	carl := w.joins("carl@example.com")
	carl.visit("/account")
	carl.submit("/account/username", "username", "ann")
	carl.reads("Saved.", `value="ann"`)
	if got := w.who("carl@example.com").Username; got != "ann" {
		t.Errorf("got username %q", got)
	}
}

func TestUsernameIsChangedAfterAFreshSignInOnlyAndWherePeopleTypeIt(t *testing.T) {
	w := newWorld(t, "https://id.example.com", named)
	p := w.joins("ann@example.com")
	p.visit("/account")
	w.age(6 * time.Minute)
	p.submit("/account/username", "username", "anna")
	if !strings.HasPrefix(p.at, "/sign-in") || w.who("ann@example.com").Username != "ann" {
		t.Errorf("at %s as %q, want a sign-in first", p.at, w.who("ann@example.com").Username)
	}
	other := newWorld(t, "https://id.example.com")
	q := other.atHome("ann@example.com")
	q.visit("/account")
	q.doesNotRead("/account/username")
	q.post("/account/username", url.Values{"username": {"anna"}})
	if got := other.who("ann@example.com").Username; got != "ann" {
		t.Errorf("got username %q: it is for administrators there", got)
	}
}

func TestUsernameIsChangedByTheAccountAPI(t *testing.T) {
	w := newWorld(t, "https://id.example.com", named, wide)
	w.letIn("account", "account:write")
	w.joins("bob@example.com")
	p := w.joins("ann@example.com")
	token, _ := p.access("ann@example.com", "openid account account:write")
	answers(t, w.account(token, "PUT", "/username", `{"username":"Anna"}`), 204, "")
	answers(t, w.account(token, "PUT", "/username", `{"username":"bob"}`), 409, "taken")
	answers(t, w.account(token, "PUT", "/username", `{"username":"-"}`), 422, "preferred_username")
	answers(t, w.account(token, "GET", "/profile", ""), 200, `"preferred_username":"anna"`)
}

func TestNamesOfPeopleWhoAreGoneAreKeptFromOthersForAWhileButNotFromAdministrators(t *testing.T) {
	w := newWorld(t, "https://id.example.com", named)
	w.joins("ann@example.com")
	bob := w.joins("bob@example.com")
	w.administer("DELETE", "/users/ann@example.com", nil, http.StatusNoContent)
	bob.visit("/account")
	bob.submit("/account/username", "username", "ann")
	bob.reads("This username is taken")
	w.administer("PATCH", "/users/bob@example.com", map[string]any{"preferred_username": "Admin"}, http.StatusOK)
	if got := w.who("bob@example.com").Username; got != "admin" {
		t.Errorf("an administrator gives a reserved name: got %q", got)
	}
	if w.joins("ann@example.com"); w.who("ann@example.com").Username != "ann-2" {
		t.Errorf("the next one to have the address is %q", w.who("ann@example.com").Username)
	}
}
