package storage

import (
	"errors"
	"fmt"
	"testing"
)

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		u := User{ID: NewID(), Status: "active", Role: "admin", Name: "Ann Ärmel", Username: "ann", Picture: "https://example.com/a.png", Locale: "de", Attributes: []byte(`{"zoneinfo":"UTC"}`), Created: 1, Updated: 2}
		same(t, "an admin before anybody is there", must(view.HasAdmin()), false)
		run("insert", nil, func(tx Tx) error { return tx.InsertUser(u) })
		same(t, "as inserted", must(view.User(u.ID)), u)
		same(t, "an admin", must(view.HasAdmin()), true)
		_, err := view.User(NewID())
		is(t, "nobody", err, ErrNotFound)
		run("the same username", ErrConflict, func(tx Tx) error { return tx.InsertUser(User{ID: NewID(), Status: "active", Username: "ann"}) })

		bob := User{ID: NewID(), Status: "active", Name: "Bob"}
		run("without username, role and attributes", nil, func(tx Tx) error { return tx.InsertUser(bob) })
		bob.Role, bob.Attributes = "none", []byte(`{}`)
		same(t, "what is filled in", must(view.User(bob.ID)), bob)
		run("another without username", nil, func(tx Tx) error { return tx.InsertUser(User{ID: NewID(), Status: "disabled"}) })

		u.Status, u.Role, u.Name, u.Username, u.Picture, u.Locale, u.Attributes, u.Updated = "disabled", "owner", "Ann", "", "", "en", []byte(`{}`), 9
		run("update", nil, func(tx Tx) error { return tx.UpdateUser(u) })
		same(t, "as updated", must(view.User(u.ID)), u)
		run("update nobody", ErrNotFound, func(tx Tx) error { return tx.UpdateUser(User{ID: NewID(), Status: "active", Role: "none"}) })
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.InsertUser(User{ID: NewID(), Status: "asleep"}) }); err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnavailable) {
			t.Errorf("a status there is not: got %v, want an error that shows the mistake", err)
		}

		run("owners", nil, func(tx Tx) error {
			bob.Role = "owner"
			if err := tx.UpdateUser(bob); err != nil {
				return err
			}
			same(t, "owners besides Ann (disabled)", must(tx.OtherOwners(u.ID)), 1)
			same(t, "owners besides Bob", must(tx.OtherOwners(bob.ID)), 0)
			return nil
		})
		run("delete", nil, func(tx Tx) error { return tx.DeleteUser(u.ID) })
		run("delete again", ErrNotFound, func(tx Tx) error { return tx.DeleteUser(u.ID) })
	})
}

func TestUsersAreFoundByPartsOfWhatTheyAreCalled(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var ids []ID
		write(t, s, func(tx Tx) error {
			for i, name := range []string{"Ann Lee", "Bob", "50% off", "a_b", `back\slash`} {
				u := User{ID: NewID(), Status: "active", Name: name, Username: fmt.Sprint("User", i)}
				ids = append(ids, u.ID)
				if err := errors.Join(tx.InsertUser(u), tx.InsertEmail(Email{UserID: u.ID, Address: fmt.Sprintf("mail%d@example.com", i), Typed: "x"})); err != nil {
					return err
				}
			}
			return nil
		})
		found := func(search string, cursor ID, limit int) (is []int) {
			t.Helper()
			for _, u := range must(s.View(t.Context()).Users(search, cursor, limit)) {
				for i, id := range ids {
					if id == u.ID {
						is = append(is, i)
					}
				}
			}
			return is
		}
		same(t, "all, newest first", found("", ID{}, 10), []int{4, 3, 2, 1, 0})
		same(t, "the first page", found("", ID{}, 2), []int{4, 3})
		same(t, "the second page", found("", ids[3], 2), []int{2, 1})
		same(t, "by name, other case", found("aNN l", ID{}, 10), []int{0})
		same(t, "by username", found("user1", ID{}, 10), []int{1})
		same(t, "by address", found("mail2@", ID{}, 10), []int{2})
		same(t, "a percent sign is itself", found("%", ID{}, 10), []int{2})
		same(t, "an underscore is itself", found("_", ID{}, 10), []int{3})
		same(t, "a backslash is itself", found(`\`, ID{}, 10), []int{4})
		same(t, "by nothing that is there", len(found("zzz", ID{}, 10)), 0)
	})
}

func TestEmails(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		ann, bob := newUser(t, s), newUser(t, s)
		first := Email{UserID: ann.ID, Address: "ann@example.com", Typed: "Ann@Example.com", Created: 1}
		main := Email{UserID: ann.ID, Address: "lee@example.com", Typed: "lee@example.com", Primary: true, VerifiedAt: 3, Created: 2}
		run("insert", nil, func(tx Tx) error { return errors.Join(tx.InsertEmail(first), tx.InsertEmail(main)) })
		same(t, "primary first", must(view.Emails(ann.ID)), []Email{main, first})
		same(t, "primary", must(view.PrimaryEmail(ann.ID)), main)
		_, err := view.PrimaryEmail(bob.ID)
		is(t, "primary of one who has none", err, ErrNotFound)
		same(t, "of one who has none", len(must(view.Emails(bob.ID))), 0)
		run("twice for one person", ErrConflict, func(tx Tx) error { return tx.InsertEmail(first) })
		run("for nobody", ErrConflict, func(tx Tx) error { return tx.InsertEmail(Email{UserID: NewID(), Address: "x@example.com"}) })

		run("an unverified row does not squat", nil, func(tx Tx) error { return tx.InsertEmail(Email{UserID: bob.ID, Address: first.Address}) })
		_, err = view.UserByEmail(first.Address)
		is(t, "an unverified address names nobody", err, ErrNotFound)
		run("verify", nil, func(tx Tx) error { return tx.VerifyEmail(bob.ID, first.Address, 7) })
		same(t, "by address", must(view.UserByEmail(first.Address)), bob)
		run("verify again", nil, func(tx Tx) error { return tx.VerifyEmail(bob.ID, first.Address, 8) })
		same(t, "the first proof counts", must(view.Emails(bob.ID))[0].VerifiedAt, 7)
		run("verify what another has proven", ErrConflict, func(tx Tx) error { return tx.VerifyEmail(ann.ID, first.Address, 9) })
		run("verify what one does not have", ErrNotFound, func(tx Tx) error { return tx.VerifyEmail(ann.ID, "other@example.com", 9) })
		run("add what another has proven", ErrConflict, func(tx Tx) error {
			return tx.InsertEmail(Email{UserID: bob.ID, Address: main.Address, VerifiedAt: 9})
		})
		run("delete the person", nil, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		same(t, "their addresses", len(must(view.Emails(ann.ID))), 0)
	})
}
