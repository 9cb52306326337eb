package authn

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Ceremony is what a challenge is bound to: the answer counts only where every field is the same as it was when the browser was
// asked (WebAuthn Level 3 §13.4.3).
type Ceremony struct {
	Browser string     // value of the browser's cookie, or another secret that only the one asked has
	Flow    storage.ID // the sign-in it belongs to; zero: none
	User    storage.ID // who is asked, and nobody else; zero: whoever has a passkey here
	Origins []string   // whose pages may answer, besides our own; not part of what is bound
}

// What a challenge is for: an answer to one is none to the other.
const (
	challengeUse    = "use"
	challengeCreate = "create"
)

// ceremonyLife is how long a challenge can be answered.
const ceremonyLife = 5 * time.Minute

// maxCredential bounds the answer of an authenticator, in bytes. The largest honest ones (RSA keys) stay below 4 KiB.
const maxCredential = 16 << 10

// How strictly a passkey that begins a sign-in has to verify its user.
const (
	VerificationRequired  = "required"  // always: it is two factors in one
	VerificationPreferred = "preferred" // a passkey that cannot is one factor
)

// algorithms are those that new passkeys may have, the most welcome first (WebAuthn Level 3 §5.4).
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// party is this server as authenticators know it.
type party struct {
	id      string   // host of the public address
	origins []string // whose pages may ask, our own first
}

func partyOf(c Config) party {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return party{}
	}
	return party{id: u.Hostname(), origins: append([]string{u.Scheme + "://" + u.Host}, c.RelatedOrigins...)}
}

// PasskeysWork reports whether browsers let a server with this public address have passkeys: by https at a host name, or on this
// machine as localhost (WebAuthn Level 3 §5.1.3; Secure Contexts §3.1).
func PasskeysWork(public *url.URL) bool {
	host := public.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return public.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// RelatedOrigins are the other origins whose pages may use the passkeys of this server (WebAuthn Level 3 §5.11.1).
func (e *Engine) RelatedOrigins() []string { return slices.Clone(e.cfg.RelatedOrigins) }

// newChallenge makes the random bytes that a browser has to have signed. They carry their own proof of where they belong, so that
// showing a page writes nothing; what has been answered is kept until its time is over.
func (e *Engine) newChallenge(what string, c Ceremony, now int64) []byte {
	head := append(binary.BigEndian.AppendUint64([]byte{e.keys.Active()}, uint64(now)), secret.Random(nonceSize)...)
	return append(head, e.challengeProof(what, c, head)...)
}

const challengeHead = 1 + 8 + nonceSize

func (e *Engine) challengeProof(what string, c Ceremony, head []byte) []byte {
	return e.keys.DigestUnder(head[0], "passkey-challenge", []byte(what), head, []byte(c.Browser), c.Flow[:], c.User[:])
}

// answers reports whether a challenge was made for this ceremony and can still be answered.
func (e *Engine) answers(what string, c Ceremony, challenge []byte, now int64) bool {
	if c.Browser == "" || len(challenge) < challengeHead {
		return false
	}
	head := challenge[:challengeHead]
	proof := e.challengeProof(what, c, head)
	at := int64(binary.BigEndian.Uint64(head[1:]))
	age := time.Duration(now-at) * time.Microsecond
	return proof != nil && secret.Equal(proof, challenge[challengeHead:]) && age > -time.Minute && age < ceremonyLife // replicas' clocks differ a little
}

// spendChallenge takes a challenge out of the world; ErrPasskeyGone for everybody after the first.
func spendChallenge(tx storage.Tx, challenge []byte, now int64) error {
	err := tx.UseJTI(secret.Hash("passkey "+string(challenge)), now+2*ceremonyLife.Microseconds())
	if errors.Is(err, storage.ErrSpent) {
		return ErrPasskeyGone
	}
	return err
}

// AskPasskey is what to hand to navigator.credentials.get(), as JSON (PublicKeyCredentialRequestOptionsJSON). Without a User it
// lists nobody's passkeys: the authenticator looks for its own. With one, that person must have proven who they are already, for the
// answer lists their passkeys.
func (e *Engine) AskPasskey(ctx context.Context, c Ceremony) ([]byte, error) {
	options := protocol.PublicKeyCredentialRequestOptions{
		Challenge: e.newChallenge(challengeUse, c, e.now()), Timeout: int(ceremonyLife.Milliseconds()), RelyingPartyID: e.party.id, UserVerification: protocol.VerificationPreferred,
	}
	if !c.User.IsZero() {
		list, err := e.descriptors(ctx, c.User)
		if err != nil {
			return nil, err
		}
		options.AllowedCredentials = list
		return json.Marshal(options)
	}
	x, err := e.Experience(ctx)
	if err != nil {
		return nil, err
	}
	options.UserVerification = protocol.UserVerificationRequirement(x.PasskeyVerification)
	return json.Marshal(options)
}

// descriptors names a person's passkeys to an authenticator.
func (e *Engine) descriptors(ctx context.Context, user storage.ID) ([]protocol.CredentialDescriptor, error) {
	passkeys, err := e.store.View(ctx).Passkeys(user)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	var list []protocol.CredentialDescriptor
	for _, p := range passkeys {
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.CredentialID}
		for _, t := range p.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		list = append(list, d)
	}
	return list, nil
}
