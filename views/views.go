// Package views owns what people see: templ components, the stylesheet, the little script, the icon, and (in words) the
// sentences. A page is a struct of plain values and a function of the same name without "Page":
//
//	page := views.SignIn(views.SignInPage{Frame: frame, Flow: id, SignUpOpen: true})
//	web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), page)
//
// Every page works without JavaScript, carries no inline style or script, and knows nothing of users, flows or stores:
// who decides what is shown are the doors. It owns one route, /assets/, through Assets.
//
// The *_templ.go files are generated from the .templ files beside them: `go tool templ generate` in this folder.
package views

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatelatch/views/words"
)

// LangParam is the query parameter of the language links in the footer. A door that shows a page honours it before
// any other preference and keeps the choice (a cookie).
const LangParam = "lang"

// Frame is what every page knows besides its own content.
type Frame struct {
	Words      *words.Catalogue // the visitor's language; required
	AppName    string           // the client somebody signs in to; empty shows the latch and sentences without an app
	Host       string           // host of the issuer, shown in the footer
	Here       string           // path and query of a GET that shows this page again, for the language links; empty leaves them out
	PrivacyURL string           // empty leaves the link out
	HelpURL    string           // empty leaves the link out
	InboxURL   string           // where the development inbox is, usually "/inbox"; empty shows no hint
}

// Person is how somebody is shown to themselves.
type Person struct {
	Name    string // may be empty
	Address string // e-mail address
}

// label is what to call the person.
func (p Person) label() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Address
}

// Field is a name and a value a form sends along unseen.
type Field struct{ Name, Value string }

// title builds the document title: what the page is, for which app or host, and "Error:" in front when something is to be put right.
func (f Frame) title(what string, problem bool) string {
	whole := what
	owner := f.AppName
	if owner == "" {
		owner = f.Host
	}
	if owner != "" && !strings.Contains(what, owner) {
		whole = f.Words.T("page.title", "title", what, "app", owner)
	}
	if problem {
		return f.Words.T("page.title_error", "title", whole)
	}
	return whole
}

// inLanguage is Here in another language, or empty when there is no such page.
func (f Frame) inLanguage(tag string) string {
	u, err := url.Parse(f.Here)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(f.Here, "/") {
		return ""
	}
	q := u.Query()
	q.Set(LangParam, tag)
	u.RawQuery = q.Encode()
	return u.String()
}

// languages lists the languages this page can be shown in, its own among them; none where there is no choice.
func (f Frame) languages() []words.Language {
	all := f.Words.Languages()
	if f.inLanguage("en") == "" || len(all) < 2 {
		return nil
	}
	return all
}

// initial is the letter on a tile: the first letter or digit of a name, or its first character.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	r, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return ""
	}
	return string(r)
}

// initials are the letters on an avatar: of the first and the last word of a name, or the first one of an address.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) < 2 {
		return initial(name)
	}
	return initial(words[0]) + initial(words[len(words)-1])
}

// query is a value in the query of an address.
func query(value string) string { return url.QueryEscape(value) }

// stamp is an exact time as visitors see it; gate.js makes it local where that helps.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") + " UTC" }

// machine is the same time for the datetime attribute.
func machine(at time.Time) string { return at.UTC().Format(time.RFC3339) }
