package authn_test

import (
	"testing"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

func TestANewPhoneNumberIsUnprovenUntilSomebodyElseVouches(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := newRoom(t, store, authn.Config{})
		ann, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "Ann")
		if err != nil {
			t.Fatal(err)
		}
		herself := "user:" + ann.ID.String()
		set := func(by string, values map[string]any) map[string]any {
			t.Helper()
			if err := r.e.SetAttributes(t.Context(), by, ann.ID, values); err != nil {
				t.Fatal(err)
			}
			u, err := store.View(t.Context()).User(ann.ID)
			if err != nil {
				t.Fatal(err)
			}
			return authn.AttributesOf(u)
		}
		if err := r.e.SetAttributes(t.Context(), "cli", ann.ID, map[string]any{"phone_number_verified": true}); err == nil {
			t.Error("a number that nobody has is vouched for")
		}
		if got := set("cli", map[string]any{"phone_number": "+44 1392 000000", "phone_number_verified": true}); got["phone_number_verified"] != true {
			t.Errorf("got %v", got)
		}
		if got := set(herself, map[string]any{"phone_number": "+441392000000", "nickname": "Annie"}); got["phone_number_verified"] != true {
			t.Errorf("the same number in another spelling is not proven any more: %v", got)
		}
		if got := set(herself, map[string]any{"phone_number": "+441392000001"}); got["phone_number_verified"] != false {
			t.Errorf("the new number is proven: %v", got)
		}
		if err := r.e.SetAttributes(t.Context(), herself, ann.ID, map[string]any{"phone_number_verified": true}); err == nil {
			t.Error("Ann vouches for herself")
		}
		if got := set("cli", map[string]any{"phone_number": ""}); got["phone_number"] != nil || got["phone_number_verified"] != nil || got["name"] != "Ann" {
			t.Errorf("got %v", got)
		}
	})
}
