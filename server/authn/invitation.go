package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/email"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Invite says who is invited, and to what.
type Invite struct {
	Address string   // "": whoever has the link
	Mail    bool     // the link goes to Address, and nobody else sees it
	Groups  []string // that they become members of
	Role    string   // "admin", only with an Address; "" or "none" for none
	Uses    int64    // how many people may accept it; 1 with an Address
	Life    time.Duration
	Lang    string // of the mail, best first
}

// Invited is an invitation that was made.
type Invited struct {
	storage.Invitation
	Link string // "" if it was mailed: then whoever opens it has shown that the mailbox is theirs
}

// Invite makes an invitation. It is good also while sign-up is closed, and for addresses of refused domains: whoever makes it knows whom
// they mean. ErrBadAddress, ErrNoGroup, ErrInvitedRole, ErrInvitedUses.
func (e *Engine) Invite(ctx context.Context, by string, n Invite) (Invited, error) {
	now := e.now()
	i := storage.Invitation{ID: storage.NewID(), Nonce: e.newNonce(), Groups: n.Groups, Role: n.Role, Uses: max(n.Uses, 1), Created: now, Expires: now + n.Life.Microseconds()}
	if i.Role == "" {
		i.Role = "none"
	}
	if n.Address != "" {
		var err error
		if i.Address, err = NormalizeAddress(n.Address); err != nil {
			return Invited{}, err
		}
		i.Mailed = n.Mail
	}
	switch {
	case i.Address == "" && i.Role != "none":
		return Invited{}, ErrInvitedRole
	case i.Address != "" && i.Uses > 1:
		return Invited{}, ErrInvitedUses
	}
	made := Invited{Invitation: i}
	if !i.Mailed {
		made.Link = e.invitationLink(i)
	}
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		for _, group := range i.Groups {
			if err := isGroup(tx, group); err != nil {
				return err
			}
		}
		if err := tx.InsertInvitation(i); err != nil {
			return err
		}
		if i.Mailed {
			if err := postInvitation(tx, i, n.Lang, now); err != nil {
				return err
			}
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventInvited, Actor: by, Detail: i.ID.String()})
	})
	e.outbox.wakeUp()
	return made, err
}

// Uninvite ends an invitation; who has accepted it stays. ErrNoInvitation.
func (e *Engine) Uninvite(ctx context.Context, by string, id storage.ID) error {
	return e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.DeleteInvitation(id); errors.Is(err, storage.ErrNotFound) {
			return ErrNoInvitation
		} else if err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventInviteRevoked, Actor: by, Detail: id.String()})
	})
}

// postInvitation puts the mail into the outbox. It keeps the name of the row; the link is derived when the mail is written.
func postInvitation(tx storage.Tx, i storage.Invitation, lang string, now int64) error {
	payload, err := json.Marshal(letter{Invitation: i.ID.String(), Lang: lang})
	if err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	return tx.InsertDelivery(storage.Delivery{ID: storage.NewID(), Kind: kindMail, Payload: string(payload), Due: now, Expires: i.Expires})
}

// writeInvitation makes the mail. It is not worth sending for an invitation that was taken back, used, or has expired.
func (e *Engine) writeInvitation(tx storage.Tx, l letter, now int64) (m email.Message, worth bool, err error) {
	id, err := storage.ParseID(l.Invitation)
	if err != nil {
		return m, false, fmt.Errorf("read letter: %w", err)
	}
	i, err := e.liveInvitation(tx, id, now)
	if errors.Is(err, ErrNoInvitation) || errors.Is(err, ErrInviteUsed) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	m, err = email.Invitation(e.cfg.Words.Match(l.Lang, e.cfg.Language),
		email.InvitationMail{Address: i.Address, Link: e.invitationLink(i), Host: e.host, Until: time.UnixMicro(i.Expires)})
	return m, true, err
}

// invitationLink is what an invitation is accepted by: the row's id, which is no secret, and 128 bits that are.
func (e *Engine) invitationLink(i storage.Invitation) string {
	return e.cfg.PublicURL + "/invitation?t=" + e.invitationToken(i)
}

// invitationToken is "" if the row was made with a key that is no longer there.
func (e *Engine) invitationToken(i storage.Invitation) string {
	if len(i.Nonce) != 1+nonceSize {
		return ""
	}
	digest := e.keys.DigestUnder(i.Nonce[0], "invitation", i.ID[:], i.Nonce, []byte(i.Address))
	if digest == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte(nil), i.ID[:]...), digest[:linkSize]...))
}

// liveInvitation is one that can be accepted; ErrNoInvitation, ErrInviteUsed.
func (e *Engine) liveInvitation(tx storage.Tx, id storage.ID, now int64) (storage.Invitation, error) {
	i, err := tx.Invitation(id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return i, ErrNoInvitation
	case err != nil:
		return i, fmt.Errorf("read invitation: %w", err)
	case i.Used >= i.Uses:
		return i, ErrInviteUsed
	case i.Expires <= now:
		return i, ErrNoInvitation
	}
	return i, nil
}

// Invitation looks at an invitation by the token of its link, without using it; ErrNoInvitation, ErrInviteUsed.
func (e *Engine) Invitation(ctx context.Context, token string) (storage.Invitation, error) {
	return e.invitation(e.store.View(ctx), token, e.now())
}

func (e *Engine) invitation(tx storage.Tx, token string, now int64) (storage.Invitation, error) {
	id, ok := linkID(token)
	if !ok {
		return storage.Invitation{}, ErrNoInvitation
	}
	i, err := tx.Invitation(id)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Invitation{}, ErrNoInvitation
	}
	if err != nil {
		return storage.Invitation{}, fmt.Errorf("read invitation: %w", err)
	}
	if want := e.invitationToken(i); want == "" || !secret.Equal([]byte(want), []byte(token)) {
		return storage.Invitation{}, ErrNoInvitation // says nothing about the row
	}
	return e.liveInvitation(tx, id, now)
}

// Accept begins the sign-in of somebody who accepts an invitation, in the visitor's browser (whose cookie must be set: NewBrowser). Whoever has
// a link that was mailed to an address nobody has yet holds that address: the sign-in goes on as if they had typed a code. Everybody else
// proves their address first (StepSignIn). A link that is opened by somebody who has an account already signs nobody in.
// ErrNoInvitation, ErrInviteUsed, *TooMany.
func (e *Engine) Accept(ctx context.Context, v Visitor, token, cookie string) (SignIn, error) {
	i, err := e.Invitation(ctx, token)
	if err != nil {
		return SignIn{}, err
	}
	f, err := e.Begin(ctx, v, Start{ReturnTo: "/sign-in", Demands: Demands{LoginHint: i.Address, Screen: "register"}, invitation: i.ID})
	if err != nil {
		return SignIn{}, err
	}
	in := SignIn{Step: StepSignIn, Flow: f}
	if !i.Mailed {
		return in, nil
	}
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		in = SignIn{Step: StepSignIn, Flow: f}
		if _, err := e.invitation(tx, token, now); err != nil {
			return err
		}
		if _, err := tx.UserByEmail(i.Address); err == nil {
			return nil
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{Address: i.Address, Method: MethodLetter, AMR: "otp", Cookie: cookie})
		return err
	})
	return in, err
}

// useInvitation takes one use of the invitation that has let somebody make their account, and gives them what comes with it. Of two that
// race for the last use one is ErrConflict: they look again, and find it used.
func useInvitation(tx storage.Tx, v Visitor, i *storage.Invitation, u *storage.User, now int64) error {
	if i == nil {
		return nil
	}
	if err := tx.SpendInvitation(i.ID, now); errors.Is(err, storage.ErrSpent) {
		return storage.ErrConflict
	} else if err != nil {
		return fmt.Errorf("use invitation: %w", err)
	}
	return grantInvited(tx, v, *i, u, now)
}

// grantInvited gives a person what an invitation promises. A group that was deleted meanwhile is left out.
func grantInvited(tx storage.Tx, v Visitor, i storage.Invitation, u *storage.User, now int64) error {
	var groups []string
	for _, group := range i.Groups {
		if err := isGroup(tx, group); errors.Is(err, ErrNoGroup) {
			continue
		} else if err != nil {
			return err
		}
		groups = append(groups, group)
	}
	if err := join(tx, "system", u.ID, groups, now); err != nil {
		return err
	}
	if i.Role != "none" && u.Role == "none" {
		if err := giveRole(tx, "system", u, i.Role, now); err != nil {
			return err
		}
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventInviteAccepted, Actor: actor(u.ID), UserID: u.ID, IP: ip(v), Device: Device(v.Agent), Detail: i.ID.String()})
}

// joinInvited gives somebody who had an account already, and has signed in with an invitation, what comes with it. One that is for another
// address, or was used meanwhile, changes nothing.
func (e *Engine) joinInvited(tx storage.Tx, v Visitor, f storage.Flow, live *Live, now int64) error {
	if f.Invitation.IsZero() {
		return nil
	}
	i, err := e.liveInvitation(tx, f.Invitation, now)
	if errors.Is(err, ErrNoInvitation) || errors.Is(err, ErrInviteUsed) {
		return nil
	}
	if err != nil {
		return err
	}
	if i.Address != "" {
		owner, err := tx.UserByEmail(i.Address)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if owner.ID != live.User.ID {
			return nil
		}
	}
	if err := tx.SpendInvitation(i.ID, now); errors.Is(err, storage.ErrSpent) {
		return nil
	} else if err != nil {
		return fmt.Errorf("use invitation: %w", err)
	}
	if err := grantInvited(tx, v, i, &live.User, now); err != nil {
		return err
	}
	live.Groups, err = tx.UserGroups(live.User.ID)
	return err
}
