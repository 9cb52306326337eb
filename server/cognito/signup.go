package cognito

import (
	"errors"

	"gatelatch/server/authn"
)

// signUp makes a sign-up that waits for its code. That an address is taken is told: the protocol has it so.
func (d *Door) signUp(c *call) (any, error) {
	var in struct {
		ClientId, Username, Password string
		UserAttributes               []attribute
		ClientMetadata               map[string]string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	if in.Username == "" {
		return nil, fail("InvalidParameterException", "Username cannot be empty")
	}
	if _, err := authn.NormalizeAddress(in.Username); err != nil {
		return nil, fail("InvalidParameterException", "Username should be an email.")
	}
	address, values, err := readAttributes(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	if address != "" {
		given, err := authn.NormalizeAddress(address)
		if mine, _ := authn.NormalizeAddress(in.Username); err != nil || given != mine {
			return nil, fail("InvalidParameterException", "Invalid email address format.")
		}
	}
	x, err := d.Engine.Experience(c.ctx)
	if err != nil {
		return nil, err
	}
	if in.Password == "" && !x.MayBegin(app, authn.MethodCode) {
		return nil, fail("InvalidParameterException", "Password is required")
	}
	id, err := d.Engine.Register(c.ctx, c.visitor, authn.Registration{Client: app.ID, Address: in.Username, Password: in.Password, Attributes: values, Accepted: accepted(in.ClientMetadata)})
	switch {
	case errors.Is(err, authn.ErrTaken):
		return nil, fail("UsernameExistsException", "User already exists")
	case errors.Is(err, authn.ErrSignUpClosed):
		return nil, fail("NotAuthorizedException", "SignUp is not permitted for this user pool")
	case errors.Is(err, authn.ErrWeakPassword):
		return nil, weak(err)
	case err != nil:
		return nil, badAttribute(err)
	}
	return map[string]any{"UserConfirmed": false, "UserSub": id.String(), "CodeDeliveryDetails": deliveredTo(in.Username),
		"Session": d.seal(ticket{Client: app.ID, Name: in.Username, Step: stepConfirm})}, nil
}

// weak says why a password is refused. The words before the reason are those that applications look for.
func weak(err error) error {
	var why *authn.WeakPassword
	if !errors.As(err, &why) {
		return err
	}
	reason := map[authn.Weakness]string{authn.WeakShort: "Password not long enough", authn.WeakLong: "Password too long", authn.WeakText: "Password must be text",
		authn.WeakCommon: "Password is one that many people have", authn.WeakPersonal: "Password is made of what everybody knows of you", authn.WeakLeaked: "Password was found in a leak"}[why.Why]
	return fail("InvalidPasswordException", "Password did not conform with policy: %s", reason)
}

// confirmSignUp makes the person. The session it returns lets them in once, without another code.
func (d *Door) confirmSignUp(c *call) (any, error) {
	var in struct{ ClientId, Username, ConfirmationCode, Session string }
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
	done, err := d.Engine.ConfirmRegistration(c.ctx, c.visitor, name, in.ConfirmationCode)
	var many *authn.TooMany
	switch {
	case errors.Is(err, authn.ErrNotWaiting):
		return nil, d.notWaiting(c, name)
	case errors.As(err, &many) && many.Budget == authn.BudgetGuesses:
		return nil, fail("TooManyFailedAttemptsException", "Attempt limit exceeded, please try after some time.")
	case errors.Is(err, authn.ErrTaken):
		return nil, fail("AliasExistsException", "An account with the given email already exists.")
	case errors.Is(err, authn.ErrCodeGone):
		return nil, errCodeGone
	case err != nil:
		return nil, err
	}
	return map[string]any{"Session": d.seal(ticket{Client: app.ID, Name: name, Step: stepConfirmed, Flow: done.Flow, Browser: done.Browser})}, nil
}

// notWaiting is said of a name under which no sign-up waits: nobody has it, or somebody who is there already. Which of the two it is
// has been told by SignUp.
func (d *Door) notWaiting(c *call, name string) error {
	return fail("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
}

// resendConfirmationCode mails the code of a sign-up again.
func (d *Door) resendConfirmationCode(c *call) (any, error) {
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
	err = d.Engine.SendRegistrationCode(c.ctx, c.visitor, app.ID, name)
	if errors.Is(err, authn.ErrNotWaiting) {
		return nil, fail("InvalidParameterException", "User is already confirmed.") // the Authenticator knows this very text
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"CodeDeliveryDetails": deliveredTo(name)}, nil
}
