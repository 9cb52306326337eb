package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	fositestorage "github.com/ory/fosite/storage"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// requestKept are the parameters of an authorization request that its exchange needs.
var requestKept = []string{"redirect_uri", "nonce", "code_challenge"}

// A code that is presented again later than this after its end is refused but kills nothing: codes lie in the logs of address bars for ever.
const lateReuse = 10 * time.Minute

// codeTries is how many failed exchanges a code survives.
const codeTries = 3

// grantStore shows our one row per grant to fosite as the many stores it wants.
//
// What fosite does between BeginTX and Commit only fills the unit; Commit is one write. The memo, one per request, keeps
// the row as it was before that write: fosite reads it again afterwards.
type grantStore struct{ p *Provider }

var (
	_ fosite.Storage                     = (*grantStore)(nil)
	_ oauth2.CoreStorage                 = (*grantStore)(nil)
	_ oauth2.TokenRevocationStorage      = (*grantStore)(nil)
	_ openid.OpenIDConnectRequestStorage = (*grantStore)(nil)
	_ fositestorage.Transactional        = (*grantStore)(nil)
)

type memoKey struct{}

// memo is what one request has learned and wants written.
type memo struct {
	loaded  bool
	grant   storage.Grant
	user    storage.User
	groups  []string // of the person; only where the client or a scope is about them
	barred  bool     // the client is not for the person
	email   storage.Email
	client  storage.Client
	verdict verdict    // of a refresh
	proof   *dpopProof // that came with the request; nil: none
	flow    storage.ID
	pushed  []byte           // digest of the pushed request that is being answered
	consent *storage.Consent // given with this grant
	failure error            // of the store, which fosite would swallow

	operation   operation
	accessToken string    // that was minted
	newExpires  time.Time // of the grant, by what was issued
	refresh     bool      // a refresh token is issued
	generation  int64     // of the refresh token that counts after the write
}

type operation int

const (
	nothing operation = iota
	exchange
	rotation
)

func withMemo(ctx context.Context) (context.Context, *memo) {
	m := &memo{}
	return context.WithValue(ctx, memoKey{}, m), m
}

func memoOf(ctx context.Context) *memo { return ctx.Value(memoKey{}).(*memo) }

// GetClient implements fosite.ClientManager.
func (s *grantStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	return s.p.cache.client(ctx, id)
}

// ClientAssertionJWTValid implements fosite.ClientManager; assertions are judged by Provider.checkAssertion and never by fosite.
func (s *grantStore) ClientAssertionJWTValid(context.Context, string) error {
	return fosite.ErrJTIKnown
}

// SetClientAssertionJWT implements fosite.ClientManager.
func (s *grantStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// load finds the grant a token names and checks the token against it. Anything wrong with it is fosite.ErrNotFound;
// a store that cannot answer is that store's error.
func (s *grantStore) load(ctx context.Context, token string, k kind) (name, *memo, error) {
	m := memoOf(ctx)
	t, ok := parse(k, token)
	if !ok || !s.p.names.known(t) {
		return name{}, m, fosite.ErrNotFound
	}
	if err := s.p.loadGrant(ctx, m, t.grant); err != nil {
		return name{}, m, err
	}
	if !s.p.names.genuine(t, binding(m.grant, m.client)) {
		return name{}, m, fosite.ErrNotFound
	}
	return t, m, nil
}

// loadGrant fills the memo with a grant, its person and its client, in one read, unless it has them. fosite.ErrNotFound if one is missing.
func (p *Provider) loadGrant(ctx context.Context, m *memo, id storage.ID) error {
	if m.loaded && m.grant.ID == id {
		return nil
	}
	g, u, e, err := p.store.View(ctx).GrantPerson(id)
	if errors.Is(err, storage.ErrNotFound) {
		return fosite.ErrNotFound
	}
	if err != nil {
		m.failure = err
		return err
	}
	c, err := p.cache.client(ctx, g.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return fosite.ErrNotFound
	}
	if err != nil {
		m.failure = err
		return err
	}
	m.loaded, m.grant, m.user, m.email, m.client = true, g, u, e, c.Client
	return p.loadGroups(ctx, m)
}

// loadGroups fills the memo with the groups of its person, where anything depends on them.
func (p *Provider) loadGroups(ctx context.Context, m *memo) (err error) {
	if len(m.client.Settings.AllowedGroups) == 0 && !slices.Contains(strings.Fields(m.grant.Scope), "groups") {
		return nil
	}
	if m.groups, err = p.store.View(ctx).UserGroups(m.user.ID); err != nil {
		m.failure = err
		return err
	}
	m.barred = !authn.Admits(m.client, m.groups)
	return nil
}

// admitted reports whether the grant's person may use the client: they are not blocked, and in a group it is for.
func (m *memo) admitted() bool { return m.user.Active() && !m.barred }

// requester builds fosite's view of the grant, with a session of its own.
func (s *grantStore) requester(m *memo) (*fosite.Request, *session) {
	end := m.grant.ID.Time().Add(s.p.absolute(m.client))
	se := &session{sub: s.p.subject(m.client, m.grant.UserID), grant: m.grant, client: m.client, user: m.user, groups: m.groups, email: m.email, generation: 1, end: end, skew: s.p.now().Sub(time.Now())}
	scopes := fosite.Arguments(strings.Fields(m.grant.Scope))
	return &fosite.Request{ID: m.grant.ID.String(), RequestedAt: m.grant.ID.Time(), Client: &client{Client: m.client, defaults: s.p.Lifetimes}, RequestedScope: scopes,
		GrantedScope: append(fosite.Arguments(nil), scopes...), Form: url.Values{}, Session: se}, se
}

// byOwner reports whether the caller of this request is the client the grant was given to.
func byOwner(ctx context.Context, m *memo) bool {
	r, ok := ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester)
	return ok && r != nil && r.GetClient() != nil && r.GetClient().GetID() == m.grant.ClientID
}

// CreateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage: the grant's row, and the end of the flow that led to it, in one write.
func (s *grantStore) CreateAuthorizeCodeSession(ctx context.Context, _ string, r fosite.Requester) error {
	se, m := r.GetSession().(*session), memoOf(ctx)
	kept := url.Values{}
	for _, k := range requestKept {
		if v := r.GetRequestForm().Get(k); v != "" {
			kept.Set(k, v)
		}
	}
	g := se.grant
	g.Scope, g.Request = strings.Join(r.GetGrantedScopes(), " "), kept.Encode()
	g.CodeExpires = s.p.micros() + s.p.Lifetimes.Code.Microseconds()
	g.Expires = g.CodeExpires + lateReuse.Microseconds()
	return s.p.store.Write(ctx, func(tx storage.Tx) error {
		if !m.flow.IsZero() {
			if err := tx.AnswerFlow(m.flow, s.p.micros()); err != nil {
				return err
			}
		}
		if len(m.pushed) > 0 {
			if err := tx.SpendBegun(pendingPushed, m.pushed, s.p.micros()); err != nil {
				return err
			}
		}
		if m.consent != nil {
			if err := giveConsent(tx, *m.consent, visitorIP(ctx)); err != nil {
				return err
			}
		}
		if err := s.p.keepDocument(tx, se.client); err != nil {
			return err
		}
		return insertGrant(tx, g, s.p.micros())
	})
}

// insertGrant keeps the grant of a session, if that still lives: what ends it may have come since somebody looked, and ends the grants that
// are there. storage.ErrSpent if it has ended.
func insertGrant(tx storage.Tx, g storage.Grant, now int64) error {
	if err := tx.HoldSession(g.SessionID, now); errors.Is(err, storage.ErrNotFound) {
		return storage.ErrSpent
	} else if err != nil {
		return err
	}
	return tx.InsertGrant(g)
}

// GetAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. A code of somebody else, or one that is long over, is not found:
// fosite would revoke before it compares anything.
func (s *grantStore) GetAuthorizeCodeSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	_, m, err := s.load(ctx, code, kindCode)
	if err != nil {
		return nil, err
	}
	if !byOwner(ctx, m) || !m.admitted() {
		return nil, fosite.ErrNotFound
	}
	r, se := s.requester(m)
	now := s.p.micros()
	switch {
	case (m.grant.CodeSpent > 0 || m.grant.RevokedAt > 0) && now < m.grant.CodeExpires+lateReuse.Microseconds():
		return r, fosite.ErrInvalidatedAuthorizeCode
	case m.grant.CodeSpent > 0, m.grant.RevokedAt > 0, now >= m.grant.CodeExpires:
		return nil, fosite.ErrNotFound
	}
	if r.Form, err = url.ParseQuery(m.grant.Request); err != nil {
		return nil, err
	}
	se.expire(fosite.AuthorizeCode, time.UnixMicro(m.grant.CodeExpires).UTC())
	return r, nil
}

// InvalidateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (s *grantStore) InvalidateAuthorizeCodeSession(ctx context.Context, _ string) error {
	m := memoOf(ctx)
	m.operation, m.generation = exchange, 1
	return nil
}

// CreateOpenIDConnectSession implements openid.OpenIDConnectRequestStorage: the grant's row has it all.
func (s *grantStore) CreateOpenIDConnectSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetOpenIDConnectSession implements openid.OpenIDConnectRequestStorage, from the memo: as the row was before our own write.
func (s *grantStore) GetOpenIDConnectSession(ctx context.Context, _ string, r fosite.Requester) (fosite.Requester, error) {
	if !r.GetGrantedScopes().Has("openid") {
		return nil, openid.ErrNoSessionFound
	}
	return r, nil
}

// DeleteOpenIDConnectSession implements openid.OpenIDConnectRequestStorage.
func (s *grantStore) DeleteOpenIDConnectSession(context.Context, string) error { return nil }

// CreateAccessTokenSession implements oauth2.AccessTokenStorage: access tokens are not stored, but the grant must outlive them.
func (s *grantStore) CreateAccessTokenSession(ctx context.Context, _ string, r fosite.Requester) error {
	m := memoOf(ctx)
	if at := r.GetSession().GetExpiresAt(fosite.AccessToken); at.After(m.newExpires) {
		m.newExpires = at
	}
	return nil
}

// GetAccessTokenSession implements oauth2.AccessTokenStorage, for revocation only: any access token that was ever genuine names its grant.
func (s *grantStore) GetAccessTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	m, err := s.grantOf(ctx, token)
	if err != nil {
		return nil, err
	}
	r, _ := s.requester(m)
	return r, nil
}

// grantOf finds the grant an access token belongs to, alive or not.
func (s *grantStore) grantOf(ctx context.Context, token string) (*memo, error) {
	if strings.Count(token, ".") != 2 {
		_, m, err := s.load(ctx, token, kindAccess)
		return m, err
	}
	claims, err := s.p.readJWT(ctx, token)
	if errors.Is(err, errToken) {
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	id, err := storage.ParseID(claims.Grant)
	if err != nil {
		return nil, fosite.ErrNotFound
	}
	m := memoOf(ctx)
	if err := s.p.loadGrant(ctx, m, id); err != nil {
		return nil, err
	}
	if m.grant.ClientID != claims.ClientID || claims.Actor != nil { // an exchanged token is revoked alone
		return nil, fosite.ErrNotFound
	}
	return m, nil
}

// DeleteAccessTokenSession implements oauth2.AccessTokenStorage.
func (s *grantStore) DeleteAccessTokenSession(context.Context, string) error { return nil }

// CreateRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (s *grantStore) CreateRefreshTokenSession(ctx context.Context, _, _ string, r fosite.Requester) error {
	m := memoOf(ctx)
	m.refresh = true
	if at := r.GetSession().GetExpiresAt(fosite.RefreshToken); at.After(m.newExpires) {
		m.newExpires = at
	}
	return nil
}

// GetRefreshTokenSession implements oauth2.RefreshTokenStorage. Without a session it is the revocation endpoint that asks: any generation,
// expired or not, names the grant.
func (s *grantStore) GetRefreshTokenSession(ctx context.Context, token string, empty fosite.Session) (fosite.Requester, error) {
	t, m, err := s.load(ctx, token, kindRefresh)
	if err != nil {
		return nil, err
	}
	r, se := s.requester(m)
	if empty == nil {
		return r, nil
	}
	if !byOwner(ctx, m) || !m.admitted() {
		return nil, fosite.ErrNotFound
	}
	now := s.p.micros()
	if m.grant.RevokedAt > 0 || m.grant.CodeSpent == 0 {
		return r, fosite.ErrInactiveToken
	}
	if m.grant.Expires <= now {
		return nil, fosite.ErrNotFound
	}
	if m.grant.JKT != "" && (m.proof == nil || m.proof.jkt != m.grant.JKT) {
		return nil, fosite.ErrNotFound // somebody without the key learns and ends nothing
	}
	if m.verdict = judge(m.grant, int64(t.generation), s.p.grace(m.client), m.keepsRefresh(), now); m.verdict == reused {
		return r, fosite.ErrInactiveToken
	}
	m.generation = m.grant.Generation
	if m.verdict == rotate {
		m.generation = int64(t.generation) + 1
	}
	se.generation = m.generation
	se.expire(fosite.RefreshToken, time.UnixMicro(m.grant.Expires).UTC())
	return r, nil
}

// RotateRefreshToken implements oauth2.RefreshTokenStorage.
func (s *grantStore) RotateRefreshToken(ctx context.Context, _, _ string) error {
	m := memoOf(ctx)
	if m.verdict == rotate || m.keepsRefresh() {
		m.operation = rotation
	}
	return nil
}

// DeleteRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (s *grantStore) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RevokeRefreshToken implements oauth2.TokenRevocationStorage: the end of the grant, durable whoever has stopped listening,
// with the event that says why. An error is kept, because fosite drops it on one of its ways here.
func (s *grantStore) RevokeRefreshToken(ctx context.Context, _ string) error {
	m := memoOf(ctx)
	event := storage.Event{ID: storage.NewID(), Kind: storage.EventGrantRevoked, Actor: "client:" + m.grant.ClientID, UserID: m.grant.UserID, ClientID: m.grant.ClientID, IP: visitorIP(ctx)}
	if r, ok := ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester); ok && r != nil {
		event.Kind, event.Actor = storage.EventRefreshReused, ""
		if r.GetGrantTypes().Has("authorization_code") {
			event.Kind = storage.EventCodeReused
		}
	}
	err := s.p.revokeGrant(ctx, m.grant.ID, event)
	if err != nil {
		m.failure = err
	}
	return err
}

// RevokeAccessToken implements oauth2.TokenRevocationStorage; fosite always calls RevokeRefreshToken beside it.
func (s *grantStore) RevokeAccessToken(context.Context, string) error { return nil }

// revokeGrant ends a grant once, with its event.
func (p *Provider) revokeGrant(ctx context.Context, id storage.ID, event storage.Event) error {
	return p.store.Write(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		first, err := tx.RevokeGrant(id, p.micros())
		if err != nil || !first {
			return err
		}
		return tx.InsertEvent(event)
	})
}

// BeginTX implements storage.Transactional.
func (s *grantStore) BeginTX(ctx context.Context) (context.Context, error) { return ctx, nil }

// Rollback implements storage.Transactional: nothing has been written.
func (s *grantStore) Rollback(context.Context) error { return nil }

// Commit implements storage.Transactional: everything this request changes, as one conditional write.
func (s *grantStore) Commit(ctx context.Context) error {
	switch m := memoOf(ctx); m.operation {
	case exchange:
		return s.redeem(ctx, m)
	case rotation:
		return s.rotate(ctx, m)
	}
	return nil
}

func (s *grantStore) redeem(ctx context.Context, m *memo) error {
	now := s.p.micros()
	expires := m.newExpires.UnixMicro()
	switch {
	case m.client.Settings.LogoutURI != "" && !m.refresh:
		expires = m.grant.ID.Time().Add(s.p.absolute(m.client)).UnixMicro() // the row must still be there when the session ends
	case !m.refresh:
		expires += lateReuse.Microseconds() // the row must still be there to tell a reuse of the code
	}
	err := s.p.store.Write(ctx, func(tx storage.Tx) error {
		if jkt := boundTo(m); jkt != m.grant.JKT {
			if err := tx.BindGrant(m.grant.ID, jkt); err != nil {
				return err
			}
		}
		return tx.RedeemCode(m.grant.ID, now, expires)
	})
	if errors.Is(err, storage.ErrSpent) {
		return fosite.ErrInvalidatedAuthorizeCode
	}
	return err
}

// A client that never rotates writes the new idle end at most this often.
const touchEvery = 24 * time.Hour

func (s *grantStore) rotate(ctx context.Context, m *memo) error {
	now, g, expires := s.p.micros(), m.grant, m.newExpires.UnixMicro()
	if m.verdict != rotate {
		if expires-g.Expires < touchEvery.Microseconds() {
			return nil
		}
		return s.p.store.Write(ctx, func(tx storage.Tx) error { return tx.TouchGrant(g.ID, now, expires) })
	}
	next := m.generation
	err := s.p.store.Write(ctx, func(tx storage.Tx) error {
		m.generation = next
		err := tx.RotateGrant(g.ID, g.Generation, next, rotated(g.Rotated, g.Generation, next, now), now, expires)
		if !errors.Is(err, storage.ErrSpent) {
			return err
		}
		// Somebody was faster. Judge the same token again over the row as it is now.
		row, err := tx.Grant(g.ID)
		if err != nil {
			return err
		}
		if row.RevokedAt > 0 || row.Expires <= now {
			return fosite.ErrInactiveToken
		}
		switch judge(row, next-1, s.p.grace(m.client), false, now) {
		case keep:
			m.generation = row.Generation
			return nil
		case rotate:
			return tx.RotateGrant(g.ID, row.Generation, next, rotated(row.Rotated, row.Generation, next, now), now, expires)
		}
		return fosite.ErrInactiveToken
	})
	if errors.Is(err, storage.ErrSpent) || errors.Is(err, storage.ErrNotFound) {
		return fosite.ErrInactiveToken
	}
	return err
}
