package cognito

import (
	"encoding/json"
	"errors"
	"strings"

	"gatelatch/server/authn"
)

// newPassword is the challenge for somebody whose password is a temporary one.
const newPassword = "NEW_PASSWORD_REQUIRED"

// askNewPassword tells the application what is known of the person, and what is required besides, so that it can ask for it.
func (d *Door) askNewPassword(a *attempt) (any, error) {
	u, s, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	known, err := d.attributesOf(a.call, u)
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	for _, at := range known {
		if at.Name != "sub" {
			said[at.Name] = at.Value
		}
	}
	document, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	names := required(s.Owed)
	for i := range names {
		names[i] = "userAttributes." + names[i]
	}
	return challenge{ChallengeName: newPassword, Session: d.ticket(a, newPassword, nil),
		ChallengeParameters: map[string]string{"USER_ID_FOR_SRP": u.ID.String(), "requiredAttributes": list(names), "userAttributes": string(document)}}, nil
}

// answerNewPassword takes the password that the person has chosen, and what the application says of them besides.
func (d *Door) answerNewPassword(a *attempt, _ ticket) (any, error) {
	u, s, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
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
		return nil, errUnauthorizedAttribute
	}
	if authn.After(s) == authn.StepDetails {
		if err := d.giveRequired(a, s.Owed, values); err != nil {
			return nil, err
		}
	}
	if len(values) > 0 {
		if _, _, err := d.Engine.Replacing(a.ctx, a.visitor, a.flow); err != nil {
			return nil, err
		}
		if err := d.Engine.SetAttributes(a.ctx, "user:"+u.ID.String(), u.ID, values); err != nil {
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

// giveRequired keeps what the person owes of the values, and takes it from them.
func (d *Door) giveRequired(a *attempt, o authn.Owed, values map[string]any) error {
	said := map[string]string{}
	for _, f := range o.Fields {
		said[f.Name], _ = values[f.Name].(string)
		delete(values, f.Name)
	}
	_, err := d.Engine.GiveDetails(a.ctx, a.visitor, authn.Details{Flow: a.flow, Values: said, Accepted: a.accepted.Covers(o)})
	var bad *authn.BadDetails
	if !errors.As(err, &bad) {
		return err
	}
	for _, f := range o.Fields {
		if missing, is := bad.Fields[f.Name]; is {
			return badAttribute(&authn.BadAttribute{Name: f.Name, Form: f.Right(), Missing: missing})
		}
	}
	return d.elsewhere("There is something to accept before you are in here.")
}
