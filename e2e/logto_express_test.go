package e2e

import (
	"fmt"
	"testing"
)

func TestExpressAppOnUnmodifiedLogtoSignsIn(t *testing.T) {
	s := serve(t, nil)
	url := fmt.Sprintf("http://localhost:%d", freePort(t))
	registered := s.create("Notes", "express", url+"/logto/sign-in-callback", url)
	s.run("user", "create", "ben@example.com", "--name", "Ben Example")

	s.journey("logto-express/journey.mjs", map[string]any{
		"ADDRESS": "ben@example.com", "NAME": "Ben Example", "E2E_ARTEFACTS": artefacts(t),
		"APPS": []app{{URL: url, ClientID: registered.ClientID, ClientSecret: registered.ClientSecret}},
	})
}
