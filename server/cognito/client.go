package cognito

import (
	"errors"
	"strings"
	"unicode"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// client finds the application that is calling, if the door is open for it. It has no secret: pages cannot keep one.
func (d *Door) client(c *call, id string) (storage.Client, error) {
	app, err := d.Store.View(c.ctx).Client(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return app, err
	}
	if err != nil || app.Disabled || !app.Settings.Cognito {
		return storage.Client{}, fail("ResourceNotFoundException", "User pool client %.60s does not exist.", printable(id))
	}
	return app, nil
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
}

// login is what authn knows a person by: applications may call them by their address, or by the sub they were told.
func (d *Door) login(c *call, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", fail("InvalidParameterException", "Username cannot be empty")
	}
	id, err := storage.ParseID(name)
	if err != nil {
		return name, nil
	}
	e, err := d.Store.View(c.ctx).PrimaryEmail(id)
	if errors.Is(err, storage.ErrNotFound) {
		return name, nil
	}
	return e.Address, err
}

// delivery says where a code was sent, masked: A***@e***. It is the same for somebody there is not.
type delivery struct {
	Attribute   string `json:"AttributeName"`
	Medium      string `json:"DeliveryMedium"`
	Destination string
}

func deliveredTo(address string) delivery {
	return delivery{"email", "EMAIL", masked(address)}
}

func masked(address string) string {
	local, host, _ := strings.Cut(address, "@")
	return first(local) + "***@" + first(host) + "***"
}

func first(text string) string {
	for _, r := range text {
		return string(unicode.ToLower(r))
	}
	return ""
}

// attribute is something known about a person, always as text.
type attribute struct {
	Name  string
	Value string
}

// read sorts out what an application says about its person: the address apart, the rest under the names authn has.
func readAttributes(list []attribute) (address string, values map[string]any, err error) {
	values = map[string]any{}
	for _, a := range list {
		switch {
		case a.Name == "email":
			address = a.Value
		case a.Name == "sub" || a.Name == "email_verified" || a.Name == "phone_number_verified" || a.Name == "identities" || strings.HasPrefix(a.Name, "cognito:"):
			return "", nil, fail("NotAuthorizedException", "A client attempted to write unauthorized attribute")
		case a.Name == "updated_at": // this server knows better
		case a.Name == "address":
			values["address.formatted"] = a.Value
		default:
			values[a.Name] = a.Value
		}
	}
	return address, values, nil
}

// badAttribute is how the protocol calls an attribute that is not there, or not well formed.
func badAttribute(err error) error {
	var bad *authn.BadAttribute
	if errors.As(err, &bad) {
		if bad.Form == "" {
			return fail("InvalidParameterException", "user.%.60s: Attribute does not exist in the schema.", printable(bad.Name))
		}
		return fail("InvalidParameterException", "Invalid %s: it must be %s.", bad.Name, bad.Form)
	}
	return err
}
