package words

import (
	"cmp"
	"slices"

	"golang.org/x/text/language"
)

// Entry is one text as a translator sees it.
type Entry struct {
	Key     string
	Text    string // empty where it is not translated
	English string // the text to translate
}

// Entries lists every text that a translation into the language of c has, its plurals in the forms of the language, by key.
// What a variant (de-AT) takes from its language (de) is translated.
func (c *Catalogue) Entries() []Entry {
	english := c
	for english.fallback != nil {
		english = english.fallback
	}
	plurals := Plurals(c.tag)
	var list []Entry
	for key, text := range english.texts {
		switch stem, form := Stem(key); form {
		case "":
			list = append(list, Entry{Key: key, Text: c.translated(key), English: text})
		case "other":
			for _, form := range plurals {
				e := Entry{Key: stem + "." + form, English: text}
				if same := english.texts[e.Key]; same != "" {
					e.English = same
				}
				e.Text = c.translated(e.Key)
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		x, formX := Stem(a.Key)
		y, formY := Stem(b.Key)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(slices.Index(forms, formX), slices.Index(forms, formY)))
	})
	return list
}

// translated is the text of key without English standing in.
func (c *Catalogue) translated(key string) string {
	for at := c; at == c || at.fallback != nil; at = at.fallback {
		if text := at.texts[key]; text != "" || at.fallback == nil {
			return text
		}
	}
	return ""
}

// Blank is a catalogue of a language that has none yet: every text stands in from elsewhere.
func (l *Library) Blank(tag language.Tag) *Catalogue {
	l = l.orEmbedded()
	return &Catalogue{tag: tag, fallback: l.parent(tag), library: l}
}
