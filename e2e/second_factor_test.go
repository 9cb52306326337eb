package e2e

import "testing"

func TestAuthenticatorFromItsSetUpToALostPhone(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"budgets": generous(), "sign_in": map[string]string{"second_factor": "required"}}, notes)

	s.journey("secondfactor/journey.mjs", map[string]any{"PARTY": notes.URL, "E2E_ARTEFACTS": artefacts(t)})
}
