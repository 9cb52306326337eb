package email

import (
	"context"
	"fmt"
	"strings"

	"gatelatch/views/words"
)

// notice is a mail that only says something: no code, and at most one button.
type notice struct {
	usage                              Usage
	to                                 string
	subject, preview, app, title, host string
	said                               []string
	facts                              []string // each on a line of its own
	button, link                       string   // "" for none
	last                               string
}

// message writes the notice as HTML and text.
func (n notice) message(c *words.Catalogue) (Message, error) {
	var html strings.Builder
	if err := noticePage(c, n).Render(context.Background(), &html); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", n.usage, err)
	}
	parts := append([]string{n.app, n.title}, n.said...)
	if len(n.facts) > 0 {
		parts = append(parts, strings.Join(n.facts, "\n"))
	}
	if n.link != "" {
		parts = append(parts, n.button+":\n"+n.link)
	}
	text := strings.Join(append(parts, n.last, n.host), "\n\n") + "\n"
	return Message{To: n.to, Subject: n.subject, Text: text, HTML: html.String(), Lang: c.Lang(), Usage: n.usage, Link: n.link}, nil
}
