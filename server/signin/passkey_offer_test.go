package signin_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

func TestOfferComesOnlyWhereItIsWelcome(t *testing.T) {
	offer := func(p *person, address string) bool {
		p.enter(address)
		asked := strings.Contains(p.page.body, "Next time, sign in with")
		p.visit("/app")
		p.arrived()
		return asked
	}
	t.Run("after sign-up, and not again", func(t *testing.T) {
		h := newHouse(t)
		if !offer(h.person(), "ann@example.com") || offer(h.person(), "ann@example.com") {
			t.Error("want an offer after sign-up and none afterwards")
		}
	})
	t.Run("nobody whose device cannot", func(t *testing.T) {
		p := newHouse(t).person()
		p.signIn("ann@example.com")
	})
	t.Run("never", func(t *testing.T) {
		h := newHouse(t, func(o *options) { o.engine.Experience.PasskeyOffer = authn.OfferNever })
		if offer(h.person(), "ann@example.com") {
			t.Error("offered")
		}
	})
	t.Run("at sign-in, every 30 days", func(t *testing.T) {
		h := newHouse(t, func(o *options) { o.engine.Experience.PasskeyOffer = authn.OfferSignIn })
		got := []bool{offer(h.person(), "ann@example.com"), offer(h.person(), "ann@example.com")}
		h.clock.pass(31 * 24 * time.Hour)
		got = append(got, offer(h.person(), "ann@example.com"), offer(h.person(), "ann@example.com"))
		if want := []bool{true, false, true, false}; !slices.Equal(got, want) {
			t.Errorf("offered %v, want %v", got, want)
		}
	})
	t.Run("nobody who has one", func(t *testing.T) {
		h := newHouse(t, func(o *options) { o.engine.Experience.PasskeyOffer = authn.OfferSignIn })
		h.signUpWithPasskey("ann@example.com", passkeytest.New(publicURL))
		h.clock.pass(31 * 24 * time.Hour)
		if offer(h.person(), "ann@example.com") {
			t.Error("offered")
		}
	})
	t.Run("an offer that lay about makes no passkey", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		p := h.person()
		p.enter("ann@example.com")
		h.clock.pass(5*time.Minute + time.Second)
		p.make(a, "/sign-in/passkey-offer")
		p.arrived()
		if len(h.events(storage.EventPasskeyCreated)) != 0 {
			t.Error("a passkey was made by a sign-in that is not fresh")
		}
	})
}

func TestNewPasskeyThatIsNotWhatItHasToBeIsNotKept(t *testing.T) {
	for name, bend := range map[string]func(*passkeytest.Answer){
		"of another origin":           func(a *passkeytest.Answer) { a.Origin = "https://evil.example" },
		"of another relying party":    func(a *passkeytest.Answer) { a.RPID = "evil.example" },
		"in a frame of another site":  func(a *passkeytest.Answer) { a.CrossOrigin = true },
		"from the use of one":         func(a *passkeytest.Answer) { a.Type = "webauthn.get" },
		"without its user there":      func(a *passkeytest.Answer) { a.Flags &^= passkeytest.UserPresent },
		"without its user verified":   func(a *passkeytest.Answer) { a.Flags &^= passkeytest.UserVerified },
		"synced and not to be synced": func(a *passkeytest.Answer) { a.Flags &^= passkeytest.BackupEligible },
		"with a short id":             func(a *passkeytest.Answer) { a.ID = []byte("short") },
		"with an id that is too long": func(a *passkeytest.Answer) { a.ID = make([]byte, 1024) },
	} {
		t.Run(name, func(t *testing.T) {
			h, a := newHouse(t), passkeytest.New(publicURL)
			p := h.person()
			p.enter("ann@example.com")
			a.Bend = bend
			p.make(a, "/sign-in/passkey-offer")
			p.says(422, refusedPasskey)
			if len(h.events(storage.EventPasskeyCreated)) != 0 {
				t.Error("kept")
			}
		})
	}
	t.Run("with the id of somebody's", func(t *testing.T) {
		h, ann, eve := newHouse(t), passkeytest.New(publicURL), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", ann)
		eve.Bend = func(a *passkeytest.Answer) { a.ID = []byte(ann.Passkeys()[0]) }
		p := h.person()
		p.enter("eve@example.com")
		p.make(eve, "/sign-in/passkey-offer")
		p.says(422, "There is a passkey for you on this device already.")
		q := h.person()
		q.visit("/app")
		q.use(ann)
		q.arrived()
	})
	t.Run("of somebody who is not signed in", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		p := h.person()
		p.enter("ann@example.com")
		question, thief := p.question("/sign-in/passkey-offer"), h.person()
		said, err := a.Create(question)
		if err != nil {
			t.Fatal(err)
		}
		thief.visit("/app")
		for _, flow := range []string{thief.flow(), p.flow()} {
			thief.do("POST", "/sign-in/passkey-offer", url.Values{"flow": {flow}, "credential": {said}})
		}
		if len(h.events(storage.EventPasskeyCreated)) != 0 {
			t.Error("kept")
		}
	})
}
