package views

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fileName = regexp.MustCompile("FileName: `(?:[^`]*/)?([^`/]+)`")

// anyFolder leaves out from which folder the generator was run, which it writes into its code.
func anyFolder(code []byte) string { return fileName.ReplaceAllString(string(code), "FileName: `$1`") }

func TestGeneratedCodeIsUpToDate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the templ generator")
	}
	sources, err := filepath.Glob("*.templ")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no .templ files: %v", err)
	}
	generated, err := filepath.Glob("*_templ.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(generated) != len(sources) {
		t.Errorf("%d .templ files and %d generated ones", len(sources), len(generated))
	}
	for _, source := range sources {
		fresh, err := exec.Command("go", "tool", "templ", "generate", "-f", source, "-stdout").Output()
		if err != nil {
			t.Fatalf("generate %s: %v", source, err)
		}
		kept, err := os.ReadFile(strings.TrimSuffix(source, ".templ") + "_templ.go")
		if err != nil {
			t.Fatal(err)
		}
		if anyFolder(fresh) != anyFolder(kept) {
			t.Errorf("%s is newer than its generated code: go tool templ generate", source)
		}
	}
}
