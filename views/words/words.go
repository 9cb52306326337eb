// Package words owns the sentences people read, in every language: pages, e-mails, command output meant for visitors.
//
// A catalogue is flat JSON (`"code.title": "Check your e-mail"`). All files named LANG.json or LANG.PART.json in this
// folder are embedded and merged, so a room may keep its own part (en.mail.json) beside the others. Placeholders have
// names, `{address}`; a key that depends on a number ends in its CLDR plural category (`code.wrong.one`,
// `code.wrong.other`). English has every key and is what any other language falls back to.
//
// It does not own markup: a sentence with a bold address or a link in it is cut with Parts and put together by views.
package words

import (
	"embed"
	"encoding/json"
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

// library is everything that was embedded, read once.
type library struct {
	byTag map[string]*Catalogue
	list  []Language // English first, then by tag
}

// shelf reads the embedded catalogues at first use. They are part of the program, so a broken one is a bug: it panics.
var shelf = sync.OnceValue(func() library {
	l, err := read(files)
	if err != nil {
		panic(err)
	}
	return l
})

// read merges every LANG.json and LANG.PART.json of the folder. Two files of one language may not share a key.
func read(folder fs.FS) (library, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return library{}, fmt.Errorf("list catalogues: %w", err)
	}
	texts := map[string]map[string]string{}
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return library{}, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		var part map[string]string
		if err := json.Unmarshal(raw, &part); err != nil {
			return library{}, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		tag, _, _ := strings.Cut(name, ".")
		if texts[tag] == nil {
			texts[tag] = map[string]string{}
		}
		for key, text := range part {
			if _, twice := texts[tag][key]; twice {
				return library{}, fmt.Errorf("catalogue %s: %s is also in another file of %s", name, key, tag)
			}
			texts[tag][key] = text
		}
	}
	return shelve(texts)
}

// shelve makes catalogues of the texts. There must be English.
func shelve(texts map[string]map[string]string) (library, error) {
	if texts["en"] == nil {
		return library{}, fmt.Errorf("there is no en.json")
	}
	english := &Catalogue{tag: language.English, texts: texts["en"]}
	l := library{byTag: map[string]*Catalogue{"en": english}}
	for name, t := range texts {
		tag, err := language.Parse(name)
		if err != nil {
			return library{}, fmt.Errorf("catalogue %s: %w", name, err)
		}
		if name != "en" {
			l.byTag[name] = &Catalogue{tag: tag, texts: t, fallback: english}
		}
		l.list = append(l.list, Language{Tag: name, Name: t["language.name"]})
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
	return l, nil
}

// For returns the catalogue of exactly this tag ("de", "pt-BR"), or English where there is none.
// To choose from what a browser or an app asks for, use Match.
func For(lang string) *Catalogue {
	l := shelf()
	if c, ok := l.byTag[lang]; ok {
		return c
	}
	return l.byTag["en"]
}

// Languages lists what there is, English first, each under its own name.
func Languages() []Language {
	return slices.Clone(shelf().list)
}
