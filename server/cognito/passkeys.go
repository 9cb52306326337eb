package cognito

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// askPasskey asks for a passkey. Nobody's are listed: the authenticator looks for its own, and nobody learns who has one.
func (d *Door) askPasskey(a *attempt) (any, error) {
	c, err := d.ceremony(a)
	if err != nil {
		return nil, err
	}
	options, err := d.Engine.AskPasskey(a.ctx, c)
	if err != nil {
		return nil, err
	}
	return challenge{ChallengeName: webAuthn, Session: d.ticket(a, webAuthn, nil), ChallengeParameters: map[string]string{"CREDENTIAL_REQUEST_OPTIONS": string(options)}}, nil
}

// ceremony is that of a sign-in under way.
func (d *Door) ceremony(a *attempt) (authn.Ceremony, error) {
	flow, err := storage.ParseID(a.flow)
	if err != nil {
		return authn.Ceremony{}, errSession
	}
	return authn.Ceremony{Browser: a.visitor.Browser, Flow: flow, Origins: d.origins(a.call, a.app)}, nil
}

// origins are those whose pages may use passkeys for an application: its own. On this machine it is any page of localhost, because a
// developer's application has another port every day.
func (d *Door) origins(c *call, app storage.Client) []string {
	origins := append([]string(nil), app.AllowedOrigins...)
	from := c.request.Header.Get("Origin")
	if u, err := url.Parse(from); err == nil && u.Scheme == "http" && u.Hostname() == "localhost" && d.RPID == "localhost" {
		origins = append(origins, from)
	}
	return origins
}

// answerPasskey takes the passkey that signed: it has to be that of the person who was named.
func (d *Door) answerPasskey(a *attempt, t ticket) (any, error) {
	in, err := d.Engine.CheckPasskey(a.ctx, a.visitor, authn.PasskeyAnswer{Flow: a.flow, Credential: []byte(a.param["CREDENTIAL"]), Remember: true, Whose: t.Name, Origins: d.origins(a.call, a.app)})
	var refused *authn.PasskeyError
	if errors.As(err, &refused) || errors.Is(err, authn.ErrPasskeyGone) {
		return nil, errPassword
	}
	return d.next(a, in, err)
}

// ownCeremony is that of somebody who makes a passkey with an access token.
func (d *Door) ownCeremony(c *call, h Holder) authn.Ceremony {
	return authn.Ceremony{Browser: "grant " + h.Grant.ID.String(), User: h.User.ID, Origins: d.origins(c, h.Client)}
}

func (d *Door) startWebAuthnRegistration(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	x, err := d.Engine.Experience(c.ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(x.Methods, authn.MethodPasskey) && !slices.Contains(x.SecondFactors, authn.MethodPasskey) {
		return nil, fail("WebAuthnNotEnabledException", "Passkeys are not enabled for this user pool.")
	}
	options, err := d.Engine.AskNewPasskey(c.ctx, d.ownCeremony(c, h))
	if err != nil {
		return nil, err
	}
	return map[string]any{"CredentialCreationOptions": json.RawMessage(options)}, nil
}

func (d *Door) completeWebAuthnRegistration(c *call) (any, error) {
	var in struct {
		AccessToken string
		Credential  json.RawMessage
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	_, err = d.Engine.MakePasskey(c.ctx, c.visitor, d.ownCeremony(c, h), in.Credential)
	var refused *authn.PasskeyError
	switch {
	case errors.Is(err, authn.ErrPasskeyGone):
		return nil, fail("WebAuthnChallengeNotFoundException", "The registration challenge is not known, was answered already, or its time is over.")
	case errors.As(err, &refused) && refused.Reason == authn.PasskeyFull:
		return nil, errLimit
	case errors.As(err, &refused) && !slices.Contains(d.origins(c, h.Client), originOf(in.Credential)):
		return nil, fail("WebAuthnOriginNotAllowedException", "The origin %.100s is none of those that the application is registered with.", printable(originOf(in.Credential)))
	case errors.As(err, &refused):
		return nil, fail("WebAuthnCredentialNotSupportedException", "The passkey was refused: %s", refused.Detail)
	}
	return struct{}{}, err
}

// originOf is the page on which a browser says that it has made a credential (Web Authentication §5.8.1); "" if it says nothing.
func originOf(credential json.RawMessage) string {
	var (
		made struct {
			Response struct {
				ClientData string `json:"clientDataJSON"`
			} `json:"response"`
		}
		client struct {
			Origin string `json:"origin"`
		}
	)
	if json.Unmarshal(credential, &made) != nil {
		return ""
	}
	document, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(made.Response.ClientData, "="))
	if err != nil || json.Unmarshal(document, &client) != nil {
		return ""
	}
	return client.Origin
}

func (d *Door) listWebAuthnCredentials(c *call) (any, error) {
	h, err := d.speaker(c)
	if err != nil {
		return nil, err
	}
	all, err := d.Engine.Passkeys(c.ctx, h.User.ID)
	if err != nil {
		return nil, err
	}
	type credential struct {
		CredentialId, FriendlyCredentialName, RelyingPartyId string
		AuthenticatorAttachment                              string `json:",omitempty"`
		AuthenticatorTransports                              []string
		CreatedAt                                            float64
	}
	list := []credential{}
	for _, p := range all {
		list = append(list, credential{base64.RawURLEncoding.EncodeToString(p.CredentialID), p.Name, d.RPID, p.Attachment, append([]string{}, p.Transports...), float64(p.Created) / 1e6})
	}
	return map[string]any{"Credentials": list}, nil
}

func (d *Door) deleteWebAuthnCredential(c *call) (any, error) {
	var in struct{ AccessToken, CredentialId string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	h, err := d.holder(c, in.AccessToken)
	if err != nil {
		return nil, err
	}
	gone := fail("ResourceNotFoundException", "The passkey does not exist.")
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.CredentialId, "="))
	if err != nil {
		return nil, gone
	}
	all, err := d.Engine.Passkeys(c.ctx, h.User.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if string(p.CredentialID) != string(id) {
			continue
		}
		err := d.Engine.RemovePasskey(c.ctx, actor(h), h.User.ID, p.ID)
		if errors.Is(err, authn.ErrLastWayIn) {
			return nil, fail("InvalidParameterException", "This passkey is the last way in: set up another one first.")
		}
		return struct{}{}, err
	}
	return nil, gone
}
