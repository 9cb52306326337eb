package cognito

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// user is what GetUser says of its person.
type user struct {
	Username            string
	UserAttributes      []attribute
	UserMFASettingList  []string `json:",omitempty"`
	PreferredMfaSetting string   `json:",omitempty"`
}

func (d *Door) getUser(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	attributes, err := d.attributesOf(c, h.User)
	if err != nil {
		return nil, err
	}
	out := user{Username: h.User.ID.String(), UserAttributes: attributes}
	out.UserMFASettingList, out.PreferredMfaSetting, err = d.mfaOf(c, h.User.ID)
	return out, err
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
	claims := authn.AttributesOf(u)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		switch v := claims[name].(type) {
		case string:
			list = append(list, attribute{name, v})
		case map[string]any:
			if text, ok := v["formatted"].(string); ok {
				list = append(list, attribute{name, text})
			}
		default:
			list = append(list, attribute{name, fmt.Sprint(v)})
		}
	}
	return list, nil
}

func (d *Door) updateUserAttributes(c *call) (any, error) {
	var in struct {
		AccessToken    string
		UserAttributes []attribute
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	address, values, err := readAttributes(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	if err := d.Engine.SetAttributes(c.ctx, actor(h), h.User.ID, values); err != nil {
		return nil, badAttribute(err)
	}
	delivered := []delivery{}
	if address != "" {
		mailed, err := d.changeAddress(c, h, address)
		if err != nil {
			return nil, err
		}
		if mailed {
			delivered = append(delivered, deliveredTo(address))
		}
	}
	return map[string]any{"CodeDeliveryDetailsList": delivered}, nil
}

func (d *Door) deleteUserAttributes(c *call) (any, error) {
	var in struct {
		AccessToken        string
		UserAttributeNames []string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	values, err := forgotten(in.UserAttributeNames)
	if err != nil {
		return nil, err
	}
	return struct{}{}, badAttribute(d.Engine.SetAttributes(c.ctx, actor(h), h.User.ID, values))
}

// forgotten is the change that takes attributes away.
func forgotten(names []string) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range names {
		switch name {
		case "sub", "email", "email_verified":
			return nil, fail("InvalidParameterException", "Cannot delete the attribute %s", name)
		case "address":
			name = "address.formatted"
		}
		values[name] = nil
	}
	return values, nil
}

func (d *Door) deleteUser(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	err = d.Engine.DeleteUser(c.ctx, actor(h), h.User.ID)
	if errors.Is(err, authn.ErrLastOwner) {
		return nil, fail("NotAuthorizedException", "The last owner of the server cannot be deleted")
	}
	return struct{}{}, err
}

// listDevices: devices are not remembered here in the way of the protocol, because no answer ever names one.
func (d *Door) listDevices(c *call) (any, error) {
	_, err := d.speaker(c)
	return map[string]any{"Devices": []any{}}, err
}

func (d *Door) noDevice(c *call) (any, error) {
	_, err := d.speaker(c)
	return struct{}{}, err
}

func (d *Door) confirmDevice(c *call) (any, error) {
	_, err := d.speaker(c)
	return map[string]any{"UserConfirmationNecessary": false}, err
}
