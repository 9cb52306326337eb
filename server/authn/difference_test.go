package authn

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDifferenceNamesEachMemberThatChangedWithBothValues(t *testing.T) {
	type settings struct {
		Name   string            `json:"name"`
		Count  int64             `json:"count"`
		On     bool              `json:"on"`
		List   []string          `json:"list"`
		Labels map[string]string `json:"labels,omitempty"`
		Things []settings        `json:"things,omitempty"`
		Keys   json.RawMessage   `json:"keys,omitempty"`
		Who    []string          `json:"who,omitempty"`
	}
	long := func(last ...string) (list []string) {
		for _, letter := range "abcdefghijkl" {
			list = append(list, "https://shop.example/"+strings.Repeat(string(letter), 20))
		}
		return append(list, last...)
	}
	turned := long()
	slices.Reverse(turned)
	for name, c := range map[string]struct {
		before, after settings
		want          string
	}{
		"nothing":                    {settings{Name: "a", List: []string{}}, settings{Name: "a"}, ""},
		"several":                    {settings{Name: "Shop", Count: 3600, On: true}, settings{Name: "Books", Count: 900}, "count: 3600 → 900; name: Shop → Books; on: true → false"},
		"from nothing":               {settings{}, settings{Name: "Shop", List: []string{"a", "b"}}, "list: none → a b; name: none → Shop"},
		"to nothing":                 {settings{Name: "Shop", List: []string{"a"}}, settings{}, "list: a → none; name: Shop → none"},
		"another order":              {settings{List: []string{"a", "b"}}, settings{List: []string{"b", "a"}}, "list: a b → b a"},
		"inside":                     {settings{Labels: map[string]string{"en": "Score", "de": "Punkte"}}, settings{Labels: map[string]string{"en": "Points", "de": "Punkte"}}, "labels.en: Score → Points"},
		"inside and new":             {settings{}, settings{Labels: map[string]string{"en": "Points"}}, "labels.en: none → Points"},
		"a name that tells a lie":    {settings{Name: "Shop"}, settings{Name: "x; on: false → true"}, `name: Shop → "x; on: false → true"`},
		"a list that tells a lie":    {settings{}, settings{List: []string{"a → b", `"`}}, `list: none → "a → b" "\""`},
		"lists of things":            {settings{}, settings{Keys: json.RawMessage(`{"keys":[{"kid":"1"}]}`)}, `keys.keys: none → {"kid":"1"}`},
		"what nothing is told about": {settings{Who: []string{"ann@example.com"}}, settings{Who: []string{"ben@example.com"}, Count: 1}, "count: 0 → 1; who"},
		"the end of a long list":     {settings{List: long()}, settings{List: long("https://evil.example/")}, "list: +https://evil.example/"},
		"both ends of a long list":   {settings{List: long("https://old.example/")}, settings{List: long("https://new.example/")}, "list: −https://old.example/ +https://new.example/"},
		"the order of a long list":   {settings{List: long()}, settings{List: turned}, "list: in another order"},
		"a large number":             {settings{Count: 1 << 60}, settings{Count: 1<<60 + 1}, "count: 1152921504606846976 → 1152921504606846977"},
	} {
		if got := Difference(c.before, c.after, "who"); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestDifferenceIsShortHoweverMuchHasChanged(t *testing.T) {
	before, after := map[string]any{}, map[string]any{"a": strings.Repeat("ä", 5000)}
	got := Difference(before, after)
	if len(got) > 250 || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
		t.Errorf("one long value: %d bytes: %s", len(got), got)
	}
	var list []string
	for i := range 500 {
		list = append(list, strings.Repeat("ß", i))
	}
	before["list"] = list
	for _, name := range list[1:40] {
		after[name] = name
	}
	if got := Difference(before, after); len(got) > differenceMost+len("…") || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
		t.Errorf("many values: %d bytes: %s", len(got), got)
	}
}
