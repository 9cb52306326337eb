package words

import (
	"strings"

	"golang.org/x/text/language"
)

// maxPreference bounds what is read of one preference. Browsers send under 100 bytes; the rest is somebody trying.
const maxPreference = 512

// Match picks the catalogue for a person. Each preference is an Accept-Language value ("de-CH, en;q=0.8") or a
// space-separated list of tags as OpenID Connect sends it in ui_locales ("de-CH de en"); the first one that names a
// language we have wins, so the caller orders them: ui_locales, choice, Accept-Language, default. Empty and malformed
// preferences are skipped. English when nothing matches.
func Match(prefs ...string) *Catalogue {
	l := shelf()
	tags := make([]language.Tag, len(l.list))
	for i, lang := range l.list {
		tags[i] = l.byTag[lang.Tag].tag
	}
	matcher := language.NewMatcher(tags)
	for _, pref := range prefs {
		for _, wanted := range preference(pref) {
			// The matcher also offers relatives, English for Tamil say; the next preference knows better than that.
			_, at, _ := matcher.Match(wanted)
			if sameLanguage(wanted, tags[at]) {
				return l.byTag[l.list[at].Tag]
			}
		}
	}
	return l.byTag["en"]
}

// sameLanguage tells whether two tags differ at most in region and script.
func sameLanguage(a, b language.Tag) bool {
	x, _ := a.Base()
	y, _ := b.Base()
	return x == y
}

// preference reads either spelling into tags, best first.
func preference(pref string) []language.Tag {
	if len(pref) > maxPreference {
		pref = pref[:maxPreference]
	}
	if !strings.ContainsAny(pref, ",;") {
		var tags []language.Tag
		for field := range strings.FieldsSeq(pref) {
			if tag, err := language.Parse(field); err == nil {
				tags = append(tags, tag)
			}
		}
		return tags
	}
	tags, _, err := language.ParseAcceptLanguage(pref)
	if err != nil {
		return nil
	}
	return tags
}
