package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestCodesLeaveThroughAMailServer(t *testing.T) {
	mails := &mailServer{t: t, user: "sign-in@example.com", password: "p@ss/word"}
	address := fmt.Sprintf("localhost:%d", freePort(t))
	mails.listen(address, nil)
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"email": settings{
		"provider": "smtp", "from": "Example Notes <sign-in@example.com>",
		"smtp": settings{"url": "smtp://sign-in%40example.com:p%40ss%2Fword@" + address},
	}}, notes)
	s.private = append(s.private, "p@ss/word", "ann@example.com")

	p := s.person("ann@example.com")
	p.code = mails.code
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("the app says %q, want a greeting", shown.text())
	}
	arrived := mails.to(p.address)
	if len(arrived) != 1 {
		t.Fatalf("%d mails came for one sign-in, want 1", len(arrived))
	}
	for _, want := range []string{"From: \"Example Notes\" <sign-in@example.com>", "text/plain", "text/html"} {
		if !strings.Contains(arrived[0].Raw, want) {
			t.Errorf("the mail has no %q:\n%s", want, arrived[0].Raw)
		}
	}
}

func TestCodesLeaveThroughAMailServerWithTLS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes the authorities to trust from SSL_CERT_FILE")
	}
	trusted, address := newCertificate(t), fmt.Sprintf("localhost:%d", freePort(t))
	mails := &mailServer{t: t, user: "notes", password: "secret"}
	mails.listen(address, &trusted.pair)
	notes := newParty(t, "notes")
	s := newServer(t, settings{"clients": []application{notes.application()}, "email": settings{
		"provider": "smtp", "from": "sign-in@example.com", "smtp": settings{"url": "smtps://notes:secret@" + address},
	}})
	s.env = []string{"SSL_CERT_FILE=" + trusted.Cert}
	s.start()
	notes.connect(s.Issuer, s.client)

	p := s.person("ann@example.com")
	p.code = mails.code
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("the app says %q, want a greeting", shown.text())
	}
}

func TestCodesLeaveThroughAmazonSES(t *testing.T) {
	store := startSES(t)
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"email": settings{
		"provider": "ses", "from": "Example Notes <sign-in@example.com>",
		"ses": settings{"region": "eu-central-1", "endpoint": store.URL, "access_key_id": "key", "secret_access_key": "secret-of-ses", "configuration_set": "codes"},
	}}, notes)
	s.private = append(s.private, "secret-of-ses", "ann@example.com")

	p := s.person("ann@example.com")
	p.code = store.code
	if shown := p.signIn(notes.URL + "/sign-in"); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("the app says %q, want a greeting", shown.text())
	}
	if mails := store.to(p.address); len(mails) != 1 || mails[0].From != `"Example Notes" <sign-in@example.com>` && mails[0].From != "Example Notes <sign-in@example.com>" {
		t.Errorf("SES was given %+v, want one mail from Example Notes", mails)
	}
}

func TestPagesDoNotWaitForTheMailServer(t *testing.T) {
	mails := &mailServer{t: t}
	address := fmt.Sprintf("localhost:%d", freePort(t))
	mails.listen(address, nil)
	release := mails.hold()
	defer release()
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"email": settings{"provider": "smtp", "from": "sign-in@example.com", "smtp": settings{"url": "smtp://" + address}}}, notes)

	// The mail server answers nobody until release: a page that waited for it would not come at all.
	people := []*person{s.person("ann@example.com"), s.person("ben@example.com"), s.person("cleo@example.com")}
	for _, p := range people {
		p.code = mails.code
		p.open(notes.URL + "/sign-in")
		if shown := p.submit("email", p.address); shown.Status != http.StatusOK || !shown.has("code") {
			t.Fatalf("while the mail server hangs, the address leads to %d %s", shown.Status, shown.URL)
		}
	}
	wait(t, "a mail to reach the server", func() bool { return mails.held() > 0 })
	release()
	for _, p := range people {
		if shown := p.submit("code", p.code(p.address)); !strings.Contains(shown.text(), "Hello "+p.address) {
			t.Errorf("%s gets %s %q, want a greeting", p.address, shown.URL, shown.text())
		}
	}
}

func TestMailGoesOutWhenItsServerIsBack(t *testing.T) {
	mails := &mailServer{t: t}
	address := fmt.Sprintf("localhost:%d", freePort(t))
	notes := newParty(t, "notes")
	s := serveParties(t, settings{"email": settings{"provider": "smtp", "from": "sign-in@example.com", "smtp": settings{"url": "smtp://" + address}}}, notes)

	p := s.person("ann@example.com")
	p.code = mails.code
	p.open(notes.URL + "/sign-in")
	if shown := p.submit("email", p.address); shown.Status != http.StatusOK || !shown.has("code") {
		t.Fatalf("without a mail server the address leads to %d %s", shown.Status, shown.URL)
	}
	wait(t, "the log to say that mail does not leave", func() bool { return strings.Contains(s.Log.String(), `msg="mail does not leave"`) })
	mails.listen(address, nil)
	if shown := p.submit("code", p.code(p.address)); !strings.Contains(shown.text(), "Hello ann@example.com") {
		t.Errorf("with the mail that came late the app says %q, want a greeting", shown.text())
	}
}

// wait gives something that happens by itself time to happen.
func wait(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// sesStore is Amazon's mail service as the emulator in e2e/ses plays it.
type sesStore struct {
	t   *testing.T
	URL string
}

// sesMail is a mail the emulator was given.
type sesMail struct {
	From        string
	Destination struct{ To []string }
	Subject     string
}

// startSES starts the emulator on a port of its own.
func startSES(t *testing.T) *sesStore {
	t.Helper()
	node := node(t)
	install(t, node, "ses")
	port := freePort(t)
	store := &sesStore{t: t, URL: fmt.Sprintf("http://localhost:%d", port)}
	run := exec.Command(node, filepath.Join("ses", "node_modules", "aws-ses-v2-local", "dist", "cli.js"), fmt.Sprintf("--port=%d", port))
	out := &record{}
	run.Stdout, run.Stderr = out, out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	wait(t, "the emulator of SES", func() bool {
		answer, err := http.Get(store.URL + "/store")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	})
	return store
}

// to lists the mails to an address, the newest first.
func (s *sesStore) to(address string) (found []sesMail) {
	s.t.Helper()
	answer, err := http.Get(s.URL + "/store")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var all struct{ Emails []sesMail }
	if err := json.Unmarshal(text, &all); err != nil {
		s.t.Fatal(err)
	}
	for _, mail := range all.Emails {
		if len(mail.Destination.To) == 1 && mail.Destination.To[0] == address {
			found = append([]sesMail{mail}, found...)
		}
	}
	return found
}

// code waits for a mail to an address and returns the code in its subject.
func (s *sesStore) code(address string) (code string) {
	s.t.Helper()
	wait(s.t, "a mail with a code", func() bool {
		if mails := s.to(address); len(mails) > 0 {
			code = codeInSubject.FindString(mails[0].Subject)
		}
		return code != ""
	})
	return code
}
