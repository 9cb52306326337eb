package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// answer runs what becomes of an answer in one write. An outcome is the reason of an answer that was counted and not right: the write
// stands. Somebody who may not sign in gets the answer of a wrong guess.
func (e *Engine) answer(ctx context.Context, try func(tx storage.Tx, now int64) (in SignIn, outcome, err error)) (SignIn, error) {
	var (
		in      SignIn
		outcome error
		refused *refusal
		now     = e.now()
	)
	err := e.store.Write(ctx, func(tx storage.Tx) (err error) {
		refused = nil
		in, outcome, err = try(tx, now)
		if errors.As(err, &refused) {
			outcome, err = &WrongAnswer{}, nil
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

// asked finds a flow of this browser that asks whoever has begun to sign in for one of several methods, m among them; ErrSignIn if it
// does not: nobody has proven anything in it yet, or the method adds nothing to what was proven.
func (e *Engine) asked(tx storage.Tx, v Visitor, id string, m Method, now int64) (storage.Flow, error) {
	f, err := e.flow(tx, id, v.Browser, now)
	switch {
	case err != nil:
		return f, err
	case f.Finished > 0:
		return f, ErrFlowDone
	case f.UserID.IsZero():
		return f, ErrSignIn
	}
	s, err := e.standing(tx, v, &f, now)
	if err != nil {
		return f, err
	}
	if After(s) != StepSecondFactor || !slices.Contains(s.Offers(), m) {
		return f, ErrSignIn
	}
	return f, nil
}

// CheckTOTP goes on with a sign-in by a code of the person's authenticator. The guess is counted before it is compared. A time step
// works once, whoever brings it first. ErrNotAnswer (not six digits: not counted), *WrongAnswer, *CodeGone (that code was used), *TooMany,
// ErrFlowGone, ErrFlowDone, ErrSignIn (this flow does not ask for one).
func (e *Engine) CheckTOTP(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	typed, ok := readCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	return e.second(ctx, v, a, MethodTOTP, func(tx storage.Tx, user storage.ID, now int64) (outcome, err error) {
		return e.spendTOTP(tx, user, typed, now)
	})
}

// CheckRecovery goes on with a sign-in by a recovery code, which works once. Errors as of CheckTOTP.
func (e *Engine) CheckRecovery(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	typed, ok := readRecoveryCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	return e.second(ctx, v, a, MethodRecovery, func(tx storage.Tx, user storage.ID, now int64) (outcome, err error) {
		if outcome, err = e.spendRecovery(tx, user, typed, now); outcome != nil || err != nil {
			return outcome, err
		}
		return nil, e.notice(tx, v, user, change{kind: NoticeRecoveryUsed, by: actor(user)}, now)
	})
}

// second counts an answer to a second factor, has it checked, and goes on with the sign-in.
func (e *Engine) second(ctx context.Context, v Visitor, a Answer, m Method, check func(tx storage.Tx, user storage.ID, now int64) (outcome, err error)) (SignIn, error) {
	return e.answer(ctx, func(tx storage.Tx, now int64) (SignIn, error, error) {
		f, err := e.asked(tx, v, a.Flow, m, now)
		if err != nil {
			return SignIn{}, nil, err
		}
		left, err := e.spendSecond(tx, v, f.UserID, m, now)
		if err != nil {
			return SignIn{}, nil, err
		}
		outcome, err := check(tx, f.UserID, now)
		if err != nil {
			return SignIn{}, nil, err
		}
		if outcome != nil {
			if left == 0 {
				err = tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventFactorSlowed, UserID: f.UserID, IP: ip(v), Detail: string(m)})
			}
			if outcome == ErrWrongAnswer {
				outcome = &WrongAnswer{Left: int(left)}
			}
			return SignIn{}, outcome, err
		}
		in, err := e.Finish(tx, now, v, &f, Proof{UserID: f.UserID, Method: m, AMR: "otp", Remember: a.Remember, Trust: a.Trust, Cookie: a.Cookie})
		if err != nil {
			return SignIn{}, nil, err
		}
		return in, nil, e.refundSecond(tx, v, f.UserID, m, now)
	})
}

// SendSecondCode mails a code to the person who has proven something else in this flow: to their own primary address, whatever
// was typed. It is another code than one the sign-in began with. ErrFlowGone, ErrFlowDone, ErrSignIn, *TooMany.
func (e *Engine) SendSecondCode(ctx context.Context, v Visitor, flow string) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.asked(tx, v, flow, MethodCode, now)
		if err != nil {
			return err
		}
		m, err := tx.PrimaryEmail(f.UserID)
		if err != nil {
			return fmt.Errorf("read address: %w", err)
		}
		if _, err := e.spendMail(tx, v, m.Address, now); err != nil {
			return err
		}
		o, err := e.challenge(tx, f, f.Login, m.Address, purposeSecond, now)
		if err != nil {
			return err
		}
		return e.post(tx, v, f.ClientID, o, false, now)
	})
	if err != nil {
		return e.mailsStopped(err)
	}
	e.outbox.wakeUp()
	return nil
}

// CheckSecondCode goes on with a sign-in by the code that SendSecondCode has sent. Errors as of CheckCode, and ErrSignIn.
func (e *Engine) CheckSecondCode(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	typed, ok := readCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	return e.answer(ctx, func(tx storage.Tx, now int64) (SignIn, error, error) {
		f, err := e.asked(tx, v, a.Flow, MethodCode, now)
		if err != nil {
			return SignIn{}, nil, err
		}
		mine, err := e.secondCodeOf(tx, f)
		if err != nil {
			return SignIn{}, nil, err
		}
		o, err := e.countGuess(tx, v, mine, "", now)
		if err != nil {
			return SignIn{}, nil, err
		}
		if !secret.Equal([]byte(e.codeOf(o)), []byte(typed)) {
			outcome, err := e.wrong(tx, v, o, "", now)
			return SignIn{}, outcome, err
		}
		in, err := e.Finish(tx, now, v, &f, Proof{UserID: f.UserID, Address: o.Address, OTP: o.ID, Typed: true, Method: MethodCode, AMR: "otp", Remember: a.Remember, Trust: a.Trust, Cookie: a.Cookie})
		return in, nil, err
	})
}

// secondCodeOf is the code that was sent to the person of a flow; zero if none was. What was sent to somebody who has begun in the
// same flow before them is not theirs.
func (e *Engine) secondCodeOf(tx storage.Tx, f storage.Flow) (storage.ID, error) {
	if f.SecondOTP.IsZero() {
		return storage.ID{}, nil
	}
	o, err := tx.OTP(f.SecondOTP)
	if errors.Is(err, storage.ErrNotFound) {
		return f.SecondOTP, nil
	}
	if err != nil {
		return storage.ID{}, fmt.Errorf("read code: %w", err)
	}
	m, err := tx.PrimaryEmail(f.UserID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return storage.ID{}, fmt.Errorf("read address: %w", err)
	}
	if err != nil || m.Address != o.Address || o.Purpose != purposeSecond {
		return storage.ID{}, nil
	}
	return o.ID, nil
}

// SecondCode tells how the code stands that was mailed as a second factor, and where mail would go: in full if the visitor has typed
// that address, else so that its owner knows which one is meant. Gone is GoneNever while none was sent.
func (e *Engine) SecondCode(ctx context.Context, f storage.Flow) (Code, error) {
	tx := e.store.View(ctx)
	m, err := tx.PrimaryEmail(f.UserID)
	if err != nil {
		return Code{}, fmt.Errorf("read address: %w", err)
	}
	id, err := e.secondCodeOf(tx, f)
	if err != nil {
		return Code{}, err
	}
	code := Code{Gone: GoneNever}
	if !id.IsZero() {
		if code, err = e.codeIn(ctx, id, m.Address); err != nil {
			return Code{}, err
		}
	}
	code.Address = m.Typed
	if f.Login != m.Address {
		code.Address = mask(m.Typed)
	}
	return code, nil
}

// mask shows of an address its first letter and its domain.
func mask(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	for _, first := range local {
		return string(first) + "•••@" + domain
	}
	return address
}
