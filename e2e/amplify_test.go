package e2e

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// amplify starts a server with an Amplify application, as `app create --for amplify` makes it, and returns what a journey has to know.
func amplify(t *testing.T, more settings) (*server, map[string]any) {
	t.Helper()
	s := serve(t, more)
	out, err := exec.Command(gatelatch, "app", "create", "Amplify", "--for", "amplify", "--json", "--data", s.Data).Output()
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

func TestIdentityLibraryOfCognito(t *testing.T) {
	s, environment := amplify(t, nil)
	s.journey("amplify/identity.mjs", environment)
}
