package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

const (
	machinePrefix = "gl_ct_"
	machineFixed  = 1 + 4 + 4 + 4 + 1 // key number, expires, issued, salt, length of the client's id
	machineMost   = 4 << 10           // characters
)

// machineName is the access token of a client that acts for itself (RFC 6749 §4.4). No row stands behind it: it says
// everything, and its MAC covers all of it and the client's nonce, so that a client made anew under an old id honours no old token.
type machineName struct {
	key             byte
	issued, expires uint32 // unix seconds
	client          string
	scopes          string

	body, mac []byte
}

// mintMachine writes a token.
func (n names) mintMachine(t machineName, nonce []byte) string {
	b := make([]byte, 0, machineFixed+len(t.client)+len(t.scopes)+macLength)
	b = append(b, n.keys.Active())
	b = binary.BigEndian.AppendUint32(b, t.expires)
	b = binary.BigEndian.AppendUint32(b, t.issued)
	b = append(b, secret.Random(4)...) // two tokens of one second are two strings
	b = append(b, byte(len(t.client)))
	b = append(b, t.client...)
	b = append(b, t.scopes...)
	b = append(b, n.machineSum(n.keys.Active(), b, nonce)...)
	return machinePrefix + base64.RawURLEncoding.EncodeToString(b)
}

func (n names) machineSum(number byte, body, nonce []byte) []byte {
	key := n.keys.Derive(number, "token/"+machinePrefix)
	if key == nil {
		return nil
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(machinePrefix))
	h.Write(nonce) // of constant length, so that what follows is where it seems to be
	h.Write(body)
	return h.Sum(nil)[:macLength]
}

// parseMachine reads a token; every token has exactly one spelling.
func parseMachine(token string) (machineName, bool) {
	text, ok := strings.CutPrefix(token, machinePrefix)
	if !ok || len(text) > machineMost || strings.ContainsAny(text, "\r\n") {
		return machineName{}, false
	}
	b, err := strictBase64.DecodeString(text)
	if err != nil || len(b) < machineFixed+macLength {
		return machineName{}, false
	}
	body, mac := b[:len(b)-macLength], b[len(b)-macLength:]
	end := machineFixed + int(body[machineFixed-1])
	if end > len(body) {
		return machineName{}, false
	}
	return machineName{key: body[0], expires: binary.BigEndian.Uint32(body[1:]), issued: binary.BigEndian.Uint32(body[5:]),
		client: string(body[machineFixed:end]), scopes: string(body[end:]), body: body, mac: mac}, true
}

// machineToken finds out whether a token of a client alone is genuine, and whose it is; errToken otherwise. It may be over or revoked.
func (p *Provider) machineToken(ctx context.Context, token string) (machineName, *client, error) {
	t, ok := parseMachine(token)
	if !ok {
		return machineName{}, nil, errToken
	}
	c, err := p.cache.client(ctx, t.client)
	if errors.Is(err, storage.ErrNotFound) {
		return machineName{}, nil, errToken
	}
	if err != nil {
		return machineName{}, nil, err
	}
	if sum := p.names.machineSum(t.key, t.body, c.Nonce); sum == nil || !hmac.Equal(sum, t.mac) {
		return machineName{}, nil, errToken
	}
	return t, c, nil
}

// machineAccess is the liveness of a token of a client alone: genuine, not over, not revoked, its client still there.
func (p *Provider) machineAccess(ctx context.Context, token string) (*access, error) {
	t, c, err := p.machineToken(ctx, token)
	if err != nil {
		return nil, err
	}
	if p.now().Unix() >= int64(t.expires) {
		return nil, errToken
	}
	revoked, err := p.store.View(ctx).TokenRevoked(secret.Hash(token))
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, errToken
	}
	return &access{client: c.Client, scopes: strings.Fields(t.scopes), issued: int64(t.issued), expires: int64(t.expires)}, nil
}

// machineGrant is grant_type=client_credentials (RFC 6749 §4.4): a token for the client itself, without a person, without a refresh
// token and without a write.
type machineGrant struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*machineGrant)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *machineGrant) HandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) error {
	c := r.GetClient().(*client)
	if c.Public() || !c.GetGrantTypes().Has("client_credentials") {
		return fosite.ErrUnauthorizedClient.WithHint("This client may not use grant_type=client_credentials.")
	}
	asked := strings.Fields(r.GetRequestForm().Get("scope"))
	if len(asked) == 0 {
		asked = c.ownScopes()
	}
	for _, scope := range asked {
		if !slices.Contains(c.ownScopes(), scope) {
			return fosite.ErrInvalidScope.WithHint("The client may not have the scope " + describable(scope) + " for itself.")
		}
		r.GrantScope(scope)
	}
	se := r.GetSession().(*session)
	se.client = c.Client
	se.expire(fosite.AccessToken, g.p.now().Add(lifetime(c.Settings.AccessToken, g.p.Lifetimes.AccessToken)))
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (g *machineGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, w fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	se := r.GetSession().(*session)
	w.SetAccessToken(g.p.names.mintMachine(machineName{client: se.client.ID, scopes: strings.Join(r.GetGrantedScopes(), " "), issued: uint32(g.p.now().Unix()),
		expires: uint32(se.GetExpiresAt(fosite.AccessToken).Unix())}, se.client.Nonce))
	w.SetTokenType("bearer")
	return nil
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*machineGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*machineGrant) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne("client_credentials")
}

// machineRevocation ends a token of a client alone (RFC 7009): a row until the token would have ended by itself.
type machineRevocation struct{ p *Provider }

var _ fosite.RevocationHandler = (*machineRevocation)(nil)

// RevokeToken implements fosite.RevocationHandler.
func (m *machineRevocation) RevokeToken(ctx context.Context, token string, _ fosite.TokenType, by fosite.Client) error {
	t, c, err := m.p.machineToken(ctx, token)
	if errors.Is(err, errToken) {
		return fosite.ErrUnknownRequest
	}
	if err != nil {
		return m.fail(ctx, err)
	}
	if c.ID != by.GetID() || m.p.now().Unix() >= int64(t.expires) {
		return nil
	}
	expires := time.Unix(int64(t.expires), 0).UnixMicro()
	event := storage.Event{ID: storage.NewID(), Kind: storage.EventTokenRevoked, Actor: "client:" + c.ID, ClientID: c.ID, IP: visitorIP(ctx)}
	return m.fail(ctx, m.p.store.Write(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		if err := tx.RevokeToken(secret.Hash(token), expires); err != nil {
			return err
		}
		return tx.InsertEvent(event)
	}))
}

// fail keeps an error of the store, which fosite would give another name.
func (*machineRevocation) fail(ctx context.Context, err error) error {
	if err != nil {
		memoOf(ctx).failure = err
	}
	return err
}
