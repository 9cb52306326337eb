package storage

import "testing"

func TestConnectionsAndIdentities(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		hub := Connection{ID: "hub", Kind: "github", Name: "GitHub", Source: "api", Trusted: true, Position: 2, Sealed: []byte("sealed"), Created: 1, Updated: 1,
			Settings: ConnectionSettings{ClientID: "c1", Scopes: []string{"user:email"}, Domains: []string{"example.com"}, Claims: map[string]string{"name": "login"}}}
		staff := Connection{ID: "staff", Kind: "oidc", Name: "Staff", Source: "config", Position: 1, Sealed: []byte("other"), Settings: ConnectionSettings{Issuer: "https://id.example.com", ClientID: "c2"}, Created: 1, Updated: 1}
		for _, c := range []Connection{hub, staff} {
			run("insert "+c.ID, nil, func(tx Tx) error { return tx.InsertConnection(c) })
		}
		run("insert twice", ErrConflict, func(tx Tx) error { return tx.InsertConnection(hub) })
		same(t, "as it was written", must(view.Connection("hub")), hub)
		same(t, "in the order of the buttons", must(view.Connections()), []Connection{staff, hub})
		hub.Name, hub.Position, hub.Updated = "Hub", 0, 5
		run("update", nil, func(tx Tx) error { return tx.UpdateConnection(hub) })
		same(t, "moved to the front", must(view.Connections()), []Connection{hub, staff})
		run("update what is not there", ErrNotFound, func(tx Tx) error { return tx.UpdateConnection(Connection{ID: "none"}) })
		_, err := view.Connection("none")
		is(t, "no such connection", err, ErrNotFound)

		ann, bob := User{ID: NewID(), Status: "active"}, User{ID: NewID(), Status: "active"}
		run("insert people", nil, func(tx Tx) error {
			if err := tx.InsertUser(ann); err != nil {
				return err
			}
			return tx.InsertUser(bob)
		})
		account := Identity{ID: NewID(), Connection: "hub", Issuer: "https://github.com", Subject: "7", UserID: ann.ID, Claims: []byte(`{"login":"ann"}`), Created: 2, Used: 2}
		elsewhere := account
		elsewhere.ID, elsewhere.Connection, elsewhere.UserID = NewID(), "staff", bob.ID
		run("link", nil, func(tx Tx) error { return tx.InsertIdentity(account) })
		run("the same account at another connection is another one", nil, func(tx Tx) error { return tx.InsertIdentity(elsewhere) })
		again := account
		again.ID, again.UserID = NewID(), bob.ID
		run("link to a second person", ErrConflict, func(tx Tx) error { return tx.InsertIdentity(again) })
		same(t, "found", must(view.Identity("hub", "https://github.com", "7")), account)
		_, err = view.Identity("hub", "https://git.example.com", "7")
		is(t, "the subject of another issuer", err, ErrNotFound)
		run("use", nil, func(tx Tx) error { return tx.UseIdentity(account.ID, []byte(`{"login":"ann2"}`), 9) })
		account.Claims, account.Used = []byte(`{"login":"ann2"}`), 9
		same(t, "a person's accounts", must(view.UserIdentities(ann.ID)), []Identity{account})
		same(t, "ways in", must(view.WaysByIdentity(ann.ID)), int64(1))
		hub.Disabled = true
		run("switch off", nil, func(tx Tx) error { return tx.UpdateConnection(hub) })
		same(t, "ways in by a connection that is off", must(view.WaysByIdentity(ann.ID)), int64(0))
		same(t, "people behind it", must(view.LinkedBy("hub")), int64(1))

		run("unlink what is somebody else's", ErrNotFound, func(tx Tx) error { return tx.DeleteIdentity(bob.ID, account.ID) })
		run("unlink", nil, func(tx Tx) error { return tx.DeleteIdentity(ann.ID, account.ID) })
		run("delete a connection", nil, func(tx Tx) error { return tx.DeleteConnection("staff") })
		run("delete it again", ErrNotFound, func(tx Tx) error { return tx.DeleteConnection("staff") })
		same(t, "its accounts stay", len(must(view.UserIdentities(bob.ID))), 1)
		same(t, "and are no way in", must(view.WaysByIdentity(bob.ID)), int64(0))
		run("forget them", nil, func(tx Tx) error { return tx.ForgetIdentities("staff") })
		same(t, "gone", len(must(view.UserIdentities(bob.ID))), 0)
	})
}
