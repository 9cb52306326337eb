package views

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// difference is what two addresses have in common at both ends, and what each has between; whole words, as signs like / : ? separate them.
type difference struct {
	before, received, registered, after string
}

// compare finds the difference of two addresses.
func compare(received, registered string) difference {
	a, b := addressWords(received), addressWords(registered)
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	join := func(words []string) string { return strings.Join(words, "") }
	return difference{before: join(a[:start]), received: join(a[start : len(a)-end]), registered: join(b[start : len(b)-end]), after: join(a[len(a)-end:])}
}

// addressWords splits an address at its separators, which are words of their own.
func addressWords(uri string) []string {
	var words []string
	for uri != "" {
		i := strings.IndexAny(uri, "/:?#&=@")
		switch {
		case i < 0:
			return append(words, uri)
		case i > 0:
			words = append(words, uri[:i])
		}
		words, uri = append(words, uri[i:i+1]), uri[i+1:]
	}
	return words
}

// marked writes an address with what differs in it marked, and no space that is not in it.
func marked(before, differs, after string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		html := `<bdi dir="ltr">` + templ.EscapeString(before)
		if differs != "" {
			html += "<mark>" + templ.EscapeString(differs) + "</mark>"
		}
		_, err := io.WriteString(w, html+templ.EscapeString(after)+"</bdi>")
		return err
	})
}
