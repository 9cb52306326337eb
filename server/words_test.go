package server_test

import (
	"strings"
	"testing"

	"gatelatch/server"
	"gatelatch/views/words"
)

func TestTheOwnersWordsAreOnPagesInMailAndInDiscovery(t *testing.T) {
	library, problems := words.Embedded().With([]words.Override{
		{Lang: "sv", Key: "language.name", Text: "Svenska"},
		{Lang: "sv", Key: "sign_in.continue", Text: "Fortsätt"},
		{Lang: "sv", Key: "mail.code.subject", Text: "{code} till {app}"},
	})
	if problems != nil {
		t.Fatal(problems)
	}
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) { c.Words = library })
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("ui_locales", "sv").Encode())
	if !p.sees("Fortsätt") || !p.sees(`<html lang="sv"`) || !p.sees("Svenska") {
		t.Errorf("the page is %s", p.screen.Body)
	}
	p.submit("/sign-in/email", "email", "ann@example.com")
	mail, err := w.mails.Wait(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if mail.Lang != "sv" || !strings.HasSuffix(mail.Subject, " till Bookstore") {
		t.Errorf("the mail is in %s: %q", mail.Lang, mail.Subject)
	}
	if body := w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil)).Body.String(); !strings.Contains(body, `"sv"`) {
		t.Errorf("discovery does not name the language: %s", body)
	}
}
