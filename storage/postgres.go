package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// unitTries is how often a unit of work runs that collides with others (40001, 40P01); between two tries it waits,
	// at random, up to unitPause, twice that, four times …
	unitTries = 8
	unitPause = 2 * time.Millisecond
	// unitTime bounds a unit of work that has started, whatever its caller's context says: a server that does not answer.
	unitTime = 15 * time.Second
)

// postgresEngine is a pool of connections; each unit of work is a transaction of its own. The server batches their
// commits by itself.
type postgresEngine struct {
	db    *sql.DB
	units atomic.Uint64
}

func openPostgres(ctx context.Context, o Options) (engine, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read the PostgreSQL address: %w", err) // pgx leaves the password out
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "gatelatch"
	}
	db := stdlib.OpenDB(*config)
	connections := max(8, 4*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := readyPostgres(ctx, db, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &postgresEngine{db: db}, nil
}

// readyPostgres says what is wrong with the server and brings the tables up to date, one replica at a time.
func readyPostgres(ctx context.Context, db *sql.DB, o Options) error {
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	for _, setting := range []string{"fsync", "synchronous_commit"} {
		var value string
		if err := db.QueryRowContext(ctx, "SHOW "+setting).Scan(&value); err == nil && value == "off" {
			o.Log.Warn("PostgreSQL is set so that a crash can lose what was acknowledged", "setting", setting, "value", value)
		}
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 30)) // seconds between tries, tries
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	return migrate(ctx, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
}

func (e *postgresEngine) name() string { return "postgres" }

func (e *postgresEngine) stats() Stats {
	n := e.units.Load()
	return Stats{Units: n, Commits: n}
}

// compact has nothing to do: the server vacuums by itself.
func (e *postgresEngine) compact(context.Context) error { return nil }

func (e *postgresEngine) close() error { return e.db.Close() }

func (e *postgresEngine) view(ctx context.Context) Tx { return Tx{server{ctx, e.db}} }

func (e *postgresEngine) write(ctx context.Context, f func(Tx) error) error {
	return e.again(ctx, func() error {
		// The conditions of our UPDATEs are checked again after waiting for a row, which READ COMMITTED does and
		// the stricter levels answer with an error.
		err := e.transaction(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, f)
		if err == nil {
			e.units.Add(1)
		}
		return err
	})
}

func (e *postgresEngine) read(ctx context.Context, f func(Tx) error) error {
	return e.again(ctx, func() error {
		return e.transaction(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, f)
	})
}

// again runs a transaction until it does not collide with another any more.
func (e *postgresEngine) again(ctx context.Context, transaction func() error) error {
	for try := 1; ; try++ {
		err := transaction()
		if !errors.Is(err, errCollision) {
			return err
		}
		if try == unitTries {
			return unavailable(err)
		}
		select {
		case <-time.After(rand.N(unitPause << try)):
		case <-ctx.Done():
			return tooLate(ctx)
		}
	}
}

// transaction runs f once. Like on SQLite, ctx counts until f starts.
func (e *postgresEngine) transaction(ctx context.Context, options *sql.TxOptions, f func(Tx) error) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return tooLate(ctx)
		}
		return postgresError(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unitTime)
	defer cancel()
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		if err = postgresError(err); errors.Is(err, ErrUnavailable) {
			err = fmt.Errorf("%w: %w", errCollision, err) // with a restart of the server, for one: another connection may do
		}
		return err
	}
	u := unit{statements: server{ctx, tx}, readOnly: options.ReadOnly}
	err = u.run(f)
	if errors.Is(u.failed, errCollision) || errors.Is(u.failed, ErrUnavailable) {
		err = u.failed // what f made of it does not matter: the unit did not fail for a reason of its own
	}
	if err != nil {
		tx.Rollback() // a connection that is lost has done it already
		return err
	}
	return postgresError(tx.Commit())
}

// server runs statements in a transaction or, each on its own, on the pool.
type server struct {
	ctx context.Context
	db  interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}
}

func (s server) exec(query string, args ...any) (int64, error) {
	if _, pool := s.db.(*sql.DB); pool {
		return 0, errReadOnly
	}
	r, err := s.db.ExecContext(s.ctx, query, args...)
	if err != nil {
		return 0, s.error(err)
	}
	return r.RowsAffected()
}

func (s server) each(query string, args []any, scan func(scanner) error) error {
	rows, err := s.db.QueryContext(s.ctx, query, args...)
	if err != nil {
		return s.error(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return s.error(rows.Err())
}

func (s server) error(err error) error {
	if _, pool := s.db.(*sql.DB); pool && err != nil && s.ctx.Err() != nil {
		return tooLate(s.ctx)
	}
	return postgresError(err)
}

// errCollision marks a transaction that would succeed if it ran again.
var errCollision = errors.New("collided with another transaction")

// postgresError names what the server, or the way to it, reports in the package's words.
func postgresError(err error) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if lostConnection(err) {
			return unavailable(err)
		}
		return err
	}
	switch e.Code {
	case "23505", "23503": // unique_violation, foreign_key_violation
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return fmt.Errorf("%w: %w", errCollision, err)
	case "25006", "55P03", "57014", "XX001", "XX002": // read-only, lock not available, cancelled, corrupted
		return unavailable(err)
	}
	// Connection, resources (disk full, too many connections), shutting down or starting up, the system below.
	for _, class := range []string{"08", "53", "57P", "58"} {
		if strings.HasPrefix(e.Code, class) {
			return unavailable(err)
		}
	}
	return err
}

func lostConnection(err error) bool {
	var (
		network net.Error
		connect *pgconn.ConnectError
	)
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone)
}
