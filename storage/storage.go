// Package storage remembers: the types of what Gatelatch keeps, their SQL and their migrations, on SQLite (one file, the
// default) and on PostgreSQL.
//
// A change is a unit of work handed to [Store.Write]: SQL only, re-runnable, and on disk when Write returns. Reading is
// [Store.View] for single statements and [Store.Read] for a snapshot. What can be asked and changed are the verbs, methods
// of [Tx], one file for each thing that is remembered; verbs compose by taking the same Tx. The files that are not named
// after a thing are the engine below them: sqlite.go, writer.go, readers.go, postgres.go, migrate.go, lock.go, sweep.go.
//
// The package has no clock, no mailer, no hashing and no policy number: times, digests and limits are arguments. It has no
// interface either: there is one Store, and tests use the real one (storage/storagetest).
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Options say where the data is.
type Options struct {
	// Dir is the data folder; it is made, for its owner alone, if it does not exist. One process at a time may have it.
	// It holds gatelatch.db unless URL is set, and may be empty if it is.
	Dir string
	// URL of a PostgreSQL database ("postgres://…"); empty: SQLite in Dir.
	URL string
	// Log gets warnings about the folder and about trouble with the disk. It may be nil.
	Log *slog.Logger
	// Trace is told the text of every statement of a verb before it runs; nil in a server. For tests that count, in which it
	// must be safe for concurrent use.
	Trace func(query string)

	vfs string // name of another SQLite file system, for tests
}

// Store is the database, on either engine. It is safe for concurrent use.
type Store struct {
	engine  engine
	unlock  func() error
	closed  atomic.Bool
	changes atomic.Int64
	tell    func(query string)
}

// engine is what SQLite and PostgreSQL do each in their own way.
type engine interface {
	name() string
	write(context.Context, func(Tx) error) error
	read(context.Context, func(Tx) error) error
	view(context.Context) Tx
	compact(context.Context) error
	stats() Stats
	close() error
}

// Stats counts what the store has done since it was opened.
type Stats struct {
	Units   uint64 // units of work that are durable
	Commits uint64 // transactions that made them so: SQLite puts units that come at the same time into one
}

// Open opens the database, making it if there is none, and brings its tables up to date. It returns [ErrLocked] when
// another process has the data folder. Its errors are meant to be read by the person who starts the program. A damaged
// database is refused and left as it is.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Dir == "" && o.URL == "" {
		return nil, errors.New("storage needs a data folder or a PostgreSQL address")
	}
	s := &Store{unlock: func() error { return nil }, tell: o.Trace}
	if o.Dir != "" {
		if err := makeFolder(o); err != nil {
			return nil, err
		}
		unlock, err := lockFolder(o.Dir)
		if err != nil {
			return nil, err
		}
		s.unlock = unlock
	}
	var err error
	if o.URL != "" {
		s.engine, err = openPostgres(ctx, o)
	} else {
		s.engine, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name() }

// Stats returns the counters; it costs next to nothing.
func (s *Store) Stats() Stats { return s.engine.stats() }

// Write runs one unit of work: all of it becomes durable before Write returns nil, or none of it happens. If f returns an
// error, Write undoes what f did and returns that error as it is.
//
// f does SQL and nothing else, because it may run more than once (PostgreSQL) and inside a transaction that serves other
// callers, too (SQLite): it must not wait for anything, least of all for another Write. A statement that fails ends the
// unit even if f goes on.
//
// ctx says how long the unit may wait for its turn: [ErrBusy] if its deadline comes first, ctx.Err() if it is cancelled,
// and then f has not run and never will. Once f runs, ctx is not looked at any more and Write tells what became of it. A
// disk that is full or a database that is gone is [ErrUnavailable]; the store recovers by itself. [ErrClosed] after Close.
func (s *Store) Write(ctx context.Context, f func(Tx) error) error {
	if s.closed.Load() {
		return ErrClosed
	}
	changed := false
	err := s.engine.write(ctx, func(tx Tx) error {
		changed = false
		return f(Tx{noting{s.trace(tx).statements, &changed}})
	})
	if err == nil && changed {
		s.changes.Add(1)
	}
	return err
}

// Read runs f on one snapshot of the database; f must not write and should take well under a second, since SQLite cannot
// shorten its log while a snapshot is open. Errors are those of Write.
func (s *Store) Read(ctx context.Context, f func(Tx) error) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return s.engine.read(ctx, s.tracing(f))
}

// View returns a Tx for statements that only read, each on its own. Errors are those of Write.
func (s *Store) View(ctx context.Context) Tx {
	if s.closed.Load() {
		return Tx{closedStatements{}}
	}
	return s.trace(s.engine.view(ctx))
}

// Close finishes the units of work that wait, writes everything into the database file and gives the folder free. Whoever
// comes later gets [ErrClosed]. Closing twice is harmless.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := errors.Join(s.engine.close(), s.unlock()); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}
