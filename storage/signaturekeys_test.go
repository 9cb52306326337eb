package storage

import (
	"errors"
	"testing"
)

func TestSignatureKeysAreKeptUntilTheyAreDeleted(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		first, second := SignatureKey{ID: "B", Name: "nightly", Sealed: []byte{1, 0}, Created: 1}, SignatureKey{ID: "A", Name: "daily", Sealed: []byte{2}, Created: 2}
		for _, k := range []SignatureKey{second, first} {
			write(t, s, func(tx Tx) error { return tx.InsertSignatureKey(k) })
		}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.InsertSignatureKey(first) }); !errors.Is(err, ErrConflict) {
			t.Errorf("the same id again: %v", err)
		}
		write(t, s, func(tx Tx) error { return tx.UsedSignatureKey("B", 9) })
		if list, err := s.View(t.Context()).SignatureKeys(); err != nil || len(list) != 2 || list[0].ID != "B" || list[0].LastUsed != 9 || list[1].LastUsed != 0 {
			t.Errorf("got %+v, %v", list, err)
		}
		if k, err := s.View(t.Context()).SignatureKey("B"); err != nil || k.Name != "nightly" || string(k.Sealed) != "\x01\x00" {
			t.Errorf("got %+v, %v", k, err)
		}
		write(t, s, func(tx Tx) error { return tx.DeleteSignatureKey("B") })
		if _, err := s.View(t.Context()).SignatureKey("B"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after it was deleted: %v", err)
		}
		if err := s.Write(t.Context(), func(tx Tx) error { return tx.DeleteSignatureKey("B") }); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleting it again: %v", err)
		}
	})
}
