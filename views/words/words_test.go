package words

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/language"
)

// stems maps each key, without its plural category, to the placeholders of its text.
func stems(c *Catalogue) map[string][]string {
	found := map[string][]string{}
	for key, text := range c.texts {
		if name, form := Stem(key); form == "" || form == "other" {
			found[name] = places(text)
		}
	}
	return found
}

// What is demanded of an admin's words is demanded of ours: no key but those of English, the placeholders of English in
// every text, and in each plural the forms of the language, none missing and none too many.
func TestEveryLanguageHasTheKeysPlaceholdersAndPluralsItNeeds(t *testing.T) {
	for _, lang := range Languages() {
		c := For(lang.Tag)
		var missing []string
		for _, e := range c.Entries() {
			if e.Text == "" {
				missing = append(missing, e.Key)
			}
		}
		if missing != nil {
			t.Errorf("%s lacks %s", lang.Tag, strings.Join(missing, ", "))
		}
		for key, text := range c.texts {
			if err := For("en").fits(c.tag, Override{Key: key, Text: text}); err != nil {
				t.Errorf("%s: %s = %q: %v", lang.Tag, key, text, err)
			}
		}
	}
}

func TestNoTextIsEmptyOrUntrimmedOrSpeaksAgainstTheHouse(t *testing.T) {
	// What we do not say to people, per language. (\b is only for letters of ASCII.)
	forbidden := map[string]*regexp.Regexp{
		"ar":      regexp.MustCompile(`(?i)\botp\b|عذر|للأسف|غير صالح|جلسة|!`),
		"cs":      regexp.MustCompile(`(?i)\b(otp|login|jejda|ups|bohužel|neplatn\w*|relace|session)\b|!`),
		"de":      regexp.MustCompile(`(?i)\b(login|einloggen|otp|ungültig\w*|hoppla|leider|bitte|du|dein\w*|session)\b|!`),
		"en":      regexp.MustCompile(`(?i)\b(log[- ]?in|log out|otp|credentials?|invalid|oops|sorry|please|session)\b|!`),
		"es":      regexp.MustCompile(`(?i)\b(login|otp|credencial\w*|ups|lo siento|por favor|tu|tus)\b|inválid|!|¡`),
		"fr":      regexp.MustCompile(`(?i)\b(login|otp|identifiants|invalides?|oups|veuillez|session|tu|ta)\b|désolé|[^\x{a0}\x{202f}][?!:;](?:[ ]|$)|!`),
		"it":      regexp.MustCompile(`(?i)\b(login|otp|credenziali|non valid\w+|ops|purtroppo|per favore|sessione|tuo|tua|tuoi|tue)\b|!`),
		"ja":      regexp.MustCompile(`(?i)otp|ログイン|ログアウト|無効|申し訳|セッション|[!！?]`),
		"nl":      regexp.MustCompile(`(?i)\b(login|otp|ongeldig\w*|oeps|helaas|sorry|sessie|u|uw|alsjeblieft)\b|!`),
		"pl":      regexp.MustCompile(`(?i)\b(login|otp|ups|niestety|przepraszamy|sesj\w+)\b|nieprawidłow|proszę|!`),
		"pt-BR":   regexp.MustCompile(`(?i)\b(login|logout|otp|credenciais|ops|desculpe|infelizmente|por favor)\b|inválid|sessão|!`),
		"zh-Hans": regexp.MustCompile(`(?i)otp|登陆|登出|无效|抱歉|对不起|会话|你|[!！?]`),
	}
	for _, lang := range Languages() {
		rule := forbidden[lang.Tag]
		if rule == nil {
			t.Errorf("nobody has said what is not said in %s", lang.Tag)
			continue
		}
		for key, text := range For(lang.Tag).texts {
			if text == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s: %s = %q", lang.Tag, key, text)
			}
			if said := rule.FindString(text); said != "" {
				t.Errorf("%s: %s says %q: %s", lang.Tag, key, said, text)
			}
		}
	}
}

// One thing has one name in each language: whoever reads "recovery code" on one page must find the same words on the next.
func TestTheSameThingHasTheSameNameOnEveryPage(t *testing.T) {
	names := map[string]map[string]string{
		"passkey": {
			"ar": "مفتاح مرور|مفتاح المرور|مفاتيح مرور|مفاتيح المرور", "cs": "přístupov(ý|ého|ému|ým|é|ých) klíč", "de": "Passkey", "es": "llaves? de acceso", "fr": "clés? d’accès",
			"it": "passkey", "ja": "パスキー", "nl": "passkey", "pl": "klucz\\pL* dostępu", "pt-BR": "chaves? de acesso", "zh-Hans": "通行密钥",
		},
		"recovery code": {
			"ar": "(رمز|رموز) (ال)?استرداد", "cs": "obnovovací", "de": "Wiederherstellungscode", "es": "códigos? de recuperación", "fr": "codes? de secours",
			"it": "codic[ei] di recupero", "ja": "リカバリーコード", "nl": "herstelcode", "pl": "kod\\pL* odzyskiwania", "pt-BR": "códigos? de recuperação", "zh-Hans": "恢复码",
		},
		"authenticator app": {
			"ar": "تطبيق (ال)?مصادقة", "cs": "ověřovací aplikac", "de": "Authenticator-App", "es": "aplicación de autenticación", "fr": "application d’authentification",
			"it": "app di autenticazione", "ja": "認証アプリ", "nl": "authenticator-app", "pl": "aplikacj\\pL* uwierzytelniając", "pt-BR": "app autenticador", "zh-Hans": "身份验证应用",
		},
	}
	for thing, in := range names {
		for lang, name := range in {
			says := regexp.MustCompile("(?i)" + name)
			for _, e := range For(lang).Entries() {
				if strings.Contains(strings.ToLower(e.English), thing) && !says.MatchString(e.Text) {
					t.Errorf("%s: %s is %q; for %q other texts say %s", lang, e.Key, e.Text, thing, name)
				}
			}
		}
	}
}

var (
	literal = regexp.MustCompile("\"([a-z0-9_]+(?:\\.[A-Za-z0-9_]+)+\\.?)\"")
	called  = regexp.MustCompile(`(?:\.T|\.N|\.Parts|\.Plural|sentence)\((?:[A-Za-z.]+, *)?"([a-z0-9_]+(?:\.[A-Za-z0-9_]+)+)"`)
)

// source returns every .go and .templ file people write in this module, tests left out.
func source(t *testing.T) map[string]string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module is not two folders up: %v", err)
	}
	found := map[string]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && path != root || name == "node_modules" || name == "testdata") {
			return filepath.SkipDir
		}
		written := strings.HasSuffix(name, ".templ") ||
			strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, "_templ.go")
		if d.IsDir() || !written {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			found[path] = string(raw)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Keys are written out in full, so that both directions can be read off the sources. The one exception is a literal that
// ends in a dot and is completed by a value ("mail.code.title." + usage): it uses every key below it.
func TestNoKeyIsUnusedAndNoneIsMissing(t *testing.T) {
	english := stems(For("en"))
	used := map[string]bool{"language.name": true}
	for path, text := range source(t) {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
		for _, m := range called.FindAllStringSubmatch(text, -1) {
			if _, ok := english[m[1]]; !ok {
				t.Errorf("%s asks for %s, which is in no catalogue", path, m[1])
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(english)) {
		if !used[key] && !used[key[:strings.LastIndexByte(key, '.')+1]] {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// A door that asked the catalogues of the program would show ours in place of the owner's words.
func TestWhoIsGivenALibraryAsksNoOther(t *testing.T) {
	direct := regexp.MustCompile(`\bwords\.(?:For|Match|Languages|Embedded)\(`)
	for path, text := range source(t) {
		if m := direct.FindString(text); m != "" && filepath.Base(filepath.Dir(path)) != "cli" {
			t.Errorf("%s asks %s…): that is not the library with the owner's words", path, m)
		}
	}
}

func TestPlaceholdersAreFilledOnceAndOnlyByTheirName(t *testing.T) {
	c := &Catalogue{tag: language.English, texts: map[string]string{"k": "{a} and {b}, {c}"}}
	got := c.T("k", "a", "{b}", "b", "two")
	if want := "{b} and two, {c}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMissingTextComesFromEnglishThenIsItsKey(t *testing.T) {
	l, err := read(fstest.MapFS{
		"en.json":      {Data: []byte(`{"a":"A","language.name":"English"}`)},
		"en.mail.json": {Data: []byte(`{"mail.b":"B"}`)},
		"de.json":      {Data: []byte(`{"language.name":"Deutsch"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	de := l.For("de")
	for key, want := range map[string]string{"a": "A", "mail.b": "B", "no.such": "no.such"} {
		if got := de.T(key); got != want {
			t.Errorf("T(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestTwoFilesOfOneLanguageMayNotShareAKey(t *testing.T) {
	_, err := read(fstest.MapFS{
		"en.json":      {Data: []byte(`{"a":"A"}`)},
		"en.mail.json": {Data: []byte(`{"a":"B"}`)},
	})
	if err == nil || !strings.Contains(err.Error(), "a is also in another file of en") {
		t.Errorf("got %v", err)
	}
}

func TestNumbersPickTheFormOfTheLanguage(t *testing.T) {
	c := &Catalogue{tag: language.Polish, texts: map[string]string{
		"k.one": "{n} kod", "k.few": "{n} kody", "k.many": "{n} kodów", "k.other": "{n} kodu"}}
	for n, want := range map[int]string{1: "1 kod", 3: "3 kody", 5: "5 kodów", 22: "22 kody", 0: "0 kodów"} {
		if got := c.N("k", n); got != want {
			t.Errorf("N(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPartsKeepTheOrderOfTheLanguage(t *testing.T) {
	c := &Catalogue{tag: language.English, texts: map[string]string{"k": "{app} sent {address}.", "open": "a { b"}}
	if got, want := c.Parts("k"), []Part{{Name: "app"}, {Text: " sent "}, {Name: "address"}, {Text: "."}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.Parts("open"), []Part{{Text: "a { b"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheFirstPreferenceThatNamesALanguageWins(t *testing.T) {
	l, err := shelve(map[string]map[string]string{"en": {}, "de": {}, "pt-BR": {}, "zh-Hans": {}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		prefs []string
		want  string
	}{
		{"nothing", nil, "en"},
		{"browser", []string{"de-CH,de;q=0.9,en;q=0.8"}, "de"},
		{"weights decide inside one", []string{"de;q=0.1, en;q=0.9"}, "en"},
		{"refused by weight nought", []string{"de;q=0, en"}, "en"},
		{"ui_locales before the browser", []string{"de", "", "en-GB,en;q=0.9"}, "de"},
		{"ui_locales is a list", []string{"xx-unknown fr-CA de-AT en", "en"}, "de"},
		{"unknown gives way to the next", []string{"ja", "de"}, "de"},
		{"a distant relative is not a match", []string{"ta", "de"}, "de"},
		{"regions share a language", []string{"en-AU"}, "en"},
		{"Chinese without more is the simplified script", []string{"zh"}, "zh-Hans"},
		{"Chinese of a place that writes it", []string{"zh-CN"}, "zh-Hans"},
		{"Traditional Chinese is another writing", []string{"zh-TW,zh;q=0.9,de;q=0.8,en;q=0.7"}, "de"},
		{"also in ui_locales", []string{"zh-Hant-HK", "zh", "de"}, "de"},
		{"but who names the simplified script gets it", []string{"zh-TW,zh;q=0.9,zh-CN;q=0.8,en;q=0.7"}, "zh-Hans"},
		{"Portuguese of Portugal", []string{"pt-PT,en"}, "pt-BR"},
		{"Portuguese without more", []string{"pt,en"}, "pt-BR"},
		{"malformed is skipped", []string{";;;,,q=", "\x00\xff de"}, "de"},
		{"very long is cut, not read", []string{strings.Repeat("a", 1<<20), "de"}, "de"},
		{"any language", []string{"*"}, "en"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := l.Match(tc.prefs...).Lang(); got != tc.want {
				t.Errorf("Match(%.60q) = %s, want %s", tc.prefs, got, tc.want)
			}
		})
	}
}

func TestLanguagesNameThemselvesAndKnowTheirDirection(t *testing.T) {
	want := []Language{
		{"en", "English"}, {"ar", "العربية"}, {"cs", "Čeština"}, {"de", "Deutsch"}, {"es", "Español"}, {"fr", "Français"},
		{"it", "Italiano"}, {"ja", "日本語"}, {"nl", "Nederlands"}, {"pl", "Polski"}, {"pt-BR", "Português (Brasil)"},
		{"zh-Hans", "简体中文"},
	}
	if got := Languages(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, lang := range want {
		if got := For(lang.Tag).Lang(); got != lang.Tag {
			t.Errorf("%s says that it is %s", lang.Tag, got)
		}
	}
	for tag, want := range map[string]string{"ar": "rtl", "he": "rtl", "de": "ltr", "az-Arab": "rtl", "ja": "ltr"} {
		if got := (&Catalogue{tag: language.MustParse(tag)}).Dir(); got != want {
			t.Errorf("%s is written %s, want %s", tag, got, want)
		}
	}
}

func TestThePseudoLanguageIsLongerAndKeepsPlaceholders(t *testing.T) {
	for _, rtl := range []bool{false, true} {
		english, pseudo := For("en"), For("en").Pseudo(rtl)
		if wantDir := map[bool]string{false: "ltr", true: "rtl"}[rtl]; pseudo.Dir() != wantDir {
			t.Errorf("dir is %s, want %s", pseudo.Dir(), wantDir)
		}
		was, is := english.T("sign_in.open"), pseudo.T("sign_in.open")
		if len(is)*10 < len(was)*14 {
			t.Errorf("%q is not 40 %% longer than %q", is, was)
		}
		if got := pseudo.T("code.sent", "address", "ann@example.com"); !strings.Contains(got, "ann@example.com") {
			t.Errorf("placeholder lost: %q", got)
		}
	}
}
