package oidc

import (
	"context"
	"strings"

	"github.com/ory/fosite"
)

// narrowing lets a refresh ask for fewer scopes than the grant has (RFC 6749 §6). Only the access token is narrowed:
// the grant's row keeps what was allowed, and the next refresh has it all again. Asking for more is invalid_scope.
type narrowing struct{}

var _ fosite.TokenEndpointHandler = (*narrowing)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*narrowing) HandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) error {
	asked := fosite.Arguments(strings.Fields(r.GetRequestForm().Get("scope")))
	if len(asked) == 0 {
		return nil
	}
	if !r.GetGrantedScopes().Has(asked...) {
		return fosite.ErrInvalidScope.WithHint("The scope goes beyond what was granted.")
	}
	r.(*fosite.AccessRequest).GrantedScope = asked
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
	return r.GetGrantTypes().ExactOne("refresh_token")
}
