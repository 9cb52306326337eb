package cognito

import (
	"errors"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// changeAddress begins to change a person's address: the new one counts once its code has come, and until then nothing changes. It
// reports whether a code was mailed.
func (d *Door) changeAddress(c *call, h Holder, address string) (bool, error) {
	_, err := d.Engine.AddAddress(c.ctx, c.visitor, h.User.ID, address)
	switch {
	case errors.Is(err, authn.ErrHasAddress):
		return false, nil
	case errors.Is(err, authn.ErrManyAddresses):
		return false, fail("LimitExceededException", "There are too many addresses already.")
	}
	return err == nil, err
}

// newAddress is the address that a person has noted last and not proven yet; "" if there is none.
func (d *Door) newAddress(c *call, user storage.ID) (string, error) {
	mine, err := d.Store.View(c.ctx).Emails(user)
	var newest storage.Email
	for _, m := range mine {
		if m.VerifiedAt == 0 && m.Created >= newest.Created {
			newest = m
		}
	}
	return newest.Address, err
}

// attributeCode mails the code for a new address again.
func (d *Door) attributeCode(c *call) (any, error) {
	var in struct{ AccessToken, AttributeName string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	if in.AttributeName != "email" {
		return nil, fail("InvalidParameterException", "Only email can be verified here")
	}
	address, err := d.newAddress(c, h.User.ID)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, fail("InvalidParameterException", "User does not have an unverified email")
	}
	if _, err := d.Engine.AddAddress(c.ctx, c.visitor, h.User.ID, address); err != nil {
		return nil, err
	}
	return map[string]any{"CodeDeliveryDetails": deliveredTo(address)}, nil
}

// verifyAttribute proves the new address and puts it in front. The one before stays the person's, too: they remove it themselves.
func (d *Door) verifyAttribute(c *call) (any, error) {
	var in struct{ AccessToken, AttributeName, Code string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	if in.AttributeName != "email" {
		return nil, fail("InvalidParameterException", "Only email can be verified here")
	}
	address, err := d.newAddress(c, h.User.ID)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, errCodeGone
	}
	err = d.Engine.CheckAddress(c.ctx, c.visitor, h.User.ID, address, in.Code)
	if errors.Is(err, authn.ErrCodeGone) {
		return nil, errCodeGone
	}
	if err != nil {
		return nil, err
	}
	return struct{}{}, d.Engine.MakePrimary(c.ctx, c.visitor, h.User.ID, h.Grant.SessionID, address)
}
