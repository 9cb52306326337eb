package storage

import "testing"

func TestGroups(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		ann, bob := User{ID: NewID(), Status: "active", Role: "none", Attributes: []byte(`{}`)}, User{ID: NewID(), Status: "active", Role: "none", Attributes: []byte(`{}`)}
		staff := Group{Name: "staff", Description: "Who works here", Created: 1, Updated: 2}
		for _, u := range []User{ann, bob} {
			run("insert person", nil, func(tx Tx) error { return tx.InsertUser(u) })
		}
		for _, g := range []Group{staff, {Name: "editors"}} {
			run("insert group", nil, func(tx Tx) error { return tx.InsertGroup(g) })
		}
		run("the same name", ErrConflict, func(tx Tx) error { return tx.InsertGroup(staff) })
		same(t, "as inserted", must(view.Group("staff")), staff)
		same(t, "by name", must(view.Groups()), []Group{{Name: "editors"}, staff})

		same(t, "nobody's", must(view.UserGroups(ann.ID)), nil)
		for _, group := range []string{"staff", "editors", "staff"} {
			run("join", nil, func(tx Tx) error { return tx.Join(ann.ID, group, 3) })
		}
		run("join", nil, func(tx Tx) error { return tx.Join(bob.ID, "staff", 3) })
		same(t, "groups of Ann", must(view.UserGroups(ann.ID)), []string{"editors", "staff"})
		same(t, "members", must(view.Members("staff", ID{}, 10)), []User{bob, ann})
		same(t, "members after the first", must(view.Members("staff", bob.ID, 10)), []User{ann})

		run("leave", nil, func(tx Tx) error { return tx.Leave(ann.ID, "staff") })
		same(t, "groups of Ann after leaving", must(view.UserGroups(ann.ID)), []string{"editors"})
		run("delete a group", nil, func(tx Tx) error { return tx.DeleteGroup("editors") })
		same(t, "groups of Ann after the end of one", must(view.UserGroups(ann.ID)), nil)
		run("delete it again", ErrNotFound, func(tx Tx) error { return tx.DeleteGroup("editors") })
		run("delete a member", nil, func(tx Tx) error { return tx.DeleteUser(bob.ID) })
		same(t, "members without the one who is gone", must(view.Members("staff", ID{}, 10)), nil)
	})
}
