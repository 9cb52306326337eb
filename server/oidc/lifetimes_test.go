package oidc

import (
	"testing"
	"time"
)

func TestLifetimesThatAreNotSetTakeTheirDefault(t *testing.T) {
	got := Lifetimes{AccessToken: time.Minute}.withDefaults()
	want := DefaultLifetimes
	want.AccessToken, want.RefreshGrace = time.Minute, 0 // no grace is a choice
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
