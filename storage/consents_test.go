package storage

import (
	"errors"
	"slices"
	"testing"
)

func TestAConsentIsKeptReplacedListedAndTakenBackWithItsGrants(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ann := User{ID: NewID(), Status: "active"}
		grant := Grant{ID: NewID(), ClientID: "a", UserID: ann.ID, Secret: []byte("s"), Expires: 100}
		other := Grant{ID: NewID(), ClientID: "b", UserID: ann.ID, Secret: []byte("s"), Expires: 100}
		write(t, s, func(tx Tx) error {
			return errors.Join(tx.InsertUser(ann), tx.InsertGrant(grant), tx.InsertGrant(other),
				tx.PutConsent(Consent{UserID: ann.ID, ClientID: "a", Scopes: []string{"openid"}, Created: 1, Updated: 1}),
				tx.PutConsent(Consent{UserID: ann.ID, ClientID: "a", Scopes: []string{"email", "openid"}, Created: 2, Updated: 2}),
				tx.PutConsent(Consent{UserID: ann.ID, ClientID: "b", Created: 1, Updated: 1, Expires: 10}))
		})
		view := s.View(t.Context())
		if c, err := view.Consent(ann.ID, "a", 99); err != nil || !slices.Equal(c.Scopes, []string{"email", "openid"}) || c.Created != 1 || c.Updated != 2 {
			t.Errorf("got %+v %v", c, err)
		}
		if _, err := view.Consent(ann.ID, "b", 10); !errors.Is(err, ErrNotFound) {
			t.Errorf("one that has ended: %v", err)
		}
		if all, err := view.UserConsents(ann.ID, 9); err != nil || len(all) != 2 || all[0].ClientID != "a" {
			t.Errorf("listed %+v %v", all, err)
		}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.PutConsent(Consent{UserID: NewID(), ClientID: "a"}) }); !errors.Is(err, ErrConflict) {
			t.Errorf("of nobody: %v", err)
		}
		write(t, s, func(tx Tx) error { return tx.RevokeConsent(ann.ID, "a", 5) })
		for _, g := range []struct {
			id      ID
			revoked int64
		}{{grant.ID, 5}, {other.ID, 0}} {
			if got, err := view.Grant(g.id); err != nil || got.RevokedAt != g.revoked {
				t.Errorf("grant %v is revoked at %d (%v), want %d", g.id, got.RevokedAt, err, g.revoked)
			}
		}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.RevokeConsent(ann.ID, "a", 6) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second time: %v", err)
		}
		write(t, s, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		if all, err := view.UserConsents(ann.ID, 0); err != nil || len(all) != 0 {
			t.Errorf("of a person who is gone: %+v %v", all, err)
		}
	})
}
