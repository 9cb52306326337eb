package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// authorizeRequest is an authorization request whose client and redirect URI are right: whatever else is wrong with it, the client is told.
type authorizeRequest struct {
	client      *client
	redirectURI string
	state       string
	hasState    bool
	mode        string // "query", "fragment" or "form_post"
	jarm        bool   // the answer is signed (JARM)
	asked
	scopes    []string
	resources []storage.Resource
	demands   authn.Demands
	hint      string // `sub` of the id_token_hint, or the one the claims parameter names
	wishes    wishes
	own       map[string]string // scopes of the claims that this server has made up itself
}

// refusal is an error that goes back to the client in the redirect (RFC 6749 §4.1.2.1).
type refusal struct {
	request     *authorizeRequest
	code        string
	description string
}

func (r *refusal) Error() string { return r.code + ": " + r.description }

func (a *authorizeRequest) refuse(code, description string) error {
	return &refusal{request: a, code: code, description: description}
}

// Parameters that may be there more than once: RFC 8707 §2, and the older audience.
var repeatable = []string{"resource", "audience"}

// read checks an authorization request (OpenID Connect Core §3.1.2.2). An unknown client or redirect URI is a page for the person,
// never a redirect; everything after that is a refusal.
func (p *Provider) read(ctx context.Context, q asked, now int64) (*authorizeRequest, error) {
	params := q.params
	if len(params["client_id"]) > 1 || len(params["redirect_uri"]) > 1 {
		return nil, &pageError{kind: views.ErrorRequest}
	}
	c, err := p.application(ctx, params.Get("client_id"))
	var unread *documentError
	if errors.As(err, &unread) {
		return nil, &pageError{kind: views.ErrorDocument, document: unread, why: oauthError("invalid_client_metadata", unread.public)}
	}
	if errors.Is(err, storage.ErrNotFound) {
		p.log.WarnContext(ctx, "sign-in refused: no application has this client_id", "client_id", loggable(params.Get("client_id")), "request", web.RequestID(ctx))
		return nil, &pageError{kind: views.ErrorClient}
	}
	if err != nil {
		return nil, err
	}
	uri := params.Get("redirect_uri")
	if !c.allowsRedirect(uri) && c.Settings.Origin == storage.OriginDocument {
		if p.documents.doubt(c.ID) {
			return p.read(ctx, q, now)
		}
		p.log.WarnContext(ctx, "sign-in refused: the application asked for a redirect_uri that its document does not name", "client_id", c.ID, "received", loggable(uri), "request", web.RequestID(ctx))
		return nil, &pageError{kind: views.ErrorRedirect, client: &c.Client}
	}
	if !c.allowsRedirect(uri) {
		p.log.WarnContext(ctx, "sign-in refused: the application asked for a redirect_uri that is not registered", "client_id", c.ID, "received", loggable(uri),
			"registered", c.RedirectURIs, repairCommand(&c.Client, "redirect-uri", c.RedirectURIs, uri), "request", web.RequestID(ctx))
		return nil, &pageError{kind: views.ErrorRedirect, client: &c.Client, asked: &q}
	}
	a := &authorizeRequest{client: c, redirectURI: uri, state: params.Get("state"), hasState: params.Has("state"), asked: q}
	return a, a.check(p, ctx, now)
}

// responseModes are the ways by which an answer can go (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode, JARM §2.3).
var responseModes = []string{"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"}

// setMode takes a response_mode. One that is not known is false, and the answer goes by query.
func (a *authorizeRequest) setMode(mode string) bool {
	a.mode = "query"
	if mode == "" {
		return true
	}
	if !slices.Contains(responseModes, mode) {
		return false
	}
	if way, signed := strings.CutSuffix(mode, "jwt"); signed {
		a.jarm, mode = true, strings.TrimSuffix(way, ".")
	}
	a.mode = cmp.Or(mode, "query")
	return true
}

func (a *authorizeRequest) check(p *Provider, ctx context.Context, now int64) error {
	if !a.setMode(a.params.Get("response_mode")) {
		return a.refuse("invalid_request", "response_mode must be one of "+strings.Join(responseModes, ", ")+".")
	}
	if web.Once(a.params, repeatable...) != nil {
		return a.refuse("invalid_request", "A parameter is there more than once.")
	}
	switch {
	case a.params.Has("request_uri"):
		return a.refuse("request_uri_not_supported", "The only request_uri accepted is one that the pushed authorization request endpoint has given out (RFC 9126).")
	case a.params.Has("request"):
		return a.refuse("invalid_request_object", "The request object is empty.")
	case a.client.Settings.RequirePushed && a.pushed == nil:
		return a.refuse("invalid_request", "This client must push its authorization requests (RFC 9126).")
	case a.client.Settings.RequireSigned && !a.signed:
		return a.refuse("invalid_request", "This client must sign its authorization requests (RFC 9101).")
	case a.params.Has("registration"):
		return a.refuse("registration_not_supported", "The registration parameter is not supported.")
	}
	if !a.client.GetGrantTypes().Has("authorization_code") {
		return a.refuse("unauthorized_client", "This client may not use response_type=code.")
	}
	switch response := a.params.Get("response_type"); response {
	case "code":
	case "":
		return a.refuse("invalid_request", "response_type is missing: send response_type=code.")
	default:
		return a.refuse("unsupported_response_type", "Only response_type=code is supported.")
	}
	if err := a.checkResources(p, ctx); err != nil {
		return err
	}
	a.scopes = a.client.known(a.params.Get("scope"), a.resources...)
	if inPool(a.client.Client) && !slices.Contains(a.scopes, "offline_access") && a.client.GetGrantTypes().Has("refresh_token") {
		a.scopes = append(a.scopes, "offline_access") // Amplify never asks, and always gets a refresh token
	}
	if len(a.scopes) > maxScopes {
		return a.refuse("invalid_scope", "The request asks for more scopes than one grant can have.")
	}
	if len(a.params.Get("nonce")) > 1024 {
		return a.refuse("invalid_request", "nonce is longer than 1,024 characters.")
	}
	if len(a.params.Get("state")) > 4096 {
		a.state, a.hasState = "", false
		return a.refuse("invalid_request", "state is longer than 4,096 characters.")
	}
	if jkt := a.params.Get("dpop_jkt"); jkt != "" && !validThumbprint(jkt) {
		return a.refuse("invalid_request", "dpop_jkt must be the SHA-256 thumbprint of a key in base64url: 43 characters.")
	}
	if err := a.checkChallenge(); err != nil {
		return err
	}
	if err := a.checkDemands(now); err != nil {
		return err
	}
	if err := a.checkHint(p, ctx); err != nil {
		return err
	}
	x, err := p.engine.Experience(ctx)
	if err != nil {
		return err
	}
	a.own = x.OwnScopes()
	return a.checkWishes()
}

// checkChallenge applies RFC 7636 with S256 alone: required of public clients always, of confidential ones where the application is set so.
func (a *authorizeRequest) checkChallenge() error {
	challenge, method := a.params.Get("code_challenge"), a.params.Get("code_challenge_method")
	switch {
	case challenge == "" && method != "":
		return a.refuse("invalid_request", "code_challenge_method came without a code_challenge.")
	case challenge == "" && (a.client.Public() || a.client.Settings.RequirePKCE):
		return a.refuse("invalid_request", "This client must use PKCE: send code_challenge and code_challenge_method=S256.")
	case challenge == "":
		return nil
	case method != "S256":
		return a.refuse("invalid_request", "code_challenge_method must be S256.")
	case !validChallenge(challenge):
		return a.refuse("invalid_request", "code_challenge must be the SHA-256 of the verifier in base64url: 43 characters.")
	}
	return nil
}

var knownPrompts = []string{"none", "login", "consent", "select_account", "create"}

func (a *authorizeRequest) checkDemands(now int64) error {
	d := authn.Demands{LoginHint: a.params.Get("login_hint"), ACRValues: strings.Fields(a.params.Get("acr_values")), UILocales: a.params.Get("ui_locales"), RequestedAt: now}
	if a.params.Get("first_screen") == "register" || a.params.Get("interaction_mode") == "signUp" {
		d.Screen = "register"
	}
	d.Direct = direct(a.params)
	for _, prompt := range strings.Fields(a.params.Get("prompt")) {
		if !slices.Contains(knownPrompts, prompt) {
			return a.refuse("invalid_request", "prompt knows none, login, consent, select_account and create.")
		}
		d.Prompt = append(d.Prompt, prompt)
	}
	if slices.Contains(d.Prompt, "none") && len(d.Prompt) > 1 {
		return a.refuse("invalid_request", "prompt=none goes with no other prompt.")
	}
	if a.params.Has("max_age") && a.params.Get("max_age") != "" {
		age, err := strconv.ParseInt(a.params.Get("max_age"), 10, 64)
		if err != nil || age < 0 {
			return a.refuse("invalid_request", "max_age must be a number of seconds.")
		}
		age = min(age, int64(100*365*24*time.Hour/time.Second))
		d.MaxAge = &age
	}
	d.MaxAge = a.client.youngest(d.MaxAge)
	a.demands = d
	return nil
}

// direct is the provider that a request names, so that its person needs no page of ours: Logto's direct_sign_in=social:NAME, or
// Cognito's identity_provider and idp_identifier. COGNITO there means the page.
func direct(params url.Values) string {
	if method, target, _ := strings.Cut(params.Get("direct_sign_in"), ":"); method == "social" {
		return target
	}
	if named := params.Get("identity_provider"); named != "" && named != "COGNITO" {
		return named
	}
	return params.Get("idp_identifier")
}

// checkHint reads an id_token_hint: one that any key of ours signed, as an ID token, for this client. Its end does not matter (Core §3.1.2.1).
func (a *authorizeRequest) checkHint(p *Provider, ctx context.Context) error {
	token := a.params.Get("id_token_hint")
	if token == "" {
		return nil
	}
	hint, err := p.readHint(ctx, token)
	if storage.Away(err) {
		return err
	}
	if err != nil || hint.Audience != a.client.ID {
		return a.refuse("invalid_request", "id_token_hint is not an ID token that was issued to this client.")
	}
	a.hint = hint.Subject
	return nil
}

// hint is what an old ID token says.
type hint struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Session  string `json:"sid"`
}

func (p *Provider) readHint(ctx context.Context, token string) (hint, error) {
	keys, err := p.cache.keys(ctx)
	if err != nil {
		return hint{}, err
	}
	typ, payload, err := keys.verify(token)
	if err != nil {
		return hint{}, err
	}
	var h hint
	if json.Unmarshal(payload, &h) != nil || typ != "JWT" || h.Issuer != p.issuer || h.Subject == "" || h.Audience == "" {
		return hint{}, errNotOurs
	}
	return h, nil
}

// loggable is a value from a stranger, fit for the log and the terminal it is read on: at most 300 bytes, and "?" for what
// moves the cursor, ends the line or turns the direction of writing.
func loggable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s[:min(len(s), 300)])
}
