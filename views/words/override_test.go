package words

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func with(t *testing.T, overrides ...Override) *Library {
	t.Helper()
	l, problems := Embedded().With(overrides)
	if problems != nil {
		t.Fatal(problems)
	}
	return l
}

func TestAnAdminsTextTakesThePlaceOfOursAndOfNothingElse(t *testing.T) {
	l := with(t, Override{Lang: "de", Key: "code.title", Text: "Code, bitte sehr"})
	if got := l.For("de").T("code.title"); got != "Code, bitte sehr" {
		t.Errorf("got %q", got)
	}
	for _, key := range []string{"code.label", "language.name"} {
		if got, want := l.For("de").T(key), For("de").T(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if got, want := l.For("en").T("code.title"), For("en").T("code.title"); got != want {
		t.Errorf("English says %q, want %q", got, want)
	}
	if got := For("de").T("code.title"); got == "Code, bitte sehr" {
		t.Errorf("the library that comes with the program has changed: %q", got)
	}
}

func TestAnAdminsLanguageIsSpokenAndBorrowsFromEnglish(t *testing.T) {
	l := with(t, Override{Lang: "sv", Key: "language.name", Text: "Svenska"}, Override{Lang: "sv", Key: "code.continue", Text: "Fortsätt"})
	if c := l.Match("sv-FI, en;q=0.5"); c.Lang() != "sv" || c.T("code.continue") != "Fortsätt" || c.T("code.title") != "Check your e-mail" {
		t.Errorf("got %s: %q, %q", c.Lang(), c.T("code.continue"), c.T("code.title"))
	}
	if got := l.For("sv").N("code.valid", 10); got != "Valid for 10\u00a0minutes." {
		t.Errorf("a borrowed plural is %q", got)
	}
	if langs := l.For("de").Languages(); !slices.Contains(langs, Language{"sv", "Svenska"}) {
		t.Errorf("pages in German offer %v", langs)
	}
	missing, own := 0, 0
	for _, e := range l.For("sv").Entries() {
		if e.Text == "" {
			missing++
		} else {
			own++
		}
	}
	if own != 2 || missing < 200 {
		t.Errorf("%d texts translated, %d missing", own, missing)
	}
}

func TestAVariantOfALanguageBorrowsFromIt(t *testing.T) {
	l := with(t, Override{Lang: "de-at", Key: "language.name", Text: "Deutsch (Österreich)"}, Override{Lang: "de-at", Key: "page.help", Text: "Hilfestellung"})
	c := l.Match("de-AT")
	if c.Lang() != "de-AT" || c.T("page.help") != "Hilfestellung" || c.T("code.title") != For("de").T("code.title") || c.N("code.valid", 1) != For("de").N("code.valid", 1) {
		t.Errorf("got %s: %q, %q, %q", c.Lang(), c.T("page.help"), c.T("code.title"), c.N("code.valid", 1))
	}
	if got := l.Match("de-CH").Lang(); got != "de" {
		t.Errorf("Switzerland gets %s, want de", got)
	}
	for _, e := range c.Entries() {
		if e.Text == "" {
			t.Fatalf("%s is called untranslated", e.Key)
		}
	}
}

func TestAnOverrideThatCannotWorkIsRefusedWithTheReason(t *testing.T) {
	name := Override{Lang: "pl", Key: "language.name", Text: "Polski"}
	for _, c := range []struct {
		name, want string
		overrides  []Override
	}{
		{"no such key", "code.titel: no page and no mail has a text of this name", []Override{{Lang: "de", Key: "code.titel", Text: "x"}}},
		{"no such plural", "code.title.one: no page", []Override{{Lang: "de", Key: "code.title.one", Text: "x"}}},
		{"plural without its form", "code.wrong: no page", []Override{{Lang: "de", Key: "code.wrong", Text: "{n}"}}},
		{"placeholder lost", `{address} is missing. The English text is "We sent a code to {address}."`, []Override{{Lang: "de", Key: "code.sent", Text: "Gesendet."}}},
		{"foreign placeholder", "{app} is not filled in here", []Override{{Lang: "de", Key: "code.sent", Text: "{address} {app}"}}},
		{"number lost", "{n} is missing", []Override{{Lang: "de", Key: "code.valid.other", Text: "Minuten"}}},
		{"no form of the language", `ja has no plural form "one". It has other`, []Override{{Lang: "ja", Key: "code.valid.one", Text: "{n}"}}},
		{"no tag", `"d" is not the tag of a language`, []Override{{Lang: "d", Key: "code.title", Text: "x"}}},
		{"nothing", "expected a text", []Override{{Lang: "de", Key: "code.title", Text: ""}}},
		{"space around", "without space around it", []Override{{Lang: "de", Key: "code.title", Text: "x "}}},
		{"two lines", "one line", []Override{{Lang: "de", Key: "mail.code.subject", Text: "{code}\r\nBcc: eve@example.com {app}"}}},
		{"language without a name", "Add what it calls itself as language.name", []Override{{Lang: "sv", Key: "code.title", Text: "x"}}},
		{"forms missing", "code.valid.few belongs to it and is missing. Plurals of sl come as one, two, few, other",
			[]Override{{Lang: "sl", Key: "language.name", Text: "Slovenščina"}, {Lang: "sl", Key: "code.valid.one", Text: "{n}"}, {Lang: "sl", Key: "code.valid.two", Text: "{n}"}, {Lang: "sl", Key: "code.valid.other", Text: "{n}"}}},
		{"one of many ones", "{n} is missing", []Override{{Lang: "sl", Key: "code.valid.one", Text: "Ena minuta."}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.overrides {
				c.overrides[i].Place = fmt.Sprintf("words/x.yaml line %d", i+1)
			}
			l, problems := Embedded().With(append(c.overrides, name))
			if l != nil || len(problems) != 1 {
				t.Fatalf("got %v, %v", l, problems)
			}
			got := problems[0].Error()
			if !strings.Contains(got, c.want) || !strings.HasPrefix(got, "words/x.yaml line ") {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
			if errors.Is(problems[0], ErrUnknownKey) != strings.Contains(c.want, "no page") {
				t.Errorf("%v is wrongly told from an unknown key", problems[0])
			}
		})
	}
}

func TestOneMayBeAWordInsteadOfANumber(t *testing.T) {
	l := with(t, Override{Lang: "de", Key: "code.valid.one", Text: "Eine Minute gültig."})
	if got := l.For("de").N("code.valid", 1); got != "Eine Minute gültig." {
		t.Errorf("got %q", got)
	}
}

func TestEachLanguageHasThePluralFormsOfCLDR(t *testing.T) {
	for tag, want := range map[string]string{
		"en": "one other", "de": "one other", "fr": "one other", "es": "one other", "pt-BR": "one other", "it": "one other", "nl": "one other",
		"pl": "one few many other", "cs": "one few other", "ja": "other", "zh-Hans": "other", "ar": "zero one two few many other",
	} {
		if got := strings.Join(Plurals(language.MustParse(tag)), " "); got != want {
			t.Errorf("%s has %s, want %s", tag, got, want)
		}
	}
}

func TestNamesInAnArabicSentenceKeepTheirOwnDirection(t *testing.T) {
	c := &Catalogue{tag: language.Arabic, texts: map[string]string{"k": "{code} {app} {n}"}}
	if got, want := c.T("k", "code", "482019", "app", "C++", "n", "3"), "482019 \u2068C++\u2069 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.tag = language.English
	if got, want := c.T("k", "code", "482019", "app", "C++", "n", "3"), "482019 C++ 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
