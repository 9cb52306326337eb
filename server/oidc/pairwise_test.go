package oidc

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func (w *world) addPairwise(id, sector string) {
	w.t.Helper()
	w.addClient(id, "web", func(c *storage.Client) { c.Settings.SubjectType, c.Settings.Sector = "pairwise", sector })
}

// OpenID Connect Core §8.1.
func TestPairwiseSubjectIsOnePerSectorAndTellsNothing(t *testing.T) {
	w := newWorld(t)
	w.addPairwise("one", "app.example")
	w.addPairwise("two", "app.example")
	w.addPairwise("three", "other.example")
	ann, cookie := w.person("Ann")
	_, bobs := w.person("Bob")
	sub := func(client string, cookie *http.Cookie) string {
		t.Helper()
		_, payload := claims(t, w.tokens(cookie, client).text("id_token"))
		return payload["sub"].(string)
	}
	one := sub("one", cookie)
	if one != sub("one", cookie) || one != sub("two", cookie) {
		t.Error("two subjects in one sector")
	}
	if one == sub("three", cookie) || one == sub("one", bobs) || one == sub("web", cookie) || one == ann.ID.String() {
		t.Error("one subject in two sectors, or for two people")
	}
	// A new master key and a restart change nobody's name.
	w.masters[2] = [secret.Size]byte(secret.Random(secret.Size))
	w.start(2)
	if one != sub("one", cookie) {
		t.Error("another subject under a new key file")
	}
}

// Nowhere does the client learn the person's id, and everywhere it may use the name it knows.
func TestPairwiseSubjectIsTheSameWhereverThePersonIsNamed(t *testing.T) {
	w := newWorld(t)
	w.addPairwise("one", "app.example")
	w.changeClient("one", func(c *storage.Client) { c.Settings.JWTAccess = true })
	ann, cookie := w.person("Ann")
	a := w.tokens(cookie, "one")
	_, id := claims(t, a.text("id_token"))
	_, access := claims(t, a.text("access_token"))
	in, refresh, info := w.introspect("one", a.text("access_token")), w.introspect("one", a.text("refresh_token")), w.userinfo(a.text("access_token"))
	for name, got := range map[string]any{"access token": access["sub"], "introspection": in.body["sub"], "of the refresh token": refresh.body["sub"], "userinfo": info.body["sub"]} {
		if got != id["sub"] || got == ann.ID.String() {
			t.Errorf("%s: %v, want %v", name, got, id["sub"])
		}
	}
	if got := w.authorize(request("one", set("prompt", "none"), set("id_token_hint", a.text("id_token"))), cookie); got.Get("code") == "" {
		t.Fatalf("its own ID token is no hint: %v", got)
	}
	_, bobs := w.person("Bob")
	if got := w.authorize(request("one", set("prompt", "none"), set("id_token_hint", a.text("id_token"))), bobs); got.Get("error") != "login_required" {
		t.Fatalf("Ann's hint with Bob's session: %v", got)
	}
	// Sign-out from the application's server, without the person's cookies.
	w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{"id_token_hint": {a.text("id_token")}}.Encode(), nil))
	if got := w.authorize(request("one", set("prompt", "none")), cookie); got.Get("error") != "login_required" {
		t.Fatalf("the session goes on after sign-out with the hint: %v", got)
	}
}

// OpenID Connect Core §5.3.2.
func TestUserinfoCanBeSigned(t *testing.T) {
	w := newWorld(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.UserinfoAlg = ES256 })
	u, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("access_token")
	r := httptest.NewRequest("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	res := w.do(r)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/jwt" || res.Header.Get("Cache-Control") != "no-store" || !(&relyingParty{w: w}).verify(string(body)) {
		t.Fatalf("got %d %v %s", res.StatusCode, res.Header, body)
	}
	header, payload := claims(t, string(body))
	if header["alg"] != ES256 || payload["iss"] != w.p.Issuer() || payload["aud"] != "web" || payload["sub"] != u.ID.String() || payload["name"] != "Ann" {
		t.Fatalf("got %v %v", header, payload)
	}
	// It is signed by our key and about a person: and still no token, and no hint.
	w.userinfo(string(body)).want(t, 401, "invalid_token")
	if got := w.authorize(request("web", set("id_token_hint", string(body))), cookie); got.Get("code") != "" || !strings.HasPrefix(got.Get("error"), "invalid") {
		t.Fatalf("signed userinfo was taken for an ID token: %v", got)
	}
}
