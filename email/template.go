package email

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"gatelatch/views/words"
)

// Template is an administrator's own wording of a mail with a code. In Subject, Text and HTML stand placeholders such as
// {{code}}; Placeholders lists them. A mail with HTML and no Text keeps the built-in text part.
type Template struct {
	Usage   Usage
	Lang    string // BCP 47; empty: for every language that has no template of its own
	Subject string
	Text    string
	HTML    string
}

// Templates are the wordings in force. The nil *Templates has none.
type Templates struct{ byUsage map[Usage][]wording }

// wording is a Template, read.
type wording struct {
	lang                string
	subject, text, html filled
}

// maxTemplate bounds what an administrator writes into one part.
const maxTemplate = 100 << 10

// placeholders are the names a template may use, and what they stand for in the mail at hand. The dotted names are what
// other servers call the same thing, so that a template can be pasted.
var placeholders = map[string]func(c *words.Catalogue, m CodeMail) string{
	"code":             func(_ *words.Catalogue, m CodeMail) string { return m.Code },
	"app":              func(_ *words.Catalogue, m CodeMail) string { return m.app() },
	"application.name": func(_ *words.Catalogue, m CodeMail) string { return m.app() },
	"link":             func(_ *words.Catalogue, m CodeMail) string { return m.Link },
	"address":          func(_ *words.Catalogue, m CodeMail) string { return m.Address },
	"host":             func(_ *words.Catalogue, m CodeMail) string { return m.Host },
	"minutes":          func(_ *words.Catalogue, m CodeMail) string { return strconv.Itoa(m.minutes()) },
	"asked":            func(c *words.Catalogue, m CodeMail) string { return asked(c, m.Device, m.IP) },
}

// Placeholders lists the names a template may use between {{ and }}, sorted.
func Placeholders() []string {
	names := make([]string, 0, len(placeholders))
	for name := range placeholders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NewTemplates reads a list of templates. The error names the template at fault, counted from 1, and what could have been
// meant.
func NewTemplates(list []Template) (*Templates, error) {
	t := &Templates{byUsage: map[Usage][]wording{}}
	for i, template := range list {
		w, err := template.read()
		if err != nil {
			return nil, fmt.Errorf("template %d (%s): %w", i+1, template.Usage, err)
		}
		if slices.ContainsFunc(t.byUsage[template.Usage], func(other wording) bool { return other.lang == w.lang }) {
			return nil, fmt.Errorf("template %d (%s): there is already one for this usage and language", i+1, template.Usage)
		}
		t.byUsage[template.Usage] = append(t.byUsage[template.Usage], w)
	}
	return t, nil
}

// pasted is a template as the well-known connectors write it in JSON.
type pasted struct {
	UsageType   string `json:"usageType"`
	Lang        string `json:"lang"`
	Subject     string `json:"subject"`
	Content     string `json:"content"`
	ContentType string `json:"contentType"` // text/html unless it says text/plain
}

// ReadTemplates reads the JSON array `[{"usageType": "SignIn", "subject": "…", "content": "…{{code}}…"}]`, with an optional
// "contentType" ("text/html" or "text/plain") and "lang" in each. Members it does not know are errors. The usage
// OrganizationInvitation, which stands in every such list, is left out: that mail is not sent here.
func ReadTemplates(raw []byte) ([]Template, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var items []pasted
	if err := decoder.Decode(&items); err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("read templates: there is something after the list")
	}
	list := make([]Template, 0, len(items))
	for i, item := range items {
		if item.UsageType == "OrganizationInvitation" {
			continue
		}
		t := Template{Usage: Usage(item.UsageType), Lang: item.Lang, Subject: item.Subject}
		switch item.ContentType {
		case "", "text/html":
			t.HTML = item.Content
		case "text/plain":
			t.Text = item.Content
		default:
			return nil, fmt.Errorf("template %d (%s): contentType is text/html or text/plain", i+1, item.UsageType)
		}
		list = append(list, t)
	}
	return list, nil
}

// read checks one template.
func (t Template) read() (wording, error) {
	var w wording
	if !t.Usage.hasCode() {
		return w, errors.New("no mail with a code has this usage; there are SignIn, Register, ForgotPassword, Generic, UserPermissionValidation, BindNewIdentifier, MfaVerification, BindMfa")
	}
	if t.Lang != "" {
		tag, err := language.Parse(t.Lang)
		if err != nil {
			return w, errors.New("the language is not a tag such as de or pt-BR")
		}
		w.lang = tag.String()
	}
	if t.Subject == "" {
		return w, errors.New("it has no subject")
	}
	if err := headerText("subject", t.Subject, maxSubject); err != nil {
		return w, err
	}
	if t.Text == "" && t.HTML == "" {
		return w, errors.New("it has no content")
	}
	for _, part := range []struct {
		name string
		from string
		into *filled
	}{{"subject", t.Subject, &w.subject}, {"text", t.Text, &w.text}, {"html", t.HTML, &w.html}} {
		if len(part.from) > maxTemplate {
			return w, fmt.Errorf("%s is larger than %d KiB", part.name, maxTemplate>>10)
		}
		var err error
		if *part.into, err = readFilled(part.from); err != nil {
			return w, fmt.Errorf("%s: %w", part.name, err)
		}
		if part.from != "" && part.name != "subject" && !part.into.uses("code") && !part.into.uses("link") {
			return w, fmt.Errorf("%s: it has neither {{code}} nor {{link}}, so nobody could go on", part.name)
		}
	}
	return w, nil
}

// Code is [Code] in the administrator's own words, where there are some for this usage and language.
func (t *Templates) Code(c *words.Catalogue, m CodeMail) (Message, error) {
	message, err := Code(c, m)
	if err != nil || t == nil {
		return message, err
	}
	w, ok := t.pick(m.Usage, c.Lang())
	if !ok {
		return message, nil
	}
	values := func(name string) string { return placeholders[name](c, m) }
	message.Subject = w.subject.fill(values)
	switch {
	case w.html == nil:
		message.HTML = ""
	default:
		// Values are made harmless for element content and quoted attributes; the template itself is trusted.
		message.HTML = w.html.fill(func(name string) string { return html.EscapeString(values(name)) })
	}
	if w.text != nil {
		message.Text = w.text.fill(values)
		if bound := boundCode(m.Host, m.Code); !strings.HasSuffix(strings.TrimRight(message.Text, "\r\n"), bound) {
			message.Text = strings.TrimRight(message.Text, "\r\n") + "\n\n" + bound + "\n"
		}
	}
	return message, nil
}

// pick finds the wording for a language: its own, that of the language it is a variety of, the one for all.
func (t *Templates) pick(usage Usage, lang string) (wording, bool) {
	for {
		for _, w := range t.byUsage[usage] {
			if w.lang == lang {
				return w, true
			}
		}
		if lang == "" {
			return wording{}, false
		}
		cut := strings.LastIndexByte(lang, '-')
		lang = lang[:max(cut, 0)]
	}
}

// filled is a text with placeholders: plain pieces and names in turn, beginning with a plain piece.
type filled []string

// readFilled cuts a text at its placeholders. A name it does not know is an error that lists the ones there are.
func readFilled(text string) (filled, error) {
	if text == "" {
		return nil, nil
	}
	var f filled
	for {
		plain, rest, found := strings.Cut(text, "{{")
		f = append(f, plain)
		if !found {
			return f, nil
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, errors.New("a {{ has no }}")
		}
		name := strings.TrimSpace(inside)
		if placeholders[name] == nil {
			return nil, fmt.Errorf("there is no placeholder %q; there are %s", "{{"+name+"}}", "{{"+strings.Join(Placeholders(), "}}, {{")+"}}")
		}
		f, text = append(f, name), after
	}
}

// uses reports whether a placeholder stands in the text.
func (f filled) uses(name string) bool {
	for i := 1; i < len(f); i += 2 {
		if f[i] == name {
			return true
		}
	}
	return false
}

// fill puts the text together. A value that looks like a placeholder stays as it is.
func (f filled) fill(value func(name string) string) string {
	var b strings.Builder
	for i, piece := range f {
		if i%2 == 1 {
			piece = value(piece)
		}
		b.WriteString(piece)
	}
	return b.String()
}
