package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// pairwiseSetting is where the salt of pairwise subjects lies, sealed. It is no key of the key file: that one may change, and a
// person's subject never does.
const pairwiseSetting = "pairwise_salt"

// loadSalt reads the salt of pairwise subjects, and makes it at the very first start.
func (p *Provider) loadSalt(ctx context.Context) error {
	sealed, err := p.store.View(ctx).Setting(pairwiseSetting)
	if errors.Is(err, storage.ErrNotFound) {
		fresh := base64.RawURLEncoding.EncodeToString(p.secrets.Seal(secret.Random(32), "settings", pairwiseSetting, "value"))
		err = p.store.Write(ctx, func(tx storage.Tx) error {
			if err := tx.LockConfiguration(); err != nil {
				return err
			}
			if sealed, err = tx.Setting(pairwiseSetting); !errors.Is(err, storage.ErrNotFound) {
				return err // another replica was faster
			}
			sealed = `"` + fresh + `"`
			return tx.SaveSetting(pairwiseSetting, sealed, p.micros())
		})
	}
	if err != nil {
		return fmt.Errorf("read the salt of pairwise subjects: %w", err)
	}
	var (
		text string
		raw  []byte
	)
	if err = json.Unmarshal([]byte(sealed), &text); err == nil {
		raw, err = strictBase64.DecodeString(text)
	}
	if err != nil {
		return fmt.Errorf("read the salt of pairwise subjects: %w", err)
	}
	if p.salt, err = p.secrets.Open(raw, "settings", pairwiseSetting, "value"); err != nil {
		return fmt.Errorf("open the salt of pairwise subjects: %w", err)
	}
	return nil
}

// subject is what a client calls a person (OpenID Connect Core §8): their id, or for a client with pairwise subjects a name that only
// clients of its sector know them by, from which nobody finds the person or their name elsewhere (§8.1).
func (p *Provider) subject(c storage.Client, person storage.ID) string {
	if c.Settings.SubjectType != "pairwise" {
		return person.String()
	}
	h := hmac.New(sha256.New, p.salt)
	h.Write(person[:]) // of constant length, so that the sector is where it seems to be
	h.Write([]byte(c.Settings.Sector))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
