package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// takeBackFrom is how long before a change that was not theirs a person's other changes are doubted, too: whoever adds an address and
// then makes it the main one is told of by two mails, and either undoes both.
const takeBackFrom = 24 * time.Hour

// Told is what the page behind "This was not me" has to know. Looking at it changes nothing, however often a scanner does.
type Told struct {
	Kind   Notice
	What   string // as in the mail
	At     time.Time
	Device string
	IP     string
	Denied bool     // the person has said so already
	Back   []Notice // that would be taken back
}

// Told looks at the link of a notice; ErrLinkGone.
func (e *Engine) Told(ctx context.Context, token string) (Told, error) {
	tx, now := e.store.View(ctx), e.now()
	n, err := e.noticed(tx, token, now)
	if err != nil {
		return Told{}, err
	}
	t := Told{Kind: Notice(n.Kind), What: Notice(n.Kind).what(n.Subject), At: time.UnixMicro(n.Created), Device: n.Device, IP: n.IP, Denied: n.DeniedAt > 0}
	if t.Denied {
		return t, nil
	}
	doubt, err := e.doubt(tx, n, now)
	if err != nil {
		return Told{}, err
	}
	for _, c := range doubt.changes {
		if takenBack[Notice(c.Kind)] && !slices.Contains(t.Back, Notice(c.Kind)) {
			t.Back = append(t.Back, Notice(c.Kind))
		}
	}
	if doubt.restore && !slices.Contains(t.Back, NoticeAddressPrimary) {
		t.Back = append(t.Back, NoticeAddressPrimary)
	}
	return t, nil
}

// takenBack are the changes that can be: what was added goes again. What was removed does not come back by itself, lest somebody who has
// lost an address to its person could claim it.
var takenBack = map[Notice]bool{
	NoticePasswordSet: true, NoticePasswordChanged: true, NoticePasswordReset: true, NoticeTOTPAdded: true, NoticePasskeyAdded: true,
	NoticeRecoveryCodes: true, NoticeAddressAdded: true, NoticeLinked: true, NoticeDeletion: true,
}

// doubt is what a person who says "This was not me" calls into question.
type doubt struct {
	changes []storage.Notice // one for each change
	restore bool             // the address that the mail went to was the primary one within the last days, and is to be it again
	speaks  bool             // whoever reads mail to that address speaks for the account
}

// doubt weighs a notice. An address that does not belong to the person any more can stop what is going on, no more than that; unless it
// was their main address when the notice was written, or within the week.
func (e *Engine) doubt(tx storage.Tx, n storage.Notice, now int64) (doubt, error) {
	mine, err := tx.Emails(n.UserID)
	if err != nil {
		return doubt{}, fmt.Errorf("read addresses: %w", err)
	}
	m, has := find(mine, n.Address)
	d := doubt{speaks: has && m.VerifiedAt > 0}
	all, err := tx.Notices(n.UserID, 0, now)
	if err != nil {
		return doubt{}, fmt.Errorf("read notices: %w", err)
	}
	since := n.Created
	for _, c := range all {
		if Notice(c.Kind) == NoticeAddressPrimary && c.Address == n.Address && c.Subject != n.Address && !m.Primary {
			d.restore, d.speaks, since = true, true, min(since, c.Created)
		}
	}
	if !d.speaks {
		return d, nil
	}
	since -= takeBackFrom.Microseconds()
	for _, c := range all {
		same := func(o storage.Notice) bool {
			return o.Kind == c.Kind && o.Subject == c.Subject && o.Created == c.Created
		}
		if c.Created >= since && !slices.ContainsFunc(d.changes, same) {
			d.changes = append(d.changes, c)
		}
	}
	return d, nil
}

// Recovery is how somebody who has said "This was not me" gets in again.
type Recovery struct {
	Address string // their main address, to which the mail went; "" if it went to another one
}

// NotMe does what the button of a notice promises: it ends every session and grant of the person, forgets their browsers, and takes back
// what can be taken back. It signs nobody in, and takes no second factor away that was there before. ErrLinkGone also for the second time.
func (e *Engine) NotMe(ctx context.Context, v Visitor, token string) (Recovery, error) {
	if n, err := e.noticed(e.store.View(ctx), token, e.now()); err != nil {
		return Recovery{}, err // strangers' tries do not reach the writer
	} else if n.DeniedAt > 0 {
		return Recovery{}, ErrLinkGone
	}
	spoilt, err := e.hasher.hash(ctx, secret.Token(32)) // of no password that anybody knows
	if err != nil {
		return Recovery{}, fmt.Errorf("not me: %w", err)
	}
	var r Recovery
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		n, err := e.noticed(tx, token, now)
		if err != nil {
			return err
		}
		if err := tx.HoldUser(n.UserID); errors.Is(err, storage.ErrNotFound) { // a session that is being made ends as well
			return ErrLinkGone
		} else if err != nil {
			return err
		}
		if err := tx.DenyNotice(n.ID, now); errors.Is(err, storage.ErrSpent) {
			return ErrLinkGone
		} else if err != nil {
			return err
		}
		r, err = e.deny(tx, v, n, spoilt, now)
		return err
	})
	if err != nil {
		return Recovery{}, err
	}
	e.outbox.wakeUp()
	return r, nil
}

func (e *Engine) deny(tx storage.Tx, v Visitor, n storage.Notice, spoilt string, now int64) (Recovery, error) {
	d, err := e.doubt(tx, n, now)
	if err != nil {
		return Recovery{}, err
	}
	if err := EndAccess(tx, n.UserID, now); err != nil {
		return Recovery{}, err
	}
	if err := tx.InsertEvent(ownEvent(v, n.UserID, storage.EventDenied, n.Kind)); err != nil {
		return Recovery{}, err
	}
	if d.restore {
		if err := e.restorePrimary(tx, v, n, now); err != nil {
			return Recovery{}, err
		}
	}
	for _, c := range d.changes {
		if err := e.takeBack(tx, v, c, spoilt, now); err != nil {
			return Recovery{}, fmt.Errorf("take back %s: %w", c.Kind, err)
		}
	}
	m, err := tx.PrimaryEmail(n.UserID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Recovery{}, err
	}
	if m.Address == n.Address {
		return Recovery{Address: m.Address}, nil
	}
	return Recovery{}, nil
}

// restorePrimary makes the address that a notice went to the primary one again, unless somebody else has it by now.
func (e *Engine) restorePrimary(tx storage.Tx, v Visitor, n storage.Notice, now int64) error {
	owner, err := tx.UserByEmail(n.Address)
	switch {
	case err == nil && owner.ID != n.UserID:
		return nil
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return err
	case err != nil:
		mine, err := tx.Emails(n.UserID)
		if err != nil {
			return err
		}
		if _, has := find(mine, n.Address); !has {
			if err := tx.InsertEmail(storage.Email{UserID: n.UserID, Address: n.Address, Typed: n.Address, Created: now}); err != nil {
				return err
			}
		}
		if err := tx.VerifyEmail(n.UserID, n.Address, now); err != nil {
			return err
		}
	}
	if err := tx.SetPrimaryEmail(n.UserID, n.Address); err != nil {
		return err
	}
	return tx.InsertEvent(ownEvent(v, n.UserID, storage.EventAddressPrimary, n.Address))
}

// takeBack undoes one change, if it still stands. It never takes the last way in.
func (e *Engine) takeBack(tx storage.Tx, v Visitor, c storage.Notice, spoilt string, now int64) error {
	switch Notice(c.Kind) {
	case NoticePasswordSet, NoticePasswordChanged, NoticePasswordReset:
		return e.takeBackPassword(tx, v, c, spoilt, now)
	case NoticeTOTPAdded:
		t, err := tx.UserTOTP(c.UserID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && t.ID.String() != c.Subject {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.DeleteTOTP(c.UserID); err != nil {
			return err
		}
		return e.removed(tx, actor(c.UserID), c.UserID, MethodTOTP, now)
	case NoticePasskeyAdded:
		return e.takeBackPasskey(tx, c, now)
	case NoticeRecoveryCodes:
		return tx.ReplaceRecoveryCodes(c.UserID, nil, now)
	case NoticeAddressAdded:
		return takeBackAddress(tx, v, c)
	case NoticeLinked:
		return e.takeBackLinked(tx, v, c)
	case NoticeDeletion:
		u, err := tx.User(c.UserID)
		if err != nil || !u.Leaving() {
			return err
		}
		u.DeleteAt = 0
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, c.UserID, storage.EventDeletionTaken, ""))
	}
	return nil
}

// takeBackPassword removes a password that was not set by its person, or makes it worthless where it is the only way in.
func (e *Engine) takeBackPassword(tx storage.Tx, v Visitor, c storage.Notice, spoilt string, now int64) error {
	p, err := tx.Password(c.UserID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && p.Changed < c.Created {
		return nil
	}
	if err != nil {
		return err
	}
	left, err := e.factors(tx, c.UserID)
	if err != nil {
		return err
	}
	left.Password = false
	switch err := e.keepsWayIn(tx, left); {
	case errors.Is(err, ErrLastWayIn):
		if err := replacePassword(tx, storage.User{ID: c.UserID}, keptPassword{hash: spoilt}, now); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := errors.Join(tx.DeletePassword(c.UserID), tx.DeleteVerifier(c.UserID)); err != nil {
			return err
		}
	}
	return tx.InsertEvent(ownEvent(v, c.UserID, storage.EventPasswordRemoved, ""))
}

// takeBackPasskey removes a passkey that was added, unless it is the only way in.
func (e *Engine) takeBackPasskey(tx storage.Tx, c storage.Notice, now int64) error {
	id, err := storage.ParseID(c.Subject)
	if err != nil {
		return err
	}
	mine, err := tx.Passkeys(c.UserID)
	if err != nil || !slices.ContainsFunc(mine, func(p storage.Passkey) bool { return p.ID == id }) {
		return err
	}
	left, err := e.factors(tx, c.UserID)
	if err != nil {
		return err
	}
	left.Passkeys--
	if err := e.keepsWayIn(tx, left); errors.Is(err, ErrLastWayIn) {
		return nil
	} else if err != nil {
		return err
	}
	return e.dropPasskey(tx, actor(c.UserID), c.UserID, id, now)
}

// takeBackAddress removes an address that was added, unless it is the main one or the last that is proven.
func takeBackAddress(tx storage.Tx, v Visitor, c storage.Notice) error {
	mine, err := tx.Emails(c.UserID)
	if err != nil {
		return err
	}
	m, has := find(mine, c.Subject)
	others := slices.ContainsFunc(mine, func(o storage.Email) bool { return o.VerifiedAt > 0 && o.Address != c.Subject })
	if !has || m.Primary || !others {
		return nil
	}
	if err := tx.DeleteEmail(c.UserID, c.Subject); err != nil {
		return err
	}
	return tx.InsertEvent(ownEvent(v, c.UserID, storage.EventAddressRemoved, c.Subject))
}

// SendRecovery mails whoever has denied a change a code to get in again: one that signs in or, where nobody signs in with codes, one for a
// new password. Errors as of SendCode.
func (e *Engine) SendRecovery(ctx context.Context, v Visitor, flow, address string) error {
	x, err := e.Experience(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(x.Methods, MethodCode) {
		return e.SendCode(ctx, v, flow, address)
	}
	return e.ForgotPassword(ctx, v, flow, address)
}
