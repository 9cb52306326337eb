package storage

import (
	"errors"
	"testing"
)

func TestAnInitialTokenIsGoodForItsUsesUntilItsEnd(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		two := RegistrationToken{ID: NewID(), Digest: []byte("two"), Hint: "abcd", Uses: 2, Created: 1, Expires: 100}
		spend := func(digest string, now int64) error {
			return s.Write(t.Context(), func(tx Tx) error { return tx.SpendRegistrationToken([]byte(digest), now) })
		}
		write(t, s, func(tx Tx) error { return tx.InsertRegistrationToken(two) })
		if err := spend("two", 100); !errors.Is(err, ErrSpent) {
			t.Errorf("one that has ended: %v", err)
		}
		for _, want := range []error{nil, nil, ErrSpent} {
			if err := spend("two", 99); !errors.Is(err, want) {
				t.Errorf("spending: got %v, want %v", err, want)
			}
		}
		if err := spend("unknown", 99); !errors.Is(err, ErrSpent) {
			t.Errorf("one that nobody made: %v", err)
		}
		if list, err := s.View(t.Context()).RegistrationTokens(99); err != nil || len(list) != 1 || list[0].Used != 2 || list[0].Hint != "abcd" {
			t.Errorf("listed %+v %v", list, err)
		}
		if list, err := s.View(t.Context()).RegistrationTokens(100); err != nil || len(list) != 0 {
			t.Errorf("listed after its end %+v %v", list, err)
		}
		write(t, s, func(tx Tx) error { return tx.DeleteRegistrationToken(two.ID) })
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.DeleteRegistrationToken(two.ID) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func TestSweepTakesRegisteredApplicationsThatNobodyUsedAndNoOthers(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		u := newUser(t, s)
		write(t, s, func(tx Tx) error {
			for id, expires := range map[string]int64{"unused": 5, "young": 50, "used": 5, "invited": 0} {
				if err := errors.Join(tx.InsertClient(Client{ID: id, Nonce: []byte("n"), Type: "web", Source: "api"}),
					tx.InsertClientSecret(ClientSecret{ID: NewID(), ClientID: id, Digest: []byte("d")}),
					tx.InsertRegistration(Registration{ClientID: id, Digest: []byte("d"), Created: 1, Expires: expires})); err != nil {
					return err
				}
			}
			return errors.Join(tx.InsertClient(Client{ID: "own", Nonce: []byte("n"), Type: "web", Source: "api"}), tx.PutConsent(Consent{UserID: u.ID, ClientID: "used", Expires: 8}),
				tx.InsertRegistrationToken(RegistrationToken{ID: NewID(), Digest: []byte("old"), Uses: 1, Expires: 5}), tx.InsertRegistrationToken(RegistrationToken{ID: NewID(), Digest: []byte("new"), Uses: 1, Expires: 50}))
		})
		before, err := s.View(t.Context()).Version()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(t.Context(), 10); err != nil || n != 2 {
			t.Errorf("swept %d rows (%v), want the unused application and the old token", n, err)
		}
		if after, err := s.View(t.Context()).Version(); err != nil || after <= before {
			t.Errorf("caches do not hear of it: version %d, then %d (%v)", before, after, err)
		}
		if n, err := s.Sweep(t.Context(), 40); err != nil || n != 0 {
			t.Errorf("then %d rows went (%v)", n, err)
		}
		for id, want := range map[string]error{"unused": ErrNotFound, "young": nil, "used": nil, "invited": nil, "own": nil} {
			if _, err := s.View(t.Context()).Client(id); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", id, err, want)
			}
		}
		if r, err := s.View(t.Context()).Registration("used"); err != nil || r.Expires != 0 {
			t.Errorf("one that was used still ends: %+v %v", r, err)
		}
		if got := count(t, s, "registrations"); got != 3 {
			t.Errorf("%d registrations are left, want 3", got)
		}
	})
}
