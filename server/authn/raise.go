package authn

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatelatch/storage"
)

// freshSignIn is how old a sign-in may be for ways in to be changed.
const freshSignIn = 5 * time.Minute

// Raise carries what the person who is signed in has proven into a flow that asks for more (step-up, RFC 9470), so that only the
// rest has to be proven. It returns what that leads to: the next step of the flow, or a session if the flow can do without.
// ErrSignIn if the flow asks for anything else than more proof, or for a second factor to be set up, which needs a sign-in of the
// last minutes; ErrFlowGone, ErrFlowDone.
func (e *Engine) Raise(ctx context.Context, v Visitor, id, cookie string) (SignIn, error) {
	live, err := e.Session(ctx, cookie)
	if err != nil {
		return SignIn{}, err
	}
	if live == nil {
		return SignIn{}, ErrSignIn
	}
	var in SignIn
	now := e.now()
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, id, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		if err := tx.HoldUser(live.User.ID); err != nil {
			return err
		}
		if _, _, err := tx.LiveSession(live.Session.Digest, now); errors.Is(err, storage.ErrNotFound) {
			return ErrSignIn // it has ended meanwhile
		} else if err != nil {
			return err
		}
		s, err := e.standing(tx, v, &f, now)
		if err != nil {
			return err
		}
		if Next(&f, s.Demands, live, s.Client, now) != StepRaise {
			return ErrSignIn
		}
		in, err = e.proceed(tx, now, v, &f, live.User, s, progress{Proven: provenIn(live.Session), Remember: live.Session.Remembered}, cookie)
		if err == nil && in.Step == StepEnrol && now-live.Session.AuthTime > freshSignIn.Microseconds() {
			return ErrSignIn // a session that somebody has left open sets up no way in
		}
		return err
	})
	return in, err
}

// provenIn reads from a session's row what was proven when it was made.
func provenIn(s storage.Session) []Proven {
	var proven []Proven
	for name := range strings.FieldsSeq(s.Methods) {
		if name != methodDevice && name != methodRecovered {
			method, via, _ := strings.Cut(name, ":")
			proven = append(proven, Proven{Method: Method(method), Via: via, At: s.AuthTime})
		}
	}
	if len(proven) > 0 {
		proven[0].AMR = strings.TrimSuffix(s.AMR, " mfa")
		proven[0].Both = len(proven) == 1 && strengths[s.ACR] > 1
	}
	return proven
}

// Standing tells how far a flow of this browser has come; ErrFlowGone, ErrFlowDone, ErrSignIn if nobody has proven anything in it yet.
func (e *Engine) Standing(ctx context.Context, v Visitor, id string) (storage.User, Standing, error) {
	tx := e.store.View(ctx)
	f, err := e.flow(tx, id, v.Browser, e.now())
	switch {
	case err != nil:
		return storage.User{}, Standing{}, err
	case f.Finished > 0:
		return storage.User{}, Standing{}, ErrFlowDone
	case f.UserID.IsZero():
		return storage.User{}, Standing{}, ErrSignIn
	}
	u, err := tx.User(f.UserID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
		return storage.User{}, Standing{}, ErrSignIn
	}
	if err != nil {
		return storage.User{}, Standing{}, err
	}
	s, err := e.standing(tx, v, &f, e.now())
	return u, s, err
}
