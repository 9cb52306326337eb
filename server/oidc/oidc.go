// Package oidc is the door for applications: OAuth 2.0 and OpenID Connect. It holds the rules of the protocol and mints
// every token; it is the only package that imports fosite, and nothing of fosite leaves it. Who somebody is, is authn's to say.
//
// Below the issuer's path:
//
//	GET       /.well-known/openid-configuration
//	GET POST  /authorize     GET /resume       (a signed-in browser comes back)
//	POST      /par
//	POST      /token
//	GET POST  /userinfo
//	GET       /jwks
//	POST      /introspect
//	POST      /revoke
//	POST      /device_authorization
//	GET POST  /logout
//	POST      /register      GET PUT DELETE /register/{client_id}      (unless Config.Registration is off)
//
// Beside it, for people: GET POST /consent (may this application use your account?), GET POST /repair (an
// administrator registers the address that an application has asked for), GET POST /device and
// /device/confirm, GET /device/done (a device without a browser asks to be connected).
//
// And where RFC 8414 readers look: /.well-known/openid-configuration/ISSUERPATH, /.well-known/oauth-authorization-server/ISSUERPATH.
package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"gatelatch/server/authn"
	"gatelatch/server/safehttp"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// Lifetimes of what is issued, where the client has none of its own. A zero takes its default, but for RefreshGrace, where it means none.
type Lifetimes struct {
	Code            time.Duration // at most 60 s
	AccessToken     time.Duration
	IDToken         time.Duration
	RefreshIdle     time.Duration // a refresh token that is not used for so long ends
	RefreshAbsolute time.Duration // every grant ends so long after the sign-in
	RefreshGrace    time.Duration // a superseded refresh token still gets an answer for so long
}

// DefaultLifetimes are what an application gets that says nothing else.
var DefaultLifetimes = Lifetimes{Code: time.Minute, AccessToken: time.Hour, IDToken: time.Hour, RefreshIdle: 30 * 24 * time.Hour, RefreshAbsolute: 365 * 24 * time.Hour, RefreshGrace: 30 * time.Second}

func (l Lifetimes) withDefaults() Lifetimes {
	d := DefaultLifetimes
	l.Code, l.AccessToken, l.IDToken = cmp.Or(l.Code, d.Code), cmp.Or(l.AccessToken, d.AccessToken), cmp.Or(l.IDToken, d.IDToken)
	l.RefreshIdle, l.RefreshAbsolute = cmp.Or(l.RefreshIdle, d.RefreshIdle), cmp.Or(l.RefreshAbsolute, d.RefreshAbsolute)
	return l
}

// Config is what the door has to be told.
type Config struct {
	PublicURL  *url.URL
	IssuerPath string // "/oidc", or "" for the root
	Lifetimes  Lifetimes
	Languages  []string // of the pages, for discovery
	// Registration says who may register an application: RegistrationOff (or ""), RegistrationToken or RegistrationOpen.
	Registration string
	// PoolID is the id of the pool that applications of the Cognito door belong to.
	PoolID string
	// ClientDocuments lets applications describe themselves at the address that is their client_id (client ID metadata documents).
	ClientDocuments bool
}

// Deps are the rooms the door works with.
type Deps struct {
	Store   *storage.Store
	Secrets *secret.Keys
	Engine  *authn.Engine
	Cookies web.Cookies
	// Outgoing calls the addresses that clients have named.
	Outgoing *safehttp.Client
	Log      *slog.Logger
	Now      func() time.Time
	// Frame is what every page starts from, in the visitor's language; locales are the request's ui_locales.
	Frame func(r *http.Request, locales string) views.Frame
	// KeepLanguage remembers the language that a visitor has chosen with this request, if they have.
	KeepLanguage func(w http.ResponseWriter, r *http.Request)
	// ShowError answers a person with the page of an error.
	ShowError func(w http.ResponseWriter, r *http.Request, e *web.Error)
}

// Provider is the door.
type Provider struct {
	Config
	issuer   string
	poolBase string // what issuers of pools begin with
	store    *storage.Store
	secrets  *secret.Keys
	engine   *authn.Engine
	cookies  web.Cookies
	log      *slog.Logger
	now      func() time.Time
	names    names
	cache    *cache
	keyring  *keyring
	fosite   fosite.OAuth2Provider
	edges    edges
	tending  sync.Mutex
	tended   atomic.Bool
	document []byte // the discovery document

	secretUses secretUses
	documents  *documents

	outgoing     *safehttp.Client
	salt         []byte // of pairwise subjects
	makeFrame    func(r *http.Request, locales string) views.Frame
	showError    func(w http.ResponseWriter, r *http.Request, e *web.Error)
	keepLanguage func(w http.ResponseWriter, r *http.Request)
}

// New makes the door and, on the first start, the signing keys.
func New(ctx context.Context, c Config, d Deps) (*Provider, error) {
	c.Lifetimes = c.Lifetimes.withDefaults()
	p := &Provider{Config: c, store: d.Store, secrets: d.Secrets, engine: d.Engine, cookies: d.Cookies, log: d.Log, now: d.Now, names: names{d.Secrets},
		makeFrame: d.Frame, showError: d.ShowError, keepLanguage: d.KeepLanguage}
	p.issuer = strings.TrimSuffix(c.PublicURL.String(), "/") + c.IssuerPath
	p.poolBase = strings.TrimSuffix(c.PublicURL.String(), "/") + "/cognito"
	p.cache = &cache{p: p}
	p.documents = &documents{p: p}
	p.outgoing = d.Outgoing
	p.keyring = &keyring{outgoing: d.Outgoing, now: d.Now}
	p.edges = p.makeEdges()
	document, err := json.Marshal(p.metadata())
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	p.document = document
	// The quick ones at once, so that something is sealed and a wrong key file shows at the next start; RSA keys are made by
	// TendKeys while the server already answers.
	if err := p.tendKeys(ctx, []string{ES256, EdDSA}); err != nil {
		return nil, err
	}
	if err := p.loadSalt(ctx); err != nil {
		return nil, err
	}
	if _, err := p.cache.snapshot(ctx); err != nil {
		return nil, fmt.Errorf("load signing keys: %w", err)
	}
	p.fosite = p.compose()
	return p, nil
}

// Issuer is the `iss` of everything: exactly the string that clients are configured with.
func (p *Provider) Issuer() string { return p.issuer }

// compose joins fosite's handlers, as few as possible: what it lacks or gets wrong is done before and after it
// (docs/decisions/0004-fosite-from-outside.md).
func (p *Provider) compose() fosite.OAuth2Provider {
	cfg := &fosite.Config{
		AuthorizeCodeLifespan:        p.Lifetimes.Code,
		RefreshTokenScopes:           []string{"offline_access"},
		ScopeStrategy:                func([]string, string) bool { return true }, // decided by authorizeRequest.check and narrow
		AudienceMatchingStrategy:     fosite.ExactAudienceMatchingStrategy,
		OmitRedirectScopeParam:       true,
		MinParameterEntropy:          1,
		IDTokenIssuer:                p.issuer,
		SanitationWhiteList:          requestKept,
		RedirectSecureChecker:        func(context.Context, *url.URL) bool { return true }, // decided when the address was registered
		ClientAuthenticationStrategy: p.authenticate,
	}
	store, tokens := &grantStore{p}, &tokens{p}
	code := &oauth2.AuthorizeExplicitGrantHandler{AccessTokenStrategy: tokens, RefreshTokenStrategy: tokens, AuthorizeCodeStrategy: tokens, CoreStorage: store, TokenRevocationStorage: store, Config: cfg}
	refresh := &oauth2.RefreshTokenGrantHandler{AccessTokenStrategy: tokens, RefreshTokenStrategy: tokens, TokenRevocationStorage: store, Config: cfg}
	helper := &openid.IDTokenHandleHelper{IDTokenStrategy: tokens}
	oidcCode := &openid.OpenIDConnectExplicitHandler{OpenIDConnectRequestStorage: store, OpenIDConnectRequestValidator: openid.NewOpenIDConnectRequestValidator(nil, cfg), Config: cfg, IDTokenHandleHelper: helper}
	oidcRefresh := &openid.OpenIDConnectRefreshHandler{IDTokenHandleHelper: helper, Config: cfg}

	cfg.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code, oidcCode}
	// proof comes after code: it judges what code has loaded, before anything is issued.
	cfg.TokenEndpointHandlers = fosite.TokenEndpointHandlers{code, refresh, &machineGrant{p}, &tokenExchange{p}, &deviceGrant{store}, &proof{store}, &narrowing{p}, &possession{p}, oidcCode, oidcRefresh}
	cfg.RevocationHandlers = fosite.RevocationHandlers{&machineRevocation{p}, &oauth2.TokenRevocationHandler{TokenRevocationStorage: store, RefreshTokenStrategy: tokens, AccessTokenStrategy: tokens}}
	return fosite.NewOAuth2Provider(store, cfg)
}

// Routes mounts the door.
func (p *Provider) Routes(mux *http.ServeMux) {
	at := func(path string) string { return p.IssuerPath + path }
	documents, api, pages := p.edges.documents, p.edges.api, p.edges.pages
	discovery := p.public(documents.Handle(p.discovery))
	public := map[string]http.Handler{at("/.well-known/openid-configuration"): discovery, "/.well-known/openid-configuration" + p.IssuerPath: discovery,
		"/.well-known/oauth-authorization-server" + p.IssuerPath: discovery, at("/jwks"): p.public(documents.Handle(p.jwks))}
	for path, document := range public {
		mux.Handle("GET "+path, document)
		mux.HandleFunc("OPTIONS "+path, publicPreflight)
	}
	mux.Handle("GET "+at("/authorize"), pages.Handle(p.authorize))
	mux.Handle("POST "+at("/authorize"), pages.Handle(p.authorizeByPost))
	mux.Handle("GET "+at("/resume"), pages.Handle(p.resume))
	mux.Handle("GET "+consentPath, pages.Handle(p.spoken(p.consent)))
	mux.Handle("POST "+consentPath, pages.Handle(p.decide))
	mux.Handle("GET "+repairPath, pages.Handle(p.spoken(p.repair)))
	mux.Handle("POST "+repairPath, pages.Handle(p.addAddress))
	mux.Handle("POST "+at("/device_authorization"), api.Handle(p.deviceAuthorization))
	mux.Handle("GET "+devicePath, pages.Handle(p.spoken(p.device)))
	mux.Handle("POST "+devicePath, pages.Handle(p.enterDevice))
	mux.Handle("GET "+devicePath+"/confirm", pages.Handle(p.spoken(p.confirmDevice)))
	mux.Handle("POST "+devicePath+"/confirm", pages.Handle(p.decideDevice))
	mux.Handle("GET "+devicePath+"/done", pages.Handle(p.spoken(p.deviceDone)))
	mux.Handle("POST "+at("/token"), p.crossOrigin(api.Handle(p.token)))
	mux.Handle("POST "+at("/par"), p.crossOrigin(api.Handle(p.par)))
	mux.Handle("POST "+at("/introspect"), api.Handle(p.introspect))
	mux.Handle("POST "+at("/revoke"), p.crossOrigin(api.Handle(p.revoke)))
	mux.Handle("GET "+at("/userinfo"), p.crossOrigin(api.Handle(p.userinfo)))
	mux.Handle("POST "+at("/userinfo"), p.crossOrigin(api.Handle(p.userinfo)))
	mux.Handle("GET "+at("/logout"), pages.Handle(p.logout))
	mux.Handle("POST "+at("/logout"), pages.Handle(p.logoutByPost))
	mux.Handle("POST "+at("/logout/confirm"), pages.Handle(p.confirmLogout))
	p.registrationRoutes(mux)
	p.poolRoutes(mux)
	for _, path := range []string{"/token", "/par", "/revoke", "/userinfo"} {
		mux.Handle("OPTIONS "+at(path), http.HandlerFunc(p.preflight))
	}
	// Programs are refused in their own language, also by method.
	for path, methods := range map[string][]string{"/token": {"OPTIONS", "POST"}, "/par": {"OPTIONS", "POST"}, "/revoke": {"OPTIONS", "POST"}, "/device_authorization": {"POST"}, "/introspect": {"POST"}, "/userinfo": {"GET", "HEAD", "OPTIONS", "POST"}} {
		mux.Handle(at(path), api.Handle(web.Only(methods...)))
	}
}

// spoken is a page whose footer offers other languages: the one that is chosen there stays.
func (p *Provider) spoken(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p.keepLanguage(w, r)
		return h(w, r)
	}
}

// registers reports whether applications may register themselves at all.
func (p *Provider) registers() bool {
	return p.Registration == RegistrationToken || p.Registration == RegistrationOpen
}

func (p *Provider) registrationRoutes(mux *http.ServeMux) {
	if !p.registers() {
		return
	}
	all, api := p.IssuerPath+"/register", p.edges.api
	one := all + "/{client_id}"
	register, methods := http.Handler(api.Handle(p.register)), []string{"POST"}
	if p.Registration == RegistrationOpen { // nobody has an origin yet, and whoever asks may have an answer anyway
		register, methods = p.public(register), []string{"OPTIONS", "POST"}
		mux.HandleFunc("OPTIONS "+all, registerPreflight)
	}
	mux.Handle("POST "+all, register)
	mux.Handle("GET "+one, api.Handle(p.showRegistration))
	mux.Handle("PUT "+one, api.Handle(p.changeRegistration))
	mux.Handle("DELETE "+one, api.Handle(p.deleteRegistration))
	mux.Handle(all, api.Handle(web.Only(methods...)))
	mux.Handle(one, api.Handle(web.Only("DELETE", "GET", "HEAD", "PUT")))
}

func (p *Provider) micros() int64 { return p.now().UnixMicro() }

// lifetime is the client's own, in seconds, or else the server's.
func lifetime(own int64, fallback time.Duration) time.Duration {
	if own > 0 {
		return time.Duration(own) * time.Second
	}
	return fallback
}

// absolute is how long a grant lives at the most. What people allow an application that nobody has looked at ends by itself.
func (p *Provider) absolute(c storage.Client) time.Duration {
	life := lifetime(c.Settings.RefreshAbsolute, p.Lifetimes.RefreshAbsolute)
	if c.Unchecked() {
		life = min(life, uncheckedDays*24*time.Hour)
	}
	return life
}

func (p *Provider) grace(c storage.Client) time.Duration {
	if c.Settings.RefreshGrace != nil {
		return time.Duration(*c.Settings.RefreshGrace) * time.Second
	}
	return p.Lifetimes.RefreshGrace
}
