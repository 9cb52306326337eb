package cognito

import (
	"errors"

	"gatelatch/server/authn"
)

// changePassword is for somebody who knows the password they have. The other sessions of the person end.
func (d *Door) changePassword(c *call) (any, error) {
	var in struct{ AccessToken, PreviousPassword, ProposedPassword string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	err = d.Engine.ChangePassword(c.ctx, c.visitor, h.User.ID, in.PreviousPassword, authn.NewPassword{Password: in.ProposedPassword, Session: h.Grant.SessionID})
	switch {
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrNoPassword):
		return nil, errPassword
	case errors.Is(err, authn.ErrWeakPassword):
		return nil, weak(err)
	}
	return struct{}{}, err
}
