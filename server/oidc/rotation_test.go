package oidc

import (
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

func TestJudgeOfRefreshTokens(t *testing.T) {
	const (
		now   = int64(1_800_000_000_000_000)
		grace = 30 * time.Second
	)
	ago := func(d time.Duration) int64 { return now - d.Microseconds() }
	// list is the rotation times of a row, the newest first.
	list := func(times ...int64) string {
		l := ""
		for i := len(times) - 1; i >= 0; i-- {
			l = rotated(l, 0, 1, times[i])
		}
		return l
	}
	row := func(generation int64, rotated string) storage.Grant {
		return storage.Grant{Generation: generation, Rotated: rotated}
	}
	many := make([]int64, 8)
	for i := range many {
		many[i] = ago(time.Duration(i+1) * time.Second)
	}
	for _, test := range []struct {
		name  string
		g     storage.Grant
		n     int64
		never bool
		want  verdict
	}{
		{"the current one", row(1, ""), 1, false, rotate},
		{"the current one, just made", row(2, list(ago(time.Second))), 2, false, rotate},
		{"superseded a second ago", row(2, list(ago(time.Second))), 1, false, keep},
		{"superseded exactly the grace ago", row(2, list(ago(grace))), 1, false, keep},
		{"superseded just before the grace", row(2, list(ago(grace+2*time.Millisecond))), 1, false, reused},
		{"superseded in the future: the clock stepped back a little", row(2, list(ago(-time.Second))), 1, false, keep},
		{"superseded in the future: an hour", row(2, list(ago(-time.Hour))), 1, false, reused},
		{"two back, both young", row(3, list(ago(time.Second), ago(2*time.Second))), 1, false, keep},
		{"two back, the older rotation old", row(3, list(ago(time.Second), ago(time.Minute))), 1, false, reused},
		{"eight back, all young", row(9, list(many...)), 1, false, keep},
		{"nine back", row(10, list(many...)), 1, false, reused},
		{"the current one while the list is full of young rotations", row(9, list(many...)), 9, false, keep},
		{"newer than the row: a backup was restored", row(1, ""), 7, false, rotate},
		{"newer by more than can be", row(1, ""), 2 + maxJump, false, reused},
		{"generation zero", row(1, ""), 0, false, reused},
		{"never rotates", row(1, ""), 1, true, keep},
		{"never rotates, newer than the row", row(1, ""), 3, true, keep},
	} {
		if got := judge(test.g, test.n, grace, test.never, now); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
	if got := judge(row(2, list(now)), 1, 0, false, now+1000); got != reused {
		t.Errorf("without a grace: got %d, want reused", got)
	}
}

func TestListOfRotationsIsBoundedAndForgetsWhatWasJumpedOver(t *testing.T) {
	l := ""
	for g := int64(1); g < 20; g++ {
		l = rotated(l, g, g+1, g*1_000_000)
	}
	if len(l) != remembered*stampLength || rotatedAt(l, 0) != 19_000_000 || rotatedAt(l, 7) != 12_000_000 || rotatedAt(l, 8) != 0 {
		t.Fatalf("got %q", l)
	}
	jumped := rotated(l, 20, 23, 50_000_000)
	if rotatedAt(jumped, 0) != 50_000_000 || rotatedAt(jumped, 1) != 0 || rotatedAt(jumped, 2) != 0 || rotatedAt(jumped, 3) != 19_000_000 {
		t.Fatalf("got %q", jumped)
	}
	if far := rotated(l, 20, 20+maxJump, 50_000_000); !strings.HasSuffix(far, neverBefore) || len(far) != remembered*stampLength {
		t.Fatalf("got %q", far)
	}
}
