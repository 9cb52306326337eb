package admin

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

func TestProfileIsChangedByParts(t *testing.T) {
	o := newOffice(t)
	o.must("POST", "/users", `{"email":"ann@example.com","name":"Ann"}`, nil)
	o.clock = o.clock.Add(time.Hour)
	o.must("PATCH", "/users/ann@example.com", `{"given_name":"Ann","birthdate":"1990-02-03","locale":"en_gb","address":{"locality":"Exeter","country":"GB"},
		"phone_number":"+44 1392 000000","phone_number_verified":true}`, nil)
	var ann struct{ Profile map[string]any }
	o.must("PATCH", "/users/ann@example.com", `{"address":{"locality":"","region":"Devon"},"birthdate":""}`, &ann.Profile)
	for name, want := range map[string]any{
		"name": "Ann", "given_name": "Ann", "locale": "en-GB", "phone_number": "+441392000000", "phone_number_verified": true,
		"address": map[string]any{"region": "Devon", "country": "GB"}, "birthdate": nil,
	} {
		if got := ann.Profile[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	changed := o.now()
	o.clock = o.clock.Add(time.Hour)
	o.must("PATCH", "/users/ann@example.com", `{"given_name":"Ann"}`, nil)
	if u, err := o.store.View(t.Context()).UserByEmail("ann@example.com"); err != nil || u.Updated != changed {
		t.Errorf("a change of nothing moved updated_at: %d, %v, want %d", u.Updated, err, changed)
	}
	if got := o.events(); !slices.Equal(got, []string{"user.created", "user.changed", "user.changed"}) {
		t.Errorf("events are %v", got)
	}
	log, err := o.store.View(t.Context()).Events(storage.ID{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(log); strings.Contains(string(text), "1990") || strings.Contains(string(text), "Exeter") {
		t.Errorf("the log keeps what it tells of: %s", text)
	}
}

func TestWrongAttributesAreRefusedWithWhatIsRight(t *testing.T) {
	o := newOffice(t)
	o.must("POST", "/users", `{"email":"ann@example.com"}`, nil)
	o.must("POST", "/users", `{"email":"ben@example.com"}`, nil)
	for body, want := range map[string]string{
		`{"birthdate":"03.02.1990"}`:        "1990-02-03",
		`{"picture":"http://example.com"}`:  "https",
		`{"zoneinfo":"Berlin"}`:             "Europe/Berlin",
		`{"phone_number":"0151"}`:           "country",
		`{"phone_number_verified":true}`:    "phone_number",
		`{"given_name":"Ann","locale":"?"}`: "en-GB",
	} {
		if detail := o.refused(422, "PATCH", "/users/ann@example.com", body); !strings.Contains(detail, want) {
			t.Errorf("%s: got %q, want a mention of %s", body, detail, want)
		}
	}
	o.refused(422, "PATCH", "/users/ann@example.com", `{"adress":{"locality":"Exeter"}}`)
	o.refused(422, "PATCH", "/users/ann@example.com", `{"sub":"somebody"}`)
	o.refused(422, "PATCH", "/users/ann@example.com", `{"email_verified":true}`)
	o.refused(409, "PATCH", "/users/ann@example.com", `{"preferred_username":"ben"}`)
	o.refused(404, "PATCH", "/users/cleo@example.com", `{"given_name":"Cleo"}`)
	var ann map[string]any
	o.must("GET", "/users/ann@example.com", "", &ann)
	if ann["given_name"] != nil {
		t.Errorf("half of a refused change was made: %v", ann)
	}
}

// The API's words and the engine's are one list.
func TestProfileHasAMemberForEveryAttribute(t *testing.T) {
	all := map[string]any{}
	for _, a := range authn.Attributes {
		var value any = "text"
		if a.Vouched {
			value = true
		}
		if top, member, nested := strings.Cut(a.Name, "."); nested {
			inner, _ := all[top].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
			}
			inner[member] = value
			all[top] = inner
		} else {
			all[a.Name] = value
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var change UserChange
	if err := json.Unmarshal(text, &change); err != nil {
		t.Fatal(err)
	}
	values, err := change.attributes()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range authn.Attributes {
		if values[a.Name] == nil {
			t.Errorf("the API has no %s", a.Name)
		}
	}
}
