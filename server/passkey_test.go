package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

// question is what the page asks an authenticator.
func (p *person) question() string {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.screen.Body.String()))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if text := attribute(n, "data-passkey"); text != "" {
			return text
		}
	}
	p.t.Fatalf("%s (%d) asks for no passkey:\n%s", p.at, p.screen.Code, p.screen.Body)
	return ""
}

// told are the claims of the ID token for the code that the browser was sent away with.
func (p *person) told() map[string]any {
	p.t.Helper()
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back is %q; on the screen is %s (%d)", p.left, p.at, p.screen.Code)
	}
	_, claims := p.exchange(back.Query().Get("code"))
	return claims
}

func (p *person) strength(claims map[string]any, acr string, amr ...string) {
	p.t.Helper()
	var methods []string
	for _, m := range claims["amr"].([]any) {
		methods = append(methods, m.(string))
	}
	if claims["acr"] != acr || !slices.Equal(methods, amr) {
		p.t.Errorf("acr %v, amr %v; want %s, %v", claims["acr"], methods, acr, amr)
	}
}

func TestApplicationThatInsistsOnAKeyIsToldOfOne(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	p.strength(p.told(), authn.ACR, "otp")

	// The same session is asked for more, and has nothing more yet.
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.RequiredACR = authn.PHR })
	p.visit("/oidc/authorize?" + authorization().Encode())
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/protect/passkey", "credential", said)
	p.strength(p.told(), authn.PHR, "otp", "swk", "user", "mfa")

	// Another browser begins with the passkey; another one with a code, and is asked for the passkey.
	q := w.person()
	q.visit("/oidc/authorize?" + authorization().Encode())
	if said, err = a.Get(q.question()); err != nil {
		t.Fatal(err)
	}
	q.submit("/sign-in/passkey", "credential", said)
	q.strength(q.told(), authn.PHR, "swk", "user", "mfa")
}

func TestRequestThatWishesForAKeyIsFulfilledByWhoeverHasOne(t *testing.T) {
	w, a := newWorld(t, "http://localhost:4283"), passkeytest.New("http://localhost:4283")
	p := w.person()
	p.signIn("ann@example.com")
	wish := authorization("acr_values", authn.PHR)
	p.visit("/oidc/authorize?" + wish.Encode())
	p.strength(p.told(), authn.ACR, "otp") // a wish is let go

	p.visit("/oidc/authorize?" + authorization("claims", `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`).Encode())
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/protect/passkey", "credential", said)
	p.strength(p.told(), authn.PHR, "otp", "swk", "user", "mfa")

	q := w.person()
	q.signIn("ann@example.com")
	q.visit("/oidc/authorize?" + wish.Encode())
	if said, err = a.Get(q.question()); err != nil {
		t.Fatal(err)
	}
	q.submit("/sign-in/passkey", "credential", said)
	q.strength(q.told(), authn.PHR, "otp", "swk", "user", "mfa")
}

func TestPageSaysWhyThereAreNoPasskeysAtItsAddress(t *testing.T) {
	const why = "Passkeys do not work at this address: they need https."
	for address, want := range map[string]bool{"http://192.168.1.5:4283": true, "http://id.example.com": true, "http://localhost:4283": false, "https://id.example.com": false} {
		p := newWorld(t, address).person()
		p.visit("/oidc/authorize?" + authorization().Encode())
		body := p.screen.Body.String()
		if strings.Contains(body, why) != want || strings.Contains(body, "data-passkey") == want {
			t.Errorf("%s: says why is %v, want %v:\n%s", address, !want, want, body)
		}
	}
}
