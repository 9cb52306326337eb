package admin

import (
	"encoding/json"
	"time"

	"gatelatch/server/clients"
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
	a.AllowedGroups = c.Settings.AllowedGroups
	switch a.TokenEndpointAuthMethod = c.Settings.AuthMethod; {
	case a.TokenEndpointAuthMethod != "":
	case c.Public():
		a.TokenEndpointAuthMethod = "none"
	default:
		a.TokenEndpointAuthMethod = "client_secret_basic"
	}
}

// endSecrets ends the secrets of an application that has none any more.
func (a *Admin) endSecrets(tx storage.Tx, c storage.Client) error {
	if clients.HasSecret(c) {
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
