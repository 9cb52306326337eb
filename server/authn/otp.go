package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// What a code was sent for. No code of a closed one ever works: it belongs to a stranger while sign-up is closed, whose
// row, budgets and answers are those of everybody else.
const (
	purposeSignIn = "sign_in"
	purposeSignUp = "sign_up"
	purposeClosed = "closed"
)

// resendLeast is how much of its life a code must still have to be worth sending again.
const resendLeast = time.Minute

// Sent is a code on its way.
type Sent struct {
	Flow    storage.Flow
	Expires int64
	Fresh   bool // a new code, not the one sent before
}

// SendCode mails a code and a link to address, or once more to the address typed last (""). The mail leaves from the outbox.
// A code that lives is sent again as it is; a fresh one takes the place of one that was spent, tried too often, or is at its end.
// Known and unknown addresses take the same path: the same queries, the same writes, the same answer.
// ErrBadAddress, ErrFlowGone, ErrFlowDone, *CodeGone (nothing typed yet), *TooMany.
func (e *Engine) SendCode(ctx context.Context, v Visitor, flow, address string) (Sent, error) {
	if address != "" {
		normal, err := NormalizeAddress(address)
		if err != nil {
			return Sent{}, err
		}
		address = normal
	}
	open, err := e.SignUpOpen(ctx)
	if err != nil {
		return Sent{}, err
	}
	var sent Sent
	now := e.now()
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, flow, v.Browser, now)
		if err != nil {
			return err
		}
		to := address
		if to == "" {
			to = f.Login
		}
		switch {
		case f.Finished > 0:
			return ErrFlowDone
		case to == "":
			return &CodeGone{Why: GoneNever}
		}
		if err := e.spendMail(tx, v, to, now); err != nil {
			return err
		}
		purpose, err := purposeFor(tx, to, open)
		if err != nil {
			return err
		}
		o, fresh, err := e.challenge(tx, f, to, purpose, now)
		if err != nil {
			return err
		}
		f.Login, f.OTPID = to, o.ID
		sent = Sent{Flow: f, Expires: o.Expires, Fresh: fresh}
		return e.post(tx, v, f, o, now)
	})
	if err != nil {
		return Sent{}, e.mailsStopped(err)
	}
	e.outbox.wakeUp()
	return sent, nil
}

// spendMail takes one mail from every budget that counts them.
func (e *Engine) spendMail(tx storage.Tx, v Visitor, address string, now int64) error {
	b := e.cfg.Budgets
	for _, s := range []struct {
		budget budget
		whose  string
	}{{b.networkMails(), v.Network}, {b.burst(), address}, {b.mails(), address}, {b.allMails(), ""}} {
		if err := e.spend(tx, s.budget, s.whose, now); err != nil {
			return err
		}
	}
	return nil
}

// purposeFor asks who has the address, if anybody.
func purposeFor(tx storage.Tx, address string, open bool) (string, error) {
	_, err := tx.UserByEmail(address)
	switch {
	case err == nil:
		return purposeSignIn, nil
	case !errors.Is(err, storage.ErrNotFound):
		return "", fmt.Errorf("look up address: %w", err)
	case open:
		return purposeSignUp, nil
	}
	return purposeClosed, nil
}

// challenge finds the flow's live code for the address, or makes one.
func (e *Engine) challenge(tx storage.Tx, f storage.Flow, address, purpose string, now int64) (storage.OTP, bool, error) {
	if !f.OTPID.IsZero() && f.Login == address {
		o, err := tx.OTP(f.OTPID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return storage.OTP{}, false, fmt.Errorf("read code: %w", err)
		}
		if err == nil && o.Purpose == purpose && e.gone(o, now+resendLeast.Microseconds()) == 0 {
			o.Sent = now
			return o, false, tx.SentOTP(o.ID, now)
		}
	}
	o := storage.OTP{
		ID: storage.NewID(), FlowID: f.ID, Purpose: purpose, Address: address, Nonce: e.newNonce(),
		Sent: now, Expires: now + e.cfg.Lifetimes.OTP.Microseconds(),
	}
	if err := tx.InsertOTP(o); err != nil {
		return storage.OTP{}, false, fmt.Errorf("keep code: %w", err)
	}
	if err := tx.ChallengeFlow(f.ID, address, o.ID); err != nil {
		return storage.OTP{}, false, doneIfSpent(err)
	}
	return o, true, nil
}

// gone tells whether and how a code has come to its end at now; 0 while it can be tried.
func (e *Engine) gone(o storage.OTP, now int64) Gone {
	switch {
	case o.SpentAt > 0:
		return GoneSpent
	case o.Expires <= now:
		return GoneExpired
	case o.Tries >= int64(e.cfg.Budgets.GuessesPerCode):
		return GoneTries
	}
	return 0
}

// Code is what the page that asks for the code has to know.
type Code struct {
	Address string
	Sent    time.Time
	Valid   time.Duration // from now on
	Gone    Gone          // 0 while the code can be tried
	Left    int           // tries
	Unsent  bool          // the mail could not be sent, says the mail system
}

// Code tells how the flow's code stands; ErrFlowGone, *CodeGone if none was sent yet.
func (e *Engine) Code(ctx context.Context, f storage.Flow) (Code, error) {
	if f.OTPID.IsZero() {
		return Code{}, &CodeGone{Why: GoneNever}
	}
	tx, now := e.store.View(ctx), e.now()
	o, err := tx.OTP(f.OTPID)
	if errors.Is(err, storage.ErrNotFound) {
		return Code{Address: f.Login, Gone: GoneExpired}, nil
	}
	if err != nil {
		return Code{}, fmt.Errorf("read code: %w", err)
	}
	unsent, err := tx.Pending(kindUnsent, unsentDigest(o.ID.String(), o.Sent), now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Code{}, fmt.Errorf("read trouble of mail: %w", err)
	}
	left := max(0, e.cfg.Budgets.GuessesPerCode-int(o.Tries))
	return Code{Address: o.Address, Sent: time.UnixMicro(o.Sent), Valid: time.Duration(o.Expires-now) * time.Microsecond, Gone: e.gone(o, now),
		Left: left, Unsent: unsent.Kind != ""}, nil
}

// Answer is what a person brings back from their mailbox.
type Answer struct {
	Flow     string
	Code     string // typed, or
	Token    string // from the link
	Remember bool   // "This is my device"
	Cookie   string // value of the session cookie the browser has now: that session ends
}

// CheckCode signs the person in whose code it is. The guess is counted before it is compared, against the code, the address
// and the network, in one write: however many arrive at once, no more than the budgets allow are ever looked at.
// ErrNotAnswer (not six digits: not counted), *WrongAnswer, *CodeGone, *TooMany, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckCode(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	guess, ok := readCode(a.Code)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	open, err := e.SignUpOpen(ctx)
	if err != nil {
		return SignIn{}, err
	}
	var (
		in      SignIn
		outcome error // of a guess that was counted: the write stands
		refused *refusal
		now     = e.now()
	)
	err = e.retryOnce(ctx, func(tx storage.Tx) error {
		in, outcome, refused = SignIn{}, nil, nil
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		o, err := e.countGuess(tx, v, f, now)
		if err != nil {
			return err
		}
		right := secret.Equal([]byte(e.codeOf(o)), []byte(guess))
		if !right || o.Purpose == purposeClosed {
			outcome, err = e.wrong(tx, v, o, now)
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{Address: o.Address, OTP: o.ID, Typed: true, AMR: "otp", SignUp: open, Remember: a.Remember, Cookie: a.Cookie})
		if errors.As(err, &refused) {
			outcome, err = e.wrong(tx, v, o, now)
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
	return in, nil
}

// logRefusal tells the owner of the server what the visitor is not told.
func (e *Engine) logRefusal(ctx context.Context, r *refusal) {
	if r != nil {
		e.log.InfoContext(ctx, "sign-in refused", "why", r.why, "user", r.user.String())
	}
}

// countGuess takes a guess from the flow's code and from every budget, before anything is compared, and returns the code
// with the guess counted. *CodeGone, *TooMany: then nothing may be compared.
func (e *Engine) countGuess(tx storage.Tx, v Visitor, f storage.Flow, now int64) (storage.OTP, error) {
	if f.OTPID.IsZero() {
		return storage.OTP{}, &CodeGone{Why: GoneNever}
	}
	counted := tx.GuessOTP(f.OTPID, now, int64(e.cfg.Budgets.GuessesPerCode))
	if counted != nil && !errors.Is(counted, storage.ErrSpent) {
		return storage.OTP{}, fmt.Errorf("count guess: %w", counted)
	}
	o, err := tx.OTP(f.OTPID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.OTP{}, &CodeGone{Why: GoneExpired}
	case err != nil:
		return storage.OTP{}, fmt.Errorf("read code: %w", err)
	case counted != nil:
		return storage.OTP{}, &CodeGone{Why: max(GoneExpired, e.gone(o, now))}
	}
	b := e.cfg.Budgets
	if err := e.spend(tx, b.networkGuesses(), v.Network, now); err != nil {
		return storage.OTP{}, err
	}
	return o, e.spend(tx, b.guesses(), o.Address, now)
}

// wrong is the answer to a guess that was counted and was not right. The last one an address had is worth an event.
func (e *Engine) wrong(tx storage.Tx, v Visitor, o storage.OTP, now int64) (outcome, err error) {
	left, err := e.left(tx, e.cfg.Budgets.guesses(), o.Address, now)
	if err != nil {
		return nil, fmt.Errorf("read budget of guesses: %w", err)
	}
	if left == 0 {
		u, err := tx.UserByEmail(o.Address)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("look up address: %w", err)
		}
		if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventAddressSlowed, UserID: u.ID, IP: ip(v)}); err != nil {
			return nil, err
		}
	}
	return &WrongAnswer{Left: max(0, e.cfg.Budgets.GuessesPerCode-int(o.Tries))}, nil
}

// retryOnce is a Write whose loser of a race for a unique value (two sign-ups with one address) looks again and finds the winner.
func (e *Engine) retryOnce(ctx context.Context, fn func(storage.Tx) error) error {
	err := e.store.Write(ctx, fn)
	if errors.Is(err, storage.ErrConflict) {
		err = e.store.Write(ctx, fn)
	}
	return err
}
