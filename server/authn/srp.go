package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/server/srp"
	"gatelatch/storage"
)

// verifierPlace binds a sealed verifier to its person (the additional data of its sealing).
func verifierPlace(user storage.ID) []string {
	return []string{"srp_verifiers", user.String(), "sealed"}
}

// verifierOf makes the sealed SRP verifier of a password, where an application wants it; nil where none does.
func (e *Engine) verifierOf(tx storage.Tx, user storage.ID, password string) ([]byte, error) {
	wanted, err := tx.VerifiersWanted()
	if err != nil || !wanted || e.cfg.Pool == "" {
		return nil, err
	}
	document, err := json.Marshal(srp.NewVerifier(e.cfg.Pool, user.String(), password))
	if err != nil {
		return nil, err
	}
	return e.keys.Seal(document, verifierPlace(user)...), nil
}

// keepVerifier puts a sealed verifier in the place of the one before; nil takes that away: it is of another password.
func keepVerifier(tx storage.Tx, user storage.ID, sealed []byte, now int64) error {
	if sealed == nil {
		return tx.DeleteVerifier(user)
	}
	return tx.SaveVerifier(user, sealed, now)
}

// Challenge is what SRP asks a person with a password (server/srp).
type Challenge struct {
	User     string // what the person is called in it: their id
	Salt     []byte
	Public   string // B
	Exchange srp.Exchange
	Missing  bool // the person has a password without a verifier: no answer can be right
}

// BeginSRP begins a sign-in by SRP. Everybody gets a challenge: for nobody, one that no answer is right to. The guess is counted here,
// before anything is computed; CheckSRP takes one answer. srp.ErrPublicValue, *TooMany, ErrBusy, ErrNotHere, ErrFlowGone, ErrFlowDone.
func (e *Engine) BeginSRP(ctx context.Context, v Visitor, flow, identifier, public string) (Challenge, error) {
	now := e.now()
	if _, err := e.takesPassword(ctx, v, flow, now); err != nil {
		return Challenge{}, err
	}
	name := ReadIdentifier(identifier)
	var (
		c        Challenge
		verifier srp.Verifier
	)
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := e.spendGuess(tx, v, name, now); err != nil {
			return err
		}
		var err error
		c, verifier, err = e.challengeSRP(tx, name, now)
		return err
	})
	if err != nil || c.Missing {
		return c, err
	}
	done, err := e.hasher.turn(ctx)
	if err != nil {
		return Challenge{}, err
	}
	defer done()
	c.Salt = verifier.Salt
	if c.Exchange, c.Public, err = srp.Begin(verifier, public); err != nil {
		return Challenge{}, err
	}
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		return tx.InsertPending(storage.Pending{Digest: secret.Hash(string(c.Exchange.B)), Kind: kindSRP, Created: now, Expires: now + srpLife.Microseconds()})
	})
	return c, err
}

// challengeSRP finds the verifier of whoever is called so, or of somebody whose sign-up waits for its code. For nobody, and for a person
// without a password, it makes one up that no answer is right to, always the same, and takes the same statements. A password that has no
// verifier (it was set elsewhere, or before one was wanted) is said to be Missing: SRP would refuse its owner for ever.
func (e *Engine) challengeSRP(tx storage.Tx, name string, now int64) (Challenge, srp.Verifier, error) {
	verifier := srp.Verifier{Salt: srp.FakeSalt(e.keys.Digest("srp-salt", []byte(name))), Value: e.keys.Digest("srp-verifier", []byte(name))}
	id := fakeID(e.keys.Digest("srp-user", []byte(name)))
	u, err := e.named(tx, name)
	if err == nil {
		id = u.ID
	} else if !errors.Is(err, storage.ErrNotFound) {
		return Challenge{}, verifier, err
	}
	nobody := err != nil
	s, r, err := e.waiting(tx, name, now)
	switch {
	case err == nil && nobody:
		id = s.UserID
		if r.Verifier != nil {
			verifier = *r.Verifier
		}
	case err != nil && !errors.Is(err, ErrNotWaiting):
		return Challenge{}, verifier, err
	}
	_, err = tx.Password(id)
	missing := err == nil
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Challenge{}, verifier, err
	}
	real, err := e.verifier(tx, id)
	if err == nil {
		verifier, missing = real, false
	} else if !errors.Is(err, storage.ErrNotFound) {
		return Challenge{}, verifier, err
	}
	return Challenge{User: id.String(), Missing: missing}, verifier, nil
}

// verifier opens the verifier of a person; storage.ErrNotFound.
func (e *Engine) verifier(tx storage.Tx, user storage.ID) (srp.Verifier, error) {
	var v srp.Verifier
	sealed, err := tx.Verifier(user)
	if errors.Is(err, storage.ErrNotFound) {
		return v, err
	}
	if err == nil {
		sealed, err = e.keys.Open(sealed, verifierPlace(user)...)
	}
	if err == nil {
		err = json.Unmarshal(sealed, &v)
	}
	if err != nil {
		return v, fmt.Errorf("read verifier: %w", err)
	}
	return v, nil
}

// named finds whoever has that address or username. Both are looked for, whatever the first has found: nobody can tell which it was.
func (e *Engine) named(tx storage.Tx, name string) (storage.User, error) {
	u, err := tx.UserByEmail(name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return u, err
	}
	other, otherwise := tx.UserByUsername(name)
	if err != nil {
		return other, otherwise
	}
	return u, nil
}

// kindSRP names exchanges among pending things: each takes one answer.
const (
	kindSRP = "srp"
	srpLife = 15 * time.Minute
)

// fakeID is an id that looks like any other.
func fakeID(digest []byte) storage.ID {
	id := storage.ID(digest[:16])
	id[6], id[8] = 0x70|id[6]&0x0f, 0x80|id[8]&0x3f
	copy(id[:4], []byte{0x01, 0x9a, digest[16] & 0x7f, digest[17]})
	return id
}

// srpDrift is how far the clock of a client may be away from ours.
const srpDrift = 5 * time.Minute

// CheckSRP signs in whoever has answered the challenge of BeginSRP, once. p.User is the person of the challenge.
// *WrongAnswer, ErrUnconfirmed (right, but the sign-up waits for its code), ErrBusy, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckSRP(ctx context.Context, v Visitor, a Attempt, x srp.Exchange, p srp.Proof) (SignIn, error) {
	now, name := e.now(), ReadIdentifier(a.Identifier)
	err := e.store.Write(ctx, func(tx storage.Tx) error { return tx.SpendPending(kindSRP, secret.Hash(string(x.B)), now) })
	if errors.Is(err, storage.ErrSpent) {
		return SignIn{}, ErrFlowDone
	}
	if err != nil {
		return SignIn{}, err
	}
	done, err := e.hasher.turn(ctx)
	if err != nil {
		return SignIn{}, err
	}
	right := x.Right(p)
	done()
	at, late := srp.Time(p.Timestamp)
	drift := e.clock().Sub(at)
	id, unknown := storage.ParseID(p.User)
	if late != nil || drift.Abs() > srpDrift || !right || unknown != nil {
		return SignIn{}, &WrongAnswer{}
	}
	var (
		in          SignIn
		refused     *refusal
		unconfirmed bool
	)
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		in, unconfirmed = SignIn{}, false
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		g := passwordGuess{identifier: name, user: storage.User{ID: id}}
		if g.whose, g.known, err = e.guesser(tx, v, name, now); err != nil {
			return err
		}
		s, _, err := e.waiting(tx, name, now)
		if err != nil && !errors.Is(err, ErrNotWaiting) {
			return err
		}
		if unconfirmed = err == nil && s.UserID == id; unconfirmed {
			return e.returnGuess(tx, v, g)
		}
		if err := tx.HoldUser(id); errors.Is(err, storage.ErrNotFound) {
			return &WrongAnswer{}
		} else if err != nil {
			return err
		}
		// The password may have changed while the client made its answer.
		if kept, err := e.verifier(tx, id); errors.Is(err, storage.ErrNotFound) || err == nil && !x.Of(kept) {
			return &WrongAnswer{}
		} else if err != nil {
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{UserID: id, Method: MethodPassword, AMR: "pwd", Remember: a.Remember, Cookie: a.Cookie})
		if err != nil {
			return err
		}
		return e.rightPassword(tx, v, g, in.Step == StepDone)
	})
	if err == nil && unconfirmed {
		err = ErrUnconfirmed
	}
	if errors.As(err, &refused) {
		e.logRefusal(ctx, refused)
		err = &WrongAnswer{}
	}
	if err != nil {
		return SignIn{}, err
	}
	return in, nil
}
