package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// publishedLife is how long a discovery document is believed. Keys are fetched when a new one appears, whatever its age.
const publishedLife = time.Hour

// maxPublished bounds how many documents are remembered.
const maxPublished = 64

// published is what a provider says of itself (OpenID Connect Discovery §3).
type published struct {
	provider *oidc.Provider
	until    time.Time
	document struct {
		Issuer      string   `json:"issuer"`
		Authorize   string   `json:"authorization_endpoint"`
		Token       string   `json:"token_endpoint"`
		Userinfo    string   `json:"userinfo_endpoint"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		Algs        []string `json:"id_token_signing_alg_values_supported"`
		SaysIssuer  bool     `json:"authorization_response_iss_parameter_supported"`
	}
}

// discover reads what a provider publishes.
func (c *Client) discover(ctx context.Context, to Connection, k *kind) (endpoints, error) {
	issuer := k.issuer
	if to.Issuer != "" {
		issuer = to.Issuer
	}
	if to.Kind == MicrosoftKind {
		issuer = microsoftIssuer(to.Tenant)
	}
	p, err := c.read(ctx, issuer)
	if err != nil {
		return endpoints{}, fmt.Errorf("read what %s publishes: %w", issuer, err)
	}
	d := p.document
	end := endpoints{issuer: d.Issuer, authorize: d.Authorize, token: d.Token, profile: d.Userinfo, saysIssuer: d.SaysIssuer, published: p}
	end.inHeader = len(d.AuthMethods) == 0 || slices.Contains(d.AuthMethods, "client_secret_basic")
	if to.Kind == AppleKind {
		end.inHeader = false
	}
	if d.Authorize == "" || d.Token == "" {
		return endpoints{}, fmt.Errorf("what %s publishes lacks an endpoint", issuer)
	}
	return end, nil
}

func (c *Client) read(ctx context.Context, issuer string) (published, error) {
	c.mu.Lock()
	p, ok := c.known[issuer]
	c.mu.Unlock()
	if ok && c.now().Before(p.until) {
		return p, nil
	}
	ctx = oidc.ClientContext(ctx, c.http)
	if says := templateOf(issuer); says != "" {
		ctx = oidc.InsecureIssuerURLContext(ctx, says)
	}
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return published{}, short(err)
	}
	p = published{provider: provider, until: c.now().Add(publishedLife)}
	if err := provider.Claims(&p.document); err != nil {
		return published{}, short(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxPublished {
		clear(c.known)
	}
	c.known[issuer] = p
	return p, nil
}

// signatures are the algorithms that an ID token may be signed with: none, and those with a shared secret, are not among them.
var signatures = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// vouched reads who an ID token is about (OpenID Connect Core §3.1.3.7).
func (c *Client) vouched(ctx context.Context, to Connection, k *kind, end endpoints, q Question, a Answer, token *oauth2.Token) (Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Identity{}, errors.New("the provider sent no ID token")
	}
	algs := slices.DeleteFunc(slices.Clone(end.published.document.Algs), func(alg string) bool { return !slices.Contains(signatures, alg) })
	if len(algs) == 0 {
		algs = []string{oidc.RS256}
	}
	ctx = oidc.ClientContext(ctx, c.http)
	template := templateOf(end.issuer)
	id, err := end.published.provider.Verifier(&oidc.Config{ClientID: to.ClientID, SupportedSigningAlgs: algs, Now: c.now, SkipIssuerCheck: template != ""}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("ID token: %w", short(err))
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("claims of the ID token: %w", short(err))
	}
	i := Identity{Issuer: end.issuer, Subject: id.Subject}
	azp, said := claims["azp"]
	switch {
	case template != "" && id.Issuer != microsoftTenantIssuer(claims["tid"]):
		return Identity{}, fmt.Errorf("ID token: another issuer, %.80q", id.Issuer)
	case q.Nonce == "" || id.Nonce != q.Nonce:
		return Identity{}, errors.New("ID token: it does not answer this question (nonce)")
	case said && azp != to.ClientID, len(id.Audience) > 1 && !said:
		return Identity{}, errors.New("ID token: it was made for another application (azp)")
	case id.Subject == "" || len(id.Subject) > 255:
		return Identity{}, errors.New("ID token: it does not say who it is about")
	}
	if template != "" {
		i.Issuer = id.Issuer
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, errors.New("ID token: another access token belongs to it (at_hash)")
		}
	}
	if err := c.complete(ctx, end, id, claims, token); err != nil {
		return Identity{}, err
	}
	if to.Kind == AppleKind {
		appleName(claims, a.User)
	}
	i.Email, _ = claims["email"].(string)
	i.Verified = i.Email != "" && k.verified(claims)
	i.Claims = claims
	return i, nil
}

// complete asks the userinfo endpoint for what the ID token leaves out. What is signed wins; a sub that differs is somebody else's
// answer (Core §5.3.2).
func (c *Client) complete(ctx context.Context, end endpoints, id *oidc.IDToken, claims map[string]any, token *oauth2.Token) error {
	if _, has := claims["email"]; has || end.profile == "" {
		return nil
	}
	info, err := end.published.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("userinfo: %w", short(err))
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("userinfo: %w", short(err))
	}
	if sub, _ := more["sub"].(string); sub != id.Subject {
		return errors.New("userinfo: it is about somebody else (sub)")
	}
	maps.Copy(more, claims)
	maps.Copy(claims, more)
	return nil
}

// emailVerified believes what a provider says. Apple spells it as text at times.
func emailVerified(claims map[string]any) bool {
	return claims["email_verified"] == true || claims["email_verified"] == "true"
}

// googleVerified believes Google where Google runs the mailbox, or the domain's owner has handed it to Google. Of other addresses
// it was proven once, and may belong to somebody else by now (Google: "Authenticate with a backend server").
func googleVerified(claims map[string]any) bool {
	email, _ := claims["email"].(string)
	domain, _ := claims["hd"].(string)
	return emailVerified(claims) && (strings.HasSuffix(strings.ToLower(email), "@gmail.com") || domain != "")
}

// short is an error without the pages that providers send in place of answers.
func short(err error) error {
	text := err.Error()
	if len(text) <= 200 && !strings.ContainsAny(text, "<\n") {
		return err
	}
	text, _, _ = strings.Cut(text, "\n")
	text, _, _ = strings.Cut(text, "<")
	return errors.New(text[:min(len(text), 200)])
}

// decode reads JSON with its numbers as they are written: the ids of some providers are larger than a float holds.
func decode(text []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	return d.Decode(into)
}
