package authn

import (
	"strings"
	"testing"
)

func TestAttributesAreKeptTidyOrRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		want  any // nil: taken away
	}{
		{"name", "  Ann Example ", "Ann Example"},
		{"name", "", nil},
		{"nickname", nil, nil},
		{"preferred_username", "ann.example-2", "ann.example-2"},
		{"website", "https://example.com/ann?a=1", "https://example.com/ann?a=1"},
		{"birthdate", "2000-02-29", "2000-02-29"},
		{"birthdate", "0000-02-29", "0000-02-29"},
		{"birthdate", "1990", "1990"},
		{"preferred_username", " \uff21nn\u212a", "annk"},
		{"zoneinfo", "Europe/Berlin", "Europe/Berlin"},
		{"locale", "en_gb", "en-GB"},
		{"address.formatted", "1 High Street\r\nExeter", "1 High Street\nExeter"},
		{"phone_number", "+44 (1392) 000-000", "+441392000000"},
		{"phone_number_verified", true, true},
	} {
		a, err := attribute(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.read(c.value); err != nil || got != c.want {
			t.Errorf("%s=%v: got %v, %v, want %v", c.name, c.value, got, err, c.want)
		}
	}
	for _, c := range []struct {
		name  string
		value any
	}{
		{"name", "Ann\nExample"}, {"name", "Ann\x1b[2J"}, {"name", "\xff"}, {"name", strings.Repeat("a", 201)}, {"name", true}, {"name", 7},
		{"address.locality", "Exeter\nDevon"}, {"address.formatted", strings.Repeat("a", 501)},
		{"preferred_username", "ann b"}, {"preferred_username", "änn"}, {"preferred_username", "ann\uff20example.com"}, {"preferred_username", "ann@example.com"}, {"preferred_username", "-ann"}, {"preferred_username", strings.Repeat("a", 65)},
		{"picture", "http://example.com/a.png"}, {"picture", "javascript:alert(1)"}, {"picture", "https:///a"}, {"picture", "https://u:p@example.com"}, {"picture", "https://example.com/\"onload="},
		{"birthdate", "1990-02-30"}, {"birthdate", "90"}, {"birthdate", "03.02.1990"}, {"birthdate", "0000"}, {"birthdate", "19x0"},
		{"zoneinfo", "Europe/Atlantis"}, {"zoneinfo", "Local"}, {"zoneinfo", "../../etc/passwd"},
		{"locale", "und"}, {"locale", "not a language"},
		{"phone_number", "01392 000000"}, {"phone_number", "+0 1392 000000"}, {"phone_number", "+44 1392 000000 ext 5"}, {"phone_number", "+1234567890123456"},
		{"phone_number_verified", "true"}, {"phone_number_verified", 1},
	} {
		a, err := attribute(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.read(c.value); err == nil {
			t.Errorf("%s=%q: kept as %v", c.name, c.value, got)
		}
	}
}

// The claims of Core §5.1 that are neither about the token nor the e-mail address, each once.
func TestEveryStandardClaimAboutAPersonIsAnAttribute(t *testing.T) {
	want := "name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale " +
		"address.formatted address.street_address address.locality address.region address.postal_code address.country phone_number phone_number_verified"
	var names []string
	for _, a := range Attributes {
		names = append(names, a.Name)
		if a.Form == "" {
			t.Errorf("nobody is told what %s looks like", a.Name)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
