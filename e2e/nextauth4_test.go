package e2e

import (
	"fmt"
	"testing"
)

func TestNextAuth4SignsIn(t *testing.T) {
	one := app{URL: fmt.Sprintf("http://localhost:%d", freePort(t)), ClientID: "shelf", ClientSecret: secret("shelf")}
	two := struct {
		app
		Alg string `json:"alg"`
	}{app{URL: fmt.Sprintf("http://two.localhost:%d", freePort(t)), ClientID: "shelf-es256", ClientSecret: secret("shelf-es256")}, "ES256"}
	s := serve(t, settings{"clients": []application{
		one.declared(application{"redirect_uris": []string{one.URL + "/api/auth/callback/gatelatch"}}),
		two.declared(application{"redirect_uris": []string{two.URL + "/api/auth/callback/gatelatch"}, "id_token_signed_response_alg": two.Alg}),
	}})
	s.run("user", "create", "emil@example.com", "--name", "Emil Example")

	s.journey("nextauth4/journey.mjs", map[string]any{
		"ADDRESS": "emil@example.com", "NAME": "Emil Example", "E2E_ARTEFACTS": artefacts(t), "APPS": []any{one, two},
	})
}
