package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Methods of client authentication (OpenID Connect Core §9).
var authMethods = []string{"client_secret_basic", "client_secret_post", storage.PrivateKeyJWT, "none"}

// confidentialMethods are those that prove something.
var confidentialMethods = authMethods[:len(authMethods)-1]

// What a client that has not proved itself is told. Unknown, switched off and a wrong secret are one error.
var (
	errClient   = fosite.ErrInvalidClient.WithHint("There is no such client, or its authentication is not right: check client_id and client_secret, and the way they are sent.")
	errNoClient = fosite.ErrInvalidClient.WithHint("No client_id came: a client says who it is by HTTP Basic, in the form, or by an assertion.")
	errBasic    = fosite.ErrInvalidClient.WithHint("The Authorization header is not HTTP Basic: send Basic and the Base64 of client_id:client_secret.")
)

// decoy is compared with when there is no such client, so that an unknown one takes the same steps as a wrong secret.
var decoy = secret.Hash(secret.Token(32))

// authenticate finds out which client is calling (RFC 6749 §2.3): by a secret in HTTP Basic or in the form, by an assertion it
// has signed, or not at all for public clients. Every endpoint that clients call comes by here. A client that cannot be read
// because the store is away is an error of the store, never of the client.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	if err := oneMethod(r, form); err != nil {
		return nil, err
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return p.authenticateByAssertion(ctx, form)
	}
	id, secrets, err := credentials(r, form)
	if err != nil {
		return nil, err
	}
	c, err := p.caller(ctx, id)
	if errors.Is(err, fosite.ErrInvalidClient) {
		return nil, err
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fosite.ErrServerError.WithWrap(err)
	}
	unknown := err != nil
	if !unknown && c.Public() {
		if len(secrets) > 0 {
			return nil, errClient
		}
		return c, nil
	}
	var accepted []storage.ClientSecret
	if !unknown && c.Settings.AuthMethod != storage.PrivateKeyJWT {
		accepted = c.secrets
	}
	used := p.matching(accepted, secrets)
	if used == nil {
		return nil, errClient
	}
	p.noteSecret(ctx, c, used)
	return c, nil
}

// matching returns the live secret that one of the spellings is, nil if none. It takes the same steps when there are no secrets.
func (p *Provider) matching(accepted []storage.ClientSecret, spellings []string) *storage.ClientSecret {
	var match *storage.ClientSecret
	now := p.micros()
	for _, spelled := range spellings {
		presented := secret.Hash(spelled)
		secret.Equal(presented, decoy)
		for i, s := range accepted {
			if equal := secret.Equal(presented, s.Digest); equal && (s.Expires == 0 || s.Expires > now) {
				match = &accepted[i]
			}
		}
	}
	return match
}

func (p *Provider) authenticateByAssertion(ctx context.Context, form url.Values) (fosite.Client, error) {
	j, id, err := assertedClient(form)
	if err != nil {
		return nil, err
	}
	c, err := p.caller(ctx, id)
	switch {
	case errors.Is(err, fosite.ErrInvalidClient):
		return nil, err
	case errors.Is(err, storage.ErrNotFound):
		return nil, errClient
	case err != nil:
		return nil, fosite.ErrServerError.WithWrap(err)
	case c.Settings.AuthMethod != storage.PrivateKeyJWT:
		return nil, errClient
	}
	err = p.checkAssertion(ctx, c, j)
	if storage.Away(err) {
		return nil, fosite.ErrServerError.WithWrap(err)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// oneMethod refuses a request that proves its client in two ways (RFC 6749 §2.3).
func oneMethod(r *http.Request, form url.Values) error {
	methods := 0
	for _, there := range []bool{len(r.Header.Values("Authorization")) > 0, form.Get("client_secret") != "", form.Get("client_assertion") != ""} {
		if there {
			methods++
		}
	}
	if methods > 1 {
		return fosite.ErrInvalidRequest.WithHint("The client authenticated in more than one way: send only one of an Authorization header, a client_secret and a client_assertion.")
	}
	return nil
}

// credentials reads who the client says it is. secrets are the spellings the secret may have meant: libraries form-encode
// it for HTTP Basic as the RFC says (Auth.js), or do not (Logto's SDKs). client_id in the form beside HTTP Basic is
// common and fine while it names the same client; two secrets, or secrets in two places, are not.
func credentials(r *http.Request, form url.Values) (id string, secrets []string, err error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		if s := form.Get("client_secret"); s != "" {
			secrets = []string{s}
		}
		if id = form.Get("client_id"); id == "" {
			return "", nil, errNoClient
		}
		return id, secrets, nil
	}
	kind, encoded, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(kind, "Basic") {
		return "", nil, errBasic
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", nil, errBasic
	}
	rawID, rawSecret, ok := strings.Cut(string(raw), ":")
	if !ok || rawSecret == "" {
		return "", nil, errClient
	}
	id, secrets = rawID, []string{rawSecret}
	if decoded, err := url.QueryUnescape(rawID); err == nil {
		id = decoded
	}
	if decoded, err := url.QueryUnescape(rawSecret); err == nil && decoded != rawSecret {
		secrets = append(secrets, decoded)
	}
	if named := form.Get("client_id"); named != "" && named != id {
		return "", nil, fosite.ErrInvalidRequest.WithHint("client_id in the form and the Authorization header name two clients.")
	}
	return id, secrets, nil
}
