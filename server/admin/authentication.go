package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"gatelatch/server/jose"
	"gatelatch/server/safehttp"
	"gatelatch/storage"
)

// AppAuthentication is how an application proves who it is, as the API shows it, beside token_endpoint_auth_method.
type AppAuthentication struct {
	TokenEndpointAuthSigningAlg string          `json:"token_endpoint_auth_signing_alg,omitempty" doc:"The only algorithm of its assertions; left out: any that is supported"`
	JWKS                        json.RawMessage `json:"jwks,omitempty" doc:"Its public keys"`
	JWKSURI                     string          `json:"jwks_uri,omitempty" doc:"Where its public keys are"`
	AllowEndpointAudience       bool            `json:"allow_endpoint_audience,omitempty" doc:"Its assertions may be addressed to an endpoint instead of the issuer"`
}

// AuthenticationSwitches change how an application proves who it is; nil leaves a setting as it is.
type AuthenticationSwitches struct {
	TokenEndpointAuthMethod     *string         `json:"token_endpoint_auth_method,omitempty" enum:"client_secret_basic,client_secret_post,private_key_jwt,none"`
	TokenEndpointAuthSigningAlg *string         `json:"token_endpoint_auth_signing_alg,omitempty" doc:"Empty for any that is supported"`
	JWKS                        json.RawMessage `json:"jwks,omitempty" doc:"The public keys, in place of those before; null for none"`
	JWKSURI                     *string         `json:"jwks_uri,omitempty" doc:"Where the public keys are; empty for nowhere"`
	AllowEndpointAudience       *bool           `json:"allow_endpoint_audience,omitempty" doc:"For older libraries that address their assertions to the token endpoint"`
}

// NewSecret says what a new secret shall be like.
type NewSecret struct {
	ExpiresIn int64 `json:"expires_in,omitempty" minimum:"3600" maximum:"315360000" doc:"Seconds until the new secret ends; left out: never"`
}

func (s AuthenticationSwitches) apply(c storage.Client) storage.Client {
	set := &c.Settings
	for given, into := range map[*string]*string{s.TokenEndpointAuthMethod: &set.AuthMethod, s.TokenEndpointAuthSigningAlg: &set.AuthAlg, s.JWKSURI: &set.JWKSURI} {
		if given != nil {
			*into = *given
		}
	}
	if s.JWKS != nil {
		set.JWKS = s.JWKS
	}
	if s.AllowEndpointAudience != nil {
		set.EndpointAudience = *s.AllowEndpointAudience
	}
	return c
}

// showAuthentication fills in how an application proves who it is, and what its requests have to be like.
func (a *App) showAuthentication(c storage.Client) {
	a.AppAuthentication = AppAuthentication{TokenEndpointAuthSigningAlg: c.Settings.AuthAlg, JWKS: c.Settings.JWKS, JWKSURI: c.Settings.JWKSURI, AllowEndpointAudience: c.Settings.EndpointAudience}
	a.AppRequests = requestsOf(c)
	switch a.TokenEndpointAuthMethod = c.Settings.AuthMethod; {
	case a.TokenEndpointAuthMethod != "":
	case c.Public():
		a.TokenEndpointAuthMethod = "none"
	default:
		a.TokenEndpointAuthMethod = "client_secret_basic"
	}
}

// settleAuthentication checks how an application means to prove who it is, and brings its keys into their kept form.
func settleAuthentication(c storage.Client) (storage.Client, error) {
	set := &c.Settings
	switch method := set.AuthMethod; {
	case c.Public() && method != "" && method != "none":
		return c, refuse(422, "%s is of type %s, which authenticates by none: it cannot keep a secret or a key.", c.Name, c.Type)
	case !c.Public() && method == "none":
		return c, refuse(422, "An application of type web proves who it is. Make it of type spa or native if it cannot.")
	}
	if set.AuthAlg != "" && !jose.Supported(set.AuthAlg) {
		return c, refuse(422, "token_endpoint_auth_signing_alg is %q. It can be one of %s.", set.AuthAlg, strings.Join(jose.Algorithms, ", "))
	}
	if bytes.Equal(bytes.TrimSpace(set.JWKS), []byte("null")) {
		set.JWKS = nil
	}
	if len(set.JWKS) > 0 && set.JWKSURI != "" {
		return c, refuse(422, "jwks and jwks_uri are both set. Keep the one that is true (RFC 7591 §2).")
	}
	if err := settleKeys(set); err != nil {
		return c, err
	}
	if set.AuthMethod == storage.PrivateKeyJWT && len(set.JWKS) == 0 && set.JWKSURI == "" {
		return c, refuse(422, "private_key_jwt needs the public keys of the application: set jwks or jwks_uri.")
	}
	return c, checkRequests(c)
}

func settleKeys(set *storage.ClientSettings) error {
	if set.JWKSURI != "" && safehttp.CheckURL(set.JWKSURI) != nil {
		return refuse(422, "jwks_uri is %q. It must be https://host/path, without user, password or fragment.", set.JWKSURI)
	}
	if len(set.JWKS) == 0 {
		return nil
	}
	keys, err := jose.ParseSet(set.JWKS)
	switch {
	case errors.Is(err, jose.ErrPrivate):
		return refuse(422, "jwks contains a private or shared key. Give only the public ones, and make new ones if it has been sent elsewhere too.")
	case err != nil:
		return refuse(422, "jwks cannot be used (%v).", err)
	case len(keys) == 0:
		return refuse(422, "jwks has no key that verifies signatures. It can have RSA keys of 2048 bits and more, EC keys on P-256 and Ed25519 keys.")
	}
	kept, err := json.Marshal(set.JWKS) // in the spelling of the store, so that equal sets compare equal
	set.JWKS = kept
	return err
}

// hasSecret reports whether an application proves who it is by a secret.
func hasSecret(c storage.Client) bool {
	return !c.Public() && c.Settings.AuthMethod != storage.PrivateKeyJWT
}

// endSecrets ends the secrets of an application that has none any more.
func (a *Admin) endSecrets(tx storage.Tx, c storage.Client) error {
	if hasSecret(c) {
		return nil
	}
	secrets, err := tx.ClientSecrets(c.ID, a.now())
	if err != nil || len(secrets) == 0 {
		return err
	}
	none := storage.NewID()
	return tx.ExpireClientSecrets(c.ID, none, a.now())
}

// showSecrets lists what is known of secrets.
func showSecrets(secrets []storage.ClientSecret) []AppSecret {
	out := []AppSecret{}
	for _, s := range secrets {
		out = append(out, AppSecret{LastFour: s.Hint, Created: moment(s.Created), Expires: moment(s.Expires), LastUsed: moment(s.LastUsed)})
	}
	return out
}

// ends is when a secret made now ends; 0 for never.
func (n *NewSecret) ends(now int64) int64 {
	if n == nil || n.ExpiresIn == 0 {
		return 0
	}
	return now + n.ExpiresIn*int64(time.Second/time.Microsecond)
}
