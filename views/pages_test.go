package views

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"gatelatch/views/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everyPage runs a check over each state in each language.
func everyPage(t *testing.T, check func(t *testing.T, s state, text string, doc *html.Node)) {
	t.Helper()
	for _, lang := range words.Languages() {
		for _, s := range states {
			t.Run(s.name+"/"+lang.Tag, func(t *testing.T) {
				text := draw(t, s.page(bookstore(words.For(lang.Tag))))
				check(t, s, text, parse(t, text))
			})
		}
	}
}

func parse(t *testing.T, text string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// all lists the elements below n that fit.
func all(n *html.Node, fits func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && fits(d) {
			found = append(found, d)
		}
	}
	return found
}

func tagged(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(names, n.Data) }
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, key string) string {
	v, _ := attr(n, key)
	return v
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func byID(doc *html.Node, id string) []*html.Node {
	return all(doc, func(n *html.Node) bool { return value(n, "id") == id })
}

// approved are the languages whose pages are kept; the words of all others are in their catalogues.
var approved = []string{"en", "de"}

// menu is the same on every page and is kept on one.
var menu = regexp.MustCompile(`(?s)<nav class="langs".*?</nav>`)

var hashed = regexp.MustCompile(`(/assets/\w+)\.[0-9a-f]{12}\.`)

func TestPagesAreAsTheyWereApproved(t *testing.T) {
	everyPage(t, func(t *testing.T, s state, got string, doc *html.Node) {
		got = hashed.ReplaceAllString(strings.ReplaceAll(got, "><", ">\n<"), "$1.HASH.") + "\n"
		lang := value(all(doc, tagged("html"))[0], "lang")
		if !slices.Contains(approved, lang) {
			return
		}
		if s.name != "sign-in" {
			got = menu.ReplaceAllString(got, "<nav>LANGUAGES</nav>")
		}
		path := filepath.Join("testdata", s.name+"."+lang+".html")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; look at the page, then go test ./views -update\ngot:\n%s", path, got)
		}
	})
}

func TestNoGoldenFileIsLeftOver(t *testing.T) {
	known := map[string]bool{}
	for _, lang := range approved {
		for _, s := range states {
			known[s.name+"."+lang+".html"] = true
		}
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("testdata/%s belongs to no page", f.Name())
		}
	}
}

func TestPagesObeyTheirContentSecurityPolicy(t *testing.T) {
	everyPage(t, func(t *testing.T, s state, _ string, doc *html.Node) {
		for _, n := range all(doc, func(*html.Node) bool { return true }) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has an inline %s", n.Data, a.Key)
				}
			}
			switch n.Data {
			case "style", "base", "object", "embed":
				t.Errorf("there is a <%s>", n.Data)
			case "script":
				if n.FirstChild != nil || !strings.HasPrefix(value(n, "src"), "/assets/") {
					t.Errorf("a script is not one of our files: %q", value(n, "src"))
				}
			case "form":
				// form-action 'self' would stop the redirect to the app after these (see PageMayLeave).
				action := value(n, "action")
				if stays := strings.HasPrefix(action, "/set-up") || action == "/sign-in/not-me" || strings.HasPrefix(action, "/account") && action != "/account/keep" && action != "/account/link" || action == "/sign-out" && s.class == PageStays; stays != (s.class == PageStays) {
					t.Errorf("a form to %s on a page of class %d", value(n, "action"), s.class)
				}
			}
		}
	})
}

func TestFixedIDsAreWhereCertificationLooksForThem(t *testing.T) {
	for name, ids := range map[string][]string{
		"sign-in": {"identifier", "sign-in"}, "sign-in-error": {"identifier", "sign-in"}, "sign-in-signed-in": {"identifier", "sign-in", "continue"},
		"code": {"code", "sign-in"}, "code-wrong": {"code", "sign-in"}, "code-not-sent": {"code", "sign-in"}, "code-expired": {"code", "sign-in"},
		"link": {"sign-in"}, "set-up": {"identifier", "sign-in"}, "sign-out": {"logout-confirm"}, "sign-out-own": {"logout-confirm"}, "form-post": {"sign-in"},
		"device-confirm": {"consent-allow", "consent-deny"}, "consent": {"consent-allow", "consent-deny"}, "consent-unchecked": {"consent-allow", "consent-deny"},
	} {
		doc := parse(t, draw(t, stateNamed(t, name)))
		for _, id := range ids {
			if n := len(byID(doc, id)); n != 1 {
				t.Errorf("%s has %d #%s, want 1", name, n, id)
			}
		}
	}
}

func stateNamed(t *testing.T, name string) templ.Component {
	t.Helper()
	for _, s := range states {
		if s.name == name {
			return s.page(bookstore(words.For("en")))
		}
	}
	t.Fatalf("there is no state %s", name)
	return nil
}

func TestFieldsArePlainForPasswordManagersAndPhones(t *testing.T) {
	address := byID(parse(t, draw(t, stateNamed(t, "sign-in"))), "identifier")[0]
	code := byID(parse(t, draw(t, stateNamed(t, "code"))), "code")[0]
	for _, c := range []struct {
		field     *html.Node
		key, want string
	}{
		{address, "type", "email"}, {address, "name", "email"}, {address, "autocomplete", "username webauthn"},
		{code, "name", "code"}, {code, "autocomplete", "one-time-code"}, {code, "inputmode", "numeric"},
	} {
		if got := value(c.field, c.key); got != c.want {
			t.Errorf("#%s %s is %q, want %q", value(c.field, "id"), c.key, got, c.want)
		}
	}
}

func TestPagesAreSoundForKeyboardAndScreenReader(t *testing.T) {
	everyPage(t, func(t *testing.T, _ state, _ string, doc *html.Node) {
		seen := map[string]bool{}
		for _, n := range all(doc, func(n *html.Node) bool { _, ok := attr(n, "id"); return ok }) {
			if id := value(n, "id"); seen[id] {
				t.Errorf("two elements have the id %s", id)
			}
			seen[value(n, "id")] = true
		}
		for _, count := range []struct {
			what string
			min  int
			fits func(*html.Node) bool
		}{
			{"h1", 1, tagged("h1")},
			{"main", 1, tagged("main")},
			{"autofocus", 0, func(n *html.Node) bool { _, ok := attr(n, "autofocus"); return ok }},
			{"primary button", 0, func(n *html.Node) bool { return strings.Contains(value(n, "class"), "primary") }},
		} {
			if got := len(all(doc, count.fits)); got < count.min || got > 1 {
				t.Errorf("%d times %s, want %d to 1", got, count.what, count.min)
			}
		}
		for _, n := range all(doc, tagged("input", "select", "textarea")) {
			if value(n, "type") == "hidden" {
				continue
			}
			labels := all(doc, func(l *html.Node) bool {
				return l.Data == "label" && value(l, "for") == value(n, "id") && value(n, "id") != ""
			})
			if len(labels) == 0 && n.Parent.Data != "label" {
				t.Errorf("#%s has no label", value(n, "id"))
			}
			if value(n, "aria-invalid") == "true" && !strings.Contains(value(n, "aria-describedby"), "-error") {
				t.Errorf("#%s is marked wrong and does not say why", value(n, "id"))
			}
		}
		for _, n := range all(doc, func(n *html.Node) bool { _, ok := attr(n, "aria-describedby"); return ok }) {
			for _, id := range strings.Fields(value(n, "aria-describedby")) {
				if !seen[id] {
					t.Errorf("<%s> is described by #%s, which is not there", n.Data, id)
				}
			}
		}
		for _, n := range all(doc, tagged("button", "a", "h1", "h2", "title")) {
			if text(n) == "" {
				t.Errorf("a <%s> says nothing", n.Data)
			}
			if form := value(n, "form"); form != "" && !seen[form] {
				t.Errorf("a button belongs to form #%s, which is not there", form)
			}
		}
		for _, n := range all(doc, func(n *html.Node) bool { _, ok := attr(n, "data-js"); return ok }) {
			if _, ok := attr(n, "hidden"); !ok {
				t.Errorf("<%s> needs a script and shows without one", n.Data)
			}
		}
	})
}

func TestTheBadFieldHasTheFocusAndTheTitleSaysError(t *testing.T) {
	for name, id := range map[string]string{
		"sign-in-error": "identifier", "sign-in-signed-in-error": "identifier", "code-wrong": "code", "code-length": "code", "set-up-error": "name", "device-wrong": "user-code", "account-error": "profile-birthdate", "account-bad-picture": "picture",
		"account-bad-address": "new-address", "account-address-wrong": "code", "account-address-length": "code", "account-delete-other": "address"} {
		doc := parse(t, draw(t, stateNamed(t, name)))
		field := byID(doc, id)[0]
		if _, ok := attr(field, "autofocus"); !ok || value(field, "aria-invalid") != "true" {
			t.Errorf("%s: #%s is not focused and marked: %v", name, id, field.Attr)
		}
		if title := text(all(doc, tagged("title"))[0]); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("%s: title is %q", name, title)
		}
	}
}

func TestWhatWasTypedIsKeptOnlyWhereItCanBeCorrected(t *testing.T) {
	for name, want := range map[string]string{"code": "", "code-wrong": "482 019", "code-length": "4820", "code-expired": "", "code-resent": ""} {
		if got := value(byID(parse(t, draw(t, stateNamed(t, name))), "code")[0], "value"); got != want {
			t.Errorf("%s: value is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"code-used", "code-wrong-none-left"} {
		doc := parse(t, draw(t, stateNamed(t, name)))
		if len(byID(doc, "code")) != 0 {
			t.Errorf("%s asks for a code that can no longer be right", name)
		}
		if n := all(doc, func(n *html.Node) bool { return value(n, "class") == "btn primary wide" }); len(n) != 1 || text(n[0]) != "Send a new code" {
			t.Errorf("%s does not offer a new code", name)
		}
	}
}

// Markup in anything that comes from outside stays text. The pages are compared with the same pages drawn from
// harmless values: the same elements, in the same order.
func TestHostileValuesStayText(t *testing.T) {
	const evil = `"'><script>alert(7)</script><img src=x onerror=alert(7)>{{7*7}}`
	shape := func(v string) string {
		f := Frame{Words: words.For("en"), AppName: v, Host: v, Here: "/sign-in?flow=" + v, PrivacyURL: v, HelpURL: v, InboxURL: v}
		who := Person{Name: v, Address: v}
		ref := Reference{v, noon}
		var b strings.Builder
		for _, page := range []templ.Component{
			SignIn(SignInPage{Frame: f, Flow: v, Email: v, BadAddress: true}),
			SignIn(SignInPage{Frame: f, Flow: v, SignedIn: &who}),
			code(f, func(p *CodePage) { p.Flow, p.Address, p.Code, p.State, p.TriesLeft = v, v, v, CodeWrong, 2 }),
			code(f, func(p *CodePage) { p.Flow, p.Address, p.State = v, v, CodeNotSent }),
			Throttled(ThrottledPage{Frame: f, Flow: v, Address: v, Minutes: 3, Reference: ref}),
			Link(LinkPage{Frame: f, Flow: v, Token: v, Address: v}),
			LinkElsewhere(LinkElsewherePage{Frame: f, Code: v}),
			LinkGone(LinkGonePage{Frame: f, AgainURL: v}),
			SetUp(SetUpPage{Frame: f, Token: v, Name: v, Email: v, NameMissing: true}),
			Landing(LandingPage{Frame: f, Person: who, SignOutURL: v}),
			SignOut(SignOutPage{Frame: f, Address: v, Action: v, Fields: []Field{{v, v}}, StayURL: v}),
			SignedOut(SignedOutPage{Frame: f, HomeURL: v, SignInURL: v, Apps: []string{v}}),
			Consent(ConsentPage{Frame: f, Action: v, Fields: []Field{{v, v}}, Person: who, AskedBy: v, Scopes: []ConsentScope{{ScopeOther, v, v}, {ScopeEmail, "", v}}, PolicyURL: v, TermsURL: v}),
			Consent(ConsentPage{Frame: f, Person: who, Unchecked: true, PublishedAt: v, ReturnHost: v, Days: 30}),
			Device(DevicePage{Frame: f, Action: v, Code: v, Wrong: true}),
			DeviceConfirm(DeviceConfirmPage{Frame: f, Action: v, Fields: []Field{{v, v}}, Code: v, Device: v, IP: v, Person: who, Unchecked: true}),
			FormPost(FormPostPage{Frame: f, Action: v, Fields: []Field{{v, v}}}),
			Repair(RepairPage{Frame: f, Action: v, Fields: []Field{{v, v}}, Received: v, Nearest: "https://shop.example/cb", Registered: 1, StrangeHost: v, ClientID: v, Reference: ref}),
			Repair(RepairPage{Frame: f, Received: "https://shop.example/cb", Nearest: v, Registered: 1, StrangeHost: v, Confirm: true, Against: v, Declared: true}),
			Error(ErrorPage{Frame: f, Kind: ErrorHost, HomeURL: v, AgainURL: v, SeenURL: v, WantedURL: v, Reference: ref}),
			Error(ErrorPage{Frame: f, Kind: ErrorNoAccess, HomeURL: v, Reference: ref}),
			account(f, func(p *AccountPage) {
				p.Owner = AccountOwner{Person: who, Hue: 3, Since: noon}
				p.Panels = []Panel{
					AccountWays{Words: f.Words, Ways: []AccountWay{{Title: v, Detail: v, Pill: v}}}.Panel(),
					AccountAddresses{Words: f.Words, Status: v, Problem: v, Addresses: []AccountAddress{{Address: v}}, Typed: v, Bad: v}.Panel(),
					AccountProfile{Words: f.Words, Fields: []AccountField{{Name: "name", Value: v}}, More: []AccountField{{Name: "address.street_address", Value: v, Bad: true}}, Username: v, Locale: "en"}.Panel(),
					AccountDevices{Words: f.Words, Devices: []AccountDevice{{ID: v, Name: v, IP: v, Seen: noon}}}.Panel(),
					AccountApps{Words: f.Words, Apps: []AccountApp{{ID: v, Name: v, Unchecked: true, Scopes: []ConsentScope{{Kind: ScopeOther, Title: v}}, First: noon, Last: noon}}}.Panel(),
				}
			}),
			AccountActivityAll(AccountActivityPage{Frame: f, Events: []AccountEvent{{Kind: "consent_given", App: v, Device: v, IP: v}, {Kind: "address_added", Address: v}}, OlderURL: v}),
			AccountDelete(AccountDeletePage{Frame: f, Address: v, Typed: v, Bad: true}),
			AccountLeaving(AccountLeavingPage{Frame: f, Flow: v}),
			AccountAddressCode(AccountAddressPage{Frame: f, Address: v, State: CodeWrong, Code: v, TriesLeft: 2}),
			Inbox(InboxPage{Frame: f, OlderURL: v, Messages: []InboxEntry{{v, v, v, v, noon}}}),
			InboxMessage(InboxMessagePage{Frame: f, ID: v, From: v, To: v, Subject: v, At: noon, Code: v, LinkURL: v, Text: v, HTMLURL: v}),
		} {
			for n := range parse(t, draw(t, page)).Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				b.WriteString(n.Data)
				for _, a := range n.Attr {
					b.WriteString(" " + a.Key)
				}
				b.WriteByte('\n')
			}
		}
		return b.String()
	}
	harmless, hostile := shape("harmless"), shape(evil)
	if harmless != hostile {
		t.Errorf("markup came through\nharmless:\n%s\nhostile:\n%s", harmless, hostile)
	}
}

func TestAddressesThatRunScriptAreNotLinked(t *testing.T) {
	const js = "javascript:alert(7)"
	f := bookstore(words.For("en"))
	f.PrivacyURL, f.HelpURL = js, js
	for _, page := range []templ.Component{
		Error(ErrorPage{Frame: f, Kind: ErrorRedirect, HomeURL: js}),
		SignedOut(SignedOutPage{Frame: f, HomeURL: js, SignInURL: js}),
		SignOut(SignOutPage{Frame: f, Action: js, StayURL: js}),
		LinkGone(LinkGonePage{Frame: f, AgainURL: js}),
		Consent(ConsentPage{Frame: f, Action: js, PolicyURL: js, TermsURL: js}),
		FormPost(FormPostPage{Frame: f, Action: "JavaScript:alert(7)"}),
		FormPost(FormPostPage{Frame: f, Action: "data:text/html,x"}),
		FormPost(FormPostPage{Frame: f, Action: "java\nscript:alert(7)"}),
	} {
		for _, n := range all(parse(t, draw(t, page)), tagged("a", "form")) {
			for _, key := range []string{"href", "action"} {
				if v := strings.ToLower(value(n, key)); strings.Contains(v, "script:") || strings.HasPrefix(v, "data:") {
					t.Errorf("<%s %s=%q>", n.Data, key, v)
				}
			}
		}
	}
}

func TestAnAnswerMayBePostedToANativeApp(t *testing.T) {
	const to = "com.bookstore.app:/callback?x=1&y=2"
	doc := parse(t, draw(t, FormPost(FormPostPage{Frame: bookstore(words.For("en")), Action: to, Fields: []Field{{"state", `a"b`}}})))
	form := all(doc, tagged("form"))[0]
	if got := value(form, "action"); got != to {
		t.Errorf("action is %q, want %q", got, to)
	}
	if got := value(all(form, tagged("input"))[0], "value"); got != `a"b` {
		t.Errorf("state is %q", got)
	}
}

func TestLanguageLinksKeepTheFlowAndStayHere(t *testing.T) {
	f := bookstore(words.For("en"))
	for here, want := range map[string]string{
		"/sign-in?flow=f1":         "/sign-in?flow=f1&lang=de",
		"/sign-in?flow=f1&lang=en": "/sign-in?flow=f1&lang=de",
		"":                         "",
		"//evil.example/":          "",
		"https://evil.example/":    "",
		"sign-in":                  "",
		"/%zz":                     "",
	} {
		f.Here = here
		if got := f.inLanguage("de"); got != want {
			t.Errorf("from %q to %q, want %q", here, got, want)
		}
	}
}

func TestEachLanguageIsOfferedByItsOwnName(t *testing.T) {
	doc := parse(t, draw(t, stateNamed(t, "sign-in")))
	var got []words.Language
	for _, a := range all(byID(doc, "languages")[0], tagged("a")) {
		if value(a, "lang") != value(a, "hreflang") || !strings.Contains(value(a, "href"), "lang="+value(a, "lang")) {
			t.Errorf("%v", a.Attr)
		}
		if here := value(a, "aria-current") == "true"; here != (value(a, "lang") == "en") {
			t.Errorf("%s is marked as the current one: %t", value(a, "lang"), here)
		}
		got = append(got, words.Language{Tag: value(a, "lang"), Name: text(a)})
	}
	if want := words.Languages(); !slices.Equal(got, want) {
		t.Errorf("offered %v, want %v", got, want)
	}
}

func TestEveryErrorSaysWhatHappenedAndOffersOneWayOn(t *testing.T) {
	for kind := range errorTexts {
		doc := parse(t, draw(t, fault(bookstore(words.For("en")), kind)))
		if ref := text(byID(doc, "reference")[0]); ref != "GL-7F3K-22Q1 2026-11-20 14:31 UTC" {
			t.Errorf("%s: reference is %q", kind, ref)
		}
		if n := len(all(doc, func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(value(n, "class"), "btn") })); n != 1 {
			t.Errorf("%s offers %d ways on", kind, n)
		}
		if strings.ContainsAny(text(doc), "{}") {
			t.Errorf("%s has an empty place: %s", kind, text(doc))
		}
	}
	strange := text(parse(t, draw(t, Error(ErrorPage{Frame: own(bookstore(words.For("en"))), Kind: "new"}))))
	if !strings.Contains(strange, "Something went wrong here") {
		t.Errorf("an unknown kind shows %q", strange)
	}
}

func TestTheTileShowsTheFirstLetterOfAName(t *testing.T) {
	for name, want := range map[string]string{"bookstore": "B", "«élan»": "É", "书店": "书", "  ": " ", "": "", "🚀": "🚀", "\xff": "\uFFFD"} {
		if got := initial(name); got != want {
			t.Errorf("initial(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCapturedMailOpensItsLinksInANewWindow(t *testing.T) {
	for in, want := range map[string]string{
		"<html><HEAD><title>x</title></HEAD>": `<html><HEAD><base target="_blank"><title>x</title></HEAD>`,
		"<p>no head":                          `<base target="_blank"><p>no head`,
	} {
		if got := MailDocument(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCancelIsTheFirstChoiceForAnAppThatNobodyHasLookedAt(t *testing.T) {
	for name, primary := range map[string]string{"consent": "consent-allow", "consent-unchecked": "consent-deny", "consent-registered": "consent-deny"} {
		doc := parse(t, draw(t, stateNamed(t, name)))
		for _, id := range []string{"consent-allow", "consent-deny"} {
			if got := strings.Contains(value(byID(doc, id)[0], "class"), "primary"); got != (id == primary) {
				t.Errorf("%s: #%s primary is %t", name, id, got)
			}
		}
	}
	if got := text(byID(parse(t, draw(t, stateNamed(t, "consent-unchecked"))), "consent-allow")[0]); got != "Allow for 30 days" {
		t.Errorf("the button of an unchecked app says %q", got)
	}
}
