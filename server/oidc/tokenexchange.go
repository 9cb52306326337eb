package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/storage"
)

// Names of RFC 8693 §2.1 and §3.
const (
	exchangeGrantType = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType   = "urn:ietf:params:oauth:token-type:access_token"
	jwtTokenType      = "urn:ietf:params:oauth:token-type:jwt"
)

// maxActors is how many services may stand one behind the other.
const maxActors = 4

// actor is who acts for the subject of a token, and for whom they took over (RFC 8693 §4.1).
type actor struct {
	Subject string `json:"sub"`
	Before  *actor `json:"act,omitempty"`
}

// tokenExchange is delegation (RFC 8693): a service that was given an access token gets one of its own for another API, still about
// the same person, that says who acts. There is no impersonation: every such token has `act`. Nothing grows by it: neither scope, nor
// audience, nor life; and it ends with the grant it came from.
type tokenExchange struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*tokenExchange)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (x *tokenExchange) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form := r.GetClient().(*client), r.GetRequestForm()
	if c.Public() || !c.GetGrantTypes().Has(exchangeGrantType) {
		return fosite.ErrUnauthorizedClient.WithHint("This client may not exchange tokens: add the grant type token_exchange to the application.")
	}
	switch kind := form.Get("requested_token_type"); {
	case form.Get("subject_token_type") != accessTokenType:
		return fosite.ErrInvalidRequest.WithHint("subject_token_type must be " + accessTokenType + ".")
	case kind != "" && kind != accessTokenType && kind != jwtTokenType:
		return fosite.ErrInvalidRequest.WithHint("requested_token_type must be " + accessTokenType + ".")
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return fosite.ErrInvalidRequest.WithHint("The actor is the client that asks: leave actor_token out.")
	}
	subject, err := x.subject(ctx, c, form.Get("subject_token"))
	if err != nil {
		return err
	}
	resource, err := x.target(ctx, c, subject, append(slices.Clone(form["resource"]), form["audience"]...))
	if err != nil {
		return err
	}
	se := r.GetSession().(*session)
	se.client, se.resource, se.subject, se.actor = c.Client, &resource, subject.subject, &actor{c.ID, subject.actor}
	if subject.person != nil {
		se.grant = subject.person.grant
	}
	asked := strings.Fields(form.Get("scope"))
	if !subject.scopes.Has(asked...) {
		return fosite.ErrInvalidScope.WithHint("The scope goes beyond that of the subject_token.")
	}
	if len(asked) == 0 {
		asked = subject.scopes
	}
	se.scopes = slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !resource.Has(s) || !mayAsk(c.Client, s, resource) })
	se.end = time.Unix(subject.expires, 0)
	x.p.limit(se)
	return nil
}

// subject finds the token that is exchanged: alive, and one that this client was given, as the one it was issued to or as the server of
// the API it is for. Anything else looks like a token that does not exist (RFC 8693 §2.2.2).
func (x *tokenExchange) subject(ctx context.Context, c *client, token string) (*access, error) {
	unknown := fosite.ErrInvalidRequest.WithHint("The subject_token is missing, has expired, was revoked, or is not this client's to exchange.")
	a, err := x.p.accessToken(ctx, token)
	if errors.Is(err, errToken) {
		return nil, unknown
	}
	if err != nil {
		memoOf(ctx).failure = err
		return nil, err
	}
	if a.client.ID != c.ID && (a.resource == nil || !slices.Contains(a.resource.Servers, c.ID)) {
		return nil, unknown
	}
	depth := 1
	for before := a.actor; before != nil; before = before.Before {
		depth++
	}
	if depth > maxActors {
		return nil, fosite.ErrInvalidRequest.WithHint("The subject_token has been handed on too often.")
	}
	return a, nil
}

// target is the one API the new token is for: of those the person granted (or the subject itself may ask for), one the client may ask for.
func (x *tokenExchange) target(ctx context.Context, c *client, subject *access, named []string) (storage.Resource, error) {
	if len(named) != 1 {
		return storage.Resource{}, errTarget.WithHint("Name the one resource that the new token is for.")
	}
	within := subject.client.Settings.Resources
	if subject.person != nil {
		within = strings.Fields(subject.person.grant.Audience)
	}
	if !slices.Contains(within, named[0]) {
		return storage.Resource{}, errTarget.WithHint("The resource was not granted to the subject of the token.")
	}
	return x.p.resourceFor(ctx, c.Client, named[0])
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler. The token is always a JWT: only there it can say who acts.
func (x *tokenExchange) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, w fosite.AccessResponder) error {
	if !x.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	se := r.GetSession().(*session)
	token, err := x.p.jwtAccess(ctx, se, se.scopes)
	if err != nil {
		return err
	}
	w.SetAccessToken(token)
	w.SetTokenType("bearer")
	return nil
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*tokenExchange) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*tokenExchange) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(exchangeGrantType)
}
