package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// kindSetUp names the set-up link among pending things; it lives an hour.
const (
	kindSetUp = "set_up"
	setUpLife = time.Hour
)

// NewSetUp makes the one-time token of the link that creates the first admin, in place of any before it; "" once there is one.
func (e *Engine) NewSetUp(ctx context.Context) (string, error) {
	token, now := secret.Token(32), e.now()
	needed := false
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		done, err := tx.HasAdmin()
		if needed = !done; err != nil || done {
			return err
		}
		if err := tx.DeletePending(kindSetUp); err != nil {
			return err
		}
		return tx.InsertPending(storage.Pending{Digest: secret.Hash(token), Kind: kindSetUp, Created: now, Expires: now + setUpLife.Microseconds()})
	})
	if err != nil {
		return "", fmt.Errorf("make set-up link: %w", err)
	}
	if !needed {
		return "", nil
	}
	return token, nil
}

// CheckSetUp looks at a set-up link without using it up. ErrSetUpDone once there is an admin, ErrSetUpGone if it is not, or no longer, one.
func (e *Engine) CheckSetUp(ctx context.Context, token string) error {
	tx := e.store.View(ctx)
	_, err := tx.Pending(kindSetUp, secret.Hash(token), e.now())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("read set-up link: %w", err)
	}
	gone := err != nil
	done, err := tx.HasAdmin()
	switch {
	case err != nil:
		return fmt.Errorf("look for an admin: %w", err)
	case done:
		return ErrSetUpDone
	case gone:
		return ErrSetUpGone
	}
	return nil
}

// SetUp is what the first admin fills in.
type SetUp struct {
	Token    string
	Address  string
	Name     string
	SignUp   string // one of the SignUp words; only where SignUpAsked
	Remember bool
	Cookie   string // value of the session cookie the browser has now
}

// CreateOwner makes the person with role owner and signs them in. Whoever holds the link has it from the server's console, so
// the address counts as theirs; if it is somebody's already, that person becomes the owner. Of two that post the same link one
// wins. ErrBadAddress, ErrSetUpGone, ErrSetUpDone.
func (e *Engine) CreateOwner(ctx context.Context, v Visitor, s SetUp) (SignIn, error) {
	address, err := NormalizeAddress(s.Address)
	if err != nil {
		return SignIn{}, err
	}
	if e.SignUpAsked() && !slices.Contains(SignUpChoices, s.SignUp) {
		return SignIn{}, errors.New("set up: nobody has chosen who may sign up")
	}
	var in SignIn
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		done, err := tx.HasAdmin()
		if err != nil {
			return err
		}
		if done {
			return ErrSetUpDone
		}
		if err := tx.SpendPending(kindSetUp, secret.Hash(s.Token), now); errors.Is(err, storage.ErrSpent) {
			return ErrSetUpGone
		} else if err != nil {
			return err
		}
		u, err := makeOwner(tx, address, s.Name, now, ip(v))
		if err != nil {
			return err
		}
		if e.SignUpAsked() {
			if err := e.saveSignUp(tx, u.ID, s.SignUp, now); err != nil {
				return err
			}
		}
		in, err = e.Finish(tx, now, v, nil, Proof{UserID: u.ID, Method: MethodLetter, AMR: "otp", Remember: s.Remember, Cookie: s.Cookie})
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	return in, nil
}

func makeOwner(tx storage.Tx, address, name string, now int64, ip string) (storage.User, error) {
	u, err := tx.UserByEmail(address)
	if err == nil {
		err = tx.HoldUser(u.ID)
	}
	if err == nil {
		u, err = tx.UserByEmail(address) // what has changed meanwhile is not undone
	}
	switch {
	case err == nil:
		u.Role, u.Status, u.Updated = "owner", "active", now
		if name != "" {
			u.Name = name
		}
		err = tx.UpdateUser(u)
	case errors.Is(err, storage.ErrNotFound):
		u = storage.User{ID: storage.NewID(), Status: "active", Role: "owner", Name: name, Created: now, Updated: now}
		err = insertPerson(tx, &u, address, storage.Event{Kind: storage.EventUserCreated, Actor: "system", IP: ip})
	}
	if err != nil {
		return storage.User{}, err
	}
	return u, tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventAdminSetUp, Actor: actor(u.ID), UserID: u.ID, IP: ip})
}

func (e *Engine) saveSignUp(tx storage.Tx, by storage.ID, choice string, now int64) error {
	before, err := e.experienceIn(tx)
	if err != nil {
		return err
	}
	after := before
	after.SignUp = choice
	document, err := json.Marshal(choice)
	if err != nil {
		return err
	}
	if err := tx.SaveSetting(settingSignUp, string(document), now); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSettingChanged, Actor: actor(by), Detail: Difference(before, after)})
}
