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
	"gatelatch/views/words"
)

func TestKnownAndUnknownAddressesLookAndCostTheSame(t *testing.T) {
	for _, how := range []string{"open", "closed"} {
		t.Run("sign-up "+how, func(t *testing.T) {
			h := newHouse(t, signUp(how), silent)
			if _, err := h.engine.CreateUser(t.Context(), "cli", "known@example.com", "Ann"); err != nil {
				t.Fatal(err)
			}
			type run struct {
				pages      []string
				headers    [][]string
				statements []string
				writes     uint64
			}
			walk := func(address string) run {
				var r run
				p := h.person()
				p.visit("/app")
				flow := p.flow()
				note := func() {
					r.pages = append(r.pages, fmt.Sprint(p.page.status, shape(p.page, address, flow)))
					var names []string
					for name := range p.page.header {
						names = append(names, name)
					}
					slices.Sort(names)
					r.headers = append(r.headers, names)
				}
				h.counts.take()
				before := h.store.Stats().Units
				p.submit("/sign-in/email", "email", address)
				r.statements, r.writes = h.counts.take(), h.store.Stats().Units-before
				note()
				p.submit("/sign-in/resend")
				note()
				p.visit("/sign-in/code?flow=" + flow)
				for range 6 {
					before, guess := h.store.Stats().Units, url.Values{"flow": {flow}, "code": {"000000"}}
					h.counts.take()
					p.do("POST", "/sign-in/code", guess)
					r.statements = append(r.statements, h.counts.take()...)
					r.writes += h.store.Stats().Units - before
					note()
				}
				p.stranger()
				return r
			}
			walk("warm-up@example.com") // statements are prepared, settings read
			known, unknown := walk("known@example.com"), walk("other@example.com")
			if !slices.Equal(known.pages, unknown.pages) {
				t.Errorf("the pages differ:\n%s\n\n%s", strings.Join(known.pages, "\n"), strings.Join(unknown.pages, "\n"))
			}
			if fmt.Sprint(known.headers) != fmt.Sprint(unknown.headers) {
				t.Errorf("the headers differ:\n%v\n%v", known.headers, unknown.headers)
			}
			if known.writes != unknown.writes || known.writes < 6 {
				t.Errorf("got %d writes for a known address and %d for an unknown one", known.writes, unknown.writes)
			}
			if !slices.Equal(known.statements, unknown.statements) || len(known.statements) < 10 {
				t.Errorf("the statements differ:\n%s\n\n%s", strings.Join(known.statements, "\n"), strings.Join(unknown.statements, "\n"))
			}
		})
	}
}

// settle waits until the outbox is empty.
func (h *house) settle() {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := h.view().NextDelivery(); err == storage.ErrNotFound {
			break
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the outbox does not empty:\n%s", h.log.text())
		}
		time.Sleep(time.Millisecond)
	}
}

// drain lets time go by, a little at a time, until the outbox is empty: less than a lease while one mail is on its way, so that
// no other worker takes it over.
func (h *house) drain() {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := h.view().NextDelivery(); err == storage.ErrNotFound {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the outbox does not empty:\n%s", h.log.text())
		}
		h.clock.pass(time.Second)
		time.Sleep(50 * time.Millisecond)
	}
}

func TestStrangerIsToldPolitelyOnceADayThatSignUpIsClosed(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "eve@example.com")
	p.says(200, "Check your e-mail")
	m := h.mail("eve@example.com")
	if m.Usage != email.SignUpClosed || m.Code != "" || m.Link != "" {
		t.Fatalf("got %+v", m)
	}
	for range 3 {
		p.submit("/sign-in/resend")
		p.says(200, words.For("en").T("code.resent"))
		h.settle()
	}
	h.clock.pass(23 * time.Hour)
	q := h.person()
	q.visit("/app")
	q.submit("/sign-in/email", "email", "Eve@example.com")
	h.settle()
	if n := len(h.mails.Messages()); n != 1 {
		t.Errorf("%d mails within a day, want 1", n)
	}
	h.clock.pass(time.Hour)
	q = h.person()
	q.visit("/app")
	q.submit("/sign-in/email", "email", "eve@example.com")
	h.mail("eve@example.com")

	if _, err := h.engine.CreateUser(t.Context(), "cli", "eve@example.com", "Eve"); err != nil {
		t.Fatal(err)
	}
	q.submit("/sign-in/resend") // from now on she is known, and the code is a real one
	real := h.mail("eve@example.com")
	q.submit("/sign-in/code", "code", real.Code)
	q.arrived()
}

func TestSignUpThatClosesMeanwhileIsAWrongCode(t *testing.T) {
	h := newHouse(t, signUp(""))
	h.write(func(tx storage.Tx) error { return tx.SaveSetting("sign_up", `"open"`, 1) })
	p, known := h.person(), h.person()
	m := p.begin("ann@example.com")
	known.signIn("bob@example.com")
	h.write(func(tx storage.Tx) error { return tx.SaveSetting("sign_up", `"closed"`, 2) })
	p.submit("/sign-in/code", "code", m.Code)
	p.says(http.StatusUnprocessableEntity, "That code is not right")
	p.stranger()
	again := h.person()
	again.signIn("bob@example.com")
	if _, err := h.view().UserByEmail("ann@example.com"); err != storage.ErrNotFound {
		t.Errorf("got %v, want no account", err)
	}
}

func TestSignUpIsClosedUntilSomebodyHasChosen(t *testing.T) {
	h := newHouse(t, signUp(""))
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "eve@example.com")
	if m := h.mail("eve@example.com"); m.Usage != email.SignUpClosed {
		t.Errorf("got a mail for %s", m.Usage)
	}
}

func TestOneAddressHasOnePerson(t *testing.T) {
	h := newHouse(t)
	sub, _ := h.person().signIn("ann@example.com")
	if _, err := h.engine.CreateUser(t.Context(), "cli", "ANN@example.com", "Ann"); !isTaken(err) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	if again, _ := h.person().signIn("ann@EXAMPLE.com"); again != sub {
		t.Errorf("got %s, want %s", again, sub)
	}
}

func isTaken(err error) bool { return errors.Is(err, authn.ErrTaken) }
