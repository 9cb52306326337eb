package storage

import (
	"errors"
	"reflect"
	"testing"
)

func TestResourcesAreKeptChangedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		r := Resource{ID: "https://api.example", Name: "Orders", Source: "api", Scopes: []ResourceScope{{"orders:read", "See your orders"}, {"orders:write", ""}},
			Servers: []string{"shop-api"}, Settings: ResourceSettings{AccessToken: 60, Alg: "ES256", Opaque: true}, Created: 1, Updated: 2}
		before, err := s.View(t.Context()).Version()
		if err != nil {
			t.Fatal(err)
		}
		write := func(f func(Tx) error) error { return s.Write(t.Context(), f) }
		if err := write(func(tx Tx) error { return tx.InsertResource(r) }); err != nil {
			t.Fatal(err)
		}
		if err := write(func(tx Tx) error { return tx.InsertResource(r) }); !errors.Is(err, ErrConflict) {
			t.Fatalf("the same identifier again: got %v", err)
		}
		r.Name, r.Scopes, r.Servers, r.Settings, r.Updated = "Shop", nil, nil, ResourceSettings{}, 3
		if err := write(func(tx Tx) error { return tx.UpdateResource(r) }); err != nil {
			t.Fatal(err)
		}
		r.Scopes = []ResourceScope{}
		got, err := s.View(t.Context()).Resource(r.ID)
		if got.Servers = append([]string(nil), got.Servers...); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, %v; want %+v", got, err, r)
		}
		if all, err := s.View(t.Context()).Resources(); err != nil || len(all) != 1 || all[0].Name != "Shop" {
			t.Fatalf("got %+v, %v", all, err)
		}
		if after, err := s.View(t.Context()).Version(); err != nil || after != before+2 {
			t.Fatalf("version went from %d to %d: caches see nothing", before, after)
		}
		if err := write(func(tx Tx) error { return tx.DeleteResource(r.ID) }); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(Tx) error{"update": func(tx Tx) error { return tx.UpdateResource(r) }, "delete": func(tx Tx) error { return tx.DeleteResource(r.ID) }} {
			if err := write(f); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s of what is gone: got %v", name, err)
			}
		}
	})
}
