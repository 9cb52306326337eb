package signin_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
)

func TestPasskeyIsTheSecondFactorWhereOneIsInsistedOn(t *testing.T) {
	h, ann, bob := newHouse(t), passkeytest.New(publicURL), passkeytest.New(publicURL)
	h.signUpWithPasskey("bob@example.com", bob)
	user := h.signUpWithPasskey("ann@example.com", ann)
	h.insist(authn.PHR)
	begun := func() *person {
		p := h.person()
		m := p.begin("ann@example.com")
		p.submit("/sign-in/code", "code", m.Code)
		p.says(200, "One more step")
		p.stranger()
		return p
	}
	p := begun()
	question := p.question("/sign-in/passkey")
	if !strings.Contains(question, base64.RawURLEncoding.EncodeToString([]byte(ann.Passkeys()[0]))) || strings.Contains(question, base64.RawURLEncoding.EncodeToString([]byte(bob.Passkeys()[0]))) {
		t.Errorf("the question lists others than Ann's passkeys: %s", question)
	}
	ann.Flags &^= passkeytest.UserVerified // the code was the other factor
	p.use(ann)
	if s := p.session(); s.UserID.String() != user || s.ACR != authn.PHR || s.Methods != "code passkey" || s.AMR != "otp swk user mfa" {
		t.Errorf("got %+v", s)
	}

	t.Run("another person's is none", func(t *testing.T) {
		p := begun()
		said, err := bob.Get(strings.Replace(p.question("/sign-in/passkey"), "allowCredentials", "x", 1))
		if err != nil {
			t.Fatal(err)
		}
		p.answer("/sign-in/passkey", said)
		p.says(422, refusedPasskey)
		p.stranger()
	})
	t.Run("whoever has one cannot make another instead", func(t *testing.T) {
		p, thief := begun(), passkeytest.New(publicURL)
		flow := p.flow()
		if got := p.do("GET", "/sign-in/protect/passkey?flow="+flow, nil); got.status != 410 {
			t.Errorf("asked with %d for a new passkey: %s", got.status, got.body)
		}
		said, err := thief.Create(`{"challenge":"AA","rp":{"id":"localhost"},"user":{"id":"AAAA"}}`)
		if err != nil {
			t.Fatal(err)
		}
		p.do("POST", "/sign-in/protect/passkey", url.Values{"flow": {flow}, "credential": {said}})
		p.says(200, "One more step")
		p.stranger()
	})
	t.Run("nobody is listed before anything is proven", func(t *testing.T) {
		p := h.person()
		p.begin("ann@example.com")
		p.visit("/sign-in?flow=" + p.flow() + "&other=1")
		if q := p.question("/sign-in/passkey"); strings.Contains(q, "allowCredentials") {
			t.Errorf("the question lists passkeys: %s", q)
		}
		if got := p.do("GET", "/sign-in/passkey?way=passkey&flow="+p.flowOf(), nil); got.status != 410 {
			t.Errorf("got %d: %s", got.status, got.body)
		}
	})
}

// flowOf is the flow in the address of the page.
func (p *person) flowOf() string {
	p.t.Helper()
	u, err := url.Parse(p.page.path)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Query().Get("flow")
}

func TestWhoeverHasNothingToProveMoreWithMakesAPasskeyInsideTheSignIn(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	h.insist(authn.PHR)
	p := h.person()
	m := p.begin("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "Add a second step")
	p.stranger()
	a.Bend = func(answer *passkeytest.Answer) { answer.Origin = "https://evil.example" }
	p.make(a, "/sign-in/protect/passkey")
	p.says(422, refusedPasskey)
	a = passkeytest.New(publicURL)
	p.make(a, "/sign-in/protect/passkey")
	if s := p.session(); s.ACR != authn.PHR || s.Methods != "code passkey" {
		t.Errorf("got acr %s by %s, want phr", s.ACR, s.Methods)
	}
	q := h.person()
	q.visit("/app")
	q.use(a)
	q.arrived()
}
