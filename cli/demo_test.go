package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// terminal is what a program has written so far.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

// String is what has been written.
func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// browser is a person's browser: it keeps cookies and follows redirects.
type browser struct {
	t      *testing.T
	client http.Client
	at     *url.URL
	page   string
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

func (b *browser) open(address string) { b.t.Helper(); b.read(b.client.Get(address)) }

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// submit fills in the first form whose action ends so, and sends it.
func (b *browser) submit(action string, fields url.Values) {
	b.t.Helper()
	for _, form := range formAction.FindAllStringSubmatchIndex(b.page, -1) {
		to, err := b.at.Parse(html.UnescapeString(b.page[form[2]:form[3]]))
		if err != nil {
			b.t.Fatal(err)
		}
		if !strings.HasSuffix(to.Path, action) {
			continue
		}
		inside, _, _ := strings.Cut(b.page[form[0]:], "</form>")
		if fields == nil {
			fields = url.Values{}
		}
		for _, field := range hidden.FindAllStringSubmatch(inside, -1) {
			fields.Set(field[1], html.UnescapeString(field[2]))
		}
		b.read(b.client.PostForm(to.String(), fields))
		return
	}
	b.t.Fatalf("%s has no form that goes to %s:\n%s", b.at, action, b.page)
}

func (b *browser) read(res *http.Response, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s answered %s:\n%s", res.Request.URL, res.Status, page)
	}
	b.at, b.page = res.Request.URL, string(page)
}

// run runs the program to its end and returns what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Run(t.Context(), Program{Args: args, Stdout: &out, Stderr: &errs}); code != 0 {
		t.Fatalf("gatelatch %s: exit code %d\n%s", strings.Join(args, " "), code, &errs)
	}
	return out.String()
}

func TestDemoSignsInToBothApplicationsWithOneCodeAndOutAgain(t *testing.T) {
	data := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var out, errs terminal
	ended := make(chan int)
	go func() {
		ended <- Run(ctx, Program{Args: []string{"demo", "--data", data}, Stdout: &out, Stderr: &errs})
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the demo ended with %d:\n%s", code, errs.String())
		}
		if _, err := os.Stat(data + "/gatelatch.sock"); err == nil {
			t.Error("the socket is still there")
		}
	})
	addresses := regexp.MustCompile(`(?s)Bookstore +(http://localhost:\d+) .*The inbox +(http://localhost:\d+/inbox) .*Reading list +(http://localhost:\d+) .*Ctrl-C`)
	var found []string
	for deadline := time.Now().Add(20 * time.Second); found == nil; time.Sleep(10 * time.Millisecond) {
		if found = addresses.FindStringSubmatch(out.String()); found == nil && time.Now().After(deadline) {
			t.Fatalf("the demo did not say where it is:\n%s%s", out.String(), errs.String())
		}
	}
	bookstore, inbox, readingList := found[1], found[2], found[3]

	b := newBrowser(t)
	b.open(bookstore)
	b.submit("/sign-in", nil)
	b.submit("/email", url.Values{"email": {"ann@example.com"}})
	code := strings.TrimSpace(run(t, "inbox", "--code", "ann@example.com", "--wait", "20s", "--data", data))
	if !regexp.MustCompile(`^\d{6}$`).MatchString(code) {
		t.Fatalf("the inbox has %q for a code", code)
	}
	var mail struct {
		To, Code string
		Live     bool
	}
	if err := json.Unmarshal([]byte(run(t, "inbox", "--json", "--data", data)), &mail); err != nil || mail.To != "ann@example.com" || mail.Code != code || !mail.Live {
		t.Errorf("inbox --json gave %+v, %v", mail, err)
	}
	newBrowserAt := newBrowser(t)
	newBrowserAt.open(inbox)
	if !strings.Contains(newBrowserAt.page, "ann@example.com") {
		t.Errorf("the inbox page does not show the mail:\n%s", newBrowserAt.page)
	}
	b.submit("/code", url.Values{"code": {code}})
	if b.at.String() != bookstore+"/" || !strings.Contains(b.page, "<dt>email</dt><dd>ann@example.com</dd>") {
		t.Fatalf("after the code the browser is at %s:\n%s", b.at, b.page)
	}
	if again := run(t, "inbox", "--code", "ann@example.com", "--data", data); again != "" {
		t.Errorf("a spent code is still offered: %q", again)
	}

	b.open(readingList)
	b.submit("/sign-in", nil)
	if b.at.String() != readingList+"/" || !strings.Contains(b.page, "ann@example.com") {
		t.Errorf("the second application did not sign in silently: %s\n%s", b.at, b.page)
	}

	b.open(bookstore)
	b.submit("/sign-out", nil)
	if b.at.String() != bookstore+"/" || strings.Contains(b.page, "ann@example.com") {
		t.Errorf("after signing out the browser is at %s:\n%s", b.at, b.page)
	}
	b.submit("/sign-in", nil)
	if !strings.Contains(b.at.Path, "/sign-in") {
		t.Errorf("after signing out the next sign-in asked nothing: %s", b.at)
	}
}

func TestDemoApplicationTakesNoAnswerItDidNotAskFor(t *testing.T) {
	text := newDemoApp("Bookstore", "http://localhost:4284", "http://localhost:1/oidc", "id", "secret", nil)
	text.party = &party{}
	for name, cookie := range map[string]string{
		"no cookie": "", "not ours": "x", "other state": url.QueryEscape(`{"State":"a","Nonce":"n","Verifier":"v"}`), "empty state": url.QueryEscape(`{}`),
	} {
		r, err := http.NewRequest("GET", "http://localhost:4284/callback?code=c&state=", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: text.cookieName("attempt"), Value: cookie})
		w := &answer{header: http.Header{}}
		text.routes().ServeHTTP(w, r)
		if w.status != http.StatusBadGateway || !strings.Contains(w.body.String(), "not begun in this browser") || len(text.sessions) != 0 {
			t.Errorf("%s: %d %s", name, w.status, &w.body)
		}
	}
}
