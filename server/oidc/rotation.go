package oidc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatelatch/storage"
)

// verdict is what to do with a refresh token that was presented.
type verdict int

const (
	rotate verdict = iota // make the next generation
	keep                  // answer with the current generation, write nothing
	reused                // superseded for longer than the grace: somebody else may hold it
)

const (
	remembered  = 8             // rotations whose times the row keeps
	stampLength = 11            // hexadecimal milliseconds
	maxJump     = 1_000_000     // how far ahead of a restored row a generation may be
	neverBefore = "00000000000" // a rotation whose time is not known
)

// judge decides over a refresh token of generation n whose MAC is right (RFC 9700 §4.14.2).
//
// Every refresh rotates. The row keeps the times of its last rotations, so for every generation it is known since when
// it is superseded: less than the grace ago, it gets the current generation's token, which is the same string for
// everybody. So parallel refreshes, two tabs and lost answers neither sign anybody out nor fork the family.
// A generation above the row's was minted before a backup was restored: it goes on from there.
func judge(g storage.Grant, n int64, grace time.Duration, never bool, now int64) verdict {
	switch {
	case n <= 0 || n > g.Generation+maxJump:
		return reused
	case n >= g.Generation && never:
		return keep
	case n > g.Generation:
		return rotate
	case n == g.Generation:
		// The list is full of rotations within the grace: one more would push the oldest out of it
		// and turn an honest replay into reuse.
		if oldest := rotatedAt(g.Rotated, remembered-1); grace > 0 && oldest > 0 && within(oldest, now, grace) {
			return keep
		}
		return rotate
	}
	if at := rotatedAt(g.Rotated, int(min(g.Generation-1-n, remembered))); at > 0 && within(at, now, grace) {
		return keep
	}
	return reused
}

// within compares absolutely: a clock that went back must not stretch the grace.
func within(at, now int64, grace time.Duration) bool {
	return max(at-now, now-at) <= grace.Microseconds()
}

// LastUsed is when a grant was last used for new tokens, in unix microseconds.
func LastUsed(g storage.Grant) int64 { return max(g.CodeSpent, rotatedAt(g.Rotated, 0)) }

// rotatedAt is when, in unix microseconds, the i-th last rotation happened (0: the last one); 0 if the row does not say.
func rotatedAt(list string, i int) int64 {
	if i < 0 || (i+1)*stampLength > len(list) {
		return 0
	}
	ms, err := strconv.ParseInt(list[i*stampLength:(i+1)*stampLength], 16, 64)
	if err != nil {
		return 0
	}
	return ms * 1000
}

// rotated puts the rotation from generation `to-1` at now in front of the list of a row at generation from.
// Generations that were jumped over get no time: nobody is known to hold them.
func rotated(list string, from, to, now int64) string {
	skipped := min(to-1-from, remembered)
	list = fmt.Sprintf("%011x", now/1000) + strings.Repeat(neverBefore, int(max(0, skipped))) + list
	return list[:min(len(list), remembered*stampLength)]
}
