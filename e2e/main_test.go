package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// gatelatch is the program under test: the file TestMain built.
var gatelatch string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "gatelatch-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the program:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	gatelatch = filepath.Join(folder, "gatelatch")
	if runtime.GOOS == "windows" {
		gatelatch += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", gatelatch, "..").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// sources tells go test's cache what these tests depend on. The program and the Node apps are built by other processes,
// which the cache cannot see; without this a change to the server would leave an old "ok (cached)" standing.
var sources = sync.OnceFunc(func() {
	filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if name := entry.Name(); entry.IsDir() && (name == "node_modules" || name == ".next" || name == ".git") {
			return fs.SkipDir
		}
		os.Stat(path)
		return nil
	})
})
