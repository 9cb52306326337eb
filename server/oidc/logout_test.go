package oidc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func (w *world) logout(v url.Values, cookies ...*http.Cookie) (status int, location, body string) {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", "/oidc/logout?"+v.Encode(), nil), cookies...)
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func (w *world) signedIn(cookie *http.Cookie) bool {
	w.t.Helper()
	return w.authorize(request("web", set("prompt", "none")), cookie).Get("code") != ""
}

func TestLogoutWithHintEndsTheSessionAndReturnsWithState(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	online := w.exchange("web", w.code(cookie, "web", set("scope", "openid")))
	offline := w.tokens(cookie, "web")
	// Registered without a slash, sent with one, and the other way round (PRODUCT.md T1-08).
	status, to, _ := w.logout(url.Values{"id_token_hint": {online.text("id_token")}, "post_logout_redirect_uri": {"https://app.example/"}, "state": {"s&1"}}, cookie)
	if status != 303 || to != "https://app.example/?state=s%261" {
		t.Fatalf("got %d %s", status, to)
	}
	if w.signedIn(cookie) {
		t.Fatal("still signed in")
	}
	w.userinfo(online.text("access_token")).want(t, 401, "invalid_token")
	if got := w.userinfo(offline.text("access_token")); got.status != 200 {
		t.Fatalf("a grant with offline_access ended too: %d", got.status)
	}
}

// Logto's SDKs send client_id and the address, no hint: the person is asked.
func TestLogoutWithoutHintAsksFirst(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	v := url.Values{"client_id": {"web"}, "post_logout_redirect_uri": {"https://app.example"}}
	status, to, body := w.logout(v, cookie)
	if status != 200 || to != "" || !strings.Contains(body, `id="logout-confirm"`) || !w.signedIn(cookie) {
		t.Fatalf("got %d to %q", status, to)
	}
	form := url.Values{}
	for _, m := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		form.Set(m[1], m[2])
	}
	confirm := func(form url.Values) *http.Response {
		r := httptest.NewRequest("POST", "/oidc/logout/confirm", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return w.do(r, cookie)
	}
	stale := url.Values{"client_id": {"web"}, "session": {"018f6b1c-0000-7000-8000-000000000000"}}
	if res := confirm(stale); res.StatusCode != 200 || !w.signedIn(cookie) {
		t.Fatalf("the answer to a question about another session: got %d", res.StatusCode)
	}
	if res := confirm(form); res.StatusCode != 303 || res.Header.Get("Location") != "https://app.example" {
		t.Fatalf("got %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if w.signedIn(cookie) {
		t.Fatal("still signed in")
	}
}

func TestLogoutNeverRedirectsToAnAddressThatIsNotRegistered(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	id := w.tokens(cookie, "web").text("id_token")
	parts := strings.Split(id, ".")
	for name, v := range map[string]url.Values{
		"other address":            {"id_token_hint": {id}, "post_logout_redirect_uri": {"https://evil.example/"}},
		"query added":              {"id_token_hint": {id}, "post_logout_redirect_uri": {"https://app.example/?x=1"}},
		"path added":               {"id_token_hint": {id}, "post_logout_redirect_uri": {"https://app.example//"}},
		"no client":                {"post_logout_redirect_uri": {"https://app.example"}},
		"unknown client":           {"client_id": {"nobody"}, "post_logout_redirect_uri": {"https://app.example"}},
		"hint of a stranger":       {"id_token_hint": {"eyJhbGciOiJub25lIn0." + parts[1] + "."}, "post_logout_redirect_uri": {"https://app.example"}},
		"hint altered":             {"id_token_hint": {parts[0] + "." + parts[1] + ".AAAA"}, "post_logout_redirect_uri": {"https://app.example"}},
		"client is not the hint's": {"id_token_hint": {id}, "client_id": {"other"}, "post_logout_redirect_uri": {"https://app.example"}},
		"twice":                    {"id_token_hint": {id}, "post_logout_redirect_uri": {"https://app.example", "https://evil.example"}},
	} {
		if status, to, body := w.logout(v, cookie); status != 400 || to != "" || strings.Contains(body, "evil.example") {
			t.Errorf("%s: got %d to %q", name, status, to)
		}
	}
	if !w.signedIn(cookie) {
		t.Fatal("a refused request signed somebody out")
	}
}

// oauth2-proxy calls from its server: no cookies, only the hint.
func TestHintWithoutCookiesEndsTheSessionItNames(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	if status, _, _ := w.logout(url.Values{"id_token_hint": {w.tokens(cookie, "web").text("id_token")}}); status != 200 {
		t.Fatalf("got %d", status)
	}
	if w.signedIn(cookie) {
		t.Fatal("still signed in")
	}
}

func TestAnothersHintAsks(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	_, bobs := w.person("Bob")
	status, _, body := w.logout(url.Values{"id_token_hint": {w.tokens(bobs, "web").text("id_token")}}, cookie)
	if status != 200 || !strings.Contains(body, `id="logout-confirm"`) || !w.signedIn(cookie) {
		t.Fatalf("got %d", status)
	}
}

func TestLogoutOfNobodySaysSignedOut(t *testing.T) {
	w := newWorld(t)
	if status, to, _ := w.logout(url.Values{}); status != 200 || to != "" {
		t.Fatalf("got %d to %q", status, to)
	}
	if status, to, _ := w.logout(url.Values{"client_id": {"web"}, "post_logout_redirect_uri": {"https://app.example/"}, "state": {"x"}}); status != 303 || to != "https://app.example/?state=x" {
		t.Fatalf("got %d to %q", status, to)
	}
}
