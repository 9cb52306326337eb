package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// What a code was sent for. No code of a closed one ever works: it belongs to a stranger while sign-up is closed, whose
// row, budgets and answers are those of everybody else.
const (
	purposeSignIn  = "sign_in"
	purposeSignUp  = "sign_up"
	purposeClosed  = "closed"
	purposeAddress = "address" // to prove a further address; belongs to its person instead of a flow
	purposeSecond  = "second_factor"
	purposeReset   = "reset"  // of a password: it signs nobody in
	purposeLetter  = "letter" // was not sent: an administrator has made it; belongs to its person

	// What a code for a new password was sent for where nobody has the address. They are told apart, so that a code is sent again, or a
	// fresh one made, exactly where that happens for somebody who is there.
	purposeSignUpReset = "sign_up_reset"
	purposeClosedReset = "closed_reset"
)

// resendLeast is how much of its life a code must still have to be worth sending again.
const resendLeast = time.Minute

// SendCode mails a code and a link to the address that was typed, or to the primary one of whoever has the username that was typed, or
// once more to where it went last (""). The mail leaves from the outbox.
// A code that lives is sent again as it is; a fresh one takes the place of one that was spent, tried too often, or is at its end.
// Known and unknown addresses and usernames take the same path: the same queries, the same writes, the same answer.
// ErrBadAddress, ErrFlowGone, ErrFlowDone, *CodeGone (nothing typed yet), *TooMany.
func (e *Engine) SendCode(ctx context.Context, v Visitor, flow, typed string) error {
	if typed != "" {
		login, err := e.readLogin(ctx, v, typed)
		if err != nil {
			return err
		}
		typed = login
	}
	return e.sendCode(ctx, v, flow, typed, false)
}

// sendCode is SendCode by what readLogin gives; reset for a new password. What is sent once more is for what it was for.
func (e *Engine) sendCode(ctx context.Context, v Visitor, flow, typed string, reset bool) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, flow, v.Browser, now)
		if err != nil {
			return err
		}
		login := typed
		if login == "" {
			login = f.Login
			if reset, err = isReset(tx, f.OTPID); err != nil {
				return err
			}
		}
		switch {
		case f.Finished > 0:
			return ErrFlowDone
		case login == "":
			return &CodeGone{Why: GoneNever}
		}
		whose, err := e.spendMail(tx, v, login, now)
		if err != nil {
			return err
		}
		to, quiet := login, false
		if !isAddress(login) {
			if to, quiet, err = e.mailbox(tx, login, whose, now); err != nil {
				return err
			}
		}
		d, err := demandsOf(f)
		if err != nil {
			return err
		}
		x, err := e.experienceIn(tx)
		if err != nil {
			return err
		}
		_, closed, err := e.maySignUp(tx, x, &f, d, to, now)
		if err != nil {
			return err
		}
		purpose, err := purposeFor(tx, to, closed == nil && isAddress(login))
		if err != nil {
			return err
		}
		if reset {
			purpose = resets[purpose]
		}
		o, err := e.challenge(tx, f, login, to, purpose, now)
		if err != nil {
			return err
		}
		return e.post(tx, v, f.ClientID, o, quiet, now)
	})
	if err != nil {
		return e.mailsStopped(err)
	}
	e.outbox.wakeUp()
	return nil
}

// spendMail takes one mail from every budget that counts them, and returns whose were taken besides those of all.
func (e *Engine) spendMail(tx storage.Tx, v Visitor, address string, now int64) (whose string, err error) {
	b := e.cfg.Budgets
	whose, _, err = e.guesser(tx, v, address, now)
	if err != nil {
		return "", err
	}
	for _, s := range []struct {
		budget budget
		whose  string
	}{{b.networkMails(), v.Network}, {b.burst(), whose}, {b.mails(), whose}, {b.allMails(), ""}} {
		if err := e.spend(tx, s.budget, s.whose, now); err != nil {
			return "", err
		}
	}
	return whose, nil
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

// resets are the purposes of a code for a new password, by those of a code to sign in.
var resets = map[string]string{purposeSignIn: purposeReset, purposeSignUp: purposeSignUpReset, purposeClosed: purposeClosedReset}

// closed reports whether no code of that purpose ever works.
func closed(purpose string) bool { return purpose == purposeClosed || purpose == purposeClosedReset }

// isReset reports whether a code was for a new password.
func isReset(tx storage.Tx, id storage.ID) (bool, error) {
	if id.IsZero() {
		return false, nil
	}
	o, err := tx.OTP(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, fmt.Errorf("read code: %w", err)
	}
	return o.Purpose == purposeReset || o.Purpose == purposeSignUpReset || o.Purpose == purposeClosedReset, nil
}

// challenge finds the flow's live code for the address, or makes one. login is what the person has typed to name it.
func (e *Engine) challenge(tx storage.Tx, f storage.Flow, login, address, purpose string, now int64) (storage.OTP, error) {
	last := f.OTPID
	if purpose == purposeSecond {
		last = f.SecondOTP
	}
	if !last.IsZero() {
		o, err := tx.OTP(last)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return storage.OTP{}, fmt.Errorf("read code: %w", err)
		}
		if err == nil && o.Address == address && o.Purpose == purpose && (f.Login == login || purpose == purposeSecond) && e.gone(o, now+resendLeast.Microseconds()) == 0 {
			o.Sent = now
			return o, tx.SentOTP(o.ID, now)
		}
	}
	o := storage.OTP{
		ID: storage.NewID(), FlowID: f.ID, Purpose: purpose, Address: address, Nonce: e.newNonce(),
		Sent: now, Expires: now + e.cfg.Lifetimes.OTP.Microseconds(),
	}
	if err := tx.InsertOTP(o); err != nil {
		return storage.OTP{}, fmt.Errorf("keep code: %w", err)
	}
	if purpose == purposeSecond {
		return o, doneIfSpent(tx.ChallengeFlowAgain(f.ID, o.ID))
	}
	return o, doneIfSpent(tx.ChallengeFlow(f.ID, login, o.ID))
}

// Usable reports whether a code can still be typed.
func (e *Engine) Usable(o storage.OTP) bool { return e.gone(o, e.now()) == 0 }

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
	Address string // it went to, or the username that it was asked for by
	Sent    time.Time
	Valid   time.Duration // from now on
	Gone    Gone          // 0 while the code can be tried
	Left    int           // tries
	Unsent  bool          // the mail could not be sent, says the mail system
}

// Code tells how the flow's code stands; ErrFlowGone, *CodeGone if none was sent yet. Of one that was asked for by username it tells
// neither where it went nor whether that worked: nobody's goes nowhere.
func (e *Engine) Code(ctx context.Context, f storage.Flow) (Code, error) {
	c, err := e.codeIn(ctx, f.OTPID, f.Login)
	if !isAddress(f.Login) {
		c.Address, c.Unsent = f.Login, false
	}
	return c, err
}

// codeIn tells how one code stands, that was sent to an address.
func (e *Engine) codeIn(ctx context.Context, id storage.ID, address string) (Code, error) {
	if id.IsZero() {
		return Code{}, &CodeGone{Why: GoneNever}
	}
	tx, now := e.store.View(ctx), e.now()
	o, err := tx.OTP(id)
	if errors.Is(err, storage.ErrNotFound) {
		return Code{Address: address, Gone: GoneExpired}, nil
	}
	if err != nil {
		return Code{}, fmt.Errorf("read code: %w", err)
	}
	return e.codeState(tx, o, now)
}

// codeState is how a code stands at now.
func (e *Engine) codeState(tx storage.Tx, o storage.OTP, now int64) (Code, error) {
	unsent, err := tx.Pending(kindUnsent, unsentDigest(o.ID.String(), o.Sent), now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Code{}, fmt.Errorf("read trouble of mail: %w", err)
	}
	left := max(0, e.cfg.Budgets.GuessesPerCode-int(o.Tries))
	return Code{Address: o.Address, Sent: time.UnixMicro(o.Sent), Valid: time.Duration(o.Expires-now) * time.Microsecond, Gone: e.gone(o, now),
		Left: left, Unsent: unsent.Kind != ""}, nil
}
