package storage

import (
	"testing"
	"time"
)

func TestForgottenEventsKeepWhatAndNotWho(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		user, now := NewID(), time.Now().UnixMicro()
		err := s.Write(t.Context(), func(tx Tx) error {
			for range 5 {
				if err := tx.InsertEvent(Event{ID: NewID(), Kind: EventSignedIn, Actor: "user:" + user.String(), UserID: user, ClientID: "bookstore", IP: "192.0.2.1", Device: "Firefox", Detail: "code"}); err != nil {
					return err
				}
			}
			return tx.InsertEvent(Event{ID: NewID(), Kind: EventAddressAdded, Actor: "cli", UserID: user, Detail: "ann@example.com"})
		})
		if err != nil {
			t.Fatal(err)
		}
		forget := func(before int64) (rounds int) {
			for more := true; more; rounds++ {
				if err := s.Write(t.Context(), func(tx Tx) (err error) { more, err = tx.ForgetEvents(before, 2); return err }); err != nil || rounds > 20 {
					t.Fatalf("%v after %d rounds", err, rounds)
				}
			}
			return rounds
		}
		known := func() int {
			list, err := s.View(t.Context()).UserEvents(user, ID{}, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		forget(now - time.Hour.Microseconds())
		if n := known(); n != 6 {
			t.Fatalf("%d events are known, want 6: too much was forgotten", n)
		}
		forget(now + time.Hour.Microseconds())
		if n := known(); n != 0 {
			t.Errorf("%d events still say whom they are about", n)
		}
		list, err := s.View(t.Context()).Events(ID{}, 100)
		if err != nil || len(list) != 6 {
			t.Fatalf("%d events, %v", len(list), err)
		}
		if e := list[0]; e.Kind != EventAddressAdded || e.Actor != "cli" || e.Detail != "" {
			t.Errorf("the newest is %+v", e)
		}
		if e := list[1]; e.Kind != EventSignedIn || e.Actor != "user" || e.ClientID != "bookstore" || e.IP != "" || e.Device != "" || e.Detail != "code" {
			t.Errorf("a sign-in is %+v", e)
		}
	})
}
