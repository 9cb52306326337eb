package cli

import (
	"bytes"
	"testing"
)

func TestNamesOfPeopleCannotMoveTheCursorOfATerminal(t *testing.T) {
	var out bytes.Buffer
	w := (&Program{Stdout: &out}).table()
	w.row("Ann\x1b[2J\nBen\u009b\u202e", "x")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "Ann [2J Ben    x\n" {
		t.Errorf("got %q", got)
	}
}
