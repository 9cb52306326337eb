package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// resetLife is how long somebody who has proven their mailbox may think about a new password.
const resetLife = 15 * time.Minute

// ForgotPassword mails a code with which the person who has an address, or a username, can choose a new password. It signs nobody in.
// Like SendCode it takes the same path whoever has it; where nobody does, no code ever works. Errors as of SendCode, and ErrNotHere where
// nobody signs in with passwords.
func (e *Engine) ForgotPassword(ctx context.Context, v Visitor, flow, typed string) error {
	if _, err := e.takesPassword(ctx, v, flow, e.now()); err != nil {
		return err
	}
	login, err := e.readLogin(ctx, v, typed)
	if err != nil {
		return err
	}
	return e.sendCode(ctx, v, flow, login, true)
}

// resetProven is what a right code for a new password leads to: it is used up, and the flow goes on with the question for one. The code
// itself, spent in this flow, is what says so.
func (e *Engine) resetProven(tx storage.Tx, v Visitor, f storage.Flow, o storage.OTP, typed bool, now int64) (SignIn, error) {
	if _, err := resetOwner(tx, o); err != nil {
		return SignIn{}, err
	}
	if err := tx.SpendOTP(o.ID, now); errors.Is(err, storage.ErrSpent) {
		return SignIn{}, &CodeGone{Why: GoneSpent}
	} else if err != nil {
		return SignIn{}, fmt.Errorf("spend code: %w", err)
	}
	return SignIn{Step: StepNewPassword, Flow: f}, e.refund(tx, v, o.Address, firstOf(f.Login, o.Address), typed, now)
}

// resetOwner is whose password a code is for. A *refusal for somebody who may not sign in.
func resetOwner(tx storage.Tx, o storage.OTP) (storage.User, error) {
	u, err := tx.UserByEmail(o.Address)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return u, &refusal{why: "nobody has this address any more"}
	case err != nil:
		return u, fmt.Errorf("look up person: %w", err)
	case !u.Active():
		return u, &refusal{why: "the person is disabled", user: u.ID}
	}
	return u, nil
}

// reset finds the code that has been proven in a flow of this browser, and who it is for. ErrFlowGone, ErrFlowDone; *CodeGone if none
// was, it is too long ago, or the password was chosen already.
func (e *Engine) reset(tx storage.Tx, v Visitor, flow string, now int64) (storage.Flow, storage.OTP, storage.User, error) {
	none := func(err error) (storage.Flow, storage.OTP, storage.User, error) {
		return storage.Flow{}, storage.OTP{}, storage.User{}, err
	}
	f, err := e.flow(tx, flow, v.Browser, now)
	switch {
	case err != nil:
		return none(err)
	case f.Finished > 0:
		return none(ErrFlowDone)
	case f.OTPID.IsZero():
		return none(&CodeGone{Why: GoneNever})
	}
	o, err := tx.OTP(f.OTPID)
	if errors.Is(err, storage.ErrNotFound) {
		return none(&CodeGone{Why: GoneExpired})
	}
	if err != nil {
		return none(fmt.Errorf("read code: %w", err))
	}
	if o.Purpose != purposeReset || o.SpentAt == 0 {
		return none(&CodeGone{Why: GoneNever})
	}
	if now-o.SpentAt > resetLife.Microseconds() {
		return none(&CodeGone{Why: GoneExpired})
	}
	u, err := resetOwner(tx, o)
	var refused *refusal
	if errors.As(err, &refused) {
		return none(&CodeGone{Why: GoneExpired})
	}
	return f, o, u, err
}

// resetLogin is what goes with the new password: what they have typed, or what they sign in with here if that is something else. They
// have proven their mailbox, so they may learn their own username.
func (e *Engine) resetLogin(tx storage.Tx, f storage.Flow, o storage.OTP, u storage.User) (string, error) {
	x, err := e.experienceIn(tx)
	if err != nil {
		return "", err
	}
	login := firstOf(f.Login, o.Address)
	if !x.Takes(login) {
		login = x.loginOf(u.Username, o.Address)
	}
	return login, nil
}

// Reset tells whose new password is asked for in a flow, as they sign in, and what it has to be like. Errors as of reset.
func (e *Engine) Reset(ctx context.Context, v Visitor, flow string) (login string, rule PasswordRule, err error) {
	tx := e.store.View(ctx)
	f, o, u, err := e.reset(tx, v, flow, e.now())
	if err != nil {
		return "", PasswordRule{}, err
	}
	if login, err = e.resetLogin(tx, f, o, u); err != nil {
		return "", PasswordRule{}, err
	}
	rule, _, err = e.passwordTerms(tx, u.ID)
	return login, rule, err
}

// ResetPassword gives the person who has proven their mailbox a new password, and ends every session and grant of theirs. It signs
// nobody in: the flow goes on with a sign-in as always, second factor and all (OWASP Forgot Password Cheat Sheet says why).
// *WeakPassword, ErrBusy, and errors as of Reset.
func (e *Engine) ResetPassword(ctx context.Context, v Visitor, flow, password string) error {
	view := e.store.View(ctx)
	_, _, u, err := e.reset(view, v, flow, e.now())
	if err != nil {
		return err
	}
	rule, own, err := e.passwordTerms(view, u.ID)
	if err != nil {
		return err
	}
	if err := e.weighPassword(ctx, rule, own, password); err != nil {
		return err
	}
	kept, err := e.keepPassword(ctx, u.ID, password)
	if err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	now := e.now()
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.HoldUser(u.ID); errors.Is(err, storage.ErrNotFound) {
			return &CodeGone{Why: GoneExpired}
		} else if err != nil {
			return err
		}
		f, o, owner, err := e.reset(tx, v, flow, now) // whoever comes second finds the code used up
		if err != nil {
			return err
		}
		if owner.ID != u.ID {
			return &CodeGone{Why: GoneExpired} // the address went to somebody else meanwhile
		}
		login, err := e.resetLogin(tx, f, o, owner)
		if err != nil {
			return err
		}
		if err := tx.ChallengeFlow(f.ID, login, storage.ID{}); err != nil {
			return doneIfSpent(err)
		}
		if err := replacePassword(tx, owner, kept, now); err != nil {
			return err
		}
		if err := EndAccess(tx, owner.ID, now); err != nil {
			return err
		}
		if err := e.notice(tx, v, owner.ID, change{kind: NoticePasswordReset, by: actor(owner.ID)}, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasswordReset, Actor: actor(owner.ID), UserID: owner.ID, ClientID: f.ClientID, IP: ip(v)})
	})
	if err != nil {
		return err
	}
	e.outbox.wakeUp()
	return nil
}
