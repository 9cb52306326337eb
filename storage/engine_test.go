package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/storage/postgrestest"
)

// TestMain lets the test binary be the second process that some tests need.
func TestMain(m *testing.M) {
	if role := os.Getenv("GATELATCH_TEST_ROLE"); role != "" {
		os.Exit(roles[role](os.Getenv("GATELATCH_TEST_DIR")))
	}
	os.Exit(m.Run())
}

// roles are what the second process can do with a data folder; they return its exit code.
var roles = map[string]func(dir string) int{}

// role prepares the second process.
func role(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	if roles[name] == nil {
		t.Fatalf("there is no role %q", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "GATELATCH_TEST_ROLE="+name, "GATELATCH_TEST_DIR="+dir)
	return cmd
}

// each runs a test on both engines.
func each(t *testing.T, test func(*testing.T, *Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, Options{Dir: t.TempDir()})) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, Options{URL: postgrestest.URL(t)})) })
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// put and has write and look for a row that means nothing.
func put(tx Tx, name string) error {
	_, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, '', 0)`, name)
	return err
}

func has(t testing.TB, s *Store, name string) bool {
	t.Helper()
	var n int
	if err := s.View(context.Background()).row(`SELECT count(*) FROM settings WHERE name = $1`, name).Scan(&n); err != nil {
		t.Fatalf("look for %s: %v", name, err)
	}
	return n == 1
}

func write(t testing.TB, s *Store, f func(Tx) error) {
	t.Helper()
	if err := s.Write(context.Background(), f); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// occupy keeps the writer busy until release is called; what comes first is done on its goroutine.
func occupy(t *testing.T, s *Store, first ...func()) (release func()) {
	t.Helper()
	started, hold, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Write(context.Background(), func(Tx) error {
			for _, f := range first {
				f()
			}
			close(started)
			<-hold
			return nil
		})
	}()
	<-started
	return sync.OnceFunc(func() {
		close(hold)
		if err := <-done; err != nil {
			t.Errorf("the unit that kept the writer busy: %v", err)
		}
	})
}

// together runs units of work so that on SQLite they share a transaction, in that order, and returns their errors.
func together(t *testing.T, s *Store, units ...func(Tx) error) []error {
	t.Helper()
	errs := make([]error, len(units))
	lite, ok := s.engine.(*sqliteEngine)
	if !ok {
		for i, f := range units {
			errs[i] = s.Write(context.Background(), f)
		}
		return errs
	}
	// Both run on the writer's goroutine: the unit that keeps it busy shares with nobody, the first of ours with all that wait.
	release := occupy(t, s, func() { lite.writer.hold = -1 })
	units[0] = func(f func(Tx) error) func(Tx) error {
		return func(tx Tx) error {
			lite.writer.hold = time.Hour
			return f(tx)
		}
	}(units[0])
	var wait sync.WaitGroup
	for i, f := range units {
		wait.Go(func() { errs[i] = s.Write(context.Background(), f) })
		for len(lite.writer.queue) != i+1 {
			runtime.Gosched()
		}
	}
	before := s.Stats()
	release()
	wait.Wait()
	if n := s.Stats().Commits - before.Commits; n > 2 { // the one that held the writer, and the batch
		t.Errorf("%d units that waited together took %d commits, want 1", len(units), n-1)
	}
	return errs
}

func TestWhatAUnitWritesIsThereAndWhatAFailedOneWritesIsNot(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error { return put(tx, "kept") })
		mine := errors.New("changed my mind")
		err := s.Write(t.Context(), func(tx Tx) error {
			if err := put(tx, "dropped"); err != nil {
				return err
			}
			return mine
		})
		if err != mine {
			t.Errorf("got %v, want the unit's own error as it is", err)
		}
		if !has(t, s, "kept") || has(t, s, "dropped") {
			t.Errorf("kept: %v, dropped: %v; want true, false", has(t, s, "kept"), has(t, s, "dropped"))
		}
	})
}

func TestErrorsInsideABatchRollBackAlone(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error { return put(tx, "taken") })
		mine := errors.New("changed my mind")
		after := func(name string, then func(Tx) error) func(Tx) error {
			return func(tx Tx) error {
				if err := put(tx, name); err != nil {
					return err
				}
				return then(tx)
			}
		}
		fine := func(Tx) error { return nil }
		errs := together(t, s,
			after("bad 0", func(Tx) error { return mine }), // first: runs without a savepoint
			after("good 1", fine),
			after("bad 2", func(Tx) error { return mine }),
			after("good 3", fine),
			after("bad 4", func(tx Tx) error { return put(tx, "taken") }),
			after("good 5", fine),
			after("bad 6", func(Tx) error { panic("at the disco") }),
			after("good 7", fine),
			after("bad 8", func(tx Tx) error {
				return tx.InsertSession(Session{ID: NewID(), Digest: []byte{1}, UserID: NewID()}) // there is no such person
			}),
			after("good 9", fine),
		)
		for i, err := range errs {
			name := fmt.Sprintf("%s %d", []string{"bad", "good"}[i%2], i)
			if good := i%2 == 1; good != (err == nil) || good != has(t, s, name) {
				t.Errorf("%s: error %v, there: %v", name, err, has(t, s, name))
			}
		}
		if errs[0] != mine || errs[2] != mine {
			t.Errorf("own errors came back as %v and %v", errs[0], errs[2])
		}
		for _, i := range []int{4, 8} {
			if !errors.Is(errs[i], ErrConflict) {
				t.Errorf("unit %d: got %v, want ErrConflict", i, errs[i])
			}
		}
		if errs[6] == nil || !strings.Contains(errs[6].Error(), "at the disco") || !strings.Contains(errs[6].Error(), "engine_test.go") {
			t.Errorf("a panic came back as %v, want its text and where it was", errs[6])
		}
	})
}

func TestAUnitSeesWhatTheOneBeforeItInTheBatchWrote(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	errs := together(t, s,
		func(tx Tx) error { return put(tx, "same") },
		func(tx Tx) error { return put(tx, "same") },
	)
	if errs[0] != nil || !errors.Is(errs[1], ErrConflict) {
		t.Errorf("got %v, want nil and ErrConflict", errs)
	}
}

func TestAFailedStatementEndsTheUnitEvenIfIgnored(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error { return put(tx, "taken") })
		var second error
		err := s.Write(t.Context(), func(tx Tx) error {
			_ = put(tx, "taken")
			second = put(tx, "after")
			return nil
		})
		if !errors.Is(err, ErrConflict) || !errors.Is(second, ErrConflict) {
			t.Errorf("the unit got %v and its second statement %v, want ErrConflict for both", err, second)
		}
		if has(t, s, "after") {
			t.Error("what came after the failed statement is there")
		}
	})
}

func TestNoRowIsErrNotFoundAndDoesNotEndTheUnit(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error {
			if err := tx.row(`SELECT name FROM settings WHERE name = $1`, "nobody").Scan(new(string)); err != ErrNotFound {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			return put(tx, "after")
		})
		if !has(t, s, "after") {
			t.Error("the unit did not go on")
		}
	})
}

func TestAStatementWhileRowsAreReadIsRefusedOnBothEngines(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error { return put(tx, "row") })
		err := s.Write(t.Context(), func(tx Tx) error {
			return tx.each(`SELECT name FROM settings`, nil, func(scanner) error { return put(tx, "inner") })
		})
		if !errors.Is(err, errReading) {
			t.Errorf("got %v, want errReading", err)
		}
	})
}

func TestReadsCannotWrite(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		if err := s.Read(t.Context(), func(tx Tx) error { return put(tx, "x") }); !errors.Is(err, errReadOnly) {
			t.Errorf("Read: got %v, want errReadOnly", err)
		}
		if err := put(s.View(t.Context()), "x"); !errors.Is(err, errReadOnly) {
			t.Errorf("View: got %v, want errReadOnly", err)
		}
		if has(t, s, "x") {
			t.Error("it was written")
		}
	})
}

func TestReadIsASnapshot(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		count := func(tx Tx) (n int) {
			if err := tx.row(`SELECT count(*) FROM settings`).Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		before := count(s.View(t.Context()))
		if err := s.Read(t.Context(), func(tx Tx) error {
			if n := count(tx); n != before {
				t.Errorf("the snapshot begins with %d rows, want %d", n, before)
			}
			if err := s.Write(context.Background(), func(tx Tx) error { return put(tx, "later") }); err != nil {
				return err
			}
			if n := count(tx); n != before {
				t.Errorf("the snapshot has %d rows after another's write, want %d", n, before)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n := count(s.View(t.Context())); n != before+1 {
			t.Errorf("afterwards there are %d rows, want %d", n, before+1)
		}
	})
}

func TestACallerWhoLeftBeforeItsTurnIsNotRun(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Write(ctx, func(Tx) error {
			t.Error("it ran")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if err := s.Read(ctx, func(Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Read: got %v, want context.Canceled", err)
		}
		if err := s.View(ctx).row(`SELECT 1`).Scan(new(int)); !errors.Is(err, context.Canceled) {
			t.Errorf("View: got %v, want context.Canceled", err)
		}
	})
}

func TestACallerWhoLeavesTheQueueIsAnsweredAtOnceAndNeverRun(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	queue := s.engine.(*sqliteEngine).writer.queue
	release := occupy(t, s)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	left, stays := make(chan error), make(chan error)
	go func() {
		left <- s.Write(ctx, func(Tx) error { t.Error("it ran"); return nil })
	}()
	for len(queue) != 1 {
		runtime.Gosched()
	}
	go func() { stays <- s.Write(context.Background(), func(tx Tx) error { return put(tx, "stays") }) }()
	for len(queue) != 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) { // while the writer is still busy
		t.Errorf("got %v, want context.Canceled", err)
	}
	release()
	if err := <-stays; err != nil || !has(t, s, "stays") {
		t.Errorf("the one behind it: %v, there: %v", err, has(t, s, "stays"))
	}
}

func TestACallerWhoLeavesDuringItsUnitHearsWhatBecameOfIt(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Write(ctx, func(tx Tx) error {
			if err := put(tx, "first half"); err != nil {
				return err
			}
			cancel()
			return put(tx, "second half")
		})
		if err != nil || !has(t, s, "first half") || !has(t, s, "second half") {
			t.Errorf("error %v, halves there: %v %v; want both", err, has(t, s, "first half"), has(t, s, "second half"))
		}
		ctx, cancel = context.WithCancel(t.Context())
		mine := errors.New("changed my mind")
		if err := s.Write(ctx, func(tx Tx) error {
			cancel()
			_ = put(tx, "dropped")
			return mine
		}); err != mine || has(t, s, "dropped") {
			t.Errorf("error %v, there: %v; want the unit's own error and nothing there", err, has(t, s, "dropped"))
		}
	})
}

func TestAFullQueueIsErrBusyAtTheDeadline(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var releases []func()
		if lite, ok := s.engine.(*sqliteEngine); ok {
			releases = append(releases, occupy(t, s))
			var wait sync.WaitGroup
			defer wait.Wait()
			for range queueUnits {
				wait.Go(func() {
					if err := s.Write(context.Background(), func(Tx) error { return nil }); err != nil {
						t.Errorf("one of those who filled the queue: %v", err)
					}
				})
			}
			for len(lite.writer.queue) != queueUnits {
				runtime.Gosched()
			}
		} else {
			for range s.engine.(*postgresEngine).db.Stats().MaxOpenConnections {
				releases = append(releases, occupy(t, s))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := s.Write(ctx, func(Tx) error { t.Error("it ran"); return nil })
		if !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		for _, release := range releases {
			release()
		}
		write(t, s, func(tx Tx) error { return put(tx, "afterwards") })
	})
}

func TestAUnitThatEndsTheGoroutineHarmsNobody(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	if err := s.Write(t.Context(), func(tx Tx) error {
		_ = put(tx, "dropped")
		runtime.Goexit()
		return nil
	}); !errors.Is(err, errGoexit) {
		t.Errorf("got %v, want errGoexit", err)
	}
	write(t, s, func(tx Tx) error { return put(tx, "next") })
	if has(t, s, "dropped") {
		t.Error("what it had written is there")
	}
}

func TestCloseFinishesWhatWaitsAndRefusesWhatComesLater(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	queue := s.engine.(*sqliteEngine).writer.queue
	release := occupy(t, s)
	const n = 20
	errs := make(chan error, n)
	for i := range n {
		go func() {
			errs <- s.Write(context.Background(), func(tx Tx) error { return put(tx, fmt.Sprint("waiting ", i)) })
		}()
	}
	for len(queue) != n {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for !s.closed.Load() {
		runtime.Gosched()
	}
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := <-errs; err != nil {
			t.Errorf("one that waited: %v", err)
		}
	}
	if err := s.Write(t.Context(), func(Tx) error { return nil }); err != ErrClosed {
		t.Errorf("Write: got %v, want ErrClosed", err)
	}
	if err := s.Read(t.Context(), func(Tx) error { return nil }); err != ErrClosed {
		t.Errorf("Read: got %v, want ErrClosed", err)
	}
	if err := s.View(t.Context()).row(`SELECT 1`).Scan(new(int)); err != ErrClosed {
		t.Errorf("View: got %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := os.Stat(dir + "/" + databaseFile + "-wal"); err == nil {
		t.Error("the write-ahead log is still there: copying the file by hand would lose rows")
	}
	again := open(t, Options{Dir: dir})
	for i := range n {
		if name := fmt.Sprint("waiting ", i); !has(t, again, name) {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestConcurrentCallersShareCommits(t *testing.T) {
	d := newDisk(t)
	s := open(t, Options{Dir: t.TempDir(), vfs: d.name})
	d.delay.Store(int64(2 * time.Millisecond))
	before := s.Stats()
	var wait sync.WaitGroup
	const callers, each = 32, 20
	for c := range callers {
		wait.Go(func() {
			for i := range each {
				write(t, s, func(tx Tx) error { return put(tx, fmt.Sprint(c, " ", i)) })
			}
		})
	}
	wait.Wait()
	after := s.Stats()
	if n := after.Units - before.Units; n != callers*each {
		t.Errorf("%d units counted, want %d", n, callers*each)
	}
	if n := after.Commits - before.Commits; n > callers*each/4 {
		t.Errorf("%d commits for %d units of %d callers, want far fewer", n, callers*each, callers)
	}
}

func TestCollidingTransactionsOnPostgresRunAgain(t *testing.T) {
	s := open(t, Options{URL: postgrestest.URL(t)})
	write(t, s, func(tx Tx) error { return errors.Join(put(tx, "a"), put(tx, "b")) })
	touch := func(tx Tx, name string) error {
		return tx.one(`UPDATE settings SET updated = updated + 1 WHERE name = $1`, name)
	}
	// Each takes one row and then wants the other's: a deadlock, which the server resolves by aborting one.
	var meet, wait sync.WaitGroup
	meet.Add(2)
	runs := make([]int, 2)
	for i, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wait.Go(func() {
			if err := s.Write(context.Background(), func(tx Tx) error {
				if err := touch(tx, order[0]); err != nil {
					return err
				}
				if runs[i]++; runs[i] == 1 {
					meet.Done()
					meet.Wait()
				}
				return touch(tx, order[1])
			}); err != nil {
				t.Errorf("%v: %v", order, err)
			}
		})
	}
	wait.Wait()
	// On a slow machine the one that was aborted may collide again before the other is through.
	if runs[0]+runs[1] < 3 {
		t.Errorf("the units ran %v times, want one of them more than once", runs)
	}
	for _, name := range []string{"a", "b"} {
		var n int
		if err := s.View(t.Context()).row(`SELECT updated FROM settings WHERE name = $1`, name).Scan(&n); err != nil || n != 2 {
			t.Errorf("%s was changed %d times (%v), want 2", name, n, err)
		}
	}
}

func TestPostgresThatIsGoneIsErrUnavailableAndAConnectionThatBreaksIsReplaced(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, Options{URL: url})
	err := s.Write(t.Context(), func(tx Tx) error {
		if err := put(tx, "lost"); err != nil {
			return err
		}
		// The server ends our connection in the middle of the unit, as it does when it shuts down.
		return tx.row(`SELECT pg_terminate_backend(pg_backend_pid())`).Scan(new(bool))
	})
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	write(t, s, func(tx Tx) error { return put(tx, "next") })
	if has(t, s, "lost") {
		t.Error("half a unit is there")
	}
	if _, err := Open(t.Context(), Options{URL: "postgres://nobody:secret-word@127.0.0.1:1/none?connect_timeout=1"}); err == nil || strings.Contains(err.Error(), "secret-word") {
		t.Errorf("without a server: %v; want an error that does not show the password", err)
	}
}

// logged collects what a store logs.
func logged() (*slog.Logger, *strings.Builder) {
	var b strings.Builder
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
