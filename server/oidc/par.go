package oidc

import (
	"errors"
	"maps"
	"net/http"
	"net/url"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// par answers RFC 9126: a client brings its authorization request itself, authenticated and unseen by the browser, and gets a
// request_uri for it. The request is checked as it would be at the authorization endpoint; there it is checked again.
func (p *Provider) par(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form, repeatable...) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	ctx := r.Context()
	authenticated, err := p.authenticate(ctx, r, form)
	if err != nil {
		return fromFosite(err)
	}
	c := authenticated.(*client)
	if form.Has("request_uri") {
		return oauthError("invalid_request", "request_uri is what this endpoint gives out; it takes none (RFC 9126 §2.1).")
	}
	q := asked{params: maps.Clone(form)}
	q.params.Set("client_id", c.ID)
	if form.Get("request") != "" {
		if q, err = p.signedRequest(ctx, c, q); err != nil {
			return pushRefused(err)
		}
	}
	if err := p.pushedKey(w, r, c, q.params); err != nil {
		return err
	}
	q.pushed = []byte{} // for those checks that ask by which way it came
	if _, err = p.read(ctx, q, p.micros()); err != nil {
		return pushRefused(err)
	}
	if c.Public() {
		if err := p.spendPushed(r); err != nil {
			return err
		}
	}
	uri, err := p.push(ctx, q)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"`
	}{uri, int64(pushedLife.Seconds())})
}

// spendPushed counts a request that somebody pushes who has not shown who they are.
func (p *Provider) spendPushed(r *http.Request) error {
	now := p.micros()
	err := p.store.Write(r.Context(), func(tx storage.Tx) error { return p.engine.SpendPushed(tx, p.visitor(r), now) })
	var many *authn.TooMany
	if errors.As(err, &many) {
		return &web.Error{Status: http.StatusTooManyRequests, Code: "too_many_requests", Message: "Too many requests are pushed. Try again later.", RetryAfter: many.Wait, Err: err}
	}
	return err
}

// pushedKey binds the code to come to the key of a DPoP proof that a pushed request is sent with (RFC 9449 §10.1).
func (p *Provider) pushedKey(w http.ResponseWriter, r *http.Request, c *client, params url.Values) error {
	proof, err := p.proofOf(w, r, "")
	if err != nil {
		return fromFosite(err)
	}
	if proof == nil {
		return nil
	}
	if named := params.Get("dpop_jkt"); named != "" && named != proof.jkt {
		return fromFosite(dpopError("dpop_jkt names another key than that of the proof."))
	}
	if err := p.useProof(r.Context(), c.Client, proof); err != nil {
		if storage.Away(err) {
			return err
		}
		return fromFosite(err)
	}
	params.Set("dpop_jkt", proof.jkt)
	return nil
}

// pushRefused says by JSON what the authorization endpoint says by redirect or page (RFC 9126 §2.3).
func pushRefused(err error) error {
	var (
		no   *refusal
		page *pageError
	)
	switch {
	case errors.As(err, &page) && page.why != nil:
		no = &refusal{code: page.why.Code, description: page.why.Message}
	case errors.As(err, &page):
		return oauthError("invalid_request", "redirect_uri is missing or not registered for this client.")
	case !errors.As(err, &no):
		return err
	}
	if no.code == "request_not_supported" {
		return oauthError("invalid_request_object", no.description)
	}
	return oauthError(no.code, no.description)
}
