package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// edges are where errors become answers: documents and api in OAuth's JSON, pages for people.
type edges struct{ documents, api, pages web.Edge }

func (p *Provider) makeEdges() edges {
	json := web.Edge{Log: p.log, Translate: translate, Show: p.showJSON}
	return edges{documents: json, api: json, pages: web.Edge{Log: p.log, Translate: translate, Show: p.showError}}
}

// translate gives the errors of the rooms below their place.
func translate(err error) *web.Error {
	var many *authn.TooMany
	switch {
	case storage.Away(err), errors.Is(err, errNoKey):
		away := web.Away(err)
		away.Message = "The server cannot store anything right now. Nothing is lost; try again in a moment."
		return away
	case errors.Is(err, authn.ErrFlowGone), errors.Is(err, authn.ErrFlowDone):
		return &web.Error{Status: http.StatusBadRequest, Code: "flow_gone", Err: err}
	case errors.As(err, &many):
		return &web.Error{Status: http.StatusTooManyRequests, Code: "too_many", RetryAfter: many.Wait, Err: err}
	}
	return nil
}

// showJSON writes an error as RFC 6749 §5.2, or RFC 6750 §3 where a token was refused.
func (p *Provider) showJSON(w http.ResponseWriter, r *http.Request, e *web.Error) {
	body := map[string]string{}
	if e.Code != "" {
		body["error"] = e.Code
	}
	if e.Message != "" {
		body["error_description"] = describable(e.Message)
	}
	if e.Status >= 500 {
		body["reference"] = web.RequestID(r.Context())
	}
	switch {
	case e.Status == http.StatusUnauthorized && e.Code == "invalid_client":
		w.Header().Set("WWW-Authenticate", `Basic realm="`+p.issuer+`"`)
	case e.Status == http.StatusUnauthorized && e.Code == "invalid_token" && strings.HasPrefix(r.URL.Path, p.IssuerPath+"/register"):
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+p.issuer+`", error="invalid_token"`)
	case strings.HasSuffix(r.URL.Path, "/userinfo") && e.Status < 500 && e.Status != http.StatusMethodNotAllowed:
		for _, challenge := range p.Challenge(r, e) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
	}
	_ = web.JSON(w, e.Status, body) // a map of strings always encodes
}

// tooWeak is a token whose sign-in is not strong enough; the client learns what to ask for (RFC 9470 §3).
type tooWeak struct{ acr string }

// Error implements error.
func (t *tooWeak) Error() string { return "the sign-in does not fulfil " + t.acr }

// describable keeps what RFC 6749 §5.2 allows in an error_description.
func describable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return -1
		}
		return r
	}, s)
}

// caused is an error of fosite with its cause in words: by itself it reads "server_error", and the log would not know why.
func caused(err error) error {
	var known *fosite.RFC6749Error
	if !errors.As(err, &known) || known.Unwrap() == nil {
		return err
	}
	return fmt.Errorf("%s: %w", known.ErrorField, known.Unwrap())
}

// pageError is a request that must not be answered by a redirect: the person sees a page on our own address (RFC 6749 §4.1.2.1).
type pageError struct {
	kind   views.ErrorKind
	client *storage.Client // nil: not known
	why    *web.Error      // what a program is told where there is no page; nil: that its redirect_uri is not right
	asked  *asked          // the request whose address an administrator could register; nil: there is nothing to repair

	repairURL string // for an administrator: where to sign in before repairing it
	here      string // the page again, for the language links

	document *documentError // what an application says about itself, and is not right
}

// Error implements error.
func (e *pageError) Error() string { return "refused with a page: " + string(e.kind) }

// showPage writes the page of a pageError. What was received and what is registered is in the log, and on the page of an
// administrator who can repair it.
func (p *Provider) showPage(w http.ResponseWriter, r *http.Request, e *pageError) error {
	if offered, err := p.offerRepair(w, r, e); offered || err != nil {
		return err
	}
	page := views.ErrorPage{RepairURL: e.repairURL, Frame: p.frame(r, e.client, ""), Kind: e.kind, Reference: views.Reference{Ref: web.RequestID(r.Context()), At: p.now()}}
	page.Here = e.here
	if e.document != nil {
		page.PublishedAt, page.Detail = e.document.host, e.document.page
	}
	if e.client != nil {
		page.HomeURL = e.client.StartURL(p.issuer)
	}
	return web.Page(w, r, http.StatusBadRequest, views.CSP(views.PageStays), views.Error(page))
}

func (p *Provider) frame(r *http.Request, c *storage.Client, locales string) views.Frame {
	f := p.makeFrame(r, locales)
	if c != nil {
		f.AppName = c.Name
	}
	return f
}

func (p *Provider) formPost(w http.ResponseWriter, r *http.Request, a *authorizeRequest, values url.Values) error {
	page := views.FormPostPage{Frame: p.frame(r, &a.client.Client, a.demands.UILocales), Action: a.redirectURI}
	for name := range values {
		page.Fields = append(page.Fields, views.Field{Name: name, Value: values.Get(name)})
	}
	slices.SortFunc(page.Fields, func(x, y views.Field) int { return strings.Compare(x.Name, y.Name) })
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), views.FormPost(page))
}
