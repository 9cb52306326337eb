package email

import (
	"strings"
	"testing"
	"time"

	"gatelatch/views/words"
)

// changed is a notice as somebody would get it.
func changed() ChangeMail {
	return ChangeMail{Kind: "new_device", Address: "ann@example.com", At: time.Date(2026, 11, 20, 14, 31, 7, 0, time.UTC), Device: "Firefox (Linux)", IP: "203.0.113.24",
		Link: "https://id.bookstore.example/sign-in/not-me?t=abc", Host: "id.bookstore.example"}
}

func TestNoticesReadAsTheyDidWhenSomebodyLastLooked(t *testing.T) {
	byAdmin := changed()
	byAdmin.Kind, byAdmin.What, byAdmin.Device, byAdmin.IP, byAdmin.ByAdmin = "address_primary", "a•••@new.example", "", "", true
	for _, lang := range []string{"en", "de"} {
		for name, mail := range map[string]ChangeMail{"change": changed(), "change-by-admin": byAdmin} {
			m, err := Change(words.For(lang), mail)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+lang+".html", m.HTML)
			golden(t, name+"."+lang+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			if m.To != "ann@example.com" || m.Usage != AccountChange || m.Lang != lang || len(m.HTML)+len(m.Text) > 10<<10 {
				t.Errorf("%s: to %q, %s, lang %q, %d bytes", name, m.To, m.Usage, m.Lang, len(m.HTML)+len(m.Text))
			}
		}
	}
}

func TestNoticeHasNothingOfAStrangersMaking(t *testing.T) {
	bad := changed()
	bad.Device, bad.IP = "Visit evil.example now", "evil.example"
	m, err := Change(words.For("en"), bad)
	if err != nil || strings.Contains(m.Text+m.HTML, "evil") {
		t.Errorf("the mail passes on what the visitor says of themselves, %v:\n%s", err, m.Text)
	}
	for _, link := range []string{"javascript:alert(1)", "//evil.example", "https://id.bookstore.example/ x"} {
		bad.Link = link
		if _, err := Change(words.For("en"), bad); err == nil {
			t.Errorf("%q was taken for a link", link)
		}
	}
}
