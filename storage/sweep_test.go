package storage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

// count tells how many rows a table has.
func count(t testing.TB, s *Store, table string) (n int64) {
	t.Helper()
	if err := s.View(context.Background()).row(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSweepTakesWhatHasEndedAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const before, ended, lives = 1000, 999, 1000
		u := newUser(t, s)
		write(t, s, func(tx Tx) error {
			if err := tx.InsertClient(Client{ID: "shop", Nonce: []byte("n"), Type: "web", Source: "api"}); err != nil {
				return err
			}
			for i, expires := range []int64{ended, lives} {
				name := fmt.Sprint(i)
				g := newGrant(u)
				g.Expires = expires
				if err := errors.Join(
					tx.InsertFlow(Flow{ID: NewID(), Browser: []byte("b"), Expires: expires}),
					tx.InsertOTP(OTP{ID: NewID(), FlowID: NewID(), Nonce: []byte("n"), Expires: expires}),
					tx.InsertPending(Pending{Digest: []byte(name), Expires: expires}),
					tx.SpendBudget(name, 1, expires, 0),
					tx.UseJTI([]byte(name), expires),
					tx.InsertSession(Session{ID: NewID(), Digest: []byte(name), UserID: u.ID, Expires: expires}),
					tx.InsertGrant(g),
					tx.InsertClientSecret(ClientSecret{ID: NewID(), ClientID: "shop", Digest: []byte("d"), Expires: expires}),
					tx.InsertCaptured(Captured{ID: NewID(), Sealed: []byte("s"), Expires: expires}),
				); err != nil {
					return err
				}
			}
			// Revoked long before their end, a secret that never ends, a grant of an application that is gone.
			revoked, orphan := newGrant(u), newGrant(u)
			revoked.Expires, orphan.Expires, orphan.ClientID = 1<<60, 1<<60, "gone"
			session := Session{ID: NewID(), Digest: []byte("revoked"), UserID: u.ID, Expires: 1 << 60}
			if err := errors.Join(tx.InsertGrant(revoked), tx.InsertGrant(orphan), tx.InsertSession(session), tx.RevokeSession(session.ID, ended)); err != nil {
				return err
			}
			if _, err := tx.RevokeGrant(revoked.ID, ended); err != nil {
				return err
			}
			return tx.InsertClientSecret(ClientSecret{ID: NewID(), ClientID: "shop", Digest: []byte("d")})
		})
		n, err := s.Sweep(t.Context(), before)
		if err != nil || n != 9+3 {
			t.Errorf("swept %d rows (%v), want 12", n, err)
		}
		for table, want := range map[string]int64{"flows": 1, "otps": 1, "pending": 1, "budgets": 1, "used_jtis": 1, "sessions": 1, "grants": 1, "client_secrets": 2, "inbox": 1, "users": 1, "clients": 1} {
			if got := count(t, s, table); got != want {
				t.Errorf("%s has %d rows, want %d", table, got, want)
			}
		}
		if n, err := s.Sweep(t.Context(), before); err != nil || n != 0 {
			t.Errorf("the second time %d rows went (%v)", n, err)
		}
	})
}

func TestSweepGoesInSmallUnitsThatOthersComeBetween(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const rows = 3*sweepRows + 50
		u := newUser(t, s)
		write(t, s, func(tx Tx) error {
			for i := range rows {
				g := newGrant(u)
				g.Expires = 1
				if err := errors.Join(tx.SpendBudget(fmt.Sprint(i), 1, 1, 0), tx.InsertGrant(g)); err != nil {
					return err
				}
			}
			return nil
		})
		var most, deletes atomic.Int64
		s.engine = watched{s.engine, func(n int64) {
			if n > 0 {
				deletes.Add(1)
			}
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}}
		before := s.Stats().Units
		if n, err := s.Sweep(t.Context(), 1000); err != nil || n != 2*rows {
			t.Fatalf("swept %d rows (%v), want %d", n, err, 2*rows)
		}
		if most.Load() != sweepRows {
			t.Errorf("one statement deleted %d rows, want at most %d and sometimes that many", most.Load(), sweepRows)
		}
		if units := int64(s.Stats().Units - before); units < deletes.Load() || deletes.Load() != 8 {
			t.Errorf("%d deletes in %d units of work, want 8, each in its own", deletes.Load(), units)
		}
	})
}

func TestSweepEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error {
			for i := range 2 * sweepRows {
				if err := tx.SpendBudget(fmt.Sprint(i), 1, 1, 0); err != nil {
					return err
				}
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		s.engine = watched{s.engine, func(n int64) {
			if n > 0 {
				cancel()
			}
		}}
		n, err := s.Sweep(ctx, 1000)
		if !errors.Is(err, context.Canceled) || n != sweepRows {
			t.Errorf("swept %d rows (%v), want one batch and context.Canceled", n, err)
		}
		if left := count(t, s, "budgets"); left != sweepRows {
			t.Errorf("%d rows are left, want %d", left, sweepRows)
		}
	})
}

// watched tells how many rows each statement that writes has changed.
type watched struct {
	engine
	changed func(rows int64)
}

func (w watched) write(ctx context.Context, f func(Tx) error) error {
	return w.engine.write(ctx, func(tx Tx) error { return f(Tx{watchedStatements{tx.statements, w.changed}}) })
}

type watchedStatements struct {
	statements
	changed func(rows int64)
}

func (w watchedStatements) exec(query string, args ...any) (int64, error) {
	n, err := w.statements.exec(query, args...)
	w.changed(n)
	return n, err
}
