package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatelatch/storage"
)

// Owed is what a person has still to say before their sign-in is done: attributes that are required here and not known of them (and of
// new people those that are optional), and documents that they have not accepted.
type Owed struct {
	Username  bool // new people, where people sign in by one: they have one that was made for them, and may choose another
	Fields    []Field
	Documents []Document
}

func (o Owed) any() bool { return o.Username || len(o.Fields) > 0 || len(o.Documents) > 0 }

// owed looks up what a person has still to say. asked says that they have answered the page in this sign-in: what is optional is asked
// for once, of new people.
func (e *Engine) owed(tx storage.Tx, x Experience, user storage.ID, fresh, asked bool) (Owed, error) {
	o := Owed{Username: fresh && !asked && x.TakesUsernames()}
	if slices.ContainsFunc(x.Attributes, func(f Field) bool { return f.Asked != "" }) {
		u, err := tx.User(user)
		if err != nil {
			return o, fmt.Errorf("read person: %w", err)
		}
		o.Fields = x.lacking(u, fresh && !asked)
	}
	documents := x.documents()
	if len(documents) == 0 {
		return o, nil
	}
	accepted, err := tx.Acceptances(user)
	if err != nil {
		return o, fmt.Errorf("read what was accepted: %w", err)
	}
	for _, d := range documents {
		if !slices.ContainsFunc(accepted, func(a storage.Acceptance) bool { return a.Document == d.Name && a.Version == d.Version }) {
			o.Documents = append(o.Documents, d)
		}
	}
	return o, nil
}

// lacking are the fields that a person is asked for and that are not known of them.
func (x Experience) lacking(u storage.User, optional bool) []Field {
	var fields []Field
	known := AttributesOf(u)
	for _, f := range x.Attributes {
		if (f.Asked == AskedRequired || optional && f.Asked == AskedOptional) && ValueOf(known, f.Name) == nil {
			fields = append(fields, f)
		}
	}
	return fields
}

// Details are what a person says on the page between the proofs and the session.
type Details struct {
	Flow     string
	Username string            // if it is owed
	Values   map[string]string // by the names of the fields that are owed
	Accepted bool              // the documents
	Cookie   string            // value of the session cookie the browser has now
}

// BadDetails is why details cannot be kept.
type BadDetails struct {
	Fields     map[string]bool // that were left out (true), or are not what they should be (false)
	Username   error           // *BadAttribute, ErrUsernameTaken or *TooMany
	Unaccepted bool
}

// Error implements error.
func (b *BadDetails) Error() string { return "the details are not complete" }

// GiveDetails keeps what a person was asked for, and goes on with their sign-in. What was not asked for is not looked at.
// *BadDetails, ErrFlowGone, ErrFlowDone, ErrSignIn (this flow does not ask for details).
func (e *Engine) GiveDetails(ctx context.Context, v Visitor, d Details) (SignIn, error) {
	var (
		in      SignIn
		refused *BadDetails // a try at a username was counted: the write stands
		now     = e.now()
	)
	err := e.writeUnique(ctx, func(tx storage.Tx) error {
		in, refused = SignIn{}, nil
		f, err := e.flow(tx, d.Flow, v.Browser, now)
		if err == nil {
			err = hold(tx, &f, now)
		}
		switch {
		case err != nil:
			return err
		case f.Finished > 0:
			return ErrFlowDone
		case f.UserID.IsZero():
			return ErrSignIn
		}
		u, err := tx.User(f.UserID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
			return ErrSignIn
		}
		if err != nil {
			return fmt.Errorf("read person: %w", err)
		}
		s, err := e.standing(tx, v, &f, now)
		if err != nil {
			return err
		}
		if After(s) != StepDetails {
			return ErrSignIn
		}
		if err := e.keepDetails(tx, v, &u, s, d, now); errors.As(err, &refused) {
			return nil
		} else if err != nil {
			return err
		}
		g, err := progressOf(&f)
		if err != nil {
			return err
		}
		g.Asked = true
		in, err = e.proceed(tx, now, v, &f, u, s, g, d.Cookie)
		return err
	})
	if err == nil && refused != nil {
		err = refused
	}
	return in, err
}

// keepDetails writes what a person owes. A *BadDetails has written no more than that a username was tried.
func (e *Engine) keepDetails(tx storage.Tx, v Visitor, u *storage.User, s Standing, d Details, now int64) error {
	values, bad := map[string]any{}, &BadDetails{Fields: map[string]bool{}, Unaccepted: len(s.Owed.Documents) > 0 && !d.Accepted}
	for _, f := range s.Owed.Fields {
		a, err := s.Experience.attribute(f.Name)
		if err != nil {
			return err
		}
		switch value, err := a.read(d.Values[f.Name]); {
		case err != nil:
			bad.Fields[f.Name] = false
		case value != nil:
			values[f.Name] = value
		case f.Asked == AskedRequired:
			bad.Fields[f.Name] = true
		}
	}
	if len(bad.Fields) > 0 || bad.Unaccepted {
		return bad
	}
	renamed := false
	if s.Owed.Username {
		var err error
		if renamed, err = e.takeUsername(tx, v, u, d.Username, now); err != nil {
			if bad.Username = err; !badUsername(err) {
				return err
			}
			return bad
		}
	}
	changed, err := setAttributes(u, values)
	if err != nil {
		return err
	}
	if renamed {
		changed = append(changed, "preferred_username")
	}
	if len(changed) > 0 {
		u.Updated = now
		if err := tx.UpdateUser(*u); err != nil {
			return err
		}
		if err := tx.InsertEvent(ownEvent(v, u.ID, storage.EventUserChanged, strings.Join(changed, " "))); err != nil {
			return err
		}
	}
	return accept(tx, u.ID, s.Owed.Documents, ip(v), Device(v.Agent), now)
}

// accept keeps that a person has accepted documents, and where.
func accept(tx storage.Tx, user storage.ID, documents []Document, from, device string, now int64) error {
	for _, doc := range documents {
		if err := tx.InsertAcceptance(storage.Acceptance{UserID: user, Document: doc.Name, Version: doc.Version, URL: doc.URL, IP: from, Device: device, Accepted: now}); err != nil {
			return fmt.Errorf("keep what was accepted: %w", err)
		}
		ev := storage.Event{ID: storage.NewID(), Kind: storage.EventAccepted, Actor: actor(user), UserID: user, IP: from, Device: device, Detail: doc.Name + " " + doc.Version}
		if err := tx.InsertEvent(ev); err != nil {
			return err
		}
	}
	return nil
}

// Accepted are the versions of documents that an application says its person has accepted on a page of its own, by Document.Name. A
// version that is not the one in force here counts for nothing.
type Accepted map[string]string

// of are those of the documents that were accepted.
func (a Accepted) of(documents []Document) []Document {
	var accepted []Document
	for _, d := range documents {
		if a[d.Name] == d.Version {
			accepted = append(accepted, d)
		}
	}
	return accepted
}

// Covers reports whether everything that a person owes an answer to was accepted.
func (a Accepted) Covers(o Owed) bool { return len(a.of(o.Documents)) == len(o.Documents) }

// badUsername reports whether a person has to choose another username, or to come back later for one.
func badUsername(err error) bool {
	var (
		bad  *BadAttribute
		many *TooMany
	)
	return errors.As(err, &bad) || errors.As(err, &many) || errors.Is(err, ErrUsernameTaken)
}
