package e2e

import "testing"

func TestTheAccountPageInEveryLookByKeyboardAndWithoutJavaScript(t *testing.T) {
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"budgets": generous()}, notes)
	s.journey("account/journey.mjs", map[string]any{"E2E_ARTEFACTS": artefacts(t)})
}
