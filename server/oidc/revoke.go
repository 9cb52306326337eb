package oidc

import (
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatelatch/server/web"
)

// revoke answers RFC 7009: the token's grant ends, and with it every token of it. Tokens that are unknown, or somebody
// else's, are a success in which nothing happens.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	ctx, m := withMemo(r.Context())
	r = r.WithContext(ctx)
	r.Form, r.PostForm = form, form
	switch err = p.fosite.NewRevocationRequest(ctx, r); {
	case m.failure != nil:
		return m.failure
	case form.Get("token") == "" && (err == nil || errors.Is(err, fosite.ErrInvalidRequest)):
		return oauthError("invalid_request", "token is missing.")
	case err == nil, errors.Is(err, fosite.ErrUnauthorizedClient):
		w.Header().Set("Cache-Control", "no-store")
		w.Header()["Content-Type"] = nil // an empty answer has no kind; oidc-client-ts refuses text/plain
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return fromFosite(err)
}
