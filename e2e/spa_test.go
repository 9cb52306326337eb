package e2e

import (
	"fmt"
	"testing"
)

func TestSinglePageAppRefreshesInTwoTabsAtOnce(t *testing.T) {
	spa := app{URL: fmt.Sprintf("http://spa.localhost:%d", freePort(t)), ClientID: "board"}
	s := serve(t, settings{"clients": []application{{
		"client_id": spa.ClientID, "client_name": "Board", "type": "spa", "framework": "spa",
		"redirect_uris":             []string{spa.URL + "/callback.html"},
		"post_logout_redirect_uris": []string{spa.URL + "/"},
	}}})

	s.journey("spa/journey.mjs", map[string]any{
		"ADDRESS": "cleo@example.com", "E2E_ARTEFACTS": artefacts(t), "APPS": []app{spa},
	})
}
