package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Algorithms we sign with (RFC 7518 §3).
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// jwk is a public key as published (RFC 7517).
type jwk struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// signingKey is a key pair that is ready for use. Its header is encoded once.
type signingKey struct {
	storage.Key
	private crypto.Signer
	jwk     jwk
}

// keySet is all our keys: the youngest active one of each algorithm signs, every one of them verifies.
type keySet struct {
	all    []signingKey
	active map[string]*signingKey
	public []byte // the JWKS document
}

var errNoKey = errors.New("no signing key for that algorithm")

// makeKeys makes one key of each algorithm we sign with, as far as there is none yet.
func makeKeys(ctx context.Context, store *storage.Store, keys *secret.Keys, now int64) error {
	have, err := store.View(ctx).Keys()
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	missing := map[string]bool{RS256: true, ES256: true}
	for _, k := range have {
		delete(missing, k.Alg)
	}
	for alg := range missing {
		k, err := makeKey(alg, keys, now)
		if err != nil {
			return err
		}
		err = store.Write(ctx, func(tx storage.Tx) error {
			if err := tx.InsertKey(k); err != nil {
				return err
			}
			return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventKeyCreated, Actor: "system", Detail: alg + " " + k.ID})
		})
		if err != nil {
			return fmt.Errorf("store signing key: %w", err)
		}
	}
	return nil
}

func makeKey(alg string, keys *secret.Keys, now int64) (storage.Key, error) {
	var (
		private crypto.Signer
		err     error
	)
	switch alg {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = errNoKey
	}
	if err != nil {
		return storage.Key{}, fmt.Errorf("make %s key: %w", alg, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return storage.Key{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	public, err := publicJWK(private.Public())
	if err != nil {
		return storage.Key{}, err
	}
	text, err := json.Marshal(public)
	if err != nil {
		return storage.Key{}, fmt.Errorf("encode public key: %w", err)
	}
	return storage.Key{ID: public.Kid, Alg: alg, Public: string(text), Sealed: keys.Seal(der, "keys", public.Kid, "sealed"), Created: now, ActiveFrom: now}, nil
}

// publicJWK describes a public key; its kid is the RFC 7638 thumbprint.
func publicJWK(key crypto.PublicKey) (jwk, error) {
	enc := base64.RawURLEncoding.EncodeToString
	var (
		k        jwk
		required string
	)
	switch p := key.(type) {
	case *rsa.PublicKey:
		k = jwk{Kty: "RSA", Alg: RS256, N: enc(p.N.Bytes()), E: enc(big.NewInt(int64(p.E)).Bytes())}
		required = `{"e":"` + k.E + `","kty":"RSA","n":"` + k.N + `"}`
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 0x04, X, Y
		if err != nil {
			return jwk{}, fmt.Errorf("encode public key: %w", err)
		}
		k = jwk{Kty: "EC", Alg: ES256, Crv: "P-256", X: enc(point[1:33]), Y: enc(point[33:])}
		required = `{"crv":"P-256","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`
	default:
		return jwk{}, fmt.Errorf("public key of kind %T", key)
	}
	sum := sha256.Sum256([]byte(required))
	k.Use, k.Kid = "sig", enc(sum[:])
	return k, nil
}

// loadKeys opens all keys and prepares the JWKS document.
func loadKeys(ctx context.Context, store *storage.Store, keys *secret.Keys, now int64) (*keySet, error) {
	rows, err := store.View(ctx).Keys()
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	set := &keySet{all: make([]signingKey, 0, len(rows)), active: map[string]*signingKey{}}
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
		if k.jwk, err = publicJWK(k.private.Public()); err != nil {
			return nil, err
		}
		set.all = append(set.all, k)
		published.Keys = append(published.Keys, k.jwk)
	}
	for i := range set.all {
		k := &set.all[i]
		if current := set.active[k.Alg]; k.ActiveFrom <= now && k.RetiredAt == 0 && (current == nil || current.ActiveFrom <= k.ActiveFrom) {
			set.active[k.Alg] = k
		}
	}
	if set.public, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("encode JWKS: %w", err)
	}
	return set, nil
}

// sign makes a compact JWS (RFC 7515 §3.1) over claims with the active key of alg.
func (s *keySet) sign(alg, typ string, claims any) (string, error) {
	k, ok := s.active[alg]
	if !ok {
		return "", fmt.Errorf("%w: %s", errNoKey, alg)
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
	digest := sha256.Sum256(out)
	signature, err := k.signature(digest[:])
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", k.ID, err)
	}
	out = append(out, '.')
	return string(enc.AppendEncode(out, signature)), nil
}

func (k *signingKey) signature(digest []byte) ([]byte, error) {
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(nil, p, crypto.SHA256, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, p, digest)
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64) // RFC 7518 §3.4: R and S, 32 bytes each
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, nil
	}
	return nil, errNoKey
}

var errNotOurs = errors.New("not signed by us")

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
			digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
			if !k.verifies(digest[:], signature) {
				return "", nil, errNotOurs
			}
			return header.Typ, payload, nil
		}
	}
	return "", nil, errNotOurs
}

func (k *signingKey) verifies(digest, signature []byte) bool {
	switch p := k.private.Public().(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, digest, signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 && ecdsa.Verify(p, digest, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}
