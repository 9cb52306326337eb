package storage

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestIDsSortByTheirBirth(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	var last ID
	for range 20_000 { // more than fit into one millisecond's counter
		id := NewID()
		if string(id[:]) <= string(last[:]) {
			t.Fatalf("%s was made after %s and sorts before it", id, last)
		}
		last = id
	}
	if first := NewID().Time(); first.Before(before) || first.After(time.Now().Add(time.Minute)) {
		t.Errorf("an ID made now tells of %v", first)
	}
	if s := last.String(); s[14] != '7' || !strings.ContainsRune("89ab", rune(s[19])) {
		t.Errorf("%s is not a version 7 UUID", s)
	}
}

func TestIDHasOneSpelling(t *testing.T) {
	id := NewID()
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("ParseID(%s) = %s, %v", id, got, err)
	}
	s := id.String()
	for _, other := range []string{"", strings.ToUpper(s), s[1:], s + "0", " " + s[1:], strings.ReplaceAll(s, "-", ""), "{" + s + "}", strings.Replace(s, "-", "0", 1), "00000000-0000-0000-0000-000000000000", s[:35] + "g"} {
		if got, err := ParseID(other); !errors.Is(err, ErrNotID) {
			t.Errorf("ParseID(%q) = %v, %v; want ErrNotID", other, got, err)
		}
	}
}
