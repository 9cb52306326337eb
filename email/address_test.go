package email

import (
	"strings"
	"testing"
)

func TestAddressesAreReadStrictly(t *testing.T) {
	for address, want := range map[string]string{
		"ann@example.com": "ann@example.com", "Ann.O'Neil+shop@Example.COM": "Ann.O'Neil+shop@example.com", "ann@localhost": "ann@localhost",
		"ann@bücher.example": "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example": "ann@xn--bcher-kva.example", "a@1.example": "a@1.example",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
	} {
		if got, err := Address(address); err != nil || got != want {
			t.Errorf("%q: got %q (%v), want %q", address, got, err, want)
		}
	}
	for name, address := range map[string]string{
		"empty": "", "no @": "ann", "nothing before": "@example.com", "nothing after": "ann@", "two addresses": "ann@example.com,eve@example.com",
		"two addresses and a space": "ann@example.com eve@example.com", "two @": "ann@eve@example.com", "semicolon": "ann@example.com;eve@example.com",
		"with a name": "Ann <ann@example.com>", "in brackets": "<ann@example.com>", "quoted": `"ann eve"@example.com`, "comment": "ann(x)@example.com",
		"literal": "ann@[127.0.0.1]", "dot first": ".ann@example.com", "dot last": "ann.@example.com", "two dots": "a..n@example.com", "dot after all": "ann@example.com.",
		"empty label": "ann@example..com", "dash first": "ann@-example.com", "underscore": "ann@ex_ample.com", "space": "ann @example.com", "space around": " ann@example.com",
		"letters outside ASCII": "änn@example.com", "wide letters": "ａnn@example.com", "local too long": strings.Repeat("a", 65) + "@example.com",
		"label too long": "ann@" + strings.Repeat("a", 64) + ".com", "too long": "ann@" + strings.Repeat("abcdefgh.", 30) + "com", "broken UTF-8": "ann\xff@example.com",
		"percent": "ann@example.com%0d%0aBcc:eve@example.com", "colon": "ann:eve@example.com", "backslash": `ann\@example.com`, "ESMTP argument": "ann@example.com> NOTIFY=NEVER",
	} {
		if got, err := Address(address); err == nil {
			t.Errorf("%s: %q was taken as %q", name, address, got)
		} else if len(address) > 8 && strings.Contains(err.Error(), address) {
			t.Errorf("%s: the error repeats the address: %v", name, err)
		}
	}
}

func TestSendersAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]From{
		"sign-in@example.com":                       {"", "sign-in@example.com"},
		"<sign-in@example.com>":                     {"", "sign-in@example.com"},
		"Bookstore <sign-in@example.com>":           {"Bookstore", "sign-in@example.com"},
		"  Bookstore   <sign-in@Example.com> ":      {"Bookstore", "sign-in@example.com"},
		`"Book, Inc." <sign-in@example.com>`:        {"Book, Inc.", "sign-in@example.com"},
		`"The \"Book\" \\ Inc" <sign-in@a.example>`: {`The "Book" \ Inc`, "sign-in@a.example"},
		"Book, Inc. <sign-in@example.com>":          {"Book, Inc.", "sign-in@example.com"},
		"Bücher <sign-in@bücher.example>":           {"Bücher", "sign-in@xn--bcher-kva.example"},
		"a < b <sign-in@example.com>":               {"a < b", "sign-in@example.com"},
	} {
		if got, err := ParseFrom(text); err != nil || got != want {
			t.Errorf("%q: got %+v (%v), want %+v", text, got, err, want)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "name only": "Bookstore", "not closed": "Bookstore <sign-in@example.com", "after the end": "A <a@example.com> b", "two": "a@example.com, b@example.com",
		"name too long": strings.Repeat("x", 101) + " <a@example.com>",
	} {
		if got, err := ParseFrom(text); err == nil {
			t.Errorf("%s: %q was taken as %+v", name, text, got)
		}
	}
}

func TestSenderInAHeaderIsOneAddressInASCII(t *testing.T) {
	for _, name := range []string{"", "Bookstore", "Book, Inc.", `a" <eve@example.com>, "b`, "Bücher", "=?utf-8?q?x?=", strings.Repeat("Ω", 100)} {
		header := From{Name: name, Address: "sign-in@example.com"}.String()
		if strings.ContainsFunc(header, func(r rune) bool { return r > 126 || r < 32 }) {
			t.Errorf("%q gives %q", name, header)
		}
		if got, err := ParseFrom(header); name != "" && err == nil && got.Address != "sign-in@example.com" {
			t.Errorf("%q reads back as %+v", header, got)
		}
	}
}
