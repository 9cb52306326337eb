package storage

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// snapshotTime is how long a snapshot may stay open before we complain in the log: meanwhile SQLite cannot shorten its log.
const snapshotTime = time.Second

// readers are the read-only connections to SQLite, opened when first needed.
type readers struct {
	open func() (*session, error)
	log  *slog.Logger
	idle chan *session // nil stands for one that is not open yet
	quit chan struct{}
}

func newReaders(open func() (*session, error), log *slog.Logger) *readers {
	n := max(4, runtime.GOMAXPROCS(0))
	r := &readers{open: open, log: log, idle: make(chan *session, n), quit: make(chan struct{})}
	for range n {
		r.idle <- nil
	}
	return r
}

// borrow waits for a connection until ctx ends.
func (r *readers) borrow(ctx context.Context) (*session, error) {
	if ctx.Err() != nil {
		return nil, tooLate(ctx)
	}
	var s *session
	select {
	case s = <-r.idle:
	case <-ctx.Done():
		return nil, tooLate(ctx)
	case <-r.quit:
		return nil, ErrClosed
	}
	if s != nil {
		return s, nil
	}
	s, err := r.open()
	if err != nil {
		r.idle <- nil
		return nil, unavailable(err)
	}
	return s, nil
}

// giveBack returns a connection; after trouble it is closed, and the next reader opens another.
func (r *readers) giveBack(s *session, broken bool) {
	if broken {
		s.close()
		s = nil
	}
	r.idle <- s
}

// read runs f on one snapshot.
func (r *readers) read(ctx context.Context, f func(Tx) error) error {
	s, err := r.borrow(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	u := unit{statements: s, readOnly: true}
	if u.failed = s.do("BEGIN"); u.failed == nil {
		err = u.run(f)
	}
	if end := s.do("ROLLBACK"); u.failed == nil {
		u.failed = end
	}
	r.giveBack(s, u.failed != nil)
	if took := time.Since(start); took > snapshotTime {
		r.log.Warn("a snapshot of the database was open for long", "took", took)
	}
	if err == nil {
		err = u.failed
	}
	return err
}

// close waits for the readers that are at work and closes all connections.
func (r *readers) close() (err error) {
	close(r.quit)
	for range cap(r.idle) {
		if s := <-r.idle; s != nil {
			if e := s.close(); err == nil {
				err = e
			}
		}
	}
	return err
}

// lent is the Tx of View on SQLite: each statement borrows a connection.
type lent struct {
	ctx context.Context
	*readers
}

func (lent) exec(string, ...any) (int64, error) { return 0, errReadOnly }

func (l lent) each(query string, args []any, scan func(scanner) error) error {
	s, err := l.borrow(l.ctx)
	if err != nil {
		return err
	}
	u := unit{statements: s}
	defer func() { l.giveBack(s, u.failed != nil) }()
	return u.each(query, args, scan)
}
