package authn

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// What every authenticator app knows (RFC 6238): HMAC-SHA-1 over steps of 30 seconds, six digits. A code of the step before and of
// the one after counts, too, for clocks that differ (§5.2).
const (
	totpPeriod  = 30
	totpSkew    = 1
	totpKeySize = 20 // RFC 4226 §4 R6
)

var base32Key = base32.StdEncoding.WithPadding(base32.NoPadding)

// Authenticator is what an authenticator app has to be told.
type Authenticator struct {
	Key string // base32, to be typed
	URI string // otpauth://, to be scanned
}

// authenticator writes a key down for a person whom the app shows under that address.
func (e *Engine) authenticator(key []byte, address string) (Authenticator, error) {
	service := e.host
	if name, _, err := net.SplitHostPort(service); err == nil {
		service = name // a colon would end the name
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: service, AccountName: address, Secret: key, Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return Authenticator{}, fmt.Errorf("write down an authenticator's key: %w", err)
	}
	return Authenticator{Key: base32Key.EncodeToString(key), URI: k.URL()}, nil
}

// totpStep finds the time step near now of which a typed code is; false if it is of none. All of them are compared, whatever the
// first ones say.
func totpStep(key []byte, typed string, now int64) (step int64, ok bool, err error) {
	current := now / 1e6 / totpPeriod
	text := base32Key.EncodeToString(key)
	for s := current - totpSkew; s <= current+totpSkew; s++ {
		code, err := hotp.GenerateCodeCustom(text, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("make an authenticator's code: %w", err)
		}
		if secret.Equal([]byte(code), []byte(typed)) {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// spendTOTP checks a code of a person's authenticator and uses its step up. outcome is the reason of a code that is not right, or was
// used already: the guess stays counted.
func (e *Engine) spendTOTP(tx storage.Tx, user storage.ID, typed string, now int64) (outcome, err error) {
	t, err := tx.UserTOTP(user)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrWrongAnswer, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read authenticator: %w", err)
	}
	key, err := e.keys.Open(t.Sealed, totpPlace(t.ID)...)
	if err != nil {
		return nil, fmt.Errorf("open authenticator %s: %w", t.ID, err)
	}
	step, ok, err := totpStep(key, typed, now)
	if err != nil || !ok {
		return ErrWrongAnswer, err
	}
	err = tx.SpendTOTP(t.ID, step, now)
	if errors.Is(err, storage.ErrSpent) {
		return &CodeGone{Why: GoneSpent}, nil
	}
	return nil, err
}

func totpPlace(id storage.ID) []string { return []string{"totps", id.String(), "sealed"} }
