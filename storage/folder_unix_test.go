//go:build unix

package storage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFolderThatCannotBeWrittenIsRefusedInPlainWords(t *testing.T) {
	dir, err := os.MkdirTemp("", "gatelatch") // t.TempDir would be out of reach for the other user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary lies where only we can read it.
	program := filepath.Join(dir, "second")
	if data, err := os.ReadFile(self); err != nil || os.WriteFile(program, data, 0o755) != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	cmd := role(t, "open", dir)
	cmd.Path = program
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}} // root may write anywhere
	}
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(string(out), "the data folder "+dir+" cannot be written") {
		t.Errorf("got %v\n%s", err, out)
	}
}
