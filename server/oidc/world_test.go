package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/server/safehttp"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// world is the door over a real store, with a clock that can be moved.
type world struct {
	t       testing.TB
	p       *Provider
	store   *storage.Store
	mux     *http.ServeMux
	cookies web.Cookies
	log     *strings.Builder
	mu      sync.Mutex
	offset  time.Duration
	masters map[byte][secret.Size]byte
	dir     string
	trace   func(query string) // of the store, for tests that count
}

const (
	testVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	testSecret   = "a-secret-of-the-web-client-0123456789abcdef"
	callback     = "https://app.example/callback"
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "data"), masters: map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))}, log: &strings.Builder{}}
	w.start(1)
	t.Cleanup(func() { _ = w.store.Close() })
	w.addClient("web", "web", nil)
	return w
}

// start opens store and door anew: a restart of the server. active is the master key that new tokens use.
func (w *world) start(active byte) {
	w.t.Helper()
	if w.store != nil {
		if err := w.store.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	ctx := context.Background()
	store, err := storage.Open(ctx, storage.Options{Dir: w.dir, Trace: w.trace})
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := secret.NewKeys(active, w.masters)
	if err != nil {
		w.t.Fatal(err)
	}
	public, _ := url.Parse("https://id.example")
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: w.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	engine := authn.New(authn.Config{PublicURL: public.String(), Experience: authn.Experience{SignUp: "open"}}, authn.Deps{Store: store, Keys: keys, Mail: email.NewInbox(), Now: w.now, Log: log})
	w.store, w.cookies = store, web.NewCookies(public)
	lifetimes := DefaultLifetimes
	w.p, err = New(ctx, Config{PublicURL: public, IssuerPath: "/oidc", Lifetimes: lifetimes, Languages: []string{"en", "de"}}, Deps{Store: store, Secrets: keys, Engine: engine,
		Cookies: w.cookies, Outgoing: safehttp.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, w.now), Log: log, Now: w.now,
		Frame: func(*http.Request, string) views.Frame {
			return views.Frame{Words: words.For("en"), Host: "id.example"}
		},
		KeepLanguage: func(http.ResponseWriter, *http.Request) {},
		ShowError: func(rw http.ResponseWriter, r *http.Request, e *web.Error) {
			http.Error(rw, "page: "+e.Code, e.Status)
		}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mux = http.NewServeMux()
	w.p.Routes(w.mux)
}

type lockedWriter struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	w.offset += d
	w.mu.Unlock()
}

func (w *world) write(fn func(storage.Tx) error) {
	w.t.Helper()
	if err := w.store.Write(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// addClient registers an application with the usual addresses; change may alter it.
func (w *world) addClient(id, kind string, change func(*storage.Client)) {
	w.t.Helper()
	now := w.now().UnixMicro()
	c := storage.Client{ID: id, Nonce: secret.Random(16), Name: "App " + id, Type: kind, Source: "api", RedirectURIs: []string{callback},
		PostLogoutRedirectURIs: []string{"https://app.example"}, Created: now, Updated: now}
	if change != nil {
		change(&c)
	}
	w.write(func(tx storage.Tx) error {
		if err := tx.InsertClient(c); err != nil {
			return err
		}
		if c.Public() {
			return nil
		}
		return tx.InsertClientSecret(storage.ClientSecret{ID: storage.NewID(), ClientID: id, Digest: secret.Hash(testSecret), Hint: "cdef", Created: now})
	})
}

// person adds somebody and signs them in; the cookie is their browser's.
func (w *world) person(name string) (storage.User, *http.Cookie) {
	w.t.Helper()
	u := storage.User{ID: storage.NewID(), Status: "active", Role: "none", Attributes: []byte("{}"), Name: name, Username: strings.ToLower(name), Created: w.now().UnixMicro(), Updated: w.now().UnixMicro()}
	w.write(func(tx storage.Tx) error {
		if err := tx.InsertUser(u); err != nil {
			return err
		}
		return tx.InsertEmail(storage.Email{UserID: u.ID, Address: u.Username + "@example.com", Typed: name + "@example.com", Primary: true, VerifiedAt: u.Created, Created: u.Created})
	})
	cookie, _ := w.session(u)
	return u, cookie
}

func (w *world) session(u storage.User) (*http.Cookie, storage.Session) {
	w.t.Helper()
	token, now := secret.Token(32), w.now().UnixMicro()
	s := storage.Session{ID: storage.NewID(), Digest: secret.Hash(token), UserID: u.ID, AuthTime: now, AMR: "otp", ACR: "urn:gatelatch:1", Seen: now, Expires: now + (24 * time.Hour).Microseconds()}
	w.write(func(tx storage.Tx) error { return tx.InsertSession(s) })
	rec := httptest.NewRecorder()
	w.cookies.Set(rec, "session", token, 0)
	return rec.Result().Cookies()[0], s
}

func (w *world) do(r *http.Request, cookies ...*http.Cookie) *http.Response {
	w.t.Helper()
	for _, c := range cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec.Result()
}

// request is an authorization request as Auth.js and others send it; change may alter it.
func request(client string, change ...func(url.Values)) url.Values {
	v := url.Values{"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email offline_access"},
		"state": {"s t/ä"}, "nonce": {"n-0S6_WzA2Mj"}, "code_challenge": {challengeOf(testVerifier)}, "code_challenge_method": {"S256"}}
	for _, c := range change {
		c(v)
	}
	return v
}

func set(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
func without(names ...string) func(url.Values) {
	return func(v url.Values) {
		for _, n := range names {
			v.Del(n)
		}
	}
}

// authorize sends the request and returns the parameters of the redirect to the application.
func (w *world) authorize(v url.Values, cookies ...*http.Cookie) url.Values {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+v.Encode(), nil), cookies...)
	if res.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("authorize: got %d, want a redirect", res.StatusCode)
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	return to.Query()
}

func (w *world) code(cookie *http.Cookie, client string, change ...func(url.Values)) string {
	w.t.Helper()
	got := w.authorize(request(client, change...), cookie)
	if got.Get("code") == "" {
		w.t.Fatalf("authorize: no code but %v", got)
	}
	return got.Get("code")
}

// answer is what the token endpoint said.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// post sends a form with HTTP Basic for the client.
func (w *world) post(path, client string, form url.Values) answer {
	w.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, testSecret)
	}
	return w.answer(w.do(r))
}

func (w *world) answer(res *http.Response) answer {
	w.t.Helper()
	a := answer{status: res.StatusCode, header: res.Header, body: map[string]any{}}
	if res.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(res.Body).Decode(&a.body); err != nil {
			w.t.Fatal(err)
		}
	}
	return a
}

func (w *world) exchange(client, code string, change ...func(url.Values)) answer {
	w.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {testVerifier}}
	for _, c := range change {
		c(form)
	}
	return w.post("/oidc/token", client, form)
}

func (w *world) refresh(client, token string, change ...func(url.Values)) answer {
	w.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for _, c := range change {
		c(form)
	}
	return w.post("/oidc/token", client, form)
}

// tokens signs somebody in to a client and exchanges the code.
func (w *world) tokens(cookie *http.Cookie, client string) answer {
	w.t.Helper()
	a := w.exchange(client, w.code(cookie, client))
	if a.status != http.StatusOK {
		w.t.Fatalf("exchange: got %d %v", a.status, a.body)
	}
	return a
}

func (w *world) userinfo(token string) answer {
	w.t.Helper()
	r := httptest.NewRequest("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return w.answer(w.do(r))
}

func (a answer) want(t testing.TB, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Fatalf("got %d %v, want %d %s", a.status, a.body, status, code)
	}
}

// claims reads a JWS without checking it.
func claims(t testing.TB, token string) (header, payload map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWS: %q", token)
	}
	for i, into := range []*map[string]any{&header, &payload} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}
