package admin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// Profile is what may be known about a person besides name, username and e-mail address: the standard claims (OpenID Connect
// Core §5.1). To change one, send it; "" forgets it.
type Profile struct {
	GivenName           *string  `json:"given_name,omitempty"`
	FamilyName          *string  `json:"family_name,omitempty"`
	MiddleName          *string  `json:"middle_name,omitempty"`
	Nickname            *string  `json:"nickname,omitempty"`
	Profile             *string  `json:"profile,omitempty" doc:"https address of a page about them"`
	Picture             *string  `json:"picture,omitempty" doc:"https address of an image"`
	Website             *string  `json:"website,omitempty" doc:"https address"`
	Gender              *string  `json:"gender,omitempty"`
	Birthdate           *string  `json:"birthdate,omitempty" doc:"YYYY-MM-DD, YYYY, or 0000-MM-DD"`
	Zoneinfo            *string  `json:"zoneinfo,omitempty" doc:"Time zone, such as Europe/Berlin"`
	Locale              *string  `json:"locale,omitempty" doc:"BCP 47, such as en-GB"`
	Address             *Address `json:"address,omitempty" doc:"What is not sent stays"`
	PhoneNumber         *string  `json:"phone_number,omitempty" doc:"E.164; a new number is not verified"`
	PhoneNumberVerified *bool    `json:"phone_number_verified,omitempty" doc:"You vouch for the number"`
}

// Address is where a person lives (Core §5.1.1).
type Address struct {
	Formatted     *string `json:"formatted,omitempty" doc:"As on an envelope, with line breaks"`
	StreetAddress *string `json:"street_address,omitempty"`
	Locality      *string `json:"locality,omitempty"`
	Region        *string `json:"region,omitempty"`
	PostalCode    *string `json:"postal_code,omitempty"`
	Country       *string `json:"country,omitempty"`
}

// UserChange is a change to what is known about a person; what is left out stays.
type UserChange struct {
	Name     *string `json:"name,omitempty"`
	Username *string `json:"preferred_username,omitempty"`
	Profile
	Attributes map[string]any `json:"attributes,omitempty" doc:"This server's own; null or \"\" forgets one"`
}

func (a *Admin) updateUser(ctx context.Context, name string, in UserChange) (*userAnswer, error) {
	values, err := in.attributes()
	if err != nil {
		return nil, err
	}
	return a.changed(ctx, name, func(ctx context.Context, by string, id storage.ID) error {
		return a.deps.People.SetAttributes(ctx, by, id, values)
	})
}

// attributes are the values of a change by the names that authn has for them.
func (c UserChange) attributes() (map[string]any, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, err
	}
	address, _ := values["address"].(map[string]any)
	delete(values, "address")
	for member, value := range address {
		values["address."+member] = value
	}
	delete(values, "attributes")
	for name, value := range c.Attributes {
		if _, twice := values[name]; twice || slices.Contains([]string{"address"}, name) {
			return nil, refuse(422, "%s stands there twice.", name)
		}
		values[name] = value
	}
	return values, nil
}

// profileOf shows what a person's row holds.
func profileOf(u storage.User) (p Profile) {
	claims := authn.AttributesOf(u)
	maps.DeleteFunc(claims, func(name string, _ any) bool { return name == "name" || name == "preferred_username" })
	if text, err := json.Marshal(claims); err == nil {
		_ = json.Unmarshal(text, &p) // every value was checked when it was set
	}
	return p
}
