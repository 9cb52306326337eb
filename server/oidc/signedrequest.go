package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatelatch/server/jose"
	"gatelatch/server/web"
	"gatelatch/views"
)

// requestObjectLife is how far ahead a request object may end, and how far back it may begin (FAPI 2.0 Message Signing §5.3.1).
const requestObjectLife = time.Hour

// signedRequest reads a request object (RFC 9101; OpenID Connect Core §6.1): only what its client has signed counts, and nothing
// beside it (RFC 9101 §6.3). A refusal goes to a registered redirect URI if one is to be found, inside or outside.
func (p *Provider) signedRequest(ctx context.Context, c *client, q asked) (asked, error) {
	outside := q.params
	j, err := jose.Parse(outside.Get("request"))
	if err != nil {
		return q, p.objectRefused(ctx, c, outside, nil, "invalid_request_object", "The request object is not a signed JWT.")
	}
	no := func(code, description string) error { return p.objectRefused(ctx, c, outside, j, code, description) }
	switch alg := j.Header.Alg; {
	case strings.EqualFold(alg, "none"):
		return q, no("request_not_supported", "Request objects without a signature are not supported.")
	case !jose.Supported(alg):
		return q, no("invalid_request_object", "The request object is signed by an algorithm that is not supported.")
	case c.Settings.RequestObjectAlg != "" && !jose.Same(alg, c.Settings.RequestObjectAlg):
		return q, no("invalid_request_object", "This client signs its request objects with "+c.Settings.RequestObjectAlg+".")
	case len(c.keys) == 0 && c.Settings.JWKSURI == "":
		return q, no("request_not_supported", "This client has no keys registered that could have signed a request object.")
	case j.Header.Typ != "" && !j.Header.IsType("oauth-authz-req+jwt", "jwt"):
		return q, no("invalid_request_object", "The typ of the request object must be oauth-authz-req+jwt.")
	}
	keys, err := p.clientKeys(ctx, c, j.Header)
	if err != nil {
		p.log.WarnContext(ctx, "a request object could not be checked: the client's keys are not to be had", "client_id", c.ID, "error", err)
	}
	if !j.Verify(keys) {
		return q, no("invalid_request_object", "The signature of the request object is not by a key of this client.")
	}
	if why := p.objectClaims(c, j); why != "" {
		return q, no("invalid_request_object", "The request object is not right: "+why+".")
	}
	params, err := parametersOf(j.Claims)
	if err != nil {
		return q, no("invalid_request_object", "The request object is not right: "+err.Error()+".")
	}
	params.Set("client_id", c.ID)
	return asked{params: params, signed: true}, nil
}

// objectClaims judges who has signed a request object for whom, and when.
func (p *Provider) objectClaims(c *client, j *jose.JWS) (why string) {
	if iss, _ := jose.Text(j.Claims["iss"]); iss != c.ID {
		return "its iss must be the client_id"
	}
	if id, _ := jose.Text(j.Claims["client_id"]); id != c.ID && j.Claims["client_id"] != nil {
		return "its client_id is another than that of the request"
	}
	if j.Claims["sub"] != nil {
		return "it has a sub, which makes it a client assertion (RFC 9101 §10.8)"
	}
	aud, ok := jose.Text(j.Claims["aud"])
	list := []string{aud}
	if !ok && json.Unmarshal(j.Claims["aud"], &list) != nil || !slices.Contains(list, p.issuer) {
		return "its aud must be " + p.issuer
	}
	if _, err := p.readTimes(j.Claims, requestObjectLife); err != nil {
		return err.Error()
	}
	// Only a begin bounds how old a request can be (FAPI 2.0 Message Signing §5.3.1); other clients may leave it out.
	if j.Claims["nbf"] == nil && c.Settings.RequireSigned {
		return "it needs an nbf, as this client signs every request"
	}
	var begins float64
	if j.Claims["nbf"] != nil && json.Unmarshal(j.Claims["nbf"], &begins) == nil && p.now().Sub(time.Unix(int64(begins), 0)) > requestObjectLife+clockSkew {
		return "its nbf lies more than an hour back"
	}
	return ""
}

// parametersOf turns the claims of a request object into parameters. Each has the type that OpenID Connect Core §6.1 gives it:
// what would change its meaning on the way into text is an error.
func parametersOf(claims map[string]json.RawMessage) (url.Values, error) {
	params := url.Values{}
	for name, value := range claims {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti":
			continue
		case "request", "request_uri":
			return nil, errors.New("it contains " + name + " (RFC 9101 §4)")
		case "client_secret", "client_assertion", "client_assertion_type":
			return nil, errors.New("it contains " + name + ", which the browser would see")
		case markPushed, markSigned:
			continue
		}
		texts, err := parameter(name, value)
		if err != nil {
			return nil, err
		}
		params[name] = texts
	}
	return params, nil
}

func parameter(name string, value json.RawMessage) ([]string, error) {
	if text, ok := jose.Text(value); ok {
		if strings.ContainsRune(text, 0) {
			return nil, errors.New(name + " contains a NUL")
		}
		return []string{text}, nil
	}
	var (
		number int64
		list   []string
		object bytes.Buffer
	)
	switch {
	case name == "max_age" && json.Unmarshal(value, &number) == nil && value[0] != 'n':
		return []string{strconv.FormatInt(number, 10)}, nil
	case name == "claims" && value[0] == '{' && json.Compact(&object, value) == nil:
		return []string{object.String()}, nil
	case slices.Contains(repeatable, name) && value[0] == '[' && json.Unmarshal(value, &list) == nil && len(list) < 20:
		return list, nil
	}
	return nil, errors.New(name + " has the wrong type")
}

// objectRefused is a refusal for a request whose object cannot be used. An address is only ever one that is registered.
func (p *Provider) objectRefused(ctx context.Context, c *client, outside url.Values, j *jose.JWS, code, description string) error {
	find := func(name string) (string, bool) {
		if outside.Has(name) {
			return outside.Get(name), true
		}
		if j == nil {
			return "", false
		}
		return jose.Text(j.Claims[name])
	}
	uri, _ := find("redirect_uri")
	if !c.allowsRedirect(uri) || len(outside["redirect_uri"]) > 1 {
		p.log.WarnContext(ctx, "sign-in refused: "+description, "client_id", c.ID, "request", web.RequestID(ctx))
		return &pageError{kind: views.ErrorRequest, client: &c.Client, why: oauthError(code, description)}
	}
	a := &authorizeRequest{client: c, redirectURI: uri, asked: asked{params: url.Values{}}}
	a.state, a.hasState = find("state")
	if len(a.state) > 4096 {
		a.state, a.hasState = "", false
	}
	mode, _ := find("response_mode")
	a.setMode(mode)
	return a.refuse(code, description)
}
