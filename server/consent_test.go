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

func TestALanguageChosenOnAnyPageStays(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	german := func(p *person) bool { return strings.Contains(p.screen.Body.String(), `<html lang="de"`) }
	guest := w.person()
	guest.visit("/device?lang=de")
	if guest.visit("/device"); !german(guest) {
		t.Error("the page for devices has forgotten it")
	}
	if guest.visit("/sign-in"); !german(guest) {
		t.Error("the sign-in page does not know of it")
	}
	if guest.visit("/device/done?connected=1&lang=zz"); !german(guest) {
		t.Error("a language that is not spoken here has replaced it")
	}
	w.change("till", func(c *storage.Client) { c.Settings.ThirdParty = true })
	ann := w.person()
	ann.signIn("ann@example.com")
	ann.visit("/oidc/authorize?" + authorization("client_id", "till", "redirect_uri", "https://till.example/callback", "code_challenge", pkceAnswer, "code_challenge_method", "S256", "ui_locales", "en").Encode())
	question := ann.at
	if !strings.HasPrefix(question, "/consent?") || german(ann) {
		t.Fatalf("at %q", question)
	}
	ann.visit(question + "&lang=de")
	if ann.visit(question); !german(ann) {
		t.Error("what the application asked for counts more than what the person has chosen for this question")
	}
}
