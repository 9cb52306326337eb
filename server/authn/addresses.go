package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

const (
	maxAddresses = 10             // of one person, proven or not
	unprovenLife = 24 * time.Hour // of an address that nobody has proven
)

// AddAddress notes a further address of a person and mails a code there; asked again, it mails the code once more. Until the code is
// typed (CheckAddress) the address counts for nothing: it signs nobody in, no application is told, and whoever can read its mail may
// prove it meanwhile. It returns the address as it is kept. Whether somebody else has it is not said before the code is right.
// ErrBadAddress, ErrHasAddress, ErrManyAddresses, *TooMany, ErrNoUser.
func (e *Engine) AddAddress(ctx context.Context, v Visitor, user storage.ID, typed string) (string, error) {
	address, err := NormalizeAddress(typed)
	if err != nil {
		return "", err
	}
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		mine, err := tx.Emails(user)
		if err != nil {
			return err
		}
		known, has := find(mine, address)
		switch {
		case has && known.VerifiedAt > 0:
			return ErrHasAddress
		case !has && len(mine) >= maxAddresses:
			return ErrManyAddresses
		}
		if _, err := e.spendMail(tx, v, address, now); err != nil {
			return err
		}
		if !has {
			if err := tx.InsertEmail(storage.Email{UserID: user, Address: address, Typed: address, Created: now}); err != nil {
				return err
			}
		}
		o, err := e.addressCode(tx, user, address, now)
		if err != nil {
			return err
		}
		return e.post(tx, v, "", o, false, now)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrNoUser
	}
	if err != nil {
		return "", e.mailsStopped(err)
	}
	e.outbox.wakeUp()
	return address, nil
}

func find(addresses []storage.Email, address string) (storage.Email, bool) {
	for _, m := range addresses {
		if m.Address == address {
			return m, true
		}
	}
	return storage.Email{}, false
}

// addressCode finds the live code for a new address of a person, or makes one.
func (e *Engine) addressCode(tx storage.Tx, user storage.ID, address string, now int64) (storage.OTP, error) {
	o, err := tx.BoundOTP(user, purposeAddress, address)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return storage.OTP{}, fmt.Errorf("read code: %w", err)
	}
	if err == nil && e.gone(o, now+resendLeast.Microseconds()) == 0 {
		o.Sent = now
		return o, tx.SentOTP(o.ID, now)
	}
	o = storage.OTP{ID: storage.NewID(), FlowID: user, Purpose: purposeAddress, Address: address, Nonce: e.newNonce(), Sent: now, Expires: now + e.cfg.Lifetimes.OTP.Microseconds()}
	return o, tx.InsertOTP(o)
}

// AddressCode tells how the code for a new address of a person stands; *CodeGone if there is no such address, or it is proven.
func (e *Engine) AddressCode(ctx context.Context, user storage.ID, address string) (Code, error) {
	tx, now := e.store.View(ctx), e.now()
	o, err := e.pendingAddress(tx, user, address)
	if err != nil {
		return Code{}, err
	}
	return e.codeState(tx, o, now)
}

// pendingAddress is the newest code for an address that its person has still to prove; *CodeGone.
func (e *Engine) pendingAddress(tx storage.Tx, user storage.ID, address string) (storage.OTP, error) {
	mine, err := tx.Emails(user)
	if err != nil {
		return storage.OTP{}, fmt.Errorf("read addresses: %w", err)
	}
	if m, has := find(mine, address); !has || m.VerifiedAt > 0 {
		return storage.OTP{}, &CodeGone{Why: GoneNever}
	}
	o, err := tx.BoundOTP(user, purposeAddress, address)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.OTP{Address: address}, nil // its code was swept: over
	}
	return o, err
}

// CheckAddress proves a new address of a person by the code that was mailed there. The guess is counted first, like every other.
// ErrTaken if somebody else has proven the address; who can read its mail may learn that.
// ErrNotAnswer, *WrongAnswer, *CodeGone, *TooMany, ErrTaken.
func (e *Engine) CheckAddress(ctx context.Context, v Visitor, user storage.ID, address, code string) error {
	guess, ok := readCode(code)
	if !ok {
		return ErrNotAnswer
	}
	var outcome error // of a guess that was counted: the write stands
	now := e.now()
	err := e.writeUnique(ctx, func(tx storage.Tx) error {
		outcome = nil
		o, err := e.pendingAddress(tx, user, address)
		if err != nil {
			return err
		}
		if o.ID.IsZero() {
			return &CodeGone{Why: GoneExpired}
		}
		if o, err = e.countGuess(tx, v, o.ID, "", now); err != nil {
			return err
		}
		if !secret.Equal([]byte(e.codeOf(o)), []byte(guess)) {
			outcome, err = e.wrong(tx, v, o, "", now)
			return err
		}
		if err := tx.SpendOTP(o.ID, now); err != nil {
			return &CodeGone{Why: GoneSpent}
		}
		if err := e.refundGuess(tx, v, address); err != nil {
			return err
		}
		switch _, err := tx.UserByEmail(address); {
		case err == nil:
			outcome = ErrTaken
			return tx.DeleteEmail(user, address)
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		return e.proveAddress(tx, v, user, address, now)
	})
	e.outbox.wakeUp()
	if err == nil {
		err = outcome
	}
	return err
}

// proveAddress makes an address of a person count.
func (e *Engine) proveAddress(tx storage.Tx, v Visitor, user storage.ID, address string, now int64) error {
	if err := tx.TouchUser(user, now); err != nil {
		return err
	}
	if err := tx.VerifyEmail(user, address, now); err != nil {
		return err
	}
	if err := endWaiting(tx, address); err != nil {
		return err
	}
	if _, err := tx.PrimaryEmail(user); errors.Is(err, storage.ErrNotFound) {
		if err := tx.SetPrimaryEmail(user, address); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := e.notice(tx, v, user, change{kind: NoticeAddressAdded, by: actor(user), subject: address}, now); err != nil {
		return err
	}
	return tx.InsertEvent(ownEvent(v, user, storage.EventAddressAdded, address))
}

// MakePrimary chooses the proven address of a person that applications are told. Their other browsers and all applications have to
// sign in anew: who held the one before no longer speaks for the account. ErrNoAddress.
func (e *Engine) MakePrimary(ctx context.Context, v Visitor, user, session storage.ID, address string) error {
	return e.changeAddresses(ctx, user, func(tx storage.Tx, all []storage.Email, now int64) error {
		m, has := find(all, address)
		switch {
		case !has || m.VerifiedAt == 0:
			return ErrNoAddress
		case m.Primary:
			return nil
		}
		told := change{kind: NoticeAddressPrimary, by: actor(user), subject: address}
		for _, before := range all {
			if before.Primary && before.VerifiedAt > 0 {
				told.also = append(told.also, before.Address)
			}
		}
		if err := tx.SetPrimaryEmail(user, address); err != nil {
			return err
		}
		if err := e.notice(tx, v, user, told, now); err != nil {
			return err
		}
		if err := endOthers(tx, user, session, now); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, user, storage.EventAddressPrimary, address))
	})
}

// RemoveAddress takes an address from a person: never the primary one, nor the last that is proven. If it was proven, their other
// browsers and all applications have to sign in anew. ErrNoAddress, ErrPrimary, ErrLastWayIn.
func (e *Engine) RemoveAddress(ctx context.Context, v Visitor, user, session storage.ID, address string) error {
	return e.changeAddresses(ctx, user, func(tx storage.Tx, all []storage.Email, now int64) error {
		m, has := find(all, address)
		proven := 0
		for _, one := range all {
			if one.VerifiedAt > 0 && one.Address != address {
				proven++
			}
		}
		switch {
		case !has:
			return ErrNoAddress
		case m.VerifiedAt > 0 && proven == 0:
			return ErrLastWayIn
		case m.Primary:
			return ErrPrimary
		}
		if err := tx.DeleteEmail(user, address); err != nil {
			return err
		}
		if m.VerifiedAt == 0 {
			return nil
		}
		left, err := e.factors(tx, user)
		if err != nil {
			return err
		}
		if err := e.keepsWayIn(tx, left); err != nil {
			return err
		}
		if err := endOthers(tx, user, session, now); err != nil {
			return err
		}
		if err := e.notice(tx, v, user, change{kind: NoticeAddressRemoved, by: actor(user), subject: address, also: []string{address}}, now); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, user, storage.EventAddressRemoved, address))
	})
}

// changeAddresses changes the addresses of one person, one change after the other.
func (e *Engine) changeAddresses(ctx context.Context, user storage.ID, change func(storage.Tx, []storage.Email, int64) error) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.TouchUser(user, now); errors.Is(err, storage.ErrNotFound) {
			return ErrNoUser
		} else if err != nil {
			return err
		}
		all, err := tx.Emails(user)
		if err != nil {
			return err
		}
		return change(tx, all, now)
	})
	e.outbox.wakeUp()
	return err
}

// ownEvent is an event of what a person does to their own account.
func ownEvent(v Visitor, user storage.ID, kind, detail string) storage.Event {
	return storage.Event{ID: storage.NewID(), Kind: kind, Actor: actor(user), UserID: user, IP: ip(v), Device: Device(v.Agent), Detail: detail}
}
