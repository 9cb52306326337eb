package oidc

import (
	"net/http"
	"net/url"
	"testing"

	"gatelatch/storage"
)

// fosite deletes the challenge before it compares, so that after one wrong verifier none is needed.
func TestWrongVerifierDoesNotOpenTheWayForNone(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	_, cookie := w.person("Ann")
	for _, client := range []string{"web", "spa"} {
		code := w.code(cookie, client)
		auth, as := client, without()
		if client == "spa" {
			auth, as = "", set("client_id", "spa")
		}
		w.exchange(auth, code, as, set("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")).want(t, 400, "invalid_grant")
		w.exchange(auth, code, as, without("code_verifier")).want(t, 400, "invalid_grant")
		if a := w.exchange(auth, code, as); a.status != http.StatusOK {
			t.Fatalf("%s: the right verifier after two wrong tries: got %d %v", client, a.status, a.body)
		}
	}
}

func TestThirdFailedExchangeKillsTheCode(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web")
	w.exchange("web", code, set("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")).want(t, 400, "invalid_grant")
	w.exchange("web", code, set("redirect_uri", "https://app.example/other")).want(t, 400, "invalid_grant")
	w.exchange("other", code).want(t, 400, "invalid_grant")
	w.exchange("web", code).want(t, 400, "invalid_grant")
}

func TestVerifierWithoutChallengeIsRefused(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	code := w.code(cookie, "web", without("code_challenge", "code_challenge_method"))
	w.exchange("web", code).want(t, 400, "invalid_grant")
	if a := w.exchange("web", code, without("code_verifier")); a.status != http.StatusOK {
		t.Fatalf("a confidential client without PKCE: got %d %v", a.status, a.body)
	}
}

func TestWhoMustSendAChallenge(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	w.addClient("native", "native", nil)
	w.addClient("strict", "web", func(c *storage.Client) { c.Settings.RequirePKCE = true })
	_, cookie := w.person("Ann")
	for _, test := range []struct {
		name, client string
		change       func(url.Values)
		want         string
	}{
		{"public without", "spa", without("code_challenge", "code_challenge_method"), "invalid_request"},
		{"native without", "native", without("code_challenge", "code_challenge_method"), "invalid_request"},
		{"confidential without", "web", without("code_challenge", "code_challenge_method"), ""},
		{"confidential set so, without", "strict", without("code_challenge", "code_challenge_method"), "invalid_request"},
		{"plain", "web", set("code_challenge_method", "plain"), "invalid_request"},
		{"method left out means plain", "web", without("code_challenge_method"), "invalid_request"},
		{"method without challenge", "web", without("code_challenge"), "invalid_request"},
		{"challenge too short", "web", set("code_challenge", "abc"), "invalid_request"},
		{"challenge padded", "web", set("code_challenge", challengeOf(testVerifier)+"="), "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.authorize(request(test.client, test.change), cookie)
			if got.Get("error") != test.want {
				t.Fatalf("got %v, want error %q", got, test.want)
			}
		})
	}
}
