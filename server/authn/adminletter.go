package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// kindLetter names links that an administrator has made, among pending things: their digest is kept, they work once.
const (
	kindLetter = "letter"
	letterLife = time.Hour
)

// methodRecovered stands among the methods of a session whose second factor an administrator has waived. It lives an hour, and is good
// for the account page alone: there its person sets up ways in again.
const (
	methodRecovered = "recovered"
	recoveredLife   = time.Hour
)

// AdminLetter is a link that an administrator has made for a person, shown once.
type AdminLetter struct {
	Token   string
	Expires time.Time
}

// keptLetter is what is remembered of it.
type keptLetter struct {
	User    string `json:"user"`
	Recover bool   `json:"recover,omitempty"`
}

// WriteLetter makes a link with which a person signs in once, within an hour, without their mailbox. A second factor is asked for as
// always; unless recover says that all is lost, which is the administrator's word and stands in the log. It removes nothing. by is who
// makes it. ErrNoUser.
func (e *Engine) WriteLetter(ctx context.Context, by string, user storage.ID, recover bool) (AdminLetter, error) {
	token := secret.Token(32)
	a := AdminLetter{Token: token}
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		data, err := json.Marshal(keptLetter{User: u.ID.String(), Recover: recover})
		if err != nil {
			return err
		}
		expires := now + letterLife.Microseconds()
		a.Expires = time.UnixMicro(expires)
		if err := tx.InsertPending(storage.Pending{Digest: secret.Hash(token), Kind: kindLetter, Data: string(data), Created: now, Expires: expires}); err != nil {
			return err
		}
		kind := storage.EventLetterMade
		if recover {
			kind = storage.EventRecoveryMade
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: by, UserID: u.ID})
	})
	return a, err
}

// endLetters ends the links and codes that administrators have made for a person.
func endLetters(tx storage.Tx, user storage.ID) error {
	for _, k := range []keptLetter{{User: user.String()}, {User: user.String(), Recover: true}} {
		data, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if err := tx.DeletePendingOf(kindLetter, string(data)); err != nil {
			return err
		}
	}
	return tx.DeleteBoundOTPs(user, purposeLetter)
}

// letterOf finds what a link was made for; ErrLinkGone.
func letterOf(tx storage.Tx, token string, now int64) (storage.User, bool, error) {
	p, err := tx.Pending(kindLetter, secret.Hash(token), now)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.User{}, false, ErrLinkGone
	}
	if err != nil {
		return storage.User{}, false, fmt.Errorf("read letter: %w", err)
	}
	var kept keptLetter
	if err := json.Unmarshal([]byte(p.Data), &kept); err != nil {
		return storage.User{}, false, fmt.Errorf("read letter: %w", err)
	}
	id, err := storage.ParseID(kept.User)
	if err != nil {
		return storage.User{}, false, fmt.Errorf("read letter: %w", err)
	}
	u, err := tx.User(id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
		return storage.User{}, false, ErrLinkGone
	}
	return u, kept.Recover, err
}

// AdminLetter looks at a link without using it up: whom it signs in, so that its reader knows who is meant and nobody else learns an
// address. ErrLinkGone.
func (e *Engine) AdminLetter(ctx context.Context, token string) (who string, err error) {
	tx := e.store.View(ctx)
	u, _, err := letterOf(tx, token, e.now())
	if err != nil {
		return "", err
	}
	m, err := tx.PrimaryEmail(u.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return u.Username, nil
	}
	return mask(m.Typed), err
}

// OpenLetter signs in whoever the link was made for, in the flow of this browser, and uses it up. ErrLinkGone, ErrFlowGone, ErrFlowDone.
func (e *Engine) OpenLetter(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	if _, _, err := letterOf(e.store.View(ctx), a.Token, e.now()); err != nil {
		return SignIn{}, err // strangers' tries do not reach the writer
	}
	var in SignIn
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		switch {
		case err != nil:
			return err
		case f.Finished > 0:
			return ErrFlowDone
		}
		u, waived, err := letterOf(tx, a.Token, now)
		if err != nil {
			return err
		}
		if err := tx.SpendPending(kindLetter, secret.Hash(a.Token), now); errors.Is(err, storage.ErrSpent) {
			return ErrLinkGone
		} else if err != nil {
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{UserID: u.ID, Method: MethodLetter, AMR: "otp", Remember: a.Remember && !waived, Waived: waived, Cookie: a.Cookie})
		return err
	})
	var refused *refusal
	if errors.As(err, &refused) {
		e.logRefusal(ctx, refused)
		return SignIn{}, ErrLinkGone
	}
	if err != nil {
		return SignIn{}, err
	}
	e.outbox.wakeUp()
	return in, nil
}

// recovered reports whether a session's second factor was waived.
func recovered(s storage.Session) bool {
	return slices.Contains(strings.Fields(s.Methods), methodRecovered)
}
