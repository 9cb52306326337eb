package email

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatelatch/views/words"
)

// WelcomeMail is what somebody gets for whom an administrator has made an account.
type WelcomeMail struct {
	Address  string // who gets it
	Password string // a temporary one; "": they sign in with codes
	Until    time.Time
	Link     string // where they sign in
	Host     string
}

// Welcome writes the mail that says there is an account, and how to sign in, in the language of c.
func Welcome(c *words.Catalogue, m WelcomeMail) (Message, error) {
	if err := checkPlace("", m.Host); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", Welcomes, err)
	}
	text := c.T("mail.welcome.text", "host", m.Host)
	n := notice{usage: Welcomes, to: m.Address, app: m.Host, host: m.Host, subject: c.T("mail.welcome.subject", "host", m.Host), preview: text,
		title: c.T("mail.welcome.title"), said: []string{text}, button: c.T("mail.welcome.button"), link: m.Link, last: c.T("mail.welcome.not_expected")}
	if m.Password == "" {
		n.said = append(n.said, c.T("mail.welcome.code"))
		return n.message(c)
	}
	n.said = append(n.said, c.T("mail.welcome.password"))
	valid := c.T("mail.welcome.valid", "date", m.Until.UTC().Format(time.DateOnly))
	var html strings.Builder
	if err := welcomePage(c, n, m.Password, valid).Render(context.Background(), &html); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", Welcomes, err)
	}
	parts := append([]string{n.app, n.title}, n.said...)
	plain := strings.Join(append(parts, m.Password, valid, n.button+":\n"+n.link, n.last, n.host), "\n\n") + "\n"
	return Message{To: n.to, Subject: n.subject, Text: plain, HTML: html.String(), Lang: c.Lang(), Usage: n.usage, Link: n.link}, nil
}
