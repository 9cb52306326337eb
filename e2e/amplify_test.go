package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
)

// amplify starts a server with an Amplify application, as `app create --for amplify` makes it, and returns what a journey has to know.
func amplify(t *testing.T, more settings, flags ...string) (*server, map[string]any) {
	t.Helper()
	return amplifyAt(t, serve(t, more), flags...)
}

func amplifyAt(t *testing.T, s *server, flags ...string) (*server, map[string]any) {
	t.Helper()
	out, err := exec.Command(gatelatch, append([]string{"app", "create", "Amplify", "--for", "amplify", "--json", "--data", s.Data}, flags...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ClientID string `json:"client_id"`
		Pool     string `json:"user_pool_id"`
		Endpoint string `json:"user_pool_endpoint"`
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Pool == "" {
		t.Fatalf("%v: %s", err, out)
	}
	return s, map[string]any{"ENDPOINT": made.Endpoint, "POOL": made.Pool, "CLIENT_ID": made.ClientID, "MAIL_CODE": s.cli(`inbox --code "$EMAIL" --wait 1s`)}
}

func TestAmplifySignsInWithoutAPassword(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/passwordless.mjs", environment)
}

func TestTheAuthenticatorOfAmplify(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/authenticator.mjs", environment)
}

func TestTheAuthenticatorSetsUpARequiredSecondFactor(t *testing.T) {
	s, environment := amplify(t, settings{"sign_in": settings{"second_factor": "required"}})
	s.journey("amplify/mfa-required.mjs", environment)
}

func TestAmplifySignsInByTheHostedPages(t *testing.T) {
	c := newCertificate(t)
	port, app := freePort(t), freePort(t)
	s := newServer(t, settings{"public_url": fmt.Sprintf("https://localhost:%d", port), "listen": fmt.Sprintf("localhost:%d", port), "tls": settings{"cert": c.Cert, "key": c.Key}})
	s.Port, s.client = port, c.client()
	s.start()
	home := fmt.Sprintf("http://localhost:%d/", app)
	_, environment := amplifyAt(t, s, "--redirect-uri", home, "--post-logout-redirect-uri", home)
	environment["APP_PORT"] = strconv.Itoa(app)
	environment["NODE_EXTRA_CA_CERTS"] = c.Cert
	s.journey("amplify/redirect.mjs", environment)
}

func TestIdentityLibraryOfCognito(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/identity.mjs", environment)
}

func TestAmplifySignsInByAPasskey(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/passkey.mjs", environment)
}

func TestWhatElseAmplifyDoes(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/features.mjs", environment)
}

func TestAmplifyMeetsWhatIsRequiredOfPeople(t *testing.T) {
	s, environment := amplify(t, settings{"sign_in": settings{
		"terms_url": "https://example.com/terms", "terms_version": "2026-11",
		"attributes": []settings{{"name": "name", "asked": "required"}, {"name": "plan", "type": "choice", "choices": []settings{{"value": "free"}, {"value": "paid"}}, "asked": "required"}},
	}})
	key := s.cognitoKey()
	environment["TERMS"], environment["KEY_ID"], environment["KEY_SECRET"] = "2026-11", key.ID, key.Secret
	s.journey("amplify/required.mjs", environment)
}
