package oidc

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatelatch/storage"
)

// fosite's fetcher follows redirects and reads without end. What safehttp refuses, a client's keys are refused, too.
func TestKeysBehindARedirectOrWithoutEndAreNotTaken(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	var inside atomic.Int64
	keys := http.NewServeMux()
	keys.HandleFunc("/inside", func(rw http.ResponseWriter, _ *http.Request) { inside.Add(1); _, _ = rw.Write(jwks(s)) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		keys.Handle(fmt.Sprintf("/%d", status), http.RedirectHandler("/inside", status))
	}
	text := string(jwks(s))
	for path, answer := range map[string]http.HandlerFunc{
		"/large": func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte(text[:len(text)-1] + strings.Repeat(" ", 64<<10) + "}"))
		},
		"/missing": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(404); _, _ = rw.Write([]byte(text)) },
		"/page":    func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<!doctype html>" + text)) },
		"/twice":   func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(text + text)) },
		"/right":   func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(text)) },
	} {
		keys.HandleFunc(path, answer)
	}
	server := httptest.NewServer(keys)
	t.Cleanup(server.Close)
	const refused = "invalid_client"
	for path, want := range map[string]string{"/301": refused, "/302": refused, "/303": refused, "/307": refused, "/308": refused, "/large": refused, "/missing": refused, "/page": refused, "/twice": refused, "/right": "invalid_grant"} {
		id := "keys-" + path[1:]
		w.addKeyClient(t, id, s, func(c *storage.Client) { c.Settings.JWKS, c.Settings.JWKSURI = nil, server.URL+path })
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion(id), nil))(form)
		if a := w.post("/oidc/token", "", form); a.text("error") != want {
			t.Errorf("keys at %s: got %d %v, want %s", path, a.status, a.body, want)
		}
	}
	if inside.Load() > 0 {
		t.Errorf("a redirect was followed %d times", inside.Load())
	}
}

// RFC 9700 §4.11: nothing that a message names is fetched, be it where we could reach it.
func TestNothingThatAMessageNamesIsFetched(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	_, cookie := w.person("Ann")
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = rw.Write(jwks(s))
	}))
	t.Cleanup(server.Close)
	for _, header := range []string{"jku", "x5u", "kid", "iss"} {
		named := map[string]any{header: server.URL + "/" + header}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"gl_rt_x"}}
		asserting(s.sign(w.assertion("signed"), named))(form)
		w.post("/oidc/token", "", form)
		w.do(httptest.NewRequest("GET", "/oidc/authorize?"+withObject("signed", s.sign(w.object("signed"), named)).Encode(), nil), cookie)
		token := s.sign(map[string]any{"iss": server.URL, "aud": "web", "sub": "x"}, named)
		w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("web", set("id_token_hint", token)).Encode(), nil), cookie)
		w.userinfo(token).want(t, 401, "invalid_token")
		h := w.holder()
		w.token("web", h.proof("/oidc/token", "", func(head, _ map[string]any) { head[header] = named[header] }), form)
	}
	for _, name := range []string{"request_uri", "sector_identifier_uri", "client_uri", "logo_uri", "registration", "redirect_uri", "post_logout_redirect_uri"} {
		value := server.URL + "/" + name
		w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request("web", set(name, value)).Encode(), nil), cookie)
		w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{name: {value}, "client_id": {"web"}}.Encode(), nil), cookie)
		w.push("web", set(name, value))
	}
	if asked.Load() != 0 {
		t.Fatalf("%d requests arrived where messages pointed", asked.Load())
	}
}
