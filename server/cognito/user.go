package cognito

import (
	"errors"

	"gatelatch/server/authn"
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

func (d *Door) getDevice(c *call) (any, error) {
	_, err := d.speaker(c)
	if err == nil {
		err = fail("ResourceNotFoundException", "Device does not exist.")
	}
	return nil, err
}

func (d *Door) noDevice(c *call) (any, error) {
	_, err := d.speaker(c)
	return struct{}{}, err
}

func (d *Door) confirmDevice(c *call) (any, error) {
	_, err := d.speaker(c)
	return map[string]any{"UserConfirmationNecessary": false}, err
}
