package email

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatelatch/views/words"
)

// InvitationMail is what somebody gets who is invited to make an account.
type InvitationMail struct {
	Address string // who gets it
	Link    string
	Host    string
	Until   time.Time
}

// Invitation writes the mail with the link that accepts an invitation, in the language of c.
func Invitation(c *words.Catalogue, m InvitationMail) (Message, error) {
	if err := checkPlace("", m.Host); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", Invite, err)
	}
	n := invitation{
		notice: notice{usage: Invite, to: m.Address, app: m.Host, host: m.Host,
			subject: c.T("mail.invitation.subject", "host", m.Host), preview: c.T("mail.invitation.text", "host", m.Host), title: c.T("mail.invitation.title"),
			said: []string{c.T("mail.invitation.text", "host", m.Host)}, last: c.T("mail.invitation.not_expected")},
		link: m.Link, button: c.T("mail.invitation.button"), valid: c.T("mail.invitation.valid", "date", m.Until.UTC().Format(time.DateOnly)),
	}
	var html strings.Builder
	if err := invitationPage(c, n).Render(context.Background(), &html); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", Invite, err)
	}
	text := strings.Join([]string{n.app, n.title, n.said[0], n.link, n.valid, n.last, n.host}, "\n\n") + "\n"
	return Message{To: n.to, Subject: n.subject, Text: text, HTML: html.String(), Lang: c.Lang(), Usage: Invite, Link: m.Link}, nil
}

// invitation is a notice with a button.
type invitation struct {
	notice
	link, button, valid string
}
