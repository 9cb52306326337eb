package words

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Catalogue holds the texts of one language. It never changes and may be shared.
type Catalogue struct {
	tag      language.Tag
	texts    map[string]string
	fallback *Catalogue // English; nil in English itself
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
		old = append(old, "{"+pairs[i]+"}", pairs[i+1])
	}
	// One pass: a value that itself contains "{name}" is not filled in again.
	return strings.NewReplacer(old...).Replace(text)
}

// N is T for a text that depends on a number. It picks key.one, key.few, key.other … by the CLDR cardinal rule of the
// language and fills {n} with the number.
func (c *Catalogue) N(key string, n int, pairs ...string) string {
	return c.T(c.Plural(key, n), append([]string{"n", strconv.Itoa(n)}, pairs...)...)
}

// Plural returns the full key N would use, for callers that need Parts of it.
func (c *Catalogue) Plural(key string, n int) string {
	form := category(c.tag, n)
	if full := key + "." + form; c.texts[full] != "" {
		return full
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
func (c *Catalogue) Parts(key string) []Part {
	var parts []Part
	rest := c.text(key)
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
