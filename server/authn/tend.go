package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// eventsKnow is how long the log knows who it was (docs/account.md).
const eventsKnow = 90 * 24 * time.Hour

// tendRows is how many rows one unit of work takes, so that nobody waits for it.
const tendRows = 200

// Tend does what time brings: addresses that nobody has proven go, people go who have asked to and whose days of grace are over, and
// the log forgets who it was. Doing it again, or on several replicas at once, is harmless.
func (e *Engine) Tend(ctx context.Context) error {
	for _, job := range []func(context.Context) (more bool, err error){e.dropUnproven, e.letGo, e.forget} {
		for more := true; more; {
			var err error
			if more, err = job(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) dropUnproven(ctx context.Context) (more bool, err error) {
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		n, err := tx.DeleteUnprovenEmails(e.now()-unprovenLife.Microseconds(), tendRows)
		more = n == tendRows
		return err
	})
	if err != nil {
		return false, fmt.Errorf("drop unproven addresses: %w", err)
	}
	return more, nil
}

// letGo deletes the next person whose days of grace are over.
func (e *Engine) letGo(ctx context.Context) (more bool, err error) {
	due, err := e.store.View(ctx).UsersLeaving(e.now(), 1)
	if err != nil || len(due) == 0 {
		return false, err
	}
	err = e.changeUser(ctx, due[0], func(tx storage.Tx, u storage.User, now int64) error {
		if !u.Leaving() || u.DeleteAt > now {
			return nil // they have changed their mind
		}
		return remove(tx, u, actor(u.ID), now)
	})
	if errors.Is(err, ErrNoUser) {
		err = nil // another replica was faster
	}
	return err == nil, err
}

func (e *Engine) forget(ctx context.Context) (more bool, err error) {
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		var err error
		more, err = tx.ForgetEvents(e.now()-eventsKnow.Microseconds(), tendRows)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forget events: %w", err)
	}
	return more, nil
}
