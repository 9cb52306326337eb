package server_test

import (
	"net/url"
	"strings"
	"testing"

	"gatelatch/email"
)

// notice is the next notice to an address; its link as a path.
func (w *world) notice(address string) (m email.Message, path string) {
	w.t.Helper()
	m, err := w.mails.WaitFor(w.t.Context(), address, email.AccountChange)
	if err != nil {
		w.t.Fatal(err)
	}
	return m, strings.TrimPrefix(m.Link, w.url.String())
}

func TestWhoeverSaysThisWasNotMeIsAloneInTheirAccountAndGetsIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("ann@example.com")
	thief := w.person()
	thief.signIn("ann@example.com")
	thief.visit("/account")
	thief.reads("ann@example.com")
	mail, path := w.notice("ann@example.com")
	if !strings.Contains(mail.Text, "192.0.2.1") {
		t.Errorf("the mail does not say from where:\n%s", mail.Text)
	}

	ann := w.person() // on the phone, where nobody is signed in
	for range 2 {     // a mail scanner looks first
		ann.visit(path)
		ann.reads("Was this not you?")
	}
	thief.visit("/account")
	thief.reads("ann@example.com")

	ann.post("/sign-in/not-me", ann.form("/sign-in/not-me"))
	ann.reads("It is stopped", "We have mailed you a code")
	thief.visit("/account")
	if !strings.HasPrefix(thief.at, "/sign-in?") {
		t.Errorf("the thief is at %s, want them asked to sign in", thief.at)
	}
	on, err := url.Parse(ann.at)
	if err != nil || on.Query().Get("flow") == "" {
		t.Fatalf("the page is %s, want one with a flow", ann.at)
	}
	ann.visit("/sign-in/code?flow=" + on.Query().Get("flow"))
	code, err := w.mails.Wait(t.Context(), "ann@example.com")
	for err == nil && code.Usage != email.SignIn {
		code, err = w.mails.Wait(t.Context(), "ann@example.com")
	}
	if err != nil {
		t.Fatal(err)
	}
	codes := []email.Message{}
	for _, m := range w.mails.Messages() {
		if m.Usage == email.SignIn {
			codes = append(codes, m)
		}
	}
	ann.submit("/sign-in/code", "code", codes[len(codes)-1].Code)
	if !strings.HasPrefix(ann.at, "/account") {
		t.Errorf("ann is at %s, want the account page", ann.at)
	}

	ann.visit(path)
	ann.reads("It is stopped")
	for _, secret := range []string{path[strings.Index(path, "t=")+2:], codes[len(codes)-1].Code, "ann@example.com"} {
		if strings.Contains(w.log.text(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if ann.visit(path + "x"); ann.screen.Code != 410 {
		t.Errorf("a link that is none: got %d, want 410", ann.screen.Code)
	}
}

func TestNoticeIsDeniedByItsButtonOnThisSiteAlone(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	w.person().signIn("ann@example.com")
	_, path := w.notice("ann@example.com")
	link, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	r := w.request("POST", "/sign-in/not-me", url.Values{"t": {link.Query().Get("t")}})
	r.Header.Set("Origin", "https://evil.example")
	if got := w.do(r); got.Code != 403 {
		t.Errorf("from another site: got %d, want 403", got.Code)
	}
	if got := w.do(w.request("HEAD", path, nil)); got.Code != 200 {
		t.Errorf("HEAD: got %d", got.Code)
	}
	p.visit("/account")
	p.reads("ann@example.com")
}
