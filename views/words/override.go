package words

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// Override is a text of an admin: it takes the place of ours, or belongs to a language that we do not have.
type Override struct {
	Lang  string // BCP 47: "de", "pt-BR", "sv"
	Key   string
	Text  string
	Place string // where it was written, for whoever has to put it right: "words/de.yaml line 3"
}

// ErrUnknownKey is the Problem of a key that belongs to no text.
var ErrUnknownKey = errors.New("no page and no mail has a text of this name")

// Problem says why an override cannot be used.
type Problem struct {
	Override
	Err error
}

// Error says where and why.
func (p *Problem) Error() string { return fmt.Sprintf("%s: %s: %v", p.Place, p.Key, p.Err) }

// Unwrap returns the reason, ErrUnknownKey among others.
func (p *Problem) Unwrap() error { return p.Err }

// With returns the library with the overrides in it. A language that was not there needs its name ("language.name"); what
// it lacks is shown in the language it is a variant of, else in English. A text has the placeholders of the English one
// and the plural forms of its language. Where overrides do not, there is no library and a Problem for each.
func (l *Library) With(overrides []Override) (*Library, []*Problem) {
	l = l.orEmbedded()
	texts := map[string]map[string]string{}
	for tag, c := range l.byTag {
		texts[tag] = maps.Clone(c.texts)
	}
	english := l.byTag["en"]
	var problems []*Problem
	complain := func(o Override, format string, args ...any) {
		problems = append(problems, &Problem{o, fmt.Errorf(format, args...)})
	}
	var taken []Override
	for _, o := range overrides {
		tag, err := language.Parse(o.Lang)
		if err != nil {
			complain(o, "%q is not the tag of a language. Expected one such as sv or pt-PT", o.Lang)
			continue
		}
		if err := english.fits(tag, o); err != nil {
			complain(o, "%w", err)
			continue
		}
		name := tag.String()
		if texts[name] == nil {
			texts[name] = map[string]string{}
		}
		texts[name][o.Key] = o.Text
		o.Lang = name
		taken = append(taken, o)
	}
	// What belongs together is looked at when all of it is there.
	for _, o := range taken {
		own := texts[o.Lang]
		if own["language.name"] == "" {
			complain(o, "the language has no name yet. Add what it calls itself as language.name")
			own["language.name"] = o.Lang // one complaint is enough
		}
		stem, form := Stem(o.Key)
		if form == "" {
			continue
		}
		plurals := Plurals(language.Make(o.Lang))
		for _, form := range plurals {
			if own[stem+"."+form] == "" {
				complain(o, "%s.%s belongs to it and is missing. Plurals of %s come as %s", stem, form, o.Lang, strings.Join(plurals, ", "))
				own[stem+"."+form] = o.Text // one complaint is enough
			}
		}
	}
	if problems != nil {
		return nil, problems
	}
	merged, err := shelve(texts)
	if err != nil {
		panic(err) // every tag was parsed above
	}
	return merged, nil
}

// fits tells whether an override in the language could stand where the English text of its key stands.
func (c *Catalogue) fits(tag language.Tag, o Override) error {
	stem, form := Stem(o.Key)
	original, known := c.texts[o.Key]
	if form != "" {
		original, known = c.texts[stem+".other"]
	}
	if !known {
		return ErrUnknownKey
	}
	if form != "" && !slices.Contains(Plurals(tag), form) {
		return fmt.Errorf("%s has no plural form %q. It has %s", tag, form, strings.Join(Plurals(tag), ", "))
	}
	if o.Text == "" || o.Text != strings.TrimSpace(o.Text) {
		return errors.New("expected a text without space around it. Leave the line out for ours")
	}
	if strings.ContainsFunc(o.Text, unicode.IsControl) {
		return errors.New("a text is one line")
	}
	want, got := places(original), places(o.Text)
	for _, name := range want {
		// "one minute" may do without the number where the form stands for one number only.
		if !slices.Contains(got, name) && (form == "" || name != "n" || numbers(tag, form) != 1) {
			return fmt.Errorf("{%s} is missing. The English text is %q", name, original)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			return fmt.Errorf("{%s} is not filled in here. The English text is %q", name, original)
		}
	}
	return nil
}

// places lists the names of the placeholders of a text, each once, in alphabetical order.
func places(text string) []string {
	var names []string
	for _, part := range cut(text) {
		if part.Name != "" {
			names = append(names, part.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
