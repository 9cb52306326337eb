package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
)

// The first app is registered as a newcomer does it, with `gatelatch app create --for nextjs`; the second is declared
// in the configuration.
func TestNextAppSignsInWithAMailedCode(t *testing.T) {
	one := fmt.Sprintf("http://localhost:%d", freePort(t))
	two := app{URL: fmt.Sprintf("http://app2.localhost:%d", freePort(t)), ClientID: "library", ClientSecret: secret("library")}
	s := serve(t, settings{"clients": []application{{
		"client_id": two.ClientID, "client_secret": two.ClientSecret, "client_name": "Library", "framework": "nextjs",
		"redirect_uris":             []string{two.URL + "/api/auth/callback/logto"},
		"post_logout_redirect_uris": []string{two.URL},
	}}})
	bookstore := s.create("Bookstore", "nextjs", one+"/api/auth/callback/logto", one)
	s.run("user", "create", "ann@example.com", "--name", "Ann Example")

	s.journey("nextauth/journey.mjs", map[string]any{
		"ADDRESS": "ann@example.com", "NAME": "Ann Example", "E2E_ARTEFACTS": artefacts(t),
		"APPS": []app{{URL: one, ClientID: bookstore.ClientID, ClientSecret: bookstore.ClientSecret}, two},
	})
}

// registration is what `gatelatch app create --json` prints, as far as journeys need it.
type registration struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Issuer       string `json:"issuer"`
}

// create registers an app at the running server.
func (s *server) create(name, framework, redirect, after string) registration {
	s.t.Helper()
	printed := s.run("app", "create", name, "--for", framework, "--redirect-uri", redirect, "--post-logout-redirect-uri", after, "--json")
	var r registration
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		s.t.Fatalf("app create --json printed what is not JSON: %v\n%s", err, printed)
	}
	if r.Issuer != s.Issuer {
		s.t.Errorf("app create says issuer %q, want %q", r.Issuer, s.Issuer)
	}
	s.private = append(s.private, r.ClientSecret)
	return r
}

// secret is a declared client's secret: long enough, and of the characters every client library sends alike.
func secret(of string) string {
	return of + "-0123456789abcdefghijklmnopqrstuvwxyz0123456789"
}
