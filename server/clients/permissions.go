package clients

import (
	"slices"
	"strings"

	"gatelatch/storage"
)

// Grant types an application may be given, in the words of RFC 7591 §2.
var grantTypes = []string{"authorization_code", "refresh_token", "client_credentials", deviceGrant, exchangeGrant}

// deviceGrant is the grant type of devices without a browser (RFC 8628).
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// exchangeGrant is the grant type of services that hand a person's request on (RFC 8693).
const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"

const (
	maxScopes      = 100
	maxScopeLength = 100
	maxScopesText  = 2000 // all of them together travel in a token
)

// settlePermissions checks what an application may do. An empty list means what goes with its type.
func settlePermissions(c storage.Client) (storage.Client, error) {
	if len(c.Settings.GrantTypes) == 0 {
		c.Settings.GrantTypes = nil
	}
	if len(c.Settings.Scopes) == 0 {
		c.Settings.Scopes = nil
	}
	c.Settings.Resources = Distinct(c.Settings.Resources, false)
	c.Settings.GrantTypes, c.Settings.Scopes = Distinct(c.Settings.GrantTypes, false), Distinct(c.Settings.Scopes, false)
	grants := c.Grants()
	for _, g := range grants {
		if !slices.Contains(grantTypes, g) {
			return c, refuse("grant_types", "grant_types: %q is not one of %s.", g, strings.Join(grantTypes, ", "))
		}
	}
	people := slices.Contains(grants, "authorization_code") || slices.Contains(grants, deviceGrant)
	switch {
	case c.Type == "m2m" && people:
		return c, refuse("grant_types", "An application of type m2m signs nobody in: it cannot have the grant type authorization_code or that of devices. Use type web for both.")
	case slices.Contains(grants, "refresh_token") && !people:
		return c, refuse("grant_types", "The grant type refresh_token goes with authorization_code or that of devices: add that one, or leave both out.")
	case slices.Contains(grants, "client_credentials") && c.Public():
		return c, refuse("grant_types", "An application of type %s cannot keep a secret, so it cannot have the grant type client_credentials. Use type web or m2m.", c.Type)
	case slices.Contains(grants, exchangeGrant) && c.Public():
		return c, refuse("grant_types", "An application of type %s cannot keep a secret, so it cannot exchange tokens. Use type web or m2m.", c.Type)
	}
	if err := CheckScopes(c.Settings.Scopes); err != nil {
		return c, err
	}
	return settleSubject(c)
}

// CheckScopes checks names of scopes (RFC 6749 §3.3); *Problem.
func CheckScopes(scopes []string) error {
	if len(scopes) > maxScopes || len(strings.Join(scopes, " ")) > maxScopesText {
		return refuse("scope", "scope: at most %d scopes of together %d characters fit.", maxScopes, maxScopesText)
	}
	for _, s := range scopes {
		if s == "" || len(s) > maxScopeLength || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return refuse("scope", "scope: %q is not a name of a scope. Use up to %d letters, digits and signs such as : . _ - /, as in orders:read.", s, maxScopeLength)
		}
	}
	return nil
}
