package oidc

import (
	"context"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
)

// tokens mints what fosite hands out. A token's "signature" is the token itself: grantStore parses it, reads the grant's row
// and checks the MAC, because only the row has what the MAC covers.
type tokens struct{ p *Provider }

var (
	_ oauth2.CoreStrategy               = (*tokens)(nil)
	_ openid.OpenIDConnectTokenStrategy = (*tokens)(nil)
)

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy.
func (*tokens) AuthorizeCodeSignature(_ context.Context, token string) string { return token }

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy.
func (*tokens) RefreshTokenSignature(_ context.Context, token string) string { return token }

// AccessTokenSignature implements oauth2.AccessTokenStrategy.
func (*tokens) AccessTokenSignature(_ context.Context, token string) string { return token }

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (t *tokens) GenerateAuthorizeCode(_ context.Context, r fosite.Requester) (string, string, error) {
	se := r.GetSession().(*session)
	code := t.p.names.mint(name{kind: kindCode, grant: se.grant.ID}, binding(se.grant, se.client))
	return code, code, nil
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy: grantStore has checked the end already; fosite passes the wrong requester here.
func (*tokens) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error { return nil }

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy.
func (t *tokens) GenerateRefreshToken(_ context.Context, r fosite.Requester) (string, string, error) {
	token := t.p.refreshToken(r.GetSession().(*session), r.GetSession().(*session).generation)
	return token, token, nil
}

func (p *Provider) refreshToken(se *session, generation int64) string {
	return p.names.mint(name{kind: kindRefresh, grant: se.grant.ID, generation: uint32(generation)}, binding(se.grant, se.client))
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy.
func (t *tokens) ValidateRefreshToken(_ context.Context, r fosite.Requester, _ string) error {
	return t.alive(r, fosite.RefreshToken)
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (t *tokens) GenerateAccessToken(ctx context.Context, r fosite.Requester) (string, string, error) {
	se := r.GetSession().(*session)
	if se.jwt() {
		token, err := t.p.jwtAccess(ctx, se, se.scopes)
		memoOf(ctx).accessToken = token
		return token, token, err
	}
	var mask uint32
	for i, scope := range strings.Fields(se.grant.Scope) {
		if i < maxScopes && se.scopes.Has(scope) {
			mask |= 1 << i
		}
	}
	token := t.p.names.mint(name{kind: kindAccess, grant: se.grant.ID, expires: uint32(se.GetExpiresAt(fosite.AccessToken).Unix()),
		issued: uint32(t.p.now().Unix()), scopes: mask, audience: byte(se.index), jkt: se.thumbprint()}, binding(se.grant, se.client))
	memoOf(ctx).accessToken = token // its hash goes into the ID token
	return token, token, nil
}

// ValidateAccessToken implements oauth2.AccessTokenStrategy.
func (t *tokens) ValidateAccessToken(_ context.Context, r fosite.Requester, _ string) error {
	return t.alive(r, fosite.AccessToken)
}

// alive takes a missing end for over, never for "for ever".
func (t *tokens) alive(r fosite.Requester, kind fosite.TokenType) error {
	if end := r.GetSession().GetExpiresAt(kind); end.IsZero() || !t.p.now().Before(end) {
		return fosite.ErrTokenExpired
	}
	return nil
}

// GenerateIDToken implements openid.OpenIDConnectTokenStrategy (OpenID Connect Core §2). lifespan is not used: the client's own counts.
func (t *tokens) GenerateIDToken(ctx context.Context, _ time.Duration, r fosite.Requester) (string, error) {
	se := r.GetSession().(*session)
	keys, err := t.p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	now := t.p.now()
	scopes := r.GetGrantedScopes()
	if se.client.Settings.BareIDToken {
		scopes = nil
	}
	wished := wishesOf(se.grant)
	claims := personClaims(se.user, se.groups, se.email, se.client, scopes)
	if err := t.p.addOwn(ctx, claims, se.user, scopes, wished.IDToken); err != nil {
		return "", err
	}
	addWished(claims, wished.IDToken, se.user, se.email, se.client)
	if inPool(se.client) {
		if err := t.p.addCustom(ctx, claims, se.user, r.GetGrantedScopes()); err != nil {
			return "", err
		}
		if nonce := requestOf(se.grant).Get("nonce"); nonce != "" {
			claims["nonce"] = nonce
		}
		claims["at_hash"] = leftHalf(RS256, memoOf(ctx).accessToken)
		return t.p.poolID(ctx, se, claims)
	}
	claims["iss"] = t.p.issuer
	claims["sub"] = se.GetSubject()
	claims["aud"] = se.client.ID // a string: Logto's SDKs refuse a list
	claims["iat"] = now.Unix()
	claims["exp"] = now.Add(lifetime(se.client.Settings.IDToken, t.p.Lifetimes.IDToken)).Unix()
	claims["auth_time"] = se.grant.AuthTime / int64(time.Second/time.Microsecond)
	claims["amr"] = strings.Fields(se.grant.AMR)
	claims["acr"] = wished.acr(se.grant)
	if sid := se.grant.Sid(); !sid.IsZero() {
		claims["sid"] = sid.String()
	}
	// At a refresh the row has no nonce any more, and the token none either (Core §12.2 lets it be left out).
	if nonce := requestOf(se.grant).Get("nonce"); nonce != "" {
		claims["nonce"] = nonce
	}
	alg := se.client.Settings.IDTokenAlg
	if alg == "" {
		alg = RS256
	}
	claims["at_hash"] = leftHalf(alg, memoOf(ctx).accessToken)
	return keys.sign(alg, "JWT", claims, t.p.micros())
}
