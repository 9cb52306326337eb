package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
	"gatelatch/views"
)

// asked are the parameters of an authorization request, and by which way they came. What came by a safer way than the address
// bar stays marked through the trip to the sign-in pages, so that nothing can strip it there.
type asked struct {
	params url.Values
	pushed []byte // digest of the request_uri they were pushed under (RFC 9126), nil if the browser brought them
	signed bool   // by the client (RFC 9101)
	leaves bool   // it is a request to sign out, which is kept for its address alone

	until int64 // when a pushed request ends at the latest, for one that was just looked up
}

// Marks in a kept request; kept drops parameters of these names.
const (
	markPushed = "pushed"
	markSigned = "signed"
	markLeaves = "leaves"
)

// encode keeps a request for later.
func (q asked) encode() string {
	if q.leaves {
		v := url.Values{markLeaves: {"yes"}}
		for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} { // no id_token_hint: the person is asked instead
			if q.params.Has(name) {
				v.Set(name, q.params.Get(name))
			}
		}
		return v.Encode()
	}
	v := kept(q.params)
	if q.pushed != nil {
		v.Set(markPushed, base64.RawURLEncoding.EncodeToString(q.pushed))
	}
	if q.signed {
		v.Set(markSigned, "yes")
	}
	return v.Encode()
}

// parseAsked reads what encode has kept.
func parseAsked(text string) (asked, error) {
	v, err := url.ParseQuery(text)
	if err != nil {
		return asked{}, err
	}
	q := asked{params: v, signed: v.Has(markSigned), leaves: v.Has(markLeaves)}
	if v.Has(markPushed) {
		if q.pushed, err = strictBase64.DecodeString(v.Get(markPushed)); err != nil {
			return asked{}, err
		}
	}
	v.Del(markPushed)
	v.Del(markSigned)
	v.Del(markLeaves)
	return q, nil
}

// kept drops from a request what nobody will read again, and with it every secret a client may have sent beside it.
func kept(params url.Values) url.Values {
	out := url.Values{}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "claims", "login_hint", "ui_locales", "acr_values", "dpop_jkt", "id_token_hint", "first_screen", "interaction_mode", "direct_sign_in", "identity_provider", "idp_identifier"} {
		if params.Has(name) {
			out.Set(name, params.Get(name))
		}
	}
	if named := params["resource"]; len(named) > 0 {
		out["resource"] = named
	}
	return out
}

// requestURIPrefix begins every request_uri of ours (RFC 9126 §2.2).
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// A pushed request waits for its browser for pushedLife; once somebody is signing in for it, it can be reloaded until pushedBegun.
// Its kind in the store is pendingPushed.
const (
	pushedLife    = 90 * time.Second
	pushedBegun   = 5 * time.Minute
	pendingPushed = "par"
)

// resolve finds the parameters that a browser's request stands for: those a client has pushed, or has signed, or those that are there.
func (p *Provider) resolve(ctx context.Context, params url.Values) (asked, error) {
	for _, name := range []string{"client_id", "request_uri", "request"} {
		if len(params[name]) > 1 {
			return asked{}, &pageError{kind: views.ErrorRequest}
		}
	}
	if strings.HasPrefix(params.Get("request_uri"), requestURIPrefix) {
		return p.pushedRequest(ctx, params)
	}
	if params.Get("request") == "" || params.Has("request_uri") {
		return asked{params: params}, nil // a foreign request_uri is refused by check
	}
	c, err := p.application(ctx, params.Get("client_id"))
	var unread *documentError
	if errors.Is(err, storage.ErrNotFound) || errors.As(err, &unread) {
		return asked{params: params}, nil // and so is an unknown client
	}
	if err != nil {
		return asked{}, err
	}
	return p.signedRequest(ctx, c, asked{params: params})
}

// pushedRequest looks up what a client has pushed. Whatever else the browser brings counts for nothing (RFC 9126 §4). One that is
// unknown, over, used, or another client's looks the same from outside.
func (p *Provider) pushedRequest(ctx context.Context, params url.Values) (asked, error) {
	digest := sha256.Sum256([]byte(params.Get("request_uri")))
	found, err := p.store.View(ctx).Pending(pendingPushed, digest[:], p.micros())
	if errors.Is(err, storage.ErrNotFound) {
		p.log.WarnContext(ctx, "sign-in refused: its request_uri is not known, has been used or is over", "client_id", loggable(params.Get("client_id")))
		return asked{}, &pageError{kind: views.ErrorRequest}
	}
	if err != nil {
		return asked{}, err
	}
	q, err := parseAsked(found.Data)
	if err != nil {
		return asked{}, err
	}
	if q.params.Get("client_id") != params.Get("client_id") {
		p.log.WarnContext(ctx, "sign-in refused: its request_uri is another client's", "client_id", loggable(params.Get("client_id")))
		return asked{}, &pageError{kind: views.ErrorRequest}
	}
	q.pushed, q.until = digest[:], found.Created+pushedBegun.Microseconds()
	return q, nil
}

// prolong lets a pushed request be loaded again while somebody is signing in for it.
func (p *Provider) prolong(ctx context.Context, q asked) error {
	if q.pushed == nil || q.until == 0 {
		return nil
	}
	return p.store.Write(ctx, func(tx storage.Tx) error { return tx.ExtendPending(pendingPushed, q.pushed, q.until) })
}

// push keeps a request and returns the request_uri that stands for it.
func (p *Provider) push(ctx context.Context, q asked) (uri string, err error) {
	uri = requestURIPrefix + secret.Token(32)
	digest, now := sha256.Sum256([]byte(uri)), p.micros()
	q.pushed = nil
	row := storage.Pending{Digest: digest[:], Kind: pendingPushed, Data: q.encode(), Created: now, Expires: now + pushedLife.Microseconds()}
	return uri, p.store.Write(ctx, func(tx storage.Tx) error { return tx.InsertPending(row) })
}
