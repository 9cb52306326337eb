package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"math/big"
)

// Algorithms of signatures (RFC 7518 §3, RFC 8037 §3.1).
const (
	RS256 = "RS256"
	PS256 = "PS256"
	ES256 = "ES256"
	EdDSA = "EdDSA" // with Ed25519
)

// signingAlgs are those we sign with. RS256 is the one every client knows.
var signingAlgs = []string{RS256, PS256, ES256, EdDSA}

// jwk is a public key as published (RFC 7517).
type jwk struct {
	Kty string `json:"kty"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	Kid string `json:"kid,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// publicJWK describes the public half of a key of ours, made for that one algorithm; its kid is the thumbprint.
func publicJWK(alg string, key crypto.PublicKey) (jwk, error) {
	enc := base64.RawURLEncoding.EncodeToString
	k := jwk{Use: "sig", Alg: alg}
	switch p := key.(type) {
	case *rsa.PublicKey:
		k.Kty, k.N, k.E = "RSA", enc(p.N.Bytes()), enc(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 0x04, X, Y
		if err != nil {
			return jwk{}, fmt.Errorf("encode public key: %w", err)
		}
		k.Kty, k.Crv, k.X, k.Y = "EC", "P-256", enc(point[1:33]), enc(point[33:])
	case ed25519.PublicKey:
		k.Kty, k.Crv, k.X = "OKP", "Ed25519", enc(p)
	default:
		return jwk{}, fmt.Errorf("public key of kind %T", key)
	}
	k.Kid = k.thumbprint()
	return k, nil
}

// thumbprint is RFC 7638 §3 (and RFC 8037 §2) with SHA-256: over the members that make the key, in their canonical spelling.
func (k jwk) thumbprint() string {
	var required string
	switch k.Kty {
	case "RSA":
		required = `{"e":"` + k.E + `","kty":"RSA","n":"` + k.N + `"}`
	case "EC":
		required = `{"crv":"` + k.Crv + `","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`
	case "OKP":
		required = `{"crv":"` + k.Crv + `","kty":"OKP","x":"` + k.X + `"}`
	}
	sum := sha256.Sum256([]byte(required))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signed reports whether signature is alg's over input under that public key. A key of another kind than alg needs is never right.
func signed(alg string, key crypto.PublicKey, input, signature []byte) bool {
	digest := sha256.Sum256(input)
	switch p := key.(type) {
	case *rsa.PublicKey:
		switch alg {
		case RS256:
			return rsa.VerifyPKCS1v15(p, crypto.SHA256, digest[:], signature) == nil
		case PS256:
			return rsa.VerifyPSS(p, crypto.SHA256, digest[:], signature, pssOptions) == nil
		}
	case *ecdsa.PublicKey:
		return alg == ES256 && len(signature) == 64 && ecdsa.Verify(p, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case ed25519.PublicKey:
		return alg == EdDSA && len(p) == ed25519.PublicKeySize && ed25519.Verify(p, input, signature)
	}
	return false
}

// pssOptions are those of RFC 7518 §3.5: the salt is as long as the hash.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// leftHalf is the hash that at_hash and its like carry (OpenID Connect Core §3.1.3.6): the left half of alg's own hash, which for
// Ed25519 is SHA-512.
func leftHalf(alg, value string) string {
	if alg == EdDSA {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:sha512.Size/2])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}
