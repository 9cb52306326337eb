package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// guide is what `gatelatch app create --json` prints for pasting.
type guide struct {
	registration
	Guide struct {
		Env   []struct{ Name, Value string }
		Files []struct{ Name, Code string }
	}
}

// paste puts what was printed into a folder, untouched, beside the packages it needs.
func (g guide) paste(t *testing.T, folder string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	for _, file := range g.Guide.Files {
		path := filepath.Join(folder, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, []byte(file.Code))
	}
	var env strings.Builder
	for _, line := range g.Guide.Env {
		fmt.Fprintf(&env, "%s=%s\n", line.Name, line.Value)
	}
	write(t, filepath.Join(folder, ".env"), []byte(env.String()))
}

// pasted makes an app at the running server and pastes its guide.
func (s *server) pasted(name, framework, redirect, after, folder string) {
	s.t.Helper()
	printed := s.run("app", "create", name, "--for", framework, "--redirect-uri", redirect, "--post-logout-redirect-uri", after, "--json")
	var g guide
	if err := json.Unmarshal([]byte(printed), &g); err != nil {
		s.t.Fatalf("app create --json: %v\n%s", err, printed)
	}
	if len(g.Guide.Files) == 0 || len(g.Guide.Env) == 0 {
		s.t.Fatalf("app create --json has nothing to paste:\n%s", printed)
	}
	s.private = append(s.private, g.ClientSecret)
	g.paste(s.t, folder)
}

// The two pages the guide leaves to the reader.
const (
	pastedPage = `import { auth, signIn } from '@/auth';
import { signOutEverywhere } from './sign-out';

export default async function Home() {
  const session = await auth();
  if (!session?.user) {
    return <form action={async () => { 'use server'; await signIn('gatelatch'); }}><button>Sign in</button></form>;
  }
  return <form action={signOutEverywhere}><p id="hello">Hello {session.user.email}</p><button>Sign out</button></form>;
}
`
	pastedLayout = "export default function Root({ children }: { children: React.ReactNode }) {\n  return <html lang=\"en\"><body>{children}</body></html>;\n}\n"
)

func TestPrintedNextGuideWorksAsPasted(t *testing.T) {
	node := node(t)
	install(t, node, "nextauth")
	folder, err := filepath.Abs(filepath.Join("nextauth", ".pasted"))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, nil)
	url := fmt.Sprintf("http://localhost:%d", freePort(t))
	s.pasted("Bookstore", "nextjs", url+"/api/auth/callback/gatelatch", url, folder)
	for name, text := range map[string]string{
		"app/page.tsx": pastedPage, "app/layout.tsx": pastedLayout,
		"tsconfig.json": string(read(t, filepath.Join("nextauth", "tsconfig.json"))),
	} {
		write(t, filepath.Join(folder, filepath.FromSlash(name)), []byte(text))
	}
	next := filepath.Join("node_modules", "next", "dist", "bin", "next")
	build := exec.Command(node, filepath.Join("..", next), "build")
	build.Dir = folder
	build.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("next build of what app create prints: %v\n%s", err, out)
	}

	s.journey("guide/journey.mjs", map[string]any{
		"ADDRESS": "ann@example.com", "URL": url, "FOLDER": folder,
		"RUN": []string{filepath.Join("..", next), "start", "-p", url[strings.LastIndex(url, ":")+1:], "-H", "127.0.0.1"},
	})
}

func TestPrintedExpressGuideWorksAsPasted(t *testing.T) {
	install(t, node(t), "logto-express")
	folder, err := filepath.Abs(filepath.Join("logto-express", ".pasted"))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, nil)
	url := fmt.Sprintf("http://localhost:%d", freePort(t))
	s.pasted("Notes", "express", url+"/logto/sign-in-callback", url, folder)

	s.journey("guide/journey.mjs", map[string]any{
		"ADDRESS": "ann@example.com", "URL": url, "FOLDER": folder, "RUN": []string{"--env-file=.env", "app.mjs"},
	})
}
