package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
)

// same compares what was written with what was read.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// must returns the value of a verb that cannot fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// is checks the error of a verb.
func is(t *testing.T, what string, got, want error) {
	t.Helper()
	if want == nil && got != nil || !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func newUser(t testing.TB, s *Store) User {
	t.Helper()
	u := User{ID: NewID(), Status: "active", Role: "none", Name: "Ann", Attributes: []byte(`{}`), Created: 5, Updated: 5}
	write(t, s, func(tx Tx) error { return tx.InsertUser(u) })
	return u
}

func newGrant(u User) Grant {
	return Grant{ID: NewID(), ClientID: "shop", UserID: u.ID, SessionID: NewID(), Secret: []byte("0123456789abcdef"), Scope: "openid email", Audience: "[]",
		AuthTime: 10, AMR: "otp", ACR: "urn:gatelatch:1", Request: "redirect_uri=x", Claims: `{"a":["x"]}`, CodeExpires: 100, Expires: 700}
}

func TestGrantsFromCodeToRevocation(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		u := newUser(t, s)
		g := newGrant(u)
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		now := func() Grant { return must(s.View(t.Context()).Grant(g.ID)) }
		run("insert", nil, func(tx Tx) error { return tx.InsertGrant(g) })
		same(t, "as inserted", now(), g)
		run("insert for nobody", ErrConflict, func(tx Tx) error { return tx.InsertGrant(newGrant(User{ID: NewID()})) })
		_, err := s.View(t.Context()).Grant(NewID())
		is(t, "a grant that is not there", err, ErrNotFound)

		run("rotate before the exchange", ErrSpent, func(tx Tx) error { return tx.RotateGrant(g.ID, 0, 1, "50", 50, 900) })
		run("redeem too late", ErrSpent, func(tx Tx) error { return tx.RedeemCode(g.ID, 100, 900) })
		run("redeem", nil, func(tx Tx) error { return tx.RedeemCode(g.ID, 50, 800) })
		run("redeem again", ErrSpent, func(tx Tx) error { return tx.RedeemCode(g.ID, 50, 900) })
		g.CodeSpent, g.Generation, g.Request, g.Expires = 50, 1, "", 800
		same(t, "redeemed", now(), g)
		run("a miss after the exchange", nil, func(tx Tx) error { return tx.MissCode(g.ID, 60, 3) })
		same(t, "missed afterwards", now(), g)

		run("rotate from another generation", ErrSpent, func(tx Tx) error { return tx.RotateGrant(g.ID, 2, 3, "60", 60, 900) })
		run("rotate", nil, func(tx Tx) error { return tx.RotateGrant(g.ID, 1, 2, "60", 60, 900) })
		run("rotate a second time from there", ErrSpent, func(tx Tx) error { return tx.RotateGrant(g.ID, 1, 2, "60", 60, 900) })
		run("rotate after its end", ErrSpent, func(tx Tx) error { return tx.RotateGrant(g.ID, 2, 3, "60", 900, 1900) })
		g.Generation, g.Rotated, g.Expires = 2, "60", 900
		same(t, "rotated", now(), g)

		run("touch", nil, func(tx Tx) error { return tx.TouchGrant(g.ID, 70, 950) })
		run("touch after its end", nil, func(tx Tx) error { return tx.TouchGrant(g.ID, 950, 2000) })
		g.Expires = 950
		same(t, "touched", now(), g)

		session := NewID()
		run("move", nil, func(tx Tx) error { return tx.MoveSessionGrants(g.SessionID, session) })
		g.SID, g.SessionID = g.SessionID, session // tokens go on naming the session that the client knows
		same(t, "who knows the session", must(s.View(t.Context()).Farewells(session)), []Farewell{{ClientID: g.ClientID, UserID: g.UserID, SID: g.Sid()}})
		same(t, "of the session", must(s.View(t.Context()).SessionGrants(session, 80)), []Grant{g})
		moved, user, err := s.View(t.Context()).MovedSession(g.SID, g.ClientID)
		same(t, "what took the place", []any{moved, user, err}, []any{session, g.UserID, nil})
		_, _, err = s.View(t.Context()).MovedSession(g.SID, "another client")
		is(t, "another client's", err, ErrNotFound)
		_, _, err = s.View(t.Context()).MovedSession(session, g.ClientID)
		is(t, "what nothing moved from", err, ErrNotFound)
		same(t, "of the session, after its end", len(must(s.View(t.Context()).SessionGrants(session, 950))), 0)

		var first, second bool
		run("revoke", nil, func(tx Tx) (err error) { first, err = tx.RevokeGrant(g.ID, 90); return err })
		run("revoke again", nil, func(tx Tx) (err error) { second, err = tx.RevokeGrant(g.ID, 91); return err })
		same(t, "who was first", []bool{first, second}, []bool{true, false})
		run("rotate a revoked one", ErrSpent, func(tx Tx) error { return tx.RotateGrant(g.ID, 2, 3, "60", 60, 900) })
		g.RevokedAt = 90
		same(t, "revoked", now(), g)
		same(t, "of the session, revoked", len(must(s.View(t.Context()).SessionGrants(session, 80))), 0)
	})
}

func TestThreeMissesKillACode(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		g := newGrant(newUser(t, s))
		write(t, s, func(tx Tx) error { return tx.InsertGrant(g) })
		for i := range int64(3) {
			write(t, s, func(tx Tx) error { return tx.MissCode(g.ID, 20+i, 3) })
			got := must(s.View(t.Context()).Grant(g.ID))
			if spent := int64(0); got.CodeTries != i+1 || i < 2 && got.CodeSpent != spent || i == 2 && got.CodeSpent != 22 {
				t.Errorf("after %d misses: tries %d, spent %d", i+1, got.CodeTries, got.CodeSpent)
			}
		}
		is(t, "redeem a dead code", s.Write(t.Context(), func(tx Tx) error { return tx.RedeemCode(g.ID, 30, 900) }), ErrSpent)
	})
}

func TestGrantsEndWithTheirSessionOrPerson(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ann, bob := newUser(t, s), newUser(t, s)
		a1, a2, b := newGrant(ann), newGrant(ann), newGrant(bob)
		a2.SessionID = ID{} // tied to no session
		write(t, s, func(tx Tx) error { return errors.Join(tx.InsertGrant(a1), tx.InsertGrant(a2), tx.InsertGrant(b)) })
		revoked := func() (at []int64) {
			for _, g := range []Grant{a1, a2, b} {
				at = append(at, must(s.View(t.Context()).Grant(g.ID)).RevokedAt)
			}
			return at
		}
		same(t, "no session", must(s.View(t.Context()).Grant(a2.ID)).SessionID, ID{})
		write(t, s, func(tx Tx) error { return tx.RevokeSessionGrants(a1.SessionID, 30) })
		same(t, "after the session", revoked(), []int64{30, 0, 0})
		write(t, s, func(tx Tx) error { return tx.RevokeUserGrants(ann.ID, 40) })
		same(t, "after the person", revoked(), []int64{30, 40, 0})
		write(t, s, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		_, err := s.View(t.Context()).Grant(a1.ID)
		is(t, "a grant of a deleted person", err, ErrNotFound)
	})
}

func TestAGrantIsReadWithItsPersonAndAddress(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		u := newUser(t, s)
		g := newGrant(u)
		write(t, s, func(tx Tx) error { return tx.InsertGrant(g) })
		gotGrant, gotUser, gotEmail, err := s.View(t.Context()).GrantPerson(g.ID)
		is(t, "without an address", err, nil)
		same(t, "grant", gotGrant, g)
		same(t, "person", gotUser, u)
		same(t, "no address", gotEmail, Email{})
		write(t, s, func(tx Tx) error {
			return errors.Join(
				tx.InsertEmail(Email{UserID: u.ID, Address: "old@example.com", Typed: "old@example.com", VerifiedAt: 6, Created: 6}),
				tx.InsertEmail(Email{UserID: u.ID, Address: "ann@example.com", Typed: "Ann@Example.com", Primary: true, VerifiedAt: 7, Created: 7}))
		})
		_, _, gotEmail, err = s.View(t.Context()).GrantPerson(g.ID)
		is(t, "with addresses", err, nil)
		same(t, "primary address", gotEmail, Email{UserID: u.ID, Address: "ann@example.com", Typed: "Ann@Example.com", Primary: true, VerifiedAt: 7})
		_, _, _, err = s.View(t.Context()).GrantPerson(NewID())
		is(t, "a grant that is not there", err, ErrNotFound)
	})
}

// race lets callers at once try to do something with each of the rows, and counts by row who succeeded.
func race(t *testing.T, s *Store, rows, callers int, try func(tx Tx, row int) error) (won []int) {
	t.Helper()
	won = make([]int, rows)
	var mu sync.Mutex
	for row := range rows {
		var wait sync.WaitGroup
		start := make(chan struct{})
		for range callers {
			wait.Go(func() {
				<-start
				err := s.Write(context.Background(), func(tx Tx) error { return try(tx, row) })
				if err != nil && !errors.Is(err, ErrSpent) {
					t.Errorf("row %d: %v", row, err)
				}
				if err == nil {
					mu.Lock()
					won[row]++
					mu.Unlock()
				}
			})
		}
		close(start)
		wait.Wait()
	}
	return won
}

func TestRacingCallersRedeemEachCodeOnceAndRotateEachGrantOnce(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const codes, callers = 300, 8
		u := newUser(t, s)
		grants := make([]Grant, codes)
		write(t, s, func(tx Tx) error {
			for i := range grants {
				grants[i] = newGrant(u)
				if err := tx.InsertGrant(grants[i]); err != nil {
					return err
				}
			}
			return nil
		})
		for row, won := range race(t, s, codes, callers, func(tx Tx, row int) error { return tx.RedeemCode(grants[row].ID, 50, 800) }) {
			if won != 1 {
				t.Errorf("code %d was redeemed %d times", row, won)
			}
		}
		for row, won := range race(t, s, codes, callers, func(tx Tx, row int) error { return tx.RotateGrant(grants[row].ID, 1, 2, "60", 60, 800) }) {
			if won != 1 {
				t.Errorf("grant %d was rotated %d times", row, won)
			}
			if g := must(s.View(t.Context()).Grant(grants[row].ID)); g.Generation != 2 {
				t.Errorf("grant %d is at generation %d, want 2", row, g.Generation)
			}
		}
	})
}

func TestRacingCallersNeverGetPastABudget(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const limit = 5
		for row, won := range race(t, s, 10, 20, func(tx Tx, row int) error { return tx.SpendBudget(fmt.Sprint("window ", row), limit, 1000, 1) }) {
			if won != limit {
				t.Errorf("budget %d was spent %d times, want %d", row, won, limit)
			}
		}
		for row, won := range race(t, s, 10, 20, func(tx Tx, row int) error { return tx.SpendBucket(fmt.Sprint("bucket ", row), limit, 1000, 1) }) {
			if won != limit {
				t.Errorf("bucket %d was spent %d times, want %d", row, won, limit)
			}
		}
	})
}
