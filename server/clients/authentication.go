package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"gatelatch/server/jose"
	"gatelatch/server/safehttp"
	"gatelatch/storage"
)

// settleAuthentication checks how an application means to prove who it is, and brings its keys into their kept form.
func settleAuthentication(c storage.Client) (storage.Client, error) {
	set := &c.Settings
	switch method := set.AuthMethod; {
	case c.Public() && method != "" && method != "none":
		return c, refuse("token_endpoint_auth_method", "%s is of type %s, which authenticates by none: it cannot keep a secret or a key.", c.Name, c.Type)
	case !c.Public() && method == "none":
		return c, refuse("token_endpoint_auth_method", "An application of type web proves who it is. Make it of type spa or native if it cannot.")
	}
	if set.AuthAlg != "" && !jose.Supported(set.AuthAlg) {
		return c, refuse("token_endpoint_auth_signing_alg", "token_endpoint_auth_signing_alg is %q. It can be one of %s.", set.AuthAlg, strings.Join(jose.Algorithms, ", "))
	}
	if bytes.Equal(bytes.TrimSpace(set.JWKS), []byte("null")) {
		set.JWKS = nil
	}
	if len(set.JWKS) > 0 && set.JWKSURI != "" {
		return c, refuse("jwks", "jwks and jwks_uri are both set. Keep the one that is true (RFC 7591 §2).")
	}
	if c.Unchecked() && set.JWKSURI != "" && !strings.HasPrefix(set.JWKSURI, "https://") {
		return c, refuse("jwks_uri", "jwks_uri is %q. It must be https://host/path.", set.JWKSURI)
	}
	if err := settleKeys(set); err != nil {
		return c, err
	}
	if set.AuthMethod == storage.PrivateKeyJWT && len(set.JWKS) == 0 && set.JWKSURI == "" {
		return c, refuse("jwks", "private_key_jwt needs the public keys of the application: set jwks or jwks_uri.")
	}
	return c, checkRequests(*set)
}

func settleKeys(set *storage.ClientSettings) error {
	if set.JWKSURI != "" && safehttp.CheckURL(set.JWKSURI) != nil {
		return refuse("jwks_uri", "jwks_uri is %q. It must be https://host/path, without user, password or fragment.", set.JWKSURI)
	}
	if len(set.JWKS) == 0 {
		return nil
	}
	keys, err := jose.ParseSet(set.JWKS)
	switch {
	case errors.Is(err, jose.ErrPrivate):
		return refuse("jwks", "jwks contains a private or shared key. Give only the public ones, and make new ones if it has been sent elsewhere too.")
	case err != nil:
		return refuse("jwks", "jwks cannot be used (%v).", err)
	case len(keys) == 0:
		return refuse("jwks", "jwks has no key that verifies signatures. It can have RSA keys of 2048 bits and more, EC keys on P-256 and Ed25519 keys.")
	}
	kept, err := json.Marshal(set.JWKS) // in the spelling of the store, so that equal sets compare equal
	set.JWKS = kept
	return err
}

// HasSecret reports whether an application proves who it is by a secret.
func HasSecret(c storage.Client) bool {
	return !c.Public() && c.Settings.AuthMethod != storage.PrivateKeyJWT
}

// checkRequests refuses demands on requests that an application cannot meet.
func checkRequests(set storage.ClientSettings) error {
	if set.RequestObjectAlg != "" && !jose.Supported(set.RequestObjectAlg) {
		return refuse("request_object_signing_alg", "request_object_signing_alg is %q. It can be one of %s.", set.RequestObjectAlg, strings.Join(jose.Algorithms, ", "))
	}
	if set.RequireSigned && len(set.JWKS) == 0 && set.JWKSURI == "" {
		return refuse("jwks", "An application that must sign its requests needs public keys: set jwks or jwks_uri.")
	}
	return nil
}
