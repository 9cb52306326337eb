package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"gatelatch/storage"
)

// kindRemoteReset names resets of passwords among pending things, for applications that bring nothing back but the address and the code.
const kindRemoteReset = "remote_reset"

// remoteReset is the flow in which such a reset happens.
type remoteReset struct {
	Flow    string `json:"flow"`
	Browser string `json:"browser"`
}

func (e *Engine) remoteResetDigest(client, address string) []byte {
	return e.keys.DigestUnder(e.keys.Active(), "remote-reset", []byte(client), []byte(address))
}

func remoteResetPlace(client, address string) []string {
	return []string{"pending", kindRemoteReset, client, address}
}

// ForgotPasswordAt is ForgotPassword for an application that keeps no flow: what it began before, it goes on with. Nobody gets no mail,
// and the same answer. Errors as of ForgotPassword.
func (e *Engine) ForgotPasswordAt(ctx context.Context, v Visitor, client, address string) error {
	address, err := NormalizeAddress(address)
	if err != nil {
		return err
	}
	r, err := e.remoteReset(ctx, client, address)
	if err != nil {
		return err
	}
	if r.Flow != "" {
		v.Browser = r.Browser
		if err := e.ForgotPassword(ctx, v, r.Flow, address); !errors.Is(err, ErrFlowGone) && !errors.Is(err, ErrFlowDone) {
			return err
		}
	}
	v.Browser = NewBrowser()
	f, err := e.Begin(ctx, v, Start{ClientID: client, ReturnTo: "/", Demands: Demands{KnownOnly: true}})
	if err != nil {
		return err
	}
	r = remoteReset{Flow: f.ID.String(), Browser: v.Browser}
	document, err := json.Marshal(r)
	if err != nil {
		return err
	}
	now := e.now()
	data := base64.RawStdEncoding.EncodeToString(e.keys.Seal(document, remoteResetPlace(client, address)...))
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		return tx.ReplacePending(storage.Pending{Digest: e.remoteResetDigest(client, address), Kind: kindRemoteReset, Data: data, Created: now, Expires: f.Expires})
	})
	if err != nil {
		return fmt.Errorf("keep reset: %w", err)
	}
	return e.ForgotPassword(ctx, v, r.Flow, address)
}

// remoteReset finds the flow of a reset; zero if there is none.
func (e *Engine) remoteReset(ctx context.Context, client, address string) (remoteReset, error) {
	var r remoteReset
	p, err := e.store.View(ctx).Pending(kindRemoteReset, e.remoteResetDigest(client, address), e.now())
	if errors.Is(err, storage.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read reset: %w", err)
	}
	sealed, err := base64.RawStdEncoding.DecodeString(p.Data)
	if err == nil {
		sealed, err = e.keys.Open(sealed, remoteResetPlace(client, address)...)
	}
	if err == nil {
		err = json.Unmarshal(sealed, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read reset: %w", err)
	}
	return r, nil
}

// ResetPasswordAt ends such a reset with its code. The password is weighed before the code is looked at, by what everybody's has to be
// like: a person who chose too short a one keeps the code. What only the person's own data says against it is found out after, and
// costs the code: who has none must learn nothing of these. *WeakPassword, ErrNotAnswer, *WrongAnswer, *CodeGone, *TooMany, ErrBusy.
func (e *Engine) ResetPasswordAt(ctx context.Context, v Visitor, client, address, code, password string) error {
	now := e.now() // counted before a stranger's password is looked up elsewhere
	err := e.store.Write(ctx, func(tx storage.Tx) error { return e.spend(tx, e.cfg.Budgets.flows(), v.Network, now) })
	if err != nil {
		return err
	}
	if err := e.WeighPassword(ctx, storage.ID{}, password); err != nil {
		return err
	}
	address, err = NormalizeAddress(address)
	if err != nil {
		return &WrongAnswer{}
	}
	r, err := e.remoteReset(ctx, client, address)
	if err != nil {
		return err
	}
	if r.Flow == "" {
		return &CodeGone{Why: GoneExpired}
	}
	v.Browser = r.Browser
	in, err := e.CheckCode(ctx, v, Answer{Flow: r.Flow, Code: code})
	switch {
	case errors.Is(err, ErrFlowGone), errors.Is(err, ErrFlowDone):
		return &CodeGone{Why: GoneExpired}
	case err != nil:
		return err
	case in.Step != StepNewPassword:
		return &CodeGone{Why: GoneNever}
	}
	return e.ResetPassword(ctx, v, r.Flow, password)
}
