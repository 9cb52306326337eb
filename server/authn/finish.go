package authn

import (
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// ACR is how strong one proven factor is.
const ACR = "urn:gatelatch:1"

// Proof is what a method has established about the person at the other end.
type Proof struct {
	Address  string     // they hold this normalised address, or
	UserID   storage.ID // they are this person
	OTP      storage.ID // spent by this sign-in
	Typed    bool       // a code was typed, so a guess was counted
	AMR      string     // RFC 8176
	SignUp   bool       // a stranger may make an account
	Remember bool       // "This is my device"
	Cookie   string     // value of the session cookie the browser has now
}

// SignIn is what a sign-in ended in.
type SignIn struct {
	Flow   storage.Flow // finished; zero for a sign-in without one
	Live   Live
	Cookie string        // the new value of the session cookie
	Life   time.Duration // of the cookie; 0: until the browser is closed
	New    bool          // the person signed up
}

// refusal is a right answer of somebody who may not sign in. From outside it is a wrong answer.
type refusal struct {
	why  string
	user storage.ID
}

func (r *refusal) Error() string { return "refused: " + r.why }

// Finish makes a session; nothing else does. In the caller's transaction it checks that the person may sign in, makes the
// person of a new address (which counts from now on), uses up the code and the flow, ends the session this browser had, gives
// back the budgets and writes the events. Its checks come first: an error that is not storage's has written nothing.
// f is nil for a sign-in without a flow. *CodeGone and ErrFlowDone for the loser of a race.
func (e *Engine) Finish(tx storage.Tx, now int64, v Visitor, f *storage.Flow, p Proof) (SignIn, error) {
	u, fresh, err := e.personOf(tx, p, now)
	if err != nil {
		return SignIn{}, err
	}
	cookie := secret.Token(32)
	s := storage.Session{
		ID: storage.NewID(), Digest: secret.Hash(cookie), UserID: u.ID, AuthTime: now, AMR: p.AMR, ACR: ACR, Remembered: p.Remember,
		IP: ip(v), Agent: v.Agent, Seen: now, Expires: e.sessionEnd(p.Remember, now, now),
	}
	in := SignIn{Live: Live{Session: s, User: u}, Cookie: cookie, New: fresh}
	if p.Remember {
		in.Life = e.cfg.Lifetimes.SessionAbsolute
	}
	client := ""
	if !p.OTP.IsZero() {
		if err := tx.SpendOTP(p.OTP, now); errors.Is(err, storage.ErrSpent) {
			return SignIn{}, &CodeGone{Why: GoneSpent}
		} else if err != nil {
			return SignIn{}, fmt.Errorf("spend code: %w", err)
		}
	}
	if f != nil {
		if err := tx.FinishFlow(f.ID, s.ID, now); err != nil {
			return SignIn{}, doneIfSpent(err)
		}
		in.Flow, client = *f, f.ClientID
		in.Flow.Finished, in.Flow.SessionID = now, s.ID
	}
	if fresh {
		if err := insertPerson(tx, &in.Live.User, p.Address, storage.Event{Kind: storage.EventSignedUp, Actor: actor(u.ID), ClientID: client, IP: ip(v)}); err != nil {
			return SignIn{}, err
		}
	}
	if err := e.replaceSession(tx, v, p.Cookie, s, now); err != nil {
		return SignIn{}, fmt.Errorf("end the session before: %w", err)
	}
	if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSignedIn, Actor: actor(u.ID), UserID: u.ID, ClientID: client, IP: ip(v), Detail: p.AMR}); err != nil {
		return SignIn{}, err
	}
	if p.Address == "" {
		return in, nil
	}
	return in, e.refund(tx, v, p.Address, p.Typed)
}

// personOf finds who has given the proof, or makes up (without writing) the person of a new address. A *refusal for
// somebody who may not sign in.
func (e *Engine) personOf(tx storage.Tx, p Proof, now int64) (u storage.User, fresh bool, err error) {
	if p.UserID.IsZero() {
		u, err = tx.UserByEmail(p.Address)
	} else {
		u, err = tx.User(p.UserID)
	}
	switch {
	case errors.Is(err, storage.ErrNotFound) && p.UserID.IsZero() && p.SignUp:
		return storage.User{ID: storage.NewID(), Status: "active", Role: "none", Created: now, Updated: now}, true, nil
	case errors.Is(err, storage.ErrNotFound):
		return storage.User{}, false, &refusal{why: "nobody has this address and sign-up is closed"}
	case err != nil:
		return storage.User{}, false, fmt.Errorf("look up person: %w", err)
	case !u.Active():
		return storage.User{}, false, &refusal{why: "the person is disabled", user: u.ID}
	}
	return u, false, nil
}

// replaceSession puts a new session in the place of the one this browser had: no id and no cookie from before a sign-in is
// worth anything after it (ASVS 7.2.4). The same person's apps go on under the new one; another person's end as at a sign-out.
func (e *Engine) replaceSession(tx storage.Tx, v Visitor, cookie string, s storage.Session, now int64) error {
	if err := tx.InsertSession(s); err != nil {
		return err
	}
	if cookie == "" {
		return nil
	}
	old, _, err := tx.LiveSession(secret.Hash(cookie), now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return err
	case old.UserID != s.UserID:
		return e.endSession(tx, v, old, now)
	}
	if err := tx.RevokeSession(old.ID, now); err != nil {
		return err
	}
	return tx.MoveSessionGrants(old.ID, s.ID)
}

func actor(user storage.ID) string { return "user:" + user.String() }
