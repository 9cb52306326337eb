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
	return slices.Contains(knownScopes, scope) || mayAskAccount(c, scope) || scope == ScopeSelf && inPool(c) || slices.ContainsFunc(of, func(r storage.Resource) bool { return r.Has(scope) })
}

// checkResources reads the APIs an authorization request is for (RFC 8707 §2.1).
func (a *authorizeRequest) checkResources(p *Provider, ctx context.Context) (err error) {
	a.resources, err = p.askedResources(ctx, a.client.Client, a.params["resource"])
	if err != nil && !storage.Away(err) {
		return a.refuse("invalid_target", fosite.ErrorToRFC6749Error(err).HintField)
	}
	return err
}

// askedResources are the APIs that a client asks a person for, each once; errTarget.
func (p *Provider) askedResources(ctx context.Context, c storage.Client, named []string) ([]storage.Resource, error) {
	var all []storage.Resource
	for _, id := range named {
		if slices.ContainsFunc(all, func(r storage.Resource) bool { return r.ID == id }) {
			continue
		}
		if u, err := url.Parse(id); err != nil || !u.IsAbs() || strings.Contains(id, "#") {
			return nil, errTarget.WithHint("resource must be an absolute URI without a fragment.")
		}
		r, err := p.resourceFor(ctx, c, id)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if len(all) > maxAudiences {
		return nil, errTarget.WithHint("The request names more resources than one grant can have.")
	}
	return all, nil
}

// audienceOf is what a row keeps of the APIs: an ordered list that is only appended to, because tokens carry an index into it.
func audienceOf(resources []storage.Resource) string {
	ids := make([]string, len(resources))
	for i, r := range resources {
		ids[i] = r.ID
	}
	return strings.Join(ids, " ")
}

// permissions are what a person allows with this request: its scopes, and those of claims asked for by name.
func (a *authorizeRequest) permissions() []string { return permissionsOf(a.opens(), a.resources) }

// permissionsOf are scopes, and which of them at which API. A scope that was allowed at one API says nothing about another that has
// one of the same name.
func permissionsOf(scopes []string, resources []storage.Resource) []string {
	all := slices.Clone(scopes)
	for _, r := range resources {
		all = append(all, r.ID+"#")
		for _, s := range scopes {
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
