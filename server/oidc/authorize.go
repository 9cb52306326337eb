package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// browserLife is how long a browser keeps the cookie that binds flows to it: longer than any flow.
const browserLife = 24 * time.Hour

// authorize answers an authorization request (OpenID Connect Core §3.1.2): at once when the browser's session will do,
// or else by way of the sign-in pages.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	params, err := web.Query(r)
	if err != nil {
		return err
	}
	return p.refused(w, r, p.arrive(w, r, params))
}

// authorizeByPost brings a request by POST (Core §3.1.2.1) onto the one way there is: a browser does not send our cookies with
// a POST from another site, but it does with the GET we send it to.
func (p *Provider) authorizeByPost(w http.ResponseWriter, r *http.Request) error {
	params, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	return p.byGet(w, r, "/authorize", params)
}

func (p *Provider) byGet(w http.ResponseWriter, r *http.Request, path string, params url.Values) error {
	query := params.Encode()
	if len(query) > 16<<10 {
		return &web.Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Err: errors.New("more than 16 KiB of parameters")}
	}
	return web.SeeOther(w, r, p.IssuerPath+path+"?"+query)
}

func (p *Provider) arrive(w http.ResponseWriter, r *http.Request, params url.Values) error {
	q, err := p.resolve(r.Context(), params)
	if err != nil {
		return err
	}
	return p.begin(w, r, q)
}

// again begins a request anew whose answer has been given: a reload, or the back button. One that was pushed counts once (RFC 9126 §7.3).
func (p *Provider) again(w http.ResponseWriter, r *http.Request, q asked) error {
	if q.pushed != nil {
		return &pageError{kind: views.ErrorRequest}
	}
	return p.begin(w, r, q)
}

func (p *Provider) begin(w http.ResponseWriter, r *http.Request, q asked) error {
	ctx, now := r.Context(), p.micros()
	a, err := p.read(ctx, q, now)
	if err != nil {
		return err
	}
	live, err := p.engine.Session(ctx, p.cookies.Get(r, "session"))
	if err != nil {
		return err
	}
	step := authn.Next(nil, a.demands, live, a.client.Client, now)
	if step == authn.StepDone && a.hint != "" && a.hint != p.subject(a.client.Client, live.User.ID) {
		step = authn.StepSignIn // the application means somebody else
	}
	ask := false
	if step == authn.StepDone {
		if ask, err = p.mustAsk(ctx, a.client, live.User.ID, a.permissions(), a.demands); err != nil {
			return err
		}
		if !ask {
			return p.answer(w, r, a, live, storage.ID{}, nil)
		}
	}
	switch none := a.demands.Prompts("none"); {
	case none && step == authn.StepNoAccess:
		return a.refuse("access_denied", "This application is for members of a group that the person is not in.")
	case none && ask:
		return a.refuse("consent_required", "The person has not allowed this application what it asks for.")
	case none:
		return a.refuse("login_required", "Nobody is signed in in this browser in the way that was asked for.")
	}
	if err := p.prolong(ctx, q); err != nil {
		return err
	}
	visitor := p.visitor(r)
	if visitor.Browser == "" {
		visitor.Browser = authn.NewBrowser()
		p.cookies.Set(w, "browser", visitor.Browser, browserLife)
	}
	if ask {
		return p.askConsent(w, r, a, visitor)
	}
	flow, err := p.engine.Begin(ctx, visitor, p.start(a))
	if err != nil {
		return err
	}
	page := "/sign-in"
	if a.demands.Direct != "" && step == authn.StepSignIn {
		page = "/sign-in/direct"
	}
	return web.SeeOther(w, r, page+"?flow="+flow.ID.String())
}

// start is a flow that comes back to this request.
func (p *Provider) start(a *authorizeRequest) authn.Start {
	return authn.Start{ClientID: a.client.ID, ReturnTo: p.IssuerPath + "/resume", Request: a.encode(), Demands: a.demands}
}

func (p *Provider) visitor(r *http.Request) authn.Visitor {
	v := web.VisitorOf(r.Context())
	return authn.Visitor{IP: v.IP, Network: v.Network(), Agent: v.Agent, Languages: r.Header.Get("Accept-Language"), Browser: p.cookies.Get(r, "browser")}
}

// resume goes on with a request whose person has signed in: its flow must be this browser's, and finished by this browser's session.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) error {
	return p.refused(w, r, p.proceed(w, r))
}

func (p *Provider) proceed(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := p.resumed(w, r, query.Get("flow"))
	if err != nil || s == nil {
		return err
	}
	ask, err := p.mustAsk(r.Context(), s.request.client, s.live.User.ID, s.request.permissions(), s.request.demands)
	if err != nil {
		return err
	}
	if ask {
		return web.SeeOther(w, r, consentPath+"?flow="+s.flow.ID.String())
	}
	return p.answer(w, r, s.request, s.live, s.flow.ID, nil)
}

// resumption is a request whose person has signed in for it.
type resumption struct {
	flow    storage.Flow
	request *authorizeRequest
	live    *authn.Live
}

// resumed finds the request of a flow: this browser's, and finished by the session that lives in it. Where somebody has still
// to sign in, or the answer was given before, the browser is sent on and nil returned.
func (p *Provider) resumed(w http.ResponseWriter, r *http.Request, id string) (*resumption, error) {
	ctx := r.Context()
	flow, demands, err := p.engine.Flow(ctx, id, p.cookies.Get(r, "browser"))
	if err != nil {
		return nil, err
	}
	if flow.ReturnTo != p.IssuerPath+"/resume" {
		return nil, authn.ErrFlowGone
	}
	q, err := parseAsked(flow.Request)
	if err != nil {
		return nil, err
	}
	if flow.Answered > 0 {
		return nil, p.again(w, r, q) // a reload, or the back button: what the application asked for is asked anew
	}
	// The application may have changed meanwhile: everything is checked again, at the time of the request.
	a, err := p.read(ctx, q, demands.RequestedAt)
	if err != nil {
		return nil, err
	}
	live, err := p.engine.Session(ctx, p.cookies.Get(r, "session"))
	if err != nil {
		return nil, err
	}
	if live == nil || flow.Finished == 0 || flow.SessionID != live.Session.ID {
		return nil, web.SeeOther(w, r, "/sign-in?flow="+flow.ID.String())
	}
	if !authn.StrongEnough(live.Session, demands, a.client.Client) {
		return nil, a.refuse("unmet_authentication_requirements", "The sign-in is not as strong as is asked for.")
	}
	switch authn.Next(&flow, demands, live, a.client.Client, p.micros()) {
	case authn.StepDone:
	case authn.StepNoAccess:
		return nil, p.elsewhere(w, r, a)
	case authn.StepLeaving:
		return nil, web.SeeOther(w, r, "/sign-in?flow="+flow.ID.String())
	default:
		return nil, a.refuse("login_required", "The sign-in does not satisfy the request.")
	}
	if a.hint != "" && a.hint != p.subject(a.client.Client, live.User.ID) {
		return nil, a.refuse("login_required", "Somebody else than the person of the id_token_hint has signed in.")
	}
	return &resumption{flow: flow, request: a, live: live}, nil
}

// elsewhere opens another flow for a request whose person has no access: the sign-in pages say so, and let another one try.
func (p *Provider) elsewhere(w http.ResponseWriter, r *http.Request, a *authorizeRequest) error {
	flow, err := p.engine.Begin(r.Context(), p.visitor(r), p.start(a))
	if err != nil {
		return err
	}
	return web.SeeOther(w, r, "/sign-in?flow="+flow.ID.String())
}

// answer makes the grant and sends its code to the client. given is what the person has just allowed, nil if they were not asked.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, a *authorizeRequest, live *authn.Live, flow storage.ID, given *storage.Consent) error {
	code, err := p.grant(r.Context(), a, live, flow, given)
	if errors.Is(err, storage.ErrSpent) {
		return p.again(w, r, a.asked) // the flow, or the pushed request, was answered a moment ago
	}
	if err != nil {
		return err
	}
	return p.send(w, r, a, url.Values{"code": {code}})
}

// placeholder goes through fosite in place of the client's state: fosite refuses requests without one (RFC 6749 §4.1.1 only recommends it).
const placeholder = "placeholder"

func (p *Provider) grant(ctx context.Context, a *authorizeRequest, live *authn.Live, flow storage.ID, given *storage.Consent) (string, error) {
	ctx, m := withMemo(ctx)
	m.flow, m.consent, m.pushed = flow, given, a.pushed
	form := url.Values{"client_id": {a.client.ID}, "redirect_uri": {a.redirectURI}, "response_type": {"code"}, "scope": {strings.Join(a.scopes, " ")}, "state": {placeholder},
		"nonce": {a.params.Get("nonce")}, "code_challenge": {a.params.Get("code_challenge")}}
	request := (&http.Request{Method: http.MethodGet, Form: form, PostForm: url.Values{}, Header: http.Header{}}).WithContext(ctx)
	ar, err := p.fosite.NewAuthorizeRequest(ctx, request)
	if err != nil {
		return "", caused(err)
	}
	for _, scope := range a.scopes {
		ar.GrantScope(scope)
	}
	g := storage.Grant{ID: storage.NewID(), ClientID: a.client.ID, UserID: live.User.ID, SessionID: live.Session.ID, Secret: secret.Random(16), Audience: audienceOf(a.resources), JKT: a.params.Get("dpop_jkt"),
		AuthTime: live.Session.AuthTime, AMR: live.Session.AMR, ACR: live.Session.ACR, Claims: a.wishes.encode()}
	ar.SetID(g.ID.String()) // fosite's request id, which names the family of tokens
	resp, err := p.fosite.NewAuthorizeResponse(ctx, ar, &session{sub: p.subject(a.client.Client, live.User.ID), grant: g, client: a.client.Client, user: live.User})
	if err != nil {
		return "", caused(err)
	}
	return resp.GetCode(), nil
}

// refused sends a refusal to the client it concerns and a pageError to the person, and passes every other error on.
func (p *Provider) refused(w http.ResponseWriter, r *http.Request, err error) error {
	var (
		no   *refusal
		page *pageError
	)
	switch {
	case errors.As(err, &page):
		return p.showPage(w, r, page)
	case !errors.As(err, &no):
		return err
	}
	p.log.InfoContext(r.Context(), "authorization refused", "client_id", no.request.client.ID, "error", no.code, "reason", no.description, "request", web.RequestID(r.Context()))
	return p.send(w, r, no.request, url.Values{"error": {no.code}, "error_description": {no.description}})
}

// send writes an authorization response in the mode that was asked for, with state to the byte and `iss` (RFC 9207), signed if that was asked for.
func (p *Provider) send(w http.ResponseWriter, r *http.Request, a *authorizeRequest, values url.Values) error {
	if a.hasState {
		values.Set("state", a.state)
	}
	values.Set("iss", p.issuerOf(a.client.Client))
	if a.jarm {
		var err error
		if values, err = p.signedAnswer(r.Context(), a, values); err != nil {
			return err
		}
	}
	switch a.mode {
	case "form_post":
		return p.formPost(w, r, a, values)
	case "fragment":
		return web.SeeOther(w, r, a.redirectURI+"#"+values.Encode())
	}
	return web.SeeOther(w, r, withQuery(a.redirectURI, values))
}

// withQuery appends parameters and leaves every byte of uri as it was registered.
func withQuery(uri string, values url.Values) string {
	separator := "?"
	if i := strings.IndexByte(uri, '?'); i >= 0 {
		separator = "&"
		if i == len(uri)-1 || uri[len(uri)-1] == '&' {
			separator = ""
		}
	}
	return uri + separator + values.Encode()
}
