package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFullFileSystemIsErrUnavailableUntilThereIsRoomAgain(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("gatelatch-test", dir, "tmpfs", 0, "size=3m,mode=0700"); err != nil {
		t.Skipf("SKIPPED, only simulated (TestADiskThatRefuses…): cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := open(t, Options{Dir: dir})
	write(t, s, func(tx Tx) error { return put(tx, "before") })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the file system: got %v, want that it is full", err)
	}
	value := strings.Repeat("x", 100_000) // more than what SQLite has reserved already
	fill := func(name string) error {
		return s.Write(t.Context(), func(tx Tx) error {
			_, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, 0)`, name, value)
			return err
		})
	}
	for i := range 5 {
		if err := fill(fmt.Sprint("lost ", i)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("on the full disk: got %v, want ErrUnavailable", err)
		}
	}
	if !has(t, s, "before") {
		t.Error("what was there cannot be read")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := fill("after"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if !has(t, s, "after") || has(t, s, "lost 0") {
		t.Error("the store holds something else than what was acknowledged")
	}
}
