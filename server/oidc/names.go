package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// kind tells codes, refresh tokens and access tokens apart.
type kind byte

const (
	kindCode kind = iota
	kindRefresh
	kindAccess
)

// Secret scanners find leaks by these prefixes; prefix, key number and grant id (the first 23 characters after it) are safe to log.
var prefixes = [...]string{kindCode: "gl_ac_", kindRefresh: "gl_rt_", kindAccess: "gl_at_"}

// Bytes before the MAC: key number, grant id, then the fields of the kind.
var bodyLength = [...]int{kindCode: 17, kindRefresh: 21, kindAccess: 32}

// RFC 6749 §10.10: a guess must succeed with a chance of at most 2^-128 and should with 2^-160.
const macLength = 20

// name is what a token says: which grant it belongs to, and a few fields. It is worth nothing before its MAC is
// checked against the grant's row (docs/decisions/0003-tokens-are-names.md).
type name struct {
	kind       kind
	key        byte // number of the master key
	grant      storage.ID
	generation uint32 // refresh
	expires    uint32 // access: unix seconds
	issued     uint32 // access: unix seconds
	scopes     uint32 // access: mask over the grant's ordered scopes
	jkt        []byte // access: thumbprint of the key it is bound to (RFC 9449), 32 bytes; nil: none
	audience   byte   // access: which of the grant's ordered audiences, from 1; 0: this server itself

	body, mac []byte
}

// names mints and checks tokens.
type names struct{ keys *secret.Keys }

// binding is everything of the grant's row (and its client's) that a token's MAC covers and the token does not carry:
// who holds the database alone, or the key alone, or who moves a row to another person or client, forges nothing.
func binding(g storage.Grant, client storage.Client) []byte {
	b := make([]byte, 0, 16+16+16+len(client.ID)+1)
	b = append(b, g.Secret...)
	b = append(b, g.UserID[:]...)
	b = append(b, client.Nonce...)
	return append(b, client.ID...)
}

func (n names) sum(number byte, k kind, body, bound []byte) []byte {
	key := n.keys.Derive(number, "token/"+prefixes[k])
	if key == nil {
		return nil
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(prefixes[k]))
	h.Write(body)
	h.Write(bound)
	return h.Sum(nil)[:macLength]
}

func (n names) mint(t name, bound []byte) string {
	b := make([]byte, 0, bodyLength[t.kind]+macLength)
	b = append(b, n.keys.Active())
	b = append(b, t.grant[:]...)
	switch t.kind {
	case kindRefresh:
		b = binary.BigEndian.AppendUint32(b, t.generation)
	case kindAccess:
		b = binary.BigEndian.AppendUint32(b, t.expires)
		b = binary.BigEndian.AppendUint32(b, t.issued)
		b = binary.BigEndian.AppendUint32(b, t.scopes)
		b = append(b, t.audience)
		b = append(b, t.jkt...)
		b = append(b, secret.Random(2)...) // two tokens of one second are two strings
	}
	b = append(b, n.sum(n.keys.Active(), t.kind, b, bound)...)
	return prefixes[t.kind] + base64.RawURLEncoding.EncodeToString(b)
}

var strictBase64 = base64.RawURLEncoding.Strict()

// parse reads a token of that kind. Every token has exactly one spelling: exact length, no padding, no stray trailing bits, no line breaks.
func parse(k kind, token string) (name, bool) {
	text, ok := strings.CutPrefix(token, prefixes[k])
	length := bodyLength[k]
	if bound := length + sha256.Size; k == kindAccess && len(text) == base64.RawURLEncoding.EncodedLen(bound+macLength) {
		length = bound
	}
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(length+macLength) || strings.ContainsAny(text, "\r\n") {
		return name{}, false
	}
	b, err := strictBase64.DecodeString(text)
	if err != nil || len(b) != length+macLength {
		return name{}, false
	}
	t := name{kind: k, key: b[0], grant: storage.ID(b[1:17]), body: b[:length], mac: b[length:]}
	switch k {
	case kindRefresh:
		t.generation = binary.BigEndian.Uint32(b[17:])
	case kindAccess:
		t.expires, t.issued = binary.BigEndian.Uint32(b[17:]), binary.BigEndian.Uint32(b[21:])
		t.scopes, t.audience = binary.BigEndian.Uint32(b[25:]), b[29]
		if length > bodyLength[k] {
			t.jkt = b[30 : 30+sha256.Size]
		}
	}
	return t, true
}

// known reports whether a key of ours could have made the token, before anything is read from the database.
func (n names) known(t name) bool { return n.keys.Derive(t.key, "token/"+prefixes[t.kind]) != nil }

// genuine checks the MAC in constant time.
func (n names) genuine(t name, bound []byte) bool {
	mac := n.sum(t.key, t.kind, t.body, bound)
	return mac != nil && hmac.Equal(mac, t.mac)
}
