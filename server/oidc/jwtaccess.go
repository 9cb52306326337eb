package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// jwtType is the `typ` of our JWT access tokens (RFC 9068 §2.1): no ID token passes for one.
const jwtType = "at+jwt"

// accessClaims are RFC 9068 §2.2. gid names the grant, so that revoking it reaches the token wherever we are asked about it.
type accessClaims struct {
	Issuer   string        `json:"iss"`
	Subject  string        `json:"sub"`
	Audience string        `json:"aud,omitempty"` // those of the pool have none
	ClientID string        `json:"client_id"`
	Scope    string        `json:"scope,omitempty"`
	Issued   int64         `json:"iat"`
	Expires  int64         `json:"exp"`
	ID       string        `json:"jti"`
	AuthTime int64         `json:"auth_time,omitempty"`
	ACR      string        `json:"acr,omitempty"`
	Grant    string        `json:"gid,omitempty"`
	Origin   string        `json:"origin_jti,omitempty"` // of the pool: the grant
	Confirm  *confirmation `json:"cnf,omitempty"`
	Actor    *actor        `json:"act,omitempty"`
}

// confirmation names the key a token is bound to (RFC 7800 §3.1, RFC 9449 §6).
type confirmation struct {
	JKT string `json:"jkt"`
}

// confirm is nil for a token that is bound to none.
func confirm(jkt string) *confirmation {
	if jkt == "" {
		return nil
	}
	return &confirmation{jkt}
}

// jwtAccess mints the access token of a session as a JWT: for its API, or for this server itself.
func (p *Provider) jwtAccess(ctx context.Context, se *session, scopes fosite.Arguments) (string, error) {
	if inPool(se.client) && se.resource == nil && !se.grant.ID.IsZero() {
		return p.poolAccess(ctx, se, scopes)
	}
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	claims := accessClaims{Issuer: p.issuer, Subject: se.client.ID, Audience: p.issuer, ClientID: se.client.ID, Scope: strings.Join(scopes, " "),
		Issued: p.now().Unix(), Expires: se.GetExpiresAt(fosite.AccessToken).Unix(), ID: secret.Token(16), Confirm: confirm(se.jkt), Actor: se.actor}
	alg := se.client.Settings.IDTokenAlg
	if se.resource != nil {
		claims.Audience, alg = se.resource.ID, se.resource.Settings.Alg
	}
	if alg == "" {
		alg = RS256
	}
	if !se.grant.ID.IsZero() {
		claims.Subject, claims.Grant = se.GetSubject(), se.grant.ID.String()
		claims.AuthTime, claims.ACR = se.grant.AuthTime/int64(time.Second/time.Microsecond), wishesOf(se.grant).acr(se.grant)
	}
	if se.subject != "" {
		claims.Subject = se.subject
	}
	return keys.sign(alg, jwtType, claims, p.micros())
}

// readJWT returns the claims of an access token that we have signed, over or not; errToken otherwise.
func (p *Provider) readJWT(ctx context.Context, token string) (accessClaims, error) {
	var c accessClaims
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return c, err
	}
	typ, payload, err := keys.verify(token)
	if err != nil || typ != jwtType || json.Unmarshal(payload, &c) != nil || c.ID == "" {
		return accessClaims{}, errToken
	}
	switch {
	case c.Issuer == p.issuer && c.Audience != "":
	case c.Issuer == p.poolIssuer() && c.Audience == "" && c.Origin != "":
		c.Audience, c.Grant = p.issuer, c.Origin
	default:
		return accessClaims{}, errToken
	}
	return c, nil
}

// jwtAlive is the liveness of a JWT access token: signed by us, not over, not revoked, its client and API still there, and where a
// person stands behind it, grant and person as well.
func (p *Provider) jwtAlive(ctx context.Context, token string) (*access, error) {
	claims, err := p.readJWT(ctx, token)
	if err != nil {
		return nil, err
	}
	resource, known, err := p.knownResource(ctx, claims.Audience)
	if err != nil {
		return nil, err
	}
	if p.now().Unix() >= claims.Expires {
		return nil, errOver
	}
	if !known && claims.Audience != p.issuer {
		return nil, errToken
	}
	c, err := p.cache.client(ctx, claims.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (c.Created/int64(time.Second/time.Microsecond) > claims.Issued || claims.Origin != "" && !inPool(c.Client)) {
		return nil, errToken // the client is gone, or another was made under its id since
	}
	if err != nil {
		return nil, err
	}
	a := &access{client: c.Client, scopes: strings.Fields(claims.Scope), issued: claims.Issued, expires: claims.Expires, id: claims.ID, subject: claims.Subject}
	if known {
		a.resource = &resource
	}
	if claims.Confirm != nil {
		a.jkt = claims.Confirm.JKT
	}
	a.actor = claims.Actor
	if claims.Grant == "" || claims.Actor != nil { // it may have been revoked alone
		if err := p.unrevoked(ctx, jwtDigest(claims.ID)); err != nil || claims.Grant == "" {
			return a, err
		}
	}
	id, err := storage.ParseID(claims.Grant)
	if err != nil {
		return nil, errToken
	}
	if a.person, err = p.person(ctx, id); err != nil {
		return nil, err
	}
	if claims.Actor == nil && a.person.grant.ClientID != claims.ClientID {
		return nil, errToken
	}
	if a.person.grant.RevokedAt > 0 {
		return nil, errEnded
	}
	if !a.person.alive() {
		return nil, errToken
	}
	return a, nil
}

// jwtDigest is what a revoked JWT is remembered by: its jti, because a signature may have a second spelling.
func jwtDigest(id string) []byte { return secret.Hash("jti " + id) }

// unrevoked is errToken for a token that was revoked alone.
func (p *Provider) unrevoked(ctx context.Context, digest []byte) error {
	revoked, err := p.store.View(ctx).TokenRevoked(digest)
	if err == nil && revoked {
		err = errToken
	}
	return err
}

// person reads a grant with its person, in one read; errToken if there is none, or its client is gone.
func (p *Provider) person(ctx context.Context, grant storage.ID) (*memo, error) {
	m := &memo{}
	err := p.loadGrant(ctx, m, grant)
	if errors.Is(err, fosite.ErrNotFound) {
		return nil, errToken
	}
	return m, err
}

// alive reports whether a grant still gives access to anything.
func (m *memo) alive() bool {
	return m.grant.RevokedAt == 0 && m.grant.CodeSpent > 0 && m.admitted()
}
