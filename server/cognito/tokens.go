package cognito

import (
	"errors"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// selfScope lets a token speak for its person here.
const selfScope = "aws.cognito.signin.user.admin"

// poolName is the part of a pool's id that passwords are proven with.
func poolName(id string) string {
	_, name, _ := strings.Cut(id, "_")
	return name
}

// next says what comes after a proof: tokens, or the next challenge.
func (d *Door) next(a *attempt, in authn.SignIn, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	switch in.Step {
	case authn.StepDone:
		return d.tokens(a, in.Live)
	case authn.StepSecondFactor:
		return d.askSecond(a)
	case authn.StepEnrol:
		return d.askSetUp(a)
	case authn.StepDetails:
		return d.details(a)
	case authn.StepNewPassword:
		return d.askNewPassword(a)
	}
	return nil, errSession
}

// tokens are the end of a sign-in, once.
func (d *Door) tokens(a *attempt, live authn.Live) (any, error) {
	tokens, err := d.Issuer.Issue(a.ctx, live, a.app.ID, a.flow)
	switch {
	case errors.Is(err, ErrAnswered):
		return nil, errSession
	case errors.Is(err, ErrNotGranted):
		return nil, fail("NotAuthorizedException", "This application is for members of a group that the user is not in.")
	case err != nil:
		return nil, err
	}
	return challenge{ChallengeParameters: map[string]string{}, AuthenticationResult: resultOf(tokens)}, nil
}

// renew answers a refresh token. Applications throw their tokens away at NotAuthorizedException, so that it is said of tokens only.
func (d *Door) renew(c *call, app storage.Client, refresh string) (Tokens, error) {
	tokens, err := d.Issuer.Renew(c.ctx, refresh, app.ID)
	switch {
	case errors.Is(err, ErrReused):
		return tokens, fail("RefreshTokenReuseException", "Refresh Token has been revoked")
	case errors.Is(err, ErrExpired):
		return tokens, fail("NotAuthorizedException", "Refresh Token has expired")
	case errors.Is(err, ErrRevoked):
		return tokens, fail("NotAuthorizedException", "Refresh Token has been revoked")
	case errors.Is(err, ErrNotGranted):
		return tokens, errRefresh
	}
	return tokens, err
}

func (d *Door) getTokensFromRefreshToken(c *call) (any, error) {
	var in struct{ ClientId, RefreshToken string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	tokens, err := d.renew(c, app, in.RefreshToken)
	if err != nil {
		return nil, err
	}
	return map[string]any{"AuthenticationResult": resultOf(tokens)}, nil
}

// revokeToken ends what a refresh token gives access to. A token that is not known is a success.
func (d *Door) revokeToken(c *call) (any, error) {
	var in struct{ ClientId, Token string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	if strings.Count(in.Token, ".") == 2 {
		return nil, fail("UnsupportedTokenTypeException", "Only refresh tokens can be revoked here")
	}
	return struct{}{}, d.Issuer.End(c.ctx, in.Token, app.ID)
}

// holder is whoever the access token of a call speaks for.
func (d *Door) holder(c *call, token string) (Holder, error) {
	h, err := d.Issuer.Holder(c.ctx, token)
	switch {
	case errors.Is(err, ErrExpired):
		return h, fail("NotAuthorizedException", "Access Token has expired")
	case errors.Is(err, ErrRevoked):
		return h, fail("NotAuthorizedException", "Access Token has been revoked")
	case errors.Is(err, ErrNotGranted):
		return h, errToken
	}
	if err == nil && !slices.Contains(h.Scopes, selfScope) {
		err = fail("NotAuthorizedException", "Access Token does not have required scopes")
	}
	return h, err
}

// globalSignOut ends every session and grant of the person.
func (d *Door) globalSignOut(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	return struct{}{}, d.Engine.SignOutEverywhere(c.ctx, actor(h), h.User.ID)
}

// speaker reads a call that has nothing but an access token.
func (d *Door) speaker(c *call) (Holder, error) {
	var in struct{ AccessToken string }
	if err := c.read(&in); err != nil {
		return Holder{}, err
	}
	return d.holder(c, in.AccessToken)
}

func actor(h Holder) string { return "user:" + h.User.ID.String() }
