package server_test

import (
	"net/url"
	"strings"
	"testing"

	"gatelatch/storage"
)

// thirdParty makes the bookstore an app of somebody else.
func (w *world) thirdParty() {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.ThirdParty = true
		return tx.UpdateClient(c)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// arrive signs somebody in with a mailed code and stays where that leads.
func (p *person) arrive(request url.Values, address string) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + request.Encode())
	p.submit("/sign-in/email", "email", address)
	mail, err := p.mails.Wait(p.t.Context(), address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.submit("/sign-in/code", "code", mail.Code)
}

func TestAfterSigningInAPersonIsAskedAboutAnAppOfSomebodyElse(t *testing.T) {
	w := newWorld(t, "https://id.example")
	w.thirdParty()
	ann := w.person()
	ann.arrive(authorization(), "ann@example.com")
	if !strings.HasPrefix(ann.at, "/consent?flow=") || !strings.Contains(ann.screen.Body.String(), "Bookstore") {
		t.Fatalf("after the code the browser is at %q", ann.at)
	}
	if csp := ann.screen.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || ann.screen.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the question may be framed or kept: %v", ann.screen.Header())
	}
	form := ann.form("/consent")
	form.Set("decision", "allow")
	// Another site posts the answer in the person's browser.
	for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		r := w.request("POST", "/consent", form)
		r.Header.Set(name, value)
		if got := ann.send(r); got.Code != 403 || got.Header().Get("Location") != "" {
			t.Errorf("%s %s: got %d to %q, want 403", name, value, got.Code, got.Header().Get("Location"))
		}
	}
	ann.post("/consent", form)
	back, err := url.Parse(ann.left)
	if err != nil || back.Query().Get("code") == "" || !strings.HasPrefix(ann.left, appCallback) {
		t.Fatalf("the way back to the bookstore is %q", ann.left)
	}
	if got := w.asBookstore("/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", appCallback); got.Code != 200 {
		t.Errorf("exchange: %d %s", got.Code, got.Body)
	}
	ann.visit("/oidc/authorize?" + authorization().Encode())
	if !strings.HasPrefix(ann.left, appCallback+"?code=") {
		t.Errorf("asked again at %q", ann.at)
	}
}
