package oidc

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"gatelatch/storage"
)

func TestCodeIsRedeemedOnceByTwentyCallers(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web")
	answers := make([]answer, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			answers[i] = w.exchange("web", code)
		}()
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			won++
			continue
		}
		a.want(t, 400, "invalid_grant")
	}
	if won != 1 {
		t.Fatalf("%d callers got tokens, want 1", won)
	}
}

func TestSecondUseOfACodeRevokesItsTokens(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web")
	a := w.exchange("web", code)
	w.wait(8 * time.Minute)
	w.exchange("web", code).want(t, 400, "invalid_grant")
	w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
	w.refresh("web", a.text("refresh_token")).want(t, 400, "invalid_grant")
}

// Codes lie in the logs of address bars for ever: much later, or from another client, they end nothing.
func TestLateOrForeignReuseOfACodeRevokesNothing(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web")
	a := w.exchange("web", code)
	w.exchange("other", code).want(t, 400, "invalid_grant")
	w.wait(12 * time.Minute)
	w.exchange("web", code).want(t, 400, "invalid_grant")
	if got := w.userinfo(a.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("userinfo: got %d %v", got.status, got.body)
	}
}

func TestCodeIsOverAfterAMinute(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web")
	w.wait(61 * time.Second)
	w.exchange("web", code).want(t, 400, "invalid_grant")
}

func TestCodeNeedsItsClientAndItsRedirectURI(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	w.exchange("other", w.code(cookie, "web")).want(t, 400, "invalid_grant")
	w.exchange("web", w.code(cookie, "web"), set("redirect_uri", callback+"/")).want(t, 400, "invalid_grant")
	w.exchange("web", w.code(cookie, "web"), without("redirect_uri")).want(t, 400, "invalid_grant")
}

func TestTokensOfOneKindAreNotTakenForAnother(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	access, refresh, id := a.text("access_token"), a.text("refresh_token"), a.text("id_token")
	for _, token := range []string{refresh, id, w.code(cookie, "web"), "", "gl_at_", access[:len(access)-1], access + "A", access + "=", access + "\n"} {
		w.userinfo(token).want(t, 401, "invalid_token")
	}
	for _, token := range []string{access, id, w.code(cookie, "web"), refresh[:len(refresh)-1], prefixes[kindRefresh] + access[len(prefixes[kindAccess]):]} {
		w.refresh("web", token).want(t, 400, "invalid_grant")
	}
	w.exchange("web", refresh).want(t, 400, "invalid_grant")
}

func TestEveryAlteredCharacterIsNoticed(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("access_token")
	for i := range token {
		for _, c := range []byte("A_") {
			if token[i] == c {
				continue
			}
			altered := token[:i] + string(c) + token[i+1:]
			if got := w.userinfo(altered); got.status != http.StatusUnauthorized {
				t.Fatalf("character %d altered: got %d", i, got.status)
			}
		}
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	for _, kind := range []string{"access_token", "refresh_token"} {
		a := w.tokens(cookie, "web")
		form := request("", without("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"), set("token", a.text(kind)))
		if got := w.post("/oidc/revoke", "other", form); got.status != http.StatusOK {
			t.Fatalf("another client's revocation: got %d", got.status)
		}
		if got := w.userinfo(a.text("access_token")); got.status != http.StatusOK {
			t.Fatal("another client could revoke")
		}
		got := w.post("/oidc/revoke", "web", form)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "" {
			t.Fatalf("got %d with Content-Type %q, want an empty 200 without one", got.status, got.header.Get("Content-Type"))
		}
		w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
		w.refresh("web", a.text("refresh_token")).want(t, 400, "invalid_grant")
	}
	if got := w.post("/oidc/revoke", "web", request("", set("token", "unknown"))); got.status != http.StatusOK {
		t.Fatalf("unknown token: got %d, want 200 (RFC 7009 §2.2)", got.status)
	}
	w.post("/oidc/revoke", "web", request("", without("token"))).want(t, 400, "invalid_request")
	w.post("/oidc/revoke", "", request("nobody", set("token", "x"))).want(t, 401, "invalid_client")
}

func TestOldRefreshTokenStillSignsOutAtRevocation(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	old := w.tokens(cookie, "web").text("refresh_token")
	current := w.mustRefresh(old)
	w.wait(time.Hour)
	w.post("/oidc/revoke", "web", request("", set("token", old)))
	w.refresh("web", current.text("refresh_token")).want(t, 400, "invalid_grant")
}

func TestNoTokenOfAClosedApplicationWorksUntilItIsOpenedAgain(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	given := w.tokens(cookie, "web")
	closed := func(is bool) { w.changeClient("web", func(c *storage.Client) { c.Disabled = is }) }
	closed(true)
	w.refresh("web", given.text("refresh_token")).want(t, 401, "invalid_client")
	if got := w.userinfo(given.text("access_token")); got.status != http.StatusUnauthorized {
		t.Errorf("its access token gets %d %v", got.status, got.body)
	}
	closed(false)
	if got := w.userinfo(given.text("access_token")); got.status != http.StatusOK {
		t.Errorf("opened again, its access token gets %d %v", got.status, got.body)
	}
	if got := w.refresh("web", given.text("refresh_token")); got.status != http.StatusOK {
		t.Errorf("opened again, its refresh token gets %d %v", got.status, got.body)
	}
}

func TestClientAuthentication(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	w.addClient("off", "web", func(c *storage.Client) { c.Disabled = true })
	_, cookie := w.person("Ann")
	t.Run("post", func(t *testing.T) {
		if a := w.exchange("", w.code(cookie, "web"), set("client_id", "web"), set("client_secret", testSecret)); a.status != http.StatusOK {
			t.Fatalf("got %d %v", a.status, a.body)
		}
	})
	t.Run("basic beside client_id", func(t *testing.T) {
		if a := w.exchange("web", w.code(cookie, "web"), set("client_id", "web")); a.status != http.StatusOK {
			t.Fatalf("got %d %v", a.status, a.body)
		}
	})
	t.Run("basic beside another client_id", func(t *testing.T) {
		w.exchange("web", w.code(cookie, "web"), set("client_id", "spa")).want(t, 400, "invalid_request")
	})
	t.Run("two secrets", func(t *testing.T) {
		w.exchange("web", w.code(cookie, "web"), set("client_id", "web"), set("client_secret", testSecret)).want(t, 400, "invalid_request")
	})
	t.Run("wrong, unknown and switched off look the same", func(t *testing.T) {
		code := w.code(cookie, "web")
		var first answer
		for i, id := range []string{"web", "nobody", "off"} {
			a := w.exchange("", code, set("client_id", id), set("client_secret", "wrong"))
			a.want(t, 401, "invalid_client")
			if a.header.Get("WWW-Authenticate") == "" || a.header.Get("Cache-Control") != "no-store" {
				t.Fatalf("headers %v", a.header)
			}
			if i == 0 {
				first = a
			} else if a.text("error_description") != first.text("error_description") {
				t.Fatalf("%s is told apart: %q and %q", id, a.text("error_description"), first.text("error_description"))
			}
		}
	})
	t.Run("public with a secret", func(t *testing.T) {
		w.exchange("", w.code(cookie, "spa"), set("client_id", "spa"), set("client_secret", "x")).want(t, 401, "invalid_client")
	})
	t.Run("public", func(t *testing.T) {
		if a := w.exchange("", w.code(cookie, "spa"), set("client_id", "spa")); a.status != http.StatusOK {
			t.Fatalf("got %d %v", a.status, a.body)
		}
	})
}

func TestTokenEndpointErrors(t *testing.T) {
	w := newWorld(t)
	w.exchange("web", "x", without("grant_type")).want(t, 400, "invalid_request")
	w.exchange("web", "x", set("grant_type", "password")).want(t, 400, "unsupported_grant_type")
	w.exchange("web", "x", set("grant_type", "refresh_token authorization_code")).want(t, 400, "unsupported_grant_type")
	w.exchange("web", "", without("code")).want(t, 400, "invalid_request")
	w.exchange("web", "x", func(v url.Values) { v["code"] = []string{"x", "y"} }).want(t, 400, "invalid_request")
}
