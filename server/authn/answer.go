package authn

import (
	"context"
	"errors"
	"fmt"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Answer is what a person brings back from their mailbox.
type Answer struct {
	Flow     string
	Code     string // typed, or
	Token    string // from the link
	Remember bool   // "This is my device"
	Trust    bool   // "This device needs no second factor", beside one
	Cookie   string // value of the session cookie the browser has now: that session ends
}

// CheckCode signs the person in whose code it is; one for a new password leads to that question (StepNewPassword). The guess is counted before it is compared, against the code, the address
// and the network, in one write: however many arrive at once, no more than the budgets allow are ever looked at.
// ErrNotAnswer (not six digits: not counted), *WrongAnswer, *CodeGone, *TooMany, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckCode(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	guess, ok := readCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	var (
		in      SignIn
		outcome error // of a guess that was counted: the write stands
		refused *refusal
		now     = e.now()
	)
	err := e.writeUnique(ctx, func(tx storage.Tx) error {
		in, outcome, refused = SignIn{}, nil, nil
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		o, err := e.countGuess(tx, v, f.OTPID, f.Login, now)
		if err != nil {
			return err
		}
		right := secret.Equal([]byte(e.codeOf(o)), []byte(guess))
		if !right || closed(o.Purpose) {
			outcome, err = e.wrong(tx, v, o, f.Login, now)
			return err
		}
		if o.Purpose == purposeReset {
			in, err = e.resetProven(tx, v, f, o, true, now)
		} else {
			in, err = e.Finish(tx, now, v, &f, Proof{Address: o.Address, OTP: o.ID, Typed: true, Method: MethodCode, AMR: "otp", Remember: a.Remember, Cookie: a.Cookie})
		}
		if errors.As(err, &refused) {
			outcome, err = e.wrong(tx, v, o, f.Login, now)
		}
		return err
	})
	if err == nil {
		err = outcome
	}
	if err != nil {
		e.logRefusal(ctx, refused)
		return SignIn{}, err
	}
	e.outbox.wakeUp()
	return in, nil
}

// logRefusal tells the owner of the server what the visitor is not told.
func (e *Engine) logRefusal(ctx context.Context, r *refusal) {
	if r != nil {
		e.log.InfoContext(ctx, "sign-in refused", "why", r.why, "user", r.user.String())
	}
}

// countGuess takes a guess from a code and from every budget, before anything is compared, and returns the code
// with the guess counted. login is the address or username that was typed, "" for the address that the code went to: as with passwords,
// a budget counts what was typed. *CodeGone, *TooMany: then nothing may be compared.
func (e *Engine) countGuess(tx storage.Tx, v Visitor, id storage.ID, login string, now int64) (storage.OTP, error) {
	if id.IsZero() {
		return storage.OTP{}, &CodeGone{Why: GoneNever}
	}
	counted := tx.GuessOTP(id, now, int64(e.cfg.Budgets.GuessesPerCode))
	if counted != nil && !errors.Is(counted, storage.ErrSpent) {
		return storage.OTP{}, fmt.Errorf("count guess: %w", counted)
	}
	o, err := tx.OTP(id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.OTP{}, &CodeGone{Why: GoneExpired}
	case err != nil:
		return storage.OTP{}, fmt.Errorf("read code: %w", err)
	case counted != nil:
		return storage.OTP{}, &CodeGone{Why: max(GoneExpired, e.gone(o, now))}
	}
	return o, e.spendGuess(tx, v, firstOf(login, o.Address), now)
}

// wrong is the answer to a guess that was counted and was not right. The last one an address had is worth an event.
func (e *Engine) wrong(tx storage.Tx, v Visitor, o storage.OTP, login string, now int64) (outcome, err error) {
	if err := e.noteSlowed(tx, v, firstOf(login, o.Address), now); err != nil {
		return nil, err
	}
	return &WrongAnswer{Left: max(0, e.cfg.Budgets.GuessesPerCode-int(o.Tries))}, nil
}

// raceLosses is how often a writer may lose to others over a unique value before the conflict is somebody's to see.
const raceLosses = 5

// writeUnique is a Write of something unique (an address, a username): whoever loses the race for it looks again, and finds
// the winner or another value.
func (e *Engine) writeUnique(ctx context.Context, fn func(storage.Tx) error) error {
	err := e.store.Write(ctx, fn)
	for lost := 1; errors.Is(err, storage.ErrConflict) && lost <= raceLosses; lost++ {
		err = e.store.Write(ctx, fn)
	}
	return err
}
