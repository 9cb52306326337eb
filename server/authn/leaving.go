package authn

import (
	"context"
	"fmt"
	"time"

	"gatelatch/storage"
)

// EndAccount notes that a person wants their account deleted: every session and grant ends at once, and when the days of grace are over
// (Tend) they are gone; without any, at once. Until then a sign-in only leads to the question whether they stay. typed is one of their
// addresses, or their username, typed once more. It returns how long they have. ErrNoAddress if it is another one, ErrLastOwner, ErrNoUser.
func (e *Engine) EndAccount(ctx context.Context, v Visitor, user storage.ID, typed string) (time.Duration, error) {
	grace := e.cfg.Lifetimes.AccountDeletion
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		if own, err := names(tx, u, typed); err != nil || !own {
			return firstError(err, ErrNoAddress)
		}
		if err := keepsOwner(tx, u); err != nil {
			return err
		}
		if err := tx.InsertEvent(ownEvent(v, u.ID, storage.EventDeletionAsked, "")); err != nil {
			return err
		}
		if grace <= 0 {
			return remove(tx, u, actor(u.ID), now)
		}
		u.DeleteAt = now + grace.Microseconds()
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		if err := e.notice(tx, v, u.ID, change{kind: NoticeDeletion, by: actor(u.ID)}, now); err != nil {
			return err
		}
		return EndAccess(tx, u.ID, now)
	})
	e.outbox.wakeUp()
	return grace, err
}

func firstError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// names reports whether what was typed is an address or the username of a person.
func names(tx storage.Tx, u storage.User, typed string) (bool, error) {
	if u.Username != "" && typed == u.Username {
		return true, nil
	}
	address, err := NormalizeAddress(typed)
	if err != nil {
		return false, nil
	}
	all, err := tx.Emails(u.ID)
	if err != nil {
		return false, fmt.Errorf("read addresses: %w", err)
	}
	_, own := find(all, address)
	return own, nil
}

// KeepAccount keeps a person who has asked to be deleted. What was ended stays ended. ErrNoUser once they are gone.
func (e *Engine) KeepAccount(ctx context.Context, v Visitor, user storage.ID) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, _ int64) error {
		if !u.Leaving() {
			return nil
		}
		u.DeleteAt = 0
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, u.ID, storage.EventDeletionTaken, ""))
	})
}
