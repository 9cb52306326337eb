package storage

import "testing"

func TestWindowBudgets(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const limit, window = 3, 1000
		spend := func(now int64, want error) {
			t.Helper()
			is(t, "spend", s.Write(t.Context(), func(tx Tx) error { return tx.SpendBudget("b", limit, window, now) }), want)
		}
		left := func(now, want, renews int64) {
			t.Helper()
			n, at, err := s.View(t.Context()).BudgetLeft("b", limit, now)
			if err != nil || n != want || at != renews {
				t.Errorf("at %d: %d left until %d (%v), want %d until %d", now, n, at, err, want, renews)
			}
		}
		left(5, 3, 5)
		spend(10, nil)
		left(11, 2, 1010)
		spend(500, nil)
		spend(1009, nil)
		spend(1009, ErrSpent)
		left(1009, 0, 1010)
		spend(1010, nil) // a new window
		left(1010, 2, 2010)
		spend(1011, nil)
		spend(1012, nil)
		spend(1009, ErrSpent) // a caller whose time was taken a moment earlier opens no new window
		left(1009, 0, 2010)
		spend(9, nil) // the clock was set back: a window that begins so far in the future would last too long
		left(9, 2, 1009)
		write(t, s, func(tx Tx) error { return tx.ReturnBudget("b") })
		left(9, 3, 1009)
		write(t, s, func(tx Tx) error { return tx.ReturnBudget("b") }) // never more than the limit
		left(9, 3, 1009)
		spend(10, nil)
		write(t, s, func(tx Tx) error { return tx.RefundBudget("b") })
		left(11, 3, 11)
	})
}

func TestBuckets(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const burst, interval = 3, 100
		spend := func(now int64, want error) {
			t.Helper()
			is(t, "spend", s.Write(t.Context(), func(tx Tx) error { return tx.SpendBucket("b", burst, interval, now) }), want)
		}
		for range burst {
			spend(1000, nil)
		}
		spend(1000, ErrSpent)
		spend(1099, ErrSpent)
		spend(1100, nil) // one has dripped in
		spend(1100, ErrSpent)
		for range burst {
			spend(5000, nil) // full again, and no fuller
		}
		spend(5000, ErrSpent)
		spend(4990, ErrSpent) // a caller whose time was taken a moment earlier does not fill it
		spend(1000, nil)      // the clock was set back
	})
}
