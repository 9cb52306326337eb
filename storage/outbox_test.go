package storage

import (
	"errors"
	"testing"
)

func TestOutbox(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		_, err := view.NextDelivery()
		is(t, "an empty outbox", err, ErrNotFound)
		a := Delivery{ID: NewID(), Kind: "mail", Payload: `{"a":1}`, Due: 20, Expires: 100}
		b := Delivery{ID: NewID(), Kind: "farewell", Payload: `{"b":1}`, Due: 10, Expires: 100}
		run("insert", nil, func(tx Tx) error { return errors.Join(tx.InsertDelivery(a), tx.InsertDelivery(b)) })
		same(t, "next", must(view.NextDelivery()), 10)
		same(t, "due at 10", must(view.DueDeliveries(10, 9, "")), []Delivery{b})
		same(t, "due at 20, the longest due first", must(view.DueDeliveries(20, 9, "")), []Delivery{b, a})
		same(t, "of one kind", must(view.DueDeliveries(20, 9, a.Kind)), []Delivery{a})
		same(t, "one at a time", must(view.DueDeliveries(20, 1, "")), []Delivery{b})
		run("claim", nil, func(tx Tx) error { return tx.ClaimDelivery(b.ID, 10, 60) })
		run("claim again", ErrSpent, func(tx Tx) error { return tx.ClaimDelivery(b.ID, 10, 60) })
		same(t, "claimed is not due", must(view.DueDeliveries(20, 9, "")), []Delivery{a})
		run("postpone", nil, func(tx Tx) error { return tx.PostponeDelivery(b.ID, 30, "no answer") })
		b.Due, b.Attempts, b.LastError = 30, 1, "no answer"
		same(t, "postponed", must(view.DueDeliveries(30, 9, "")), []Delivery{a, b})
		run("delete", nil, func(tx Tx) error { return errors.Join(tx.DeleteDelivery(a.ID), tx.DeleteDelivery(a.ID)) })
		same(t, "the other stays", must(view.DueDeliveries(30, 9, "")), []Delivery{b})
	})
}

func TestInboxAndEvents(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		view := s.View(t.Context())
		mails := []Captured{
			{ID: NewID(), Address: "ann@example.com", OTPID: NewID(), Sealed: []byte{1, 0, 2}, Expires: 9},
			{ID: NewID(), Address: "bob@example.com", Sealed: []byte{3}, Expires: 9},
			{ID: NewID(), Address: "ann@example.com", Sealed: []byte{4}, Expires: 9},
		}
		events := []Event{
			{ID: NewID(), Kind: EventSignedIn, Actor: "user:x", UserID: NewID(), ClientID: "shop", IP: "192.0.2.1", Detail: `{}`},
			{ID: NewID(), Kind: EventKeyCreated, Actor: "system"},
		}
		write(t, s, func(tx Tx) error {
			var errs []error
			for _, m := range mails {
				errs = append(errs, tx.InsertCaptured(m))
			}
			for _, e := range events {
				errs = append(errs, tx.InsertEvent(e))
			}
			return errors.Join(errs...)
		})
		same(t, "a mail", must(view.CapturedMail(mails[0].ID)), mails[0])
		_, err := view.CapturedMail(NewID())
		is(t, "no mail", err, ErrNotFound)
		same(t, "all, newest first", must(view.Inbox("", ID{}, 9)), []Captured{mails[2], mails[1], mails[0]})
		same(t, "of one address", must(view.Inbox("ann@example.com", ID{}, 9)), []Captured{mails[2], mails[0]})
		same(t, "the second page", must(view.Inbox("", mails[2].ID, 1)), []Captured{mails[1]})
		same(t, "events, newest first", must(view.Events(ID{}, 9)), []Event{events[1], events[0]})
		same(t, "events, second page", must(view.Events(events[1].ID, 9)), []Event{events[0]})
	})
}

func TestPending(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		p := Pending{Digest: []byte("digest"), Kind: "set-up", Data: "{}", Created: 1, Expires: 100}
		run("insert", nil, func(tx Tx) error { return tx.InsertPending(p) })
		same(t, "as inserted", must(view.Pending("set-up", p.Digest, 99)), p)
		for what, err := range map[string]error{
			"at its end":      second(view.Pending("set-up", p.Digest, 100)),
			"of another kind": second(view.Pending("invitation", p.Digest, 50)),
			"another digest":  second(view.Pending("set-up", []byte("other"), 50)),
		} {
			is(t, what, err, ErrNotFound)
		}
		run("spend as another kind", ErrSpent, func(tx Tx) error { return tx.SpendPending("invitation", p.Digest, 50) })
		run("spend", nil, func(tx Tx) error { return tx.SpendPending("set-up", p.Digest, 50) })
		run("spend again", ErrSpent, func(tx Tx) error { return tx.SpendPending("set-up", p.Digest, 51) })
		is(t, "spent", second(view.Pending("set-up", p.Digest, 51)), ErrNotFound)
		begun := Pending{Digest: []byte("begun"), Kind: "par", Data: "d", Created: 1, Expires: 60}
		run("begin", nil, func(tx Tx) error { return tx.InsertPending(begun) })
		run("extend", nil, func(tx Tx) error { return tx.ExtendPending("par", begun.Digest, 100) })
		run("never to an earlier moment", nil, func(tx Tx) error { return tx.ExtendPending("par", begun.Digest, 80) })
		begun.Expires = 100
		same(t, "extended", must(view.Pending("par", begun.Digest, 99)), begun)
		run("finish as another kind", ErrSpent, func(tx Tx) error { return tx.SpendBegun("set-up", begun.Digest, 150) })
		run("finish after its end", nil, func(tx Tx) error { return tx.SpendBegun("par", begun.Digest, 150) })
		run("finish again", ErrSpent, func(tx Tx) error { return tx.SpendBegun("par", begun.Digest, 151) })
		run("extend what is spent", nil, func(tx Tx) error { return tx.ExtendPending("par", begun.Digest, 900) })
		is(t, "spent is spent", second(view.Pending("par", begun.Digest, 99)), ErrNotFound)
		q := Pending{Digest: []byte("q"), Kind: "set-up", Expires: 100}
		r := Pending{Digest: []byte("r"), Kind: "invitation", Expires: 100}
		run("two more", nil, func(tx Tx) error { return errors.Join(tx.InsertPending(q), tx.InsertPending(r)) })
		run("drop a kind", nil, func(tx Tx) error { return tx.DeletePending("set-up") })
		is(t, "dropped", second(view.Pending("set-up", q.Digest, 50)), ErrNotFound)
		is(t, "of the other kind", second(view.Pending("invitation", r.Digest, 50)), nil)
	})
}

func second[T any](_ T, err error) error { return err }
