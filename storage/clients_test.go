package storage

import (
	"errors"
	"testing"
)

func TestClients(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		view := s.View(t.Context())
		version, changes := must(view.Version()), s.Changes()
		// run also checks that caches hear of every change, and of nothing else.
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
			if want == nil {
				version, changes = version+1, changes+1
			}
			same(t, what+": version", must(view.Version()), version)
			same(t, what+": changes", s.Changes(), changes)
		}
		grace := int64(0)
		c := Client{ID: "shop", Nonce: []byte("0123456789abcdef"), Name: "Shop", Type: "web", Framework: "nextjs", Source: "api",
			RedirectURIs: []string{"https://shop.example.com/callback", "http://localhost:3000/callback"}, PostLogoutRedirectURIs: []string{}, AllowedOrigins: []string{"https://shop.example.com"},
			Settings: ClientSettings{RequirePKCE: true, IDTokenAlg: "ES256", RefreshGrace: &grace, RefreshIdle: 60}, Created: 1, Updated: 1}
		run("insert", nil, func(tx Tx) error { return tx.InsertClient(c) })
		run("insert again", ErrConflict, func(tx Tx) error { return tx.InsertClient(c) })
		same(t, "as inserted", must(view.Client("shop")), c)
		_, err := view.Client("Shop")
		is(t, "ids are compared exactly", err, ErrNotFound)
		d := Client{ID: "app", Nonce: []byte("n"), Name: "App", Type: "native", Framework: "generic", Source: "config", RedirectURIs: []string{}, PostLogoutRedirectURIs: []string{}, AllowedOrigins: []string{}}
		run("another", nil, func(tx Tx) error { return tx.InsertClient(d) })
		same(t, "all, by name", must(view.Clients()), []Client{d, c})

		was := c
		c.Nonce, c.Created = []byte("another"), 99 // never changed
		c.Name, c.Type, c.Framework, c.Source, c.Disabled, c.RedirectURIs, c.PostLogoutRedirectURIs, c.AllowedOrigins, c.Settings, c.Updated =
			"Shop 2", "spa", "spa", "config", true, []string{"https://x.example.com"}, []string{"https://y.example.com"}, []string{}, ClientSettings{}, 7
		run("update", nil, func(tx Tx) error { return tx.UpdateClient(c) })
		c.Nonce, c.Created = was.Nonce, was.Created
		same(t, "as updated", must(view.Client("shop")), c)
		run("update what is not there", ErrNotFound, func(tx Tx) error { return tx.UpdateClient(Client{ID: "none", Type: "web", Source: "api"}) })

		old := ClientSecret{ID: NewID(), ClientID: "shop", Digest: []byte("old"), Hint: "aaaa", Created: 1}
		fresh := ClientSecret{ID: NewID(), ClientID: "shop", Digest: []byte("fresh"), Hint: "bbbb", Created: 2}
		run("secret", nil, func(tx Tx) error { return tx.InsertClientSecret(old) })
		run("second secret", nil, func(tx Tx) error { return tx.InsertClientSecret(fresh) })
		run("secret for none", ErrConflict, func(tx Tx) error {
			return tx.InsertClientSecret(ClientSecret{ID: NewID(), ClientID: "none", Digest: []byte("x")})
		})
		same(t, "secrets, newest first", must(view.ClientSecrets("shop", 50)), []ClientSecret{fresh, old})
		run("expire the others", nil, func(tx Tx) error { return tx.ExpireClientSecrets("shop", fresh.ID, 60) })
		old.Expires = 60
		touched := s.Write(t.Context(), func(tx Tx) error { return tx.TouchClientSecret("shop", old.ID, 55) })
		is(t, "touch", touched, nil)
		old.LastUsed = 55
		same(t, "no cache hears of a touch", must(view.Version()), version)
		same(t, "before the end", must(view.ClientSecrets("shop", 59)), []ClientSecret{fresh, old})
		same(t, "at the end", must(view.ClientSecrets("shop", 60)), []ClientSecret{fresh})
		run("never later than it was", nil, func(tx Tx) error { return tx.ExpireClientSecrets("shop", fresh.ID, 90) })
		same(t, "still", must(view.ClientSecrets("shop", 60)), []ClientSecret{fresh})

		run("delete", nil, func(tx Tx) error { return tx.DeleteClient("shop") })
		run("delete again", ErrNotFound, func(tx Tx) error { return tx.DeleteClient("shop") })
		same(t, "secrets went along", len(must(view.ClientSecrets("shop", 1))), 0)
		mine := errors.New("changed my mind")
		run("a change that is taken back", mine, func(tx Tx) error { return errors.Join(tx.DeleteClient("app"), mine) })
	})
}

func TestKeysAndSettings(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		version := must(view.Version())
		b := Key{ID: "kid b", Alg: "RS256", Public: `{"kty":"RSA"}`, Sealed: []byte{0, 1, 2, 0xff}, Created: 2, ActiveFrom: 3, RetiredAt: 4}
		a := Key{ID: "kid a", Alg: "ES256", Public: `{"kty":"EC"}`, Sealed: []byte{9}, Created: 1}
		run("keys", nil, func(tx Tx) error { return errors.Join(tx.InsertKey(b), tx.InsertKey(a)) })
		run("a key twice", ErrConflict, func(tx Tx) error { return tx.InsertKey(a) })
		same(t, "keys, oldest first", must(view.Keys()), []Key{a, b})

		_, err := view.Setting("mail")
		is(t, "no setting", err, ErrNotFound)
		run("save", nil, func(tx Tx) error { return tx.SaveSetting("mail", `{"from":"a"}`, 5) })
		run("save again", nil, func(tx Tx) error { return tx.SaveSetting("mail", `{"from":"ü"}`, 6) })
		same(t, "setting", must(view.Setting("mail")), `{"from":"ü"}`)
		same(t, "version", must(view.Version()), version+4)
	})
}
