package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatelatch/storage"
)

// KindFarewell is the outbox's name for telling an application that a session has ended.
const KindFarewell = "farewell"

// farewellLife is how long an application that does not answer is tried again.
const farewellLife = 60 * 60 * 1_000_000 // microseconds: an hour

// Farewell is what the outbox keeps of it: names, no token.
type Farewell struct {
	ClientID string `json:"client"`
	Subject  string `json:"sub"`
	Session  string `json:"sid"`
}

// EndSession ends a session and puts a farewell into the outbox for every application that knows it and wants to be told. Whoever
// ends a session does it here. The grants made in it are not touched.
func EndSession(tx storage.Tx, session storage.ID, now int64) error {
	if err := sayFarewell(tx, session, now); err != nil {
		return err
	}
	return tx.RevokeSession(session, now)
}

// EndAccess ends every session and every grant of a person, with the farewells, and forgets their browsers; and what would lead to new
// ones: sign-ins that are half done, links of administrators, and codes for a new password, proven or not. It may be followed by the person's deletion.
func EndAccess(tx storage.Tx, user storage.ID, now int64) error {
	sessions, err := tx.UserSessions(user, now)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if err := sayFarewell(tx, s.ID, now); err != nil {
			return err
		}
	}
	if err := tx.RevokeUserSessions(user, storage.ID{}, now); err != nil {
		return err
	}
	if err := tx.DeleteUserDevices(user); err != nil {
		return err
	}
	if err := tx.ForgetProgress(user); err != nil {
		return err
	}
	if err := endLetters(tx, user); err != nil {
		return err
	}
	if err := tx.DeleteOTPsOf(user, purposeReset); err != nil {
		return err
	}
	return tx.RevokeUserGrants(user, now)
}

func sayFarewell(tx storage.Tx, session storage.ID, now int64) error {
	known, err := tx.Farewells(session)
	if err != nil {
		return err
	}
	return postFarewells(tx, known, now)
}

func postFarewells(tx storage.Tx, known []storage.Farewell, now int64) error {
	for _, k := range known {
		c, err := tx.Client(k.ClientID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (c.Settings.LogoutURI == "" || c.Disabled) {
			continue
		}
		if err != nil {
			return err
		}
		payload, err := json.Marshal(Farewell{ClientID: k.ClientID, Subject: k.UserID.String(), Session: k.SID.String()})
		if err != nil {
			return fmt.Errorf("write farewell: %w", err)
		}
		if err := tx.InsertDelivery(storage.Delivery{ID: storage.NewID(), Kind: KindFarewell, Payload: string(payload), Due: now, Expires: now + farewellLife}); err != nil {
			return err
		}
	}
	return nil
}

// SignOutEverywhere ends every session and every grant of a person. by is who does it, for the audit log.
func (e *Engine) SignOutEverywhere(ctx context.Context, by string, user storage.ID) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		if err := EndAccess(tx, u.ID, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSignedOutAll, Actor: by, UserID: u.ID})
	})
	e.outbox.wakeUp()
	return err
}
