package authn

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"

	"gatelatch/storage"
)

// Assertion is an authenticator's answer that has been found right, and has still to be used up.
type Assertion struct {
	ceremony  Ceremony
	challenge []byte
	passkey   storage.Passkey
	flags     protocol.AuthenticatorFlags
	count     uint32
}

// strangerKey is a public key (COSE, ES256) whose other half nobody has: its x is the SHA-256 of "gatelatch: a key of nobody 0". What an
// unknown passkey says is checked against it, so that nobody can tell it from a known one that has not signed.
var strangerKey = []byte("\xa5\x01\x02\x03\x26\x20\x01" +
	"\x21\x58\x20\x85\xd7\xd6\xd7\x46\x1c\x81\x5c\x40\x51\x4c\x6c\x7d\xe6\x6c\x8f\x35\x4b\x4a\x3a\x6a\x8f\x09\x5c\xf2\x7b\xff\xc6\xf8\x13\xbe\x75" +
	"\x22\x58\x20\x6c\xc1\xb0\xe7\x3d\xbb\xca\x6e\x2e\x2a\xd2\x43\xbb\xf5\x5c\x72\x3d\x6c\xea\xef\x7e\x75\x4e\x8f\xe6\x40\x18\xd2\x8b\x5d\xfe\x7f")

// CheckedPasskey checks what navigator.credentials.get() has given for a ceremony, as JSON (WebAuthn Level 3 §7.2), up to what only the
// transaction can decide ([Engine.UsePasskey]). Nothing is written. *PasskeyError; any other error is the store's.
func (e *Engine) CheckedPasskey(ctx context.Context, c Ceremony, credential []byte) (Assertion, error) {
	if len(credential) > maxCredential {
		return Assertion{}, refusePasskey("the answer is too long")
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return Assertion{}, refusePasskey(err.Error())
	}
	said := answer.Response.CollectedClientData
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(said.Challenge)
	if err != nil || !e.answers(challengeUse, c, challenge, e.now()) {
		return Assertion{}, ErrPasskeyGone
	}
	p, err := e.store.View(ctx).Passkey(answer.RawID)
	unknown := errors.Is(err, storage.ErrNotFound)
	switch {
	case unknown:
		p.PublicKey = strangerKey
	case err != nil:
		return Assertion{}, fmt.Errorf("read passkey: %w", err)
	}
	const (
		verified = false // the user: asked of a first factor alone, by UsePasskey
		present  = true
	)
	err = answer.Verify(said.Challenge, e.party.id, "", append(slices.Clone(e.party.origins), c.Origins...), nil, nil, protocol.TopOriginExplicitVerificationMode, false, verified, present, p.PublicKey, protocol.SignaturePolicy{})
	var why *protocol.Error
	switch {
	case errors.As(err, &why) && why.Type == protocol.ErrAssertionSignature.Type:
		return Assertion{}, &PasskeyError{Reason: PasskeyUnknown, Detail: "nobody has this passkey, or it has not signed this", Credential: slices.Clone(answer.RawID)}
	case err != nil:
		return Assertion{}, refusePasskey(err.Error())
	case unknown:
		return Assertion{}, refusePasskey("a signature that nobody can make") // never: the key has no other half
	}
	data := answer.Response.AuthenticatorData
	handle := answer.Response.UserHandle
	switch {
	case len(handle) > 0 && !bytes.Equal(handle, p.UserID[:]), len(handle) == 0 && c.User.IsZero(): // §7.2 step 6
		return Assertion{}, refusePasskey("it names another person")
	case !c.User.IsZero() && p.UserID != c.User:
		return Assertion{}, refusePasskey("it is another person's")
	case data.Flags.HasBackupEligible() != p.BackupEligible, data.Flags.HasBackupState() && !data.Flags.HasBackupEligible():
		return Assertion{}, refusePasskey("its backup flags contradict what it is")
	}
	return Assertion{ceremony: c, challenge: challenge, passkey: p, flags: data.Flags, count: data.Counter}, nil
}

// UsePasskey uses up an answer in the caller's transaction and returns what it proves. outcome is why it proves nothing, in which case
// the write is to stand: *PasskeyError. A count of signatures that has not grown says that there are two of the key (§6.1.1): it is
// refused, and there is an event.
func (e *Engine) UsePasskey(tx storage.Tx, v Visitor, now int64, a Assertion) (proof Proof, outcome, err error) {
	if err := spendChallenge(tx, a.challenge, now); errors.Is(err, ErrPasskeyGone) {
		return Proof{}, err, nil
	} else if err != nil {
		return Proof{}, nil, err
	}
	p := a.passkey
	p.SignCount, p.BackedUp, p.UserVerified = int64(a.count), a.flags.HasBackupState(), a.flags.UserVerified()
	p.Used, p.UsedOn = now, Device(v.Agent)
	switch err := tx.UsePasskey(p); {
	case errors.Is(err, storage.ErrNotFound):
		return Proof{}, refusePasskey("it was removed meanwhile"), nil
	case errors.Is(err, storage.ErrSpent):
		refused := refusePasskey("its count of signatures went back: there may be two of it")
		return Proof{}, refused, tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasskeyDoubled, UserID: p.UserID, IP: ip(v), Detail: p.ID.String()})
	case err != nil:
		return Proof{}, nil, fmt.Errorf("use passkey: %w", err)
	}
	return Proof{UserID: p.UserID, Method: MethodPasskey, AMR: passkeyAMR(p.BackupEligible), Both: a.flags.UserVerified()}, nil, nil
}

// passkeyAMR is what a passkey earns (RFC 8176 §2): one that may be synced lives in software. Somebody was there, always.
func passkeyAMR(synced bool) string {
	if synced {
		return "swk user"
	}
	return "hwk user"
}

// PasskeyAnswer is what a browser brings back from an authenticator.
type PasskeyAnswer struct {
	Flow       string
	Credential []byte   // JSON
	Remember   bool     // "This is my device"
	Trust      bool     // "This device needs no second factor"
	Cookie     string   // value of the session cookie the browser has now
	Whose      string   // an address or username: only that person's passkey counts; "": whoever's
	Origins    []string // whose pages may answer, besides our own
}

// CheckPasskey signs in whose passkey it is, or takes it as the second factor of who has begun to sign in. One that begins a sign-in
// has to have verified its user, unless the settings only prefer that. *PasskeyError, ErrPasskeyGone, ErrFlowGone, ErrFlowDone.
func (e *Engine) CheckPasskey(ctx context.Context, v Visitor, in PasskeyAnswer) (SignIn, error) {
	f, err := e.flow(e.store.View(ctx), in.Flow, v.Browser, e.now())
	if err != nil {
		return SignIn{}, err
	}
	if f.Finished > 0 {
		return SignIn{}, ErrFlowDone
	}
	a, err := e.CheckedPasskey(ctx, Ceremony{Browser: v.Browser, Flow: f.ID, Origins: in.Origins}, in.Credential)
	if errors.Is(err, ErrPasskeyGone) && !f.UserID.IsZero() { // asked by the page of second factors
		a, err = e.CheckedPasskey(ctx, Ceremony{Browser: v.Browser, Flow: f.ID, User: f.UserID, Origins: in.Origins}, in.Credential)
	}
	if err != nil {
		e.logPasskey(ctx, err)
		return SignIn{}, err
	}
	var (
		signIn  SignIn
		outcome error
		now     = e.now()
	)
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, in.Flow, v.Browser, now)
		switch {
		case err != nil:
			return err
		case f.Finished > 0:
			return ErrFlowDone
		}
		var p Proof
		if p, outcome, err = e.UsePasskey(tx, v, now, a); err != nil || outcome != nil {
			return err
		}
		if in.Whose != "" {
			if u, err := e.named(tx, ReadIdentifier(in.Whose)); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			} else if err != nil || u.ID != p.UserID {
				outcome = refusePasskey("it is another person's than the one who was named")
				return nil
			}
		}
		if outcome, err = e.enough(tx, v, f, p, now); err != nil || outcome != nil {
			return err
		}
		p.Remember, p.Trust, p.Cookie = in.Remember, in.Trust, in.Cookie
		signIn, err = e.Finish(tx, now, v, &f, p)
		var refused *refusal
		if errors.As(err, &refused) {
			outcome = refusePasskey(refused.why)
			return nil
		}
		return err
	})
	if err == nil {
		err = outcome
	}
	if err != nil {
		e.logPasskey(ctx, err)
		return SignIn{}, err
	}
	return signIn, nil
}

// enough reports, as outcome, that a passkey which has not verified its user cannot begin this sign-in.
func (e *Engine) enough(tx storage.Tx, v Visitor, f storage.Flow, p Proof, now int64) (outcome, err error) {
	s, err := e.standing(tx, v, &f, now)
	if err != nil || p.Both || s.Experience.PasskeyVerification != VerificationRequired {
		return nil, err
	}
	if f.UserID == p.UserID && slices.Contains(s.Offers(), MethodPasskey) {
		return nil, nil
	}
	return refusePasskey("it has not verified its user, and nothing else was proven"), nil
}

// logPasskey tells the owner of the server what the visitor is not told.
func (e *Engine) logPasskey(ctx context.Context, err error) {
	var p *PasskeyError
	if errors.As(err, &p) {
		e.log.InfoContext(ctx, "passkey refused", "why", p.Detail)
	}
}
