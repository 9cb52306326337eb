package storage

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Tx is where verbs run: the transaction of a unit of work, a snapshot, or single statements. It is valid only inside the
// function it was given to; one from View, as long as its context. Not for concurrent use, unless from View.
type Tx struct{ statements }

// statements runs SQL, whose text is the same for both engines: $1 placeholders, Go bool for flags, []byte for binary.
type statements interface {
	// exec runs a statement and returns how many rows it changed.
	exec(query string, args ...any) (rows int64, err error)
	// each calls scan for every row. scan must not run statements of its own: PostgreSQL's connection is taken.
	each(query string, args []any, scan func(scanner) error) error
}

// scanner is the row at hand.
type scanner interface{ Scan(dst ...any) error }

// row is a query of which only the first row matters.
type row struct {
	in    statements
	query string
	args  []any
}

// row prepares a query for at most one row, which Scan runs.
func (tx Tx) row(query string, args ...any) row { return row{tx.statements, query, args} }

// errEnough ends each after the first row.
var errEnough = errors.New("enough")

// Scan runs the query and reads its first row; ErrNotFound if there is none.
func (r row) Scan(dst ...any) error {
	err := r.in.each(r.query, r.args, func(s scanner) error {
		if err := s.Scan(dst...); err != nil {
			return err
		}
		return errEnough
	})
	switch err {
	case errEnough:
		return nil
	case nil:
		return ErrNotFound
	}
	return err
}

// unit is one run of a unit of work. It makes both engines agree on two things: after a failed statement nothing more
// happens (PostgreSQL aborts the transaction; SQLite may have rolled all of it back and would run the rest outside), and
// no statement runs while rows are being read.
type unit struct {
	statements
	readOnly bool
	reading  bool
	failed   error
}

var (
	errReadOnly = errors.New("storage: a read cannot write")
	errReading  = errors.New("storage: statement while rows are being read")
)

func (u *unit) exec(query string, args ...any) (int64, error) {
	switch {
	case u.failed != nil:
		return 0, u.failed
	case u.reading:
		return 0, errReading
	case u.readOnly:
		return 0, errReadOnly
	}
	n, err := u.statements.exec(query, args...)
	u.failed = err
	return n, err
}

func (u *unit) each(query string, args []any, scan func(scanner) error) error {
	switch {
	case u.failed != nil:
		return u.failed
	case u.reading:
		return errReading
	}
	u.reading = true
	defer func() { u.reading = false }()
	var wanted error // what scan said: the reader's own business
	err := u.statements.each(query, args, func(s scanner) error {
		wanted = scan(s)
		return wanted
	})
	if wanted == nil {
		u.failed = err
	}
	return err
}

// run calls f. The unit's own failure counts more than what f says: f may have ignored it. A panic is f's error.
func (u *unit) run(f func(Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a unit of work: %v\n%s", p, debug.Stack())
		}
	}()
	if err = f(Tx{u}); err == nil {
		err = u.failed
	}
	return err
}

// closedStatements is the Tx of a closed store.
type closedStatements struct{}

func (closedStatements) exec(string, ...any) (int64, error)            { return 0, ErrClosed }
func (closedStatements) each(string, []any, func(scanner) error) error { return ErrClosed }
