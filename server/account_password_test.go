package server_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	horse = "seventeen horses at dawn"
	goose = "eleven geese before noon"
)

func TestAPersonSetsChangesAndRemovesTheirPassword(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	here, phone := w.atHome("ann@example.com"), w.atHome("ann@example.com")
	here.visit("/account")
	here.reads("You have none; a code by e-mail lets you in.", `href="/account/password"`)
	here.visit("/account/password")
	here.reads("Set a password", "At least 15", `value="ann@example.com" readonly autocomplete="username"`)
	here.doesNotRead("Remove the password")
	for password, why := range map[string]string{"too short": "That is too short", "passwordpassword": "Many people have this", "ann@example.com!": "made of your name or address"} {
		here.submit("/account/password", "password", password)
		here.reads(why)
	}
	here.post("/account/password", url.Values{"password": {horse}, "keep": {"1"}})
	here.reads("Your password is saved.")
	if !phone.signedIn() || !here.signedIn() {
		t.Error("somebody was signed out who was to stay")
	}
	here.visit("/account/password")
	here.reads("Change your password", "Remove the password")
	here.submit("/account/password", "password", goose)
	if phone.signedIn() || !here.signedIn() {
		t.Error("not exactly the other device is signed out")
	}
	p := w.person()
	p.visit("/sign-in")
	p.submit("/sign-in/email", "email", "ann@example.com")
	_, flow, _ := strings.Cut(p.at, "flow=")
	p.visit("/sign-in/password?flow=" + flow)
	p.post("/sign-in/password", url.Values{"flow": {flow}, "identifier": {"ann@example.com"}, "password": {goose}})
	if !p.signedIn() {
		t.Errorf("the new password does not sign in:\n%s", p.text())
	}
	here.visit("/account/password")
	here.post("/account/password/remove", url.Values{})
	here.reads("Your password is removed.", "You have none")
	here.doesNotRead("Remove the password")
}

func TestAPasswordIsChangedOnlyRightAfterASignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	p := w.atHome("ann@example.com")
	w.age(6 * time.Minute)
	for _, path := range []string{"/account/password", "/account/password/remove"} { // an unlocked browser that somebody found
		p.post(path, url.Values{"password": {horse}})
		if !strings.HasPrefix(p.at, "/sign-in?flow=") {
			t.Errorf("%s leads to %s, want the sign-in", path, p.at)
		}
	}
	if _, err := w.store.View(t.Context()).Password(w.who("ann@example.com").ID); err == nil {
		t.Fatal("a password was set in a session of six minutes")
	}
	p.visit("/account/password")
	p.proves("ann@example.com")
	p.reads("You have signed in again.")
	p.visit("/account/password")
	p.submit("/account/password", "password", horse)
	p.reads("Your password is saved.")
}
