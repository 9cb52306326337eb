package admin

import (
	"slices"
	"strings"
	"testing"

	"gatelatch/storage"
)

func TestPasswordsAreGivenByTheRulesAndTakenAway(t *testing.T) {
	o := newOffice(t)
	for name, body := range map[string]string{
		"at least 15":       `{"email":"ann@example.com","password":"8 chars!"}`,
		"Too many people":   `{"email":"ann@example.com","password":"passwordpassword"}`,
		"name or address":   `{"email":"ann@bookstore.example","password":"ann.bookstore.2026"}`,
		"person's name":     `{"email":"a@b.example","name":"Annabel Lee Poe","password":"Annabel Lee Poe 1849"}`,
		"no hash":           `{"email":"ann@example.com","password_hash":"plain"}`,
		"either a password": `{"email":"ann@example.com","password_hash":"plain","password":"seventeen horses at dawn"}`,
	} {
		if detail := o.refused(422, "POST", "/users", body); !strings.Contains(detail, name) {
			t.Errorf("%s: got %q, want %q in it", body, detail, name)
		}
	}
	o.refused(404, "GET", "/users/ann@example.com", "") // nobody was left behind
	var ann User
	o.must("POST", "/users", `{"email":"ann@example.com","password":"seventeen horses at dawn"}`, &ann)
	if !ann.Password {
		t.Errorf("made %+v, want a password", ann)
	}
	id, err := storage.ParseID(ann.Sub)
	if err != nil {
		t.Fatal(err)
	}
	hash := func() string {
		p, err := o.store.View(t.Context()).Password(id)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	first := hash()
	o.refused(422, "POST", "/users/ann@example.com/password", `{}`)
	o.refused(422, "POST", "/users/ann@example.com/password", `{"password":"too short"}`)
	if hash() != first {
		t.Error("what was refused changed something")
	}
	o.must("POST", "/users/ann@example.com/password", `{"password":"eleven geese before noon","keep_sessions":true}`, &ann)
	if hash() == first || strings.Contains(hash(), "geese") {
		t.Errorf("kept %q", hash())
	}
	const imported = "$2b$05$IxCiD5zoJ07ft2OVxNx96Oqo6pVnRixxYUzcVJ.qkW8HBAwHoenJW"
	o.must("POST", "/users/ann@example.com/password", `{"password_hash":"`+imported+`"}`, &ann)
	if hash() != imported {
		t.Errorf("kept %q, want what was imported", hash())
	}
	var without User
	o.must("DELETE", "/users/ann@example.com/password", "", &without)
	if without.Password || without.Sub != ann.Sub {
		t.Error("the password is still there")
	}
	o.refused(409, "DELETE", "/users/ann@example.com/password", "")
	o.refused(404, "POST", "/users/eve@example.com/password", `{"password":"eleven geese before noon"}`)
	if got := o.events(); !slices.Equal(got, []string{"user.created", "password.changed", "password.changed", "password.changed", "password.removed"}) {
		t.Errorf("events are %v", got)
	}
}
