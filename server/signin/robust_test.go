package signin_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// odd values that have upset somebody's sign-in page before.
var odd = []string{"", "0", "-1", "a", "\u0000", "\xff\xfe", "%00", "%", "../../etc/passwd", "'; DROP TABLE users; --", "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}",
	"ann@example.com", "ann@example.com\r\nSet-Cookie: a=b", "\uff20", "٤٨٢٠١٩", strings.Repeat("a", 300), strings.Repeat("é", 5000), "01990000-0000-7000-8000-000000000000",
	"00000000-0000-0000-0000-000000000000", "//evil.example/", "https://evil.example/", "1e309", "NaN", "true", "[]", "null"}

func TestNoFormEverFailsWithA5xxOrLeadsAway(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	random := rand.New(rand.NewPCG(1, 2))
	flow, token := p.flow(), mustQuery(t, m.Link).Get("t")
	pick := func(good string) string {
		switch random.IntN(4) {
		case 0:
			return good
		case 1:
			b := []byte(good)
			b[random.IntN(len(b))] ^= byte(1 << random.IntN(8))
			return string(b)
		}
		return odd[random.IntN(len(odd))]
	}
	routes := []string{"GET /sign-in", "POST /sign-in/email", "GET /sign-in/code", "POST /sign-in/code", "POST /sign-in/resend", "POST /sign-in/restart",
		"POST /sign-in/continue", "GET /sign-in/link", "POST /sign-in/link", "GET /set-up", "POST /set-up", "POST /sign-out", "GET /signed-out"}
	for range 800 {
		method, path, _ := strings.Cut(routes[random.IntN(len(routes))], " ")
		in := url.Values{"flow": {pick(flow)}, "t": {pick(token)}, "email": {pick("ann@example.com")}, "code": {pick("123456")}, "device": {pick("1")},
			"name": {pick("Ann")}, "sign_up": {pick("open")}, "lang": {pick("de")}, "state": {pick("resent")}}
		encoded := in.Encode()
		if random.IntN(10) == 0 {
			encoded = odd[random.IntN(len(odd))] + "&" + encoded
		}
		var r *http.Request
		if method == "GET" {
			r = httptest.NewRequest(method, path, nil)
			r.URL.RawQuery = encoded
		} else {
			r = httptest.NewRequest(method, path, strings.NewReader(encoded))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range p.jar.Cookies(p.jar.url) {
			r.AddCookie(c)
		}
		r.Header.Set("Accept-Language", odd[random.IntN(len(odd))])
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("%s %s with %q: %d\n%s", method, path, encoded, w.Code, h.log.text())
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || w.Code != http.StatusSeeOther) {
			t.Fatalf("%s %s with %q: %d to %q", method, path, encoded, w.Code, to)
		}
		if strings.Contains(w.Body.String(), "<script>alert") {
			t.Fatalf("%s %s with %q: not escaped", method, path, encoded)
		}
	}
}

func TestStoreThatIsAwayIsA503WithRetryAfter(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	form := p.fill("/sign-in/code", "code", m.Code)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{httptest.NewRequest("POST", "/sign-in/code", strings.NewReader(form.Encode())), httptest.NewRequest("GET", "/sign-in", nil),
		httptest.NewRequest("GET", "/sign-in/code?flow="+form.Get("flow"), nil)} {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range p.jar.Cookies(p.jar.url) {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Back in a moment") {
			t.Errorf("%s %s: got %d, Retry-After %q", r.Method, r.URL, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	h := newHouse(t)
	for _, route := range []string{"PUT /sign-in", "DELETE /sign-in/code", "GET /sign-in/email", "TRACE /sign-in", "GET /sign-out"} {
		method, path, _ := strings.Cut(route, " ")
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d, want 405", route, w.Code)
		}
	}
}
