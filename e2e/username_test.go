package e2e

import "testing"

func TestUsernamesInChromium(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"budgets": generous(), "sign_in": map[string]any{"identifiers": "username", "methods": []string{"code", "password"}}}, notes)
	s.journey("pages/username.mjs", map[string]any{"PARTY": notes.URL, "HORSE": horse, "E2E_ARTEFACTS": artefacts(t)})
}
