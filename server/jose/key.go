package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// Bounds of a set and of an RSA key: enough for every rotation, too little to keep us busy.
const (
	maxKeys   = 50
	minRSABit = 2048
	maxRSABit = 8192
)

// ErrPrivate says that somebody has handed out a private or shared key: whoever has read it can sign in their name.
var ErrPrivate = errors.New("the key set contains a private or shared key; publish only the public ones, and make new ones")

// Key is somebody's public key.
type Key struct {
	ID     string // kid, "" if it has none
	Alg    string // the only algorithm it is for, "" if it does not say
	Public crypto.PublicKey
}

// Set is the keys of somebody that verify signatures.
type Set []Key

// ParseSet reads a JWK set (RFC 7517 §5). Keys of kinds we do not know, and those for encryption, are passed over; a key of
// ours that is malformed or weak is an error, and so is a private one.
func ParseSet(text []byte) (Set, error) {
	members, err := Object(text)
	if err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	var list []json.RawMessage
	if members["keys"] == nil || json.Unmarshal(members["keys"], &list) != nil {
		return nil, errors.New(`read key set: it must be {"keys": […]}`)
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("read key set: more than %d keys", maxKeys)
	}
	set := Set{}
	for i, text := range list {
		k, err := ParseKey(text)
		if errors.Is(err, errUnknownKind) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read key set: key %d: %w", i+1, err)
		}
		set = append(set, k)
	}
	return set, nil
}

var errUnknownKind = errors.New("a key of a kind that is not known here")

// ParseKey reads one public key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): RSA of 2,048 bits and more, EC on P-256, or Ed25519.
func ParseKey(text []byte) (Key, error) {
	m, err := Object(text)
	if err != nil {
		return Key{}, err
	}
	word := func(name string) string { s, _ := Text(m[name]); return s }
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if m[private] != nil {
			return Key{}, ErrPrivate
		}
	}
	k := Key{ID: word("kid"), Alg: word("alg")}
	if use := word("use"); use != "" && use != "sig" || k.Alg != "" && !Supported(k.Alg) {
		return Key{}, errUnknownKind
	}
	switch kty, crv := word("kty"), word("crv"); {
	case kty == "RSA":
		k.Public, err = rsaKey(word("n"), word("e"))
	case kty == "EC" && crv == "P-256":
		k.Public, err = ecKey(word("x"), word("y"))
	case kty == "OKP" && crv == "Ed25519":
		k.Public, err = edKey(word("x"))
	case kty == "":
		return Key{}, errors.New("kty is missing")
	default:
		return Key{}, errUnknownKind
	}
	if err == nil && k.Alg != "" && !k.fits(k.Alg) {
		err = errors.New("alg does not fit the kind of the key")
	}
	return k, err
}

func rsaKey(n, e string) (crypto.PublicKey, error) {
	modulus, err1 := decode(n)
	exponent, err2 := decode(e)
	if err1 != nil || err2 != nil || len(exponent) == 0 || len(exponent) > 4 {
		return nil, errors.New("n and e must be numbers in base64url")
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	switch bits := k.N.BitLen(); {
	case bits < minRSABit || bits > maxRSABit:
		return nil, fmt.Errorf("an RSA key must have %d to %d bits, not %d", minRSABit, maxRSABit, bits)
	case k.E < 3 || k.E%2 == 0 || k.E > 1<<31-1:
		return nil, errors.New("the exponent of the RSA key is no good")
	}
	return k, nil
}

func ecKey(x, y string) (crypto.PublicKey, error) {
	px, err1 := decode(x)
	py, err2 := decode(y)
	if err1 != nil || err2 != nil || len(px) != 32 || len(py) != 32 {
		return nil, errors.New("x and y must be 32 bytes in base64url")
	}
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, px...), py...))
	if err != nil {
		return nil, errors.New("x and y are no point on P-256")
	}
	return k, nil
}

func edKey(x string) (crypto.PublicKey, error) {
	k, err := decode(x)
	if err != nil || len(k) != ed25519.PublicKeySize {
		return nil, errors.New("x must be 32 bytes in base64url")
	}
	return ed25519.PublicKey(k), nil
}

// fits reports whether a signature of that algorithm can be this key's.
func (k Key) fits(alg string) bool {
	if k.Alg != "" && !Same(k.Alg, alg) {
		return false
	}
	switch k.Public.(type) {
	case *rsa.PublicKey:
		return alg == "RS256" || alg == "PS256"
	case *ecdsa.PublicKey:
		return alg == "ES256"
	case ed25519.PublicKey:
		return canonical(alg) == "EdDSA"
	}
	return false
}

// Candidates are the keys that may have made a signature with that header: the named one, or, where header or key have no
// name, those of the right kind.
func (s Set) Candidates(h Header) Set {
	var out Set
	for _, k := range s {
		if k.fits(h.Alg) && (h.Kid == "" || k.ID == "" || k.ID == h.Kid) {
			out = append(out, k)
		}
	}
	return out
}
