package signin_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/views/words"
)

// refused waits until the first delivery in the outbox has been tried so often and did not leave.
func (h *house) refused(times int64) {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		due, err := h.view().DueDeliveries(1<<62, 100, "")
		if err != nil {
			h.t.Fatal(err)
		}
		if len(due) > 0 && !slices.ContainsFunc(due, func(d storage.Delivery) bool { return d.Attempts < times || d.LastError == "" }) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the mail was not tried %d times: %+v\n%s", times, due, h.log.text())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestMailThatIsDownDelaysNobodysPageAndLeavesLater(t *testing.T) {
	h := newHouse(t)
	h.mails.Refuse(&email.Error{Provider: "smtp", Kind: email.Unreachable, Reason: "The mail server did not answer.", Next: "Check its address."})
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "ann@example.com")
	p.says(200, "Check your e-mail")
	h.refused(1)
	p.visit(p.page.path)
	p.says(200, "Check your e-mail") // it may still come: nothing to worry about
	h.mails.Refuse(nil)
	h.clock.pass(time.Minute)
	m := h.mail("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
	if text := h.log.text(); !strings.Contains(text, "The mail server did not answer.") || !strings.Contains(text, "Check its address.") || strings.Contains(text, "ann@") {
		t.Errorf("the log does not say what to do, or says to whom:\n%s", text)
	}
}

func TestTroubleThatStaysIsToldAtOnce(t *testing.T) {
	h := newHouse(t)
	h.mails.Refuse(&email.Error{Provider: "ses", Kind: email.Identity, Reason: "The sender is not verified.", Next: "Verify it."})
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "ann@example.com")
	h.refused(1)
	p.visit(p.page.path)
	p.says(200, "Your e-mail is late")
	h.mails.Refuse(nil) // repaired
	h.clock.pass(time.Minute)
	m := h.mail("ann@example.com")
	h.settle()
	p.visit(p.page.path)
	p.says(200, words.For("en").T("code.title"))
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
}

func TestMailRefusedForGoodIsNotTriedAgain(t *testing.T) {
	h := newHouse(t)
	h.mails.Refuse(&email.Error{Provider: "ses", Kind: email.Recipient, Permanent: true, Reason: "The recipient was refused.", Next: "Correct the address."})
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "typo@example.com")
	h.settle()
	p.visit(p.page.path)
	p.says(200, "Your e-mail is late")
	h.mails.Refuse(nil)
	h.clock.pass(time.Second)
	p.submit("/sign-in/resend") // asking again is another try
	p.says(200, words.For("en").T("code.resent"))
	h.mail("typo@example.com")
}

func TestMailWhoseCodeIsWorthNothingIsNotSent(t *testing.T) {
	for name, meanwhile := range map[string]func(*house, *person){
		"it expired": func(h *house, _ *person) { h.clock.pass(10 * time.Minute) },
		"another was asked for": func(_ *house, p *person) {
			p.submit("/sign-in/restart")
			p.submit("/sign-in/email", "email", "bob@example.com")
		},
		"it was used": func(h *house, p *person) {
			id, err := storage.ParseID(p.flow())
			if err != nil {
				h.t.Fatal(err)
			}
			h.write(func(tx storage.Tx) error {
				f, err := tx.Flow(id, 0)
				if err != nil {
					return err
				}
				return tx.SpendOTP(f.OTPID, h.clock.Now().UnixMicro())
			})
			h.clock.pass(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.mails.Refuse(&email.Error{Provider: "smtp", Kind: email.Unreachable, Reason: "down"})
			p := h.person()
			p.visit("/app")
			p.submit("/sign-in/email", "email", "ann@example.com")
			h.refused(1)
			meanwhile(h, p)
			h.mails.Refuse(nil)
			h.clock.pass(time.Minute)
			h.settle()
			for _, m := range h.mails.Messages() {
				if m.To == "ann@example.com" {
					t.Errorf("it was sent: %v", m)
				}
			}
		})
	}
}

func TestMailAskedForManyTimesWhileTheServerIsDownLeavesOnce(t *testing.T) {
	h := newHouse(t)
	h.mails.Refuse(&email.Error{Provider: "smtp", Kind: email.Unreachable, Reason: "down"})
	p := h.person()
	p.visit("/app")
	p.submit("/sign-in/email", "email", "ann@example.com")
	h.refused(1)
	for range 3 {
		h.clock.pass(time.Second)
		p.submit("/sign-in/resend")
	}
	h.refused(1)
	h.mails.Refuse(nil)
	h.drain()
	if n := len(h.mails.Messages()); n != 1 {
		t.Errorf("%d mails left, want 1", n)
	}
}

func TestReplicasSendEachMailOnce(t *testing.T) {
	h := newHouse(t, roomy(func(*authn.Budgets) {}))
	h.newEngine(options{engine: authn.Config{PublicURL: publicURL, Experience: authn.Experience{SignUp: "open"}}}, slog.New(slog.DiscardHandler))
	h.newEngine(options{engine: authn.Config{PublicURL: publicURL, Experience: authn.Experience{SignUp: "open"}}}, slog.New(slog.DiscardHandler))
	const people = 20
	for i := range people {
		p := h.person()
		p.visit("/app")
		p.submit("/sign-in/email", "email", strings.Repeat("a", i+1)+"@example.com")
	}
	h.settle()
	if n := len(h.mails.Messages()); n != people {
		t.Errorf("%d mails left, want %d", n, people)
	}
}

func TestOneTroubleIsOneLineInTheLog(t *testing.T) {
	h := newHouse(t)
	h.mails.Refuse(errors.New("something odd"))
	for range 3 {
		p := h.person()
		p.visit("/app")
		p.submit("/sign-in/email", "email", "ann@example.com")
		h.refused(1)
	}
	if n := strings.Count(h.log.text(), "something odd"); n != 1 {
		t.Errorf("got %d lines, want 1:\n%s", n, h.log.text())
	}
}
