package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/server/social"
	"gatelatch/storage"
)

// Why an account elsewhere lets nobody in.
var (
	ErrProvider        = errors.New("the provider did not vouch for anybody")
	ErrProviderRefused = errors.New("the person, or the provider, said no")
	ErrNoAccount       = errors.New("the account elsewhere opens none here")
	ErrLinkedElsewhere = errors.New("the account elsewhere is another person's here")
)

// A question to a provider waits for its answer for providerLife. Its kind among pending things is kindProvider.
const (
	kindProvider = "social"
	providerLife = 10 * time.Minute
)

// question is what was asked of a provider, for whom. It is kept sealed: who reads the database cannot answer it.
type question struct {
	Connection string `json:"connection"`
	Flow       string `json:"flow,omitempty"`      // of a sign-in, or
	Session    string `json:"session,omitempty"`   // of somebody who links an account,
	ReturnTo   string `json:"return_to,omitempty"` // and the path of ours that goes on then
	Browser    []byte `json:"browser"`             // digest of the cookie
	Nonce      string `json:"nonce"`
	Verifier   string `json:"verifier"`
}

// AskProvider begins to prove who somebody is, in a flow of this browser, by an account elsewhere. It returns the address at the provider
// to which the browser goes. ErrNotHere (the flow cannot begin so), ErrProvider (it does not answer), *TooMany, ErrFlowGone, ErrFlowDone.
func (e *Engine) AskProvider(ctx context.Context, v Visitor, flow, connection string) (string, error) {
	tx := e.store.View(ctx)
	f, err := e.flow(tx, flow, v.Browser, e.now())
	if err != nil {
		return "", err
	}
	if f.Finished > 0 {
		return "", ErrFlowDone
	}
	k, err := e.connection(tx, connection)
	if err != nil {
		return "", err
	}
	s, err := e.standing(tx, v, &f, e.now())
	if err != nil {
		return "", err
	}
	if !s.Experience.mayBeginBy(s.Client, MethodSocial, k.ID) {
		return "", ErrNotHere
	}
	again := s.Demands.Prompts("login") || s.Demands.MaxAge != nil
	return e.ask(ctx, v, k, question{Flow: f.ID.String()}, social.Question{LoginHint: s.Demands.LoginHint, Again: again})
}

// AskToLink is AskProvider for somebody who is signed in and wants to sign in with that account, too, from now on. returnTo is a path of
// ours that goes on afterwards.
func (e *Engine) AskToLink(ctx context.Context, v Visitor, live *Live, connection, returnTo string) (string, error) {
	k, err := e.connection(e.store.View(ctx), connection)
	if err != nil {
		return "", err
	}
	return e.ask(ctx, v, k, question{Session: live.Session.ID.String(), ReturnTo: returnTo}, social.Question{})
}

func (e *Engine) ask(ctx context.Context, v Visitor, k storage.Connection, q question, to social.Question) (string, error) {
	if v.Browser == "" {
		return "", errors.New("ask a provider: the visitor has no browser cookie")
	}
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error { return e.spend(tx, e.cfg.Budgets.flows(), v.Network, now) })
	if err != nil {
		return "", err
	}
	c, err := Dial(e.keys, e.cfg.PublicURL, k)
	if err != nil {
		return "", err
	}
	to.State, to.Nonce, to.Verifier = secret.Token(32), secret.Token(32), secret.Token(32)
	address, err := e.social.Ask(ctx, c, to)
	if err != nil {
		return "", e.providerFailed(ctx, k, err)
	}
	q.Connection, q.Browser, q.Nonce, q.Verifier = k.ID, secret.Hash(v.Browser), to.Nonce, to.Verifier
	data, err := e.sealQuestion(to.State, q)
	if err != nil {
		return "", err
	}
	row := storage.Pending{Digest: secret.Hash(to.State), Kind: kindProvider, Data: data, Created: now, Expires: now + providerLife.Microseconds()}
	if err := e.store.Write(ctx, func(tx storage.Tx) error { return tx.InsertPending(row) }); err != nil {
		return "", fmt.Errorf("keep the question to a provider: %w", err)
	}
	return address, nil
}

func (e *Engine) sealQuestion(state string, q question) (string, error) {
	plain, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	return base64.RawStdEncoding.EncodeToString(e.keys.Seal(plain, "pending", string(secret.Hash(state)), "data")), nil
}

// questionOf finds what was asked under a state, of this connection and for this browser; ErrFlowGone.
func (e *Engine) questionOf(tx storage.Tx, v Visitor, b Brought, now int64) (question, error) {
	var q question
	row, err := tx.Pending(kindProvider, secret.Hash(b.State), now)
	if errors.Is(err, storage.ErrNotFound) {
		return q, ErrFlowGone
	}
	if err != nil {
		return q, fmt.Errorf("read the question to a provider: %w", err)
	}
	sealed, err := base64.RawStdEncoding.DecodeString(row.Data)
	if err != nil {
		return q, fmt.Errorf("read the question to a provider: %w", err)
	}
	plain, err := e.keys.Open(sealed, "pending", string(secret.Hash(b.State)), "data")
	if err != nil {
		return q, ErrFlowGone // the key is gone: nobody can be asked any more
	}
	if err := json.Unmarshal(plain, &q); err != nil {
		return q, fmt.Errorf("read the question to a provider: %w", err)
	}
	if q.Connection != b.Connection || v.Browser == "" || !secret.Equal(q.Browser, secret.Hash(v.Browser)) {
		return question{}, ErrFlowGone
	}
	return q, nil
}

// Brought is what a browser brings back from a provider.
type Brought struct {
	Connection string // whose callback address it came to
	State      string
	Answer     social.Answer
	Cookie     string // value of the session cookie the browser has now
}

// Returned is where the way back from a provider leads.
type Returned struct {
	Flow     string // of the sign-in, or
	ReturnTo string // of somebody who links an account, where the path goes on
	SignIn   SignIn // Step is StepSignIn for an account that is nobody's yet: its owner proves another way who they are here (WaitingAccount)
}

// Return goes on with what a provider says. What was asked is used up first: no answer counts twice, whatever comes of it.
// The flow is named also beside ErrProvider, ErrProviderRefused and ErrNoAccount, for the page that offers the other ways.
// ErrLinkedElsewhere and ErrSignIn for somebody who links; ErrFlowGone (nobody asked that in this browser), ErrFlowDone.
func (e *Engine) Return(ctx context.Context, v Visitor, b Brought) (Returned, error) {
	now := e.now()
	q, err := e.questionOf(e.store.View(ctx), v, b, now)
	if err != nil {
		return Returned{}, err
	}
	err = e.store.Write(ctx, func(tx storage.Tx) error { return tx.SpendPending(kindProvider, secret.Hash(b.State), now) })
	if errors.Is(err, storage.ErrSpent) {
		return Returned{}, ErrFlowGone
	}
	if err != nil {
		return Returned{}, fmt.Errorf("use up the question to a provider: %w", err)
	}
	out := Returned{Flow: q.Flow, ReturnTo: q.ReturnTo}
	k, err := e.connection(e.store.View(ctx), q.Connection)
	if errors.Is(err, ErrNotHere) {
		return out, ErrProvider // it was switched off meanwhile
	}
	if err != nil {
		return out, err
	}
	i, err := e.redeem(ctx, k, q, b)
	if err != nil {
		return out, err
	}
	if q.Flow == "" {
		return out, e.linkHere(ctx, v, k, q, b, i)
	}
	out.SignIn, err = e.vouchedSignIn(ctx, v, k, q, b, i)
	return out, err
}

// redeem asks the provider who it is. It is not called inside of a write: it may take seconds.
func (e *Engine) redeem(ctx context.Context, k storage.Connection, q question, b Brought) (social.Identity, error) {
	c, err := Dial(e.keys, e.cfg.PublicURL, k)
	if err != nil {
		return social.Identity{}, err
	}
	i, err := e.social.Redeem(ctx, c, social.Question{State: b.State, Nonce: q.Nonce, Verifier: q.Verifier}, b.Answer)
	if err != nil {
		return social.Identity{}, e.providerFailed(ctx, k, err)
	}
	if !vouchesFor(k, i) {
		e.log.InfoContext(ctx, "sign-in refused", "why", "the connection may not vouch for that address, or its provider has not verified it", "connection", k.ID)
		return social.Identity{}, ErrNoAccount
	}
	return i, nil
}

// providerFailed tells the owner of the server what the visitor is not told.
func (e *Engine) providerFailed(ctx context.Context, k storage.Connection, err error) error {
	if ctx.Err() != nil {
		return err
	}
	e.log.WarnContext(ctx, "a provider did not vouch for anybody", "connection", k.ID, "error", err)
	if errors.Is(err, social.ErrRefused) {
		return ErrProviderRefused
	}
	return ErrProvider
}

// vouchedSignIn goes on with a sign-in by an account elsewhere. One that is known is its person's. An unknown one belongs to whoever has
// its address, if the provider has verified that and is trusted to; else its owner has to prove first who they are here: an address that
// a provider merely repeats proves nothing.
func (e *Engine) vouchedSignIn(ctx context.Context, v Visitor, k storage.Connection, q question, b Brought, i social.Identity) (SignIn, error) {
	var (
		in      SignIn
		refused *refusal
		now     = e.now()
	)
	who := vouchedBy(k, i)
	err := e.writeUnique(ctx, func(tx storage.Tx) error {
		in = SignIn{}
		f, err := e.flow(tx, q.Flow, v.Browser, now)
		if err != nil {
			return err
		}
		if f.Finished > 0 {
			return ErrFlowDone
		}
		p := Proof{Method: MethodSocial, Via: k.ID, Vouched: &who, Cookie: b.Cookie}
		known, err := tx.Identity(k.ID, i.Issuer, i.Subject)
		address, bad := NormalizeAddress(i.Email)
		switch {
		case err == nil:
			p.UserID = known.UserID
			if err := tx.UseIdentity(known.ID, who.document(), now); err != nil {
				return err
			}
		case !errors.Is(err, storage.ErrNotFound):
			return fmt.Errorf("look up the account elsewhere: %w", err)
		case k.Trusted && i.Verified && bad == nil:
			p.Address = address
		default:
			in, err = e.await(tx, v, f, who, now)
			return err
		}
		in, err = e.Finish(tx, now, v, &f, p)
		return err
	})
	if errors.As(err, &refused) {
		e.logRefusal(ctx, refused)
		return SignIn{}, ErrNoAccount
	}
	if err != nil {
		return SignIn{}, err
	}
	return in, nil
}
