package storage

import (
	"context"
	"errors"
	"fmt"
)

// What can become of a statement or a unit of work. Compare with errors.Is; any other error is a mistake in the program.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the row contradicts one that is there (unique) or needs one that is not (foreign key).
	ErrConflict = errors.New("conflict")
	// ErrSpent says that a thing that works once has been used, or has had its time.
	ErrSpent = errors.New("spent")
	// ErrBusy says that the turn of a unit of work did not come before its deadline. Trying later helps.
	ErrBusy = errors.New("the database is busy")
	// ErrUnavailable says that the database cannot be read or written now: disk full, read-only or failing, server gone.
	// Nothing that was acknowledged is lost, and trying later may help.
	ErrUnavailable = errors.New("the database is not available")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrLocked says that another process uses the data folder.
	ErrLocked = errors.New("the data folder is in use by another process")
)

// Away reports whether err means that the store cannot answer now and may later: whoever asked is told to come back, and never
// that what they brought is bad.
func Away(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBusy) || errors.Is(err, ErrClosed)
}

// tooLate is the error of a unit of work whose context ended before its turn came.
func tooLate(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
	return ctx.Err()
}
