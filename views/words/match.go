package words

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// maxPreference bounds what is read of one preference. Browsers send under 100 bytes; the rest is somebody trying.
const maxPreference = 512

// Match picks the catalogue for a person. Each preference is an Accept-Language value ("de-CH, en;q=0.8") or a
// space-separated list of tags as OpenID Connect sends it in ui_locales ("de-CH de en"); the first one that names a
// language we have wins, so the caller orders them: ui_locales, choice, Accept-Language, default. Empty and malformed
// preferences are skipped. English when nothing matches.
//
// A language in another script is another language: who reads Traditional Chinese (zh-TW) is not given Simplified Chinese
// for it, also not by the plain "zh" that browsers put after it.
func (l *Library) Match(prefs ...string) *Catalogue {
	l = l.orEmbedded()
	var otherScript []language.Base // asked for in a script we do not have
	for _, pref := range prefs {
		for _, wanted := range preference(pref) {
			base, _ := wanted.Base()
			if _, script, region := wanted.Raw(); script == (language.Script{}) && region == (language.Region{}) && slices.Contains(otherScript, base) {
				continue
			}
			// The matcher also offers relatives, English for Tamil say; the next preference knows better than that.
			_, at, _ := l.matcher.Match(wanted)
			found := l.byTag[l.list[at].Tag]
			switch {
			case sameWriting(wanted, found.tag):
				return found
			case sameLanguage(wanted, found.tag):
				otherScript = append(otherScript, base)
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

// sameWriting tells whether two tags differ at most in region.
func sameWriting(a, b language.Tag) bool {
	x, _ := a.Script()
	y, _ := b.Script()
	return x == y && sameLanguage(a, b)
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
