package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatelatch/server/authn"
)

// username is what the person with an address is called.
func (h *house) username(address string) string {
	h.t.Helper()
	u, err := h.view().UserByEmail(address)
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Username
}

func TestNewPeopleChooseTheirUsernameOnceTheirAddressIsProven(t *testing.T) {
	h := newHouse(t, withPasswords, identifiers(authn.IdentifiersUsername))
	h.known("bob@example.com", "")
	p := h.person()
	p.visit("/app")
	p.visit("/sign-in?by=address&flow=" + p.flow())
	p.submit("/sign-in/email", "email", "bob@example.org")
	p.submit("/sign-in/code", "code", h.mail("bob@example.org").Code)
	p.says(200, `value="bob-2" autocomplete="username"`) // a free one
	p.stranger()
	for typed, says := range map[string]string{"bob": "This username is taken", "BOB ": "This username is taken", "\uff22ob": "This username is taken", "Admin": "This username is taken", "root": "This username is taken",
		"": "Use only a–z", "bob@example.org": "Use only a–z", "bob\uff20home": "Use only a–z", "-bob": "Use only a–z", "b\u043eb": "Use only a–z", strings.Repeat("b", 65): "Use only a–z"} {
		p.submit("/sign-in/details", "username", typed)
		p.says(http.StatusUnprocessableEntity, says)
		p.says(http.StatusUnprocessableEntity, `aria-describedby="username-error username-hint"`)
		p.stranger()
	}
	p.submit("/sign-in/details", "username", " Bob.Example ")
	p.arrived()
	if got := h.username("bob@example.org"); got != "bob.example" {
		t.Errorf("got username %q", got)
	}
	again := h.person() // nobody is asked twice
	again.visit("/app")
	again.submit("/sign-in/email", "identifier", "bob.example")
	again.submit("/sign-in/code", "code", h.mail("bob@example.org").Code)
	again.arrived()
}

func TestSuggestedUsernameMayStayAndReservedOnesAreNotSuggested(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "identifier", "postmaster@example.com")
	p.submit("/sign-in/code", "code", h.mail("postmaster@example.com").Code)
	p.submit("/sign-in/details")
	p.arrived()
	if got := h.username("postmaster@example.com"); got != "postmaster-2" {
		t.Errorf("got username %q", got)
	}
}

func TestNobodyChoosesAUsernameWhereNobodyTypesOne(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.signIn("ann@example.com") // arrives
	p.do("POST", "/sign-in/details", url.Values{"flow": {"x"}, "username": {"eve"}})
	if got := h.username("ann@example.com"); got != "ann" {
		t.Errorf("got username %q", got)
	}
}

func TestNamesThatAreTakenCannotBeListed(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	h.known("known@example.com", "")
	for i := range 4 {
		p := h.person()
		p.visit("/app")
		address := fmt.Sprintf("eve%d@example.com", i)
		p.submit("/sign-in/email", "identifier", address)
		p.submit("/sign-in/code", "code", h.mail(address).Code)
		taken, slowed := 0, 0
		for range 25 {
			p.submit("/sign-in/details", "username", "known")
			switch {
			case strings.Contains(p.page.body, "is taken"):
				taken++
			case strings.Contains(p.page.body, "many names"):
				slowed++
			}
		}
		want := 20 // an hour for one person, and no more than 60 for their network
		if i == 3 {
			want = 0
		}
		if taken != want || slowed != 25-want {
			t.Errorf("person %d learnt %d times that a name is taken and was slowed %d times, want %d and %d", i, taken, slowed, want, 25-want)
		}
		p.submit("/sign-in/details", "username", fmt.Sprintf("eve%d", i)) // the one they have
		p.arrived()
	}
}

func TestTwoWhoChooseOneNameAtOnceGetTwo(t *testing.T) {
	h := newHouse(t, identifiers(authn.IdentifiersBoth))
	const people = 5
	var all []*person
	for i := range people {
		p := h.person()
		p.visit("/app")
		address := fmt.Sprintf("p%d@example.com", i)
		p.submit("/sign-in/email", "identifier", address)
		p.submit("/sign-in/code", "code", h.mail(address).Code)
		all = append(all, p)
	}
	done := make(chan bool, people)
	for _, p := range all {
		go func() {
			p.submit("/sign-in/details", "username", "first")
			done <- strings.HasPrefix(p.page.body, "welcome")
		}()
	}
	in := 0
	for range people {
		if <-done {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d people got the one name, want 1", in)
	}
}
