package e2e

import (
	"bytes"
	"strings"
	"testing"
)

const (
	horse = "seventeen horses at dawn"
	goose = "eleven geese before noon"
)

func TestPasswordsInChromium(t *testing.T) {
	for name, c := range map[string]struct{ methods []string }{
		"codes first":     {[]string{"code", "password"}},
		"passwords first": {[]string{"password", "code"}},
	} {
		t.Run(name, func(t *testing.T) {
			notes := newParty(t, "notes")
			s := serveParties(t, settings{"budgets": generous(), "sign_in": map[string]any{"methods": c.methods}}, notes)
			s.runWith(horse+"\n", "user", "create", "ann@example.com", "--password-stdin")
			s.journey("pages/password.mjs", map[string]any{
				"PARTY": notes.URL, "FIRST": c.methods[0], "HORSE": horse, "GOOSE": goose, "E2E_ARTEFACTS": artefacts(t),
			})
		})
	}
}

// runWith is run with something on standard input.
func (s *server) runWith(input string, args ...string) {
	s.t.Helper()
	var out bytes.Buffer
	cmd := command(append(args, "--data", s.Data)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &out
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("gatelatch %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
}
