package email

import (
	"strings"
	"testing"

	"gatelatch/views/words"
)

func mustTemplates(t *testing.T, list ...Template) *Templates {
	t.Helper()
	templates, err := NewTemplates(list)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func TestAdministratorsWordsReplaceOurs(t *testing.T) {
	templates := mustTemplates(t, Template{Usage: SignIn, Subject: "Code {{code}} für {{ app }}", HTML: `<p title="{{app}}">{{code}} {{minutes}} {{asked}}</p><a href="{{link}}">{{host}} {{address}} {{application.name}}</a>`})
	m := sample()
	m.AppName = `B & "S" <b>`
	got, err := templates.Code(words.For("de"), m)
	if err != nil {
		t.Fatal(err)
	}
	if want := `Code 482019 für B & "S" <b>`; got.Subject != want {
		t.Errorf("subject %q, want %q", got.Subject, want)
	}
	want := `<p title="B &amp; &#34;S&#34; &lt;b&gt;">482019 10 Angefordert mit Firefox (Linux), von 203.0.113.24.</p><a href="https://id.bookstore.example/sign-in/link?flow=01J9&amp;t=abc">id.bookstore.example ann@example.com B &amp; &#34;S&#34; &lt;b&gt;</a>`
	if got.HTML != want {
		t.Errorf("got %s\nwant %s", got.HTML, want)
	}
	if !strings.HasSuffix(got.Text, "\n@id.bookstore.example #482019\n") || got.Code != "482019" || got.Lang != "de" {
		t.Errorf("the built-in text part is gone: %+v", got.Text)
	}
}

func TestTextTemplateKeepsTheLineThatBindsTheCode(t *testing.T) {
	for content, want := range map[string]string{
		"{{code}}":                        "482019\n\n@id.bookstore.example #482019\n",
		"{{code}}\n\n@{{host}} #{{code}}": "482019\n\n@id.bookstore.example #482019",
	} {
		got, err := mustTemplates(t, Template{Usage: SignIn, Subject: "Code", Text: content}).Code(words.For("en"), sample())
		if err != nil {
			t.Fatal(err)
		}
		if got.Text != want || got.HTML != "" {
			t.Errorf("%q: got text %q and HTML %q, want %q", content, got.Text, got.HTML, want)
		}
	}
}

func TestTemplateOfTheNearestLanguageIsTaken(t *testing.T) {
	templates := mustTemplates(t,
		Template{Usage: SignIn, Subject: "any", Text: "{{code}}"},
		Template{Usage: SignIn, Lang: "de", Subject: "de", Text: "{{code}}"},
		Template{Usage: Register, Lang: "de", Subject: "neu", Text: "{{code}}"})
	for lang, want := range map[string]string{"de": "de", "de-CH": "de", "de-Latn-CH": "de", "pt-BR": "any", "en": "any"} {
		if w, ok := templates.pick(SignIn, lang); !ok || w.subject.fill(nil) != want {
			t.Errorf("%s: got %v, want %s", lang, w.subject, want)
		}
	}
	if _, ok := templates.pick(Register, "en"); ok {
		t.Error("English got the German template")
	}
	m := sample()
	m.Usage = Register
	got, err := templates.Code(words.For("en"), m)
	if err != nil || !strings.Contains(got.HTML, "Your code to create your account") {
		t.Errorf("without a template: %v, %s", err, got.HTML)
	}
}

func TestNoTemplatesMeanOurWords(t *testing.T) {
	var none *Templates
	got, err := none.Code(words.For("en"), sample())
	if want := mustCode(t, words.For("en"), sample()); err != nil || got != want {
		t.Errorf("got %v (%v)", got, err)
	}
	if _, err := none.Code(words.For("en"), CodeMail{}); err == nil {
		t.Error("an empty mail was written")
	}
}

func TestValueThatLooksLikeAPlaceholderStaysAsItIs(t *testing.T) {
	m := sample()
	m.AppName = "{{code}}"
	got, err := mustTemplates(t, Template{Usage: SignIn, Subject: "{{app}}", Text: "{{link}}"}).Code(words.For("en"), m)
	if err != nil || got.Subject != "{{code}}" {
		t.Errorf("subject %q (%v)", got.Subject, err)
	}
}

func TestTemplatesThatCannotWorkAreRefusedWithTheReason(t *testing.T) {
	good := Template{Usage: SignIn, Subject: "Code", Text: "{{code}}"}
	for name, c := range map[string]struct {
		spoil func(*Template)
		want  string
	}{
		"unknown placeholder":   {func(x *Template) { x.Text += "{{cdoe}}" }, `text: there is no placeholder "{{cdoe}}"; there are {{address}}, {{app}}, {{application.name}}, {{asked}}, {{code}}, {{host}}, {{link}}, {{minutes}}`},
		"unknown in subject":    {func(x *Template) { x.Subject = "{{name}}" }, "subject: there is no placeholder"},
		"unknown in HTML":       {func(x *Template) { x.HTML = "{{code}}{{#if x}}" }, "html: there is no placeholder"},
		"not closed":            {func(x *Template) { x.Text += "{{code" }, "a {{ has no }}"},
		"nothing to go on with": {func(x *Template) { x.Text = "hello" }, "neither {{code}} nor {{link}}"},
		"HTML without a code":   {func(x *Template) { x.HTML = "<p>hello</p>" }, "html: it has neither"},
		"usage":                 {func(x *Template) { x.Usage = "Signin" }, "there are SignIn, Register"},
		"usage without a code":  {func(x *Template) { x.Usage = TestMail }, "there are SignIn, Register"},
		"language":              {func(x *Template) { x.Lang = "german please" }, "de or pt-BR"},
		"no subject":            {func(x *Template) { x.Subject = "" }, "no subject"},
		"header in subject":     {func(x *Template) { x.Subject = "a\r\nBcc: eve@example.com" }, "line break"},
		"no content":            {func(x *Template) { x.Text = "" }, "no content"},
		"too large":             {func(x *Template) { x.Text = strings.Repeat("x", maxTemplate+1) }, "larger than"},
	} {
		template := good
		c.spoil(&template)
		if _, err := NewTemplates([]Template{good, template}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "template 2 (") {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := NewTemplates([]Template{good, good}); err == nil || !strings.Contains(err.Error(), "already one") {
		t.Errorf("the same twice: got %v", err)
	}
}

func TestSubjectFilledByALongNameIsStillRefusedByTheSender(t *testing.T) {
	m := sample()
	m.AppName = strings.Repeat("x", maxAppName)
	got, err := mustTemplates(t, Template{Usage: SignIn, Subject: "{{app}}{{app}}", Text: "{{code}}"}).Code(words.For("en"), m)
	if err != nil {
		t.Fatal(err)
	}
	err = NewInbox().Send(t.Context(), got)
	wantError(t, err, "inbox", Content, true, "the subject is longer", "templates")
}

func TestPastedListOfTemplatesIsRead(t *testing.T) {
	list, err := ReadTemplates([]byte(`[
		{"usageType": "SignIn", "subject": "Code", "content": "<b>{{code}}</b>"},
		{"usageType": "Register", "subject": "Code", "content": "{{code}}", "contentType": "text/plain", "lang": "de"},
		{"usageType": "OrganizationInvitation", "subject": "Join {{organization.name}}", "content": "{{link}}"}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Template{{Usage: SignIn, Subject: "Code", HTML: "<b>{{code}}</b>"}, {Usage: Register, Lang: "de", Subject: "Code", Text: "{{code}}"}}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("got %+v, want %+v", list, want)
	}
	mustTemplates(t, list...)
	for raw, want := range map[string]string{
		`{}`: "read templates", `[] []`: "after the list", `[{"usage":"SignIn"}]`: "unknown field", ``: "read templates",
		`[{"usageType":"SignIn","subject":"a","content":"b","contentType":"text/markdown"}]`: "text/html or text/plain",
	} {
		if _, err := ReadTemplates([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", raw, err, want)
		}
	}
}
