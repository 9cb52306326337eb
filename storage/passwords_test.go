package storage

import "testing"

func TestPasswords(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		ann := User{ID: NewID(), Status: "active", Role: "none", Username: "ann", Attributes: []byte(`{}`)}
		bob := User{ID: NewID(), Status: "active", Role: "none", Username: "bob", Attributes: []byte(`{}`)}
		run("insert people", nil, func(tx Tx) error {
			for _, u := range []User{ann, bob} {
				if err := tx.InsertUser(u); err != nil {
					return err
				}
			}
			if err := tx.InsertEmail(Email{UserID: ann.ID, Address: "ann@example.com", Typed: "ann@example.com", Primary: true, VerifiedAt: 1}); err != nil {
				return err
			}
			return tx.InsertEmail(Email{UserID: ann.ID, Address: "unproven@example.com", Typed: "unproven@example.com"})
		})
		found := func(identifier string, want error) {
			t.Helper()
			u, p, err := view.PasswordOf(identifier)
			is(t, identifier, err, want)
			if want == nil {
				same(t, identifier, u, ann)
				same(t, identifier, p, must(view.Password(ann.ID)))
			}
		}
		found("ann", ErrNotFound) // she has none yet
		run("a password for nobody", ErrConflict, func(tx Tx) error { return tx.SavePassword(Password{UserID: NewID(), Hash: "h"}) })
		for _, p := range []Password{{ann.ID, "first", 1, 0}, {ann.ID, "second", 2, 9}} {
			run("save", nil, func(tx Tx) error { return tx.SavePassword(p) })
			same(t, "as saved", must(view.Password(ann.ID)), p)
		}
		for identifier, want := range map[string]error{"ann": nil, "ann@example.com": nil, "unproven@example.com": ErrNotFound, "bob": ErrNotFound, "eve": ErrNotFound, "": ErrNotFound} {
			found(identifier, want)
		}
		run("rehash", nil, func(tx Tx) error { return tx.RehashPassword(ann.ID, "second", "third") })
		run("rehash what is not there any more", ErrSpent, func(tx Tx) error { return tx.RehashPassword(ann.ID, "second", "fourth") })
		same(t, "rehashed", must(view.Password(ann.ID)), Password{ann.ID, "third", 2, 9})
		run("expire", nil, func(tx Tx) error { return tx.ExpirePassword(ann.ID, 5) })
		same(t, "expired", must(view.Password(ann.ID)), Password{ann.ID, "third", 2, 5})
		run("expire what is not there", ErrNotFound, func(tx Tx) error { return tx.ExpirePassword(bob.ID, 5) })
		run("delete", nil, func(tx Tx) error { return tx.DeletePassword(ann.ID) })
		run("delete again", ErrNotFound, func(tx Tx) error { return tx.DeletePassword(ann.ID) })
		run("one more", nil, func(tx Tx) error { return tx.SavePassword(Password{ann.ID, "fifth", 3, 0}) })
		run("delete the person", nil, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		_, err := view.Password(ann.ID)
		is(t, "of somebody who is gone", err, ErrNotFound)
	})
}
