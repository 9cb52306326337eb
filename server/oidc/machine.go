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
	machineFixed  = 1 + 4 + 4 + 4 + 1 + 1 + 1 // key number, expires, issued, salt, lengths of thumbprint, client's id and audience
	machineMost   = 4 << 10                   // characters
)

// machineName is the access token of a client that acts for itself (RFC 6749 §4.4). No row stands behind it: it says
// everything, and its MAC covers all of it and the client's nonce, so that a client made anew under an old id honours no old token.
type machineName struct {
	key             byte
	issued, expires uint32 // unix seconds
	jkt             []byte // thumbprint of the key it is bound to (RFC 9449); empty: none
	client          string
	audience        string // the resource it is for; "": this server itself
	scopes          string

	body, mac []byte
}

// mintMachine writes a token.
func (n names) mintMachine(t machineName, nonce []byte) string {
	b := make([]byte, 0, machineFixed+len(t.jkt)+len(t.client)+len(t.audience)+len(t.scopes)+macLength)
	b = append(b, n.keys.Active())
	b = binary.BigEndian.AppendUint32(b, t.expires)
	b = binary.BigEndian.AppendUint32(b, t.issued)
	b = append(b, secret.Random(4)...) // two tokens of one second are two strings
	b = append(b, byte(len(t.jkt)), byte(len(t.client)), byte(len(t.audience)))
	b = append(b, t.jkt...)
	b = append(b, t.client...)
	b = append(b, t.audience...)
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
	bound := machineFixed + int(body[machineFixed-3])
	client := bound + int(body[machineFixed-2])
	audience := client + int(body[machineFixed-1])
	if audience > len(body) {
		return machineName{}, false
	}
	return machineName{key: body[0], expires: binary.BigEndian.Uint32(body[1:]), issued: binary.BigEndian.Uint32(body[5:]),
		jkt: body[machineFixed:bound], client: string(body[bound:client]),
		audience: string(body[client:audience]), scopes: string(body[audience:]), body: body, mac: mac}, true
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
	if err := p.unrevoked(ctx, secret.Hash(token)); err != nil {
		return nil, err
	}
	a := &access{client: c.Client, subject: c.ID, jkt: base64.RawURLEncoding.EncodeToString(t.jkt), scopes: strings.Fields(t.scopes), issued: int64(t.issued), expires: int64(t.expires)}
	if t.audience != "" {
		r, known, err := p.knownResource(ctx, t.audience)
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, errToken
		}
		a.resource = &r
	}
	return a, nil
}

// machineGrant is grant_type=client_credentials (RFC 6749 §4.4): a token for the client itself, without a person, without a refresh
// token and without a write.
type machineGrant struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*machineGrant)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *machineGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c := r.GetClient().(*client)
	if c.Public() || !c.GetGrantTypes().Has("client_credentials") {
		return fosite.ErrUnauthorizedClient.WithHint("This client may not use grant_type=client_credentials.")
	}
	se := r.GetSession().(*session)
	se.client, se.scopes = c.Client, fosite.Arguments{}
	switch named := r.GetRequestForm()["resource"]; {
	case len(named) > 1:
		return errTarget.WithHint("An access token is for one resource: ask for each in a request of its own.")
	case len(named) == 1:
		resource, err := g.p.resourceFor(ctx, c.Client, named[0])
		if err != nil {
			return err
		}
		se.resource = &resource
	}
	own, asked := c.ownScopes(), strings.Fields(r.GetRequestForm().Get("scope"))
	if len(asked) == 0 {
		asked = own
	}
	for _, scope := range asked {
		if !slices.Contains(own, scope) {
			return fosite.ErrInvalidScope.WithHint("The client may not have the scope " + describable(loggable(scope)) + " for itself.")
		}
		if se.resource == nil || se.resource.Has(scope) {
			se.scopes = append(se.scopes, scope)
		}
	}
	se.expire(fosite.AccessToken, g.p.now().Add(lifetime(c.Settings.AccessToken, g.p.Lifetimes.AccessToken)))
	g.p.limit(se)
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (g *machineGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, w fosite.AccessResponder) error {
	if !g.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	se := r.GetSession().(*session)
	w.SetTokenType("bearer")
	if se.jwt() {
		token, err := g.p.jwtAccess(ctx, se, se.scopes)
		w.SetAccessToken(token)
		return err
	}
	audience := ""
	if se.resource != nil {
		audience = se.resource.ID
	}
	w.SetAccessToken(g.p.names.mintMachine(machineName{jkt: se.thumbprint(), client: se.client.ID, audience: audience, scopes: strings.Join(se.scopes, " "), issued: uint32(g.p.now().Unix()),
		expires: uint32(se.GetExpiresAt(fosite.AccessToken).Unix())}, se.client.Nonce))
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
	client, digest, end, err := m.read(ctx, token)
	if errors.Is(err, errToken) {
		return fosite.ErrUnknownRequest
	}
	if err != nil {
		return m.fail(ctx, err)
	}
	if client != by.GetID() || m.p.now().Unix() >= end {
		return nil
	}
	event := storage.Event{ID: storage.NewID(), Kind: storage.EventTokenRevoked, Actor: "client:" + client, ClientID: client, IP: visitorIP(ctx)}
	return m.fail(ctx, m.p.store.Write(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		if err := tx.RevokeToken(digest, time.Unix(end, 0).UnixMicro()); err != nil {
			return err
		}
		return tx.InsertEvent(event)
	}))
}

// read finds out whose token it is, what it is remembered by, and when it ends; errToken if it is none without a grant of its own.
func (m *machineRevocation) read(ctx context.Context, token string) (client string, digest []byte, end int64, err error) {
	if strings.Count(token, ".") == 2 {
		claims, err := m.p.readJWT(ctx, token)
		if err == nil && claims.Grant != "" && claims.Actor == nil {
			err = errToken
		}
		return claims.ClientID, jwtDigest(claims.ID), claims.Expires, err
	}
	t, _, err := m.p.machineToken(ctx, token)
	return t.client, secret.Hash(token), int64(t.expires), err
}

// fail keeps an error of the store, which fosite would give another name.
func (*machineRevocation) fail(ctx context.Context, err error) error {
	if err != nil {
		memoOf(ctx).failure = err
	}
	return err
}
