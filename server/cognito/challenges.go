package cognito

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/srp"
	"gatelatch/storage"
)

// respondToAuthChallenge takes the answer to a challenge. A wrong code leaves the session as it is: Amplify tries again with the same.
func (d *Door) respondToAuthChallenge(c *call) (any, error) {
	var in struct {
		ClientId, ChallengeName, Session string
		ChallengeResponses               map[string]string
		ClientMetadata                   map[string]string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	answer := map[string]func(*attempt, ticket) (any, error){
		selectChallenge: d.choose, emailOTP: d.answerCode, passwordAnswer: d.answerSRP, softwareToken: d.answerTOTP, selectMFA: d.chooseMFA, setUpMFA: d.finishSetUp, webAuthn: d.answerPasskey, newPassword: d.answerNewPassword,
	}[in.ChallengeName]
	if answer == nil {
		return nil, fail("InvalidParameterException", "The challenge %.40s is not one of this pool", printable(in.ChallengeName))
	}
	session := in.Session
	if in.ChallengeName == passwordAnswer {
		session = sessionOf(in.ChallengeResponses["PASSWORD_CLAIM_SECRET_BLOCK"])
	}
	steps := []string{in.ChallengeName}
	if in.ChallengeName == setUpMFA {
		steps = []string{stepSetUpDone}
	}
	if in.ChallengeName == emailOTP {
		steps = append(steps, stepSecondCode)
	}
	t, err := d.open(session, app.ID, steps...)
	if err != nil {
		return nil, err
	}
	a := &attempt{call: c, app: app, name: t.Name, flow: t.Flow, param: in.ChallengeResponses, accepted: accepted(in.ClientMetadata)}
	a.visitor.Browser = t.Browser
	if err := d.samePerson(a, t); err != nil {
		return nil, err
	}
	return answer(a, t)
}

// samePerson demands that the answer is about the person of the session, in whichever of their names: applications go on with the sub
// when they were told it, whichever of the addresses, or the username, was typed.
func (d *Door) samePerson(a *attempt, t ticket) error {
	name := a.param["USERNAME"]
	if name != "" && name == t.Name {
		return nil
	}
	if t.Step == passwordAnswer {
		var x exchange
		if json.Unmarshal(t.Extra, &x) == nil && name == x.User {
			return nil
		}
	}
	login, err := d.login(a.call, name)
	if err != nil {
		return err
	}
	mine, err1 := authn.NormalizeAddress(login)
	theirs, err2 := authn.NormalizeAddress(t.Name)
	if login == t.Name || err1 == nil && err2 == nil && mine == theirs {
		return nil
	}
	sub, err := storage.ParseID(name)
	if err != nil {
		return errSession
	}
	u, err := d.Engine.Known(a.ctx, t.Name)
	if errors.Is(err, authn.ErrNoUser) || err == nil && u.ID != sub {
		err = errSession
	}
	return err
}

// blockOf and sessionOf write a session as the block that a client signs, and read it again.
func blockOf(session string) string { return base64.StdEncoding.EncodeToString([]byte(session)) }

func sessionOf(block string) string {
	session, err := base64.StdEncoding.DecodeString(block)
	if err != nil {
		return ""
	}
	return string(session)
}

// choose takes the way the person has chosen.
func (d *Door) choose(a *attempt, _ ticket) (any, error) {
	way := a.param["ANSWER"]
	ways, err := d.available(a)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(ways, way) {
		return nil, fail("InvalidParameterException", "%.40s is not one of the challenges that were offered", printable(way))
	}
	return d.ask(a, way)
}

// answerCode checks a mailed code, as the first factor or the second.
func (d *Door) answerCode(a *attempt, t ticket) (any, error) {
	answer := authn.Answer{Flow: a.flow, Code: a.param["EMAIL_OTP_CODE"], Remember: true}
	if t.Step == stepSecondCode {
		in, err := d.Engine.CheckSecondCode(a.ctx, a.visitor, answer)
		return d.afterCode(a, in, err)
	}
	in, err := d.Engine.CheckCode(a.ctx, a.visitor, answer)
	return d.afterCode(a, in, err)
}

// afterCode gives the ends of a code their words.
func (d *Door) afterCode(a *attempt, in authn.SignIn, err error) (any, error) {
	var (
		gone *authn.CodeGone
		many *authn.TooMany
	)
	switch {
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrNotAnswer):
		return nil, fail("CodeMismatchException", "Invalid code or auth state for the user.")
	case errors.As(err, &gone) && gone.Why == authn.GoneExpired:
		return nil, errCodeGone
	case errors.As(err, &gone):
		return nil, errSession
	case errors.As(err, &many):
		return nil, fail("NotAuthorizedException", "Attempt limit exceeded, please try after some time.")
	}
	return d.next(a, in, err)
}

// answerSRP checks the proof that somebody knows the password.
func (d *Door) answerSRP(a *attempt, t ticket) (any, error) {
	var x exchange
	if err := json.Unmarshal(t.Extra, &x); err != nil {
		return nil, errSession
	}
	block, err := base64.StdEncoding.DecodeString(a.param["PASSWORD_CLAIM_SECRET_BLOCK"])
	if err != nil {
		return nil, errPassword
	}
	signature, err := base64.StdEncoding.DecodeString(a.param["PASSWORD_CLAIM_SIGNATURE"])
	if err != nil {
		return nil, errPassword
	}
	in, err := d.Engine.CheckSRP(a.ctx, a.visitor, authn.Attempt{Flow: a.flow, Identifier: a.name, Remember: true}, x.SRP,
		srp.Proof{Pool: poolName(d.PoolID), User: x.User, SecretBlock: block, Timestamp: a.param["TIMESTAMP"], Signature: signature})
	return d.afterPassword(a, in, err)
}
