package server_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestMethodsThatNothingAnswersAre405WithThoseThatDo(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	for path, allowed := range map[string]string{
		"/oidc/token": "OPTIONS, POST", "/oidc/revoke": "OPTIONS, POST", "/oidc/introspect": "POST", "/oidc/userinfo": "GET, HEAD, OPTIONS, POST", "/oidc/par": "OPTIONS, POST", "/oidc/jwks": "GET, HEAD, OPTIONS",
		"/oidc/.well-known/openid-configuration": "GET, HEAD, OPTIONS", "/.well-known/openid-configuration/oidc": "GET, HEAD, OPTIONS", "/.well-known/oauth-authorization-server/oidc": "GET, HEAD, OPTIONS",
		"/oidc/authorize": "GET, HEAD, POST", "/oidc/resume": "GET, HEAD", "/oidc/logout": "GET, HEAD, POST", "/oidc/logout/confirm": "POST",
		"/": "GET, HEAD", "/sign-in": "GET, HEAD", "/sign-in/email": "POST", "/sign-in/social": "POST", "/sign-in/direct": "GET, HEAD", "/sign-in/disconnect": "POST", "/sign-in/social/x/callback": "GET, HEAD, POST", "/sign-in/code": "GET, HEAD, POST", "/sign-in/link": "GET, HEAD, POST", "/sign-in/second-factor": "GET, HEAD, POST", "/sign-in/second-factor/send": "POST", "/sign-in/protect": "GET, HEAD, POST", "/sign-in/protect/totp": "POST", "/sign-in/protect/codes": "GET, HEAD", "/sign-in/protect/saved": "POST", "/sign-in/not-me": "GET, HEAD, POST", "/sign-in/letter": "GET, HEAD, POST",
		"/sign-in/password": "GET, HEAD, POST", "/sign-in/forgot": "GET, HEAD, POST", "/sign-in/new-password": "GET, HEAD, POST",
		"/consent": "GET, HEAD, POST", "/repair": "GET, HEAD, POST", "/device": "GET, HEAD, POST", "/device/confirm": "GET, HEAD, POST", "/device/done": "GET, HEAD", "/oidc/device_authorization": "POST",
		"/account": "GET, HEAD", "/account/link": "GET, HEAD, POST", "/account/linked": "GET, HEAD", "/account/unlink": "POST", "/account/back": "GET, HEAD", "/account/profile": "POST", "/account/username": "POST", "/account/devices/end": "POST", "/account/apps/remove": "POST", "/account/address": "GET, HEAD", "/account/addresses": "POST", "/account/password": "GET, HEAD, POST", "/account/password/remove": "POST", "/account/picture": "POST", "/account/picture/remove": "POST", "/pictures/x": "GET, HEAD", "/account/activity": "GET, HEAD", "/account/data": "GET, HEAD",
		"/account/delete": "GET, HEAD, POST", "/account/keep": "POST", "/account/leaving": "GET, HEAD", "/account/deleted": "GET, HEAD",
		"/sign-in/passkey": "GET, HEAD, POST", "/sign-in/passkey-offer": "GET, HEAD, POST", "/sign-in/passkey-offer/options": "GET, HEAD", "/sign-in/protect/passkey": "GET, HEAD, POST", "/account/passkey": "GET, HEAD", "/account/passkey/rename": "POST", "/account/passkey/remove": "POST", "/account/passkey/new": "GET, HEAD, POST", "/account/passkey/new/options": "GET, HEAD", "/.well-known/webauthn": "GET, HEAD",
		"/set-up": "GET, HEAD, POST", "/sign-out": "POST", "/signed-out": "GET, HEAD", "/inbox": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/assets/x.css": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "FOO"} {
			r := w.request(method, path, nil)
			r.Header.Set("X-Probe", "s3cret")
			got := w.do(r)
			if slices.Contains(strings.Split(allowed, ", "), method) {
				if got.Code == 405 {
					t.Errorf("%s %s: got 405, want an answer", method, path)
				}
				continue
			}
			if got.Code != 405 || got.Header().Get("Allow") != allowed || strings.Contains(got.Body.String(), "s3cret") {
				t.Errorf("%s %s: got %d with Allow %q, want 405 with %q", method, path, got.Code, got.Header().Get("Allow"), allowed)
			}
			programs := strings.HasSuffix(path, "/token") || strings.HasSuffix(path, "/par") || strings.HasSuffix(path, "/revoke") || strings.HasSuffix(path, "/introspect") || strings.HasSuffix(path, "/device_authorization") || strings.HasSuffix(path, "/userinfo")
			if programs && (got.Header().Get("Cache-Control") != "no-store" || !json.Valid(got.Body.Bytes())) {
				t.Errorf("%s %s: got %.300s, want JSON that nobody keeps", method, path, got.Body)
			}
		}
	}
}

func TestAddressesThatAreNotThereAre404WhateverTheMethod(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	for _, path := range []string{"/nothing", "/oidc", "/oidc/", "/oidc/token/", "/oidc/introspection", "/sign-in/", "/api/v1/apps", "/api/v1/openapi.json", "/inboxes"} {
		for _, method := range []string{"GET", "POST", "PUT", "TRACE"} {
			if got := w.do(w.request(method, path, nil)); got.Code != 404 {
				t.Errorf("%s %s: got %d, want 404", method, path, got.Code)
			}
		}
	}
}

func TestRegistrationAnswersItsMethodsWhereItIsOn(t *testing.T) {
	for mode, allowed := range map[string]string{"open": "OPTIONS, POST", "token": "POST"} {
		w := newWorld(t, "http://localhost:4283", registration(mode))
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "get"} {
			if got := w.do(w.request(method, "/oidc/register", nil)); got.Code != 405 || got.Header().Get("Allow") != allowed || method != "HEAD" && !json.Valid(got.Body.Bytes()) {
				t.Errorf("%s, %s: got %d with Allow %q, want 405 with %q\n%s", mode, method, got.Code, got.Header().Get("Allow"), allowed, got.Body)
			}
		}
	}
}
