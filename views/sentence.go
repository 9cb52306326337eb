package views

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"gatelatch/views/words"
)

// slots are the elements that stand in the places of a sentence, by placeholder name.
type slots map[string]templ.Component

// sentence writes the text of key with an element in each place, in the order the language wants them.
func sentence(c *words.Catalogue, key string, in slots) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, part := range c.Parts(key) {
			if slot := in[part.Name]; slot != nil {
				if err := slot.Render(ctx, w); err != nil {
					return err
				}
				continue
			}
			text := part.Text
			if part.Name != "" {
				text = "{" + part.Name + "}"
			}
			if _, err := io.WriteString(w, templ.EscapeString(text)); err != nil {
				return err
			}
		}
		return nil
	})
}
