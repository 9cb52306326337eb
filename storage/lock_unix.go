//go:build unix

package storage

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks the open file against other processes, without waiting: errHeld.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}

// readOnlyFolder tells that err comes of a file system mounted read-only.
func readOnlyFolder(err error) bool { return errors.Is(err, syscall.EROFS) }
