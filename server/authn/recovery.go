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

// Recovery codes: so many in a set, of 80 random bits each.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

// recoveryDigits are Crockford's: no letter that could be read as another one.
const recoveryDigits = "0123456789abcdefghjkmnpqrstvwxyz"

// newRecoveryCode is 16 digits in groups of four.
func newRecoveryCode() string {
	var b strings.Builder
	var bits, n uint
	for _, c := range secret.Random(recoveryBytes) {
		bits, n = bits<<8|uint(c), n+8
		for ; n >= 5; n -= 5 {
			if b.Len()%5 == 4 {
				b.WriteByte('-')
			}
			b.WriteByte(recoveryDigits[bits>>(n-5)&31])
		}
	}
	return b.String()
}

// readRecoveryCode brings a typed code into the form it was made in; false if it cannot be one.
func readRecoveryCode(typed string) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	var b strings.Builder
	for _, r := range strings.NewReplacer("o", "0", "i", "1", "l", "1", "-", "", "\u2013", "", " ", "", "\t", "", "\u00a0", "").Replace(strings.ToLower(typed)) {
		if r > 'z' || !strings.ContainsRune(recoveryDigits, r) {
			return "", false
		}
		if b.Len()%5 == 4 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	const size = recoveryBytes*8/5 + recoveryBytes*8/5/4 - 1
	return b.String(), b.Len() == size
}

// recoveryDigest is what is kept of a code, under the key of that number: its number comes first.
func (e *Engine) recoveryDigest(number byte, user storage.ID, code string) []byte {
	return append([]byte{number}, e.keys.DigestUnder(number, "recovery-code", user[:], []byte(code))...)
}

// spendRecovery uses up a recovery code of a person, once.
func (e *Engine) spendRecovery(tx storage.Tx, user storage.ID, code string, now int64) (outcome, err error) {
	for _, number := range e.keys.Numbers() {
		err := tx.SpendRecoveryCode(user, e.recoveryDigest(number, user, code), now)
		if !errors.Is(err, storage.ErrSpent) {
			return nil, err
		}
	}
	return ErrWrongAnswer, nil
}

// kindRecovery names the codes, among pending things, that somebody has not yet said to have kept.
const kindRecovery = "recovery_codes"

// makeRecoveryCodes gives a person a new set in the place of the old one, and keeps it, sealed, for the page where they are shown.
func (e *Engine) makeRecoveryCodes(tx storage.Tx, s SetUpBy, now int64) error {
	codes, digests := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		codes[i] = newRecoveryCode()
		digests[i] = e.recoveryDigest(e.keys.Active(), s.User, codes[i])
	}
	if err := tx.ReplaceRecoveryCodes(s.User, digests, now); err != nil {
		return err
	}
	list, err := json.Marshal(codes)
	if err != nil {
		return err
	}
	if err := e.keepSetUp(tx, kindRecovery, s, list, now); err != nil {
		return err
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventRecoveryCodes, Actor: s.By, UserID: s.User})
}

// makeFirstRecoveryCodes does so for a person who has none left.
func (e *Engine) makeFirstRecoveryCodes(tx storage.Tx, s SetUpBy, now int64) error {
	unused, _, err := tx.RecoveryCodes(s.User)
	if err != nil || unused > 0 {
		return err
	}
	return e.makeRecoveryCodes(tx, s, now)
}

// NewRecoveryCodes gives a person a new set; the old ones work no more. UnsavedRecoveryCodes has them. ErrNotEnrolled if they have no
// second factor to recover from, ErrNoUser.
func (e *Engine) NewRecoveryCodes(ctx context.Context, s SetUpBy) error {
	err := e.changeUser(ctx, s.User, func(tx storage.Tx, u storage.User, now int64) error {
		has, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if !has.TOTP && has.Passkeys == 0 {
			return ErrNotEnrolled
		}
		if err := e.notice(tx, e.from(ctx), u.ID, change{kind: NoticeRecoveryCodes, by: s.By}, now); err != nil {
			return err
		}
		return e.makeRecoveryCodes(tx, s, now)
	})
	e.outbox.wakeUp()
	return err
}

// UnsavedRecoveryCodes are those that were made here and that the person has not said to have kept (SavedRecoveryCodes); nil if
// there are none.
func (e *Engine) UnsavedRecoveryCodes(ctx context.Context, s SetUpBy) ([]string, error) {
	list, err := e.keptSetUp(e.store.View(ctx), kindRecovery, s, e.now())
	if errors.Is(err, ErrNoSetUp) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var codes []string
	return codes, json.Unmarshal(list, &codes)
}

// SavedRecoveryCodes ends the showing of recovery codes: nobody sees them again.
func (e *Engine) SavedRecoveryCodes(ctx context.Context, s SetUpBy) error {
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error { return e.dropSetUp(tx, kindRecovery, s, now) })
	if err != nil {
		return fmt.Errorf("end the showing of recovery codes: %w", err)
	}
	return nil
}
