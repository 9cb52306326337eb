package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/cognito"
	"gatelatch/server/oidc"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// settingPool is the name under which the id of the pool is kept: verifiers of passwords depend on it, so that it never changes.
const settingPool = "cognito_pool"

// poolRegion is that of every pool here: of the form that clients insist on, and of no place that Amazon has, so that no password goes
// there if somebody forgets to say where this server is.
const poolRegion = "xx-local-1"

// poolID reads the id of the pool, and makes it at the very first start.
func poolID(ctx context.Context, store *storage.Store, now int64) (string, error) {
	document, err := store.View(ctx).Setting(settingPool)
	if errors.Is(err, storage.ErrNotFound) {
		err = store.Write(ctx, func(tx storage.Tx) error {
			if err := tx.LockConfiguration(); err != nil {
				return err
			}
			if document, err = tx.Setting(settingPool); !errors.Is(err, storage.ErrNotFound) {
				return err // another replica was faster
			}
			document = `"` + poolRegion + "_" + poolName() + `"`
			return tx.SaveSetting(settingPool, document, now)
		})
	}
	var id string
	if err == nil {
		err = json.Unmarshal([]byte(document), &id)
	}
	if err != nil {
		return "", fmt.Errorf("read the id of the pool: %w", err)
	}
	return id, nil
}

// poolName makes nine letters and digits: nothing else passes where clients look at the id.
func poolName() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	for b.Len() < 9 {
		for _, r := range secret.Random(16) {
			if int(r) < 4*len(letters) && b.Len() < 9 {
				b.WriteByte(letters[int(r)%len(letters)])
			}
		}
	}
	return b.String()
}

// pool mints the tokens of the Cognito door.
type pool struct{ provider *oidc.Provider }

// Issue implements cognito.Issuer.
func (p pool) Issue(ctx context.Context, live authn.Live, client, flow string) (cognito.Tokens, error) {
	id, err := storage.ParseID(flow)
	if err != nil {
		return cognito.Tokens{}, cognito.ErrAnswered
	}
	t, err := p.provider.Issue(ctx, live, client, id)
	return cognito.Tokens(t), poolReason(err)
}

// Renew implements cognito.Issuer.
func (p pool) Renew(ctx context.Context, refresh, client string) (cognito.Tokens, error) {
	t, err := p.provider.Renew(ctx, refresh, client)
	return cognito.Tokens(t), poolReason(err)
}

// End implements cognito.Issuer.
func (p pool) End(ctx context.Context, refresh, client string) error {
	return p.provider.EndPoolGrant(ctx, refresh, client)
}

// Holder implements cognito.Issuer.
func (p pool) Holder(ctx context.Context, access string) (cognito.Holder, error) {
	h, err := p.provider.Holder(ctx, access)
	return cognito.Holder(h), poolReason(err)
}

// poolReason gives the provider's reasons the door's names.
func poolReason(err error) error {
	switch {
	case errors.Is(err, oidc.ErrNotGranted):
		return cognito.ErrNotGranted
	case errors.Is(err, oidc.ErrExpired):
		return cognito.ErrExpired
	case errors.Is(err, oidc.ErrRevoked):
		return cognito.ErrRevoked
	case errors.Is(err, oidc.ErrReused):
		return cognito.ErrReused
	case errors.Is(err, oidc.ErrAnswered):
		return cognito.ErrAnswered
	}
	return err
}
