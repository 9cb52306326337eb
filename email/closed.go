package email

import (
	"fmt"

	"gatelatch/views/words"
)

// ClosedMail is what a stranger is told where only administrators make accounts.
type ClosedMail struct {
	AppName string // empty: Host
	Address string // who gets it
	Device  string // as in CodeMail
	IP      string
	Host    string
}

// Closed writes the mail that says there is no account, in the language of c. The page the stranger sees says what it says
// to everybody; only the owner of the mailbox learns this.
func Closed(c *words.Catalogue, m ClosedMail) (Message, error) {
	if err := checkPlace(m.AppName, m.Host); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", SignUpClosed, err)
	}
	app := appName(m.AppName, m.Host)
	text := c.T("mail.closed.text", "app", app)
	return notice{
		usage: SignUpClosed, to: m.Address, app: app, host: m.Host,
		subject: c.T("mail.closed.subject", "app", app),
		preview: text,
		title:   c.T("mail.closed.title"),
		said:    []string{sentences(text, asked(c, m.Device, m.IP)), c.T("mail.closed.next", "app", app)},
		last:    c.T("mail.closed.not_asked"),
	}.message(c)
}
