package cli

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestReadmeNamesEveryCommand(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(readme), "## Look after it\n")
	if !found {
		t.Fatal("the readme has no list of commands")
	}
	list, _, _ = strings.Cut(list, "\n\n`app rotate-secret`")
	named, last := map[string][]string{}, ""
	for line := range strings.Lines(list) {
		words := strings.Fields(strings.ReplaceAll(line, "|", " "))
		if len(words) == 0 {
			continue
		}
		if words[0] == "gatelatch" {
			last, words = words[1], words[2:]
		}
		named[last] = append(named[last], words...)
	}
	for _, cmd := range (&Program{}).root().Commands() {
		if cmd.GroupID != "look" {
			continue
		}
		want, got := []string{}, named[cmd.Name()]
		for _, sub := range cmd.Commands() {
			want = append(want, sub.Name())
		}
		slices.Sort(got)
		slices.Sort(want)
		if _, there := named[cmd.Name()]; !there || !slices.Equal(got, want) {
			t.Errorf("the readme says %s %q, the program has %q", cmd.Name(), got, want)
		}
		delete(named, cmd.Name())
	}
	if len(named) > 0 {
		t.Errorf("the readme names commands that are not there: %v", named)
	}
}
