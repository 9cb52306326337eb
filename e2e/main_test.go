package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
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
	code := m.Run()
	announce(skipped)
	return code
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

// skipped says what could not be run here, and why.
var skipped []string

// missing ends a test that needs what this machine does not have: loudly on a laptop, as a failure where CI is set.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is needed where CI is set; .ci/run installs it", what)
	}
	skipped = append(skipped, fmt.Sprintf("%s: NOT RUN, it needs %s", t.Name(), what))
	t.Skipf("NOT RUN: needs %s", what)
}

// announce prints lines where a person sees them. go test drops the output of a package that passes, so they also go
// to the terminal, or to where the go command itself writes its errors.
func announce(lines []string) {
	if len(lines) == 0 {
		return
	}
	text := "\n" + strings.Join(lines, "\n") + "\n"
	fmt.Fprint(os.Stderr, text)
	if testing.Verbose() {
		return
	}
	for _, name := range []string{fmt.Sprintf("/proc/%d/fd/2", os.Getppid()), "/dev/tty"} {
		about, err := os.Stat(name)
		if err != nil || about.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0 {
			continue
		}
		if out, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
			fmt.Fprint(out, text)
			out.Close()
			return
		}
	}
}
