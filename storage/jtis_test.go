package storage

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAUniqueIDCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		use := func(digest string) error {
			return s.Write(t.Context(), func(tx Tx) error { return tx.UseJTI([]byte(digest), 100) })
		}
		is(t, "first", use("a"), nil)
		is(t, "second", use("a"), ErrSpent)
		is(t, "another", use("b"), nil)
	})
}

func TestOfManyWhoUseOneIDAtOnceOneWins(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for round := range 5 {
			var won atomic.Int64
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					err := s.Write(t.Context(), func(tx Tx) error { return tx.UseJTI([]byte(fmt.Sprint(round)), 100) })
					if err == nil {
						won.Add(1)
					} else if !errors.Is(err, ErrSpent) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 {
				t.Fatalf("%d of 20 won, want 1", won.Load())
			}
		}
	})
}
