package oidc

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/storage"
)

const (
	jwtAccessLife = 15 * time.Minute // of a JWT access token, where nobody has said otherwise
	maxAudiences  = 250              // that one grant names: the index in a token is a byte
	maxScopes     = 32               // that one grant has: the mask in a token has so many bits
)

// errTarget is RFC 8707 §2: the same for an API that does not exist, one this client may not ask for, and one that was not granted.
var errTarget = &fosite.RFC6749Error{ErrorField: "invalid_target", DescriptionField: "The requested resource is unknown, not allowed for this client, or was not granted.", CodeField: 400}

// resourceFor returns an API the client may ask tokens for now; errTarget.
func (p *Provider) resourceFor(ctx context.Context, c storage.Client, id string) (storage.Resource, error) {
	r, known, err := p.knownResource(ctx, id)
	if err != nil {
		return storage.Resource{}, err
	}
	if !known || !slices.Contains(c.Settings.Resources, id) && !(c.Unchecked() && r.Settings.Unchecked) {
		return storage.Resource{}, errTarget.WithHint("The resource " + describable(loggable(id)) + " is unknown, or this client may not ask for it.")
	}
	return r, nil
}

// knownResource returns the API of that identifier, whoever asks.
func (p *Provider) knownResource(ctx context.Context, id string) (storage.Resource, bool, error) {
	s, err := p.cache.snapshot(ctx)
	if err != nil {
		return storage.Resource{}, false, err
	}
	r, known := s.resources[id]
	return r, known, nil
}

// mayAsk reports whether a client may have a scope: a standard one, or one of an API; in both cases as far as its own list goes.
func mayAsk(c storage.Client, scope string, of ...storage.Resource) bool {
	if c.Settings.Scopes != nil && !slices.Contains(c.Settings.Scopes, scope) {
		return false
	}
	return slices.Contains(knownScopes, scope) || slices.ContainsFunc(of, func(r storage.Resource) bool { return r.Has(scope) })
}

// checkResources reads the APIs an authorization request is for (RFC 8707 §2.1).
func (a *authorizeRequest) checkResources(p *Provider, ctx context.Context) error {
	for _, id := range a.params["resource"] {
		if slices.ContainsFunc(a.resources, func(r storage.Resource) bool { return r.ID == id }) {
			continue
		}
		if u, err := url.Parse(id); err != nil || !u.IsAbs() || strings.Contains(id, "#") {
			return a.refuse("invalid_target", "resource must be an absolute URI without a fragment.")
		}
		r, err := p.resourceFor(ctx, a.client.Client, id)
		if storage.Away(err) {
			return err
		}
		if err != nil {
			return a.refuse("invalid_target", fosite.ErrorToRFC6749Error(err).HintField)
		}
		a.resources = append(a.resources, r)
	}
	if len(a.resources) > maxAudiences {
		return a.refuse("invalid_target", "The request names more resources than one grant can have.")
	}
	return nil
}

// audience is what the grant's row keeps of the APIs: an ordered list that is only appended to, because tokens carry an index into it.
func (a *authorizeRequest) audience() string {
	ids := make([]string, len(a.resources))
	for i, r := range a.resources {
		ids[i] = r.ID
	}
	return strings.Join(ids, " ")
}

// permissions are what a person allows with this request: its scopes and those of claims asked for by name, and which of them at which API. A scope that was allowed
// at one API says nothing about another that has one of the same name.
func (a *authorizeRequest) permissions() []string {
	all := a.opens()
	for _, r := range a.resources {
		all = append(all, r.ID+"#")
		for _, s := range a.scopes {
			if r.Has(s) {
				all = append(all, r.ID+"#"+s)
			}
		}
	}
	return all
}

// narrow decides which token a request to the token endpoint gets (RFC 8707 §2.2, RFC 6749 §6): for one of the APIs of the grant, or
// for this server itself; with the scopes asked for, of those the token's audience knows. The grant's row keeps everything.
func (p *Provider) narrow(ctx context.Context, r fosite.AccessRequester, se *session, asked fosite.Arguments) error {
	audience, granted := strings.Fields(se.grant.Audience), fosite.Arguments(strings.Fields(se.grant.Scope))
	if len(asked) == 0 {
		asked = granted
	}
	if !granted.Has(asked...) {
		return fosite.ErrInvalidScope.WithHint("The scope goes beyond what was granted.")
	}
	id := ""
	switch named := r.GetRequestForm()["resource"]; {
	case len(named) > 1:
		return errTarget.WithHint("An access token is for one resource: ask for each in a request of its own.")
	case len(named) == 1:
		if id = named[0]; !slices.Contains(audience, id) {
			return errTarget.WithHint("The resource was not granted.")
		}
	case len(audience) == 1 && !granted.Has("openid"):
		id = audience[0] // there is nothing to be had from this server
	}
	se.index = 1 + slices.Index(audience, id)
	if id != "" {
		resource, err := p.resourceFor(ctx, se.client, id)
		if err != nil {
			return err
		}
		se.resource = &resource
	}
	se.scopes = fosite.Arguments{}
	for _, s := range asked {
		if se.resource != nil && !se.resource.Has(s) {
			continue
		}
		if allowed, err := p.stillAllowed(ctx, se.client, audience, s); err != nil {
			return err
		} else if allowed {
			se.scopes = append(se.scopes, s)
		}
	}
	p.limit(se)
	return nil
}

// stillAllowed reports whether a scope that was granted may still be had: the client or the API may have changed.
func (p *Provider) stillAllowed(ctx context.Context, c storage.Client, audience []string, scope string) (bool, error) {
	if mayAsk(c, scope) {
		return true, nil
	}
	for _, id := range audience {
		r, err := p.resourceFor(ctx, c, id)
		if storage.Away(err) {
			return false, err
		}
		if err == nil && mayAsk(c, scope, r) {
			return true, nil
		}
	}
	return false, nil
}

// limit sets the life of a token that is for an API, or is a JWT.
func (p *Provider) limit(se *session) {
	own := se.client.Settings.AccessToken
	switch {
	case se.resource != nil && se.resource.Settings.AccessToken > 0:
		own = se.resource.Settings.AccessToken
	case se.resource == nil && !se.client.Settings.JWTAccess:
		return
	}
	life := lifetime(own, jwtAccessLife)
	if se.jwt() {
		life = min(life, maxJWTLife)
	}
	se.expire(fosite.AccessToken, p.now().Add(life))
}
