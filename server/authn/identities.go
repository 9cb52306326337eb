package authn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatelatch/server/social"
	"gatelatch/storage"
)

// Vouched is an account elsewhere whose owner is at the other end, says its provider.
type Vouched struct {
	Connection string         `json:"connection"`
	Issuer     string         `json:"issuer"`
	Subject    string         `json:"subject"`
	Email      string         `json:"email,omitempty"` // as the provider says
	Label      string         `json:"label,omitempty"` // what its owner recognises it by
	Attributes map[string]any `json:"attributes,omitempty"`
}

// labelMost is how much of what a provider calls an account is kept.
const labelMost = 200

func vouchedBy(k storage.Connection, i social.Identity) Vouched {
	w := Vouched{Connection: k.ID, Issuer: i.Issuer, Subject: i.Subject, Label: cut(i.Label()), Email: cut(i.Email), Attributes: map[string]any{}}
	for name, value := range social.Attributes(k.Kind, i, k.Settings.Claims) {
		a, err := attribute(name)
		if text, is := value.(string); is && name == "preferred_username" {
			value = strings.ToLower(text)
		}
		if err != nil || a.Vouched {
			continue
		}
		if tidy, err := a.read(value); err == nil && tidy != nil {
			w.Attributes[name] = tidy
		}
	}
	return w
}

// cut keeps the beginning of a line of text.
func cut(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > labelMost {
		return string(runes[:labelMost])
	}
	return text
}

// document is what is kept of an account beside its issuer and subject.
func (w Vouched) document() json.RawMessage {
	w.Connection, w.Issuer, w.Subject = "", "", ""
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // text always encodes
	}
	return b
}

// introduce fills in what a provider has said of a person who is new here.
func introduce(u *storage.User, w *Vouched) error {
	if w == nil {
		return nil
	}
	_, err := setAttributes(u, w.Attributes)
	return err
}

// await notes in a flow that an account elsewhere waits for its owner to prove who they are here.
func (e *Engine) await(tx storage.Tx, v Visitor, f storage.Flow, w Vouched, now int64) (SignIn, error) {
	f.UserID = storage.ID{}
	s, err := e.standing(tx, v, &f, now)
	if err != nil {
		return SignIn{}, err
	}
	if !slices.ContainsFunc(s.Experience.Methods, func(m Method) bool { return m != MethodSocial && s.Experience.MayBegin(s.Client, m) }) {
		return SignIn{}, &refusal{why: "the account elsewhere is nobody's here, and there is no other way to sign in"}
	}
	return e.note(tx, f, storage.ID{}, progress{Waiting: &w}, StepSignIn)
}

// waitingIn is the account elsewhere that waits in a flow; nil if none does. Once somebody has proven something, it is theirs and waits no more.
func waitingIn(f *storage.Flow) (*Vouched, error) {
	if f == nil || !f.UserID.IsZero() {
		return nil, nil
	}
	g, err := progressOf(f)
	return g.Waiting, err
}

// Waiting is an account elsewhere that waits for its owner to prove who they are here.
type Waiting struct {
	Provider
	Label string // what its owner recognises it by; may be empty
	Email string // as the provider says; may be empty
}

// WaitingAccount tells which account elsewhere waits in a flow; nil if none does.
func (e *Engine) WaitingAccount(ctx context.Context, f storage.Flow) (*Waiting, error) {
	w, err := waitingIn(&f)
	if err != nil || w == nil {
		return nil, err
	}
	k, err := e.store.View(ctx).Connection(w.Connection)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read connection: %w", err)
	}
	return &Waiting{Provider: Provider{ID: k.ID, Kind: k.Kind, Name: k.Name}, Label: w.Label, Email: w.Email}, nil
}

// ForgetWaiting goes on with a flow without the account elsewhere that waits in it. ErrFlowGone, ErrFlowDone.
func (e *Engine) ForgetWaiting(ctx context.Context, v Visitor, flow string) error {
	now := e.now()
	return e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, flow, v.Browser, now)
		if err != nil {
			return err
		}
		if w, err := waitingIn(&f); err != nil || w == nil {
			return err
		}
		return doneIfSpent(tx.ProgressFlow(f.ID, storage.ID{}, ""))
	})
}

// adopt lets a person sign in with an account elsewhere from now on. ErrLinkedElsewhere.
func (e *Engine) adopt(tx storage.Tx, v Visitor, user storage.ID, fresh bool, w Vouched, now int64) error {
	known, err := tx.Identity(w.Connection, w.Issuer, w.Subject)
	switch {
	case err == nil && known.UserID == user:
		return nil
	case err == nil:
		return ErrLinkedElsewhere
	case !errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("look up the account elsewhere: %w", err)
	}
	row := storage.Identity{ID: storage.NewID(), Connection: w.Connection, Issuer: w.Issuer, Subject: w.Subject, UserID: user, Claims: w.document(), Created: now, Used: now}
	if err := tx.InsertIdentity(row); err != nil {
		return err
	}
	if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventIdentityLinked, Actor: actor(user), UserID: user, IP: ip(v), Device: Device(v.Agent), Detail: w.Connection}); err != nil || fresh {
		return err // nobody has to be told of the account they have signed up with
	}
	name, err := providerName(tx, w.Connection)
	if err != nil {
		return err
	}
	return e.notice(tx, v, user, change{kind: NoticeLinked, by: actor(user), subject: row.ID.String() + " " + name}, now)
}

// providerName is what people call the provider of a connection, that may be gone.
func providerName(tx storage.Tx, connection string) (string, error) {
	k, err := tx.Connection(connection)
	if errors.Is(err, storage.ErrNotFound) {
		return connection, nil
	}
	return k.Name, err
}

// linkHere links an account to whoever asked for it: the session that did must still live in this browser. ErrSignIn, ErrLinkedElsewhere.
func (e *Engine) linkHere(ctx context.Context, v Visitor, k storage.Connection, q question, b Brought, i social.Identity) error {
	live, err := e.Session(ctx, b.Cookie)
	if err != nil {
		return err
	}
	if live == nil || live.Session.ID.String() != q.Session {
		return ErrSignIn
	}
	now := e.now()
	return e.writeUnique(ctx, func(tx storage.Tx) error { return e.adopt(tx, v, live.User.ID, false, vouchedBy(k, i), now) })
}

// Linked is an account elsewhere that a person can sign in with.
type Linked struct {
	ID         storage.ID
	Connection string
	Kind       string // "" for a connection that is gone
	Name       string // of the provider
	Label      string // what its owner recognises it by
	Usable     bool   // the connection is there and switched on
	Created    int64
	Used       int64
}

// LinkedAccounts lists the accounts elsewhere that a person has linked.
func (e *Engine) LinkedAccounts(ctx context.Context, user storage.ID) ([]Linked, error) {
	var list []Linked
	err := e.store.Read(ctx, func(tx storage.Tx) error {
		list = nil
		rows, err := tx.UserIdentities(user)
		if err != nil {
			return err
		}
		all, err := tx.Connections()
		if err != nil {
			return err
		}
		for _, row := range rows {
			l := Linked{ID: row.ID, Connection: row.Connection, Name: row.Connection, Created: row.Created, Used: row.Used}
			var w Vouched
			if json.Unmarshal(row.Claims, &w) == nil { // written by document
				l.Label = cmp.Or(w.Label, w.Email)
			}
			if i := slices.IndexFunc(all, func(k storage.Connection) bool { return k.ID == row.Connection }); i >= 0 {
				l.Kind, l.Name, l.Usable = all[i].Kind, all[i].Name, !all[i].Disabled
			}
			list = append(list, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read linked accounts: %w", err)
	}
	return list, nil
}

// Unlink takes an account elsewhere from a person, unless it is their last way in. by is who does it. ErrNotEnrolled, ErrLastWayIn, ErrNoUser.
func (e *Engine) Unlink(ctx context.Context, by string, user, identity storage.ID) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		rows, err := tx.UserIdentities(u.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(row storage.Identity) bool { return row.ID == identity })
		if i < 0 {
			return ErrNotEnrolled
		}
		if err := tx.DeleteIdentity(u.ID, identity); err != nil {
			return err
		}
		left, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if err := e.keepsWayIn(tx, left); err != nil {
			return err
		}
		if err := tx.ForgetProgress(u.ID); err != nil {
			return err
		}
		v := e.from(ctx)
		if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventIdentityUnlinked, Actor: by, UserID: u.ID, IP: ip(v), Device: Device(v.Agent), Detail: rows[i].Connection}); err != nil {
			return err
		}
		name, err := providerName(tx, rows[i].Connection)
		if err != nil {
			return err
		}
		return e.notice(tx, v, u.ID, change{kind: NoticeUnlinked, by: by, subject: rows[i].ID.String() + " " + name}, now)
	})
}

// takeBackLinked takes away an account elsewhere that was not linked by its person.
func (e *Engine) takeBackLinked(tx storage.Tx, v Visitor, c storage.Notice) error {
	text, _, _ := strings.Cut(c.Subject, " ")
	id, err := storage.ParseID(text)
	if err != nil {
		return fmt.Errorf("subject of notice %s: %w", c.ID, err)
	}
	left, err := e.factors(tx, c.UserID)
	if err != nil {
		return err
	}
	left.Accounts--
	if err := e.keepsWayIn(tx, left); errors.Is(err, ErrLastWayIn) {
		return nil
	} else if err != nil {
		return err
	}
	if err := tx.DeleteIdentity(c.UserID, id); errors.Is(err, storage.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.InsertEvent(ownEvent(v, c.UserID, storage.EventIdentityUnlinked, ""))
}
