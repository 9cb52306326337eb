package cli

import (
	"strings"
	"text/tabwriter"
	"unicode"
)

// columns aligns what is printed for people.
type columns struct{ *tabwriter.Writer }

// table begins a table; without heads it is only aligned.
func (p *Program) table(heads ...string) columns {
	w := columns{tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)}
	if len(heads) > 0 {
		w.row(heads...)
	}
	return w
}

func (w columns) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			// A name is no way to move the cursor of a terminal, or to turn a line around. Two joiners belong to scripts and emoji.
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' {
				return ' '
			}
			return r
		}, cell)
	}
	_, _ = w.Write([]byte(strings.Join(cells, "\t") + "\n"))
}
