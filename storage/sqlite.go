package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	databaseFile = "gatelatch.db"
	// keptPages is how many free pages stay in the file for the next rows, and vacuumPages how many are given back at once.
	keptPages, vacuumPages = 1024, 256
)

// sqliteEngine is one writer and several readers of a file in WAL mode.
type sqliteEngine struct {
	writer  *writer
	readers *readers
}

func openSQLite(ctx context.Context, o Options) (engine, error) {
	path, err := filepath.Abs(filepath.Join(o.Dir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		if err := createSQLite(ctx, path, o.vfs); err != nil {
			return nil, fmt.Errorf("make the database: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("open the database: %w", err)
	default:
		if err := inspect(ctx, path, info.Size()); err != nil {
			return nil, err
		}
		if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			o.Log.Warn("the database file was open to other users of this machine and has been closed to them", "file", path, "mode", info.Mode().Perm().String())
			if err := os.Chmod(path, 0o600); err != nil {
				return nil, fmt.Errorf("open the database: %w", err)
			}
		}
	}
	write := func() (*session, error) { return openSession(context.Background(), writerDSN(path, o.vfs)) }
	read := func() (*session, error) { return openSession(context.Background(), readerDSN(path, o.vfs)) }
	first, err := write()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := ready(ctx, first, writerDSN(path, o.vfs)); err != nil {
		return nil, errors.Join(err, first.close())
	}
	return &sqliteEngine{writer: startWriter(first, write, o.Log), readers: newReaders(read, o.Log)}, nil
}

// ready refuses a connection that is not durable the way we count on, and brings the tables up to date.
func ready(ctx context.Context, s *session, dsn string) error {
	var mode string
	if err := (Tx{s}).row("PRAGMA journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("the database cannot keep a write-ahead log here (journal mode %q): put the data folder on a local disk", mode)
	}
	return migrateSQLite(ctx, dsn)
}

func migrateSQLite(ctx context.Context, dsn string) error {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(migrate(ctx, db, goose.DialectSQLite3, "sqlite"), db.Close())
}

// dsn puts every setting into the address, because there it reaches each connection; an Exec reaches one of the pool.
func dsn(path string, query url.Values) string {
	if query.Get("vfs") == "" {
		query.Del("vfs")
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
}

// writerDSN makes COMMIT wait for the disk (synchronous FULL). SQLite moves its log into the file whenever 4 MB have come
// together, within one COMMIT: small enough that nobody notices.
func writerDSN(path, vfs string) string {
	return dsn(path, url.Values{
		"vfs":           {vfs},
		"_busy_timeout": {"5000"}, // a backup tool or a person with the sqlite3 shell may hold the lock for a moment
		"_auto_vacuum":  {"incremental"},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_txlock":       {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)", "temp_store(MEMORY)",
			"cache_size(-16384)", "journal_size_limit(67108864)", "wal_autocheckpoint(1000)"},
	})
}

func readerDSN(path, vfs string) string {
	return dsn(path, url.Values{
		"vfs":           {vfs},
		"mode":          {"ro"},
		"_busy_timeout": {"5000"},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_pragma":       {"query_only(1)", "trusted_schema(0)", "temp_store(MEMORY)", "cache_size(-4096)"},
	})
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) write(ctx context.Context, f func(Tx) error) error {
	return e.writer.write(ctx, f)
}

func (e *sqliteEngine) read(ctx context.Context, f func(Tx) error) error {
	return e.readers.read(ctx, f)
}

func (e *sqliteEngine) view(ctx context.Context) Tx { return Tx{lent{ctx, e.readers}} }

func (e *sqliteEngine) stats() Stats {
	return Stats{Units: e.writer.units.Load(), Commits: e.writer.commits.Load()}
}

// compact gives free pages back to the file system, a few in each unit of work.
func (e *sqliteEngine) compact(ctx context.Context) error {
	for {
		var free int
		if err := e.view(ctx).row("PRAGMA freelist_count").Scan(&free); err != nil || free <= keptPages {
			return err
		}
		if err := e.write(ctx, func(tx Tx) error {
			_, err := tx.exec("PRAGMA incremental_vacuum(" + strconv.Itoa(vacuumPages) + ")")
			return err
		}); err != nil {
			return err
		}
	}
}

// close leaves everything in the one file: the last connection takes the log in and removes it.
func (e *sqliteEngine) close() error {
	s := e.writer.close()
	err := e.readers.close()
	if s == nil {
		return err
	}
	return errors.Join(err, s.do("PRAGMA wal_checkpoint(TRUNCATE)"), s.close())
}

// sqliteError names what SQLite reports in the package's words.
func sqliteError(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
			return unavailable(err)
		}
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_ABORT:
		return unavailable(err)
	}
	return err
}

// unavailable marks an error as ErrUnavailable, once.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
