package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/email"
	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Who uses the server in these tests.
const (
	appSecret   = "a-secret-of-the-bookstore-0123456789abcdef"
	appCallback = "https://shop.example/callback"
	appGoodbye  = "https://shop.example/bye"
)

// world is the whole server behind its real handler, over a real store, with a mailbox for everybody.
type world struct {
	t       testing.TB
	url     *url.URL
	store   *storage.Store
	handler http.Handler
	api     http.Handler
	server  *server.Server
	setUp   string // the link that makes the first admin
	mails   *email.Inbox
	log     *logbook
	dir     string       // of the database
	later   atomic.Int64 // nanoseconds by which the server's clock is ahead
	asked   statements   // of the store
	rest    func()       // ends what happens in the background: mail stays in the outbox
}

// statements are those that the store has run.
type statements struct {
	mu        sync.Mutex
	list      []string
	words     string // of the statement before which
	meanwhile func() // happens, once
}

func (s *statements) add(query string) {
	s.mu.Lock()
	s.list = append(s.list, query)
	do := s.meanwhile
	if do != nil && strings.Contains(query, s.words) {
		s.meanwhile = nil
	} else {
		do = nil
	}
	s.mu.Unlock()
	if do != nil {
		do()
	}
}

// before has something happen once, right before the next statement with those words. It must not be one that writes.
func (s *statements) before(words string, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.words, s.meanwhile = words, do
}

// take returns the statements since the last call.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }

// newWorld starts the server of a public address, with the web application "bookstore" and the public one "till".
func newWorld(t testing.TB, public string, change ...func(*server.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), mails: email.NewInbox(), log: &logbook{}}
	var err error
	if w.url, err = url.Parse(public); err != nil {
		t.Fatal(err)
	}
	if w.store, err = storage.Open(t.Context(), storage.Options{Dir: w.dir, Trace: w.asked.add}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() }) // some tests have closed it already
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))})
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{PublicURL: w.url, IssuerPath: "/oidc", Experience: authn.Experience{SignUp: "open"}, Language: "en", Mail: "smtp", CodeInSubject: true}
	for _, c := range change {
		c(&cfg)
	}
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	s, err := server.New(t.Context(), cfg, server.Deps{Store: w.store, Secrets: keys, Mail: w.mails, Log: log, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if w.setUp, err = s.SetUpLink(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.handler, w.api, w.server = s.Handler(), s.API(), s
	w.addApps()
	w.run(s)
	return w
}

// run lets mail leave until the test ends.
func (w *world) run(s *server.Server) {
	ctx, stop := context.WithCancel(context.Background())
	var jobs sync.WaitGroup
	jobs.Go(func() {
		if err := s.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	w.rest = func() { stop(); jobs.Wait() }
	w.t.Cleanup(w.rest)
}

func (w *world) addApps() {
	w.t.Helper()
	now := time.Now().UnixMicro()
	app := storage.Client{ID: "bookstore", Nonce: secret.Random(16), Name: "Bookstore", Type: "web", Source: "api", RedirectURIs: []string{appCallback},
		PostLogoutRedirectURIs: []string{appGoodbye}, Created: now, Updated: now}
	till := storage.Client{ID: "till", Nonce: secret.Random(16), Name: "Till", Type: "spa", Source: "api", RedirectURIs: []string{"https://till.example/callback"}, Created: now, Updated: now}
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		for _, c := range []storage.Client{app, till} {
			if err := tx.InsertClient(c); err != nil {
				return err
			}
		}
		return tx.InsertClientSecret(storage.ClientSecret{ID: storage.NewID(), ClientID: app.ID, Digest: secret.Hash(appSecret), Hint: "cdef", Created: now})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// wide takes the budgets out of the way.
func wide(c *server.Config) {
	const much = 1_000_000
	c.Budgets = authn.Budgets{WrongGuessesPerAddressHour: much, MailsPerAddressBurst: much, MailsPerAddressHour: much, NetworkMailsHour: much,
		NetworkGuessesHour: much, MailsHour: much, FlowsNetworkHour: much}
}

// request makes a request to a path of this server, as nobody's browser sends it: without cookies and Origin. A form is posted.
func (w *world) request(method, path string, form url.Values) *http.Request {
	w.t.Helper()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, w.url.String()+path, body)
	r.RemoteAddr = "192.0.2.1:5000"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// do answers a request.
func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// authorization is a right request of the bookstore; pairs change it.
func authorization(pairs ...string) url.Values {
	v := url.Values{"client_id": {"bookstore"}, "redirect_uri": {appCallback}, "response_type": {"code"}, "scope": {"openid profile email offline_access"},
		"state": {"some-state"}, "nonce": {"some-nonce"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// token sends a form to an endpoint of the issuer with the bookstore's secret.
func (w *world) asBookstore(path string, pairs ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := w.request("POST", "/oidc"+path, form)
	r.SetBasicAuth("bookstore", appSecret)
	return w.do(r)
}

// person is a browser, and the mailbox of its owner.
type person struct {
	*world
	jar    *cookiejar.Jar
	screen *httptest.ResponseRecorder // the last answer that was no redirect of ours
	at     string                     // its path
	left   string                     // the address outside that the server has sent the browser to
	given  []string                   // values of the session cookie that it was given
	before storage.ID                 // the session that it had when something began
}

func (w *world) person() *person {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &person{world: w, jar: jar}
}

// visit opens a path and follows where the server leads.
func (p *person) visit(path string) { p.t.Helper(); p.follow(p.request("GET", path, nil)) }

// post sends a form as a page of this server does, and follows.
func (p *person) post(path string, form url.Values) {
	p.t.Helper()
	r := p.request("POST", path, form)
	r.Header.Set("Origin", p.url.String())
	p.follow(r)
}

func (p *person) follow(r *http.Request) {
	p.t.Helper()
	p.left = ""
	for range 10 {
		rec := p.send(r)
		to := rec.Header().Get("Location")
		if to == "" {
			p.screen, p.at = rec, r.URL.RequestURI()
			return
		}
		if r.Method == "POST" && rec.Code != http.StatusSeeOther { // others have the browser post it all once more, to wherever that is
			p.t.Errorf("POST %s leads on with %d, want 303 (RFC 9700 section 4.12)", r.URL.Path, rec.Code)
		}
		if !strings.HasPrefix(to, "/") {
			p.left = to
			return
		}
		to, _, _ = strings.Cut(to, "#") // browsers keep that to themselves
		r = p.request("GET", to, nil)
	}
	p.t.Fatal("redirected without end")
}

// send sends one request with the browser's cookies, and keeps those it gets.
func (p *person) send(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range p.jar.Cookies(p.url) {
		r.AddCookie(c)
	}
	rec := p.do(r)
	p.jar.SetCookies(p.url, rec.Result().Cookies())
	p.given = append(p.given, sessionCookies(rec)...)
	return rec
}

// form is what the form on the screen that goes to action carries by itself.
func (p *person) form(action string) url.Values {
	p.t.Helper()
	for _, f := range formsOf(p.t, p.screen.Body.String()) {
		if f.action == action {
			return f.hidden
		}
	}
	p.t.Fatalf("%s (%d) has no form %s:\n%s", p.at, p.screen.Code, action, p.screen.Body)
	return nil
}

// submit fills in one field of the form on the screen that goes to action and sends it.
func (p *person) submit(action, field, value string) {
	p.t.Helper()
	form := p.form(action)
	form.Set(field, value)
	p.post(action, form)
}

// signIn comes from the bookstore, signs in with a mailed code and returns the authorization code the bookstore gets.
func (p *person) signIn(address string) (code string, mail email.Message) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.submit("/sign-in/email", "email", address)
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	mail, err := p.mails.Wait(ctx, address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.submit("/sign-in/code", "code", mail.Code)
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back to the bookstore is %q", p.left)
	}
	return back.Query().Get("code"), mail
}

type form struct {
	action string
	hidden url.Values
}

func formsOf(t testing.TB, body string) []form {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var forms []form
	for n := range doc.Descendants() {
		if n.Data != "form" {
			continue
		}
		f := form{action: attribute(n, "action"), hidden: url.Values{}}
		for in := range n.Descendants() {
			if in.Data == "input" && attribute(in, "type") == "hidden" {
				f.hidden.Set(attribute(in, "name"), attribute(in, "value"))
			}
		}
		forms = append(forms, f)
	}
	return forms
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// logbook keeps what was logged.
type logbook struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
