package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// TemporaryLife is how long a password is good that somebody else has chosen.
const TemporaryLife = 7 * 24 * time.Hour

// stillGood refuses a password that has ended, and a temporary one where there is no flow in which another could be chosen. It is asked
// of right passwords only.
func stillGood(tx storage.Tx, user storage.ID, inFlow bool, now int64) error {
	p, err := tx.Password(user)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return &refusal{why: "the password was taken away", user: user}
	case err != nil:
		return fmt.Errorf("read password: %w", err)
	case p.Temporary == 0:
		return nil
	case p.Temporary <= now:
		return ErrPasswordExpired
	case !inFlow:
		return &refusal{why: "the password is a temporary one", user: user}
	}
	return nil
}

// ExpirePassword has a person choose another password, by a code in their mailbox, before the one they have is good for anything. What
// was begun with it ends. ErrNoPassword, ErrNoUser.
func (e *Engine) ExpirePassword(ctx context.Context, by string, user storage.ID) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		if err := tx.ExpirePassword(u.ID, now); errors.Is(err, storage.ErrNotFound) {
			return ErrNoPassword
		} else if err != nil {
			return err
		}
		if err := EndAccess(tx, u.ID, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasswordExpired, Actor: by, UserID: u.ID})
	})
}

// PasswordState is how a password stands.
type PasswordState int

// The states of a password.
const (
	PasswordNone      PasswordState = iota // there is none
	PasswordOwn                            // the person has chosen it
	PasswordTemporary                      // somebody else has: it has to be replaced
	PasswordExpired                        // another one has to be chosen by a mailed code
)

// PasswordState tells how a person's password stands.
func (e *Engine) PasswordState(ctx context.Context, user storage.ID) (PasswordState, error) {
	p, err := e.store.View(ctx).Password(user)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return PasswordNone, nil
	case err != nil:
		return PasswordNone, fmt.Errorf("read password: %w", err)
	case p.Temporary == 0:
		return PasswordOwn, nil
	case p.Temporary <= e.now():
		return PasswordExpired, nil
	}
	return PasswordTemporary, nil
}

// replacing finds whose temporary password has to be replaced in a flow of this browser before there is a session; ErrFlowGone,
// ErrFlowDone, ErrSignIn if nobody's has.
func (e *Engine) replacing(tx storage.Tx, v Visitor, id string, now int64) (storage.Flow, storage.User, Standing, error) {
	f, err := e.flow(tx, id, v.Browser, now)
	switch {
	case err != nil:
		return f, storage.User{}, Standing{}, err
	case f.Finished > 0:
		return f, storage.User{}, Standing{}, ErrFlowDone
	case f.UserID.IsZero():
		return f, storage.User{}, Standing{}, ErrSignIn
	}
	u, err := tx.User(f.UserID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
		return f, u, Standing{}, ErrSignIn
	}
	if err != nil {
		return f, u, Standing{}, err
	}
	s, err := e.standing(tx, v, &f, now)
	if err == nil && After(s) != StepNewPassword {
		err = ErrSignIn
	}
	if err == nil {
		err = stillGood(tx, u.ID, true, now)
	}
	return f, u, s, err
}

// Replacing tells who has to replace a temporary password in a flow, and what the new one has to be like. ErrFlowGone, ErrFlowDone,
// ErrSignIn if nobody has to, ErrPasswordExpired.
func (e *Engine) Replacing(ctx context.Context, v Visitor, flow string) (address string, rule PasswordRule, err error) {
	tx := e.store.View(ctx)
	_, u, _, err := e.replacing(tx, v, flow, e.now())
	if err != nil {
		return "", PasswordRule{}, err
	}
	if address, err = e.Address(ctx, u.ID); err != nil {
		return "", PasswordRule{}, err
	}
	rule, _, err = e.passwordTerms(tx, u.ID)
	return address, rule, err
}

// ReplacePassword gives whoever has signed in with a temporary password their own, and goes on with the sign-in. Everything that was
// begun before ends. cookie is the value of the session cookie the browser has now. *WeakPassword, ErrSamePassword, ErrBusy, and errors
// as of Replacing.
func (e *Engine) ReplacePassword(ctx context.Context, v Visitor, flow, password, cookie string) (SignIn, error) {
	view := e.store.View(ctx)
	_, u, _, err := e.replacing(view, v, flow, e.now())
	if err != nil {
		return SignIn{}, err
	}
	rule, own, err := e.passwordTerms(view, u.ID)
	if err != nil {
		return SignIn{}, err
	}
	if err := e.weighPassword(ctx, rule, own, password); err != nil {
		return SignIn{}, err
	}
	before, err := view.Password(u.ID)
	if err != nil {
		return SignIn{}, fmt.Errorf("read password: %w", err)
	}
	switch same, _, err := e.hasher.check(ctx, before.Hash, password); {
	case err != nil:
		return SignIn{}, err
	case same:
		return SignIn{}, ErrSamePassword
	}
	kept, err := e.keepPassword(ctx, u.ID, password)
	if err != nil {
		return SignIn{}, fmt.Errorf("replace password: %w", err)
	}
	var in SignIn
	now := e.now()
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		in = SignIn{}
		if err := tx.HoldUser(u.ID); err != nil {
			return err
		}
		f, owner, s, err := e.replacing(tx, v, flow, now)
		if err != nil {
			return err
		}
		if p, err := tx.Password(owner.ID); err != nil || owner.ID != u.ID || p.Hash != before.Hash {
			return errors.Join(err, ErrSignIn) // another was set meanwhile
		}
		g, err := progressOf(&f)
		if err != nil {
			return err
		}
		if err := replacePassword(tx, owner, kept, now); err != nil {
			return err
		}
		if err := EndAccess(tx, owner.ID, now); err != nil {
			return err
		}
		if err := e.notice(tx, v, owner.ID, change{kind: NoticePasswordChanged, by: actor(owner.ID)}, now); err != nil {
			return err
		}
		if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasswordChanged, Actor: actor(owner.ID), UserID: owner.ID, ClientID: f.ClientID, IP: ip(v)}); err != nil {
			return err
		}
		in, err = e.proceed(tx, now, v, &f, owner, s, g, cookie)
		return err
	})
	e.outbox.wakeUp()
	return in, err
}
