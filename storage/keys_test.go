package storage

import (
	"sync"
	"testing"
)

// Two replicas that look, find nothing and add must not both add: on PostgreSQL a plain look sees nothing of the other.
func TestLockedConfigurationIsReadAsItStays(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				err := s.Write(t.Context(), func(tx Tx) error {
					if err := tx.LockConfiguration(); err != nil {
						return err
					}
					keys, err := tx.Keys()
					if err != nil || len(keys) > 0 {
						return err
					}
					return tx.InsertKey(Key{ID: string(rune('a' + i)), Alg: "ES256", Sealed: []byte{1}})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		keys, err := s.View(t.Context()).Keys()
		if err != nil || len(keys) != 1 {
			t.Fatalf("got %d keys, %v; want one", len(keys), err)
		}
	})
}

func TestKeyTimesMoveAndKeysGo(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		k := Key{ID: "k", Alg: "ES256", Public: "{}", Sealed: []byte{1}, Created: 1, ActiveFrom: 2}
		before, err := s.View(t.Context()).Version()
		if err != nil {
			t.Fatal(err)
		}
		k2 := k
		k2.ActiveFrom, k2.RetiredAt = 3, 4
		if err := s.Write(t.Context(), func(tx Tx) error {
			if err := tx.InsertKey(k); err != nil {
				return err
			}
			return tx.UpdateKey(k2)
		}); err != nil {
			t.Fatal(err)
		}
		keys, err := s.View(t.Context()).Keys()
		if err != nil || len(keys) != 1 || keys[0].ActiveFrom != 3 || keys[0].RetiredAt != 4 {
			t.Fatalf("got %+v, %v", keys, err)
		}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.DeleteKey("k") }); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(Tx) error{"update": func(tx Tx) error { return tx.UpdateKey(k) }, "delete": func(tx Tx) error { return tx.DeleteKey("k") }} {
			if err := s.Write(t.Context(), change); err != ErrNotFound {
				t.Errorf("%s of a key that is gone: got %v, want ErrNotFound", name, err)
			}
		}
		if after, err := s.View(t.Context()).Version(); err != nil || after <= before {
			t.Fatalf("version went from %d to %d, %v: caches see nothing", before, after, err)
		}
	})
}
