package authn

import (
	"context"
	"errors"
	"fmt"

	"gatelatch/storage"
)

// EndDevice signs a person out of one of their browsers, with everything that applications were given there: unlike a sign-out in
// that browser itself, it is said by somebody who may have lost it. A session that is not theirs, or has ended already, stays as it is.
func (e *Engine) EndDevice(ctx context.Context, v Visitor, user, session storage.ID) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		s, err := tx.Session(session)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (s.UserID != user || s.RevokedAt > 0 || s.Expires <= now) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := EndSession(tx, s.ID, now); err != nil {
			return err
		}
		if err := tx.RevokeSessionGrants(s.ID, now); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, user, storage.EventSignedOut, Device(s.Agent)))
	})
	if err != nil {
		return fmt.Errorf("end device: %w", err)
	}
	e.outbox.wakeUp()
	return nil
}

// EndOtherDevices signs a person out of every browser but the one that keep lives in, and ends every grant that was not made there.
func (e *Engine) EndOtherDevices(ctx context.Context, v Visitor, user, keep storage.ID) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		if err := endOthers(tx, u.ID, keep, now); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, user, storage.EventSignedOutOthers, ""))
	})
	e.outbox.wakeUp()
	return err
}

// endOthers ends every session of a person but one, every grant that was not made in it, and sign-ins that are half done. Without one to
// keep, all end.
func endOthers(tx storage.Tx, user, keep storage.ID, now int64) error {
	if keep.IsZero() {
		return EndAccess(tx, user, now)
	}
	sessions, err := tx.UserSessions(user, now)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if s.ID == keep {
			continue
		}
		if err := EndSession(tx, s.ID, now); err != nil {
			return err
		}
	}
	if err := tx.ForgetProgress(user); err != nil {
		return err
	}
	return tx.RevokeOtherGrants(user, keep, now)
}

// RemoveApp takes back what a person has allowed an application: its grants end, what they have said yes to is forgotten, and the
// application is told that the sessions it knows are over. Where there was nothing, nothing happens. by is who does it.
func (e *Engine) RemoveApp(ctx context.Context, by string, user storage.ID, client string) (removed bool, err error) {
	now, v := e.now(), e.from(ctx)
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		removed = false
		known, err := tx.ClientFarewells(user, client)
		if err != nil {
			return err
		}
		err = tx.RevokeConsent(user, client, now)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := postFarewells(tx, known, now); err != nil {
			return err
		}
		removed = true
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventConsentRevoked, Actor: by, UserID: user, ClientID: client, IP: ip(v), Device: Device(v.Agent)})
	})
	if err != nil {
		return false, fmt.Errorf("remove application: %w", err)
	}
	e.outbox.wakeUp()
	return removed, nil
}
