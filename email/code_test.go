package email

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/views/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; look at it and run the test with -update\n got %s\nwant %s", file, got, want)
	}
}

// sample is a mail as somebody would get it.
func sample() CodeMail {
	return CodeMail{
		Usage: SignIn, Code: "482019", AppName: "Bücher & Söhne", Address: "ann@example.com",
		Link: "https://id.bookstore.example/sign-in/link?flow=01J9&t=abc", ValidFor: 10 * time.Minute,
		Device: "Firefox (Linux)", IP: "203.0.113.24", Host: "id.bookstore.example", ShowCodeInSubject: true,
	}
}

func mustCode(t *testing.T, c *words.Catalogue, m CodeMail) Message {
	t.Helper()
	message, err := Code(c, m)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestMailsReadAsTheyDidWhenSomebodyLastLooked(t *testing.T) {
	for _, lang := range []string{"en", "de"} {
		c := words.For(lang)
		bare := sample()
		bare.Usage, bare.Link, bare.Device, bare.ShowCodeInSubject = Register, "", "", false
		closed, err := Closed(c, ClosedMail{AppName: "Bookstore", Address: "ann@example.com", IP: "2001:db8::7", Host: "id.bookstore.example"})
		if err != nil {
			t.Fatal(err)
		}
		trial, err := Test(c, "ann@example.com", "localhost:4283")
		if err != nil {
			t.Fatal(err)
		}
		invitation, err := Invitation(c, InvitationMail{Address: "ann@example.com", Link: "https://id.bookstore.example/invitation?t=abc", Host: "id.bookstore.example",
			Until: time.Date(2026, 5, 8, 12, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		account := WelcomeMail{Address: "ann@example.com", Host: "id.bookstore.example", Link: "https://id.bookstore.example/sign-in"}
		welcome, err := Welcome(c, account)
		if err != nil {
			t.Fatal(err)
		}
		account.Password, account.Until = "abcd-efgh-ijkl-mnop", time.Date(2026, 5, 8, 12, 0, 0, 0, time.UTC)
		temporary, err := Welcome(c, account)
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range map[string]Message{"welcome": welcome, "welcome-password": temporary, "invitation": invitation, "code": mustCode(t, c, sample()), "code-bare": mustCode(t, c, bare), "closed": closed, "test": trial} {
			golden(t, name+"."+lang+".html", m.HTML)
			golden(t, name+"."+lang+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			if m.Lang != lang || m.To != "ann@example.com" {
				t.Errorf("%s: lang %q to %q", name, m.Lang, m.To)
			}
		}
	}
}

func TestEveryCodeMailHasWordsOfItsOwnInEveryLanguage(t *testing.T) {
	for _, lang := range words.Languages() {
		seen := map[string]Usage{}
		for _, usage := range []Usage{SignIn, Register, ForgotPassword, Generic, UserPermissionValidation, BindNewIdentifier, MfaVerification, BindMfa} {
			m := sample()
			m.Usage = usage
			message := mustCode(t, words.For(lang.Tag), m)
			title := regexp.MustCompile(`<h1[^>]*>([^<]*)</h1>`).FindStringSubmatch(message.HTML)[1]
			if strings.Contains(message.Text, "mail.") || seen[title] != "" {
				t.Errorf("%s: %s has the title %q, as %s", lang.Tag, usage, title, seen[title])
			}
			seen[title] = usage
		}
	}
}

func TestCodeIsOneTextNodeWithoutSpaces(t *testing.T) {
	root, err := html.Parse(strings.NewReader(mustCode(t, words.For("en"), sample()).HTML))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) == "482019" {
			found++
			if n.Data != "482019" || n.Parent.FirstChild != n || n.Parent.LastChild != n {
				t.Errorf("the code stands in %q beside other nodes", n.Data)
			}
		}
	}
	if found != 1 {
		t.Errorf("found the code %d times by itself, want once", found)
	}
}

func TestMailLoadsNothingAndStaysSmall(t *testing.T) {
	long := sample()
	long.AppName = strings.Repeat("Ω", 100)
	long.Link += strings.Repeat("x", 300)
	mails := map[string]Message{"long": mustCode(t, words.For("de").Pseudo(true), long)}
	for _, lang := range words.Languages() {
		mails[lang.Tag] = mustCode(t, words.For(lang.Tag), sample())
	}
	for name, m := range mails {
		if size := len(m.HTML) + len(m.Text); size > 10<<10 {
			t.Errorf("%s: %d bytes, want at most 10 KB", name, size)
		}
		root, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			switch n.Data {
			case "img", "script", "link", "iframe", "object", "form", "video", "audio", "svg":
				t.Errorf("%s: <%s> in a mail", name, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "src" || a.Key == "background" || strings.Contains(a.Val, "url(") || a.Key == "href" && a.Val != m.Link {
					t.Errorf("%s: <%s %s=%q> would call somebody", name, n.Data, a.Key, a.Val)
				}
			}
		}
		if strings.Contains(m.HTML, "@import") || strings.Contains(m.HTML, "url(") {
			t.Errorf("%s: the style sheet loads something", name)
		}
	}
}

func TestTextPartEndsInTheCodeBoundToItsHost(t *testing.T) {
	for host, want := range map[string]string{
		"id.bookstore.example": "@id.bookstore.example #482019", "localhost:4283": "@localhost #482019",
	} {
		m := sample()
		m.Host = host
		lines := strings.Split(strings.TrimSuffix(mustCode(t, words.For("en"), m).Text, "\n"), "\n")
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("%s: last line %q, want %q", host, got, want)
		}
	}
}

func TestTextAndHTMLSayTheSameInTheSameOrder(t *testing.T) {
	m := mustCode(t, words.For("en"), sample())
	for name, part := range map[string]string{"text": m.Text, "html": m.HTML[strings.Index(m.HTML, "<table"):]} {
		at := 0
		for _, piece := range []string{"Bücher", "Your sign-in code", "482019", "Valid for 10 minutes and one sign-in. Asked for by Firefox (Linux), from 203.0.113.24.",
			"sign-in/link", "in the browser that asked for it", "Did you not ask?", "id.bookstore.example"} {
			next := strings.Index(part[at:], piece)
			if next < 0 {
				t.Errorf("%s: %q is missing after %q", name, piece, part[:at])
				break
			}
			at += next + len(piece)
		}
	}
}

func TestSubjectKeepsTheCodeToItselfWhereTheAdministratorWantsIt(t *testing.T) {
	m := sample()
	if got, want := mustCode(t, words.For("en"), m).Subject, "482019 is your Bücher & Söhne code"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
	m.ShowCodeInSubject = false
	message := mustCode(t, words.For("en"), m)
	head := message.HTML[:strings.Index(message.HTML, "<table")]
	if strings.Contains(message.Subject, "482019") || strings.Contains(head, "482019") {
		t.Errorf("the code is in the subject %q or in what a mail list shows: %s", message.Subject, head)
	}
}

func TestMailIsWrittenFromRightToLeftWhereItsLanguageIs(t *testing.T) {
	m := mustCode(t, words.For("en").Pseudo(true), sample())
	if !strings.Contains(m.HTML, `<html lang="ar-XB" dir="rtl">`) || !strings.Contains(m.HTML, `dir="ltr">482019<`) {
		t.Errorf("direction is missing in %s", m.HTML)
	}
}

func TestDeviceThatCouldPassForALinkIsLeftOut(t *testing.T) {
	for device, kept := range map[string]bool{
		"Firefox (Linux)": true, "Chrome 128.0 on Windows (64-bit)": true, "Safari auf iPhone": true,
		"www.evil.example": false, "https://evil.example": false, "evil.example": false, "a@b": false, "x\r\ny": false,
		"<b>x</b>": false, strings.Repeat("x", 61): false, "wait.": false,
	} {
		m := sample()
		m.Device = device
		message := mustCode(t, words.For("en"), m)
		if got := strings.Contains(message.Text, "Asked for by "+device); got != kept {
			t.Errorf("device %q is in the mail: %t, want %t", device, got, kept)
		}
		if !kept && (strings.Contains(message.Text, "evil") || strings.Contains(message.HTML, "evil")) {
			t.Errorf("device %q reached the mail: %s", device, message.Text)
		}
	}
}

func TestAddressOfTheNetworkIsLeftOutUnlessItIsOne(t *testing.T) {
	for _, ip := range []string{"evil.example", "203.0.113.24, 10.0.0.1", "", "fe80::1%eth0"} {
		m := sample()
		m.IP = ip
		if text := mustCode(t, words.For("en"), m).Text; !strings.Contains(text, "Asked for by Firefox (Linux).") {
			t.Errorf("IP %q: %s", ip, text)
		}
	}
}

func TestNameOfTheAppIsTextInHTML(t *testing.T) {
	m := sample()
	m.AppName = `</title><script>alert(1)</script>`
	if got := mustCode(t, words.For("en"), m).HTML; strings.Contains(got, "<script") {
		t.Errorf("the name of the app is markup: %s", got)
	}
}

func TestMinutesAreNeverRoundedUp(t *testing.T) {
	m := sample()
	for valid, want := range map[time.Duration]string{90 * time.Second: "Valid for 1 minute and", 10*time.Minute - time.Second: "Valid for 9 minutes", time.Second: "Valid for 1 minute and"} {
		m.ValidFor = valid
		if text := mustCode(t, words.For("en"), m).Text; !strings.Contains(text, want) {
			t.Errorf("%s: %q is not in %s", valid, want, text)
		}
	}
}

func TestCodeMailRefusesWhatCannotStandInAMail(t *testing.T) {
	for name, spoil := range map[string]func(*CodeMail){
		"usage without a code":      func(m *CodeMail) { m.Usage = SignUpClosed },
		"no code":                   func(m *CodeMail) { m.Code = "" },
		"code with a space":         func(m *CodeMail) { m.Code = "482 019" },
		"code with a line break":    func(m *CodeMail) { m.Code = "482019\n" },
		"code too long":             func(m *CodeMail) { m.Code = strings.Repeat("1", 33) },
		"no time":                   func(m *CodeMail) { m.ValidFor = 0 },
		"app with a line break":     func(m *CodeMail) { m.AppName = "Book\r\nBcc: eve@example.com" },
		"app too long":              func(m *CodeMail) { m.AppName = strings.Repeat("x", 201) },
		"no host":                   func(m *CodeMail) { m.Host = "" },
		"host with a path":          func(m *CodeMail) { m.Host = "id.example/evil" },
		"host with a space":         func(m *CodeMail) { m.Host = "id example" },
		"link of another kind":      func(m *CodeMail) { m.Link = "javascript:alert(1)" },
		"link without a host":       func(m *CodeMail) { m.Link = "/sign-in/link" },
		"link that leaves its line": func(m *CodeMail) { m.Link = "https://id.example/ https://evil.example" },
	} {
		m := sample()
		spoil(&m)
		if message, err := Code(words.For("en"), m); err == nil {
			t.Errorf("%s: got a mail: %s", name, message.Text)
		}
	}
}

func TestAppWithoutANameIsCalledByItsHost(t *testing.T) {
	m := sample()
	m.AppName = ""
	if got, want := mustCode(t, words.For("en"), m).Subject, "482019 is your id.bookstore.example code"; got != want {
		t.Errorf("subject %q, want %q", got, want)
	}
}
