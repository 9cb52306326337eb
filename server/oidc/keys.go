package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// signingKey is a key pair that is ready for use.
type signingKey struct {
	storage.Key
	private crypto.Signer
	jwk     jwk
}

// keySet is all our keys: the one in use of each algorithm signs, every one of them verifies.
type keySet struct {
	all    []signingKey // the oldest first
	public []byte       // the JWKS document
	etag   string
}

var (
	errNoKey   = errors.New("no signing key for that algorithm")
	errNotOurs = errors.New("not signed by us")
)

// loadKeys opens all keys and prepares the JWKS document: keys that are next are in it long before they sign.
func loadKeys(ctx context.Context, store *storage.Store, keys *secret.Keys) (*keySet, error) {
	rows, err := store.View(ctx).Keys()
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	set := &keySet{all: make([]signingKey, 0, len(rows))}
	published := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, row := range rows {
		der, err := keys.Open(row.Sealed, "keys", row.ID, "sealed")
		if err != nil {
			return nil, fmt.Errorf("open signing key %s: %w", row.ID, err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("read signing key %s: %w", row.ID, err)
		}
		k := signingKey{Key: row, private: parsed.(crypto.Signer)}
		if k.jwk, err = publicJWK(row.Alg, k.private.Public()); err != nil {
			return nil, err
		}
		set.all = append(set.all, k)
		published.Keys = append(published.Keys, k.jwk)
	}
	if set.public, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("encode JWKS: %w", err)
	}
	sum := sha256.Sum256(set.public)
	set.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return set, nil
}

// inUse is the key that signs at now: of those whose time has come, the one whose time came last. If the clock has stepped back
// before the time of all of them, it is the one whose time comes first.
func (s *keySet) inUse(alg string, now int64) (*signingKey, error) {
	var found, first *signingKey
	for i := range s.all {
		k := &s.all[i]
		switch {
		case k.Alg != alg || k.RetiredAt > 0:
		case k.ActiveFrom <= now && (found == nil || found.ActiveFrom <= k.ActiveFrom):
			found = k
		case k.ActiveFrom > now && (first == nil || first.ActiveFrom > k.ActiveFrom):
			first = k
		}
	}
	if found == nil {
		found = first
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %s", errNoKey, alg)
	}
	return found, nil
}

// sign makes a compact JWS (RFC 7515 §3.1) over claims with the key that alg uses at now. typ is the header's.
func (s *keySet) sign(alg, typ string, claims any, now int64) (string, error) {
	k, err := s.inUse(alg, now)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	enc := base64.RawURLEncoding
	header := `{"alg":"` + alg + `","kid":"` + k.ID + `","typ":"` + typ + `"}`
	out := make([]byte, 0, enc.EncodedLen(len(header))+enc.EncodedLen(len(payload))+enc.EncodedLen(256)+2)
	out = enc.AppendEncode(out, []byte(header))
	out = append(out, '.')
	out = enc.AppendEncode(out, payload)
	signature, err := k.signature(out)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", k.ID, err)
	}
	out = append(out, '.')
	return string(enc.AppendEncode(out, signature)), nil
}

func (k *signingKey) signature(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		if k.Alg == PS256 {
			return rsa.SignPSS(rand.Reader, p, crypto.SHA256, digest[:], pssOptions)
		}
		return rsa.SignPKCS1v15(nil, p, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, p, digest[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64) // RFC 7518 §3.4: R and S, 32 bytes each
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, nil
	case ed25519.PrivateKey:
		return ed25519.Sign(p, input), nil
	}
	return nil, errNoKey
}

// verify returns the claims of a JWS that one of our keys, of any age, has signed. The key is found by kid among our own
// and decides the algorithm: what the header claims beyond that counts for nothing (RFC 8725 §3.1).
func (s *keySet) verify(token string) (typ string, claims []byte, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 16<<10 {
		return "", nil, errNotOurs
	}
	rawHeader, err1 := strictBase64.DecodeString(parts[0])
	payload, err2 := strictBase64.DecodeString(parts[1])
	signature, err3 := strictBase64.DecodeString(parts[2])
	if err1 != nil || err2 != nil || err3 != nil {
		return "", nil, errNotOurs
	}
	var header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}
	if json.Unmarshal(rawHeader, &header) != nil {
		return "", nil, errNotOurs
	}
	for i := range s.all {
		if k := &s.all[i]; k.ID == header.Kid && k.Alg == header.Alg {
			if !signed(k.Alg, k.private.Public(), []byte(parts[0]+"."+parts[1]), signature) {
				return "", nil, errNotOurs
			}
			return header.Typ, payload, nil
		}
	}
	return "", nil, errNotOurs
}
