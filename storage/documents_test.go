package storage

import (
	"errors"
	"slices"
	"testing"
)

func TestApplicationsWithADocumentGoWhenNobodyHasUsedThemInTheirTime(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		write(t, s, func(tx Tx) error {
			for id, expires := range map[string]int64{"https://old.example/c": 5, "https://young.example/c": 50, "https://kept.example/c": 5, "https://off.example/c": 5} {
				c := Client{ID: id, Nonce: []byte("n"), Type: "native", Source: "api", Disabled: id == "https://off.example/c"}
				if err := errors.Join(tx.InsertClient(c), tx.InsertDocument(id, 1, expires)); err != nil {
					return err
				}
			}
			return errors.Join(tx.InsertClient(Client{ID: "own", Nonce: []byte("n"), Type: "web", Source: "api"}), tx.KeepDocument("https://kept.example/c", 80), tx.KeepDocument("https://young.example/c", 3))
		})
		before, err := s.View(t.Context()).Version()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(t.Context(), 10); err != nil || n != 1 {
			t.Errorf("swept %d rows (%v), want the one that nobody used", n, err)
		}
		if after, err := s.View(t.Context()).Version(); err != nil || after <= before {
			t.Errorf("caches do not hear of it: version %d, then %d (%v)", before, after, err)
		}
		left := func() (ids []string) {
			all, err := s.View(t.Context()).Clients()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				ids = append(ids, c.ID)
			}
			return ids
		}
		if want := []string{"https://kept.example/c", "https://off.example/c", "https://young.example/c", "own"}; !slices.Equal(left(), want) {
			t.Errorf("left are %v, want %v", left(), want)
		}
		if n, err := s.View(t.Context()).Documents(); err != nil || n != 3 {
			t.Errorf("counted %d (%v), want 3", n, err)
		}
		write(t, s, func(tx Tx) error { return tx.DropDocument(51) })
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.DropDocument(51) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("dropping when nobody may go: %v", err)
		}
		if want := []string{"https://kept.example/c", "https://off.example/c", "own"}; !slices.Equal(left(), want) {
			t.Errorf("left are %v, want %v", left(), want)
		}
	})
}
