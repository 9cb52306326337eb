// Package secret owns the key file and everything derived from it: token MACs, keyed digests of short
// secrets, and the sealing of what must lie encrypted in the database. It stores nothing itself.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// ErrWrongKey says that something was sealed under a key this process does not have, or was altered.
var ErrWrongKey = errors.New("sealed with another key, or altered")

// Size of a master key in bytes.
const Size = 32

// Keys are the master keys by their number. New things use the active one; the others still verify and open
// what they made, so that a key can be replaced without signing everybody out.
type Keys struct {
	active  byte
	masters map[byte][Size]byte
	derived sync.Map // "number label" → []byte
}

// NewKeys makes a ring of master keys; active names the one that new things use.
func NewKeys(active byte, masters map[byte][Size]byte) (*Keys, error) {
	if _, ok := masters[active]; !ok {
		return nil, fmt.Errorf("no key has the number %d", active)
	}
	return &Keys{active: active, masters: maps.Clone(masters)}, nil
}

// Active is the number of the key that new things use.
func (k *Keys) Active() byte { return k.active }

// Numbers lists all keys of the ring, ascending.
func (k *Keys) Numbers() []byte { return slices.Sorted(maps.Keys(k.masters)) }

// Derive returns 32 bytes for one purpose, derived by HKDF-SHA256 (RFC 5869) from the master key of that number; nil if there is none.
func (k *Keys) Derive(number byte, label string) []byte {
	name := string(number) + label
	if v, ok := k.derived.Load(name); ok {
		return v.([]byte)
	}
	master, ok := k.masters[number]
	if !ok {
		return nil
	}
	key, err := hkdf.Key(sha256.New, master[:], nil, "gatelatch/v1/"+label, 32)
	if err != nil {
		panic(err) // only for lengths HKDF cannot give
	}
	k.derived.Store(name, key)
	return key
}

// Digest is HMAC-SHA256 over the parts, each with its length before it, under the active key's key for that purpose.
func (k *Keys) Digest(purpose string, parts ...[]byte) []byte {
	return k.DigestUnder(k.active, purpose, parts...)
}

// DigestUnder is Digest under the key of that number; nil if there is none.
func (k *Keys) DigestUnder(number byte, purpose string, parts ...[]byte) []byte {
	key := k.Derive(number, "digest/"+purpose)
	if key == nil {
		return nil
	}
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		n := len(p)
		h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		h.Write(p)
	}
	return h.Sum(nil)
}

// Seal encrypts with AES-256-GCM under the active key. place says where the result will lie (table, row, column):
// moved elsewhere it does not open.
func (k *Keys) Seal(plain []byte, place ...string) []byte {
	gcm := k.gcm(k.active)
	out := make([]byte, 1+gcm.NonceSize(), 1+gcm.NonceSize()+len(plain)+gcm.Overhead())
	out[0] = k.active
	if _, err := rand.Read(out[1:]); err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return gcm.Seal(out, out[1:], plain, aad(place))
}

// Open decrypts what Seal made for that place; ErrWrongKey.
func (k *Keys) Open(sealed []byte, place ...string) ([]byte, error) {
	if len(sealed) == 0 || k.masters[sealed[0]] == [Size]byte{} {
		return nil, ErrWrongKey
	}
	gcm := k.gcm(sealed[0])
	if len(sealed) < 1+gcm.NonceSize() {
		return nil, ErrWrongKey
	}
	plain, err := gcm.Open(nil, sealed[1:1+gcm.NonceSize()], sealed[1+gcm.NonceSize():], aad(place))
	if err != nil {
		return nil, ErrWrongKey
	}
	return plain, nil
}

func (k *Keys) gcm(number byte) cipher.AEAD {
	block, err := aes.NewCipher(k.Derive(number, "seal"))
	if err != nil {
		panic(err) // the key always has 32 bytes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES always has the right block size
	}
	return gcm
}

func aad(place []string) []byte { return []byte(strings.Join(place, "\x00")) }

// Random returns n random bytes.
func Random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return b
}

// Token returns n random bytes as unpadded base64url: unreserved characters only, so that every client spells it alike.
func Token(n int) string { return base64.RawURLEncoding.EncodeToString(Random(n)) }

// Hash is the SHA-256 of a random token, for looking it up. Only for secrets of 128 bits or more: short ones need Digest.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Equal compares in constant time; different lengths are unequal.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
