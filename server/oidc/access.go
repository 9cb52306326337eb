package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatelatch/server/web"
	"gatelatch/storage"
)

// errToken is a token that is not alive, also where it is known why (errOver, errEnded); errBound one that is, of somebody else for all we know (RFC 9449 §7.1).
var (
	errToken = refusedToken("The access token has expired, was revoked or is not one of this server.")
	errOver  = fmt.Errorf("it is over: %w", errToken)
	errEnded = fmt.Errorf("its grant was ended: %w", errToken)
	errBound = refusedToken("The access token is bound to a key: send it as Authorization: DPoP, with a proof in the DPoP header.")
)

// refusedToken says why an access token is not accepted (RFC 6750 §3.1).
func refusedToken(why string) *web.Error {
	return &web.Error{Status: http.StatusUnauthorized, Code: "invalid_token", Message: why}
}

// access is an access token that is alive.
type access struct {
	client   storage.Client // it was issued to
	person   *memo          // the grant and its person; nil: the client acts for itself
	scopes   fosite.Arguments
	resource *storage.Resource // it is for; nil: this server itself
	subject  string
	actor    *actor // who acts, of an exchanged token
	jkt      string // thumbprint of the key it is bound to (RFC 9449); "": none
	id       string // jti, of a JWT
	issued   int64  // unix seconds
	expires  int64  // unix seconds
}

// accessToken is the one place that decides whether an access token is alive: genuine, not over, not revoked, its person active, its
// client still there. Whatever it is presented to, nobody asks in another way. errToken if it is not.
func (p *Provider) accessToken(ctx context.Context, token string) (*access, error) {
	if strings.HasPrefix(token, machinePrefix) {
		return p.machineAccess(ctx, token)
	}
	if strings.Count(token, ".") == 2 {
		a, err := p.jwtAlive(ctx, token)
		if err != nil {
			return nil, err
		}
		return a, nil
	}
	ctx, _ = withMemo(ctx)
	t, m, err := (&grantStore{p}).load(ctx, token, kindAccess)
	if errors.Is(err, fosite.ErrNotFound) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	if p.now().Unix() >= int64(t.expires) || !m.alive() {
		return nil, errToken
	}
	a := &access{client: m.client, person: m, subject: p.subject(m.client, m.grant.UserID), issued: int64(t.issued), expires: int64(t.expires)}
	a.jkt = base64.RawURLEncoding.EncodeToString(t.jkt)
	if t.audience > 0 {
		audience := strings.Fields(m.grant.Audience)
		if int(t.audience) > len(audience) {
			return nil, errToken
		}
		r, known, err := p.knownResource(ctx, audience[t.audience-1])
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, errToken
		}
		a.resource = &r
	}
	for i, scope := range strings.Fields(m.grant.Scope) {
		if i < maxScopes && t.scopes&(1<<i) != 0 {
			a.scopes = append(a.scopes, scope)
		}
	}
	return a, nil
}
