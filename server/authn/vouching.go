package authn

import (
	"context"
	"errors"

	"gatelatch/storage"
)

// SetAddress puts another address in the place of a person's primary one. An administrator vouches for it. As whoever held the one
// before no longer speaks for the account, everything that was begun ends. ErrBadAddress, ErrTaken, ErrNoUser.
func (e *Engine) SetAddress(ctx context.Context, by string, user storage.ID, typed string) error {
	address, err := NormalizeAddress(typed)
	if err != nil {
		return err
	}
	err = e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		if owner, err := tx.UserByEmail(address); err == nil && owner.ID != u.ID {
			return ErrTaken
		} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		before, err := tx.PrimaryEmail(u.ID)
		if err == nil && before.Address == address && before.VerifiedAt > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		mine, err := tx.Emails(u.ID)
		if err != nil {
			return err
		}
		if _, has := find(mine, address); !has {
			if err := tx.InsertEmail(storage.Email{UserID: u.ID, Address: address, Typed: address, VerifiedAt: now, Created: now}); err != nil {
				return err
			}
		} else if err := tx.VerifyEmail(u.ID, address, now); err != nil {
			return err
		}
		if err := endWaiting(tx, address); err != nil {
			return err
		}
		if err := tx.SetPrimaryEmail(u.ID, address); err != nil {
			return err
		}
		told := change{kind: NoticeAddressPrimary, by: by, subject: address}
		if before.VerifiedAt > 0 {
			told.also = []string{before.Address}
		}
		if err := e.notice(tx, e.from(ctx), u.ID, told, now); err != nil {
			return err
		}
		if before.Address != "" && before.Address != address {
			if err := tx.DeleteEmail(u.ID, before.Address); err != nil {
				return err
			}
		}
		if err := tx.TouchUser(u.ID, now); err != nil {
			return err
		}
		if err := EndAccess(tx, u.ID, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventAddressPrimary, Actor: by, UserID: u.ID, Detail: address})
	})
	e.outbox.wakeUp()
	if errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	return err
}
