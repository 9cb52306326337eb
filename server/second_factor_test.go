package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

var keyOnPage = regexp.MustCompile(`id="the-key"[^>]*>([A-Z2-7 ]+)<`)

// shown is what an authenticator app shows.
func (w *world) shown(key string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(key, w.now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// prove walks from the address to the page after the mailed code.
func (p *person) prove(address string) {
	p.t.Helper()
	p.submit("/sign-in/email", "email", address)
	mail, err := p.mails.Wait(p.t.Context(), address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.submit("/sign-in/code", "code", mail.Code)
}

// setUp sets up an authenticator on the page that demands one, and returns its key.
func (p *person) setUpTOTP() (key string) {
	p.t.Helper()
	p.post("/sign-in/protect", p.form("/sign-in/protect"))
	found := keyOnPage.FindStringSubmatch(p.screen.Body.String())
	if found == nil {
		p.t.Fatalf("%s: no key on\n%s", p.at, p.screen.Body)
	}
	key = strings.ReplaceAll(found[1], " ", "")
	p.submit("/sign-in/protect/totp", "code", p.shown(key))
	p.post("/sign-in/protect/saved", p.form("/sign-in/protect/saved"))
	return key
}

// claims exchanges the code that the bookstore has got and reads the ID token.
func (p *person) claims() map[string]any {
	p.t.Helper()
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back to the bookstore is %q, the page %s:\n%s", p.left, p.at, p.screen.Body)
	}
	answer := p.asBookstore("/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", appCallback)
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &tokens); err != nil || answer.Code != 200 {
		p.t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.ID, ".")[1])
	if err != nil {
		p.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

// fulfils checks acr and amr of an ID token.
func fulfils(t *testing.T, claims map[string]any, acr string, amr ...string) {
	t.Helper()
	var got []string
	for _, v := range claims["amr"].([]any) {
		got = append(got, v.(string))
	}
	if claims["acr"] != acr || !slices.Equal(got, amr) {
		t.Errorf("got acr %v and amr %v, want %s and %v", claims["acr"], got, acr, amr)
	}
}

const essential = `{"id_token":{"acr":{"essential":true,"values":["urn:gatelatch:2"]}}}`

func TestApplicationThatAsksForTwoFactorsGetsThem(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	ann := w.person()
	ann.visit("/oidc/authorize?" + authorization("claims", essential).Encode())
	ann.prove("ann@example.com")
	key := ann.setUpTOTP()
	fulfils(t, ann.claims(), authn.ACR2, "otp", "mfa")

	w.later.Add(int64(time.Minute))
	for name, request := range map[string]url.Values{"a wish": authorization("acr_values", "urn:gatelatch:2"), "a demand": authorization("claims", essential)} {
		w.later.Add(int64(time.Minute))
		p := w.person()
		p.visit("/oidc/authorize?" + request.Encode())
		p.prove("ann@example.com")
		p.submit("/sign-in/second-factor", "code", w.shown(key))
		t.Run(name, func(t *testing.T) { fulfils(t, p.claims(), authn.ACR2, "otp", "mfa") })
	}
}

func TestStepUpAsksOnlyForTheRestAndMovesWhatTheSessionHas(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("claims", essential).Encode())
	p.prove("ann@example.com")
	key := p.setUpTOTP()
	p.post("/sign-out", url.Values{})
	// Whoever has an authenticator is asked for it; a browser that is excused signs in with one factor.
	w.later.Add(int64(time.Minute))
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove("ann@example.com")
	form := p.form("/sign-in/second-factor")
	form.Set("code", w.shown(key))
	form.Set("trust", "1")
	p.post("/sign-in/second-factor", form)
	p.claims()
	p.post("/sign-out", url.Values{})
	w.later.Add(int64(time.Minute))
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove("ann@example.com")
	fulfils(t, p.claims(), authn.ACR, "otp")

	sessions := func() []storage.Session {
		u, err := w.store.View(t.Context()).UserByEmail("ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.store.View(t.Context()).UserSessions(u.ID, w.now().UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := sessions()
	if len(before) != 1 {
		t.Fatalf("got %d sessions, want one", len(before))
	}
	grants, err := w.store.View(t.Context()).SessionGrants(before[0].ID, w.now().UnixMicro())
	if err != nil || len(grants) == 0 {
		t.Fatalf("got %d grants, %v", len(grants), err)
	}

	// prompt=none: nobody may be asked. A wish is let go, a demand refused.
	p.visit("/oidc/authorize?" + authorization("prompt", "none", "acr_values", "urn:gatelatch:2").Encode())
	fulfils(t, p.claims(), authn.ACR, "otp")
	p.visit("/oidc/authorize?" + authorization("prompt", "none", "claims", essential).Encode())
	if back, _ := url.Parse(p.left); back.Query().Get("error") != "login_required" {
		t.Errorf("prompt=none: got %s, want login_required", p.left)
	}

	w.later.Add(int64(time.Minute))
	p.visit("/oidc/authorize?" + authorization("claims", essential).Encode())
	if !strings.HasPrefix(p.at, "/sign-in/second-factor") {
		t.Fatalf("step-up: got %s, want the second factor alone", p.at)
	}
	p.submit("/sign-in/second-factor", "code", w.shown(key))
	fulfils(t, p.claims(), authn.ACR2, "otp", "mfa")
	after := sessions()
	if len(after) != 1 || after[0].ID == before[0].ID {
		t.Errorf("got sessions %v, want one with another id", after)
	}
	moved, err := w.store.View(t.Context()).SessionGrants(after[0].ID, w.now().UnixMicro())
	if err != nil || len(moved) <= len(grants) {
		t.Errorf("got %d grants of the new session, %v, want the %d before and a new one", len(moved), err, len(grants))
	}
}

func TestApplicationThatInsistsIsNeverAnsweredForLess(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	w.change("bookstore", func(c *storage.Client) { c.Settings.RequiredACR = authn.ACR2 })
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if back, _ := url.Parse(p.left); back.Query().Get("error") != "login_required" {
		t.Errorf("prompt=none: got %s, want login_required", p.left)
	}
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove("ann@example.com")
	if !strings.HasPrefix(p.at, "/sign-in/protect") || p.left != "" {
		t.Fatalf("got %s and %s, want the set-up", p.at, p.left)
	}
	key := p.setUpTOTP()
	fulfils(t, p.claims(), authn.ACR2, "otp", "mfa")
	// Not even a trusted browser.
	p.post("/sign-out", url.Values{})
	w.later.Add(int64(time.Minute))
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove("ann@example.com")
	form := p.form("/sign-in/second-factor")
	form.Set("code", w.shown(key))
	form.Set("trust", "1")
	p.post("/sign-in/second-factor", form)
	p.claims()
	p.post("/sign-out", url.Values{})
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove("ann@example.com")
	if !strings.HasPrefix(p.at, "/sign-in/second-factor") || p.left != "" {
		t.Errorf("in a trusted browser: got %s and %s, want the second factor", p.at, p.left)
	}
}
