package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gatelatch/storage"
)

// Attempt is what somebody types who wants to be let in by a password.
type Attempt struct {
	Flow       string
	Identifier string // an e-mail address or a username
	Password   string
	Remember   bool   // "This is my device"
	Cookie     string // value of the session cookie the browser has now: that session ends
}

// CheckPassword signs the person in whose password it is. Nobody, somebody without a password, a wrong one and somebody who may not
// sign in are one answer, after the same statements and one hash.
// *WrongAnswer, *TooMany, ErrBusy, ErrNotHere (the flow takes no password), ErrBadIdentifier (nobody signs in here with what was
// typed), ErrPasswordExpired, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckPassword(ctx context.Context, v Visitor, a Attempt) (SignIn, error) {
	now := e.now()
	x, err := e.takesPassword(ctx, v, a.Flow, now)
	if err != nil {
		return SignIn{}, err
	}
	if !v.Program && !x.Takes(a.Identifier) { // programs name people as their own API does
		return SignIn{}, ErrBadIdentifier
	}
	g, err := e.guessPassword(ctx, v, a.Identifier, a.Password)
	if err != nil {
		return SignIn{}, err
	}
	var (
		in      SignIn
		refused *refusal
	)
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		in = SignIn{}
		f, err := e.flow(tx, a.Flow, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		if err := g.stands(tx); err != nil {
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{UserID: g.user.ID, Method: MethodPassword, AMR: "pwd", Remember: a.Remember, Cookie: a.Cookie})
		if err != nil {
			return err
		}
		return e.rightPassword(tx, v, g, in.Step == StepDone)
	})
	if errors.As(err, &refused) {
		e.logRefusal(ctx, refused)
		err = g.wrong()
	}
	if err != nil {
		return SignIn{}, err
	}
	return in, nil
}

// VerifyPassword is for doors without flows: who is it whose password this is? The guess is counted as in CheckPassword. The proof has
// still to be brought to Finish, which says whether the person may sign in. *WrongAnswer, *TooMany, ErrBusy.
func (e *Engine) VerifyPassword(ctx context.Context, v Visitor, identifier, password string) (Proof, error) {
	g, err := e.guessPassword(ctx, v, identifier, password)
	if err != nil {
		return Proof{}, err
	}
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		if err := g.stands(tx); err != nil {
			return err
		}
		return e.rightPassword(tx, v, g, true)
	})
	return Proof{UserID: g.user.ID, Method: MethodPassword, AMR: "pwd"}, err
}

// takesPassword reports whether a flow of this browser can be answered with a password, before one is looked at. It depends on the
// flow alone, not on whose password it is. It returns what holds in it.
func (e *Engine) takesPassword(ctx context.Context, v Visitor, flow string, now int64) (Experience, error) {
	tx := e.store.View(ctx)
	f, err := e.flow(tx, flow, v.Browser, now)
	if err != nil {
		return Experience{}, err
	}
	if f.Finished > 0 {
		return Experience{}, ErrFlowDone
	}
	s, err := e.standing(tx, v, &f, now)
	if err == nil && !s.Experience.MayBegin(s.Client, MethodPassword) && !slices.Contains(s.Offers(), MethodPassword) {
		err = ErrNotHere
	}
	return s.Experience, err
}

// passwordGuess is a password that was looked at, and whose it is.
type passwordGuess struct {
	identifier string
	whose      string // the budgets that it was counted against
	known      bool   // those are of a browser of the person
	user       storage.User
	kept       string // the hash it was compared with
	renewed    string // the hash to keep instead, if any
	verifier   []byte // the verifier to keep as well, if one is wanted and missing
	left       int64  // guesses that those budgets have left
}

// wrong is the answer to all guesses that are not right.
func (g passwordGuess) wrong() error { return &WrongAnswer{Left: int(g.left)} }

// stands refuses a right answer to what has become another question while it was hashed: the password was changed.
func (g passwordGuess) stands(tx storage.Tx) error {
	if err := tx.HoldUser(g.user.ID); errors.Is(err, storage.ErrNotFound) {
		return g.wrong()
	} else if err != nil {
		return err
	}
	p, err := tx.Password(g.user.ID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && p.Hash != g.kept {
		return g.wrong()
	}
	return err
}

// guessPassword counts a guess against the identifier and the network, and then compares it. A budget counts what was typed, whoever
// that is: one that several names of a person share would tell that they are one person. *WrongAnswer, *TooMany, ErrBusy.
func (e *Engine) guessPassword(ctx context.Context, v Visitor, typed, password string) (passwordGuess, error) {
	g := passwordGuess{identifier: ReadIdentifier(typed)}
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) (err error) {
		if err := e.spendGuess(tx, v, g.identifier, now); err != nil {
			return err
		}
		if g.whose, g.known, err = e.guesser(tx, v, g.identifier, now); err != nil {
			return err
		}
		u, p, err := tx.PasswordOf(g.identifier)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("look up password: %w", err)
		}
		g.user, g.kept = u, p.Hash
		g.left, err = e.left(tx, e.cfg.Budgets.guesses(), g.whose, now)
		return err
	})
	if err != nil {
		return g, err
	}
	right, renewed, err := e.hasher.check(ctx, g.kept, password)
	if errors.Is(err, ErrBusy) { // nothing was compared
		return g, errors.Join(err, e.store.Write(ctx, func(tx storage.Tx) error { return e.returnGuess(tx, v, g) }))
	}
	if err != nil {
		return g, fmt.Errorf("check password: %w", err)
	}
	if g.renewed = renewed; !right {
		return g, errors.Join(g.wrong(), e.lastGuess(ctx, v, g, now))
	}
	view := e.store.View(ctx)
	if _, err := view.Verifier(g.user.ID); errors.Is(err, storage.ErrNotFound) {
		g.verifier, err = e.verifierOf(view, g.user.ID, password)
		return g, err
	} else if err != nil {
		return g, fmt.Errorf("look up verifier: %w", err)
	}
	return g, nil
}

// lastGuess writes the event of an identifier that has no guesses left.
func (e *Engine) lastGuess(ctx context.Context, v Visitor, g passwordGuess, now int64) error {
	if g.left > 0 {
		return nil
	}
	return e.store.Write(ctx, func(tx storage.Tx) error { return e.noteSlowed(tx, v, g.identifier, now) })
}

// rightPassword keeps the renewed hash and gives back the guess. Those before it are given back once the person is in: whoever knows a
// password and lacks the second factor must not win new guesses at a mailed code.
func (e *Engine) rightPassword(tx storage.Tx, v Visitor, g passwordGuess, in bool) error {
	if g.renewed != "" {
		if err := tx.RehashPassword(g.user.ID, g.kept, g.renewed); err != nil && !errors.Is(err, storage.ErrSpent) {
			return fmt.Errorf("renew hash: %w", err)
		}
	}
	if g.verifier != nil {
		if err := tx.SaveVerifier(g.user.ID, g.verifier, e.now()); err != nil {
			return fmt.Errorf("keep verifier: %w", err)
		}
	}
	if err := e.returnGuess(tx, v, g); err != nil || !in {
		return err
	}
	for _, whose := range []string{g.whose, g.identifier} {
		if err := tx.RefundBudget(e.name(e.cfg.Budgets.guesses(), whose)); err != nil {
			return fmt.Errorf("refund budget of guesses: %w", err)
		}
	}
	return tx.ReturnBudget(e.name(e.cfg.Budgets.flows(), v.Network))
}

// returnGuess gives back one guess.
func (e *Engine) returnGuess(tx storage.Tx, v Visitor, g passwordGuess) error {
	names := []string{e.name(e.cfg.Budgets.guesses(), g.whose)}
	if !g.known {
		names = append(names, e.name(e.cfg.Budgets.networkGuesses(), v.Network))
	}
	for _, name := range names {
		if err := tx.ReturnBudget(name); err != nil {
			return fmt.Errorf("return a guess: %w", err)
		}
	}
	return nil
}
