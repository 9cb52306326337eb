package storage

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks the open file against other processes, without waiting: errHeld.
func lockFile(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// readOnlyFolder tells that err comes of a volume that is write-protected.
func readOnlyFolder(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
