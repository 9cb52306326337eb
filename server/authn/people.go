package authn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gatelatch/storage"
)

// CreateUser makes a person who can sign in with a code to address from now on. by is who does it, for the audit log
// ("user:ID", "cli"). An administrator vouches for the address; nobody gets in without a code sent there.
// ErrBadAddress, ErrTaken.
func (e *Engine) CreateUser(ctx context.Context, by, address, name string) (storage.User, error) {
	return e.CreatePerson(ctx, by, NewPerson{Address: address, Name: name})
}

// NewPerson is somebody whom an administrator adds.
type NewPerson struct {
	Address    string
	Name       string
	Attributes map[string]any // by the names of Attributes
	Temporary  string         // a password that they have to replace when they first sign in with it; "": none
	Welcome    bool           // they are told by mail, with the temporary password; where nobody signs in with codes, one is made up
}

// CreatePerson is CreateUser for somebody of whom more is known. *WeakPassword, *BadAttribute, ErrUsernameTaken, ErrBusy, and what
// CreateUser returns.
func (e *Engine) CreatePerson(ctx context.Context, by string, p NewPerson) (storage.User, error) {
	normal, err := NormalizeAddress(p.Address)
	if err != nil {
		return storage.User{}, err
	}
	now := e.now()
	u := storage.User{ID: storage.NewID(), Status: "active", Role: "none", Name: p.Name, Created: now, Updated: now}
	x, err := e.Experience(ctx)
	if err != nil {
		return storage.User{}, err
	}
	checked := make(map[string]any, len(p.Attributes))
	for name, value := range p.Attributes {
		a, err := x.attribute(name)
		if err != nil {
			return storage.User{}, err
		}
		if checked[name], err = a.read(value); err != nil {
			return storage.User{}, err
		}
	}
	if _, err := setAttributes(&u, checked); err != nil {
		return storage.User{}, err
	}
	if p.Welcome && p.Temporary == "" {
		if p.Temporary, err = e.temporaryIfNeeded(ctx); err != nil {
			return storage.User{}, err
		}
	}
	var kept keptPassword
	if p.Temporary != "" {
		if err := e.WeighPassword(ctx, storage.ID{}, p.Temporary, normal, u.Name); err != nil {
			return storage.User{}, err
		}
		if kept, err = e.keepPassword(ctx, u.ID, p.Temporary); err != nil {
			return storage.User{}, err
		}
		kept.temporary = now + TemporaryLife.Microseconds()
	}
	wanted := u.Username
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		if _, err := tx.UserByEmail(normal); err == nil {
			return ErrTaken
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err := insertPerson(tx, &u, normal, storage.Event{Kind: storage.EventUserCreated, Actor: by}); err != nil {
			return err
		}
		if wanted != "" && wanted != u.Username {
			if _, err := tx.UserByUsername(wanted); err == nil {
				return ErrUsernameTaken
			} else if !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			u.Username = wanted
			if err := tx.UpdateUser(u); err != nil {
				return err
			}
		}
		if p.Temporary != "" {
			if err := replacePassword(tx, u, kept, now); err != nil {
				return err
			}
		}
		if p.Welcome {
			return e.postWelcome(tx, u.ID, p.Temporary, now)
		}
		return nil
	})
	e.outbox.wakeUp()
	if errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	if err != nil {
		return storage.User{}, fmt.Errorf("create person: %w", err)
	}
	return u, nil
}

// Known finds a person by their sub, an address they have proven, or their username. ErrNoUser.
func (e *Engine) Known(ctx context.Context, name string) (storage.User, error) {
	tx := e.store.View(ctx)
	var (
		u   storage.User
		err error
	)
	if id, not := storage.ParseID(name); not == nil {
		u, err = tx.User(id)
	} else {
		u, err = e.named(tx, ReadIdentifier(name))
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = ErrNoUser
	}
	return u, err
}

// Address is what a person is shown as: their primary address, "" if they have none.
func (e *Engine) Address(ctx context.Context, user storage.ID) (string, error) {
	m, err := e.store.View(ctx).PrimaryEmail(user)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read address: %w", err)
	}
	return m.Typed, nil
}

// insertPerson writes a person with their address, a username made of the one they bring or of the address, and the event that says how they came to be.
func insertPerson(tx storage.Tx, u *storage.User, address string, ev storage.Event) error {
	name, err := freeUsername(tx, u.ID, cmp.Or(u.Username, address), u.Created)
	if err != nil {
		return err
	}
	u.Username = name
	if err := tx.InsertUser(*u); err != nil {
		return err
	}
	if err := tx.InsertEmail(storage.Email{UserID: u.ID, Address: address, Typed: address, Primary: true, VerifiedAt: u.Created, Created: u.Created}); err != nil {
		return err
	}
	if err := endWaiting(tx, address); err != nil {
		return err
	}
	ev.ID, ev.UserID = storage.NewID(), u.ID
	return tx.InsertEvent(ev)
}

// DisableUser keeps a person from signing in and ends every session and grant of theirs. ErrNoUser, ErrLastOwner.
func (e *Engine) DisableUser(ctx context.Context, by string, id storage.ID) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		if !u.Active() {
			return nil
		}
		if err := keepsOwner(tx, u); err != nil {
			return err
		}
		u.Status, u.Updated = "disabled", now
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		if err := EndAccess(tx, u.ID, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventUserDisabled, Actor: by, UserID: u.ID})
	})
}

// EnableUser lets a person sign in again. What was ended stays ended. ErrNoUser.
func (e *Engine) EnableUser(ctx context.Context, by string, id storage.ID) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		if u.Active() {
			return nil
		}
		u.Status, u.Updated = "active", now
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventUserEnabled, Actor: by, UserID: u.ID})
	})
}

// SetRole says what a person may do on this server: "none", "admin" or "owner". ErrNoUser, ErrLastOwner.
func (e *Engine) SetRole(ctx context.Context, by string, id storage.ID, role string) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		if u.Role == role {
			return nil
		}
		if role != "owner" {
			if err := keepsOwner(tx, u); err != nil {
				return err
			}
		}
		return giveRole(tx, by, &u, role, now)
	})
}

// giveRole writes a role that a person did not have.
func giveRole(tx storage.Tx, by string, u *storage.User, role string, now int64) error {
	before := u.Role
	u.Role, u.Updated = role, now
	if err := tx.UpdateUser(*u); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventRoleChanged, Actor: by, UserID: u.ID, Detail: before + " → " + role})
}

// SetAttributes changes what is known about a person: values by the names of Attributes, nil or "" to forget one. Nobody
// vouches for themselves, nor changes what is immutable; their username they change by ChangeUsername, which counts their tries.
// *BadAttribute, ErrUsernameTaken, ErrNoUser.
func (e *Engine) SetAttributes(ctx context.Context, by string, id storage.ID, values map[string]any) error {
	x, err := e.Experience(ctx)
	if err != nil {
		return err
	}
	checked := make(map[string]any, len(values))
	for name, value := range values {
		a, err := x.attribute(name)
		if err != nil {
			return err
		}
		if by == actor(id) && (a.Vouched || name == "preferred_username" || x.Field(name).ByAdmin) {
			return &BadAttribute{Name: name, Form: "said by somebody else"}
		}
		if checked[name], err = a.read(value); err != nil {
			return err
		}
		if by == actor(id) && checked[name] == nil && x.Field(name).Asked == AskedRequired {
			return &BadAttribute{Name: name, Form: "given: it is required here", Missing: true}
		}
	}
	err = e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		if by == actor(id) {
			if err := x.keepsSaid(u, checked); err != nil {
				return err
			}
		}
		before := u.Username
		changed, err := setAttributes(&u, checked)
		if err != nil || len(changed) == 0 {
			return err
		}
		if u.Username != before {
			if err := leaveUsername(tx, u.ID, before, now); err != nil {
				return err
			}
		}
		u.Updated = now
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		names := strings.Join(changed, " ") // not the values: the log outlives them
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventUserChanged, Actor: by, UserID: u.ID, Detail: names})
	})
	if errors.Is(err, storage.ErrConflict) {
		return ErrUsernameTaken
	}
	return err
}

// keepsSaid refuses to let a person change what they can say only once. *BadAttribute.
func (x Experience) keepsSaid(u storage.User, values map[string]any) error {
	known := AttributesOf(u)
	for name, value := range values {
		if said := ValueOf(known, name); x.Field(name).Immutable && said != nil && !reflect.DeepEqual(said, value) {
			return &BadAttribute{Name: name, Form: "left as it is: it can be said only once"}
		}
	}
	return nil
}

// DeleteUser removes a person with addresses, sessions and grants. ErrNoUser, ErrLastOwner.
func (e *Engine) DeleteUser(ctx context.Context, by string, id storage.ID) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		if err := keepsOwner(tx, u); err != nil {
			return err
		}
		return remove(tx, u, by, now)
	})
}

// remove deletes a person with everything that hangs on them.
func remove(tx storage.Tx, u storage.User, by string, now int64) error {
	if err := EndAccess(tx, u.ID, now); err != nil {
		return err
	}
	if err := tx.DeleteUser(u.ID); err != nil {
		return err
	}
	if err := leaveUsername(tx, u.ID, u.Username, now); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventUserDeleted, Actor: by, UserID: u.ID})
}

// changeUser changes what hangs on one person. Of two changes the second waits for the first, and sees what it has done: two that would
// each leave the person the other's way in must not leave them none.
func (e *Engine) changeUser(ctx context.Context, id storage.ID, change func(storage.Tx, storage.User, int64) error) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.HoldUser(id); errors.Is(err, storage.ErrNotFound) {
			return ErrNoUser
		} else if err != nil {
			return err
		}
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		return change(tx, u, now)
	})
	if err != nil {
		return fmt.Errorf("change person: %w", err)
	}
	return nil
}

// keepsOwner refuses to take away the last person who may do everything.
func keepsOwner(tx storage.Tx, u storage.User) error {
	if u.Role != "owner" || !u.Active() {
		return nil
	}
	others, err := tx.OtherOwners(u.ID)
	if err == nil && others == 0 {
		err = ErrLastOwner
	}
	return err
}
