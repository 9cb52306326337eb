package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// makeFolder makes the data folder for its owner alone. One that is there already and wider is left as it is (a mounted
// volume may know better), with a warning: whoever can write to it can replace the database.
func makeFolder(o Options) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	info, err := os.Stat(o.Dir)
	if err != nil {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	if wide := info.Mode().Perm() & 0o077; wide != 0 && runtime.GOOS != "windows" {
		o.Log.Warn("the data folder is open to other users of this machine; chmod 700 closes it", "folder", o.Dir, "mode", info.Mode().Perm().String())
	}
	return nil
}

// lockFolder takes the folder for this process until unlock is called or the process ends. ErrLocked if another has it.
func lockFolder(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, "gatelatch.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) || readOnlyFolder(err) {
		return nil, fmt.Errorf("the data folder %s cannot be written: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	// The file stays: removing it would let a third process lock another file of the same name.
	return f.Close, nil
}

// errHeld is lockFile's answer when another process has the lock.
var errHeld = errors.New("held by another process")
