// Package loud skips tests where a person notices: for want of a program on a laptop, and never where CI is set.
package loud

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
)

// Skip ends a test that needs what this machine does not have: as a failure where the environment variable CI is set, else as a skip
// that is also said on the terminal.
func Skip(t testing.TB, needs string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is needed where CI is set; .ci/run installs it", needs)
	}
	Say(t, needs)
	t.Skipf("NOT RUN: needs %s", needs)
}

var said sync.Map

// Say tells the person in front of the machine, once for each need of a package, what was not run.
func Say(t testing.TB, needs string) {
	if _, twice := said.LoadOrStore(needs, true); twice {
		return
	}
	text := fmt.Sprintf("\n%s and whatever else needs it: NOT RUN, for want of %s\n", t.Name(), needs)
	fmt.Fprint(os.Stderr, text)
	if testing.Verbose() {
		return
	}
	// go test drops the output of a package that passes: say it where the go command itself writes its errors, or on the terminal.
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
