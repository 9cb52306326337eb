package authn

import (
	"context"
	"errors"
	"fmt"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Link is what the page behind a mailed link has to know. Looking at it changes nothing, however often a scanner does.
type Link struct {
	Flow    storage.Flow
	Address string
	Reset   bool   // it is for a new password
	Here    bool   // this is the browser that asked for it
	Code    string // elsewhere: the code to type where the sign-in began; "" once it cannot be used any more
	Expires int64
	Gone    Gone // 0 while the link works (Here), or the code does (elsewhere)
}

// Link looks at a link; ErrLinkGone if it was never made here, or its flow is over.
func (e *Engine) Link(ctx context.Context, v Visitor, flow, token string) (Link, error) {
	now := e.now()
	f, o, err := e.link(e.store.View(ctx), flow, token, now)
	if err != nil {
		return Link{}, err
	}
	l := Link{Flow: f, Address: o.Address, Reset: o.Purpose == purposeReset, Here: sameBrowser(f, v.Browser), Expires: o.Expires, Gone: e.gone(o, now)}
	switch {
	case f.Finished > 0:
		l.Gone = GoneSpent
	case l.Here && l.Gone == GoneTries:
		l.Gone = 0 // guesses at the code do not touch the link
	case !l.Here && l.Gone == 0 && f.OTPID == o.ID:
		l.Code = e.codeOf(o)
	case !l.Here && l.Gone == 0:
		l.Gone = GoneExpired // a newer code has taken its place
	}
	return l, nil
}

// link finds the flow and the code a link belongs to, and checks its token.
func (e *Engine) link(tx storage.Tx, flow, token string, now int64) (storage.Flow, storage.OTP, error) {
	id, ok := linkID(token)
	if !ok {
		return storage.Flow{}, storage.OTP{}, ErrLinkGone
	}
	f, err := e.anyFlow(tx, flow, now)
	if errors.Is(err, ErrFlowGone) {
		return storage.Flow{}, storage.OTP{}, ErrLinkGone
	}
	if err != nil {
		return storage.Flow{}, storage.OTP{}, err
	}
	o, err := tx.OTP(id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.Flow{}, storage.OTP{}, ErrLinkGone
	case err != nil:
		return storage.Flow{}, storage.OTP{}, fmt.Errorf("read code: %w", err)
	case o.FlowID != f.ID || closed(o.Purpose) || o.Purpose == purposeSecond:
		return storage.Flow{}, storage.OTP{}, ErrLinkGone
	}
	if meant, err := codeAddress(tx, f); err != nil || o.Address != meant {
		return storage.Flow{}, storage.OTP{}, firstError(err, ErrLinkGone)
	}
	want := e.linkOf(o)
	if want == "" || !secret.Equal([]byte(want), []byte(token)) {
		return storage.Flow{}, storage.OTP{}, ErrLinkGone
	}
	return f, o, nil
}

// codeAddress is where the codes of a flow go now: to the address that was typed, or to that of the username that was.
func codeAddress(tx storage.Tx, f storage.Flow) (string, error) {
	if isAddress(f.Login) || f.OTPID.IsZero() {
		return f.Login, nil
	}
	o, err := tx.OTP(f.OTPID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", fmt.Errorf("read code: %w", err)
	}
	return o.Address, nil
}

// CheckLink signs in whoever opened the link, in the browser that asked for it and nowhere else. No budget stands in its way:
// whatever strangers guess, the owner of the mailbox gets in. ErrLinkGone, ErrFlowGone (another browser), ErrFlowDone, *CodeGone.
func (e *Engine) CheckLink(ctx context.Context, v Visitor, a Answer) (SignIn, error) {
	now := e.now()
	if _, _, err := e.link(e.store.View(ctx), a.Flow, a.Token, now); err != nil {
		return SignIn{}, err // strangers' tries do not reach the writer
	}
	var in SignIn
	err := e.writeUnique(ctx, func(tx storage.Tx) error {
		f, o, err := e.link(tx, a.Flow, a.Token, now)
		switch {
		case err != nil:
			return err
		case !sameBrowser(f, v.Browser):
			return ErrFlowGone
		case f.Finished > 0:
			return ErrFlowDone
		}
		if gone := e.gone(o, now); gone == GoneSpent || gone == GoneExpired {
			return &CodeGone{Why: gone}
		}
		if o.Purpose == purposeReset {
			in, err = e.resetProven(tx, v, f, o, false, now)
			return err
		}
		in, err = e.Finish(tx, now, v, &f, Proof{Address: o.Address, OTP: o.ID, Method: MethodCode, AMR: "otp", Remember: a.Remember, Cookie: a.Cookie})
		return err
	})
	var refused *refusal
	if errors.As(err, &refused) {
		e.logRefusal(ctx, refused)
		return SignIn{}, ErrLinkGone
	}
	if err != nil {
		return SignIn{}, err
	}
	e.outbox.wakeUp()
	return in, nil
}
