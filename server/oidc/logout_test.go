package oidc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatelatch/server/authn"
	"gatelatch/storage"
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
	// Registered without a slash, sent with one, and the other way round.
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

// "Sign out of all apps": nothing that was given is alive afterwards, and nothing that waits to be given comes to life.
func TestSigningOutEverywhereEndsEveryTokenAndWhatWaitsToBecomeOne(t *testing.T) {
	w := newChain(t)
	w.addClient("tv", "native", devices)
	u, cookie := w.person("Ann")
	ann := w.visitor(cookie)
	_, bobs := w.person("Bob")
	others := w.tokens(bobs, "web")
	ours := w.tokens(cookie, "web")
	api := w.exchange("shop", w.code(cookie, "shop", set("scope", allScopes), add("resource", orders, files)), set("resource", orders))
	exchanged := w.delegated("orders-api", api.text("access_token"))
	if exchanged.status != http.StatusOK {
		t.Fatalf("exchange: got %d %v", exchanged.status, exchanged.body)
	}
	waiting := w.code(cookie, "web")
	approved, user := w.asks("tv")
	ann.confirms(ann.opens(user), "allow")
	connected, user := w.asks("tv")
	ann.confirms(ann.opens(user), "allow")
	device := w.polls("tv", connected)
	if device.status != http.StatusOK {
		t.Fatalf("device: got %d %v", device.status, device.body)
	}
	asked, user := w.asks("tv")
	open := ann.opens(user)

	w.write(func(tx storage.Tx) error { return authn.EndAccess(tx, u.ID, w.now().UnixMicro()) })

	w.userinfo(ours.text("access_token")).want(t, 401, "invalid_token")
	w.userinfo(device.text("access_token")).want(t, 401, "invalid_token")
	w.introspect("shop", api.text("access_token")).nothing(t)
	w.introspect("orders-api", exchanged.text("access_token")).nothing(t)
	w.delegated("orders-api", api.text("access_token")).want(t, 400, "invalid_request")
	w.refresh("web", ours.text("refresh_token")).want(t, 400, "invalid_grant")
	w.refresh("shop", api.text("refresh_token")).want(t, 400, "invalid_grant")
	w.refresh("", device.text("refresh_token"), set("client_id", "tv")).want(t, 400, "invalid_grant")
	w.exchange("web", waiting).want(t, 400, "invalid_grant")
	w.polls("tv", approved).want(t, 400, "access_denied")
	if _, to := ann.confirms(open, "allow"); strings.Contains(to, "connected") {
		t.Errorf("a device was confirmed in a session that has ended: %s", to)
	}
	w.polls("tv", asked).want(t, 400, "authorization_pending")
	if got := w.authorize(request("web", set("prompt", "none")), cookie); got.Get("error") != "login_required" {
		t.Errorf("the browser is still signed in: %v", got)
	}
	if got := w.userinfo(others.text("access_token")); got.status != http.StatusOK {
		t.Errorf("somebody else's token: got %d, want it alive", got.status)
	}
	w.mustRefresh(others.text("refresh_token"))
}
