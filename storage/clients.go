package storage

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Client is an application that may ask people to sign in (RFC 6749 §2).
type Client struct {
	ID                     string
	Nonce                  []byte // 16 random bytes bound into every token: a client made anew under an old id honours no old token
	Name                   string
	Type                   string // "web" (confidential), "spa" or "native" (public), "m2m" (confidential, acts for itself)
	Framework              string // preset it was made with: "nextjs", "express", "spa", "native", "m2m", "generic"
	Source                 string // "api", or "config" for one declared in the configuration file
	Disabled               bool
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	AllowedOrigins         []string
	Settings               ClientSettings
	Created                int64
	Updated                int64
}

// FirstParty reports whether the application belongs to whoever runs the server: nobody is asked before they use it.
// One that was not entered by an administrator never is.
func (c Client) FirstParty() bool { return !c.Settings.ThirdParty && !c.Unchecked() }

// Unchecked reports whether nobody of this server has looked at the application: its name is its own claim. Origin says how it came.
func (c Client) Unchecked() bool { return c.Settings.Origin != "" }

// OriginRegistration is the Origin of an application that has registered itself (RFC 7591).
const OriginRegistration = "registration"

// PrivateKeyJWT is the method of authentication by an assertion that the client has signed (RFC 7523 §2.2).
const PrivateKeyJWT = "private_key_jwt"

// StartURL is where a person goes to sign in to the application again: where it can be asked to (OpenID Connect Core §4), else
// its home page; "" if neither is known.
func (c Client) StartURL(issuer string) string {
	uri := c.Settings.InitiateLoginURI
	if uri == "" {
		return c.Settings.HomeURL
	}
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + "iss=" + url.QueryEscape(issuer)
}

// Public reports whether the client cannot keep a secret (RFC 6749 §2.1).
func (c Client) Public() bool { return c.Type != "web" && c.Type != "m2m" }

// Grants are the grant types the client may use (RFC 7591 §2): its own, or those of its type.
func (c Client) Grants() []string {
	switch {
	case c.Settings.GrantTypes != nil:
		return c.Settings.GrantTypes
	case c.Type == "m2m":
		return []string{"client_credentials"}
	}
	return []string{"authorization_code", "refresh_token"}
}

// ClientSettings are the switches of an application. Lifetimes are in seconds; 0 takes the server's default.
type ClientSettings struct {
	HomeURL     string `json:"client_uri,omitempty"`
	RequirePKCE bool   `json:"require_pkce,omitempty"` // public clients must send PKCE always
	IDTokenAlg  string `json:"id_token_alg,omitempty"` // "RS256" (default), "PS256", "ES256" or "EdDSA"

	// How the client proves who it is, in the words of RFC 7591 §2. AuthMethod "" is either form of sending a secret for one that
	// has a server, and none for the others.
	AuthMethod       string          `json:"token_endpoint_auth_method,omitempty"`
	AuthAlg          string          `json:"token_endpoint_auth_signing_alg,omitempty"` // of its assertions; "": any we know
	JWKS             json.RawMessage `json:"jwks,omitempty"`                            // its public keys, or
	JWKSURI          string          `json:"jwks_uri,omitempty"`                        // where they are
	EndpointAudience bool            `json:"endpoint_audience,omitempty"`               // its assertions may be addressed to an endpoint instead of the issuer

	// Which authorization requests count: only pushed ones (RFC 9126 §6), only signed ones (RFC 9101 §10.5), signed so.
	RequirePushed    bool   `json:"require_pushed_authorization_requests,omitempty"`
	RequireSigned    bool   `json:"require_signed_request_object,omitempty"`
	RequestObjectAlg string `json:"request_object_signing_alg,omitempty"` // "": any we know

	AuthorizationAlg string `json:"authorization_signed_response_alg,omitempty"` // of responses that it wants signed (JARM); "": RS256

	RequiredACR   string   `json:"required_acr,omitempty"`    // how strong every sign-in must be at least; "": anything goes
	AllowedGroups []string `json:"allowed_groups,omitempty"`  // whose members may use it; nil: everybody
	SignInMethods []string `json:"sign_in_methods,omitempty"` // what a sign-in may begin with (authn.Method); nil: whatever the server offers

	// What the client may do (RFC 7591 §2): nil for the grant types of its type, and for every scope that people can give.
	GrantTypes []string `json:"grant_types,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	Resources  []string `json:"resources,omitempty"`         // identifiers of the APIs it may ask tokens for
	JWTAccess  bool     `json:"jwt_access_tokens,omitempty"` // its access tokens are JWTs even where they are for this server itself

	// How people are called and described (OpenID Connect Core §8, §5.3.2).
	SubjectType string `json:"subject_type,omitempty"` // "": public, or "pairwise"
	SectorURI   string `json:"sector_identifier_uri,omitempty"`
	Sector      string `json:"sector,omitempty"`       // host the pairwise subjects are for
	UserinfoAlg string `json:"userinfo_alg,omitempty"` // userinfo is a JWT signed with it; "": plain JSON

	DPoPBound         bool     `json:"dpop_bound_access_tokens,omitempty"` // refuse token requests without a DPoP proof
	RequireNonce      bool     `json:"require_dpop_nonce,omitempty"`       // refuse proofs without a nonce of ours
	IntrospectionAlg  string   `json:"introspection_alg,omitempty"`        // of signed introspection answers; "": RS256
	BareIDToken       bool     `json:"bare_id_token,omitempty"`            // its ID tokens have no claims of scopes, as Core §5.4 has it; userinfo has them
	Cognito           bool     `json:"cognito,omitempty"`                  // an Amplify application: it may use the Cognito door, and its tokens are those of the pool
	SRP               bool     `json:"cognito_srp,omitempty"`              // its people may sign in there by SRP: verifiers of their passwords are kept
	UsernameClaim     bool     `json:"username_claim,omitempty"`           // also write Logto's `username` beside `preferred_username`
	AllowHTTP         bool     `json:"allow_http,omitempty"`               // http redirect URIs outside loopback
	NeverRotate       bool     `json:"never_rotate,omitempty"`             // the refresh token stays the same
	ThirdParty        bool     `json:"third_party,omitempty"`              // belongs to somebody else: people are asked before it may use their account
	Origin            string   `json:"origin,omitempty"`                   // how it came here when no administrator entered it
	Contacts          []string `json:"contacts,omitempty"`                 // who answers for it, as it says itself
	LogoURL           string   `json:"logo_uri,omitempty"`                 // https; never shown: a picture would tell its server who looks
	PolicyURL         string   `json:"policy_uri,omitempty"`               // privacy policy, https
	TermsURL          string   `json:"tos_uri,omitempty"`                  // terms of service, https
	InitiateLoginURI  string   `json:"initiate_login_uri,omitempty"`       // where a sign-in can be started from outside (Core §4)
	LogoutURI         string   `json:"backchannel_logout_uri,omitempty"`   // told when a session ends that the application knows
	LogoutSession     bool     `json:"backchannel_logout_session_required,omitempty"`
	KeepsSession      bool     `json:"keeps_session,omitempty"`         // sign-out there does not end the session here
	MaxSessionAge     int64    `json:"max_session_age,omitempty"`       // seconds since the person proved who they are; 0: no bound
	SignOutEndsAccess bool     `json:"sign_out_ends_access,omitempty"`  // sign-out also ends grants with offline_access
	RefreshGrace      *int64   `json:"refresh_grace,omitempty"`         // 0 to 120
	RefreshIdle       int64    `json:"refresh_idle,omitempty"`          //
	RefreshAbsolute   int64    `json:"refresh_absolute,omitempty"`      //
	AccessToken       int64    `json:"access_token_lifetime,omitempty"` //
	IDToken           int64    `json:"id_token_lifetime,omitempty"`     //
}

// ClientSecret is a secret of a confidential client: 256 random bits of which only the SHA-256 is kept.
type ClientSecret struct {
	ID       ID
	ClientID string
	Digest   []byte
	Hint     string // the last four characters
	Created  int64
	Expires  int64 // 0: never
	LastUsed int64 // 0: never; to the hour
}

const clientColumns = `id, nonce, name, type, framework, source, disabled, redirect_uris, post_logout_redirect_uris, allowed_origins, settings, created, updated`

func scanClient(row scanner) (Client, error) {
	var (
		c        Client
		settings text
	)
	err := row.Scan(&c.ID, &c.Nonce, &c.Name, &c.Type, &c.Framework, &c.Source, &c.Disabled, (*list)(&c.RedirectURIs), (*list)(&c.PostLogoutRedirectURIs),
		(*list)(&c.AllowedOrigins), &settings, &c.Created, &c.Updated)
	if err != nil {
		return Client{}, err
	}
	if err := json.Unmarshal(settings, &c.Settings); err != nil {
		return Client{}, fmt.Errorf("settings of client %s: %w", c.ID, err)
	}
	return c, nil
}

func (c Client) values() ([]any, error) {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings of client %s: %w", c.ID, err)
	}
	return []any{c.ID, c.Nonce, c.Name, c.Type, c.Framework, c.Source, c.Disabled, encodeList(c.RedirectURIs), encodeList(c.PostLogoutRedirectURIs),
		encodeList(c.AllowedOrigins), string(settings), c.Created, c.Updated}, nil
}

// Client returns the application with that client_id; ErrNotFound.
func (tx Tx) Client(id string) (Client, error) {
	return scanClient(tx.row(`SELECT `+clientColumns+` FROM clients WHERE id = $1`, id))
}

// Clients returns all applications, by name.
func (tx Tx) Clients() ([]Client, error) {
	var clients []Client
	err := tx.each(`SELECT `+clientColumns+` FROM clients ORDER BY name, id`, nil, func(row scanner) error {
		c, err := scanClient(row)
		clients = append(clients, c)
		return err
	})
	return clients, err
}

// InsertClient adds an application; ErrConflict if the id is taken.
func (tx Tx) InsertClient(c Client) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	if _, err := tx.exec(`INSERT INTO clients (`+clientColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, values...); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// UpdateClient replaces everything about an application but its id, nonce and time of creation; ErrNotFound.
func (tx Tx) UpdateClient(c Client) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	args := append([]any{c.ID}, values[2:11]...)
	if err := tx.one(`UPDATE clients SET name = $2, type = $3, framework = $4, source = $5, disabled = $6, redirect_uris = $7, post_logout_redirect_uris = $8,
		allowed_origins = $9, settings = $10, updated = $11 WHERE id = $1`, append(args, c.Updated)...); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// DeleteClient removes an application, its secrets and what people allowed it. Its grants count no more from now on; the sweeper collects them. ErrNotFound.
func (tx Tx) DeleteClient(id string) error {
	if err := tx.one(`DELETE FROM clients WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM consents WHERE client_id = $1`, id); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// ClientSecrets returns the secrets of an application that are valid at now, the newest first.
func (tx Tx) ClientSecrets(client string, now int64) ([]ClientSecret, error) {
	var secrets []ClientSecret
	err := tx.each(`SELECT client_id, id, digest, hint, created, expires, last_used FROM client_secrets WHERE client_id = $1 AND (expires = 0 OR expires > $2) ORDER BY created DESC, id DESC`,
		[]any{client, now}, func(row scanner) error {
			var s ClientSecret
			if err := row.Scan(&s.ClientID, &s.ID, &s.Digest, &s.Hint, &s.Created, &s.Expires, &s.LastUsed); err != nil {
				return err
			}
			secrets = append(secrets, s)
			return nil
		})
	return secrets, err
}

// InsertClientSecret adds a secret to an application; ErrConflict if there is no such application.
func (tx Tx) InsertClientSecret(s ClientSecret) error {
	if _, err := tx.exec(`INSERT INTO client_secrets (client_id, id, digest, hint, created, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.ClientID, s.ID, s.Digest, s.Hint, s.Created, s.Expires); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// TouchClientSecret notes that a secret was used. No cache has to hear of it.
func (tx Tx) TouchClientSecret(client string, id ID, now int64) error {
	_, err := tx.exec(`UPDATE client_secrets SET last_used = $3 WHERE client_id = $1 AND id = $2 AND last_used < $3`, client, id, now)
	return err
}

// ExpireClientSecrets lets every secret of an application end at the latest at expires, but the one named keep.
func (tx Tx) ExpireClientSecrets(client string, keep ID, expires int64) error {
	if _, err := tx.exec(`UPDATE client_secrets SET expires = $3 WHERE client_id = $1 AND id <> $2 AND (expires = 0 OR expires > $3)`, client, keep, expires); err != nil {
		return err
	}
	return tx.raiseVersion()
}
