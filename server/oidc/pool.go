package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// ScopeSelf is the scope of access tokens that speak for their person at the Cognito door. Amplify's applications ask for it.
const ScopeSelf = "aws.cognito.signin.user.admin"

// poolScope is what a sign-in at the Cognito door grants. Access tokens of such a grant name only ScopeSelf, as applications expect.
const poolScope = "openid profile email address phone groups offline_access " + ScopeSelf

// Why the Cognito door gets no tokens.
var (
	ErrNotGranted = errors.New("the token is not one of this client's")
	ErrExpired    = errors.New("the token has expired")
	ErrRevoked    = errors.New("the token was revoked")
	ErrReused     = errors.New("the refresh token was replaced long ago")
	ErrAnswered   = errors.New("the flow was answered already")
)

// PoolTokens are what an Amplify application gets.
type PoolTokens struct {
	ID, Access, Refresh string
	ExpiresIn           int64 // of the access token, in seconds
}

// poolIssuer is the `iss` of the tokens of applications in the pool: where their keys are found.
func (p *Provider) poolIssuer() string { return p.poolBase + "/" + p.PoolID }

// issuerOf is the `iss` of what a client is sent.
func (p *Provider) issuerOf(c storage.Client) string {
	if inPool(c) {
		return p.poolIssuer()
	}
	return p.issuer
}

// inPool reports whether a client's tokens are those of the pool, with the claims that Amplify's applications read.
func inPool(c storage.Client) bool { return c.Settings.Cognito }

// poolClaims are those that both tokens have. origin_jti names the grant: revoking it reaches every token that came of it.
type poolClaims struct {
	Subject   string        `json:"sub"`
	Issuer    string        `json:"iss"`
	Use       string        `json:"token_use"`
	Origin    string        `json:"origin_jti"`
	Event     string        `json:"event_id"`
	ID        string        `json:"jti"`
	AuthTime  int64         `json:"auth_time"`
	Issued    int64         `json:"iat"`
	Expires   int64         `json:"exp"`
	Groups    []string      `json:"cognito:groups,omitempty"`
	ClientID  string        `json:"client_id,omitempty"`
	Version   int           `json:"version,omitempty"`
	Scope     string        `json:"scope,omitempty"`
	Username  string        `json:"username,omitempty"`
	ACR       string        `json:"acr,omitempty"`
	Confirmed *confirmation `json:"cnf,omitempty"`
}

func (p *Provider) poolClaims(se *session, use string, expires time.Time) poolClaims {
	return poolClaims{Subject: se.GetSubject(), Issuer: p.poolIssuer(), Use: use, Origin: se.grant.ID.String(), Event: storage.NewID().String(), ID: storage.NewID().String(),
		AuthTime: se.grant.AuthTime / int64(time.Second/time.Microsecond), Issued: p.now().Unix(), Expires: expires.Unix(), Groups: se.groups}
}

// poolAccess mints the access token of an application in the pool.
func (p *Provider) poolAccess(ctx context.Context, se *session, scopes fosite.Arguments) (string, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	claims := p.poolClaims(se, "access", se.GetExpiresAt(fosite.AccessToken))
	claims.ClientID, claims.Version, claims.Username, claims.ACR = se.client.ID, 2, se.GetSubject(), se.grant.ACR
	claims.Scope, claims.Confirmed = strings.Join(slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "offline_access" }), " "), confirm(se.jkt)
	if se.grant.Scope == poolScope {
		claims.Scope = ScopeSelf
	}
	return keys.sign(RS256, jwtType, claims, p.micros())
}

// poolID mints the ID token of an application in the pool. claims are those of the person and the request.
func (p *Provider) poolID(ctx context.Context, se *session, claims map[string]any) (string, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	c := p.poolClaims(se, "id", p.now().Add(lifetime(se.client.Settings.IDToken, p.Lifetimes.IDToken)))
	delete(claims, "groups")
	for name, value := range map[string]any{"sub": c.Subject, "iss": c.Issuer, "aud": se.client.ID, "token_use": c.Use, "origin_jti": c.Origin, "event_id": c.Event, "jti": c.ID,
		"auth_time": c.AuthTime, "iat": c.Issued, "exp": c.Expires, "cognito:username": c.Subject} {
		claims[name] = value
	}
	if len(c.Groups) > 0 {
		claims["cognito:groups"] = c.Groups
	}
	return keys.sign(RS256, "JWT", claims, p.micros())
}

// Issue makes the grant of somebody who has signed in at the Cognito door, and its tokens. The grant ends with the session. The person
// may use the client: authn.Next has said so. ErrNotGranted, ErrAnswered if the flow had its tokens already.
func (p *Provider) Issue(ctx context.Context, live authn.Live, clientID string, flow storage.ID) (PoolTokens, error) {
	c, err := p.cache.client(ctx, clientID)
	if err != nil {
		return PoolTokens{}, err
	}
	ctx, m := withMemo(ctx)
	now := p.micros()
	m.grant = storage.Grant{ID: storage.NewID(), ClientID: c.ID, UserID: live.User.ID, SessionID: live.Session.ID, Secret: secret.Random(16), Scope: poolScope,
		AuthTime: live.Session.AuthTime, AMR: live.Session.AMR, ACR: live.Session.ACR, CodeExpires: now + p.Lifetimes.Code.Microseconds()}
	m.grant.Expires = m.grant.CodeExpires
	m.loaded, m.client, m.user, m.generation = true, c.Client, live.User, 1
	if m.email, err = p.store.View(ctx).PrimaryEmail(live.User.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return PoolTokens{}, err
	}
	if err := p.loadGroups(ctx, m); err != nil {
		return PoolTokens{}, err
	}
	if !m.admitted() {
		return PoolTokens{}, ErrNotGranted
	}
	r, se := p.poolSession(m)
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.AnswerFlow(flow, now); err != nil {
			return err
		}
		if err := insertGrant(tx, m.grant, now); err != nil {
			return err
		}
		return tx.RedeemCode(m.grant.ID, now, se.GetExpiresAt(fosite.RefreshToken).UnixMicro())
	})
	if errors.Is(err, storage.ErrSpent) {
		return PoolTokens{}, ErrAnswered
	}
	if err != nil {
		return PoolTokens{}, err
	}
	return p.poolTokens(ctx, m, r, se)
}

// poolSession is what a grant's tokens are minted from, with their ends.
func (p *Provider) poolSession(m *memo) (*fosite.Request, *session) {
	r, se := (&grantStore{p}).requester(m)
	se.generation, se.scopes = m.generation, r.GrantedScope
	se.expire(fosite.AccessToken, p.now().Add(lifetime(m.client.Settings.AccessToken, p.Lifetimes.AccessToken)))
	se.expire(fosite.RefreshToken, p.now().Add(lifetime(m.client.Settings.RefreshIdle, p.Lifetimes.RefreshIdle)))
	return r, se
}

func (p *Provider) poolTokens(ctx context.Context, m *memo, r *fosite.Request, se *session) (PoolTokens, error) {
	t := &tokens{p}
	access, _, err := t.GenerateAccessToken(ctx, r)
	if err != nil {
		return PoolTokens{}, err
	}
	id, err := t.GenerateIDToken(ctx, 0, r)
	if err != nil {
		return PoolTokens{}, err
	}
	return PoolTokens{ID: id, Access: access, Refresh: p.refreshToken(se, m.generation), ExpiresIn: int64(se.GetExpiresAt(fosite.AccessToken).Sub(p.now()).Seconds())}, nil
}

// Renew answers a refresh token of a client of the pool with fresh tokens, by the rules of every refresh (judge): it rotates, and the
// one before is answered for the grace. The client has been authenticated. ErrNotGranted, ErrExpired, ErrRevoked; ErrReused, with which the
// grant ends.
func (p *Provider) Renew(ctx context.Context, token, clientID string) (PoolTokens, error) {
	ctx, m := withMemo(ctx)
	store := &grantStore{p}
	t, _, err := store.load(ctx, token, kindRefresh)
	if errors.Is(err, fosite.ErrNotFound) {
		return PoolTokens{}, ErrNotGranted
	}
	if err != nil {
		return PoolTokens{}, err
	}
	now := p.micros()
	switch {
	case m.grant.ClientID != clientID, m.grant.JKT != "":
		return PoolTokens{}, ErrNotGranted
	case m.grant.RevokedAt > 0:
		return PoolTokens{}, ErrRevoked
	case m.grant.Expires <= now:
		return PoolTokens{}, ErrExpired
	case !m.alive():
		return PoolTokens{}, ErrNotGranted
	}
	if m.verdict = judge(m.grant, int64(t.generation), p.grace(m.client), m.keepsRefresh(), now); m.verdict == reused {
		event := storage.Event{ID: storage.NewID(), Kind: storage.EventRefreshReused, UserID: m.grant.UserID, ClientID: clientID, IP: visitorIP(ctx)}
		if err := p.revokeGrant(ctx, m.grant.ID, event); err != nil {
			return PoolTokens{}, err
		}
		return PoolTokens{}, ErrReused
	}
	m.generation = m.grant.Generation
	if m.verdict == rotate {
		m.generation = int64(t.generation) + 1
	}
	r, se := p.poolSession(m)
	m.newExpires = se.GetExpiresAt(fosite.RefreshToken)
	if m.verdict == rotate || m.keepsRefresh() {
		switch err := store.rotate(ctx, m); {
		case errors.Is(err, fosite.ErrInactiveToken):
			return PoolTokens{}, ErrNotGranted
		case err != nil:
			return PoolTokens{}, err
		}
	}
	return p.poolTokens(ctx, m, r, se)
}

// EndPoolGrant ends the grant a refresh token of that client names; a token that is not one is a success in which nothing happens.
func (p *Provider) EndPoolGrant(ctx context.Context, token, clientID string) error {
	ctx, m := withMemo(ctx)
	_, _, err := (&grantStore{p}).load(ctx, token, kindRefresh)
	if errors.Is(err, fosite.ErrNotFound) || err == nil && m.grant.ClientID != clientID {
		return nil
	}
	if err != nil {
		return err
	}
	return p.revokeGrant(ctx, m.grant.ID, storage.Event{ID: storage.NewID(), Kind: storage.EventGrantRevoked, Actor: "client:" + clientID, UserID: m.grant.UserID, ClientID: clientID, IP: visitorIP(ctx)})
}

// Holder is whoever an access token speaks for at the Cognito door.
type Holder struct {
	User   storage.User
	Grant  storage.Grant
	Client storage.Client
	Scopes []string
}

// Holder checks an access token of the pool, by the one rule for all access tokens. ErrExpired or ErrRevoked if it was alive
// once, ErrNotGranted if it is not of the pool.
func (p *Provider) Holder(ctx context.Context, token string) (Holder, error) {
	a, err := p.accessToken(ctx, token)
	switch {
	case errors.Is(err, errOver):
		return Holder{}, ErrExpired
	case errors.Is(err, errEnded):
		return Holder{}, ErrRevoked
	case errors.Is(err, errToken):
		return Holder{}, ErrNotGranted
	}
	if err != nil {
		return Holder{}, err
	}
	if a.person == nil || !inPool(a.client) || a.resource != nil || a.actor != nil || a.jkt != "" {
		return Holder{}, ErrNotGranted
	}
	return Holder{User: a.person.user, Grant: a.person.grant, Client: a.client, Scopes: a.scopes}, nil
}
