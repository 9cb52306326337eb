package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// touchEvery is how far the idle end of a session may lag behind: it saves a durable write on nearly every page.
const touchEvery = 5 * time.Minute

// Session tells who is signed in, from the value of the session cookie; nil if nobody is: no such session, ended, expired,
// or its person disabled. Being asked moves the idle end.
func (e *Engine) Session(ctx context.Context, cookie string) (*Live, error) {
	if cookie == "" {
		return nil, nil
	}
	now := e.now()
	s, u, err := e.store.View(ctx).LiveSession(secret.Hash(cookie), now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read session: %w", err)
	case !u.Active():
		return nil, nil
	}
	if now-s.Seen >= touchEvery.Microseconds() && !recovered(s) {
		end := e.sessionEnd(s.Remembered, s.AuthTime, now)
		err := e.store.Write(ctx, func(tx storage.Tx) error { return tx.TouchSession(s.ID, now, end) })
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return nil, nil
		case err != nil: // a full disk must not sign anybody out
			e.log.WarnContext(ctx, "the end of a session could not be moved", "error", err)
		default:
			s.Seen, s.Expires = now, end
		}
	}
	return e.liveOf(ctx, s, u)
}

// liveOf adds to a session what the rules of this server say of it.
func (e *Engine) liveOf(ctx context.Context, s storage.Session, u storage.User) (*Live, error) {
	x, err := e.Experience(ctx)
	if err != nil {
		return nil, err
	}
	tx, live := e.store.View(ctx), &Live{Session: s, User: u}
	if live.Groups, err = tx.UserGroups(u.ID); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	if strengths[s.ACR] > 1 || slices.Contains(strings.Fields(s.Methods), methodDevice) || recovered(s) {
		return live, nil
	}
	// What a person turns on is asked for from their next sign-in on; what the server demands, at once.
	live.Short = x.demandsSecond(live.Groups, Factors{})
	return live, nil
}

// sessionEnd is when a session that began at began and was seen at now ends.
func (e *Engine) sessionEnd(remembered bool, began, now int64) int64 {
	l := e.cfg.Lifetimes
	if !remembered {
		return began + l.SessionShort.Microseconds()
	}
	return min(now+l.SessionIdle.Microseconds(), began+l.SessionAbsolute.Microseconds())
}

// SignOut ends a session and the grants made in it. Grants with offline_access live on, unless their application is set
// otherwise. A session that has ended already stays as it is.
func (e *Engine) SignOut(ctx context.Context, v Visitor, session storage.ID) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		s, err := tx.Session(session)
		if errors.Is(err, storage.ErrNotFound) || err == nil && s.RevokedAt > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		return e.endSession(tx, v, s, now)
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	e.outbox.wakeUp()
	return nil
}

// endSession ends a live session with its online grants and writes the event.
func (e *Engine) endSession(tx storage.Tx, v Visitor, s storage.Session, now int64) error {
	if err := EndSession(tx, s.ID, now); err != nil {
		return err
	}
	grants, err := tx.SessionGrants(s.ID, now)
	if err != nil {
		return err
	}
	for _, g := range grants {
		lives, err := outlivesSession(tx, g)
		if err != nil {
			return err
		}
		if lives {
			continue
		}
		if _, err := tx.RevokeGrant(g.ID, now); err != nil {
			return err
		}
	}
	return tx.InsertEvent(ownEvent(v, s.UserID, storage.EventSignedOut, ""))
}

// outlivesSession reports whether a grant goes on after its session: the person allowed it to (offline_access, OpenID
// Connect Core §11), and the application is not set to end with the sign-out.
func outlivesSession(tx storage.Tx, g storage.Grant) (bool, error) {
	if !slices.Contains(strings.Fields(g.Scope), "offline_access") {
		return false, nil
	}
	c, err := tx.Client(g.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return !c.Settings.SignOutEndsAccess, err
}

// ip is the visitor's address as rows keep it; "" when it is not known.
func ip(v Visitor) string {
	if !v.IP.IsValid() {
		return ""
	}
	return v.IP.String()
}
