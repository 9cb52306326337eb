package words

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Catalogue holds the texts of one language. It never changes and may be shared.
type Catalogue struct {
	tag      language.Tag
	texts    map[string]string
	fallback *Catalogue // the language it is a variant of, or English; nil in English itself
	library  *Library
}

// Lang is the BCP 47 tag for the `lang` attribute and Content-Language.
func (c *Catalogue) Lang() string { return c.tag.String() }

// rtlScripts are the scripts written from right to left that a catalogue may come in.
var rtlScripts = []string{"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg"}

// Dir is the value of the `dir` attribute: "rtl" for Arabic, Hebrew and their neighbours, else "ltr".
func (c *Catalogue) Dir() string {
	script, _ := c.tag.Script()
	if slices.Contains(rtlScripts, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// Languages lists the languages this one stands among, English first.
func (c *Catalogue) Languages() []Language { return c.library.Languages() }

// Name is what the language calls itself.
func (c *Catalogue) Name() string { return c.T("language.name") }

// T returns the text of key with its placeholders filled from pairs of name and value: T("code.sent", "address", a).
// A placeholder without a pair stays as it is written, for gate.js to fill in. A key that is missing here is taken from
// English; one that is missing there as well comes back as itself. The text is plain: escape it where it is shown.
func (c *Catalogue) T(key string, pairs ...string) string {
	text := c.text(key)
	if len(pairs) == 0 {
		return text
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, "{"+pairs[i]+"}", c.isolated(pairs[i+1]))
	}
	// One pass: a value that itself contains "{name}" is not filled in again.
	return strings.NewReplacer(old...).Replace(text)
}

// isolated keeps the direction of a value apart from that of an Arabic sentence around it, as <bdi> does where there are
// elements: a name such as "C++" would else show as "++C". Numbers and codes need none, and stay as they are for copying.
func (c *Catalogue) isolated(value string) string {
	if c.Dir() == "ltr" || !strings.ContainsFunc(value, unicode.IsLetter) {
		return value
	}
	const first, pop = "\u2068", "\u2069" // FIRST STRONG ISOLATE … POP DIRECTIONAL ISOLATE (UAX #9)
	return first + value + pop
}

// N is T for a text that depends on a number. It picks key.one, key.few, key.other … by the CLDR cardinal rule of the
// language and fills {n} with the number.
func (c *Catalogue) N(key string, n int, pairs ...string) string {
	return c.T(c.Plural(key, n), append([]string{"n", strconv.Itoa(n)}, pairs...)...)
}

// Plural returns the full key N would use, for callers that need Parts of it.
func (c *Catalogue) Plural(key string, n int) string {
	for at := c; at != nil; at = at.fallback {
		if full := key + "." + category(at.tag, n); at.texts[full] != "" {
			return full
		}
		if at.texts[key+".other"] != "" {
			break
		}
	}
	return key + ".other"
}

// Part is a piece of a sentence: words, or the place where a named value belongs.
type Part struct {
	Text string // plain words; empty when Name is set
	Name string // the name of a placeholder
}

// Parts cuts the text of key at its placeholders, in the order the language has them, so that a page can put an element
// in each place instead of gluing a sentence together.
func (c *Catalogue) Parts(key string) []Part { return cut(c.text(key)) }

// cut cuts a text at its placeholders.
func cut(rest string) []Part {
	var parts []Part
	for {
		from := strings.IndexByte(rest, '{')
		length := -1
		if from >= 0 {
			length = strings.IndexByte(rest[from:], '}')
		}
		if length < 0 {
			break
		}
		if from > 0 {
			parts = append(parts, Part{Text: rest[:from]})
		}
		parts = append(parts, Part{Name: rest[from+1 : from+length]})
		rest = rest[from+length+1:]
	}
	if rest != "" {
		parts = append(parts, Part{Text: rest})
	}
	return parts
}

// text finds the text of key here, then in English, then gives up and returns the key.
func (c *Catalogue) text(key string) string {
	for at := c; at != nil; at = at.fallback {
		if text, ok := at.texts[key]; ok {
			return text
		}
	}
	return key
}

// forms are the names of the CLDR plural categories.
var forms = []string{"zero", "one", "two", "few", "many", "other"}

// Plurals lists the plural forms a text of the language comes in: those that whole numbers have, and "other", which every
// language has.
func Plurals(tag language.Tag) []string {
	var has []string
	for _, form := range forms {
		if form == "other" || numbers(tag, form) > 0 {
			has = append(has, form)
		}
	}
	return has
}

// numbers counts the whole numbers below a thousand that have this form.
func numbers(tag language.Tag, form string) int {
	count := 0
	for n := range 1000 {
		if category(tag, n) == form {
			count++
		}
	}
	return count
}

// Stem cuts the plural category off a key that ends in one: "code.wrong.other" is "code.wrong" and "other".
func Stem(key string) (stem, form string) {
	if dot := strings.LastIndexByte(key, '.'); dot > 0 && slices.Contains(forms, key[dot+1:]) {
		return key[:dot], key[dot+1:]
	}
	return key, ""
}

// category names the CLDR plural form of a whole number in a language.
func category(tag language.Tag, n int) string {
	if n < 0 {
		n = -n
	}
	switch plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	default:
		return "other"
	}
}
