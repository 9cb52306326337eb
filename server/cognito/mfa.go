package cognito

import (
	"encoding/json"
	"errors"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// Two steps that share the name of a challenge.
const (
	stepSecondCode = "EMAIL_OTP as second factor"
	stepSetUpDone  = "MFA_SETUP done"
)

// mfaNames are the protocol's names of second factors.
var mfaNames = map[authn.Method]string{authn.MethodTOTP: softwareToken, authn.MethodCode: emailOTP}

// askSecond asks for the second factor: the one there is, or which of two it shall be.
func (d *Door) askSecond(a *attempt) (any, error) {
	_, s, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range s.Offers() {
		if name := mfaNames[m]; name != "" {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0: // what the person has is asked for on pages only
		return nil, d.elsewhere("The second factor of this account works on a page only.")
	case len(names) == 1 || mfaNames[s.Has.Preferred] == names[0]: // what is preferred is offered first
		return d.second(a, names[0])
	}
	return challenge{ChallengeName: selectMFA, Session: d.ticket(a, selectMFA, nil), ChallengeParameters: map[string]string{"MFAS_CAN_CHOOSE": list(names)}}, nil
}

// second begins one second factor.
func (d *Door) second(a *attempt, name string) (any, error) {
	u, _, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	if name == softwareToken {
		return challenge{ChallengeName: softwareToken, Session: d.ticket(a, softwareToken, nil), ChallengeParameters: map[string]string{"USER_ID_FOR_SRP": u.ID.String()}}, nil
	}
	if err := d.Engine.SendSecondCode(a.ctx, a.visitor, a.flow); err != nil {
		return nil, err
	}
	address, err := d.Engine.Address(a.ctx, u.ID)
	if err != nil {
		return nil, err
	}
	out := d.codeChallenge(a, address)
	out.Session = d.ticket(a, stepSecondCode, nil)
	return out, nil
}

// list writes names as the protocol has lists inside of parameters: JSON in a string.
func list(names []string) string {
	text, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings can be written
	}
	return string(text)
}

// chooseMFA takes the second factor that the person has chosen. Authn knows whether they may.
func (d *Door) chooseMFA(a *attempt, _ ticket) (any, error) {
	way := a.param["ANSWER"]
	if way != softwareToken && way != emailOTP {
		return nil, fail("InvalidParameterException", "%.40s is not one of the factors that were offered", printable(way))
	}
	return d.second(a, way)
}

func (d *Door) answerTOTP(a *attempt, _ ticket) (any, error) {
	in, err := d.Engine.CheckTOTP(a.ctx, a.visitor, authn.Answer{Flow: a.flow, Code: a.param["SOFTWARE_TOKEN_MFA_CODE"], Remember: true})
	var (
		gone *authn.CodeGone
		many *authn.TooMany
	)
	switch {
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrNotAnswer):
		return nil, fail("CodeMismatchException", "Invalid code received for user")
	case errors.As(err, &gone):
		return nil, fail("ExpiredCodeException", "Your software token has already been used once.")
	case errors.As(err, &many):
		return nil, fail("NotAuthorizedException", "Attempt limit exceeded, please try after some time.")
	}
	return d.next(a, in, err)
}

// askSetUp has a second factor set up before there are tokens.
func (d *Door) askSetUp(a *attempt) (any, error) {
	_, s, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(s.Enrolls(), authn.MethodTOTP) {
		return nil, d.elsewhere("This account needs a second factor that is set up on a page only.")
	}
	return challenge{ChallengeName: setUpMFA, Session: d.ticket(a, setUpMFA, nil), ChallengeParameters: map[string]string{"MFAS_CAN_SETUP": list([]string{softwareToken})}}, nil
}

// associateSoftwareToken makes the key of an authenticator: for the person of a token, or inside a sign-in.
func (d *Door) associateSoftwareToken(c *call) (any, error) {
	var in struct{ AccessToken, Session string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.AccessToken != "" {
		h, err := d.holder(c, in.AccessToken)
		if err != nil {
			return nil, err
		}
		made, err := d.Engine.BeginTOTP(c.ctx, setUpOf(h))
		if err != nil {
			return nil, err
		}
		return map[string]string{"SecretCode": made.Key}, nil
	}
	a, err := d.inSession(c, in.Session, setUpMFA)
	if err != nil {
		return nil, err
	}
	if err := d.Engine.BeginProtectTOTP(c.ctx, c.visitor, a.flow); err != nil {
		return nil, err
	}
	f, _, err := d.Engine.Flow(c.ctx, a.flow, c.visitor.Browser)
	if err != nil {
		return nil, err
	}
	made, err := d.Engine.SettingUpTOTP(c.ctx, authn.SetUpIn(f))
	if err != nil {
		return nil, err
	}
	return map[string]string{"SecretCode": made.Key, "Session": d.ticket(a, setUpMFA, nil)}, nil
}

// setUpOf is the place in which the person of a token sets something up: nobody else sees it there.
func setUpOf(h Holder) authn.SetUpBy {
	return authn.SetUpBy{User: h.User.ID, Place: h.Grant.ID, By: actor(h), Bare: true}
}

// inSession is an operation in the middle of a sign-in that has no name of a person.
func (d *Door) inSession(c *call, session, step string) (*attempt, error) {
	var bound struct{ ClientId string }
	if err := c.read(&bound); err != nil {
		return nil, err
	}
	t, err := d.openAny(session, step)
	if err != nil {
		return nil, err
	}
	app, err := d.client(c, t.Client)
	if err != nil {
		return nil, err
	}
	c.visitor.Browser = t.Browser
	return &attempt{call: c, app: app, name: t.Name, flow: t.Flow}, nil
}

// verifySoftwareToken turns the authenticator on once a code of it has come. A wrong one leaves everything as it is.
func (d *Door) verifySoftwareToken(c *call) (any, error) {
	var in struct{ AccessToken, Session, UserCode string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.AccessToken != "" {
		h, err := d.holder(c, in.AccessToken)
		if err != nil {
			return nil, err
		}
		if err := d.Engine.ConfirmTOTP(c.ctx, c.visitor, setUpOf(h), in.UserCode); err != nil {
			return nil, mismatch(err)
		}
		// It is asked for at sign-in once SetUserMFAPreference says so.
		return map[string]string{"Status": "SUCCESS"}, d.Engine.PreferSecondFactor(c.ctx, actor(h), h.User.ID, authn.Preference{Method: authn.MethodTOTP})
	}
	a, err := d.inSession(c, in.Session, setUpMFA)
	if err != nil {
		return nil, err
	}
	out, err := d.Engine.ProtectTOTP(c.ctx, c.visitor, authn.Answer{Flow: a.flow, Code: in.UserCode, Remember: true})
	if err != nil {
		return nil, mismatch(err)
	}
	// The person is in, or has to prove more; the client hears of it when it says that the factor is set up.
	return map[string]string{"Status": "SUCCESS", "Session": d.ticket(a, stepSetUpDone, []byte(out.Cookie))}, nil
}

// finishSetUp goes on after a factor was set up inside a sign-in.
func (d *Door) finishSetUp(a *attempt, t ticket) (any, error) {
	if len(t.Extra) == 0 {
		in, err := d.Engine.CarryOn(a.ctx, a.visitor, a.flow, "")
		return d.next(a, in, err)
	}
	live, err := d.Engine.Session(a.ctx, string(t.Extra))
	if err != nil {
		return nil, err
	}
	if live == nil {
		return nil, errSession
	}
	return d.tokens(a, *live)
}

// mfaOf lists the second factors a person is asked for, and the one asked for first.
func (d *Door) mfaOf(c *call, user storage.ID) (names []string, preferred string, err error) {
	has, err := d.Engine.Factors(c.ctx, user)
	for _, m := range has.On {
		if name := mfaNames[m]; name != "" {
			names = append(names, name)
		}
	}
	return names, mfaNames[has.Preferred], err
}

// preference is what SetUserMFAPreference says of one factor; nil: it stays as it is.
type preference struct{ Enabled, PreferredMfa bool }

func (d *Door) setUserMFAPreference(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	return struct{}{}, d.prefer(c, actor(h), h.User.ID)
}

// prefer does what a call says of the second factors of a person.
func (d *Door) prefer(c *call, by string, user storage.ID) error {
	var in struct {
		SoftwareTokenMfaSettings, EmailMfaSettings, SMSMfaSettings *preference
	}
	if err := c.read(&in); err != nil {
		return err
	}
	if in.SMSMfaSettings != nil && in.SMSMfaSettings.Enabled {
		return fail("InvalidParameterException", "SMS MFA is not offered by this pool")
	}
	for _, s := range []struct {
		method authn.Method
		want   *preference
		none   string
	}{
		{authn.MethodTOTP, in.SoftwareTokenMfaSettings, "User has not set up software token mfa"},
		{authn.MethodCode, in.EmailMfaSettings, "User does not have a verified email"},
	} {
		if s.want == nil {
			continue
		}
		err := d.Engine.PreferSecondFactor(c.ctx, by, user, authn.Preference{Method: s.method, On: s.want.Enabled, Preferred: s.want.PreferredMfa})
		if errors.Is(err, authn.ErrNotEnrolled) {
			if !s.want.Enabled {
				continue
			}
			err = fail("InvalidParameterException", "%s", s.none)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// getUserAuthFactors lists the ways in that a person has.
func (d *Door) getUserAuthFactors(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	has, err := d.Engine.Factors(c.ctx, h.User.ID)
	if err != nil {
		return nil, err
	}
	ways := []string{}
	for _, w := range []struct {
		name string
		has  bool
	}{{password, has.Password}, {emailOTP, has.Mailbox}, {webAuthn, has.Passkeys > 0}, {"SOFTWARE_TOKEN", has.TOTP}} {
		if w.has {
			ways = append(ways, w.name)
		}
	}
	out := map[string]any{"Username": h.User.ID.String(), "ConfiguredUserAuthFactors": ways}
	names, preferred, err := d.mfaOf(c, h.User.ID)
	if len(names) > 0 {
		out["UserMFASettingList"] = names
	}
	if preferred != "" {
		out["PreferredMfaSetting"] = preferred
	}
	return out, err
}

// mismatch is what the protocol says of a code that does not belong to the key.
func mismatch(err error) error {
	switch {
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrNotAnswer):
		return fail("EnableSoftwareTokenMFAException", "Code mismatch")
	case errors.Is(err, authn.ErrNoSetUp):
		return fail("ResourceNotFoundException", "Software token association does not exist for the user")
	}
	return err
}
