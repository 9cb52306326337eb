package signin_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/signin"
	"gatelatch/server/web"
	"gatelatch/storage"
)

const publicURL = "http://localhost:4283"

// house is a server with the sign-in pages, one application, and a mailbox for everybody. Tests in houses of their own run in parallel.
type house struct {
	t       *testing.T
	store   *storage.Store
	engine  *authn.Engine
	keys    *secret.Keys
	cookies web.Cookies
	handler http.Handler
	mails   *email.Inbox
	clock   *clock
	log     *logbook
	counts  *counter
}

// options is how a house differs from others.
type options struct {
	engine  authn.Config
	door    signin.Config
	trusted []netip.Prefix
	silent  bool // no mail leaves
}

type setting func(*options)

func budgets(b authn.Budgets) setting { return func(o *options) { o.engine.Budgets = b } }

func signUp(how string) setting { return func(o *options) { o.engine.Experience.SignUp = how } }

func identifiers(which string) setting {
	return func(o *options) { o.engine.Experience.Identifiers = which }
}

func behindProxy(o *options) { o.trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }

func silent(o *options) { o.silent = true }

func newHouse(t *testing.T, settings ...setting) *house {
	t.Helper()
	t.Parallel()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}, mails: email.NewInbox(), log: &logbook{}, counts: &counter{}}
	var err error
	if h.store, err = storage.Open(t.Context(), storage.Options{Dir: t.TempDir(), Trace: h.counts.count}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if h.keys, err = secret.NewKeys(1, map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))}); err != nil {
		t.Fatal(err)
	}
	public, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	o := options{engine: authn.Config{PublicURL: publicURL, Experience: authn.Experience{SignUp: "open"}, Language: "en", CodeInSubject: true}, door: signin.Config{PublicURL: public, Language: "en"}}
	for _, set := range settings {
		set(&o)
	}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	h.cookies = web.NewCookies(public)
	h.engine = h.newEngine(o, log)
	door := signin.New(o.door, signin.Deps{Engine: h.engine, Cookies: h.cookies, Now: h.clock.Now, Log: log,
		Client: func(ctx context.Context, id string) (storage.Client, error) { return h.store.View(ctx).Client(id) }})
	mux := http.NewServeMux()
	door.Routes(mux)
	mux.HandleFunc("GET /app", h.app)
	mux.HandleFunc("GET /app/resume", h.resume)
	h.handler = web.Identify(o.trusted, log, func(*http.Request) bool { return false }, http.NewCrossOriginProtection().Handler(mux))
	now := h.clock.Now().UnixMicro()
	h.write(func(tx storage.Tx) error {
		return tx.InsertClient(storage.Client{ID: "bookstore", Nonce: secret.Random(16), Name: "Bookstore", Type: "web", Framework: "generic", Source: "api",
			Settings: storage.ClientSettings{HomeURL: "https://shop.example.com/"}, Created: now, Updated: now})
	})
	return h
}

// newEngine makes an engine on the house's store and lets its mail leave until the test ends.
func (h *house) newEngine(o options, log *slog.Logger) *authn.Engine {
	e := authn.New(o.engine, authn.Deps{Store: h.store, Keys: h.keys, Mail: h.mails, Now: h.clock.Now, Log: log})
	if o.silent {
		return e
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Deliver(ctx); err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(func() { stop(); running.Wait() })
	return e
}

func (h *house) write(f func(storage.Tx) error) {
	h.t.Helper()
	if err := h.store.Write(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) view() storage.Tx { return h.store.View(h.t.Context()) }

func (h *house) visitor(r *http.Request) authn.Visitor {
	v := web.VisitorOf(r.Context())
	return authn.Visitor{IP: v.IP, Network: v.Network(), Agent: v.Agent, Browser: h.cookies.Get(r, "browser")}
}

// app is what the OpenID Connect door does, without OAuth: it asks for a sign-in and goes on afterwards.
func (h *house) app(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d := authn.Demands{Prompt: strings.Fields(q.Get("prompt")), LoginHint: q.Get("login_hint"), UILocales: q.Get("ui_locales"), Screen: q.Get("first_screen"), RequestedAt: h.clock.Now().UnixMicro()}
	if age, err := strconv.ParseInt(q.Get("max_age"), 10, 64); err == nil {
		d.MaxAge = &age
	}
	live, err := h.engine.Session(r.Context(), h.cookies.Get(r, "session"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if authn.Next(nil, d, live, storage.Client{}, d.RequestedAt) == authn.StepDone {
		h.welcome(w, live)
		return
	}
	v := h.visitor(r)
	if v.Browser == "" {
		v.Browser = authn.NewBrowser()
		h.cookies.Set(w, "browser", v.Browser, time.Hour)
	}
	f, err := h.engine.Begin(r.Context(), v, authn.Start{ClientID: "bookstore", ReturnTo: "/app/resume", Demands: d})
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	http.Redirect(w, r, "/sign-in?flow="+f.ID.String(), http.StatusSeeOther)
}

func (h *house) resume(w http.ResponseWriter, r *http.Request) {
	f, d, err := h.engine.Flow(r.Context(), r.URL.Query().Get("flow"), h.cookies.Get(r, "browser"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusGone)
		return
	}
	live, err := h.engine.Session(r.Context(), h.cookies.Get(r, "session"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if live == nil || f.Finished == 0 || f.SessionID != live.Session.ID || authn.Next(&f, d, live, storage.Client{}, h.clock.Now().UnixMicro()) != authn.StepDone {
		http.Redirect(w, r, "/sign-in?flow="+f.ID.String(), http.StatusSeeOther)
		return
	}
	h.welcome(w, live)
}

func (h *house) welcome(w http.ResponseWriter, live *authn.Live) {
	fmt.Fprintf(w, "welcome %s in %s", live.User.ID, live.Session.ID)
}

// person is a browser and the mailboxes its owner can read.
type person struct {
	*house
	client *http.Client
	jar    *jar
	remote string            // where the requests come from
	header map[string]string // sent along
	page   *page             // what is on the screen
}

// page is an answer.
type page struct {
	status int
	path   string // with query
	header http.Header
	body   string
	forms  []pageForm
}

type pageForm struct {
	action string
	fields url.Values
	named  map[string]bool // fields a person can fill in
}

func (h *house) person() *person {
	h.t.Helper()
	p := &person{house: h, remote: "192.0.2.1:5000", header: map[string]string{}}
	p.useJar(newJar(h.t))
	return p
}

// jar is a cookie jar that can be copied.
type jar struct {
	http.CookieJar
	url *url.URL
}

func newJar(t *testing.T) *jar {
	t.Helper()
	j, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	return &jar{j, u}
}

func (p *person) useJar(j *jar) {
	p.jar = j
	p.client = &http.Client{Jar: j, Transport: direct{p}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// twin is a browser with the same cookies and the same page on its screen.
func (p *person) twin() *person {
	q := *p
	j := newJar(p.t)
	j.SetCookies(j.url, p.jar.Cookies(j.url))
	q.useJar(j)
	return &q
}

// cookie is the value of a cookie, "" if there is none.
func (p *person) cookie(name string) string {
	r := httptest.NewRequest("GET", publicURL, nil)
	for _, c := range p.jar.Cookies(p.jar.url) {
		r.AddCookie(c)
	}
	return p.cookies.Get(r, name)
}

// direct serves a request without a network.
type direct struct{ p *person }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), d.p.remote
	for name, value := range d.p.header {
		r.Header.Set(name, value)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.p.handler.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// visit opens a page and follows redirects.
func (p *person) visit(path string) *page { p.t.Helper(); return p.do("GET", path, nil) }

// do sends a request and follows redirects, each of which must be a 303.
func (p *person) do(method, path string, form url.Values) *page {
	p.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, publicURL+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for range 10 {
		got := p.send(r)
		to := got.header.Get("Location")
		if to == "" {
			p.page = got
			return got
		}
		if got.status != http.StatusSeeOther || !strings.HasPrefix(to, "/") {
			p.t.Fatalf("%s %s: redirect %d to %q", method, path, got.status, to)
		}
		if r, err = http.NewRequestWithContext(p.t.Context(), "GET", publicURL+to, nil); err != nil {
			p.t.Fatal(err)
		}
	}
	p.t.Fatalf("%s %s: redirected without end", method, path)
	return nil
}

// send sends one request.
func (p *person) send(r *http.Request) *page {
	p.t.Helper()
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode >= 500 {
		p.t.Errorf("%s %s: %d\n%s", r.Method, r.URL, res.StatusCode, p.log.text())
	}
	text := strings.ReplaceAll(string(body), "\u00a0", " ") // sentences have spaces that do not break
	return &page{status: res.StatusCode, path: r.URL.RequestURI(), header: res.Header, body: text, forms: readForms(p.t, text)}
}

// submit fills in the form of the page that goes to action and sends it.
func (p *person) submit(action string, pairs ...string) *page {
	p.t.Helper()
	return p.do("POST", action, p.fill(action, pairs...))
}

// fill is what submit would send.
func (p *person) fill(action string, pairs ...string) url.Values {
	p.t.Helper()
	for _, f := range p.page.forms {
		if f.action != action {
			continue
		}
		values := url.Values{}
		for name, v := range f.fields {
			values[name] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			if !f.named[pairs[i]] {
				p.t.Fatalf("the form %s on %s has no field %q", action, p.page.path, pairs[i])
			}
			values.Set(pairs[i], pairs[i+1])
		}
		return values
	}
	p.t.Fatalf("%s (%d) has no form %s:\n%s", p.page.path, p.page.status, action, p.page.body)
	return nil
}

// says checks what is on the screen.
func (p *person) says(status int, text string) {
	p.t.Helper()
	if p.page.status != status || !strings.Contains(p.page.body, text) {
		p.t.Fatalf("%s: got %d, want %d with %q:\n%s", p.page.path, p.page.status, status, text, p.page.body)
	}
}

// arrived checks that the app welcomed the person, and returns who and in which session.
func (p *person) arrived() (user, session string) {
	p.t.Helper()
	if _, err := fmt.Sscanf(p.page.body, "welcome %s in %s", &user, &session); err != nil || p.page.status != 200 {
		p.t.Fatalf("%s: got %d, want the app's welcome:\n%s", p.page.path, p.page.status, p.page.body)
	}
	return user, session
}

// stranger checks that nobody is signed in in this browser.
func (p *person) stranger() {
	p.t.Helper()
	live, err := p.engine.Session(p.t.Context(), p.cookie("session"))
	if err != nil || live != nil {
		p.t.Fatalf("got %+v, %v, want nobody signed in", live, err)
	}
}

// mail is the next mail to an address.
func (h *house) mail(address string) email.Message {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	m, err := h.mails.Wait(ctx, address)
	if err != nil {
		h.t.Fatalf("%v\n%s", err, h.log.text())
	}
	return m
}

// begin opens the app, types the address and returns the mail.
func (p *person) begin(address string) email.Message {
	p.t.Helper()
	p.visit("/app")
	p.submit("/sign-in/email", "email", address)
	p.says(200, "Check your e-mail")
	return p.mail(strings.ToLower(address))
}

// signIn walks all the way.
func (p *person) signIn(address string) (user, session string) {
	p.t.Helper()
	m := p.begin(address)
	p.submit("/sign-in/code", "code", m.Code)
	return p.arrived()
}

// flow is the id of the flow of the page.
func (p *person) flow() string {
	p.t.Helper()
	for _, f := range p.page.forms {
		if id := f.fields.Get("flow"); id != "" {
			return id
		}
	}
	p.t.Fatalf("%s is not about a flow", p.page.path)
	return ""
}

// not is another code than that.
func not(code string) string {
	n, _ := strconv.Atoi(code)
	return fmt.Sprintf("%06d", (n+1)%1_000_000)
}

func readForms(t *testing.T, body string) []pageForm {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var forms []pageForm
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := pageForm{action: attr(n, "action"), fields: url.Values{}, named: map[string]bool{}}
		for in := range n.Descendants() {
			if in.Type != html.ElementNode || in.Data != "input" && in.Data != "select" {
				continue
			}
			name := attr(in, "name")
			if in.Data == "select" {
				f.named[name] = true
				continue
			}
			switch attr(in, "type") {
			case "hidden":
				f.fields.Set(name, attr(in, "value"))
			case "checkbox", "radio":
				f.named[name] = true
			default:
				f.named[name] = true
				f.fields.Set(name, attr(in, "value"))
			}
		}
		forms = append(forms, f)
	}
	return forms
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
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

// counter lists the statements that were run.
type counter struct {
	mu   sync.Mutex
	list []string
}

func (c *counter) count(query string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, strings.Join(strings.Fields(query), " "))
}

// take returns the statements since the last call.
func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.list
	c.list = nil
	return got
}
