package authn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// LetterDigits is the length of a code that an administrator tells somebody by phone: digits, for letters are misheard, and every
// keyboard and language has them. Twelve are 40 bits, so it may be typed in any browser by whoever knows whose it is.
const LetterDigits = 12

// letterCodeLife is how long it can be typed.
const letterCodeLife = 15 * time.Minute

// letterCodeGuesses is how often it can be typed wrongly, by all the world. Anybody may type something beside somebody's address, so it
// is more than the budgets of a person's username and addresses let through in that time, unless they are set far wider: no stranger
// uses up a code. A thousand guesses hit one with a chance of one in a billion.
const letterCodeGuesses = 1000

// LetterCode is a code that an administrator has made for a person, shown once.
type LetterCode struct {
	Code    string // in groups of four
	Expires time.Time
}

// WriteLetterCode makes a code with which a person signs in once, within a quarter of an hour, without their mailbox: it is told, and
// typed beside their address. One made before works no more. A second factor is asked for as always. by is who makes it. ErrNoUser.
func (e *Engine) WriteLetterCode(ctx context.Context, by string, user storage.ID) (LetterCode, error) {
	var made LetterCode
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		o := storage.OTP{ID: storage.NewID(), FlowID: u.ID, Purpose: purposeLetter, Nonce: e.newNonce(), Sent: now, Expires: now + letterCodeLife.Microseconds()}
		if err := tx.InsertOTP(o); err != nil {
			return fmt.Errorf("keep code: %w", err)
		}
		code := e.letterCodeOf(o)
		made = LetterCode{Code: code[:4] + " " + code[4:8] + " " + code[8:], Expires: time.UnixMicro(o.Expires)}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventCodeMade, Actor: by, UserID: u.ID})
	})
	return made, err
}

// letterCodeOf derives the digits of a row; "" if it was made with a key that is no longer there. Numbers that would make some codes
// likelier than others are passed over.
func (e *Engine) letterCodeOf(o storage.OTP) string {
	const (
		codes = 1_000_000_000_000
		fair  = (1<<64 - 1) / codes * codes
	)
	for round := byte(0); ; round++ {
		digest := e.digest("otp-letter", o, []byte{round})
		if digest == nil {
			return ""
		}
		for ; len(digest) >= 8; digest = digest[8:] {
			if n := binary.BigEndian.Uint64(digest); n < fair {
				return fmt.Sprintf("%0*d", LetterDigits, n%codes)
			}
		}
	}
}

// ToldCode is a code of an administrator, as it was typed.
type ToldCode struct {
	Flow       string
	Identifier string // an address or username
	Code       string
	Remember   bool   // "This is my device"
	Cookie     string // value of the session cookie the browser has now: that session ends
}

// CheckLetterCode signs in whoever has typed their address and the code that they were told, and uses it up. The guess is counted before
// it is compared, against the address, the network and the code, in one write. Somebody who is not here, or has no code, takes the same
// path as everybody: the same statements, a code that is derived and compared, the same answer.
// ErrNotAnswer (not twelve digits: not counted), ErrWrongAnswer, *TooMany, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckLetterCode(ctx context.Context, v Visitor, a ToldCode) (SignIn, error) {
	guess, ok := readDigits(a.Code, LetterDigits)
	if !ok {
		return SignIn{}, ErrNotAnswer
	}
	var (
		in      SignIn
		outcome error // of a guess that was counted: the write stands
		refused *refusal
		now     = e.now()
		g       = passwordGuess{identifier: ReadIdentifier(a.Identifier)}
	)
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		in, outcome, refused = SignIn{}, nil, nil
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		switch {
		case err != nil:
			return err
		case f.Finished > 0:
			return ErrFlowDone
		}
		if g.whose, g.known, err = e.guesser(tx, v, g.identifier, now); err != nil {
			return err
		}
		if err := e.spendGuess(tx, v, g.identifier, now); err != nil {
			return err
		}
		o, live, err := e.toldTo(tx, g.identifier, now)
		if err != nil {
			return err
		}
		if right := secret.Equal([]byte(e.letterCodeOf(o)), []byte(guess)); !right || !live {
			outcome = ErrWrongAnswer
			return e.noteSlowed(tx, v, g.identifier, now)
		}
		in, err = e.Finish(tx, now, v, &f, Proof{UserID: o.FlowID, OTP: o.ID, Method: MethodLetter, AMR: "otp", Remember: a.Remember, Cookie: a.Cookie})
		if errors.As(err, &refused) {
			outcome = ErrWrongAnswer
			return e.noteSlowed(tx, v, g.identifier, now)
		}
		if err != nil {
			return err
		}
		return e.returnGuess(tx, v, g)
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

// toldTo finds the newest code that was made for whoever has an address or username, and counts a guess against it. It is live if it may be
// compared at all; else it is one that was made for nobody, or has come to its end.
func (e *Engine) toldTo(tx storage.Tx, identifier string, now int64) (o storage.OTP, live bool, err error) {
	find := tx.UserByUsername
	if isAddress(identifier) {
		find = tx.UserByEmail
	}
	u, err := find(identifier)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return o, false, fmt.Errorf("look up person: %w", err)
	}
	here := err == nil && u.Active()
	if !here {
		u.ID = storage.NewID()
	}
	o, err = tx.BoundOTP(u.ID, purposeLetter, "")
	if errors.Is(err, storage.ErrNotFound) {
		o, err = storage.OTP{ID: storage.NewID(), FlowID: u.ID, Nonce: e.newNonce()}, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("read code: %w", err)
	}
	err = tx.GuessOTP(o.ID, now, letterCodeGuesses)
	if errors.Is(err, storage.ErrSpent) {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("count guess: %w", err)
	}
	return o, here, nil
}
