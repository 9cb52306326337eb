package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Start says what a sign-in is for.
type Start struct {
	ClientID string // "" for a sign-in without an application
	ReturnTo string // path of ours that goes on afterwards; the door appends ?flow=ID
	Request  string // the door's own parameters, kept for it as they are

	invitation storage.ID
	Demands    Demands
}

// NewBrowser makes the value of the cookie that binds flows to a browser: 128 random bits.
func NewBrowser() string { return secret.Token(16) }

// Begin opens a flow in the visitor's browser (whose cookie must be set: NewBrowser). *TooMany if the network has begun too many.
func (e *Engine) Begin(ctx context.Context, v Visitor, s Start) (storage.Flow, error) {
	if v.Browser == "" {
		return storage.Flow{}, errors.New("begin a flow: the visitor has no browser cookie")
	}
	if !strings.HasPrefix(s.ReturnTo, "/") || strings.HasPrefix(s.ReturnTo, "//") || strings.ContainsAny(s.ReturnTo, "\\\r\n\t") {
		return storage.Flow{}, fmt.Errorf("begin a flow: %q is no path of ours", s.ReturnTo)
	}
	now := e.now()
	if s.Demands.RequestedAt == 0 {
		s.Demands.RequestedAt = now
	}
	demands, err := json.Marshal(s.Demands)
	if err != nil {
		return storage.Flow{}, fmt.Errorf("begin a flow: %w", err)
	}
	f := storage.Flow{
		ID: storage.NewID(), Browser: secret.Hash(v.Browser), ClientID: s.ClientID, ReturnTo: s.ReturnTo, Request: s.Request,
		Demands: string(demands), Invitation: s.invitation, Created: now, Expires: now + e.cfg.Lifetimes.Flow.Microseconds(),
	}
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		if err := e.spend(tx, e.cfg.Budgets.flows(), v.Network, now); err != nil {
			return err
		}
		return tx.InsertFlow(f)
	})
	if err != nil {
		return storage.Flow{}, fmt.Errorf("begin a flow: %w", err)
	}
	return f, nil
}

// Flow returns a flow and its demands to the browser it belongs to. browser is the value of its cookie.
// ErrFlowGone if it is unknown, has expired, or is another browser's: an id alone gives nothing.
func (e *Engine) Flow(ctx context.Context, id, browser string) (storage.Flow, Demands, error) {
	f, err := e.flow(e.store.View(ctx), id, browser, e.now())
	if err != nil {
		return storage.Flow{}, Demands{}, err
	}
	d, err := demandsOf(f)
	return f, d, err
}

// flow is Flow inside of a transaction.
func (e *Engine) flow(tx storage.Tx, id, browser string, now int64) (storage.Flow, error) {
	f, err := e.anyFlow(tx, id, now)
	if err == nil && !sameBrowser(f, browser) {
		return storage.Flow{}, ErrFlowGone
	}
	return f, err
}

// anyFlow is a live flow in whichever browser.
func (e *Engine) anyFlow(tx storage.Tx, id string, now int64) (storage.Flow, error) {
	key, err := storage.ParseID(id)
	if err != nil {
		return storage.Flow{}, ErrFlowGone
	}
	f, err := tx.Flow(key, now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.Flow{}, ErrFlowGone
	case err != nil:
		return storage.Flow{}, fmt.Errorf("read flow: %w", err)
	}
	return f, nil
}

// hold locks the person of a flow, and looks at it again: what they have proven may have been forgotten meanwhile. What ends everything of
// somebody (EndAccess) then comes before a sign-in or after it, never into the middle. ErrFlowGone.
func hold(tx storage.Tx, f *storage.Flow, now int64) error {
	if f == nil || f.UserID.IsZero() {
		return nil
	}
	if err := tx.HoldUser(f.UserID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("lock person: %w", err)
	}
	again, err := tx.Flow(f.ID, now)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrFlowGone
	}
	if err != nil {
		return fmt.Errorf("read flow: %w", err)
	}
	*f = again
	return nil
}

func sameBrowser(f storage.Flow, browser string) bool {
	return browser != "" && secret.Equal(f.Browser, secret.Hash(browser))
}

func demandsOf(f storage.Flow) (Demands, error) {
	var d Demands
	if err := json.Unmarshal([]byte(f.Demands), &d); err != nil {
		return Demands{}, fmt.Errorf("demands of flow %s: %w", f.ID, err)
	}
	return d, nil
}

// Remembered is what is still known of a flow that its visitor may not see.
type Remembered struct {
	ClientID string // of the application they came from, "" if nobody knows
	Live     bool   // the flow goes on, in another browser
}

// Remember tells where "Start again" leads. It says nothing but the name of an application, which is no secret.
func (e *Engine) Remember(ctx context.Context, id string) (Remembered, error) {
	key, err := storage.ParseID(id)
	if err != nil {
		return Remembered{}, nil
	}
	const expiredToo = 0
	f, err := e.store.View(ctx).Flow(key, expiredToo)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Remembered{}, nil
	case err != nil:
		return Remembered{}, fmt.Errorf("read flow: %w", err)
	}
	return Remembered{ClientID: f.ClientID, Live: f.Expires > e.now() && f.Finished == 0}, nil
}

// Continue lets the person who is signed in go on as themselves ("Continue as …"): it ends the flow in the session that
// lives, without making one. ErrSignIn if the request demands a fresh sign-in or nobody is signed in; ErrFlowDone if the flow
// has ended already.
func (e *Engine) Continue(ctx context.Context, v Visitor, id, cookie string) (storage.Flow, error) {
	live, err := e.Session(ctx, cookie)
	if err != nil {
		return storage.Flow{}, err
	}
	if live == nil {
		return storage.Flow{}, ErrSignIn
	}
	var f storage.Flow
	now := e.now()
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		var err error
		if f, err = e.flow(tx, id, v.Browser, now); err != nil {
			return err
		}
		d, err := demandsOf(f)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		// Weighed before the flow ends: a session from before the request must not pass for one that came out of it.
		c, err := tx.Client(f.ClientID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("read application: %w", err)
		}
		if step := Next(&f, d, live, c, now); step != StepSelectAccount && step != StepDone {
			return ErrSignIn
		}
		if err := tx.FinishFlow(f.ID, live.Session.ID, now); err != nil {
			return doneIfSpent(err)
		}
		f.Finished, f.SessionID = now, live.Session.ID
		return e.joinInvited(tx, v, f, live, now)
	})
	if err != nil {
		return storage.Flow{}, err
	}
	return f, nil
}

// doneIfSpent turns the loss of the race to finish a flow into its reason.
func doneIfSpent(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, storage.ErrSpent) {
		return ErrFlowDone
	}
	return fmt.Errorf("finish flow: %w", err)
}
