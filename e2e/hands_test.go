package e2e

import "testing"

func TestEverythingIsDoneByKeyboardAloneAndWithoutJavaScript(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"budgets": generous()}, notes)
	s.run("experience", "set", "--attributes", `[{"name": "given_name", "asked": "required"}]`, "--terms-url", "https://example.com/terms", "--terms-version", "1")
	s.journey("hands/journey.mjs", map[string]any{
		"PARTY": notes.URL, "SETUP": s.setUpLink(), "GATELATCH": gatelatch, "DATA": s.Data, "E2E_ARTEFACTS": artefacts(t),
	})
}
