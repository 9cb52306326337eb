package admin

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// deliver puts a mail with a code into the inbox, as the server does, and returns the ids of mail and code.
func (o *office) deliver(address, code string, life time.Duration) (mail, otp storage.ID) {
	o.t.Helper()
	mail, otp = storage.NewID(), storage.NewID()
	sealed, err := json.Marshal(Mail{To: address, Subject: code + " is your code", Code: code, Text: "Your code is " + code + ".",
		HTML: "<html><head></head><body><b>" + code + "</b></body></html>", Link: "http://localhost:4283/sign-in/link?flow=f&t=t"})
	if err != nil {
		o.t.Fatal(err)
	}
	o.write(func(tx storage.Tx) error {
		if err := tx.InsertOTP(storage.OTP{ID: otp, FlowID: storage.NewID(), Purpose: "sign-in", Address: address, Nonce: []byte("nonce"), Sent: o.now(), Expires: o.now() + life.Microseconds()}); err != nil {
			return err
		}
		return tx.InsertCaptured(storage.Captured{ID: mail, Address: address, OTPID: otp, Sealed: sealed, Expires: o.now() + time.Hour.Microseconds()})
	})
	return mail, otp
}

func (o *office) codeFor(address, wait string) string {
	o.t.Helper()
	var found LiveCode
	o.must("GET", "/inbox/code?address="+address+"&wait="+wait, "", &found)
	return found.Code
}

func TestNewestCodeThatStillWorksIsTheOneShown(t *testing.T) {
	o := newOffice(t)
	if got := o.codeFor("ann@example.com", "0"); got != "" {
		t.Errorf("from an empty inbox came %q", got)
	}
	o.deliver("ann@example.com", "111111", 20*time.Minute)
	_, second := o.deliver("ann@example.com", "222222", 10*time.Minute)
	o.deliver("ben@example.com", "333333", 10*time.Minute)
	if got := o.codeFor("Ann@Example.com", "0"); got != "222222" {
		t.Errorf("got %q, want the newest", got)
	}
	o.write(func(tx storage.Tx) error { return tx.SpendOTP(second, o.now()) })
	if got := o.codeFor("ann@example.com", "0"); got != "111111" {
		t.Errorf("got %q, want the newest unspent", got)
	}
	_, third := o.deliver("ann@example.com", "444444", 20*time.Minute)
	for range 5 {
		o.write(func(tx storage.Tx) error { return tx.GuessOTP(third, o.now(), 5) })
	}
	if got := o.codeFor("ann@example.com", "0"); got != "111111" {
		t.Errorf("got %q, want the newest that has guesses left", got)
	}
	o.clock = o.clock.Add(20 * time.Minute)
	if got := o.codeFor("ann@example.com", "0"); got != "" {
		t.Errorf("an expired code is shown: %q", got)
	}
	o.refused(422, "GET", "/inbox/code?address=ann", "")
	o.refused(422, "GET", "/inbox/code?address=ann@example.com&wait=61", "")
	o.refused(422, "GET", "/inbox/code", "")
}

func TestWaitingForACodeEndsWhenItComes(t *testing.T) {
	o := newOffice(t)
	got := make(chan string)
	go func() { got <- o.codeFor("ann@example.com", "30") }()
	o.deliver("ann@example.com", "123456", 10*time.Minute)
	if code := <-got; code != "123456" {
		t.Errorf("got %q", code)
	}
}

func TestListOfMailHasNoTextsAndTellsWhichCodesWork(t *testing.T) {
	o := newOffice(t)
	first, otp := o.deliver("ann@example.com", "111111", 10*time.Minute)
	o.deliver("ben@example.com", "222222", 10*time.Minute)
	o.write(func(tx storage.Tx) error { return tx.SpendOTP(otp, o.now()) })
	var page struct {
		Mails      []Mail
		NextCursor string `json:"next_cursor"`
	}
	o.must("GET", "/inbox?limit=1", "", &page)
	if len(page.Mails) != 1 || page.Mails[0].To != "ben@example.com" || !page.Mails[0].Live || page.Mails[0].Text != "" || page.NextCursor == "" {
		t.Errorf("first page is %+v", page)
	}
	o.must("GET", "/inbox?limit=1&cursor="+page.NextCursor, "", &page)
	if len(page.Mails) != 1 || page.Mails[0].ID != first.String() || page.Mails[0].Live {
		t.Errorf("second page is %+v", page)
	}
	o.must("GET", "/inbox?address=ben@example.com", "", &page)
	if len(page.Mails) != 1 || page.Mails[0].Code != "222222" {
		t.Errorf("mail to ben is %+v", page)
	}
	var m Mail
	o.must("GET", "/inbox/"+first.String(), "", &m)
	if m.Text != "Your code is 111111." || !strings.Contains(m.HTML, "111111") {
		t.Errorf("got %+v", m)
	}
	o.refused(404, "GET", "/inbox/"+storage.NewID().String(), "")
	o.refused(404, "GET", "/inbox/x", "")
}

// visit asks for a page as a browser at the machine does, unless change says otherwise.
func (o *office) visit(path string, change func(header map[string][]string, host, peer *string)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.RemoteAddr = "localhost:4283", "127.0.0.1:50000"
	if change != nil {
		change(r.Header, &r.Host, &r.RemoteAddr)
	}
	w := httptest.NewRecorder()
	o.pages().ServeHTTP(w, r)
	return w
}

func TestInboxPagesShowTheMailInASandbox(t *testing.T) {
	o := newOffice(t)
	id, _ := o.deliver("ann@example.com", "123456", 10*time.Minute)
	list := o.visit("/inbox", nil)
	if list.Code != 200 || !strings.Contains(list.Body.String(), "/inbox/"+id.String()) || !strings.Contains(list.Body.String(), "ann@example.com") {
		t.Errorf("list: %d %s", list.Code, list.Body)
	}
	page := o.visit("/inbox/"+id.String(), nil)
	for _, want := range []string{"123456", "/inbox/" + id.String() + "/html", "http://localhost:4283/sign-in/link"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("page of the mail lacks %s", want)
		}
	}
	html := o.visit("/inbox/"+id.String()+"/html", nil)
	policy := html.Header().Get("Content-Security-Policy")
	if html.Code != 200 || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src") || !strings.Contains(html.Body.String(), "<b>123456</b>") {
		t.Errorf("mail: %d, policy %q, %s", html.Code, policy, html.Body)
	}
	for _, w := range []*httptest.ResponseRecorder{list, page, html} {
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("a page with codes may be kept: %v", w.Header())
		}
	}
}

func TestInboxPageOfOnePersonShowsNobodyElsesMail(t *testing.T) {
	o := newOffice(t)
	o.deliver("ann@example.com", "111111", 10*time.Minute)
	o.deliver("bob@example.com", "222222", 10*time.Minute)
	if got := o.visit("/inbox?address=Ann%40example.com", nil); got.Code != 200 || !strings.Contains(got.Body.String(), "111111") || strings.Contains(got.Body.String(), "222222") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if got := o.visit("/inbox?address=nobody", nil); got.Code != 404 {
		t.Errorf("what is no address: got %d", got.Code)
	}
}

func TestInboxPagesAreNotThereForOthers(t *testing.T) {
	o := newOffice(t)
	id, _ := o.deliver("ann@example.com", "123456", 10*time.Minute)
	for _, path := range []string{"/inbox", "/inbox/" + id.String(), "/inbox/" + id.String() + "/html"} {
		for name, change := range map[string]func(map[string][]string, *string, *string){
			"rebinding": func(_ map[string][]string, host, _ *string) { *host = "evil.example:4283" },
			"network":   func(_ map[string][]string, _, peer *string) { *peer = "192.168.1.7:50000" },
			"proxy":     func(h map[string][]string, _, _ *string) { h["X-Forwarded-For"] = []string{"203.0.113.7"} },
		} {
			if w := o.visit(path, change); w.Code != 404 || strings.Contains(w.Body.String(), "123456") {
				t.Errorf("%s, %s: %d", path, name, w.Code)
			}
			o.admin = true
			if w := o.visit(path, change); w.Code != 200 {
				t.Errorf("%s, %s, fresh admin: %d", path, name, w.Code)
			}
			o.admin = false
		}
	}
	if w := o.visit("/inbox/nonsense", nil); w.Code != 404 {
		t.Errorf("unknown mail: %d", w.Code)
	}
}

func TestInboxOffersNoLinkToAnotherServer(t *testing.T) {
	o := newOffice(t)
	for link, want := range map[string]bool{
		"http://localhost:4283/sign-in/link?t=1": true, "https://localhost:4283/x": false, "http://evil.example/x": false,
		"http://localhost:4283@evil.example/": false, "javascript:alert(1)": false, "": false,
	} {
		if got := o.ownLink(link); got != want {
			t.Errorf("%q: got %v", link, got)
		}
	}
}
