package e2e

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"testing"
	"time"
)

var setUpLink = regexp.MustCompile(`https?://\S+/set-up\?t=[^\s"]+`)

func TestEveryVisitorPageInEveryLook(t *testing.T) {
	notes := newParty(t, "notes")
	budgets := generous()
	maps.Copy(budgets, map[string]int{"wrong_guesses_per_address_hour": 8})
	s := serveParties(t, settings{"budgets": budgets, "lifetimes": map[string]string{"otp": "1m"}}, notes)

	s.journey("pages/journey.mjs", map[string]any{
		"PARTY": notes.URL, "CLIENT_ID": notes.id, "SETUP": s.setUpLink(), "E2E_ARTEFACTS": artefacts(t),
		"MAILS_COMMAND": fmt.Sprintf("%q inbox --json --data %q", gatelatch, s.Data),
	})
}

// setUpLink is the one-time link for the first admin that serve printed.
func (s *server) setUpLink() string {
	s.t.Helper()
	patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	link, err := s.Log.find(patience, setUpLink)
	if err != nil {
		s.t.Fatal(err)
	}
	return link
}
