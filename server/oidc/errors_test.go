package oidc

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatelatch/storage"
)

// mistake is a request that a developer sends by mistake, and what the answer has to tell them.
type mistake struct {
	name   string
	path   string
	client string // by HTTP Basic; "": nobody
	form   url.Values
	header map[string]string
	status int
	code   string
	says   string // a word of the error_description without which nobody would know what to do
}

// RFC 6749 §5.2, RFC 6750 §3, RFC 7009 §2.2.1, RFC 7662 §2.3, RFC 8628 §3.5, RFC 8693 §2.2.2, RFC 8707 §2, RFC 9126 §2.3, RFC 9449 §5.
func TestMistakesAreToldSoThatADeveloperCanRepairThem(t *testing.T) {
	w := newServed(t)
	w.addClient("spa", "spa", nil)
	w.addClient("other", "web", nil)
	w.addClient("tv", "native", devices)
	w.addClient("bound", "web", func(c *storage.Client) { c.Settings.DPoPBound = true })
	w.addClient("strict", "web", func(c *storage.Client) { c.Settings.RequireSigned = true })
	w.addMachine("robot", "reports:read")
	signer := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", signer)
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	exchange := func(change ...func(url.Values)) url.Values {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {w.code(cookie, "web")}, "redirect_uri": {callback}, "code_verifier": {testVerifier}}
		for _, c := range change {
			c(form)
		}
		return form
	}
	with := func(form url.Values, change ...func(url.Values)) url.Values {
		copied := url.Values{}
		for name, values := range form {
			copied[name] = append([]string(nil), values...)
		}
		for _, c := range change {
			c(copied)
		}
		return copied
	}
	pushed := func(change ...func(url.Values)) url.Values { return with(request("web"), change...) }
	asserted := func(change ...func(map[string]any)) url.Values {
		return with(refresh, asserting(signer.sign(w.assertion("signed", change...), nil)))
	}
	token := url.Values{"token": {a.text("access_token")}}
	const tokens, par, introspect, revoke, device = "/oidc/token", "/oidc/par", "/oidc/introspect", "/oidc/revoke", "/oidc/device_authorization"
	basic := func(name, secret string) map[string]string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(name, secret)
		return map[string]string{"Authorization": r.Header.Get("Authorization")}
	}

	mistakes := []mistake{
		{name: "no grant_type", path: tokens, client: "web", form: url.Values{}, status: 400, code: "invalid_request", says: "grant_type"},
		{name: "a grant that is not there", path: tokens, client: "web", form: url.Values{"grant_type": {"password"}}, status: 400, code: "unsupported_grant_type", says: "grant"},
		{name: "a grant the client may not use", path: tokens, client: "web", form: url.Values{"grant_type": {"client_credentials"}}, status: 400, code: "unauthorized_client", says: "client_credentials"},
		{name: "no code", path: tokens, client: "web", form: exchange(without("code")), status: 400, code: "invalid_request", says: "code"},
		{name: "an unknown code", path: tokens, client: "web", form: exchange(set("code", "x")), status: 400, code: "invalid_grant", says: "code"},
		{name: "another redirect_uri", path: tokens, client: "web", form: exchange(set("redirect_uri", callback+"/")), status: 400, code: "invalid_grant", says: "redirect_uri"},
		{name: "no redirect_uri", path: tokens, client: "web", form: exchange(without("redirect_uri")), status: 400, code: "invalid_grant", says: "redirect_uri"},
		{name: "another verifier", path: tokens, client: "web", form: exchange(set("code_verifier", strings.Repeat("x", 43))), status: 400, code: "invalid_grant", says: "code_verifier"},
		{name: "no verifier", path: tokens, client: "web", form: exchange(without("code_verifier")), status: 400, code: "invalid_grant", says: "code_verifier"},
		{name: "a code of another client", path: tokens, client: "other", form: exchange(), status: 400, code: "invalid_grant", says: "client"},
		{name: "no refresh_token", path: tokens, client: "web", form: with(refresh, without("refresh_token")), status: 400, code: "invalid_request", says: "refresh_token"},
		{name: "an unknown refresh token", path: tokens, client: "web", form: with(refresh, set("refresh_token", "x")), status: 400, code: "invalid_grant", says: "refresh token"},
		{name: "more scope", path: tokens, client: "web", form: with(refresh, set("scope", "openid phone")), status: 400, code: "invalid_scope", says: "scope"},
		{name: "an API that was not granted", path: tokens, client: "web", form: with(refresh, set("resource", orders)), status: 400, code: "invalid_target", says: "resource"},
		{name: "more scope of a machine", path: tokens, client: "robot", form: url.Values{"grant_type": {"client_credentials"}, "scope": {"reports:write"}}, status: 400, code: "invalid_scope", says: "scope"},
		{name: "an unknown device code", path: tokens, form: url.Values{"grant_type": {deviceGrantType}, "client_id": {"tv"}, "device_code": {"x"}}, status: 400, code: "invalid_grant", says: "device"},
		{name: "no device code", path: tokens, form: url.Values{"grant_type": {deviceGrantType}, "client_id": {"tv"}}, status: 400, code: "invalid_request", says: "device_code"},
		{name: "a token exchange without permission", path: tokens, client: "web", form: url.Values{"grant_type": {exchangeGrantType}, "subject_token": {"x"}, "subject_token_type": {accessTokenType}}, status: 400, code: "unauthorized_client", says: "token_exchange"},
		{name: "no proof of a key", path: tokens, client: "bound", form: exchange(set("code", w.code(cookie, "bound"))), status: 400, code: "invalid_dpop_proof", says: "DPoP"},
		{name: "a proof that is none", path: tokens, client: "web", form: refresh, header: map[string]string{"DPoP": "x"}, status: 400, code: "invalid_dpop_proof", says: "DPoP"},
		{name: "a parameter twice", path: tokens, client: "web", form: with(refresh, func(v url.Values) { v.Add("scope", "a"); v.Add("scope", "b") }), status: 400, code: "invalid_request", says: "more than once"},
		{name: "JSON", path: tokens, client: "web", form: refresh, header: map[string]string{"Content-Type": "application/json"}, status: 415, code: "invalid_request", says: "application/x-www-form-urlencoded"},

		{name: "no client", path: tokens, form: refresh, status: 401, code: "invalid_client", says: "client_id"},
		{name: "an unknown client", path: tokens, client: "nobody", form: refresh, status: 401, code: "invalid_client", says: "secret"},
		{name: "a wrong secret", path: tokens, header: basic("web", "wrong"), form: refresh, status: 401, code: "invalid_client", says: "secret"},
		{name: "a secret with a character more", path: tokens, header: basic("web", testSecret+"x"), form: refresh, status: 401, code: "invalid_client", says: "secret"},
		{name: "a secret with a character less", path: tokens, header: basic("web", testSecret[:len(testSecret)-1]), form: refresh, status: 401, code: "invalid_client", says: "secret"},
		{name: "a secret in capitals", path: tokens, header: basic("web", strings.ToUpper(testSecret)), form: refresh, status: 401, code: "invalid_client", says: "secret"},
		{name: "an empty secret", path: tokens, header: basic("web", ""), form: refresh, status: 401, code: "invalid_client", says: "client_"},
		{name: "Basic that is not Base64", path: tokens, header: map[string]string{"Authorization": "Basic !!"}, form: refresh, status: 401, code: "invalid_client", says: "Basic"},
		{name: "two ways to prove oneself", path: tokens, client: "web", form: with(refresh, set("client_secret", testSecret)), status: 400, code: "invalid_request", says: "one"},
		{name: "an assertion for an endpoint", path: tokens, form: asserted(claim("aud", "https://id.example/oidc/token")), status: 401, code: "invalid_client", says: "aud"},
		{name: "an assertion that is over", path: tokens, form: asserted(claim("exp", w.now().Unix()-300)), status: 401, code: "invalid_client", says: "exp"},
		{name: "an assertion without jti", path: tokens, form: asserted(claim("jti", nil)), status: 401, code: "invalid_client", says: "jti"},

		{name: "no redirect_uri pushed", path: par, client: "web", form: pushed(without("redirect_uri")), status: 400, code: "invalid_request", says: "redirect_uri"},
		{name: "another redirect_uri pushed", path: par, client: "web", form: pushed(set("redirect_uri", "https://x.example/cb")), status: 400, code: "invalid_request", says: "redirect_uri"},
		{name: "a request_uri pushed", path: par, client: "web", form: pushed(set("request_uri", "urn:x")), status: 400, code: "invalid_request", says: "request_uri"},
		{name: "PKCE plain pushed", path: par, client: "web", form: pushed(set("code_challenge_method", "plain")), status: 400, code: "invalid_request", says: "S256"},
		{name: "implicit pushed", path: par, client: "web", form: pushed(set("response_type", "token")), status: 400, code: "unsupported_response_type", says: "code"},
		{name: "unsigned where it must be", path: par, client: "strict", form: pushed(without("client_id")), status: 400, code: "invalid_request", says: "request"},
		{name: "a public client without PKCE", path: par, form: with(request("spa"), without("code_challenge", "code_challenge_method")), status: 400, code: "invalid_request", says: "PKCE"},
		{name: "claims that are no JSON", path: par, client: "web", form: pushed(set("claims", "{")), status: 400, code: "invalid_request", says: "claims"},
		{name: "an API the client may not ask for", path: par, client: "web", form: pushed(set("resource", orders)), status: 400, code: "invalid_target", says: "resource"},
		{name: "nobody pushes", path: par, form: url.Values{}, status: 401, code: "invalid_client", says: "client_"},

		{name: "no token to introspect", path: introspect, client: "web", form: url.Values{}, status: 400, code: "invalid_request", says: "token"},
		{name: "a public client introspects", path: introspect, form: with(token, set("client_id", "spa")), status: 401, code: "invalid_client", says: "prove"},
		{name: "nobody introspects", path: introspect, form: token, status: 401, code: "invalid_client", says: "client_"},
		{name: "no token to revoke", path: revoke, client: "web", form: url.Values{}, status: 400, code: "invalid_request", says: "token"},
		{name: "nobody revokes", path: revoke, form: token, status: 401, code: "invalid_client", says: "client_"},

		{name: "a device without client", path: device, form: url.Values{}, status: 401, code: "invalid_client", says: "client_"},
		{name: "a device of a client without the grant", path: device, client: "web", form: url.Values{}, status: 400, code: "unauthorized_client", says: "grant type"},

		{name: "another token at userinfo", path: "/oidc/userinfo", header: map[string]string{"Authorization": "Bearer x"}, status: 401, code: "invalid_token", says: "access token"},
		{name: "another scheme at userinfo", path: "/oidc/userinfo", header: map[string]string{"Authorization": "Token x"}, status: 401, code: "invalid_token", says: "Bearer"},
		{name: "an ID token at userinfo", path: "/oidc/userinfo", header: map[string]string{"Authorization": "Bearer " + a.text("id_token")}, status: 401, code: "invalid_token", says: "access token"},
		{name: "a token without openid at userinfo", path: "/oidc/userinfo", header: map[string]string{"Authorization": "Bearer " + w.machine("robot").text("access_token")}, status: 403, code: "insufficient_scope", says: "openid"},
		{name: "two tokens at userinfo", path: "/oidc/userinfo", header: map[string]string{"Authorization": "Bearer x"}, form: url.Values{"access_token": {"y"}}, status: 400, code: "invalid_request", says: "more than one"},
	}
	for _, m := range mistakes {
		t.Run(m.path+" "+m.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", m.path, strings.NewReader(m.form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if m.client != "" {
				r.SetBasicAuth(m.client, testSecret)
			}
			for name, value := range m.header {
				r.Header.Set(name, value)
			}
			a := w.answer(w.do(r))
			if a.status != m.status || a.text("error") != m.code {
				t.Fatalf("got %d %v, want %d %s", a.status, a.body, m.status, m.code)
			}
			description := a.text("error_description")
			if !strings.Contains(description, " ") || !strings.Contains(strings.ToLower(description), strings.ToLower(m.says)) {
				t.Errorf("error_description is %q, want %q in a sentence", description, m.says)
			}
			if strings.IndexFunc(description, func(c rune) bool { return c < 0x20 || c > 0x7e || c == '"' || c == '\\' }) >= 0 {
				t.Errorf("error_description %q has characters that RFC 6749 does not allow", description)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v, want JSON that nobody keeps", a.header)
			}
			challenge := a.header.Get("WWW-Authenticate")
			switch {
			case m.path == "/oidc/userinfo":
				if !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, `error="`+m.code+`"`) {
					t.Errorf("WWW-Authenticate is %q, want Bearer with the error (RFC 6750 section 3)", challenge)
				}
			case (m.status == http.StatusUnauthorized) != strings.HasPrefix(challenge, "Basic "):
				t.Errorf("WWW-Authenticate is %q with status %d", challenge, m.status)
			}
		})
	}
}
