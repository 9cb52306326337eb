package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// party is an app in Go (go-oidc and x/oauth2, code and PKCE), whose pages need no JavaScript.
type party struct {
	t        *testing.T
	URL      string
	id       string
	insists  string // how strong every sign-in has to be (required_acr); "": it does not matter
	provider *oidc.Provider
	oauth    oauth2.Config
	context  context.Context // with the HTTP client that reaches the provider

	mu       sync.Mutex
	sessions map[string]*partySession // by cookie
}

// partySession is what the app knows of one browser.
type partySession struct {
	state, nonce, verifier string
	Claims                 map[string]any
	IDToken                string
	Token                  *oauth2.Token
}

// newParty starts the app; it meets its provider in connect.
func newParty(t *testing.T, id string) *party {
	t.Helper()
	r := &party{t: t, id: id, sessions: map[string]*partySession{}, context: context.Background()}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", r.home)
	routes.HandleFunc("GET /sign-in", r.signIn)
	routes.HandleFunc("GET /callback", r.callback)
	routes.HandleFunc("GET /sign-out", r.signOut)
	listening := httptest.NewServer(routes)
	t.Cleanup(listening.Close)
	r.URL = strings.Replace(listening.URL, "127.0.0.1", "localhost", 1)
	return r
}

// application is the app as its configuration declares it.
func (r *party) application() application {
	a := application{
		"client_id": r.id, "client_secret": secret(r.id), "client_name": strings.ToUpper(r.id[:1]) + r.id[1:],
		"redirect_uris": []string{r.URL + "/callback"}, "post_logout_redirect_uris": []string{r.URL + "/"},
	}
	if r.insists != "" {
		a["required_acr"] = r.insists
	}
	return a
}

// connect reads the discovery document of the provider.
func (r *party) connect(issuer string, client *http.Client) {
	r.t.Helper()
	r.context = oidc.ClientContext(r.context, client)
	provider, err := oidc.NewProvider(r.context, issuer)
	if err != nil {
		r.t.Fatal(err)
	}
	r.provider = provider
	r.oauth = oauth2.Config{
		ClientID: r.id, ClientSecret: secret(r.id), Endpoint: provider.Endpoint(), RedirectURL: r.URL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, "profile", "email"},
	}
}

// session finds the browser's session by its cookie, or starts one. Cookies know no ports, so each app has its own name.
func (r *party) session(w http.ResponseWriter, q *http.Request) *partySession {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := "app-" + r.id
	if cookie, err := q.Cookie(name); err == nil && r.sessions[cookie.Value] != nil {
		return r.sessions[cookie.Value]
	}
	id, s := oauth2.GenerateVerifier(), &partySession{}
	r.sessions[id] = s
	http.SetCookie(w, &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return s
}

var partyPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>App</title>
{{if .Claims}}<p id="hello">Hello {{.Claims.email}}</p><p id="subject">{{.Claims.sub}}</p><p id="acr">{{.Claims.acr}}</p>
<a id="out" href="/sign-out">Sign out</a> <a id="ask" href="/sign-out?ask">Sign out without proof</a>
{{else}}<a id="in" href="/sign-in">Sign in</a>{{end}}`))

func (r *party) home(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := partyPage.Execute(w, r.session(w, q)); err != nil {
		r.t.Error(err)
	}
}

// signIn sends the browser to the provider, with the parameters of its own query on top (prompt, max_age, login_hint).
func (r *party) signIn(w http.ResponseWriter, q *http.Request) {
	s := r.session(w, q)
	s.state, s.nonce, s.verifier = oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.verifier)}
	for key, values := range q.URL.Query() {
		options = append(options, oauth2.SetAuthURLParam(key, values[0]))
	}
	http.Redirect(w, q, r.oauth.AuthCodeURL(s.state, options...), http.StatusFound)
}

func (r *party) callback(w http.ResponseWriter, q *http.Request) {
	s := r.session(w, q)
	if err := r.accept(q.URL.Query(), s); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, q, "/", http.StatusFound)
}

// accept checks the provider's answer as OpenID Connect Core 3.1.2.7 and 3.1.3.7 demand, and keeps its tokens.
func (r *party) accept(answer url.Values, s *partySession) error {
	if answer.Get("error") != "" {
		return fmt.Errorf("the provider answers %s: %s", answer.Get("error"), answer.Get("error_description"))
	}
	if answer.Get("state") != s.state || s.state == "" {
		return fmt.Errorf("state is %q, want %q", answer.Get("state"), s.state)
	}
	token, err := r.oauth.Exchange(r.context, answer.Get("code"), oauth2.VerifierOption(s.verifier))
	if err != nil {
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := r.provider.Verifier(&oidc.Config{ClientID: r.id}).Verify(r.context, raw)
	if err != nil {
		return err
	}
	if verified.Nonce != s.nonce {
		return fmt.Errorf("nonce is %q, want %q", verified.Nonce, s.nonce)
	}
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		return err
	}
	s.Claims = map[string]any{}
	s.IDToken, s.Token, s.state = raw, token, ""
	return verified.Claims(&s.Claims)
}

// signOut ends the app's session and the provider's: with the ID token as proof, or (?ask) without.
func (r *party) signOut(w http.ResponseWriter, q *http.Request) {
	var metadata struct {
		End string `json:"end_session_endpoint"`
	}
	if err := r.provider.Claims(&metadata); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s := r.session(w, q)
	parameters := url.Values{"client_id": {r.id}, "post_logout_redirect_uri": {r.URL}, "state": {"bye"}}
	if !q.URL.Query().Has("ask") && s.IDToken != "" {
		parameters.Set("id_token_hint", s.IDToken)
	}
	*s = partySession{}
	http.Redirect(w, q, metadata.End+"?"+parameters.Encode(), http.StatusFound)
}

// of is the app's session of a person who has just come back to it.
func (r *party) of(p *person) *partySession {
	r.t.Helper()
	here, err := url.Parse(r.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cookie := range p.browser.Jar.Cookies(here) {
		if s := r.sessions[cookie.Value]; s != nil {
			return s
		}
	}
	r.t.Fatalf("%s has no session at %s", p.address, r.URL)
	return nil
}

// atHome says whether an address is the app's own page, with this query. An empty path is "/" (RFC 3986, 6.2.3).
func (r *party) atHome(here *url.URL, query string) bool {
	return here.Scheme+"://"+here.Host == r.URL && (here.Path == "" || here.Path == "/") && here.RawQuery == query
}

// refresh asks for new tokens with this refresh token.
func (r *party) refresh(token string) (*oauth2.Token, error) {
	return r.oauth.TokenSource(r.context, &oauth2.Token{RefreshToken: token}).Token()
}

// userinfo asks who an access token is for.
func (r *party) userinfo(token *oauth2.Token) (*oidc.UserInfo, error) {
	return r.provider.UserInfo(r.context, oauth2.StaticTokenSource(token))
}

// serveParties starts a server that knows these apps, and connects them.
func serveParties(t *testing.T, more settings, parties ...*party) *server {
	t.Helper()
	var declared []application
	for _, r := range parties {
		declared = append(declared, r.application())
	}
	all := settings{"clients": declared}
	for key, value := range more {
		all[key] = value
	}
	s := serve(t, all)
	for _, r := range parties {
		r.connect(s.Issuer, http.DefaultClient)
	}
	return s
}

func TestGoAppSignsInRefreshesAndSignsOut(t *testing.T) {
	notes, files := newParty(t, "notes"), newParty(t, "files")
	s := serveParties(t, nil, notes, files)
	p := s.person("ann@example.com")

	shown := p.signIn(notes.URL + "/sign-in")
	if !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("the app says %q, want a greeting", shown.text())
	}
	claims := notes.of(p).Claims
	if claims["aud"] != "notes" || claims["email_verified"] != true || claims["sub"] == "" {
		t.Errorf("claims are %v, want aud notes, email_verified true, a subject", claims)
	}

	first := notes.of(p).Token
	about, err := notes.userinfo(first)
	if err != nil || about.Subject != claims["sub"] || about.Email != p.address {
		t.Errorf("userinfo is %+v, %v; want the person of the ID token", about, err)
	}
	second, err := notes.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("a refresh gave a token that was there before")
	}

	if shown := p.open(files.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("the second app shows %s %q, want single sign-on", shown.URL, shown.text())
	}
	if files.of(p).Claims["sub"] != claims["sub"] {
		t.Errorf("the second app sees subject %v, want %v", files.of(p).Claims["sub"], claims["sub"])
	}

	if shown := p.open(notes.URL + "/sign-out"); !notes.atHome(shown.URL, "state=bye") || !shown.has("in") {
		t.Errorf("after sign-out the browser is at %s, want %s/?state=bye", shown.URL, notes.URL)
	}
	if shown := p.open(files.URL + "/sign-in"); !shown.has("identifier") {
		t.Errorf("after sign-out the second app gets to %s %q, want the sign-in page", shown.URL, shown.text())
	}
}

func TestSignOutWithoutProofAsksFirst(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")

	if shown := p.open(notes.URL + "/sign-out?ask"); !shown.has("logout-confirm") {
		t.Fatalf("sign-out without an ID token shows %s %q, want the question", shown.URL, shown.text())
	}
	if shown := p.press("logout-confirm"); !notes.atHome(shown.URL, "state=bye") {
		t.Errorf("after the question the browser is at %s, want the app with its state", shown.URL)
	}
	if shown := p.open(notes.URL + "/sign-in"); !shown.has("identifier") {
		t.Errorf("after sign-out the app gets to %s, want the sign-in page", shown.URL)
	}
}

func TestPromptLoginAsksSomebodyWhoIsSignedIn(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")
	before := notes.of(p).Claims

	shown := p.signIn(notes.URL + "/sign-in?prompt=login")
	if !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("after the second sign-in the app says %q", shown.text())
	}
	if after := notes.of(p).Claims; after["sub"] != before["sub"] {
		t.Errorf("subject is %v, want %v as before", after["sub"], before["sub"])
	}
	if shown := p.open(notes.URL + "/sign-in?prompt=none"); !strings.Contains(shown.text(), "Hello") {
		t.Errorf("prompt=none ends at %s %q, want a silent sign-in", shown.URL, shown.text())
	}
	stranger := s.person("ben@example.com")
	if shown := stranger.open(notes.URL + "/sign-in?prompt=none"); !strings.Contains(shown.Body, "login_required") {
		t.Errorf("prompt=none of a stranger ends at %s %q, want login_required", shown.URL, shown.Body)
	}
}

func TestACodeOfAnotherPersonSignsNobodyIn(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	ann, mallory := s.person("ann@example.com"), s.person("ann@example.com")

	mallory.open(notes.URL + "/sign-in")
	mallory.submit("email", mallory.address)
	first := s.code(mallory.address)
	ann.open(notes.URL + "/sign-in")
	ann.submit("email", ann.address)
	code := s.codeAfter(ann.address, first)
	if shown := mallory.submit("code", code); strings.Contains(shown.text(), "Hello") {
		t.Fatal("the code of one browser signed another one in")
	}
	if shown := ann.submit("code", code); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("its own browser gets %s %q, want a greeting", shown.URL, shown.text())
	}
}

func TestDiscoveryNamesOnlyAddressesOfThePublicURL(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/oidc/.well-known/openid-configuration", "/.well-known/openid-configuration/oidc", "/.well-known/oauth-authorization-server/oidc"} {
		request, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "elsewhere.example.com"
		request.Header.Set("X-Forwarded-Host", "elsewhere.example.com")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		err = json.NewDecoder(answer.Body).Decode(&document)
		answer.Body.Close()
		if err != nil || document["issuer"] != s.Issuer {
			t.Errorf("%s says issuer %v, %v; want %s", path, document["issuer"], err, s.Issuer)
		}
		for key, value := range document {
			if text, ok := value.(string); ok && strings.HasPrefix(text, "http") && !strings.HasPrefix(text, s.URL+"/") {
				t.Errorf("%s says %s %s, which is not under %s", path, key, text, s.URL)
			}
		}
	}
}

func TestDisabledPersonLosesSessionAndTokensAtOnce(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, nil, notes)
	p := s.person("ann@example.com")
	p.signIn(notes.URL + "/sign-in")
	token := notes.of(p).Token

	s.run("user", "disable", p.address)
	if _, err := notes.userinfo(token); err == nil {
		t.Error("the access token of a disabled person still answers at userinfo")
	}
	if _, err := notes.refresh(token.RefreshToken); err == nil {
		t.Error("the refresh token of a disabled person still gives tokens")
	}
	if shown := p.open(notes.URL + "/sign-in"); !shown.has("identifier") {
		t.Errorf("the session of a disabled person leads to %s %q, want the sign-in page", shown.URL, shown.text())
	}
}

func TestHTTPSSignsInWithHostCookies(t *testing.T) {
	trusted, port := newCertificate(t), freePort(t)
	notes := newParty(t, "notes")
	s := newServer(t, settings{
		"clients":    []application{notes.application()},
		"public_url": fmt.Sprintf("https://localhost:%d", port), "listen": fmt.Sprintf("localhost:%d", port),
		"tls": settings{"cert": trusted.Cert, "key": trusted.Key},
	})
	s.Port, s.client = port, trusted.client()
	s.start()
	notes.connect(s.Issuer, s.client)

	p := s.person("ann@example.com")
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Fatalf("over https sign-in ends at %s %q", shown.URL, shown.text())
	}
	home, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, cookie := range p.browser.Jar.Cookies(home) {
		if strings.HasPrefix(cookie.Name, "app-") {
			continue // the app's own, on the same host
		}
		sent++
		if !strings.HasPrefix(cookie.Name, "__Host-") {
			t.Errorf("over https the cookie %s has no __Host- in front", cookie.Name)
		}
	}
	if sent == 0 {
		t.Error("the browser holds no cookie of the server")
	}
}
