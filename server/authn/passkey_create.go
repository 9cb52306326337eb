package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"

	"gatelatch/storage"
)

const (
	maxPasskeys    = 50 // of one person
	maxPasskeyName = 100
)

// Fresh reports whether somebody signed in just now, by everything that is asked of them: without that no way to sign in changes. A
// browser that was excused from the second factor of its person is not enough.
func (e *Engine) Fresh(live *Live) bool {
	age := time.Duration(e.now()-live.Session.AuthTime) * time.Microsecond
	return age <= freshSignIn && age > -time.Minute && !live.Short && !slices.Contains(strings.Fields(live.Session.Methods), methodDevice)
}

// AskNewPasskey is what to hand to navigator.credentials.create(), as JSON (PublicKeyCredentialCreationOptionsJSON), to make a passkey
// for the User of the ceremony. The user handle is the person's id, which says nothing about them (§14.6.1).
func (e *Engine) AskNewPasskey(ctx context.Context, c Ceremony) ([]byte, error) {
	tx := e.store.View(ctx)
	u, err := tx.User(c.User)
	if err != nil {
		return nil, fmt.Errorf("read person: %w", err)
	}
	address, err := e.Address(ctx, c.User)
	if err != nil {
		return nil, err
	}
	known, err := e.descriptors(ctx, c.User)
	if err != nil {
		return nil, err
	}
	x, err := e.Experience(ctx)
	if err != nil {
		return nil, err
	}
	called := firstOf(address, u.Username, u.Name)
	return json.Marshal(protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{CredentialEntity: protocol.CredentialEntity{Name: e.party.id}, ID: e.party.id},
		User:         protocol.UserEntity{CredentialEntity: protocol.CredentialEntity{Name: called}, DisplayName: firstOf(u.Name, called), ID: protocol.URLEncodedBase64(c.User[:])},
		Challenge:    e.newChallenge(challengeCreate, c, e.now()), Parameters: algorithms, Timeout: int(ceremonyLife.Milliseconds()), CredentialExcludeList: known,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.UserVerificationRequirement(x.PasskeyVerification),
		},
		Attestation: protocol.PreferNoAttestation,
	})
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// CheckedNewPasskey checks what navigator.credentials.create() has given for a ceremony, as JSON (WebAuthn Level 3 §7.1), and returns
// the passkey that is to be kept ([Engine.KeepPasskey]). Nothing is written. *PasskeyError, ErrPasskeyGone.
func (e *Engine) CheckedNewPasskey(ctx context.Context, v Visitor, c Ceremony, credential []byte) (NewPasskey, error) {
	if len(credential) > maxCredential {
		return NewPasskey{}, refusePasskey("the answer is too long")
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return NewPasskey{}, refusePasskey(err.Error())
	}
	said := answer.Response.CollectedClientData
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(said.Challenge)
	if err != nil || !e.answers(challengeCreate, c, challenge, e.now()) {
		return NewPasskey{}, ErrPasskeyGone
	}
	x, err := e.Experience(ctx)
	if err != nil {
		return NewPasskey{}, err
	}
	verified, present := x.PasskeyVerification == VerificationRequired, true
	if _, err := answer.Verify(said.Challenge, e.party.id, append(slices.Clone(e.party.origins), c.Origins...), nil, nil, protocol.TopOriginExplicitVerificationMode, false, verified, present, nil, algorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return NewPasskey{}, refusePasskey(err.Error())
	}
	data := answer.Response.AttestationObject.AuthData
	switch flags := data.Flags; {
	case flags.HasBackupState() && !flags.HasBackupEligible():
		return NewPasskey{}, refusePasskey("its backup flags contradict each other")
	case len(data.AttData.CredentialID) < 16: // §4, Credential ID
		return NewPasskey{}, refusePasskey("its id is too short to be nobody else's")
	}
	now, on := e.now(), Device(v.Agent)
	p := storage.Passkey{ID: storage.NewID(), UserID: c.User, CredentialID: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, SignCount: int64(data.Counter),
		Name: firstOf(authenticatorNames[[16]byte(data.AttData.AAGUID)], on), AAGUID: data.AttData.AAGUID, Transports: transports(answer.Response.Transports), Attachment: string(answer.AuthenticatorAttachment),
		BackupEligible: data.Flags.HasBackupEligible(), BackedUp: data.Flags.HasBackupState(), UserVerified: data.Flags.UserVerified(), Created: now, CreatedOn: on}
	return NewPasskey{Passkey: p, challenge: challenge}, nil
}

// NewPasskey is a passkey that has been made and has still to be kept.
type NewPasskey struct {
	storage.Passkey
	challenge []byte
}

// transports keeps those that have a meaning (WebAuthn Level 3 §5.8.4).
func transports(said []protocol.AuthenticatorTransport) []string {
	list := []string{}
	for _, t := range []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal} {
		if slices.Contains(said, t) {
			list = append(list, string(t))
		}
	}
	return list
}

// KeepPasskey writes a new passkey and its event in the caller's transaction, who answers for the person having proven who they are just
// now. outcome is why there is none, in which case nothing was written: *PasskeyError, ErrPasskeyGone.
func (e *Engine) KeepPasskey(tx storage.Tx, v Visitor, now int64, p NewPasskey) (outcome, err error) {
	n, err := tx.CountPasskeys(p.UserID)
	switch {
	case err != nil:
		return nil, fmt.Errorf("count passkeys: %w", err)
	case n >= maxPasskeys:
		return &PasskeyError{Reason: PasskeyFull, Detail: "the person has as many passkeys as anybody can have"}, nil
	}
	switch _, err := tx.Passkey(p.CredentialID); {
	case err == nil:
		return &PasskeyError{Reason: PasskeyTaken, Detail: "there is a passkey with this id"}, nil
	case !errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("look for passkey: %w", err)
	}
	if err := spendChallenge(tx, p.challenge, now); errors.Is(err, ErrPasskeyGone) {
		return err, nil
	} else if err != nil {
		return nil, err
	}
	if err := tx.InsertPasskey(p.Passkey); err != nil {
		return nil, fmt.Errorf("keep passkey: %w", err)
	}
	if err := e.notice(tx, v, p.UserID, change{kind: NoticePasskeyAdded, by: actor(p.UserID), subject: p.ID.String()}, now); err != nil {
		return nil, err
	}
	return nil, tx.InsertEvent(ownEvent(v, p.UserID, storage.EventPasskeyCreated, p.Name))
}

// MakePasskey checks and keeps a new passkey of a ceremony whose caller answers for the person having proven who they are.
// *PasskeyError, ErrPasskeyGone.
func (e *Engine) MakePasskey(ctx context.Context, v Visitor, c Ceremony, credential []byte) (storage.Passkey, error) {
	p, err := e.CheckedNewPasskey(ctx, v, c, credential)
	if err != nil {
		e.logPasskey(ctx, err)
		return storage.Passkey{}, err
	}
	var outcome error
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) (err error) {
		outcome, err = e.KeepPasskey(tx, v, now, p)
		return err
	})
	if err == nil {
		err = outcome
	}
	e.outbox.wakeUp()
	return p.Passkey, err
}

// sessionCeremony is the one in which who is signed in makes a passkey.
func sessionCeremony(v Visitor, live *Live) Ceremony {
	return Ceremony{Browser: v.Browser + "/" + live.Session.ID.String(), User: live.User.ID}
}

// AskToAddPasskey is AskNewPasskey for who is signed in; ErrSignIn if they did so too long ago.
func (e *Engine) AskToAddPasskey(ctx context.Context, v Visitor, live *Live) ([]byte, error) {
	if !e.Fresh(live) {
		return nil, ErrSignIn
	}
	return e.AskNewPasskey(ctx, sessionCeremony(v, live))
}

// AddPasskey keeps a new passkey of who is signed in. ErrSignIn if they did so too long ago; *PasskeyError, ErrPasskeyGone.
func (e *Engine) AddPasskey(ctx context.Context, v Visitor, live *Live, credential []byte) (storage.Passkey, error) {
	if !e.Fresh(live) {
		return storage.Passkey{}, ErrSignIn
	}
	return e.MakePasskey(ctx, v, sessionCeremony(v, live), credential)
}

// AskToEnrolPasskey is AskNewPasskey for a person who has to set up a second factor before their sign-in is done. ErrFlowGone, ErrFlowDone,
// ErrSignIn if this flow asks for something else.
func (e *Engine) AskToEnrolPasskey(ctx context.Context, v Visitor, flow string) ([]byte, error) {
	f, _, err := e.enrolling(e.store.View(ctx), v, flow, MethodPasskey, e.now())
	if err != nil {
		return nil, err
	}
	return e.AskNewPasskey(ctx, Ceremony{Browser: v.Browser, Flow: f.ID, User: f.UserID})
}

// EnrolPasskey keeps a new passkey inside a sign-in, which goes on with it as its second factor.
// *PasskeyError, ErrPasskeyGone, ErrFlowGone, ErrFlowDone, ErrSignIn.
func (e *Engine) EnrolPasskey(ctx context.Context, v Visitor, in PasskeyAnswer) (SignIn, error) {
	f, _, err := e.enrolling(e.store.View(ctx), v, in.Flow, MethodPasskey, e.now())
	if err != nil {
		return SignIn{}, err
	}
	p, err := e.CheckedNewPasskey(ctx, v, Ceremony{Browser: v.Browser, Flow: f.ID, User: f.UserID}, in.Credential)
	if err != nil {
		e.logPasskey(ctx, err)
		return SignIn{}, err
	}
	var (
		signIn  SignIn
		outcome error
		now     = e.now()
	)
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		outcome = nil
		f, s, err := e.enrolling(tx, v, in.Flow, MethodPasskey, now)
		switch {
		case err != nil:
			return err
		case s.User != p.UserID: // somebody else goes on in this flow by now
			return ErrSignIn
		}
		if outcome, err = e.KeepPasskey(tx, v, now, p); err != nil || outcome != nil {
			return err
		}
		signIn, err = e.Finish(tx, now, v, &f, Proof{UserID: s.User, Method: MethodPasskey, AMR: passkeyAMR(p.BackupEligible), Both: p.UserVerified, Remember: in.Remember, Trust: in.Trust, Cookie: in.Cookie})
		return err
	})
	if err == nil {
		err = outcome
	}
	return signIn, err
}

// Passkeys lists the passkeys of a person, the oldest first.
func (e *Engine) Passkeys(ctx context.Context, user storage.ID) ([]storage.Passkey, error) {
	return e.store.View(ctx).Passkeys(user)
}

// RenamePasskey gives a passkey of a person another name, trimmed and without control characters. by is who does it, for the audit log.
// ErrNoPasskey; ErrNotAnswer if nothing is left of the name, or too much.
func (e *Engine) RenamePasskey(ctx context.Context, by string, user, id storage.ID, name string) error {
	if !utf8.ValidString(name) {
		return ErrNotAnswer
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName {
		return ErrNotAnswer
	}
	return e.changePasskey(ctx, user, func(tx storage.Tx) error {
		if err := tx.RenamePasskey(user, id, name); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasskeyRenamed, Actor: by, UserID: user, Detail: id.String()})
	})
}

// RemovePasskey takes a passkey from a person, and with the last one what hangs on having any. Every browser asks for what is left
// again. by is who does it, for the audit log. ErrNoPasskey, ErrLastWayIn.
func (e *Engine) RemovePasskey(ctx context.Context, by string, user, id storage.ID) error {
	now := e.now()
	return e.changePasskey(ctx, user, func(tx storage.Tx) error {
		if err := e.dropPasskey(tx, by, user, id, now); err != nil {
			return err
		}
		return e.notice(tx, e.from(ctx), user, change{kind: NoticePasskeyRemoved, by: by}, now)
	})
}

// dropPasskey is RemovePasskey without the mail.
func (e *Engine) dropPasskey(tx storage.Tx, by string, user, id storage.ID, now int64) error {
	if err := tx.DeletePasskey(user, id); err != nil {
		return err
	}
	left, err := e.factors(tx, user)
	if err != nil {
		return err
	}
	if err := e.keepsWayIn(tx, left); err != nil {
		return err
	}
	if err := tx.ForgetProgress(user); err != nil {
		return err
	}
	if left.Passkeys == 0 {
		if err := e.withdraw(tx, user, MethodPasskey, now); err != nil {
			return err
		}
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasskeyRemoved, Actor: by, UserID: user, Detail: id.String()})
}

func (e *Engine) changePasskey(ctx context.Context, user storage.ID, change func(storage.Tx) error) error {
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.HoldUser(user); err != nil {
			return err
		}
		return change(tx)
	})
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNoPasskey
	}
	if err != nil {
		return fmt.Errorf("change passkey: %w", err)
	}
	e.outbox.wakeUp()
	return nil
}
