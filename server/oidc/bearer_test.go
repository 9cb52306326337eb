package oidc

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"gatelatch/server/web"
	"gatelatch/storage"
)

// bearer asks, as an API of this server does, whom a token speaks for.
func (w *world) bearer(scheme, token, proof string) (Bearer, *web.Error, []string) {
	w.t.Helper()
	r := httptest.NewRequest("GET", "/api/account/v1/profile", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	b, err := w.p.Bearer(httptest.NewRecorder(), r)
	var known *web.Error
	if err == nil {
		return b, nil, nil
	}
	if !errors.As(err, &known) {
		w.t.Fatalf("%v is no answer", err)
	}
	return b, known, w.p.Challenge(r, known)
}

func TestAnAPIOfThisServerHonoursBoundTokens(t *testing.T) {
	for _, jwtAccess := range []bool{false, true} {
		w := newWorld(t)
		w.changeClient("web", func(c *storage.Client) {
			c.Settings.JWTAccess, c.Settings.Scopes = jwtAccess, []string{"openid", "account", "account:write"}
		})
		u, cookie := w.person("Ann")
		h, thief := w.holder(), w.holder()
		token := w.token("web", h.proof("/oidc/token", ""), exchangeForm(w.code(cookie, "web", set("scope", "openid account")))).text("access_token")
		path := "/api/account/v1/profile"
		b, err, _ := w.bearer("DPoP", token, h.proof(path, token))
		if err != nil || b.User.ID != u.ID || strings.Join(b.Scopes, " ") != "account" || b.AuthTime == 0 {
			t.Fatalf("with its key: %+v, %v", b, err)
		}
		for name, c := range map[string]struct{ scheme, proof string }{
			"as Bearer": {"Bearer", ""}, "without a proof": {"DPoP", ""}, "another key": {"DPoP", thief.proof(path, token)}, "another address": {"DPoP", h.proof("/oidc/userinfo", token)},
		} {
			_, err, challenge := w.bearer(c.scheme, token, c.proof)
			if err == nil || err.Status != 401 || len(challenge) == 0 {
				t.Errorf("%s: %v, %q", name, err, challenge)
			}
		}
	}
}

func TestATokenForAnAPIOfSomebodyElseSpeaksForNobodyHere(t *testing.T) {
	w := newWorld(t)
	w.changeClient("web", func(c *storage.Client) { c.Settings.Scopes = []string{"openid", "account"} })
	_, cookie := w.person("Ann")
	own := w.tokens(cookie, "web").text("access_token")
	if b, err, _ := w.bearer("Bearer", own, ""); err != nil || len(b.Scopes) != 0 {
		t.Errorf("a token without the scope: %+v, %v", b, err)
	}
	refresh := w.tokens(cookie, "web").text("refresh_token")
	for name, token := range map[string]string{"a refresh token": refresh, "nothing": "x", "an ID token": w.tokens(cookie, "web").text("id_token")} {
		if _, err, _ := w.bearer("Bearer", token, ""); err == nil || err.Status != 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
