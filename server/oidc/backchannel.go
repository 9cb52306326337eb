package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// logoutEvent is what a logout token tells of (OpenID Connect Back-Channel Logout 1.0 §2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutTokenLife is how long a logout token may be believed: one is made for every try.
const logoutTokenLife = 2 * time.Minute

// Farewell tells an application that a session it knows has ended. It is what the outbox calls for deliveries of that kind; an
// error is tried again, unless it is authn.ErrHopeless.
func (p *Provider) Farewell(ctx context.Context, d storage.Delivery) error {
	var f authn.Farewell
	if err := json.Unmarshal([]byte(d.Payload), &f); err != nil {
		return fmt.Errorf("%w: read farewell: %w", authn.ErrHopeless, err)
	}
	c, err := p.cache.client(ctx, f.ClientID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.Settings.LogoutURI == "" {
		return nil // the application is gone, or does not want to know any more
	}
	if err != nil {
		return err
	}
	token, err := p.logoutToken(ctx, c, f)
	if err != nil {
		return err
	}
	answer, err := p.outgoing.PostForm(ctx, c.Settings.LogoutURI, url.Values{"logout_token": {token}})
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusOK || answer.Status == http.StatusNoContent:
		return nil
	case answer.Status == http.StatusBadRequest: // §2.8: it will not like the next one better
		return fmt.Errorf("%w: application %s refuses our logout token", authn.ErrHopeless, c.ID)
	}
	return fmt.Errorf("application %s answers a logout token with %d", c.ID, answer.Status)
}

// logoutToken is §2.4: never a nonce, so that nobody takes it for an ID token.
func (p *Provider) logoutToken(ctx context.Context, c *client, f authn.Farewell) (string, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return "", err
	}
	person, err := storage.ParseID(f.Subject)
	if err != nil {
		return "", fmt.Errorf("whom a logout token is about: %w", err)
	}
	now, alg := p.now(), c.Settings.IDTokenAlg
	if alg == "" {
		alg = RS256
	}
	return keys.sign(alg, "logout+jwt", map[string]any{
		"iss": p.issuer, "aud": c.ID, "sub": p.subject(c.Client, person), "sid": f.Session, "jti": secret.Token(16),
		"iat": now.Unix(), "exp": now.Add(logoutTokenLife).Unix(), "events": map[string]any{logoutEvent: struct{}{}},
	}, p.micros())
}
