// Package jose reads what others have signed: their public keys (JWK sets, RFC 7517) and compact signatures (JWS, RFC 7515)
// made with them. It knows the algorithms worth having and no other: no shared secrets, no "none", no encryption.
//
// A key is never taken from the message it is to verify (RFC 8725 §3.1, §3.10): jwk, jku, x5c and x5u in a header are not
// even read here. Callers bring the keys, and the key's kind decides which algorithm can be meant.
package jose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Algorithms are the names of the signatures that can be verified (RFC 7518 §3, RFC 8037, RFC 9864).
var Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

// Same reports whether two names mean one algorithm: RFC 9864 gave EdDSA over Ed25519 a name of its own.
func Same(a, b string) bool { return canonical(a) == canonical(b) }

// Supported reports whether signatures of that algorithm can be verified.
func Supported(alg string) bool { return slices.Contains(Algorithms, alg) }

func canonical(alg string) string {
	if alg == "Ed25519" {
		return "EdDSA"
	}
	return alg
}

var strict = base64.RawURLEncoding.Strict()

// decode reads base64url without padding; every value has exactly one spelling.
func decode(s string) ([]byte, error) {
	for i := range len(s) {
		if s[i] == '\r' || s[i] == '\n' { // encoding/base64 passes over them
			return nil, errors.New("a line break inside of base64url")
		}
	}
	return strict.DecodeString(s)
}

// Object reads a JSON object member by member. Names count letter by letter, and one that is there twice is an error:
// two readers must never see two different messages (RFC 7515 §4, RFC 8725 §2.4).
func Object(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("not a JSON object: %w", err)
		}
		name := t.(string) // between members of an object there are only strings
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %q is there twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("the member %q: %w", name, err)
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if d.More() {
		return nil, errors.New("something follows the JSON object")
	}
	return members, nil
}

// Text reads a member that must be a string; "" and false if it is missing or something else.
func Text(value json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(value, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}
