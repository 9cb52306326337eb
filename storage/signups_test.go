package storage

import (
	"errors"
	"testing"
)

func TestSignUpsAreListedWhileTheyWait(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var ids []ID
		for i, address := range []string{"ann@example.com", "ben@example.com", "carl@example.com"} {
			ids = append(ids, NewID())
			write(t, s, func(tx Tx) error {
				return tx.InsertSignUp(SignUp{Address: address, UserID: ids[i], Sealed: []byte{byte(i)}, Created: 1, Expires: 10 + int64(i)})
			})
		}
		list := func(cursor ID, now int64, limit int) (addresses string) {
			t.Helper()
			all, err := s.View(t.Context()).SignUps(cursor, now, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range all {
				addresses += one.Address[:1]
			}
			return addresses
		}
		for _, c := range []struct{ got, want string }{
			{list(ID{}, 5, 9), "cba"}, {list(ID{}, 5, 2), "cb"}, {list(ids[1], 5, 9), "a"}, {list(ID{}, 10, 9), "cb"}, {list(ID{}, 12, 9), ""},
		} {
			if c.got != c.want {
				t.Errorf("got %q, want %q", c.got, c.want)
			}
		}
		if got, err := s.View(t.Context()).SignUpOf(ids[1], 5); err != nil || got.Address != "ben@example.com" || got.Sealed[0] != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
		for _, now := range []int64{11, 20} {
			if _, err := s.View(t.Context()).SignUpOf(ids[1], now); !errors.Is(err, ErrNotFound) {
				t.Errorf("at %d: got %v, want ErrNotFound", now, err)
			}
		}
	})
}
