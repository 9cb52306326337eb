package oidc

import (
	"context"
	"strings"

	"github.com/ory/fosite"
)

// narrowing lets an exchange and a refresh ask for less than the grant has: one of its APIs (RFC 8707 §2.2), and at a refresh fewer
// scopes (RFC 6749 §6). Only the access token is narrowed: the grant's row keeps what was allowed, and the next refresh has it all
// again. Asking for more is invalid_scope or invalid_target.
type narrowing struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*narrowing)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (n *narrowing) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	var asked fosite.Arguments
	if r.GetGrantTypes().ExactOne("refresh_token") {
		asked = strings.Fields(r.GetRequestForm().Get("scope"))
	}
	if err := n.p.narrow(ctx, r, r.GetSession().(*session), asked); err != nil {
		return err
	}
	if len(asked) > 0 {
		r.(*fosite.AccessRequest).GrantedScope = asked // of the ID token
	}
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (*narrowing) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*narrowing) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*narrowing) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne("refresh_token") || r.GetGrantTypes().ExactOne("authorization_code") || r.GetGrantTypes().ExactOne(deviceGrantType)
}
