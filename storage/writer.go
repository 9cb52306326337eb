package storage

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"
)

// One batch takes at most this many units of work, or this long before its COMMIT. docs/decisions/0002-one-writer.md
const (
	batchUnits = 128
	batchTime  = 5 * time.Millisecond
	queueUnits = 256
)

// writer is the one goroutine that writes to SQLite, on the one connection it owns. What has queued up while the last
// COMMIT waited for the disk goes into the next transaction together, each unit of work in a SAVEPOINT of its own.
type writer struct {
	open  func() (*session, error)
	log   *slog.Logger
	queue chan *job
	quit  chan struct{}
	ended chan struct{}

	units, commits atomic.Uint64

	// of the goroutine alone
	session *session      // nil: the next batch opens one
	batch   []*job        // ran in the open transaction, and wait for its COMMIT
	hold    time.Duration // batchTime, but in tests
	crowded bool          // the last batch served several callers
	sick    bool          // the last batch failed; logged once
}

// job is a unit of work on its way through the queue.
type job struct {
	f     func(Tx) error
	owner atomic.Int32 // nobody, the writer, or the caller who gave up: whoever comes first
	err   error        // valid once done is closed
	done  chan struct{}
}

const (
	ownedByWriter = 1
	ownedByCaller = 2
)

// startWriter starts the goroutine. open makes its connection, now and whenever the last one has broken.
func startWriter(first *session, open func() (*session, error), log *slog.Logger) *writer {
	w := &writer{
		open: open, log: log, session: first, hold: batchTime,
		queue: make(chan *job, queueUnits), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.loop()
	return w
}

// write queues f and waits for what becomes of it.
func (w *writer) write(ctx context.Context, f func(Tx) error) error {
	if ctx.Err() != nil {
		return tooLate(ctx)
	}
	j := &job{f: f, done: make(chan struct{})}
	select {
	case w.queue <- j:
	case <-ctx.Done():
		return tooLate(ctx)
	case <-w.quit:
		return ErrClosed
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		if j.owner.CompareAndSwap(0, ownedByCaller) {
			return tooLate(ctx)
		}
	case <-w.ended:
		if j.owner.CompareAndSwap(0, ownedByCaller) {
			return ErrClosed
		}
	}
	<-j.done // it has started: in a moment we know
	return j.err
}

// close runs what is in the queue, ends the goroutine and returns its connection (nil if it has none).
func (w *writer) close() *session {
	close(w.quit)
	<-w.ended
	return w.session
}

func (w *writer) loop() {
	done := false
	defer func() {
		if done {
			close(w.ended)
			return
		}
		w.settle(errGoexit)
		go w.loop()
	}()
	for {
		select {
		case j := <-w.queue:
			w.transaction(j)
		case <-w.quit:
			for j := w.next(); j != nil; j = w.next() {
				w.transaction(j)
			}
			done = true
			return
		}
	}
}

// next takes a job from the queue, nil if none waits.
func (w *writer) next() *job {
	select {
	case j := <-w.queue:
		return j
	default:
		return nil
	}
}

// transaction runs j and whatever waits behind it in one transaction and answers all of them.
func (w *writer) transaction(j *job) {
	start := time.Now()
	err := w.begin()
	for ; j != nil; j = w.another(start) {
		if !j.owner.CompareAndSwap(0, ownedByWriter) {
			continue // its caller has left
		}
		w.batch = append(w.batch, j)
		if err == nil {
			err = w.run(j)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.commit()
	}
	w.settle(err)
}

// another returns the next job of this batch. When none waits, it lets those run, once, who are about to bring one:
// callers who were answered by the last COMMIT and come back right away. A lone caller is spared that.
func (w *writer) another(start time.Time) *job {
	if len(w.batch) == batchUnits || time.Since(start) > w.hold {
		return nil
	}
	j := w.next()
	if j == nil && w.crowded {
		runtime.Gosched()
		j = w.next()
	}
	return j
}

func (w *writer) begin() (err error) {
	if w.session == nil {
		if w.session, err = w.open(); err != nil {
			return unavailable(err)
		}
	}
	return w.session.do("BEGIN IMMEDIATE")
}

// run executes one unit of work, the last of the batch, inside the open transaction. The error it returns is the
// transaction's, not the unit's.
func (w *writer) run(j *job) error {
	alone := len(w.batch) == 1 // in the transaction: no SAVEPOINT is needed to undo it
	if !alone {
		if err := w.session.do("SAVEPOINT unit"); err != nil {
			return err
		}
	}
	u := unit{statements: w.session}
	j.err = u.run(j.f)
	switch {
	case errors.Is(u.failed, ErrUnavailable):
		// SQLite may have rolled back more than this unit. What is left of the transaction is not worth trusting.
		return u.failed
	case alone && j.err != nil:
		// It saw nothing that is not durable, so its answer holds whatever becomes of those who follow.
		w.batch = w.batch[:0]
		close(j.done)
		if err := w.session.do("ROLLBACK"); err != nil {
			return err
		}
		return w.session.do("BEGIN IMMEDIATE")
	case alone:
		return nil
	case j.err != nil:
		if err := w.session.do("ROLLBACK TO unit"); err != nil {
			return err
		}
	}
	return w.session.do("RELEASE unit")
}

func (w *writer) commit() error {
	if len(w.batch) == 0 {
		return w.session.do("ROLLBACK")
	}
	return w.session.do("COMMIT")
}

// settle answers everybody in the batch. If the transaction failed, it failed for all: also a unit that reported an error
// of its own may have done so because of what another had written before it, and that is gone.
func (w *writer) settle(err error) {
	if err != nil {
		w.recover(err)
		err = unavailable(err)
	} else if w.sick {
		w.sick = false
		w.log.Info("the database can be written again")
	}
	w.crowded = len(w.batch) > 1
	durable := 0
	for _, j := range w.batch {
		if err != nil {
			j.err = err
		}
		if j.err == nil {
			durable++
		}
	}
	if durable > 0 {
		w.units.Add(uint64(durable))
		w.commits.Add(1)
	}
	for i, j := range w.batch {
		close(j.done)
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
}

// errGoexit is what a batch gets when a unit of work ends the writer's goroutine, as a test's FailNow does.
var errGoexit = errors.New("a unit of work ended its goroutine")

// recover makes sure that the next batch starts on a sound connection: a new one. What was written without COMMIT is
// rolled back by closing the old one.
func (w *writer) recover(err error) {
	if !w.sick {
		w.sick = true
		w.log.Error("the database cannot be written; trying again with every request", "error", err)
	}
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}
