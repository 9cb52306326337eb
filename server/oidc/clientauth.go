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
var authMethods = []string{"client_secret_basic", "client_secret_post", "none"}

var errClient = fosite.ErrInvalidClient.WithHint("The client is not known, or its authentication is not right.")

// decoy is compared with when there is no such client, so that an unknown one takes the same steps as a wrong secret.
var decoy = secret.Hash(secret.Token(32))

// authenticate finds out which client is calling (RFC 6749 §2.3.1): a secret by HTTP Basic or in the form, or none for public clients.
// A client that cannot be read because the store is away is an error of the store, never of the client.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	id, secrets, err := credentials(r, form)
	if err != nil {
		return nil, err
	}
	c, err := p.cache.client(ctx, id)
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
	digests := [][]byte{decoy}
	if !unknown {
		now := p.micros()
		for _, s := range c.secrets {
			if s.Expires == 0 || s.Expires > now {
				digests = append(digests, s.Digest)
			}
		}
	}
	match := false
	for _, spelled := range secrets {
		presented := secret.Hash(spelled)
		for _, d := range digests {
			match = secret.Equal(presented, d) || match
		}
	}
	if unknown || !match {
		return nil, errClient
	}
	return c, nil
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
			return "", nil, errClient
		}
		return id, secrets, nil
	}
	kind, encoded, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || !strings.EqualFold(kind, "Basic") {
		return "", nil, errClient
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", nil, errClient
	}
	rawID, rawSecret, ok := strings.Cut(string(raw), ":")
	if !ok || rawSecret == "" {
		return "", nil, errClient
	}
	if form.Get("client_secret") != "" {
		return "", nil, fosite.ErrInvalidRequest.WithHint("The client authenticated in two ways: send its secret either in the Authorization header or in the form.")
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
