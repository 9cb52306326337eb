// Package words owns the sentences people read, in every language: pages, e-mails, command output meant for visitors.
//
// A catalogue is flat JSON (`"code.title": "Check your e-mail"`). All files named LANG.json or LANG.PART.json in this
// folder are embedded and merged, so a room may keep its own part (en.mail.json) beside the others. Placeholders have
// names, `{address}`; a key that depends on a number ends in its CLDR plural category (`code.wrong.one`,
// `code.wrong.other`). English has every key and is what any other language falls back to.
//
// A Library is all catalogues together; With gives one in which an admin's own texts take the place of ours or add a
// language. What runs is given its Library by whoever read the configuration.
//
// It does not own markup: a sentence with a bold address or a link in it is cut with Parts and put together by views.
package words

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// Language is one language there is a catalogue for.
type Language struct {
	Tag  string // BCP 47, as in `lang` and `hreflang`: "de", "pt-BR"
	Name string // its own name for itself: "Deutsch"
}

// Library is a set of catalogues, one for each language. It never changes and may be shared. A nil Library is the one
// that comes with the program.
type Library struct {
	byTag   map[string]*Catalogue
	list    []Language       // English first, then by tag
	matcher language.Matcher // over list
}

// embedded reads the catalogues at first use. They are part of the program, so a broken one is a bug: it panics.
var embedded = sync.OnceValue(func() *Library {
	l, err := read(files)
	if err != nil {
		panic(err)
	}
	return l
})

// Embedded is the library that comes with the program.
func Embedded() *Library { return embedded() }

// orEmbedded is l, or the library that comes with the program.
func (l *Library) orEmbedded() *Library {
	if l == nil {
		return embedded()
	}
	return l
}

// read merges every LANG.json and LANG.PART.json of the folder. Two files of one language may not share a key.
func read(folder fs.FS) (*Library, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogues: %w", err)
	}
	texts := map[string]map[string]string{}
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		var part map[string]string
		if err := json.Unmarshal(raw, &part); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		tag, _, _ := strings.Cut(name, ".")
		if texts[tag] == nil {
			texts[tag] = map[string]string{}
		}
		for key, text := range part {
			if _, twice := texts[tag][key]; twice {
				return nil, fmt.Errorf("catalogue %s: %s is also in another file of %s", name, key, tag)
			}
			texts[tag][key] = text
		}
	}
	return shelve(texts)
}

// shelve makes catalogues of the texts. There must be English. A language falls back to the one it is a variant of
// (de-AT to de), then to English.
func shelve(texts map[string]map[string]string) (*Library, error) {
	if texts["en"] == nil {
		return nil, errors.New("there is no catalogue of English")
	}
	l := &Library{byTag: map[string]*Catalogue{}}
	for name, t := range texts {
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", name, err)
		}
		l.byTag[name] = &Catalogue{tag: tag, texts: t, library: l}
		l.list = append(l.list, Language{Tag: name, Name: t["language.name"]})
	}
	for name, c := range l.byTag {
		if name != "en" {
			c.fallback = l.parent(c.tag)
		}
	}
	slices.SortFunc(l.list, func(a, b Language) int {
		if (a.Tag == "en") != (b.Tag == "en") {
			if a.Tag == "en" {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Tag, b.Tag)
	})
	tags := make([]language.Tag, len(l.list))
	for i, lang := range l.list {
		tags[i] = l.byTag[lang.Tag].tag
	}
	l.matcher = language.NewMatcher(tags)
	return l, nil
}

// parent is the catalogue of the language that tag is a variant of, or English.
func (l *Library) parent(tag language.Tag) *Catalogue {
	for up := tag.Parent(); up != language.Und; up = up.Parent() {
		if c, ok := l.byTag[up.String()]; ok && sameWriting(tag, c.tag) {
			return c
		}
	}
	return l.byTag["en"]
}

// For returns the catalogue of exactly this tag ("de", "pt-BR"), or English where there is none.
// To choose from what a browser or an app asks for, use Match.
func (l *Library) For(lang string) *Catalogue {
	l = l.orEmbedded()
	if c, ok := l.byTag[lang]; ok {
		return c
	}
	return l.byTag["en"]
}

// Has tells whether there is a catalogue of exactly this tag.
func (l *Library) Has(lang string) bool {
	_, ok := l.orEmbedded().byTag[lang]
	return ok
}

// Languages lists what there is, English first, each under its own name.
func (l *Library) Languages() []Language { return slices.Clone(l.orEmbedded().list) }

// For is Library.For of the catalogues that come with the program. Who has been given a Library asks that.
func For(lang string) *Catalogue { return (*Library)(nil).For(lang) }

// Match is Library.Match of the catalogues that come with the program.
func Match(prefs ...string) *Catalogue { return (*Library)(nil).Match(prefs...) }

// Languages is Library.Languages of the catalogues that come with the program.
func Languages() []Language { return (*Library)(nil).Languages() }
