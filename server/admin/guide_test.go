package admin

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// paste is a guide as the command prints it.
func paste(g Guide) string {
	var b strings.Builder
	for _, line := range g.Env {
		b.WriteString(line.Name + "=" + line.Value + "\n")
	}
	for _, f := range g.Files {
		b.WriteString("\n--- " + f.Name + "\n" + f.Code)
	}
	b.WriteString("\n" + strings.Join(g.Notes, "\n") + "\n")
	return b.String()
}

func TestGuidesAreFilledInAndReadyToPaste(t *testing.T) {
	a := New(Config{PublicURL: &url.URL{Scheme: "https", Host: "id.example.com"}}, Deps{})
	for _, c := range []struct {
		file, framework, kind string
		redirect, logout      []string
	}{
		{"nextjs", "nextjs", "web", []string{"http://localhost:3000/api/auth/callback/gatelatch"}, []string{"http://localhost:3000"}},
		{"nextjs-tutorial", "nextjs", "web", []string{"http://localhost:3000/api/auth/callback/logto"}, nil},
		{"express", "express", "web", []string{"http://localhost:3000/logto/sign-in-callback"}, []string{"http://localhost:3000"}},
		{"spa", "spa", "spa", []string{"http://localhost:5173/callback"}, []string{"http://localhost:5173"}},
		{"native", "native", "native", []string{"http://127.0.0.1/callback"}, nil},
		{"generic-web", "generic", "web", []string{"https://wiki.example.com/cb"}, nil},
		{"generic-spa", "generic", "spa", []string{"https://wiki.example.com/cb"}, nil},
	} {
		app := App{ClientID: "clientid", Framework: c.framework, Type: c.kind, Issuer: "https://id.example.com/oidc", RedirectURIs: c.redirect, PostLogoutRedirectURIs: c.logout}
		secret := ""
		if c.kind == "web" {
			secret = "clientsecret"
		}
		g := a.guide(app, secret)
		for i, line := range g.Env { // the application's own secret is new each time
			if line.Name == "AUTH_SECRET" || line.Name == "SESSION_SECRET" {
				if len(line.Value) < 40 {
					t.Errorf("%s: %s is only %q", c.file, line.Name, line.Value)
				}
				g.Env[i].Value = "RANDOM"
			}
		}
		got := paste(g)
		golden := filepath.Join("testdata", "guide-"+c.file+".txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.file, got, want)
		}
	}
}

func TestExpressGuideSaysWhenTheIssuerIsWhereLogtoDoesNotLook(t *testing.T) {
	a := New(Config{PublicURL: &url.URL{Scheme: "https", Host: "id.example.com"}}, Deps{})
	g := a.guide(App{Framework: "express", Type: "web", Issuer: "https://id.example.com", RedirectURIs: []string{"https://a.example/cb"}}, "s")
	if last := g.Notes[len(g.Notes)-1]; !strings.Contains(last, "issuer_path") {
		t.Errorf("the last note is %q", last)
	}
}
