package email

import (
	"fmt"

	"gatelatch/views/words"
)

// Test writes the mail an administrator sends to see whether the settings work, in the language of c. host is the host of
// public_url.
func Test(c *words.Catalogue, address, host string) (Message, error) {
	if err := checkPlace("", host); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", TestMail, err)
	}
	return notice{
		usage: TestMail, to: address, app: host, host: host,
		subject: c.T("mail.test.subject", "host", host),
		preview: c.T("mail.test.text"),
		title:   c.T("mail.test.title"),
		said:    []string{c.T("mail.test.text")},
		last:    c.T("mail.test.next"),
	}.message(c)
}
