package cognito

import (
	"encoding/json"
	"errors"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/srp"
	"gatelatch/storage"
)

// What a session is for: the challenges of the protocol, and two steps that are none.
const (
	stepConfirm   = "CONFIRM_SIGN_UP"
	stepConfirmed = "CONFIRMED"

	selectChallenge = "SELECT_CHALLENGE"
	emailOTP        = "EMAIL_OTP"
	password        = "PASSWORD"
	passwordSRP     = "PASSWORD_SRP"
	passwordAnswer  = "PASSWORD_VERIFIER"
	webAuthn        = "WEB_AUTHN"
	softwareToken   = "SOFTWARE_TOKEN_MFA"
	selectMFA       = "SELECT_MFA_TYPE"
	setUpMFA        = "MFA_SETUP"
)

// challenge is the answer that asks for more.
type challenge struct {
	ChallengeName        string            `json:",omitempty"`
	Session              string            `json:",omitempty"`
	ChallengeParameters  map[string]string // never null
	AvailableChallenges  []string          `json:",omitempty"`
	AuthenticationResult *result           `json:",omitempty"`
}

// result is the answer that has the tokens.
type result struct {
	AccessToken  string
	ExpiresIn    int64
	IdToken      string
	RefreshToken string `json:",omitempty"`
	TokenType    string
}

func resultOf(t Tokens) *result {
	return &result{AccessToken: t.Access, ExpiresIn: t.ExpiresIn, IdToken: t.ID, RefreshToken: t.Refresh, TokenType: "Bearer"}
}

// attempt is a sign-in that is under way: who calls, whom it is about, and what came with it.
type attempt struct {
	*call
	app   storage.Client
	name  string // as authn knows the person
	flow  string
	param map[string]string

	accepted authn.Accepted // what the application says they have accepted
}

// initiateAuth begins a sign-in, or answers a refresh token.
func (d *Door) initiateAuth(c *call) (any, error) {
	var in struct {
		AuthFlow, ClientId, Session string
		AuthParameters              map[string]string
		ClientMetadata              map[string]string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	switch in.AuthFlow {
	case "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN":
		tokens, err := d.renew(c, app, in.AuthParameters["REFRESH_TOKEN"])
		if err != nil {
			return nil, err
		}
		return challenge{ChallengeParameters: map[string]string{}, AuthenticationResult: resultOf(tokens)}, nil
	case "USER_AUTH", "USER_SRP_AUTH", "USER_PASSWORD_AUTH":
	case "":
		return nil, fail("InvalidParameterException", "Missing required parameter AuthFlow")
	default:
		return nil, fail("InvalidParameterException", "%.40s flow not enabled for this client", printable(in.AuthFlow))
	}
	a := &attempt{call: c, app: app, param: in.AuthParameters, accepted: accepted(in.ClientMetadata)}
	if a.name, err = d.login(c, in.AuthParameters["USERNAME"]); err != nil {
		return nil, err
	}
	if in.AuthFlow == "USER_AUTH" && in.Session != "" {
		if out, err := d.autoSignIn(a, in.Session); !errors.Is(err, authn.ErrSignIn) {
			return out, err
		}
	}
	if err := d.begin(a); err != nil {
		return nil, err
	}
	switch {
	case in.AuthFlow == "USER_SRP_AUTH":
		return d.askSRP(a)
	case in.AuthFlow == "USER_PASSWORD_AUTH":
		return d.checkPassword(a)
	}
	if err := d.confirmed(a); err != nil {
		return nil, err
	}
	return d.ask(a, in.AuthParameters["PREFERRED_CHALLENGE"])
}

// begin opens the flow of a sign-in. Nobody makes an account by it: this protocol has an operation for that.
func (d *Door) begin(a *attempt) error {
	a.visitor.Browser = authn.NewBrowser()
	f, err := d.Engine.Begin(a.ctx, a.visitor, authn.Start{ClientID: a.app.ID, ReturnTo: "/", Demands: authn.Demands{KnownOnly: true}})
	a.flow = f.ID.String()
	return err
}

// autoSignIn lets somebody in who has just confirmed their sign-up; authn.ErrSignIn if the session says nothing of the kind.
func (d *Door) autoSignIn(a *attempt, session string) (any, error) {
	t, err := d.open(session, a.app.ID, stepConfirmed)
	if err != nil || t.Name != a.name {
		return nil, authn.ErrSignIn
	}
	a.flow, a.visitor.Browser = t.Flow, t.Browser
	in, err := d.Engine.CarryOn(a.ctx, a.visitor, a.flow, "")
	if errors.Is(err, authn.ErrFlowGone) || errors.Is(err, authn.ErrFlowDone) {
		return nil, authn.ErrSignIn
	}
	return d.next(a, in, err)
}

// confirmed refuses somebody who has signed up and not brought the code yet.
func (d *Door) confirmed(a *attempt) error {
	waiting, err := d.Engine.Unconfirmed(a.ctx, a.name)
	if err == nil && waiting {
		err = errUnconfirmed
	}
	return err
}

// available are the ways into an application. They do not depend on the person: that would tell who is there, and what they have.
func (d *Door) available(a *attempt) ([]string, error) {
	x, err := d.Engine.Experience(a.ctx)
	if err != nil {
		return nil, err
	}
	var ways []string
	for _, m := range x.Methods {
		if !x.MayBegin(a.app, m) {
			continue
		}
		switch m {
		case authn.MethodCode:
			ways = append(ways, emailOTP)
		case authn.MethodPassword:
			ways = append(ways, password)
			if a.app.Settings.SRP {
				ways = append(ways, passwordSRP)
			}
		case authn.MethodPasskey:
			ways = append(ways, webAuthn)
		}
	}
	return ways, nil
}

// ask begins with the way that was chosen, or asks for one.
func (d *Door) ask(a *attempt, way string) (any, error) {
	ways, err := d.available(a)
	if err != nil {
		return nil, err
	}
	if way != "" && !slices.Contains(ways, way) {
		return nil, fail("InvalidParameterException", "%.40s is not enabled for this client", printable(way))
	}
	switch way {
	case emailOTP:
		return d.askCode(a)
	case password:
		return d.checkPassword(a)
	case passwordSRP:
		return d.askSRP(a)
	case webAuthn:
		return d.askPasskey(a)
	}
	return d.offer(a, ways), nil
}

// offer asks which way it shall be.
func (d *Door) offer(a *attempt, ways []string) challenge {
	return challenge{ChallengeName: selectChallenge, Session: d.ticket(a, selectChallenge, nil), ChallengeParameters: map[string]string{}, AvailableChallenges: ways}
}

// ticket seals where the attempt stands.
func (d *Door) ticket(a *attempt, step string, extra []byte) string {
	return d.seal(ticket{Client: a.app.ID, Name: a.name, Step: step, Flow: a.flow, Browser: a.visitor.Browser, Extra: extra})
}

// askCode mails a code. Nobody, and somebody who is there, get the same answer.
func (d *Door) askCode(a *attempt) (any, error) {
	err := d.Engine.SendCode(a.ctx, a.visitor, a.flow, a.name)
	if errors.Is(err, authn.ErrBadAddress) {
		return nil, errPassword // no address, so nobody's
	}
	if err != nil {
		return nil, err
	}
	return d.codeChallenge(a, a.name), nil
}

func (d *Door) codeChallenge(a *attempt, address string) challenge {
	return challenge{ChallengeName: emailOTP, Session: d.ticket(a, emailOTP, nil),
		ChallengeParameters: map[string]string{"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": masked(address)}}
}

// checkPassword looks at a password that came as it is.
func (d *Door) checkPassword(a *attempt) (any, error) {
	in, err := d.Engine.CheckPassword(a.ctx, a.visitor, authn.Attempt{Flow: a.flow, Identifier: a.name, Password: a.param["PASSWORD"], Remember: true})
	return d.afterPassword(a, in, err)
}

// afterPassword gives the ends of a password their words.
func (d *Door) afterPassword(a *attempt, in authn.SignIn, err error) (any, error) {
	var many *authn.TooMany
	switch {
	case errors.Is(err, authn.ErrUnconfirmed):
		return nil, errUnconfirmed
	case errors.Is(err, authn.ErrWrongAnswer):
		return nil, errPassword
	case errors.As(err, &many) && (many.Budget == authn.BudgetGuesses || many.Budget == authn.BudgetNetworkGuesses):
		return nil, errAttempts
	case errors.Is(err, authn.ErrPasswordExpired):
		return nil, errReset
	case errors.Is(err, authn.ErrNotHere):
		return nil, fail("InvalidParameterException", "Password sign-in is not enabled for this client")
	}
	return d.next(a, in, err)
}

// askSRP begins the exchange in which the password is shown without being sent.
func (d *Door) askSRP(a *attempt) (any, error) {
	if !a.app.Settings.SRP {
		return nil, fail("InvalidParameterException", "USER_SRP_AUTH flow not enabled for this client")
	}
	asked, err := d.Engine.BeginSRP(a.ctx, a.visitor, a.flow, a.name, a.param["SRP_A"])
	if errors.Is(err, srp.ErrPublicValue) {
		return nil, fail("InvalidParameterException", "SRP_A is missing, or no public value of the group")
	}
	if err != nil {
		return d.afterPassword(a, authn.SignIn{}, err)
	}
	if asked.Missing {
		return d.withoutVerifier(a)
	}
	extra, err := json.Marshal(exchange{asked.Exchange, asked.User})
	if err != nil {
		return nil, err
	}
	// The block the client signs is the ticket itself: some clients bring no session back.
	session := d.ticket(a, passwordAnswer, extra)
	return challenge{ChallengeName: passwordAnswer, Session: session, ChallengeParameters: map[string]string{
		"SALT": srp.SaltHex(asked.Salt), "SRP_B": asked.Public, "SECRET_BLOCK": blockOf(session), "USER_ID_FOR_SRP": asked.User, "USERNAME": asked.User}}, nil
}

// exchange is what has to be remembered until the client answers.
type exchange struct {
	SRP  srp.Exchange `json:"srp"`
	User string       `json:"user"`
}

// withoutVerifier is for somebody whose password was set where no verifier was kept: a mailed code lets them in, where that may be.
func (d *Door) withoutVerifier(a *attempt) (any, error) {
	x, err := d.Engine.Experience(a.ctx)
	if err != nil {
		return nil, err
	}
	if x.MayBegin(a.app, authn.MethodCode) {
		return d.askCode(a)
	}
	return nil, errReset
}
