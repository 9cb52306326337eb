package cognito

import (
	"encoding/json"
	"errors"
	"strings"

	"gatelatch/server/authn"
)

// newPassword is the challenge for somebody whose password is a temporary one.
const newPassword = "NEW_PASSWORD_REQUIRED"

// askNewPassword tells the application what is known of the person, so that it can ask for the rest. Nothing is required here.
func (d *Door) askNewPassword(a *attempt) (any, error) {
	u, _, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	list, err := d.attributesOf(a.call, u)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, at := range list {
		if at.Name != "sub" {
			known[at.Name] = at.Value
		}
	}
	document, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	return challenge{ChallengeName: newPassword, Session: d.ticket(a, newPassword, nil),
		ChallengeParameters: map[string]string{"USER_ID_FOR_SRP": u.ID.String(), "requiredAttributes": "[]", "userAttributes": string(document)}}, nil
}

// answerNewPassword takes the password that the person has chosen, and what the application says of them besides.
func (d *Door) answerNewPassword(a *attempt, _ ticket) (any, error) {
	u, _, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	var said []attribute
	for name, value := range a.param {
		if name, ok := strings.CutPrefix(name, "userAttributes."); ok {
			said = append(said, attribute{name, value})
		}
	}
	address, values, err := readAttributes(said)
	if err != nil {
		return nil, err
	}
	if address != "" {
		return nil, fail("NotAuthorizedException", "A client attempted to write unauthorized attribute")
	}
	if len(values) > 0 {
		if _, _, err := d.Engine.Replacing(a.ctx, a.visitor, a.flow); err != nil {
			return nil, err
		}
		if err := d.Engine.SetAttributes(a.ctx, "user:"+u.ID.String(), u.ID, values); errors.Is(err, authn.ErrUsernameTaken) {
			return nil, errUsernameTaken
		} else if err != nil {
			return nil, badAttribute(err)
		}
	}
	in, err := d.Engine.ReplacePassword(a.ctx, a.visitor, a.flow, a.param["NEW_PASSWORD"], "")
	switch {
	case errors.Is(err, authn.ErrWeakPassword):
		return nil, weak(err)
	case errors.Is(err, authn.ErrSamePassword):
		return nil, fail("InvalidPasswordException", "Password did not conform with policy: the temporary password cannot be kept")
	case errors.Is(err, authn.ErrPasswordExpired):
		return nil, errReset
	}
	return d.next(a, in, err)
}
