package signin_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
)

// given gives somebody a temporary password.
func (h *house) given(address, password string) {
	h.t.Helper()
	u := h.known(address, "")
	if err := h.engine.SetPassword(h.t.Context(), "cli", u.ID, authn.NewPassword{Password: password, Temporary: true}); err != nil {
		h.t.Fatal(err)
	}
}

func TestTemporaryPasswordHasToBeReplacedAtTheFirstSignIn(t *testing.T) {
	h := newHouse(t, passwordFirst)
	h.given("ann@example.com", horse)
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.submit("/sign-in/password", "identifier", "ann@example.com", "password", horse)
	p.says(200, "Choose a new password")
	p.stranger()
	// Going on without is no way in.
	p.visit("/sign-in?flow=" + flow)
	p.stranger()
	p.visit("/sign-in/new-password?flow=" + flow)
	p.submit("/sign-in/new-password", "password", horse)
	p.says(422, "This is the temporary password")
	p.submit("/sign-in/new-password", "password", "too short")
	p.says(422, "That is too short")
	p.stranger()
	// Another browser gets nothing for the flow's id.
	other := h.person()
	other.visit("/app")
	other.do("POST", "/sign-in/new-password", url.Values{"flow": {flow}, "password": {goose}})
	other.says(410, "")
	p.submit("/sign-in/new-password", "password", goose)
	p.arrived()
	again := h.person()
	again.visit("/app")
	again.submit("/sign-in/password", "identifier", "ann@example.com", "password", horse)
	again.says(422, "That is not right")
	again.submit("/sign-in/password", "identifier", "ann@example.com", "password", goose)
	again.arrived()
}

func TestTemporaryPasswordThatHasEndedLeadsToTheMailbox(t *testing.T) {
	h := newHouse(t, passwordFirst)
	h.given("ann@example.com", horse)
	h.clock.pass(authn.TemporaryLife + time.Second)
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/password", "identifier", "ann@example.com", "password", horse)
	if !strings.HasPrefix(p.page.path, "/sign-in/forgot") {
		t.Fatalf("went to %s", p.page.path)
	}
	p.stranger()
	p.submit("/sign-in/forgot", "email", "ann@example.com")
	p.submit("/sign-in/code", "code", h.mail("ann@example.com").Code)
	p.submit("/sign-in/new-password", "password", goose)
	p.says(200, "Your password is changed")
	p.submit("/sign-in/password", "password", goose)
	p.arrived()
}

// Whoever knows the temporary password, and has nothing else, must not get to choose the password of somebody with a second factor.
func TestTemporaryPasswordIsReplacedAfterTheSecondFactor(t *testing.T) {
	h := newHouse(t, passwordFirst, secondFactor(authn.SecondFactorRequired))
	ann := h.person()
	ann.visit("/app")
	ann.do("POST", "/sign-in/email", url.Values{"flow": {ann.flow()}, "email": {"ann@example.com"}})
	key, _ := ann.setUp(h.mail("ann@example.com").Code)
	u, err := h.view().UserByEmail("ann@example.com")
	if err == nil {
		err = h.engine.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: horse, Temporary: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.submit("/sign-in/password", "identifier", "ann@example.com", "password", horse)
	p.says(200, "One more step")
	p.do("POST", "/sign-in/new-password", url.Values{"flow": {flow}, "password": {goose}})
	p.stranger()
	if kept, err := h.view().Password(u.ID); err != nil || kept.Temporary == 0 {
		t.Fatalf("the password was replaced: %+v, %v", kept, err)
	}
	p.visit("/sign-in/second-factor?flow=" + flow)
	h.clock.pass(time.Minute)
	p.submit("/sign-in/second-factor", "code", h.shown(key, 0))
	p.says(200, "Choose a new password")
	p.stranger()
	p.submit("/sign-in/new-password", "password", goose)
	p.arrived()
}
