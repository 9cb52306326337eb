package oidc

import (
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"

	"gatelatch/storage"
)

// session carries a grant through fosite: built anew from the row on every read, never stored by fosite, never shared.
type session struct {
	grant      storage.Grant
	client     storage.Client
	user       storage.User
	groups     []string
	email      storage.Email
	generation int64             // of the refresh token to mint
	scopes     fosite.Arguments  // of the access token to mint
	sub        string            // what the client calls the person
	subject    string            // of an exchanged token; "": the person of the grant
	actor      *actor            // of an exchanged token
	jkt        string            // thumbprint of the key that the access token is bound to
	resource   *storage.Resource // that it is for; nil: this server itself
	index      int               // of the resource among the grant's audiences, from 1
	end        time.Time         // absolute end of the grant; no token outlives it
	skew       time.Duration     // our clock less fosite's, which is always the machine's
	expires    map[fosite.TokenType]time.Time
	claims     *jwt.IDTokenClaims
	headers    *jwt.Headers
}

var (
	_ fosite.Session = (*session)(nil)
	_ openid.Session = (*session)(nil)
)

// thumbprint is jkt in bytes; nil for none.
func (s *session) thumbprint() []byte {
	b, err := strictBase64.DecodeString(s.jkt)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// jwt reports whether the access token is a JWT.
func (s *session) jwt() bool {
	if s.resource != nil {
		return !s.resource.Settings.Opaque
	}
	return s.client.Settings.JWTAccess || inPool(s.client)
}

// SetExpiresAt implements fosite.Session, by the machine's clock.
func (s *session) SetExpiresAt(t fosite.TokenType, at time.Time) { s.expire(t, at.Add(s.skew)) }

// expire sets the end of a token by our clock; the grant's absolute end caps everything.
func (s *session) expire(t fosite.TokenType, at time.Time) {
	if !s.end.IsZero() && at.After(s.end) {
		at = s.end
	}
	if s.expires == nil {
		s.expires = make(map[fosite.TokenType]time.Time, 4)
	}
	s.expires[t] = at
}

// GetExpiresAt implements fosite.Session.
func (s *session) GetExpiresAt(t fosite.TokenType) time.Time { return s.expires[t] }

// GetUsername implements fosite.Session.
func (s *session) GetUsername() string { return "" }

// GetSubject implements fosite.Session.
func (s *session) GetSubject() string { return s.sub }

// Clone implements fosite.Session.
func (s *session) Clone() fosite.Session {
	c := *s
	c.expires = make(map[fosite.TokenType]time.Time, 4)
	for t, at := range s.expires {
		c.expires[t] = at
	}
	c.claims, c.headers = nil, nil
	return &c
}

// IDTokenClaims implements openid.Session. The token itself is written by tokens.GenerateIDToken.
// No times: what they decide is decided by authn.Next, and fosite would measure them with another clock.
func (s *session) IDTokenClaims() *jwt.IDTokenClaims {
	if s.claims == nil {
		s.claims = &jwt.IDTokenClaims{Subject: s.GetSubject()}
	}
	return s.claims
}

// IDTokenHeaders implements openid.Session.
func (s *session) IDTokenHeaders() *jwt.Headers {
	if s.headers == nil {
		s.headers = &jwt.Headers{}
	}
	return s.headers
}
