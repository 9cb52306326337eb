package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestForwardedAddressCountsOnlyFromTrustedProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}
	for name, test := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"a stranger's header means nothing":           {"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"},
		"a proxy's visitor":                           {"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"what the visitor wrote in front":             {"10.0.0.1:1", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":                                 {"127.0.0.1:1", []string{"1.2.3.4, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		"two headers":                                 {"10.0.0.1:1", []string{"1.2.3.4", "198.51.100.1"}, "198.51.100.1"},
		"no header":                                   {"10.0.0.1:1", nil, "10.0.0.1"},
		"nonsense stops the walk":                     {"10.0.0.1:1", []string{"198.51.100.1, evil"}, "10.0.0.1"},
		"with ports":                                  {"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6 in brackets":                            {"[fd00::1]:1", []string{"[2001:db8::7]:99"}, "2001:db8::7"},
		"IPv4 written as IPv6 is one address":         {"[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		"a proxy that writes an IPv4 address as IPv6": {"10.0.0.1:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.peer
		r.Header["X-Forwarded-For"] = test.forwarded
		var got string
		Identify(trusted, slog.New(slog.DiscardHandler), func(*http.Request) bool { return false }, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = VisitorOf(r.Context()).IP.String()
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestNetworkIsTheUnitOfBudgets(t *testing.T) {
	for ip, want := range map[string]string{"203.0.113.9": "203.0.113.9", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "127.0.0.1": "127.0.0.1"} {
		if got := (Visitor{IP: netip.MustParseAddr(ip)}).Network(); got != want {
			t.Errorf("%s: got %s, want %s", ip, got, want)
		}
	}
}

func TestErrorsTellOutsidersOnlyWhatTheyMayKnow(t *testing.T) {
	shown := map[string]*Error{}
	edge := Edge{Log: slog.New(slog.DiscardHandler),
		Translate: func(err error) *Error {
			if errors.Is(err, io.EOF) {
				return &Error{Status: 503, Code: "later", RetryAfter: 1100 * time.Millisecond, Err: err}
			}
			return nil
		},
		Show: func(w http.ResponseWriter, r *http.Request, e *Error) {
			shown[r.URL.Path] = e
			w.WriteHeader(e.Status)
		}}
	for path, h := range map[string]Handler{
		"/known":      func(http.ResponseWriter, *http.Request) error { return &Error{Status: 404, Code: "gone"} },
		"/translated": func(http.ResponseWriter, *http.Request) error { return io.EOF },
		"/unknown":    func(http.ResponseWriter, *http.Request) error { return errors.New("password is hunter2") },
		"/panic":      func(http.ResponseWriter, *http.Request) error { panic("boom") },
	} {
		rec := httptest.NewRecorder()
		edge.Handle(h).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if path == "/translated" && rec.Header().Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q, want 2: whole seconds, never too early", rec.Header().Get("Retry-After"))
		}
	}
	for path, want := range map[string]int{"/known": 404, "/translated": 503, "/unknown": 500, "/panic": 500} {
		if e := shown[path]; e == nil || e.Status != want || e.Message != "" {
			t.Errorf("%s: got %+v, want status %d and no message", path, e, want)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	rec := httptest.NewRecorder()
	edge.Handle(func(_ http.ResponseWriter, r *http.Request) error { return r.Context().Err() }).ServeHTTP(rec, httptest.NewRequest("GET", "/left", nil).WithContext(gone))
	if shown["/left"] != nil {
		t.Error("an error was shown to a visitor who has gone")
	}
}

func TestFormsHaveLimits(t *testing.T) {
	post := func(kind, body string) (url.Values, error) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return PostForm(httptest.NewRecorder(), r)
	}
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		kind, body string
		status     int
	}{
		"fine":                {form, "a=1&b=2", 0},
		"with a charset":      {form + "; charset=utf-8", "a=1", 0},
		"empty":               {form, "", 0},
		"json":                {"application/json", "{}", 415},
		"no kind":             {"", "a=1", 415},
		"multipart":           {"multipart/form-data; boundary=x", "", 415},
		"64 KiB and one":      {form, "a=" + strings.Repeat("x", maxBody-1), 413},
		"too many parameters": {form, strings.Repeat("a=1&", 201), 400},
		"bad escape":          {form, "a=%zz", 400},
		"bad UTF-8":           {form, "a=%ff", 400},
		"NUL":                 {form, "a=x%00y", 400},
		"NUL in a name":       {form, "a%00=x", 400},
		"semicolon":           {form, "a=1;b=2", 400},
	} {
		_, err := post(test.kind, test.body)
		var known *Error
		if got := errors.As(err, &known); got != (test.status > 0) || got && known.Status != test.status {
			t.Errorf("%s: got %v, want %d", name, err, test.status)
		}
	}
}

func TestOnceFindsRepeatedParameters(t *testing.T) {
	v := url.Values{"a": {"1"}, "resource": {"1", "2"}}
	if Once(v, "resource") != nil || Once(v) == nil || Once(url.Values{"a": {"1", "1"}}) == nil {
		t.Error("a repeated parameter was not found, or one that may repeat was")
	}
}

func TestCookiesAreBoundToThisServer(t *testing.T) {
	for public, want := range map[string]string{
		"https://id.example":      "__Host-gl_session=v; Path=/; HttpOnly; Secure; SameSite=Lax",
		"https://id.example:8443": "__Host-gl_session_8443=v; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://localhost:4283":   "gl_session_4283=v; Path=/; HttpOnly; SameSite=Lax",
	} {
		u, err := url.Parse(public)
		if err != nil {
			t.Fatal(err)
		}
		c, rec := NewCookies(u), httptest.NewRecorder()
		c.Set(rec, "session", "v", 0)
		if got := rec.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s: got %s, want %s", public, got, want)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(rec.Result().Cookies()[0])
		if c.Get(r, "session") != "v" || c.Get(r, "browser") != "" {
			t.Errorf("%s: the cookie does not come back as it was set", public)
		}
	}
}
