package email

import (
	"context"
	"fmt"
	"strings"

	"gatelatch/views/words"
)

// notice is a mail that only says something: no code, no link.
type notice struct {
	usage                              Usage
	to                                 string
	subject, preview, app, title, host string
	said                               []string
	last                               string
}

// message writes the notice as HTML and text.
func (n notice) message(c *words.Catalogue) (Message, error) {
	var html strings.Builder
	if err := noticePage(c, n).Render(context.Background(), &html); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", n.usage, err)
	}
	text := strings.Join(append(append([]string{n.app, n.title}, n.said...), n.last, n.host), "\n\n") + "\n"
	return Message{To: n.to, Subject: n.subject, Text: text, HTML: html.String(), Lang: c.Lang(), Usage: n.usage}, nil
}
