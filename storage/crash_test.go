package storage

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/e2e/loud"
)

func init() {
	// Writes from several goroutines until it is killed, and says so line by line once a unit has been acknowledged:
	// "name of the row". A line is one write call, so none is torn.
	roles["writers"] = func(dir string) int {
		s, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Println("error:", err)
			return 1
		}
		for c := range 8 {
			go func() {
				for i := 0; ; i++ {
					name := fmt.Sprint(os.Getpid(), "-", c, "-", i)
					if err := s.Write(context.Background(), func(tx Tx) error {
						// Two rows, which must be there both or not at all, and one that all writers fight for.
						return errors.Join(put(tx, name), put(tx, name+" twin"), tx.SpendBudget("fought for", 1<<60, 1<<60, 1))
					}); err != nil {
						fmt.Println("error:", err)
						os.Exit(1)
					}
					fmt.Println(name)
				}
			}()
		}
		select {}
	}
	// Writes one unit after the other, as many as asked for.
	roles["lone writes"] = func(dir string) int {
		s, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		n, err := strconv.Atoi(os.Getenv("GATELATCH_TEST_WRITES"))
		for i := 0; err == nil && i < n; i++ {
			err = s.Write(context.Background(), func(tx Tx) error { return put(tx, fmt.Sprint(i)) })
		}
		if err = errors.Join(err, s.Close()); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
}

// checkIntact reads through the whole file, as SQLite's own check does.
func checkIntact(t *testing.T, s *Store) {
	t.Helper()
	write(t, s, func(tx Tx) error {
		var verdict string
		if err := tx.row(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("the database is not intact: %s %v", verdict, err)
		}
		return nil
	})
}

func TestKill9LosesNothingAcknowledged(t *testing.T) {
	const kills = 20
	dir := t.TempDir()
	acknowledged, total := []string{}, 0
	for kill := range kills {
		cmd := role(t, "writers", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, ready := make(chan []string), make(chan struct{})
		go func() {
			var seen []string
			for in := bufio.NewScanner(out); in.Scan(); {
				if seen = append(seen, in.Text()); len(seen) == 1 {
					close(ready)
				}
			}
			lines <- seen
		}()
		select {
		case <-ready:
			time.Sleep(rand.N(60 * time.Millisecond))
		case <-time.After(20 * time.Second):
			t.Error("no unit was acknowledged within 20 s")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		seen := <-lines
		_ = cmd.Wait() // "killed"
		for _, line := range seen {
			if strings.HasPrefix(line, "error:") {
				t.Fatalf("kill %d: the writer reported %s", kill, line)
			}
		}
		acknowledged = append(acknowledged, seen...)
		total += len(seen)

		s := open(t, Options{Dir: dir})
		checkIntact(t, s)
		rows := map[string]bool{}
		if err := s.View(t.Context()).each(`SELECT name FROM settings`, nil, func(row scanner) error {
			var name string
			err := row.Scan(&name)
			rows[name] = true
			return err
		}); err != nil {
			t.Fatal(err)
		}
		units := 0
		for name := range rows {
			base, twin := strings.CutSuffix(name, " twin")
			if strings.Contains(name, "-") && !rows[base+map[bool]string{true: "", false: " twin"}[twin]] {
				t.Errorf("kill %d: %q is there without its twin", kill, name)
			}
			if twin {
				units++
			}
		}
		for _, name := range acknowledged {
			if !rows[name] {
				t.Errorf("kill %d: %q was acknowledged and is gone", kill, name)
			}
		}
		if left, _, err := s.View(t.Context()).BudgetLeft("fought for", 1<<60, 1); err != nil || 1<<60-left != int64(units) {
			t.Errorf("kill %d: counted %d units (%v) and find %d", kill, 1<<60-left, err, units)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < kills*8 {
		t.Errorf("only %d units were acknowledged before %d kills: that shows nothing", total, kills)
	}
	t.Logf("%d kills, %d acknowledged units, none lost", kills, total)
}

func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	d := newDisk(t)
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: d.name})
	d.record(t, dir)
	var (
		mu    sync.Mutex
		acked []string
		wait  sync.WaitGroup
	)
	const callers, units, cuts = 6, 250, 25
	value := strings.Repeat("x", 3000) // so that the log is taken into the file on the way, twice
	for c := range callers {
		wait.Go(func() {
			for i := range units {
				name := fmt.Sprint(c, "-", i)
				if err := s.Write(context.Background(), func(tx Tx) error {
					_, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, 0)`, name, value)
					return err
				}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, name)
				mu.Unlock()
			}
		})
	}
	for cut := range cuts {
		for next := (cut + 1) * callers * units / (cuts + 1); ; runtime.Gosched() {
			mu.Lock()
			n := len(acked)
			mu.Unlock()
			if n >= next || t.Failed() {
				break
			}
		}
		mu.Lock()
		promised := acked[:len(acked):len(acked)]
		mu.Unlock()
		image := t.TempDir()
		d.cutPower(t, image)
		after := open(t, Options{Dir: image})
		checkIntact(t, after)
		rows := map[string]bool{}
		if err := after.View(t.Context()).each(`SELECT name FROM settings`, nil, func(row scanner) error {
			var name string
			err := row.Scan(&name)
			rows[name] = true
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, name := range promised {
			if !rows[name] {
				t.Errorf("cut %d: %q was acknowledged and is gone", cut, name)
			}
		}
	}
	wait.Wait()
}

func TestEveryLoneWriteIsSyncedOnceBeforeItIsAcknowledged(t *testing.T) {
	d := newDisk(t)
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: d.name})
	write(t, s, func(tx Tx) error { return put(tx, "first") }) // begins the log, whose header is synced too
	d.record(t, dir)
	const n = 100
	syncs, stats := d.syncs.Load(), s.Stats()
	for i := range n {
		write(t, s, func(tx Tx) error { return put(tx, fmt.Sprint(i)) })
		if k := d.unsynced(); k != 0 {
			t.Fatalf("unit %d was acknowledged with %d writes not synced", i, k)
		}
	}
	if got := d.syncs.Load() - syncs; got != n {
		t.Errorf("%d units one after the other were synced %d times", n, got)
	}
	if got := s.Stats().Commits - stats.Commits; got != n {
		t.Errorf("%d commits were counted, want %d", got, n)
	}
}

func TestABatchIsSyncedOnceAndBeforeAnybodyIsAnswered(t *testing.T) {
	d := newDisk(t)
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: d.name})
	write(t, s, func(tx Tx) error { return put(tx, "first") })
	d.record(t, dir)
	var units []func(Tx) error
	for i := range 50 {
		units = append(units, func(tx Tx) error { return put(tx, fmt.Sprint(i)) })
	}
	syncs := d.syncs.Load()
	for i, err := range together(t, s, units...) {
		if err != nil {
			t.Errorf("unit %d: %v", i, err)
		}
	}
	// The unit that held the writer wrote nothing and needs no sync.
	if got := d.syncs.Load() - syncs; got != 1 || d.unsynced() != 0 {
		t.Errorf("a batch of %d units was synced %d times and left %d writes behind, want once and none", len(units), got, d.unsynced())
	}
	syncs = d.syncs.Load()
	var wait sync.WaitGroup
	before := s.Stats()
	for c := range 16 {
		wait.Go(func() {
			for i := range 25 {
				write(t, s, func(tx Tx) error { return put(tx, fmt.Sprint("more ", c, " ", i)) })
			}
		})
	}
	wait.Wait()
	if commits, got := s.Stats().Commits-before.Commits, uint64(d.syncs.Load()-syncs); got < commits {
		t.Errorf("%d commits were synced %d times", commits, got)
	}
}

func TestTheKernelIsAskedToSyncEveryCommit(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		loud.Skip(t, "strace, to count the syncs the kernel sees; at SQLite's door they are counted")
	}
	syncs := func(writes int) int {
		dir := t.TempDir()
		report := filepath.Join(t.TempDir(), "strace")
		cmd := role(t, "lone writes", dir)
		cmd.Args = append([]string{strace, "-f", "-q", "-e", "trace=fsync,fdatasync", "-o", report, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = strace
		cmd.Env = append(cmd.Env, "GATELATCH_TEST_WRITES="+strconv.Itoa(writes))
		if out, err := cmd.CombinedOutput(); err != nil {
			if strings.Contains(string(out), "ptrace") && os.Getenv("CI") == "" {
				t.Skipf("SKIPPED: strace may not trace here: %s", out)
			}
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		return len(regexp.MustCompile(`(?m)\b(fsync|fdatasync)(\(\d+\)| resumed>\)) += 0$`).FindAll(data, -1))
	}
	const n = 40
	few, many := syncs(1), syncs(1+n)
	if got := many - few; got != n {
		t.Errorf("%d more units meant %d more calls of fsync and fdatasync (%d and %d), want one each", n, got, few, many)
	}
}

func TestSyncCountingSeesALooserSetting(t *testing.T) {
	// What the counters above would show if the writer did not wait for the disk.
	d := newDisk(t)
	dir := t.TempDir()
	if err := open(t, Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	loose := strings.Replace(writerDSN(filepath.Join(dir, databaseFile), d.name), "FULL", "NORMAL", 1)
	db, err := sql.Open("sqlite", loose)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`INSERT INTO settings (name, value, updated) VALUES ('first', '', 0)`); err != nil {
		t.Fatal(err)
	}
	d.record(t, dir)
	before := d.syncs.Load()
	for i := range 10 {
		if _, err := db.Exec(`INSERT INTO settings (name, value, updated) VALUES ($1, '', 0)`, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.syncs.Load() - before; got != 0 || d.unsynced() == 0 {
		t.Errorf("without FULL there were %d syncs and %d unsynced writes: the counters cannot tell the difference", got, d.unsynced())
	}
}
