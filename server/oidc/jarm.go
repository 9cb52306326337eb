package oidc

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"time"
)

// signedAnswerLife is how long an authorization response that we sign may be used: as long as a flow through a slow browser takes
// (JARM §2.1 asks for ten minutes at the most).
const signedAnswerLife = 10 * time.Minute

// signedAnswer puts an authorization response, be it a code or an error, into a JWT of ours for this client (JARM §2.1): nobody
// can change it on the way, mix it with another server's, or give it to another client.
func (p *Provider) signedAnswer(ctx context.Context, a *authorizeRequest, values url.Values) (url.Values, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return nil, err
	}
	now := p.now()
	claims := map[string]any{}
	for name := range maps.Keys(values) {
		claims[name] = values.Get(name)
	}
	claims["iss"], claims["aud"], claims["iat"], claims["exp"] = p.issuer, a.client.ID, now.Unix(), now.Add(signedAnswerLife).Unix()
	token, err := keys.sign(cmp.Or(a.client.Settings.AuthorizationAlg, RS256), "JWT", claims, p.micros())
	if err != nil {
		return nil, err
	}
	return url.Values{"response": {token}}, nil
}
