package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms says who may import whom. A new arrow is a design decision: it comes as a line here.
var rooms = map[string][]string{
	"":                         {"cli"},
	"cli":                      {"server", "server/admin", "server/authn", "server/secret", "storage", "email", "views", "views/words"},
	"server":                   {"server/account", "server/admin", "server/authn", "server/cognito", "server/oidc", "server/safehttp", "server/secret", "server/signin", "server/social", "server/web", "storage", "email", "views", "views/words"},
	"server/web":               {},
	"server/secret":            {},
	"server/safehttp":          {},
	"server/social":            {},
	"server/jose":              {},
	"server/clients":           {"server/jose", "server/safehttp", "storage"},
	"server/authn":             {"server/secret", "server/social", "server/srp", "storage", "email", "views/words"},
	"server/authn/passkeytest": {},
	"server/oidc":              {"server/authn", "server/clients", "server/jose", "server/safehttp", "server/secret", "server/web", "storage", "views"},
	"server/srp":               {},
	"server/srp/srptest":       {},
	"server/cognito":           {"server/authn", "server/secret", "server/srp", "server/web", "storage"},
	"server/signin":            {"server/authn", "server/social", "server/web", "storage", "views", "views/words"},
	"server/account":           {"server/authn", "server/web", "storage", "views", "views/words"},
	"server/admin":             {"server/authn", "server/clients", "server/secret", "server/social", "server/web", "storage", "views"},
	"storage":                  {},
	"e2e/loud":                 {},
	"storage/postgrestest":     {"e2e/loud"},
	"storage/storagetest":      {"storage", "storage/postgrestest"},
	"views":                    {"views/words"},
	"views/words":              {},
	"email":                    {"views/words"},
	"e2e":                      {},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestNoRoomImportsMoreThanItMay(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "gatelatch"), "/")
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s is a room that rooms_test.go does not know", p.ImportPath)
			continue
		}
		seen[room] = true
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "gatelatch/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which its line in rooms_test.go does not allow", p.ImportPath, imported)
			}
			if strings.HasPrefix(imported, "github.com/ory/fosite") && room != "server/oidc" {
				t.Errorf("%s imports %s: fosite stays in server/oidc", p.ImportPath, imported)
			}
			if imported == "net/http" && (room == "server/authn" || room == "storage" || room == "server/secret") {
				t.Errorf("%s imports net/http: it must not know how people reach us", p.ImportPath)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("rooms_test.go knows a room %q that is not there", room)
		}
	}
}

// One forgotten http.Get would be a way to what only this server can reach: whoever calls out does so through safehttp.
func TestOnlySafehttpCallsOut(t *testing.T) {
	calls := regexp.MustCompile(`\bhttp\.(Get\(|Post\(|PostForm\(|Head\(|DefaultClient|DefaultTransport|Client\{|Transport\{)|\bnet\.(Dial|Dialer)|\btls\.Dial|NewDefaultJWKSFetcherStrategy`)
	looked := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "safehttp"+string(filepath.Separator)) {
			return err
		}
		looked++
		text, err := os.ReadFile(path)
		if found := calls.Find(text); found != nil {
			t.Errorf("%s has %s: addresses are called through server/safehttp", path, found)
		}
		return err
	})
	if err != nil || looked < 50 {
		t.Fatalf("looked at %d files, %v", looked, err)
	}
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "gatelatch/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
