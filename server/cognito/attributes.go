package cognito

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// attribute is something known about a person, always as text.
type attribute struct {
	Name  string
	Value string
}

// custom stands before the attributes that a server has made up itself.
const custom = "custom:"

var errUnauthorizedAttribute = fail("NotAuthorizedException", "A client attempted to write unauthorized attribute")

// readAttributes sorts out what an application says about its person: the address apart, the rest under the names authn has.
func readAttributes(list []attribute) (address string, values map[string]any, err error) {
	values = map[string]any{}
	for _, a := range list {
		switch a.Name {
		case "email":
			address = a.Value
		case "sub", "email_verified", "phone_number_verified", "identities":
			return "", nil, errUnauthorizedAttribute
		case "updated_at": // this server knows better
		default:
			name, err := nameOf(a.Name)
			if err != nil {
				return "", nil, err
			}
			values[name] = a.Value
		}
	}
	return address, values, nil
}

// nameOf is the name that authn has for an attribute of the protocol.
func nameOf(name string) (string, error) {
	own, is := strings.CutPrefix(name, custom)
	switch {
	case strings.HasPrefix(name, "cognito:"):
		return "", errUnauthorizedAttribute
	case name == "address":
		return "address.formatted", nil
	case is != standard(own) && !strings.Contains(name, "."):
		return own, nil
	}
	return "", noAttribute(name)
}

func noAttribute(name string) error {
	return fail("InvalidParameterException", "user.%.60s: Attribute does not exist in the schema.", printable(name))
}

// wireName is the name that the protocol has for an attribute; "" for a member of the address, which it knows as a whole.
func wireName(name string, own bool) string {
	switch {
	case own:
		return custom + name
	case strings.Contains(name, "."):
		return ""
	}
	return name
}

func standard(name string) bool {
	return slices.ContainsFunc(authn.Attributes, func(a authn.Attribute) bool { return a.Name == name })
}

// forgotten is the change that takes attributes away.
func forgotten(names []string) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range names {
		if slices.Contains([]string{"sub", "email", "email_verified"}, name) {
			return nil, fail("InvalidParameterException", "Cannot delete the attribute %s", name)
		}
		kept, err := nameOf(name)
		if err != nil {
			return nil, err
		}
		values[kept] = nil
	}
	return values, nil
}

// badAttribute is how the protocol calls an attribute that is not there, is required, is not well formed, or is a username that somebody
// else has. Applications know the sentence about telephone numbers.
func badAttribute(err error) error {
	if errors.Is(err, authn.ErrUsernameTaken) {
		return errUsernameTaken
	}
	var bad *authn.BadAttribute
	if !errors.As(err, &bad) {
		return err
	}
	name := bad.Name
	if !standard(name) && !strings.HasPrefix(name, custom) {
		name = custom + name
	}
	switch {
	case bad.Form == "":
		return noAttribute(name)
	case bad.Missing:
		return fail("InvalidParameterException", "Attributes did not conform to the schema: %s: The attribute is required", name)
	case name == "phone_number":
		return fail("InvalidParameterException", "Invalid phone number format.")
	}
	return fail("InvalidParameterException", "Attributes did not conform to the schema: %s: it must be %s.", name, bad.Form)
}

// attributesOf lists what is known of a person: all of it text, as the protocol has it.
func (d *Door) attributesOf(c *call, u storage.User) ([]attribute, error) {
	list := []attribute{{"sub", u.ID.String()}}
	e, err := d.Store.View(c.ctx).PrimaryEmail(u.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		list = append(list, attribute{"email", e.Typed}, attribute{"email_verified", strconv.FormatBool(e.VerifiedAt > 0)})
	}
	return append(list, textsOf(authn.AttributesOf(u), authn.OwnAttributesOf(u))...), nil
}

// textsOf writes attributes as the protocol has them, ordered by name; own are those that this server has made up.
func textsOf(values, own map[string]any) []attribute {
	var list []attribute
	for _, name := range slices.Sorted(maps.Keys(values)) {
		_, is := own[name]
		wire := wireName(name, is)
		switch v := values[name].(type) {
		case string:
			list = append(list, attribute{wire, v})
		case map[string]any:
			if text, ok := v["formatted"].(string); ok {
				list = append(list, attribute{wire, text})
			}
		default:
			list = append(list, attribute{wire, fmt.Sprint(v)})
		}
	}
	return list
}
