package oidc

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatelatch/storage"
)

// opened checks the signature of a signed response and returns its header and claims.
func (w *world) opened(token string) (header, payload map[string]any) {
	w.t.Helper()
	keys, err := w.p.cache.keys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := keys.verify(token); err != nil {
		w.t.Fatalf("%v: %s", err, token)
	}
	return claims(w.t, token)
}

// JARM §2.1, §2.3: only `response` goes through the browser, in every mode.
func TestSignedResponses(t *testing.T) {
	w := newWorld(t)
	w.addClient("es", "web", func(c *storage.Client) { c.Settings.AuthorizationAlg = ES256 })
	_, cookie := w.person("Ann")
	for mode, find := range map[string]func(location, body string) string{
		"jwt":          func(to, _ string) string { return strings.TrimPrefix(to, callback+"?response=") },
		"query.jwt":    func(to, _ string) string { return strings.TrimPrefix(to, callback+"?response=") },
		"fragment.jwt": func(to, _ string) string { return strings.TrimPrefix(to, callback+"#response=") },
		"form_post.jwt": func(_, body string) string {
			return regexp.MustCompile(`name="response" value="([^"]*)"`).FindStringSubmatch(body)[1]
		},
	} {
		for client, alg := range map[string]string{"web": RS256, "es": ES256} {
			res := w.do(httptest.NewRequest("GET", "/oidc/authorize?"+request(client, set("response_mode", mode)).Encode(), nil), cookie)
			body := new(strings.Builder)
			_ = res.Write(body)
			if mode == "form_post.jwt" && (strings.Contains(body.String(), `name="code"`) || strings.Contains(body.String(), `name="iss"`)) {
				t.Errorf("%s: more than the response is posted", mode)
			}
			header, payload := w.opened(find(res.Header.Get("Location"), body.String()))
			if header["alg"] != alg || payload["iss"] != "https://id.example/oidc" || payload["aud"] != client || payload["state"] != "s t/ä" {
				t.Fatalf("%s %s: %v %v", mode, client, header, payload)
			}
			if life := payload["exp"].(float64) - payload["iat"].(float64); life <= 0 || life > 600 {
				t.Errorf("%s: good for %v seconds", mode, life)
			}
			if a := w.exchange(client, payload["code"].(string)); a.status != 200 {
				t.Fatalf("%s: %d %v", mode, a.status, a.body)
			}
		}
	}
}

func TestRefusalsAreSignedToo(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	for _, change := range []func(url.Values){set("prompt", "none maybe"), set("response_type", "token"), set("request_uri", "https://evil.example/r"), set("code_challenge_method", "plain")} {
		got := w.authorize(request("web", set("response_mode", "jwt"), change), cookie)
		if len(got) != 1 {
			t.Fatalf("got %v", got)
		}
		if _, payload := w.opened(got.Get("response")); payload["error"] == nil || payload["error_description"] == nil || payload["state"] != "s t/ä" || payload["code"] != nil {
			t.Fatalf("got %v", payload)
		}
	}
	// Also after the trip to sign-in, and from inside a signed request.
	res := w.toSignIn(request("web", set("response_mode", "query.jwt")))
	session, resume := w.finish(u, res)
	_, to := w.location(resume, append(res.Cookies(), session)...)
	if _, payload := w.opened(to.Query().Get("response")); payload["code"] == nil {
		t.Fatalf("got %v", payload)
	}
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	got := w.authorize(withObject("signed", s.sign(w.object("signed", claim("response_mode", "jwt"), claim("exp", nil)), nil)))
	if _, payload := w.opened(got.Get("response")); payload["error"] != "invalid_request_object" || payload["aud"] != "signed" {
		t.Fatalf("got %v", payload)
	}
}

// RFC 8725 §2.8: a signed response of ours is no ID token, although our keys have signed it.
func TestASignedResponseIsNoHint(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	response := w.authorize(request("web", set("response_mode", "jwt")), cookie).Get("response")
	if got := w.authorize(request("web", set("id_token_hint", response)), cookie); got.Get("error") != "invalid_request" {
		t.Fatalf("as a hint: %v", got)
	}
	w.userinfo(response).want(t, 401, "invalid_token")
}
