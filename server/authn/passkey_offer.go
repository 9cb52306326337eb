package authn

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatelatch/storage"
)

// When people are offered to make a passkey.
const (
	OfferNever  = "never"
	OfferNew    = "new"    // after they signed up, and after they had to be let in another way
	OfferSignIn = "signin" // also when they sign in, at most every 30 days
)

// offerEvery is how long nobody is asked again who has simply signed in.
const offerEvery = 30 * 24 * time.Hour

// OfferPasskey reports whether to ask somebody who has just signed in to make a passkey. Only who has none is asked, and nobody twice in
// the same flow: whoever asks shows the offer now.
func (e *Engine) OfferPasskey(ctx context.Context, in SignIn) (bool, error) {
	if in.Step != StepDone || in.Flow.ID.IsZero() {
		return false, nil
	}
	x, err := e.Experience(ctx)
	if err != nil || x.PasskeyOffer == OfferNever || !slices.Contains(x.Methods, MethodPasskey) || !e.Fresh(&in.Live) {
		return false, err
	}
	methods := strings.Fields(in.Live.Session.Methods)
	recovered := slices.Contains(methods, string(MethodLetter)) || slices.Contains(methods, string(MethodRecovery))
	if !in.New && !recovered && x.PasskeyOffer != OfferSignIn {
		return false, nil
	}
	now, offered := e.now(), false
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		offered = false
		n, err := tx.CountPasskeys(in.Live.User.ID)
		if err != nil || n > 0 {
			return err
		}
		b := budget{slows: "passkey_offers", limit: 1, window: offerEvery}
		err = e.spend(tx, b, in.Live.User.ID.String(), now)
		offered = err == nil || in.New || recovered
		if _, asked := err.(*TooMany); asked {
			return nil
		}
		return err
	})
	return offered && err == nil, err
}
