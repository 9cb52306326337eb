package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"gatelatch/server/web"
	"gatelatch/storage"
)

var errToken = &web.Error{Status: http.StatusUnauthorized, Code: "invalid_token", Message: "The access token is missing, has expired or was revoked."}

// access is an access token that is alive.
type access struct {
	client  storage.Client // it was issued to
	person  *memo          // the grant and its person; nil: the client acts for itself
	scopes  fosite.Arguments
	issued  int64 // unix seconds; 0: the token does not say
	expires int64 // unix seconds
}

// accessToken is the one place that decides whether an access token is alive: genuine, not over, not revoked, its person active, its
// client still there. Whatever it is presented to, nobody asks in another way. errToken if it is not.
func (p *Provider) accessToken(ctx context.Context, token string) (*access, error) {
	if strings.HasPrefix(token, machinePrefix) {
		return p.machineAccess(ctx, token)
	}
	ctx, _ = withMemo(ctx)
	t, m, err := (&grantStore{p}).load(ctx, token, kindAccess)
	if errors.Is(err, fosite.ErrNotFound) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	if p.now().Unix() >= int64(t.expires) || m.grant.RevokedAt > 0 || m.grant.CodeSpent == 0 || !m.user.Active() {
		return nil, errToken
	}
	a := &access{client: m.client, person: m, expires: int64(t.expires)}
	for i, scope := range strings.Fields(m.grant.Scope) {
		if i < 32 && t.scopes&(1<<i) != 0 {
			a.scopes = append(a.scopes, scope)
		}
	}
	return a, nil
}
