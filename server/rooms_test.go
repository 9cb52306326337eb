package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms says who may import whom. A new arrow is a design decision: it comes as a line here.
var rooms = map[string][]string{
	"":                     {"cli"},
	"cli":                  {"server", "server/admin", "server/authn", "server/secret", "storage", "email", "views", "views/words"},
	"server":               {"server/admin", "server/authn", "server/oidc", "server/safehttp", "server/secret", "server/signin", "server/web", "storage", "email", "views", "views/words"},
	"server/web":           {},
	"server/secret":        {},
	"server/safehttp":      {},
	"server/jose":          {},
	"server/clients":       {"server/jose", "server/safehttp", "storage"},
	"server/authn":         {"server/secret", "storage", "email", "views/words"},
	"server/oidc":          {"server/authn", "server/clients", "server/jose", "server/safehttp", "server/secret", "server/web", "storage", "views"},
	"server/signin":        {"server/authn", "server/web", "storage", "views", "views/words"},
	"server/admin":         {"server/authn", "server/clients", "server/secret", "server/web", "storage", "views"},
	"storage":              {},
	"e2e/loud":             {},
	"storage/postgrestest": {"e2e/loud"},
	"storage/storagetest":  {"storage", "storage/postgrestest"},
	"views":                {"views/words"},
	"views/words":          {},
	"email":                {"views/words"},
	"e2e":                  {},
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
