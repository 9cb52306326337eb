package cli

import (
	"strings"
	"text/tabwriter"
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
			if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
				return ' ' // a name is no way to move the cursor of a terminal
			}
			return r
		}, cell)
	}
	_, _ = w.Write([]byte(strings.Join(cells, "\t") + "\n"))
}
