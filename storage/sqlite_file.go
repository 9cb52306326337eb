package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

const (
	// applicationID marks our files in their header ("glat"), so that a database of another program is not migrated.
	applicationID = 0x676c6174
	// checkedSize is the size up to which a database is read through at every start; a bigger one would take too long.
	checkedSize = 32 << 20
)

// createSQLite makes the database under another name first. A start that is killed half-way leaves no file that looks like
// a damaged database, and a file that is empty or has no tables is known to be one.
func createSQLite(ctx context.Context, path, vfs string) error {
	draft := path + ".new"
	for _, old := range []string{draft, draft + "-wal", draft + "-shm", draft + "-journal"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // SQLite gives its other files the same mode
	if err != nil {
		return err
	}
	defer f.Close()
	if err := migrateSQLite(ctx, writerDSN(draft, vfs)+"&_pragma=application_id("+strconv.Itoa(applicationID)+")"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename durable.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // there a folder cannot be opened for that, and NTFS journals names
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// inspect refuses a file that is damaged or not ours, without changing anything in the folder.
func inspect(ctx context.Context, path string, size int64) (err error) {
	query := url.Values{"mode": {"ro"}, "_dqs": {"0"}}
	if wal, err := os.Stat(path + "-wal"); err != nil || wal.Size() == 0 {
		query.Set("immutable", "1") // nothing but the file itself is opened
	} else if _, err := os.Stat(path + "-shm"); errors.Is(err, fs.ErrNotExist) {
		defer os.Remove(path + "-shm") // SQLite rebuilds it whenever it is missing
	}
	db, err := sql.Open("sqlite", dsn(path, query))
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	defer db.Close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("the database %s is damaged, or not one of Gatelatch (%w). Nothing was changed. Restore a backup, or move the file away to start anew", path, err)
		}
	}()
	if size == 0 {
		return errors.New("the file is empty")
	}
	var id int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return errors.New("another program made it")
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if size > checkedSize {
		return nil
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(strings.Join(strings.Fields(verdict), " "))
	}
	return nil
}
