package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestPeopleSignInWithAccountsOfAnotherGatelatchAndOfOIDCProvider(t *testing.T) {
	main := serve(t, nil)
	callback := func(id string) string { return main.URL + "/sign-in/social/" + id + "/callback" }
	upstairs := serve(t, settings{"clients": []application{{"client_id": "downstairs", "client_secret": secret("downstairs"), "client_name": "Downstairs", "redirect_uris": []string{callback("upstairs")}}}})
	port := freePort(t)
	for _, c := range []struct{ id, name, issuer, client, secret string }{
		{"upstairs", "Upstairs", upstairs.Issuer, "downstairs", secret("downstairs")},
		{"npm", "Npm", fmt.Sprintf("http://localhost:%d", port), "gatelatch", secret("npm")},
	} {
		run := command("connection", "create", "oidc", "--id", c.id, "--name", c.name, "--issuer", c.issuer, "--client-id", c.client, "--secret-stdin", "--trusted", "--data", main.Data)
		run.Stdin = strings.NewReader(c.secret)
		if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), callback(c.id)) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	test := command("connection", "test", "upstairs", "--data", main.Data)
	if out, err := test.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	upstairs.journey("social/journey.mjs", map[string]any{"MAIN": main.URL, "NPM_PORT": fmt.Sprint(port), "NPM_CALLBACK": callback("npm"), "NPM_SECRET": secret("npm")})
}
