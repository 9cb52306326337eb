package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/ory/fosite"

	"gatelatch/server/secret"
)

// proof is PKCE (RFC 7636) over the grant's own row. fosite's handler deletes the challenge before it compares the verifier,
// so that a wrong one opens the way for none at all; here nothing is deleted, and the challenge goes with the code.
//
// Who must send a challenge is decided at the authorization endpoint. Here: a challenge demands its verifier, and a verifier
// without a challenge is refused (RFC 9700 §4.8.2, downgrade).
type proof struct{ store *grantStore }

var _ fosite.TokenEndpointHandler = (*proof)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*proof) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	challenge, verifier := requestOf(memoOf(ctx).grant).Get("code_challenge"), r.GetRequestForm().Get("code_verifier")
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge == "":
		return fosite.ErrInvalidGrant.WithHint("A code_verifier came, but the authorization request had no code_challenge.")
	case verifier == "":
		return fosite.ErrInvalidGrant.WithHint("The authorization request had a code_challenge: send its code_verifier.")
	case !validVerifier(verifier):
		return fosite.ErrInvalidGrant.WithHint("The code_verifier must be 43 to 128 characters from A-Z, a-z, 0-9, '-', '.', '_' and '~'.")
	}
	sum := sha256.Sum256([]byte(verifier))
	if !secret.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) {
		return fosite.ErrInvalidGrant.WithHint("The code_verifier does not fit the code_challenge of the authorization request.")
	}
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (*proof) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*proof) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*proof) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne("authorization_code")
}

// validVerifier checks the form of a code_verifier (RFC 7636 §4.1).
func validVerifier(v string) bool {
	if len(v) < 43 || len(v) > 128 {
		return false
	}
	return strings.IndexFunc(v, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	}) < 0
}

// validChallenge checks the form of an S256 code_challenge (RFC 7636 §4.2): 32 bytes in base64url.
func validChallenge(c string) bool {
	b, err := strictBase64.DecodeString(c)
	return err == nil && len(b) == sha256.Size
}
