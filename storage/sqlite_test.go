package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

func TestEveryConnectionHasTheSettingsOfItsKind(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	setting := func(tx Tx, name string) (value string) {
		t.Helper()
		if err := tx.row("PRAGMA " + name).Scan(&value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return value
	}
	writer := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "temp_store": "2", "cache_size": "-16384", "trusted_schema": "0",
		"auto_vacuum": "2", "busy_timeout": "5000", "wal_autocheckpoint": "1000", "journal_size_limit": "67108864", "application_id": "1735156084"}
	write(t, s, func(tx Tx) error {
		for name, want := range writer {
			if got := setting(tx, name); got != want {
				t.Errorf("writer: %s is %s, want %s", name, got, want)
			}
		}
		return nil
	})
	// All readers at once, so that each is another connection.
	engine := s.engine.(*sqliteEngine)
	for range cap(engine.readers.idle) {
		c, err := engine.readers.borrow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer engine.readers.giveBack(c, false)
		for name, want := range map[string]string{"query_only": "1", "trusted_schema": "0", "busy_timeout": "5000", "journal_mode": "wal"} {
			if got := setting(Tx{c}, name); got != want {
				t.Errorf("reader: %s is %s, want %s", name, got, want)
			}
		}
		if _, err := c.exec(`DELETE FROM settings`); err == nil {
			t.Error("a reader's connection could write")
		}
	}
}

func TestAFolderWithoutAWriteAheadLogIsRefused(t *testing.T) {
	d := newDisk(t)
	d.remote.Store(true)
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), vfs: d.name})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "write-ahead log") || !strings.Contains(err.Error(), "local disk") {
		t.Errorf("got %v, want that the folder must be on a local disk", err)
	}
}

func TestDoubleQuotesAreNoTextOnAnyConnection(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	const misspelt = `SELECT "no_such_column" FROM settings`
	if err := s.View(t.Context()).row(misspelt).Scan(new(string)); err == nil || err == ErrNotFound {
		t.Errorf("reader: got %v, want an error", err)
	}
	if err := s.Write(t.Context(), func(tx Tx) error { return tx.row(misspelt).Scan(new(string)) }); err == nil || err == ErrNotFound {
		t.Errorf("writer: got %v, want an error", err)
	}
}

func TestFolderAndFilesAreForTheirOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	s := open(t, Options{Dir: dir})
	write(t, s, func(tx Tx) error { return put(tx, "x") })
	names := 0
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		names++
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if names != 5 { // folder, lock, database, -wal, -shm
		t.Errorf("looked at %d names, want 5", names)
	}
}

func TestWideFilesAreClosedAndAWideFolderIsWarnedOf(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows has no such modes")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, databaseFile)
	if err := open(t, Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	log, text := logged()
	open(t, Options{Dir: dir, Log: log})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v (%v), want 0600", info.Mode().Perm(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder has mode %v (%v), want it as it was", info.Mode().Perm(), err)
	}
	for _, want := range []string{"data folder is open to other users", "database file was open to other users"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, text)
		}
	}
}

func init() {
	roles["open"] = func(dir string) int {
		s, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		return map[bool]int{true: 0, false: 2}[s.Close() == nil]
	}
}

func TestASecondProcessOnTheFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	out, err := role(t, "open", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), ErrLocked.Error()) || !strings.Contains(string(out), dir) {
		t.Errorf("the second process: %v\n%s\nwant %q with the folder", err, out, ErrLocked)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second Open in this process: got %v, want ErrLocked", err)
	}
	write(t, s, func(tx Tx) error { return put(tx, "undisturbed") })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := role(t, "open", dir).CombinedOutput(); err != nil {
		t.Errorf("after the first has closed: %v\n%s", err, out)
	}
}

// picture is what a folder holds: name, size, content and mode of every file but the lock.
func picture(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == "gatelatch.lock" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %v %d %x %v\n", e.Name(), info.Mode(), len(data), sha256.Sum256(data), info.ModTime().UnixNano())
	}
	return b.String()
}

func TestADamagedDatabaseIsRefusedAndLeftAsItIs(t *testing.T) {
	sound := t.TempDir()
	s := open(t, Options{Dir: sound})
	for i := range 300 {
		write(t, s, func(tx Tx) error { return put(tx, fmt.Sprintf("%064d", i)) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(sound, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	foreign := func(dir string) error {
		db, err := sql.Open("sqlite", filepath.Join(dir, databaseFile))
		if err != nil {
			return err
		}
		_, err = db.Exec(`CREATE TABLE recipes (name TEXT)`)
		return errors.Join(err, db.Close())
	}
	spoil := func(change func([]byte) []byte) func(dir string) error {
		return func(dir string) error {
			return os.WriteFile(filepath.Join(dir, databaseFile), change(bytes.Clone(data)), 0o600)
		}
	}
	for name, make := range map[string]func(dir string) error{
		"empty file":         spoil(func([]byte) []byte { return nil }),
		"text":               spoil(func([]byte) []byte { return []byte("this is not a database\n") }),
		"noise":              spoil(func(b []byte) []byte { return bytes.Repeat([]byte{0xa5, 0x17}, len(b)/2) }),
		"first page lost":    spoil(func(b []byte) []byte { clear(b[:4096]); return b }),
		"half of it":         spoil(func(b []byte) []byte { return b[:len(b)/2] }),
		"a few bytes":        spoil(func(b []byte) []byte { return b[:100] }),
		"middle overwritten": spoil(func(b []byte) []byte { clear(b[len(b)/2 : len(b)/2+8192]); return b }),
		"of another program": foreign,
		"with a log after it": func(dir string) error { // of a process that was killed
			return errors.Join(spoil(func(b []byte) []byte { clear(b[:100]); return b })(dir), os.WriteFile(filepath.Join(dir, databaseFile+"-wal"), []byte("frames"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(dir); err != nil {
				t.Fatal(err)
			}
			before := picture(t, dir)
			s, err := Open(t.Context(), Options{Dir: dir})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			for _, want := range []string{filepath.Join(dir, databaseFile), "damaged", "Nothing was changed"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if after := picture(t, dir); after != before {
				t.Errorf("the folder was\n%sand is now\n%s", before, after)
			}
			if out, err := role(t, "open", dir).CombinedOutput(); err == nil || strings.Contains(string(out), ErrLocked.Error()) {
				t.Errorf("the refusal left the lock behind: %v\n%s", err, out)
			}
		})
	}
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	write(t, s, func(tx Tx) error {
		_, err := tx.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "newer version of Gatelatch") {
		t.Errorf("got %v", err)
	}
}

func TestAFirstStartThatWasKilledIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	for _, leftover := range []string{".new", ".new-wal", ".new-shm"} {
		if err := os.WriteFile(filepath.Join(dir, databaseFile+leftover), []byte("half a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: dir})
	write(t, s, func(tx Tx) error { return put(tx, "x") })
	left, err := filepath.Glob(filepath.Join(dir, "*.new*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestADiskThatRefusesIsErrUnavailableAndTheWriterRecoversByItself(t *testing.T) {
	for name, code := range map[string]int32{
		"full":             sqlite3.SQLITE_FULL,
		"read-only":        sqlite3.SQLITE_READONLY,
		"failing":          sqlite3.SQLITE_IOERR_WRITE,
		"failing to sync":  sqlite3.SQLITE_IOERR_FSYNC,
		"out of our reach": sqlite3.SQLITE_IOERR_ACCESS,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t)
			log, text := logged()
			s := open(t, Options{Dir: t.TempDir(), vfs: d.name, Log: log})
			write(t, s, func(tx Tx) error { return put(tx, "before") })
			d.refuse.Store(code)
			for i, err := range together(t, s,
				func(tx Tx) error { return put(tx, "lost 0") },
				func(tx Tx) error { return put(tx, "before") }, // a conflict, but with what? the batch is gone
				func(tx Tx) error { return put(tx, "lost 2") },
			) {
				if !errors.Is(err, ErrUnavailable) {
					t.Errorf("unit %d: got %v, want ErrUnavailable", i, err)
				}
			}
			if !has(t, s, "before") || has(t, s, "lost 0") || has(t, s, "lost 2") {
				t.Error("readers see something else than what was acknowledged")
			}
			d.refuse.Store(0)
			write(t, s, func(tx Tx) error { return put(tx, "after") })
			if !has(t, s, "after") || has(t, s, "lost 0") || has(t, s, "lost 2") {
				t.Error("after the trouble the store holds something else than what was acknowledged")
			}
			if n := strings.Count(text.String(), "cannot be written"); n != 1 {
				t.Errorf("the log tells of the trouble %d times, want once:\n%s", n, text)
			}
			if !strings.Contains(text.String(), "can be written again") {
				t.Errorf("the log does not tell of its end:\n%s", text)
			}
		})
	}
}

func TestALargeUnitThatFillsTheDiskInTheMiddleFailsAsAWhole(t *testing.T) {
	d := newDisk(t)
	s := open(t, Options{Dir: t.TempDir(), vfs: d.name})
	big := strings.Repeat("x", 1<<20)
	err := s.Write(t.Context(), func(tx Tx) error {
		// More than the page cache holds: SQLite writes to the log before COMMIT, meets the full disk there and rolls
		// everything back on its own. A unit that goes on must not land outside of the transaction.
		d.refuse.Store(sqlite3.SQLITE_FULL)
		for i := range 32 {
			_, _ = tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, 0)`, fmt.Sprint("big ", i), big)
		}
		d.refuse.Store(0)
		_ = put(tx, "stray")
		return nil
	})
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	for _, name := range []string{"big 0", "stray"} {
		if has(t, s, name) {
			t.Errorf("%s is there", name)
		}
	}
	write(t, s, func(tx Tx) error { return put(tx, "after") })
}

func TestFreePagesAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	value := strings.Repeat("x", 4000)
	write(t, s, func(tx Tx) error {
		for i := range 3 * keptPages {
			if _, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, 0)`, fmt.Sprint(i), value); err != nil {
				return err
			}
		}
		return nil
	})
	write(t, s, func(tx Tx) error {
		_, err := tx.exec(`DELETE FROM settings WHERE updated = 0`)
		return err
	})
	if _, err := s.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	var free int
	if err := s.View(t.Context()).row(`PRAGMA freelist_count`).Scan(&free); err != nil || free > keptPages || free < keptPages-vacuumPages {
		t.Errorf("%d free pages are kept (%v), want about %d", free, err, keptPages)
	}
}

func TestTheLogIsTakenInWhileWritersAreAtWork(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	value := strings.Repeat("x", 100_000)
	for i := range 300 { // 30 MB through the log
		write(t, s, func(tx Tx) error {
			_, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, 0) ON CONFLICT (name) DO UPDATE SET value = $2`, fmt.Sprint(i%10), value)
			return err
		})
	}
	info, err := os.Stat(filepath.Join(dir, databaseFile+"-wal"))
	if err != nil || info.Size() > 8<<20 {
		t.Errorf("the log has grown to %d bytes (%v), want about 4 MB", info.Size(), err)
	}
}
