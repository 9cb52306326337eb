package email

import (
	"fmt"
	"net/netip"
	"time"

	"gatelatch/views/words"
)

// ChangeMail is what a person is told of a change to their account.
type ChangeMail struct {
	Kind    string    // what has changed; its words are mail.change.title.KIND
	What    string    // what it is about, as an address with its middle left out; may be empty
	Address string    // who gets it
	At      time.Time // when it happened
	Device  string    // as in CodeMail
	IP      string
	ByAdmin bool   // an administrator has done it
	Link    string // behind "This was not me"; opening it changes nothing
	Host    string
}

// Change writes the mail that tells of a change, in the language of c.
func Change(c *words.Catalogue, m ChangeMail) (Message, error) {
	if err := checkPlace("", m.Host); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", AccountChange, err)
	}
	if err := checkLink(m.Link); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", AccountChange, err)
	}
	title, text := c.T("mail.change.title."+m.Kind), c.T("mail.change.text", "host", m.Host)
	facts := []string{c.T("mail.change.at", "time", m.At.UTC().Format("2006-01-02 15:04")+" UTC")}
	if m.What != "" {
		facts = append(facts, c.T("mail.change.about", "what", m.What))
	}
	if harmlessDevice(m.Device) {
		facts = append(facts, c.T("mail.change.device", "device", m.Device))
	}
	if ip, err := netip.ParseAddr(m.IP); err == nil && ip.Zone() == "" {
		facts = append(facts, c.T("mail.change.ip", "ip", m.IP))
	}
	if m.ByAdmin {
		facts = append(facts, c.T("mail.change.by_admin"))
	}
	return notice{
		usage: AccountChange, to: m.Address, app: m.Host, host: m.Host,
		subject: c.T("mail.change.subject", "title", title, "host", m.Host),
		preview: text,
		title:   title,
		said:    []string{text},
		facts:   facts,
		button:  c.T("mail.change.button"), link: m.Link,
		last: sentences(c.T("mail.change.was_you"), c.T("mail.change.was_not_you")),
	}.message(c)
}
