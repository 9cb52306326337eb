package authn_test

import (
	"errors"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// lettered is a room where a mailed code is a second factor, with ann@example.com, who has a password.
func lettered(t *testing.T) (*room, storage.ID) {
	t.Helper()
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open", Identifiers: authn.IdentifiersBoth, Methods: []authn.Method{authn.MethodPassword, authn.MethodCode},
		SecondFactor: authn.SecondFactorRequired, SecondFactors: []authn.Method{authn.MethodCode, authn.MethodTOTP}}})
	u, err := r.e.CreateUser(t.Context(), "test", "ann@example.com", "Ann")
	if err == nil {
		err = r.e.SetPassword(t.Context(), "test", u.ID, authn.NewPassword{Password: tablePassword})
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, u.ID
}

// byPassword begins a sign-in that waits for the second factor.
func (r *room) byPassword(v authn.Visitor, identifier string) storage.Flow {
	r.Helper()
	f, err := r.e.Begin(r.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		r.Fatal(err)
	}
	in, err := r.e.CheckPassword(r.Context(), v, authn.Attempt{Flow: f.ID.String(), Identifier: identifier, Password: tablePassword})
	if err != nil || in.Step != authn.StepSecondFactor {
		r.Fatalf("got step %d, %v, want the second factor", in.Step, err)
	}
	return in.Flow
}

func TestMailedCodeIsASecondFactorAfterAPassword(t *testing.T) {
	r, _ := lettered(t)
	v := browser()
	f := r.byPassword(v, "ann@example.com")
	a := authn.Answer{Flow: f.ID.String(), Code: "123456"}
	if _, err := r.e.CheckSecondCode(t.Context(), v, a); !errors.Is(err, authn.ErrCodeGone) {
		t.Errorf("before one was sent: got %v, want ErrCodeGone", err)
	}
	if err := r.e.SendSecondCode(t.Context(), v, a.Flow); err != nil {
		t.Fatal(err)
	}
	m, err := r.mails.Wait(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if m.Link != "" || m.Usage != "MfaVerification" {
		t.Errorf("the mail has the link %q and the usage %s", m.Link, m.Usage)
	}
	a.Code = wrong(m.Code)
	if _, err := r.e.CheckSecondCode(t.Context(), v, a); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("a wrong one: got %v", err)
	}
	a.Code = m.Code
	if _, err := r.e.CheckCode(t.Context(), v, a); !errors.Is(err, authn.ErrCodeGone) {
		t.Errorf("as a first factor: got %v, want that it is none", err)
	}
	in, err := r.e.CheckSecondCode(t.Context(), v, a)
	if err != nil || in.Step != authn.StepDone || in.Live.Session.ACR != authn.ACR2 || in.Live.Session.AMR != "pwd otp mfa" {
		t.Errorf("got %+v, %v, want a session of two factors", in, err)
	}
}

func TestSecondCodeGoesToThePersonAndNotToWhatWasTyped(t *testing.T) {
	r, ann := lettered(t)
	if err := r.store.Write(t.Context(), func(tx storage.Tx) error {
		u, err := tx.User(ann)
		if err != nil {
			return err
		}
		u.Username = "anna"
		return tx.UpdateUser(u)
	}); err != nil {
		t.Fatal(err)
	}
	v := browser()
	f := r.byPassword(v, "anna")
	code, err := r.e.SecondCode(t.Context(), f)
	if err != nil || code.Address != "a•••@example.com" {
		t.Errorf("whoever has typed a username sees %q, %v", code.Address, err)
	}
	// The address typed into the flow meanwhile is the thief's own.
	if err := r.e.SendCode(t.Context(), v, f.ID.String(), "thief@example.com"); err != nil {
		t.Fatal(err)
	}
	theirs, err := r.mails.Wait(t.Context(), "thief@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.e.SendSecondCode(t.Context(), v, f.ID.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.mails.Wait(t.Context(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.e.CheckSecondCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: theirs.Code}); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("the thief's code: got %v, want ErrWrongAnswer", err)
	}
	in, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: theirs.Code})
	if err != nil || in.Step != authn.StepEnrol || in.Flow.UserID == ann {
		t.Fatalf("the thief as themselves: got %+v, %v", in, err)
	}
	if err := r.e.SendSecondCode(t.Context(), v, f.ID.String()); !errors.Is(err, authn.ErrSignIn) {
		t.Errorf("a second code after a first one: got %v, want ErrSignIn", err)
	}
}

func TestPersonWhoTurnsTheMailedCodeOnIsAskedForBoth(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open", Methods: []authn.Method{authn.MethodPassword, authn.MethodCode},
		SecondFactors: []authn.Method{authn.MethodCode}}})
	u, err := r.e.CreateUser(t.Context(), "test", "ann@example.com", "Ann")
	if err == nil {
		err = r.e.SetPassword(t.Context(), "test", u.ID, authn.NewPassword{Password: tablePassword})
	}
	if err == nil {
		err = r.e.PreferSecondFactor(t.Context(), "test", u.ID, authn.Preference{Method: authn.MethodCode, On: true, Preferred: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	r.byPassword(browser(), "ann@example.com")
	in := r.signIn(browser(), "ann@example.com", "")
	if in.Step != authn.StepSecondFactor {
		t.Errorf("begun by a code: got step %d, want the password", in.Step)
	}
	if err := r.e.PreferSecondFactor(t.Context(), "test", u.ID, authn.Preference{Method: authn.MethodTOTP, On: true}); !errors.Is(err, authn.ErrNotEnrolled) {
		t.Errorf("an authenticator that is not set up: got %v, want ErrNotEnrolled", err)
	}
}

func TestNewPasswordEndsTheTrustOfBrowsers(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0), Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	v.Device = in.Device
	p.pass(time.Minute)
	if err := p.e.SetPassword(t.Context(), "test", p.user, authn.NewPassword{Password: tablePassword, KeepOthers: true}); err != nil {
		t.Fatal(err)
	}
	if list, err := p.e.TrustedDevices(t.Context(), v, p.user); err != nil || len(list) != 0 {
		t.Errorf("got %+v, %v, want none", list, err)
	}
	p.half(v)
}
