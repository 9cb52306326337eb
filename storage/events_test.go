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

func TestEventsAreFoundByWhomTheyAreAboutKindAndApplication(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ann, ben := NewID(), NewID()
		rows := []Event{
			{ID: NewID(), Kind: EventSignedIn, Actor: "user:" + ann.String(), UserID: ann, ClientID: "bookstore"},
			{ID: NewID(), Kind: EventSignedIn, Actor: "user:" + ben.String(), UserID: ben, ClientID: "shop"},
			{ID: NewID(), Kind: EventSignedOut, Actor: "user:" + ann.String(), UserID: ann},
			{ID: NewID(), Kind: EventClientUpdated, Actor: "cli", ClientID: "shop"},
		}
		err := s.Write(t.Context(), func(tx Tx) error {
			for _, e := range rows {
				if err := tx.InsertEvent(e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			filter EventFilter
			want   []int
		}{
			"all":                  {EventFilter{}, []int{3, 2, 1, 0}},
			"a person":             {EventFilter{User: ann}, []int{2, 0}},
			"a kind":               {EventFilter{Kind: EventSignedIn}, []int{1, 0}},
			"kinds that begin so":  {EventFilter{Kind: "session"}, []int{2, 1, 0}},
			"no prefix of a word":  {EventFilter{Kind: "sess"}, nil},
			"no pattern":           {EventFilter{Kind: "%.%"}, nil},
			"an application":       {EventFilter{Client: "shop"}, []int{3, 1}},
			"all of it":            {EventFilter{User: ben, Kind: "session", Client: "shop", Since: time.Now().Add(-time.Hour).UnixMicro()}, []int{1}},
			"nothing so new":       {EventFilter{Since: time.Now().Add(time.Hour).UnixMicro()}, nil},
			"nothing of the other": {EventFilter{User: ben, Client: "bookstore"}, nil},
		} {
			got, err := s.View(t.Context()).EventsWith(c.filter, ID{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			var want []Event
			for _, i := range c.want {
				want = append(want, rows[i])
			}
			same(t, name, got, want)
		}
	})
}
