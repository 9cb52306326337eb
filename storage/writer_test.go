package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	benchRounds = 5
	benchTime   = 500 * time.Millisecond // of each side in each round
	// Below this the question is not the disk: a laptop's or a virtual disk that answers from its cache.
	honestSync = 500 * time.Microsecond
)

// BenchmarkWriter compares the writer with what one usually does: a database/sql pool with the same durability (WAL,
// synchronous FULL), BEGIN IMMEDIATE and busy_timeout, once as it comes and once limited to one connection. Each unit
// moves one grant to its next generation, the write of a refresh. Sides take turns within one run:
//
//	go test ./storage -run xxx -bench Writer -benchtime 1x
//
// GATELATCH_BENCH_SYNC=1ms makes every sync of every side that much slower (0: as it is). Without it that is done, and
// said, where a sync costs less than half a millisecond.
func BenchmarkWriter(b *testing.B) {
	cost := syncCost(b)
	delay, said := time.Duration(0), ""
	switch set := os.Getenv("GATELATCH_BENCH_SYNC"); {
	case set != "":
		var err error
		if delay, err = time.ParseDuration(set); err != nil {
			b.Fatal(err)
		}
		said = " plus the delay of GATELATCH_BENCH_SYNC: " + delay.String()
	case cost < honestSync:
		delay = time.Millisecond
		said = ", less than a disk that keeps its word: every sync of every side takes 1ms more"
	}
	heading := fmt.Sprintf("a sync in this folder costs %v%s", cost.Round(time.Microsecond), said)
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			sides := []side{writerSide(b, delay), poolSide(b, "pool", 0, delay), poolSide(b, "one connection", 1, delay)}
			for b.Loop() {
				compare(b, heading, sides, callers)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// side is one way to write.
type side struct {
	name  string
	write func(id ID) error
	ids   []ID
}

const benchUpdate = `UPDATE grants SET generation = generation + 1, rotated = $2, expires = expires + 1 WHERE id = $1 AND revoked_at = 0`

func writerSide(b *testing.B, delay time.Duration) side {
	d := newDisk(b)
	s := open(b, Options{Dir: b.TempDir(), vfs: d.name})
	ids := benchGrants(b, s)
	d.delay.Store(int64(delay))
	b.Cleanup(func() { d.delay.Store(0) })
	return side{"writer", func(id ID) error {
		return s.Write(context.Background(), func(tx Tx) error { return tx.one(benchUpdate, id, "1700000000000000") })
	}, ids}
}

func poolSide(b *testing.B, name string, connections int, delay time.Duration) side {
	d := newDisk(b)
	dir := b.TempDir()
	s := open(b, Options{Dir: dir})
	ids := benchGrants(b, s)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", writerDSN(filepath.Join(dir, databaseFile), d.name))
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(64)
	d.delay.Store(int64(delay))
	b.Cleanup(func() {
		d.delay.Store(0)
		db.Close()
	})
	return side{name, func(id ID) error {
		tx, err := db.Begin() // IMMEDIATE, by the address
		if err != nil {
			return sqliteError(err)
		}
		if _, err := tx.Exec(benchUpdate, id, "1700000000000000"); err != nil {
			return errors.Join(sqliteError(err), tx.Rollback())
		}
		return tx.Commit()
	}, ids}
}

func benchGrants(b *testing.B, s *Store) (ids []ID) {
	u := newUser(b, s)
	write(b, s, func(tx Tx) error {
		for range 2000 {
			g := newGrant(u)
			if ids = append(ids, g.ID); tx.InsertGrant(g) != nil {
				return errors.New("insert a grant")
			}
		}
		return nil
	})
	return ids
}

// result is what one side did in one round.
type result struct {
	rate     float64 // units a second
	p50, p99 time.Duration
	busy     int // units that met a locked database for longer than busy_timeout
}

// sample is what callers of one side saw.
type sample struct {
	times []time.Duration
	took  time.Duration
	busy  int
}

// measure lets callers write one unit after the other for a while.
func (m *sample) measure(b *testing.B, s side, callers int, during time.Duration) {
	times, busy := make([][]time.Duration, callers), make([]int, callers)
	var wait sync.WaitGroup
	start := time.Now()
	for c := range callers {
		wait.Go(func() {
			for time.Since(start) < during {
				id, begin := s.ids[rand.IntN(len(s.ids))], time.Now()
				switch err := s.write(id); {
				case errors.Is(err, ErrUnavailable):
					busy[c]++
				case err != nil:
					b.Error(err)
					return
				}
				times[c] = append(times[c], time.Since(begin))
			}
		})
	}
	wait.Wait()
	m.took += time.Since(start)
	m.times = append(m.times, slices.Concat(times...)...)
	for _, n := range busy {
		m.busy += n
	}
}

func (m *sample) result() result {
	slices.Sort(m.times)
	n := len(m.times)
	return result{rate: float64(n) / m.took.Seconds(), p50: m.times[n/2], p99: m.times[n*99/100], busy: m.busy}
}

// compare runs the rounds and reports medians; the first side against each of the others.
func compare(b *testing.B, heading string, sides []side, callers int) {
	rounds := make([][]result, len(sides))
	// What else the machine does comes and goes. Where units are short, sides take turns many times within a round.
	turns := 1
	if callers == 1 {
		turns = 20
	}
	for round := range benchRounds {
		samples := make([]sample, len(sides))
		for turn := range turns {
			for i := range sides {
				i = (i + round + turn) % len(sides) // nobody is always first
				samples[i].measure(b, sides[i], callers, benchTime/time.Duration(turns))
			}
		}
		for i := range sides {
			rounds[i] = append(rounds[i], samples[i].result())
		}
	}
	table := &strings.Builder{}
	for i, s := range sides {
		fmt.Fprintf(table, "\n%-15s", s.name)
		busy := 0
		for _, r := range rounds[i] {
			fmt.Fprintf(table, " %7.0f/s", r.rate)
			busy += r.busy
		}
		fmt.Fprintf(table, "   p50 %8v  p99 %8v", median(rounds[i], func(r result) time.Duration { return r.p50 }).Round(10*time.Microsecond),
			median(rounds[i], func(r result) time.Duration { return r.p99 }).Round(10*time.Microsecond))
		if busy > 0 {
			fmt.Fprintf(table, "  (%d gave up waiting for the lock)", busy)
		}
	}
	for i := 1; i < len(sides); i++ {
		var rates, tails []float64
		for round := range benchRounds {
			w, o := rounds[0][round], rounds[i][round]
			rates = append(rates, w.rate/o.rate)
			tails = append(tails, float64(o.p99)/float64(w.p99))
		}
		rate, tail := median(rates, self), median(tails, self)
		fmt.Fprintf(table, "\nwriter against %-15s %5.2f times the commits, p99 1/%.1f", sides[i].name+":", rate, tail)
		unit := strings.ReplaceAll(sides[i].name, " ", "-")
		b.ReportMetric(rate, "x-commits/"+unit)
		b.ReportMetric(tail, "x-p99/"+unit)
	}
	b.Logf("%s\n%d callers, %d rounds (commits a second in each; medians of p50, p99 and of the ratios within a round)%s", heading, callers, benchRounds, table)
}

func self[T any](v T) T { return v }

func median[R any, T float64 | time.Duration](rs []R, of func(R) T) T {
	var values []T
	for _, r := range rs {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// syncCost is the median time of a sync after a small write, in a folder like those of the sides.
func syncCost(b *testing.B) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var times []time.Duration
	for i := range 101 {
		if _, err := f.WriteAt(make([]byte, 4096), int64(i%8)*4096); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	return median(times, self)
}
