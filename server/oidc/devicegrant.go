package oidc

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// What a device is told while it waits, and when it is over (RFC 8628 §3.5).
var (
	errDevicePending = deviceError("authorization_pending", "Nobody has decided yet.")
	errDeviceSlow    = deviceError("slow_down", "Leave five seconds more between two questions.")
	errDeviceDenied  = deviceError("access_denied", "The person did not allow it.")
	errDeviceExpired = deviceError("expired_token", "The device code is over. Ask for a new one.")
	errDeviceUnknown = fosite.ErrInvalidGrant.WithHint("The device code is not known, was used already, or belongs to another client.")
)

func deviceError(code, description string) *fosite.RFC6749Error {
	return (&fosite.RFC6749Error{ErrorField: code, CodeField: http.StatusBadRequest}).WithHint(description)
}

// deviceGrant is the grant of a device that a person has connected.
type deviceGrant struct{ store *grantStore }

var _ fosite.TokenEndpointHandler = (*deviceGrant)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *deviceGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	p, c, now := g.store.p, r.GetClient(), g.store.p.micros()
	if !c.GetGrantTypes().Has(deviceGrantType) {
		return fosite.ErrUnauthorizedClient.WithHint("This client may not use the device grant: add its grant type to the application.")
	}
	row, err := p.store.View(ctx).DeviceCode(secret.Hash(r.GetRequestForm().Get("device_code")))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (row.ClientID != c.GetID() || row.SpentAt > 0) {
		return errDeviceUnknown
	}
	switch {
	case err != nil:
		return err
	case row.Expires <= now:
		return errDeviceExpired
	case row.Decision == "denied":
		return errDeviceDenied
	case row.Decision != "allowed":
		return g.wait(ctx, row, now)
	}
	m := memoOf(ctx)
	m.grant, m.user, m.email, err = p.store.View(ctx).GrantPerson(row.GrantID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err != nil || m.grant.RevokedAt > 0 || m.grant.ClientID != row.ClientID {
		return errDeviceDenied // taken back, or the person is gone
	}
	m.loaded, m.client, m.generation = true, c.(*client).Client, 1
	if err := p.loadGroups(ctx, m); err != nil {
		return err
	}
	if !m.admitted() {
		return errDeviceDenied
	}
	request, se := g.store.requester(m)
	r.SetID(request.ID)
	r.SetSession(se)
	r.SetRequestedScopes(request.RequestedScope)
	for _, scope := range request.GrantedScope {
		r.GrantScope(scope)
	}
	se.expire(fosite.AccessToken, p.now().Add(lifetime(m.client.Settings.AccessToken, p.Lifetimes.AccessToken)))
	se.expire(fosite.RefreshToken, p.now().Add(lifetime(m.client.Settings.RefreshIdle, p.Lifetimes.RefreshIdle)))
	return nil
}

// wait tells a device to go on waiting, and one that asks too often to ask less.
func (g *deviceGrant) wait(ctx context.Context, row storage.DeviceCode, now int64) error {
	slow := false
	err := g.store.p.store.Write(ctx, func(tx storage.Tx) error {
		err := tx.PollDeviceCode(row.Digest, now)
		if slow = errors.Is(err, storage.ErrSpent); slow {
			return tx.SlowDeviceCode(row.Digest, now, devicePause.Microseconds())
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case slow:
		return errDeviceSlow
	}
	return errDevicePending
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler: the code is used up in the write that brings the grant to life.
func (g *deviceGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, w fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	m, se, t := memoOf(ctx), r.GetSession().(*session), &tokens{g.store.p}
	access, _, err := t.GenerateAccessToken(ctx, r)
	if err != nil {
		return err
	}
	expires := se.GetExpiresAt(fosite.AccessToken)
	if r.GetGrantedScopes().Has("offline_access") && r.GetClient().GetGrantTypes().Has("refresh_token") {
		m.refresh, expires = true, se.GetExpiresAt(fosite.RefreshToken)
	}
	if m.client.Settings.LogoutURI != "" && !m.refresh {
		expires = m.grant.ID.Time().Add(g.store.p.absolute(m.client)) // the row must still be there when the session ends
	}
	if r.GetGrantedScopes().Has("openid") {
		token, err := t.GenerateIDToken(ctx, 0, r)
		if err != nil {
			return err
		}
		w.SetExtra("id_token", token)
	}
	digest, now := secret.Hash(r.GetRequestForm().Get("device_code")), g.store.p.micros()
	err = g.store.p.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.SpendDeviceCode(digest, now); err != nil {
			return err
		}
		if jkt := boundTo(m); jkt != "" {
			if err := tx.BindGrant(m.grant.ID, jkt); err != nil {
				return err
			}
		}
		return tx.RedeemCode(m.grant.ID, now, expires.UnixMicro())
	})
	if errors.Is(err, storage.ErrSpent) {
		return errDeviceUnknown // somebody was faster
	}
	if err != nil {
		return err
	}
	w.SetAccessToken(access)
	w.SetTokenType("bearer")
	return nil
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*deviceGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*deviceGrant) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(deviceGrantType)
}
