package words

import (
	"strings"

	"golang.org/x/text/language"
)

// accents are look-alikes that stay readable while they show which words did not come from a catalogue.
var accents = strings.NewReplacer(
	"a", "á", "c", "ç", "e", "é", "g", "ğ", "i", "í", "n", "ñ", "o", "ö", "s", "š", "u", "ü", "y", "ý", "z", "ž",
	"A", "Å", "C", "Ç", "E", "É", "I", "Î", "N", "Ñ", "O", "Ö", "S", "Š", "U", "Ü")

// Pseudo returns a catalogue for tests of layout: every text about 40 % longer and accented, placeholders untouched.
// With rtl it claims to be written from right to left (tag ar-XB), otherwise it is en-XA.
func (c *Catalogue) Pseudo(rtl bool) *Catalogue {
	tag := language.MustParse("en-XA")
	if rtl {
		tag = language.MustParse("ar-XB")
	}
	p := &Catalogue{tag: tag, texts: make(map[string]string, len(c.texts)), fallback: c, library: c.library}
	for key := range c.texts {
		var b strings.Builder
		letters := 0
		for _, part := range c.Parts(key) {
			if part.Name != "" {
				b.WriteString("{" + part.Name + "}")
				continue
			}
			b.WriteString(accents.Replace(part.Text))
			letters += len(part.Text)
		}
		b.WriteString(padding(letters * 2 / 5))
		p.texts[key] = b.String()
	}
	return p
}

// padding makes n letters of words that may break.
func padding(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(" llóng")
	}
	return b.String()
}
