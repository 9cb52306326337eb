package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/web"
)

// introspectionType is the media type of a signed answer, and with "application/" left out its JWT's `typ` (RFC 9701 §5).
const introspectionType = "application/token-introspection+jwt"

// introspection is RFC 7662 §2.2; without active nothing else is told.
type introspection struct {
	Active    bool          `json:"active"`
	Issuer    string        `json:"iss,omitempty"`
	Subject   string        `json:"sub,omitempty"`
	Audience  string        `json:"aud,omitempty"`
	ClientID  string        `json:"client_id,omitempty"`
	TokenType string        `json:"token_type,omitempty"`
	Scope     string        `json:"scope,omitempty"`
	Expires   int64         `json:"exp,omitempty"`
	Issued    int64         `json:"iat,omitempty"`
	ID        string        `json:"jti,omitempty"`
	Actor     *actor        `json:"act,omitempty"`
	Confirm   *confirmation `json:"cnf,omitempty"`
	AuthTime  int64         `json:"auth_time,omitempty"` // with acr, for step-up (RFC 9470 §6.2)
	ACR       string        `json:"acr,omitempty"`
}

// introspect answers RFC 7662. Only a client that proves itself may ask, and only about its own tokens and those for the API it
// serves: everybody else learns what they would learn about a token that does not exist.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	caller, err := p.introspector(r, form)
	if err != nil {
		return err
	}
	if form.Get("token") == "" {
		return oauthError("invalid_request", "token is missing.")
	}
	answer, err := p.describe(r.Context(), caller, form.Get("token"))
	if err != nil {
		return err
	}
	if !strings.Contains(r.Header.Get("Accept"), introspectionType) {
		return web.JSON(w, http.StatusOK, answer)
	}
	return p.signedIntrospection(w, r, caller, answer)
}

// introspector finds out which client asks. One without a secret or key could be anybody.
func (p *Provider) introspector(r *http.Request, form url.Values) (*client, error) {
	authenticated, err := p.authenticate(r.Context(), r, form)
	if err != nil {
		return nil, fromFosite(err)
	}
	c := authenticated.(*client)
	if c.Public() {
		return nil, fromFosite(fosite.ErrInvalidClient.WithHint("A client that cannot prove who it is learns nothing about tokens."))
	}
	return c, nil
}

// describe says what a client may know about a token.
func (p *Provider) describe(ctx context.Context, caller *client, token string) (introspection, error) {
	if strings.HasPrefix(token, prefixes[kindRefresh]) {
		return p.describeRefresh(ctx, caller, token)
	}
	a, err := p.accessToken(ctx, token)
	if errors.Is(err, errToken) {
		return introspection{}, nil
	}
	if err != nil {
		return introspection{}, err
	}
	if a.client.ID != caller.ID && (a.resource == nil || !slices.Contains(a.resource.Servers, caller.ID)) {
		return introspection{}, nil
	}
	answer := introspection{Active: true, Issuer: p.issuer, Subject: a.subject, Audience: p.issuer, ClientID: a.client.ID, TokenType: "Bearer", Scope: strings.Join(a.scopes, " "),
		Expires: a.expires, Issued: a.issued, ID: a.id, Actor: a.actor}
	if answer.Confirm = confirm(a.jkt); a.jkt != "" {
		answer.TokenType = "DPoP"
	}
	if a.resource != nil {
		answer.Audience = a.resource.ID
	}
	if a.person != nil {
		answer.AuthTime, answer.ACR = a.person.grant.AuthTime/int64(time.Second/time.Microsecond), wishesOf(a.person.grant).acr(a.person.grant)
	}
	return answer, nil
}

// describeRefresh is about a refresh token, which is nobody's business but its client's.
func (p *Provider) describeRefresh(ctx context.Context, caller *client, token string) (introspection, error) {
	ctx, _ = withMemo(ctx)
	t, m, err := (&grantStore{p}).load(ctx, token, kindRefresh)
	if errors.Is(err, fosite.ErrNotFound) {
		return introspection{}, nil
	}
	if err != nil {
		return introspection{}, err
	}
	now := p.micros()
	if m.grant.ClientID != caller.ID || !m.alive() || m.grant.Expires <= now ||
		judge(m.grant, int64(t.generation), p.grace(m.client), m.keepsRefresh(), now) == reused {
		return introspection{}, nil
	}
	return introspection{Active: true, Issuer: p.issuer, Subject: p.subject(m.client, m.grant.UserID), Audience: p.issuer, ClientID: m.grant.ClientID, Scope: m.grant.Scope, Confirm: confirm(m.grant.JKT),
		Expires: m.grant.Expires / int64(time.Second/time.Microsecond), AuthTime: m.grant.AuthTime / int64(time.Second/time.Microsecond), ACR: wishesOf(m.grant).acr(m.grant)}, nil
}

// signedIntrospection answers with a JWT for the client that asked (RFC 9701 §5).
func (p *Provider) signedIntrospection(w http.ResponseWriter, r *http.Request, caller *client, answer introspection) error {
	token, err := p.signFor(r.Context(), caller.Settings.IntrospectionAlg, strings.TrimPrefix(introspectionType, "application/"), struct {
		Issuer   string        `json:"iss"`
		Audience string        `json:"aud"`
		Issued   int64         `json:"iat"`
		Answer   introspection `json:"token_introspection"`
	}{p.issuer, caller.ID, p.now().Unix(), answer})
	if err != nil {
		return err
	}
	return sendJWT(w, introspectionType, token)
}

// signFor signs something for a client with the algorithm it has chosen, or RS256.
func (p *Provider) signFor(ctx context.Context, alg, typ string, claims any) (string, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	if alg == "" {
		alg = RS256
	}
	return keys.sign(alg, typ, claims, p.micros())
}

// sendJWT writes a signed answer; like every answer about a token it is for nobody's cache.
func sendJWT(w http.ResponseWriter, kind, token string) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(token)) // the client may have gone: nothing to be done
	return nil
}
