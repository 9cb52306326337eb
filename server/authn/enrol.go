package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// SetUpBy says whose second factor is being set up, and where: what is being set up is seen nowhere else. Else whoever has but
// begun to sign in as somebody could learn the key that the owner comes to use later.
type SetUpBy struct {
	User  storage.ID
	Place storage.ID // of the session or the flow
	By    string     // who does it, for the audit log
	Bare  bool       // without recovery codes, for a door that has no way to show them
}

func (s SetUpBy) digest(kind string) []byte {
	return secret.Hash(kind + " " + s.User.String() + " " + s.Place.String())
}

func (s SetUpBy) place(kind string) []string {
	return []string{"pending", kind, s.User.String(), s.Place.String()}
}

// keepSetUp keeps something sealed while it is being set up, in the place of what was kept before.
func (e *Engine) keepSetUp(tx storage.Tx, kind string, s SetUpBy, plain []byte, now int64) error {
	data := base64.RawStdEncoding.EncodeToString(e.keys.Seal(plain, s.place(kind)...))
	return tx.ReplacePending(storage.Pending{Digest: s.digest(kind), Kind: kind, Data: data, Created: now, Expires: now + e.cfg.Lifetimes.Flow.Microseconds()})
}

// keptSetUp reads it; ErrNoSetUp.
func (e *Engine) keptSetUp(tx storage.Tx, kind string, s SetUpBy, now int64) ([]byte, error) {
	p, err := tx.Pending(kind, s.digest(kind), now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNoSetUp
	}
	if err != nil {
		return nil, fmt.Errorf("read what is being set up: %w", err)
	}
	sealed, err := base64.RawStdEncoding.DecodeString(p.Data)
	if err == nil {
		sealed, err = e.keys.Open(sealed, s.place(kind)...)
	}
	if err != nil {
		return nil, fmt.Errorf("open what is being set up: %w", err)
	}
	return sealed, nil
}

// dropSetUp ends it, if it is there.
func (e *Engine) dropSetUp(tx storage.Tx, kind string, s SetUpBy, now int64) error {
	err := tx.SpendPending(kind, s.digest(kind), now)
	if errors.Is(err, storage.ErrSpent) {
		err = nil
	}
	return err
}

// kindTOTP names authenticators that are being set up, among pending things. Their key counts for nothing until a code of it has come.
const kindTOTP = "totp"

// BeginTOTP makes the key of an authenticator that a person sets up, or finds the one that is being set up in that place already.
// ErrNoUser.
func (e *Engine) BeginTOTP(ctx context.Context, s SetUpBy) (Authenticator, error) {
	var key []byte
	err := e.changeUser(ctx, s.User, func(tx storage.Tx, _ storage.User, now int64) (err error) {
		key, err = e.beginTOTP(tx, s, now)
		return err
	})
	if err != nil {
		return Authenticator{}, err
	}
	return e.authenticatorOf(ctx, s.User, key)
}

func (e *Engine) beginTOTP(tx storage.Tx, s SetUpBy, now int64) ([]byte, error) {
	key, err := e.keptSetUp(tx, kindTOTP, s, now)
	if !errors.Is(err, ErrNoSetUp) {
		return key, err
	}
	key = secret.Random(totpKeySize)
	return key, e.keepSetUp(tx, kindTOTP, s, key, now)
}

// SettingUpTOTP is the authenticator that is being set up in that place; ErrNoSetUp.
func (e *Engine) SettingUpTOTP(ctx context.Context, s SetUpBy) (Authenticator, error) {
	key, err := e.keptSetUp(e.store.View(ctx), kindTOTP, s, e.now())
	if err != nil {
		return Authenticator{}, err
	}
	return e.authenticatorOf(ctx, s.User, key)
}

func (e *Engine) authenticatorOf(ctx context.Context, user storage.ID, key []byte) (Authenticator, error) {
	u, err := e.store.View(ctx).User(user)
	if err != nil {
		return Authenticator{}, fmt.Errorf("read person: %w", err)
	}
	name, err := e.Address(ctx, user)
	if err != nil {
		return Authenticator{}, err
	}
	for _, other := range []string{u.Username, user.String()} {
		if name == "" {
			name = other
		}
	}
	return e.authenticator(key, name)
}

// ConfirmTOTP turns the authenticator that is being set up on, in the place of the one the person had, once a code shows that they
// have its key. That code works nowhere else any more. Whoever has no recovery codes gets a set. It is for a person who has
// proven who they are just now; inside a sign-in, ProtectTOTP is.
// ErrNotAnswer, *WrongAnswer, *TooMany, ErrNoSetUp, ErrNoUser.
func (e *Engine) ConfirmTOTP(ctx context.Context, v Visitor, s SetUpBy, code string) error {
	typed, ok := readCode(code)
	if !ok {
		return ErrNotAnswer
	}
	var outcome error
	err := e.changeUser(ctx, s.User, func(tx storage.Tx, _ storage.User, now int64) (err error) {
		outcome, err = e.confirmTOTP(tx, v, s, typed, now)
		return err
	})
	e.outbox.wakeUp()
	if err == nil {
		err = outcome
	}
	return err
}

// confirmTOTP counts the guess before it compares it. outcome is the reason of a wrong one.
func (e *Engine) confirmTOTP(tx storage.Tx, v Visitor, s SetUpBy, typed string, now int64) (outcome, err error) {
	key, err := e.keptSetUp(tx, kindTOTP, s, now)
	if err != nil {
		return nil, err
	}
	left, err := e.spendSecond(tx, v, s.User, kindTOTP+"/set_up", now)
	if err != nil {
		return nil, err
	}
	step, ok, err := totpStep(key, typed, now)
	if err != nil {
		return nil, err
	}
	if !ok {
		return &WrongAnswer{Left: int(left)}, nil
	}
	t := storage.TOTP{ID: storage.NewID(), UserID: s.User, Step: step, Created: now, Used: now}
	t.Sealed = e.keys.Seal(key, totpPlace(t.ID)...)
	if err := tx.ReplaceTOTP(t); err != nil {
		return nil, fmt.Errorf("keep authenticator: %w", err)
	}
	if err := tx.TurnOnSecondFactor(storage.SecondFactor{UserID: s.User, Method: string(MethodTOTP), Preferred: true, Created: now}); err != nil {
		return nil, err
	}
	if err := tx.UntrustDevices(s.User); err != nil {
		return nil, err
	}
	if err := e.dropSetUp(tx, kindTOTP, s, now); err != nil {
		return nil, err
	}
	if !s.Bare {
		if err := e.makeFirstRecoveryCodes(tx, s, now); err != nil {
			return nil, err
		}
	}
	if err := e.refundSecond(tx, v, s.User, kindTOTP+"/set_up", now); err != nil {
		return nil, err
	}
	if err := e.notice(tx, v, s.User, change{kind: NoticeTOTPAdded, by: s.By, subject: t.ID.String()}, now); err != nil {
		return nil, err
	}
	return nil, tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventFactorAdded, Actor: s.By, UserID: s.User, IP: ip(v), Detail: string(MethodTOTP)})
}

// enrolling finds a flow of this browser in which a person has to set up a method before they get on; ErrSignIn if it is no such flow.
func (e *Engine) enrolling(tx storage.Tx, v Visitor, id string, m Method, now int64) (storage.Flow, SetUpBy, error) {
	f, err := e.flow(tx, id, v.Browser, now)
	switch {
	case err != nil:
		return f, SetUpBy{}, err
	case f.Finished > 0:
		return f, SetUpBy{}, ErrFlowDone
	case f.UserID.IsZero():
		return f, SetUpBy{}, ErrSignIn
	}
	u, err := tx.User(f.UserID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return f, SetUpBy{}, fmt.Errorf("read person: %w", err)
	}
	if err != nil || !u.Active() {
		return f, SetUpBy{}, ErrSignIn // before anything is written: Finish would refuse them after
	}
	s, err := e.standing(tx, v, &f, now)
	if err != nil {
		return f, SetUpBy{}, err
	}
	if !slices.Contains(s.Enrolls(), m) {
		return f, SetUpBy{}, ErrSignIn
	}
	return f, SetUpIn(f), nil
}

// SetUpIn is the set-up of a second factor inside the sign-in of whoever has proven something in a flow.
func SetUpIn(f storage.Flow) SetUpBy {
	return SetUpBy{User: f.UserID, Place: f.ID, By: actor(f.UserID)}
}

// BeginProtectTOTP is BeginTOTP for a person who has to set up a second factor before their sign-in is done; SettingUpTOTP has the key.
// ErrFlowGone, ErrFlowDone, ErrSignIn if this flow asks for something else.
func (e *Engine) BeginProtectTOTP(ctx context.Context, v Visitor, flow string) error {
	now := e.now()
	return e.store.Write(ctx, func(tx storage.Tx) error {
		_, s, err := e.enrolling(tx, v, flow, MethodTOTP, now)
		if err == nil {
			_, err = e.beginTOTP(tx, s, now)
		}
		return err
	})
}

// ProtectTOTP is ConfirmTOTP inside a sign-in, which goes on with the code as its second factor.
// ErrNotAnswer, *WrongAnswer, *TooMany, ErrNoSetUp, ErrFlowGone, ErrFlowDone, ErrSignIn.
func (e *Engine) ProtectTOTP(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	typed, ok := readCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	return e.answer(ctx, func(tx storage.Tx, now int64) (in SignIn, outcome, err error) {
		f, s, err := e.enrolling(tx, v, a.Flow, MethodTOTP, now)
		if err != nil {
			return SignIn{}, nil, err
		}
		if outcome, err = e.confirmTOTP(tx, v, s, typed, now); outcome != nil || err != nil {
			return SignIn{}, outcome, err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{UserID: s.User, Method: MethodTOTP, AMR: "otp", Remember: a.Remember, Trust: a.Trust, Cookie: a.Cookie})
		return in, nil, err
	})
}

// RemoveTOTP takes a person's authenticator away, with their recovery codes if nothing is left to recover from. Every browser asks
// for what is left again. by is who does it. ErrNotEnrolled, ErrNoUser.
func (e *Engine) RemoveTOTP(ctx context.Context, by string, user storage.ID) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		err := tx.DeleteTOTP(u.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return ErrNotEnrolled
		}
		if err != nil {
			return err
		}
		if err := e.notice(tx, e.from(ctx), u.ID, change{kind: NoticeTOTPRemoved, by: by}, now); err != nil {
			return err
		}
		return e.removed(tx, by, u.ID, MethodTOTP, now)
	})
	e.outbox.wakeUp()
	return err
}

// RemoveSecondFactors takes away all that a person proves themselves with besides what a sign-in begins with: for whoever has lost
// their phone and asks an administrator. by is who does it. ErrNotEnrolled, ErrNoUser.
func (e *Engine) RemoveSecondFactors(ctx context.Context, by string, user storage.ID) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		has, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if !has.TOTP && has.RecoveryCodes == 0 && len(has.On) == 0 {
			return ErrNotEnrolled
		}
		if err := tx.DeleteTOTP(u.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		for _, m := range has.On {
			if err := tx.TurnOffSecondFactor(u.ID, string(m)); err != nil {
				return err
			}
		}
		if err := tx.ReplaceRecoveryCodes(u.ID, nil, now); err != nil {
			return err
		}
		if err := e.notice(tx, e.from(ctx), u.ID, change{kind: NoticeTOTPRemoved, by: by}, now); err != nil {
			return err
		}
		return e.removed(tx, by, u.ID, MethodTOTP, now)
	})
	e.outbox.wakeUp()
	return err
}

// removed does what follows the removal of a second factor, and tells of it.
func (e *Engine) removed(tx storage.Tx, by string, user storage.ID, m Method, now int64) error {
	if err := e.withdraw(tx, user, m, now); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventFactorRemoved, Actor: by, UserID: user, Detail: string(m)})
}

// withdraw ends what hung on a second factor that a person has no more.
func (e *Engine) withdraw(tx storage.Tx, user storage.ID, m Method, now int64) error {
	if err := tx.TurnOffSecondFactor(user, string(m)); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	has, err := e.factors(tx, user)
	if err != nil {
		return err
	}
	if !has.TOTP && has.Passkeys == 0 {
		if err := tx.ReplaceRecoveryCodes(user, nil, now); err != nil {
			return err
		}
	}
	return tx.UntrustDevices(user)
}

// Preference says whether a person wants to be asked for a second factor at every sign-in, and before the others.
type Preference struct {
	Method    Method
	On        bool
	Preferred bool
}

// PreferSecondFactor keeps it. An authenticator that is off stays set up, and is asked for where a second factor is demanded.
// ErrNotEnrolled if the person does not have it, ErrNoUser.
func (e *Engine) PreferSecondFactor(ctx context.Context, by string, user storage.ID, p Preference) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		has, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if !has.has(p.Method) || !slices.Contains(SecondFactorChoices, p.Method) {
			return ErrNotEnrolled
		}
		detail := string(p.Method) + " on"
		if p.On {
			err = tx.TurnOnSecondFactor(storage.SecondFactor{UserID: u.ID, Method: string(p.Method), Preferred: p.Preferred, Created: now})
		} else {
			detail = string(p.Method) + " off"
			if err = tx.TurnOffSecondFactor(u.ID, string(p.Method)); errors.Is(err, storage.ErrNotFound) {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if err := tx.UntrustDevices(u.ID); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventFactorChanged, Actor: by, UserID: u.ID, Detail: detail})
	})
}

// Factors are what a person can prove themselves with, for the pages that show it.
func (e *Engine) Factors(ctx context.Context, user storage.ID) (Factors, error) {
	return e.factors(e.store.View(ctx), user)
}
