package cli

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatelatch/server/secret"
)

// demoApp is an application as somebody would write it with coreos/go-oidc and golang.org/x/oauth2: authorization code
// with PKCE, state and nonce, its own session, and sign-out that ends the session at Gatelatch, too. It knows nothing of
// the server but its issuer.
type demoApp struct {
	name, base      string
	other, otherURL string // the second application, for a link
	issuer          string
	id, secret      string
	listeners       []net.Listener

	mu       sync.Mutex
	party    *party
	sessions map[string]demoSession
}

// party is what discovery has told.
type party struct {
	oauth2     oauth2.Config
	verifier   *oidc.IDTokenVerifier
	endSession string
}

// demoSession is what the application remembers of a person.
type demoSession struct {
	idToken string
	claims  map[string]any
}

// demoAttempt is a sign-in on its way. It rests in a cookie, so that only the browser that began can finish.
type demoAttempt struct{ State, Nonce, Verifier string }

func newDemoApp(name, base, issuer, id, text string, listeners []net.Listener) *demoApp {
	return &demoApp{name: name, base: base, issuer: issuer, id: id, secret: text, listeners: listeners, sessions: map[string]demoSession{}}
}

func (a *demoApp) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.fallible(a.signIn))
	mux.HandleFunc("GET /callback", a.fallible(a.callback))
	mux.HandleFunc("POST /sign-out", a.fallible(a.signOut))
	return http.NewCrossOriginProtection().Handler(mux)
}

// fallible shows an error as a page.
func (a *demoApp) fallible(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.page(w, http.StatusBadGateway, demoPage{Problem: err.Error()})
		}
	}
}

// discover asks the issuer where everything is, once it has succeeded.
func (a *demoApp) discover(ctx context.Context) (*party, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.party != nil {
		return a.party, nil
	}
	// The provider keeps its context to fetch keys with later, so it must not be the request's.
	provider, err := oidc.NewProvider(context.WithoutCancel(ctx), a.issuer)
	if err != nil {
		return nil, fmt.Errorf("find the sign-in: %w", err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("read discovery: %w", err)
	}
	a.party = &party{
		oauth2: oauth2.Config{
			ClientID: a.id, ClientSecret: a.secret, Endpoint: provider.Endpoint(), RedirectURL: a.base + "/callback",
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		verifier:   provider.Verifier(&oidc.Config{ClientID: a.id}),
		endSession: more.EndSession,
	}
	return a.party, nil
}

func (a *demoApp) home(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	page := demoPage{SignedIn: ok}
	for _, name := range []string{"sub", "name", "preferred_username", "email", "email_verified"} {
		if v, has := s.claims[name]; has {
			page.Claims = append(page.Claims, demoClaim{name, fmt.Sprint(v)})
		}
	}
	a.page(w, http.StatusOK, page)
}

func (a *demoApp) signIn(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	attempt := demoAttempt{secret.Token(16), secret.Token(16), oauth2.GenerateVerifier()}
	kept, err := json.Marshal(attempt)
	if err != nil {
		return fmt.Errorf("keep the attempt: %w", err)
	}
	a.setCookie(w, "attempt", url.QueryEscape(string(kept)))
	http.Redirect(w, r, p.oauth2.AuthCodeURL(attempt.State, oidc.Nonce(attempt.Nonce), oauth2.S256ChallengeOption(attempt.Verifier)), http.StatusSeeOther)
	return nil
}

func (a *demoApp) callback(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	var attempt demoAttempt
	kept, _ := url.QueryUnescape(a.cookie(r, "attempt"))
	if json.Unmarshal([]byte(kept), &attempt) != nil || attempt.State == "" || r.FormValue("state") != attempt.State {
		return fmt.Errorf("this sign-in was not begun in this browser. Go back to %s and press Sign in", a.base)
	}
	a.setCookie(w, "attempt", "")
	if code := r.FormValue("error"); code != "" {
		return fmt.Errorf("the sign-in ended with %s: %s", code, r.FormValue("error_description"))
	}
	token, err := p.oauth2.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(attempt.Verifier))
	if err != nil {
		return fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := p.verifier.Verify(r.Context(), raw)
	if err != nil {
		return fmt.Errorf("check the ID token: %w", err)
	}
	if idToken.Nonce != attempt.Nonce {
		return fmt.Errorf("the ID token belongs to another sign-in")
	}
	s := demoSession{idToken: raw}
	if err := idToken.Claims(&s.claims); err != nil {
		return fmt.Errorf("read the ID token: %w", err)
	}
	id := secret.Token(16)
	a.mu.Lock()
	a.sessions[id] = s
	a.mu.Unlock()
	a.setCookie(w, "session", id)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// signOut ends the application's session and goes on to Gatelatch, which ends its own and sends the browser back.
func (a *demoApp) signOut(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	s, _ := a.session(r)
	a.mu.Lock()
	delete(a.sessions, a.cookie(r, "session"))
	a.mu.Unlock()
	a.setCookie(w, "session", "")
	end, err := url.Parse(p.endSession)
	if err != nil || p.endSession == "" {
		return fmt.Errorf("the server says no address for signing out")
	}
	end.RawQuery = url.Values{"client_id": {a.id}, "id_token_hint": {s.idToken}, "post_logout_redirect_uri": {a.base + "/"}}.Encode()
	http.Redirect(w, r, end.String(), http.StatusSeeOther)
	return nil
}

func (a *demoApp) session(r *http.Request) (demoSession, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[a.cookie(r, "session")]
	return s, ok
}

// cookieName carries the port: browsers share the cookies of localhost among all ports.
func (a *demoApp) cookieName(name string) string {
	return "demo_" + a.base[strings.LastIndexByte(a.base, ':')+1:] + "_" + name
}

func (a *demoApp) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(a.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie that ends with the browser; an empty value takes it away.
func (a *demoApp) setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: a.cookieName(name), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// demoPage is what the application's one page shows.
type demoPage struct {
	Name, Other, OtherURL string
	SignedIn              bool
	Claims                []demoClaim
	Problem               string
}

type demoClaim struct{ Name, Value string }

//go:embed demo_app.html
var demoHTML string

var demoTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("demo").Parse(demoHTML)) })

func (a *demoApp) page(w http.ResponseWriter, status int, page demoPage) {
	page.Name, page.Other, page.OtherURL = a.name, a.other, a.otherURL
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = demoTemplate().Execute(w, page) // the visitor may have gone: nothing to be done
}
