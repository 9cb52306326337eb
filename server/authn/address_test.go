package authn

import (
	"errors"
	"strings"
	"testing"
)

func TestAddressesHaveOneForm(t *testing.T) {
	for typed, want := range map[string]string{
		"ann@example.com":                   "ann@example.com",
		"  ann@example.com\n":               "ann@example.com",
		"\u00a0ann@example.com\u00a0":       "ann@example.com",
		"Ann.Lee@Example.COM":               "ann.lee@example.com",
		"ann+shop@example.com":              "ann+shop@example.com",
		"a.n.n@example.com":                 "a.n.n@example.com",
		"ann@bücher.example":                "ann@xn--bcher-kva.example",
		"ann@BÜCHER.example":                "ann@xn--bcher-kva.example",
		"ann@xn--bcher-kva.example":         "ann@xn--bcher-kva.example",
		"ann@sub.example.co.uk":             "ann@sub.example.co.uk",
		"o'brien@example.com":               "o'brien@example.com",
		strings.Repeat("a", 64) + "@ex.com": strings.Repeat("a", 64) + "@ex.com",
	} {
		if got, err := NormalizeAddress(typed); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", typed, got, err, want)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for name, typed := range map[string]string{
		"nothing":                             "",
		"no @":                                "ann",
		"no name":                             "@example.com",
		"no domain":                           "ann@",
		"two addresses":                       "ann@example.com,bob@example.com",
		"two @":                               "ann@bob@example.com",
		"a name in front":                     "Ann <ann@example.com>",
		"a header":                            "ann@example.com\r\nBcc: eve@example.com",
		"a control character":                 "ann\x07@example.com",
		"NUL":                                 "ann@example.com\x00.evil.example",
		"a space inside":                      "ann lee@example.com",
		"a quoted name":                       `"ann"@example.com`,
		"an address literal":                  "ann@[127.0.0.1]",
		"a number for a domain":               "ann@127.0.0.1",
		"a domain without a dot":              "ann@localhost",
		"a dot at the end":                    "ann@example.com.",
		"two dots":                            "ann..lee@example.com",
		"a dot in front":                      ".ann@example.com",
		"letters outside ASCII before the @":  "änn@example.com",
		"a Kelvin sign before the @":          "\u212aen@example.com",
		"a full-width @":                      "ann\uff20example.com",
		"a full-width @ after a real one":     "ann@evil.example\uff20example.com",
		"a small @":                           "ann\ufe6bexample.com",
		"full-width letters in the domain":    "ann@\uff45xample.com",
		"mathematical letters in the domain":  "ann@\U0001d41example.com",
		"a Kelvin sign in the domain":         "ann@\u212aelvin.example",
		"an ideographic full stop":            "ann@example\u3002com",
		"an invisible letter in the domain":   "ann@exam\u200bple.com",
		"a soft hyphen in the domain":         "ann@exam\u00adple.com",
		"a malformed A-label":                 "ann@xn--\u00fc.example",
		"a label of 64 letters":               "ann@" + strings.Repeat("a", 64) + ".com",
		"a name of 65 letters":                strings.Repeat("a", 65) + "@example.com",
		"255 letters":                         "ann@" + strings.Repeat(strings.Repeat("a", 49)+".", 5) + "com",
		"bad UTF-8":                           "ann\xff@example.com",
		"a right-to-left mark around the dot": "ann@example\u200f.com",
	} {
		if got, err := NormalizeAddress(typed); !errors.Is(err, ErrBadAddress) {
			t.Errorf("%s: %q became %q, %v, want ErrBadAddress", name, typed, got, err)
		}
	}
}

func FuzzNormalizeAddressIsStable(f *testing.F) {
	for _, seed := range []string{"Ann@Example.COM", "ann@bücher.example", "a@b.c", "ann@\uff45xample.com", "x@xn--bcher-kva.example", "a@ß.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := NormalizeAddress(typed)
		if err != nil {
			return
		}
		if twice, err := NormalizeAddress(once); twice != once || err != nil {
			t.Fatalf("%q became %q, and that %q, %v", typed, once, twice, err)
		}
		if !ascii(once) || strings.Count(once, "@") != 1 || once != strings.ToLower(once) || len(once) > 254 || strings.ContainsAny(once, " \r\n\x00,<>\"") {
			t.Fatalf("%q became %q", typed, once)
		}
	})
}
