package oidc

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// attributeScopes are the scopes that tell what is known about a person, by claim (OpenID Connect Core §5.4).
var attributeScopes = func() map[string]string {
	scopes := map[string]string{}
	for _, a := range authn.Attributes {
		claim, _, _ := strings.Cut(a.Name, ".")
		scopes[claim] = a.Scope
	}
	return scopes
}()

// personClaims are the claims about a person that the scopes ask for. The same go into ID token and userinfo:
// Auth.js and Logto's SDKs read them in the ID token and nowhere else.
func personClaims(u storage.User, groups []string, e storage.Email, c storage.Client, scopes fosite.Arguments) map[string]any {
	claims := authn.AttributesOf(u)
	maps.DeleteFunc(claims, func(name string, _ any) bool { return !scopes.Has(attributeScopes[name]) })
	if scopes.Has("profile") {
		claims["updated_at"] = u.Updated / int64(time.Second/time.Microsecond)
		if c.Settings.UsernameClaim && u.Username != "" {
			claims["username"] = u.Username
		}
	}
	if scopes.Has("email") && e.Address != "" {
		claims["email"] = e.Typed
		claims["email_verified"] = e.VerifiedAt > 0
	}
	if scopes.Has("groups") {
		claims["groups"] = append([]string{}, groups...)
	}
	return claims
}

// addOwn adds the attributes that this server has made up itself, as far as the scopes tell them or they were asked for by name.
func (p *Provider) addOwn(ctx context.Context, claims map[string]any, u storage.User, scopes fosite.Arguments, wished []string) error {
	x, err := p.engine.Experience(ctx)
	if err != nil {
		return err
	}
	maps.Copy(claims, x.OwnClaims(u, func(scope, claim string) bool { return scopes.Has(scope) || slices.Contains(wished, claim) }))
	return nil
}

// addCustom adds the attributes that this server has made up itself once more, as applications of the pool look for them: as text, under
// a name that begins with custom:.
func (p *Provider) addCustom(ctx context.Context, claims map[string]any, u storage.User, scopes fosite.Arguments) error {
	x, err := p.engine.Experience(ctx)
	if err != nil {
		return err
	}
	own := authn.OwnAttributesOf(u)
	for _, f := range x.Attributes {
		if scope, _ := f.Told(); f.Own() && own[f.Name] != nil && scopes.Has(scope) {
			claims["custom:"+f.Name] = fmt.Sprint(own[f.Name])
		}
	}
	return nil
}

// requestOf decodes what the grant's row keeps of the request.
func requestOf(g storage.Grant) url.Values {
	v, err := url.ParseQuery(g.Request)
	if err != nil {
		return url.Values{}
	}
	return v
}
