package storage

import "testing"

func TestRevokedTokensAreKnownUntilTheyAreSwept(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for range 2 { // the second time changes nothing and is no error
			if err := s.Write(t.Context(), func(tx Tx) error { return tx.RevokeToken([]byte("a"), 100) }); err != nil {
				t.Fatal(err)
			}
		}
		revoked := func(digest string) bool {
			t.Helper()
			yes, err := s.View(t.Context()).TokenRevoked([]byte(digest))
			if err != nil {
				t.Fatal(err)
			}
			return yes
		}
		if !revoked("a") || revoked("b") {
			t.Fatalf("a: %v, b: %v; want only a", revoked("a"), revoked("b"))
		}
		if _, err := s.Sweep(t.Context(), 100); err != nil || !revoked("a") {
			t.Fatalf("swept before its end: %v", err)
		}
		if _, err := s.Sweep(t.Context(), 101); err != nil || revoked("a") {
			t.Fatalf("not swept after its end: %v", err)
		}
	})
}

func TestAnApplicationMayActForItself(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		c := Client{ID: "robot", Nonce: []byte("0123456789abcdef"), Name: "Robot", Type: "m2m", Source: "api"}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.InsertClient(c) }); err != nil {
			t.Fatal(err)
		}
		got, err := s.View(t.Context()).Client("robot")
		if err != nil || got.Type != "m2m" || got.Public() {
			t.Fatalf("got %+v, %v", got, err)
		}
		c.ID, c.Type = "other", "else"
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.InsertClient(c) }); err == nil {
			t.Fatal("a type that does not exist was saved")
		}
	})
}
