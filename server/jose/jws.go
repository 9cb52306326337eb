package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
)

// maxToken bounds what is decoded at all.
const maxToken = 16 << 10

var (
	// ErrFormat says that a text is not a compact JWS over a JSON object.
	ErrFormat = errors.New("not a signed JWT")
	// ErrCritical says that a header demands an extension (RFC 7515 §4.1.11); none is known here.
	ErrCritical = errors.New("the header has crit, and no extension is known here")
)

// Header is what is read of the header of a JWS; nothing in it is trusted.
type Header struct{ Alg, Kid, Typ string }

// IsType reports whether typ is one of the names. Letter case and "application/" do not matter (RFC 7515 §4.1.9);
// a missing typ is "".
func (h Header) IsType(names ...string) bool {
	typ := strings.ToLower(h.Typ)
	for _, n := range names {
		if strings.TrimPrefix(typ, "application/") == n {
			return true
		}
	}
	return false
}

// JWS is a signed message whose signature has not been looked at yet.
type JWS struct {
	Header    Header
	Claims    map[string]json.RawMessage // unproven until Verify has said yes
	input     string
	signature []byte
}

// Parse takes a compact JWS apart. It says nothing about who made it.
func Parse(token string) (*JWS, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return nil, ErrFormat
	}
	rawHeader, err1 := decode(parts[0])
	payload, err2 := decode(parts[1])
	signature, err3 := decode(parts[2])
	if err1 != nil || err2 != nil || err3 != nil {
		return nil, ErrFormat
	}
	header, err1 := Object(rawHeader)
	claims, err2 := Object(payload)
	if err1 != nil || err2 != nil {
		return nil, ErrFormat
	}
	if header["crit"] != nil {
		return nil, ErrCritical
	}
	j := &JWS{Claims: claims, input: parts[0] + "." + parts[1], signature: signature}
	for name, into := range map[string]*string{"alg": &j.Header.Alg, "kid": &j.Header.Kid, "typ": &j.Header.Typ} {
		var ok bool
		if *into, ok = Text(header[name]); !ok && header[name] != nil {
			return nil, ErrFormat
		}
	}
	return j, nil
}

// Verify reports whether one of the keys has made the signature.
func (j *JWS) Verify(keys Set) bool {
	for _, k := range keys {
		if k.fits(j.Header.Alg) && k.verifies(j.Header.Alg, j.input, j.signature) {
			return true
		}
	}
	return false
}

func (k Key) verifies(alg, input string, signature []byte) bool {
	digest := sha256.Sum256([]byte(input))
	switch p := k.Public.(type) {
	case *rsa.PublicKey:
		if alg == "PS256" { // RFC 7518 §3.5: the salt is as long as the hash
			return rsa.VerifyPSS(p, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 && ecdsa.Verify(p, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case ed25519.PublicKey:
		return ed25519.Verify(p, []byte(input), signature)
	}
	return false
}
