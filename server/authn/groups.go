package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatelatch/storage"
)

// maxGroupName is the length of a group's name in bytes, and maxGroupDescription that of its description.
const (
	maxGroupName        = 100
	maxGroupDescription = 500
)

// CreateGroup makes a group. Its name is what rules and the `groups` claim call it: letters, digits, and - _ . : / inside.
// ErrGroupName, ErrTaken.
func (e *Engine) CreateGroup(ctx context.Context, by, name, description string) (storage.Group, error) {
	if !groupName(name) || len(description) > maxGroupDescription || !utf8.ValidString(description) || strings.ContainsFunc(description, unicode.IsControl) {
		return storage.Group{}, ErrGroupName
	}
	now := e.now()
	g := storage.Group{Name: name, Description: description, Created: now, Updated: now}
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.InsertGroup(g); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventGroupCreated, Actor: by, Detail: name})
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	return g, err
}

func groupName(name string) bool {
	inside := strings.Trim(name, "-_.:/")
	return inside == name && name != "" && len(name) <= maxGroupName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:/", r)
		})
}

// GroupInUse is why a group cannot be deleted: an application is only for its members, and would be for everybody without it.
type GroupInUse struct{ Client storage.Client }

// Error implements error.
func (g *GroupInUse) Error() string { return "the group lets people use " + g.Client.Name }

// DeleteGroup removes a group with its memberships. ErrNoGroup, *GroupInUse.
func (e *Engine) DeleteGroup(ctx context.Context, by, name string) error {
	return e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.LockConfiguration(); err != nil {
			return err
		}
		clients, err := tx.Clients()
		if err != nil {
			return err
		}
		for _, c := range clients {
			if len(c.Settings.AllowedGroups) > 0 && Admits(c, []string{name}) {
				return &GroupInUse{Client: c}
			}
		}
		if err := tx.DeleteGroup(name); errors.Is(err, storage.ErrNotFound) {
			return ErrNoGroup
		} else if err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventGroupDeleted, Actor: by, Detail: name})
	})
}

// Join makes a person a member of groups. ErrNoUser, ErrNoGroup (then of none).
func (e *Engine) Join(ctx context.Context, by string, id storage.ID, groups ...string) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, now int64) error {
		for _, group := range groups {
			if err := isGroup(tx, group); err != nil {
				return err
			}
		}
		return join(tx, by, u.ID, groups, now)
	})
}

// join makes a person a member of the groups that they are no member of.
func join(tx storage.Tx, by string, user storage.ID, groups []string, now int64) error {
	mine, err := tx.UserGroups(user)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if slices.Contains(mine, group) {
			continue
		}
		mine = append(mine, group)
		if err := tx.Join(user, group, now); err != nil {
			return err
		}
		if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventGroupJoined, Actor: by, UserID: user, Detail: group}); err != nil {
			return err
		}
	}
	return nil
}

// Leave ends a person's membership of a group: what is only for its members is closed to them at once, tokens included.
// ErrNoUser, ErrNoGroup.
func (e *Engine) Leave(ctx context.Context, by string, id storage.ID, group string) error {
	return e.changeUser(ctx, id, func(tx storage.Tx, u storage.User, _ int64) error {
		if err := isGroup(tx, group); err != nil {
			return err
		}
		if mine, err := tx.UserGroups(u.ID); err != nil || !slices.Contains(mine, group) {
			return err
		}
		if err := tx.Leave(u.ID, group); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventGroupLeft, Actor: by, UserID: u.ID, Detail: group})
	})
}

func isGroup(tx storage.Tx, name string) error {
	_, err := tx.Group(name)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNoGroup, name)
	}
	return err
}
