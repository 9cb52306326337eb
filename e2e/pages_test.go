package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
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

func TestSetUpLinkMakesTheFirstAdminOnce(t *testing.T) {
	s := serve(t, nil)
	link := s.setUpLink()
	p := s.person("ada@example.com")
	p.open(link)
	shown := p.submit("name", "Ada Example", "email", p.address)
	if shown.Status != http.StatusOK || !strings.Contains(shown.text(), "Ada Example") {
		t.Errorf("set-up ends at %d %s %q, want a page that knows Ada", shown.Status, shown.URL, shown.text())
	}
	var list struct{ Users []struct{ Name, Role string } }
	if err := json.Unmarshal([]byte(s.run("user", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Users) != 1 || list.Users[0].Name != "Ada Example" || list.Users[0].Role != "owner" {
		t.Errorf("people are %+v, want Ada, the owner", list.Users)
	}
	stranger := s.person("mallory@example.com")
	if shown := stranger.open(link); shown.Status != http.StatusGone || shown.form(hasName("email")) != nil {
		t.Errorf("the link a second time shows %d %q, want 410 and no form", shown.Status, shown.text())
	}
}
