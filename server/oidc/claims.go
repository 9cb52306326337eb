package oidc

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"gatelatch/storage"
)

// Standard claims that come from a person's attributes, by scope (OpenID Connect Core §5.4).
var (
	profileAttributes = []string{"family_name", "given_name", "middle_name", "nickname", "profile", "website", "gender", "birthdate", "zoneinfo"}
	addressAttributes = []string{"address"}
	phoneAttributes   = []string{"phone_number", "phone_number_verified"}
)

// personClaims are the claims about a person that the scopes ask for. The same go into ID token and userinfo:
// Auth.js and Logto's SDKs read them in the ID token and nowhere else.
func personClaims(u storage.User, e storage.Email, c storage.Client, scopes fosite.Arguments) map[string]any {
	claims := map[string]any{}
	var attributes map[string]json.RawMessage
	if len(u.Attributes) > 2 {
		_ = json.Unmarshal(u.Attributes, &attributes) // written by us; what does not decode is not told
	}
	fromAttributes := func(names []string) {
		for _, name := range names {
			if v, ok := attributes[name]; ok {
				claims[name] = v
			}
		}
	}
	text := func(name, value string) {
		if value != "" {
			claims[name] = value
		}
	}
	if scopes.Has("profile") {
		text("name", u.Name)
		text("preferred_username", u.Username)
		if c.Settings.UsernameClaim {
			text("username", u.Username)
		}
		text("picture", u.Picture)
		text("locale", u.Locale)
		claims["updated_at"] = u.Updated / int64(time.Second/time.Microsecond)
		fromAttributes(profileAttributes)
	}
	if scopes.Has("email") && e.Address != "" {
		claims["email"] = e.Typed
		claims["email_verified"] = e.VerifiedAt > 0
	}
	if scopes.Has("address") {
		fromAttributes(addressAttributes)
	}
	if scopes.Has("phone") {
		fromAttributes(phoneAttributes)
	}
	return claims
}

// requestOf decodes what the grant's row keeps of the request.
func requestOf(g storage.Grant) url.Values {
	v, err := url.ParseQuery(g.Request)
	if err != nil {
		return url.Values{}
	}
	return v
}
