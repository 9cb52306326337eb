package cognito

import (
	"errors"

	"gatelatch/server/authn"
)

// forgotPassword mails a code with which a new password can be chosen. Nobody gets the same answer, and no mail.
func (d *Door) forgotPassword(c *call) (any, error) {
	var in struct{ ClientId, Username string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	name, err := d.login(c, in.Username)
	if err != nil {
		return nil, err
	}
	err = d.Engine.ForgotPasswordAt(c.ctx, c.visitor, app.ID, name)
	switch {
	case errors.Is(err, authn.ErrBadAddress), errors.Is(err, authn.ErrNotHere):
		return nil, fail("InvalidParameterException", "Cannot reset password for the user as there is no registered/verified email or phone_number")
	case err != nil:
		return nil, err
	}
	return map[string]any{"CodeDeliveryDetails": deliveredTo(name)}, nil
}

// confirmForgotPassword chooses the new password. Every session and grant of the person ends.
func (d *Door) confirmForgotPassword(c *call) (any, error) {
	var in struct{ ClientId, Username, ConfirmationCode, Password string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	name, err := d.login(c, in.Username)
	if err != nil {
		return nil, err
	}
	err = d.Engine.ResetPasswordAt(c.ctx, c.visitor, app.ID, name, in.ConfirmationCode, in.Password)
	switch {
	case errors.Is(err, authn.ErrWeakPassword):
		return nil, weak(err)
	case errors.Is(err, authn.ErrCodeGone):
		return nil, errCodeGone
	}
	return struct{}{}, err
}

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
