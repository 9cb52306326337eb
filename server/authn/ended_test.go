package authn_test

import (
	"errors"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// Whoever was in somebody's mailbox, or at somebody's desk, may have begun things there that would let them in later. They end with the
// sessions.
func TestWhatWouldLeadToNewSessionsEndsWithTheOldOnes(t *testing.T) {
	for name, end := range map[string]func(r *room, u storage.User) error{
		"signed out everywhere": func(r *room, u storage.User) error { return r.e.SignOutEverywhere(r.Context(), "cli", u.ID) },
		"another password": func(r *room, u storage.User) error {
			return r.e.SetPassword(r.Context(), "cli", u.ID, authn.NewPassword{Password: goose, KeepOthers: true})
		},
		"disabled, and let in again": func(r *room, u storage.User) error {
			return errors.Join(r.e.DisableUser(r.Context(), "cli", u.ID), r.e.EnableUser(r.Context(), "cli", u.ID))
		},
		"a password chosen anew by mail": func(r *room, u storage.User) error {
			v := browser()
			flow := r.resetProven(v, "ann@example.com")
			return r.e.ResetPassword(r.Context(), v, flow, goose)
		},
		"a notice denied": func(r *room, u storage.User) error {
			_, token := r.notice("ann@example.com") // of the password
			_, err := r.e.NotMe(r.Context(), browser(), token)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			const much = 1000
			r := newRoom(t, storagetest.Open(t), authn.Config{Passwords: light, Budgets: authn.Budgets{MailsPerAddressBurst: much, MailsPerAddressHour: much},
				Experience: authn.Experience{SecondFactor: authn.SecondFactorRequired, SecondFactors: []authn.Method{authn.MethodCode}}})
			u := r.person("ann@example.com", horse)
			letter, err := r.e.WriteLetter(t.Context(), "cli", u.ID, false)
			r.must(err)
			recovery, err := r.e.WriteLetter(t.Context(), "cli", u.ID, true)
			r.must(err)
			told, err := r.e.WriteLetterCode(t.Context(), "cli", u.ID)
			r.must(err)
			thief, half := browser(), browser()
			proven := r.resetProven(thief, "ann@example.com")
			asked := r.flow(thief, authn.Start{})
			r.must(r.e.ForgotPassword(t.Context(), thief, asked, "ann@example.com"))
			code := r.resetCode("ann@example.com")
			begun := r.flow(half, authn.Start{})
			if in, err := r.e.CheckPassword(t.Context(), half, authn.Attempt{Flow: begun, Identifier: "ann@example.com", Password: horse}); err != nil || in.Step != authn.StepSecondFactor {
				t.Fatalf("got %+v, %v, want the question for the second factor", in, err)
			}

			r.must(end(r, u))
			for what, token := range map[string]string{"link": letter.Token, "link that waives the second factor": recovery.Token} {
				if in, err := r.open(browser(), token, ""); !errors.Is(err, authn.ErrLinkGone) {
					t.Errorf("the administrator's %s: got %+v, %v, want ErrLinkGone", what, in, err)
				}
			}
			if in, err := r.e.CheckLetterCode(t.Context(), half, authn.ToldCode{Flow: r.flow(half, authn.Start{}), Identifier: "ann@example.com", Code: told.Code}); !errors.Is(err, authn.ErrWrongAnswer) {
				t.Errorf("the code that was told: got %+v, %v, want ErrWrongAnswer", in, err)
			}
			if err := r.e.ResetPassword(t.Context(), thief, proven, "the thief's own secret"); !errors.Is(err, authn.ErrCodeGone) {
				t.Errorf("the code that was proven: got %v, want ErrCodeGone", err)
			}
			if in, err := r.e.CheckCode(t.Context(), thief, authn.Answer{Flow: asked, Code: code}); !errors.Is(err, authn.ErrCodeGone) {
				t.Errorf("the code that was mailed: got %+v, %v, want ErrCodeGone", in, err)
			}
			if _, _, err := r.e.Standing(t.Context(), half, begun); !errors.Is(err, authn.ErrSignIn) {
				t.Errorf("the sign-in that was half done: got %v, want it to begin anew", err)
			}
		})
	}
}

// resetProven asks for a new password and proves the mailbox; the flow waits for the password.
func (r *room) resetProven(v authn.Visitor, address string) (flow string) {
	r.Helper()
	flow = r.flow(v, authn.Start{})
	r.must(r.e.ForgotPassword(r.Context(), v, flow, address))
	in, err := r.e.CheckCode(r.Context(), v, authn.Answer{Flow: flow, Code: r.resetCode(address)})
	if err != nil || in.Step != authn.StepNewPassword {
		r.Fatalf("got %+v, %v, want the question for a new password", in, err)
	}
	return flow
}

func (r *room) resetCode(address string) string {
	r.Helper()
	m, err := r.mails.WaitFor(r.Context(), address, email.ForgotPassword)
	if err != nil {
		r.Fatal(err)
	}
	r.pass(time.Second)
	return m.Code
}
