package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

const (
	refusedPasskey = "That passkey did not work"
	unknownPasskey = "That passkey is not known here any more"
	latePasskey    = "That took too long"
)

// question is what the form that goes to action asks an authenticator.
func (p *person) question(action string) string {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.page.body))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Data == "form" && attr(n, "action") == action && attr(n, "data-passkey") != "" {
			return attr(n, "data-passkey")
		}
	}
	p.t.Fatalf("%s (%d) asks for no passkey at %s:\n%s", p.page.path, p.page.status, action, p.page.body)
	return ""
}

// answer sends what an authenticator has said.
func (p *person) answer(action, credential string) *page {
	p.t.Helper()
	form := p.fill(action)
	form.Set("credential", credential)
	return p.do("POST", action, form)
}

// use signs with a passkey what the page asks.
func (p *person) use(a *passkeytest.Authenticator) *page {
	p.t.Helper()
	return p.answer("/sign-in/passkey", p.signed(a, p.question("/sign-in/passkey")))
}

func (p *person) signed(a *passkeytest.Authenticator, question string) string {
	p.t.Helper()
	said, err := a.Get(question)
	if err != nil {
		p.t.Fatalf("%v: %s", err, question)
	}
	return said
}

// make makes a passkey as the page asks.
func (p *person) make(a *passkeytest.Authenticator, action string) *page {
	p.t.Helper()
	said, err := a.Create(p.question(action))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.answer(action, said)
}

// enter types the address and the code, in a browser that can make passkeys.
func (p *person) enter(address string) {
	p.t.Helper()
	m := p.begin(address)
	form := p.fill("/sign-in/code", "code", m.Code)
	form.Set("able", "1")
	p.do("POST", "/sign-in/code", form)
}

// signUpWithPasskey makes a person with a passkey.
func (h *house) signUpWithPasskey(address string, a *passkeytest.Authenticator) (user string) {
	h.t.Helper()
	p := h.person()
	p.enter(address)
	p.make(a, "/sign-in/passkey-offer")
	p.says(200, "Your passkey is saved")
	p.visit("/app")
	user, _ = p.arrived()
	return user
}

// session is the row of the session that the app has welcomed.
func (p *person) session() storage.Session {
	p.t.Helper()
	_, id := p.arrived()
	key, err := storage.ParseID(id)
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := p.view().Session(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (h *house) events(kind string) (found []storage.Event) {
	h.t.Helper()
	all, err := h.view().Events(storage.ID{}, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func (h *house) insist(acr string) {
	h.t.Helper()
	h.write(func(tx storage.Tx) error {
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.RequiredACR = acr
		return tx.UpdateClient(c)
	})
}

func TestPasskeyMadeAfterSignUpSignsInAnywhereElse(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	p := h.person()
	p.header["User-Agent"] = "Mozilla/5.0 (Macintosh; Intel Mac OS X) Chrome/140.0 Safari/537.36"
	p.enter("ann@example.com")
	p.says(200, "Next time, sign in with your fingerprint, face or screen lock.")
	p.make(a, "/sign-in/passkey-offer")
	p.says(200, "Your passkey is saved")
	if !strings.Contains(p.page.body, "/app/resume?flow=") {
		t.Errorf("the page leads nowhere:\n%s", p.page.body)
	}
	p.visit("/app/resume?flow=" + strings.Split(strings.Split(p.page.body, "/app/resume?flow=")[1], `"`)[0])
	ann, _ := p.arrived()

	q := h.person()
	q.visit("/app")
	q.use(a)
	if who, _ := q.arrived(); who != ann {
		t.Fatalf("signed in as %s, want %s", who, ann)
	}
	s := q.session()
	if s.ACR != authn.PHR || s.AMR != "swk user mfa" || s.Methods != "passkey" || s.Remembered {
		t.Errorf("got %+v, want phr, swk user mfa", s)
	}
	list, err := h.engine.Passkeys(t.Context(), s.UserID)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want one passkey", list, err)
	}
	k := list[0]
	if k.Name != "Chrome (Mac)" || k.Used == 0 || !slices.Equal(k.Transports, []string{"hybrid", "internal"}) || !k.BackedUp || !k.UserVerified || k.Attachment != "platform" {
		t.Errorf("got %+v", k)
	}
	if len(h.events(storage.EventPasskeyCreated)) != 1 {
		t.Error("no event tells of the new passkey")
	}
}

func TestPasskeyIsNamedAfterItsKeeper(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	a.AAGUID = [16]byte{0xfb, 0xfc, 0x30, 0x07, 0x15, 0x4e, 0x4e, 0xcc, 0x8c, 0x0b, 0x6e, 0x02, 0x05, 0x57, 0xd7, 0xbd}
	h.person().enter("bob@example.com")
	p := h.person()
	p.enter("ann@example.com")
	p.make(a, "/sign-in/passkey-offer")
	p.says(200, "It is in <bdi>iCloud Keychain</bdi>.")
}

func TestPasskeyThatIsNotWhatItHasToBeSignsNobodyIn(t *testing.T) {
	other := base64.RawURLEncoding.EncodeToString(make([]byte, 57))
	for name, bend := range map[string]func(*passkeytest.Answer){
		"of another origin":                 func(a *passkeytest.Answer) { a.Origin = "https://evil.example" },
		"of this host by another scheme":    func(a *passkeytest.Answer) { a.Origin = "https://localhost:4283" },
		"of another port":                   func(a *passkeytest.Answer) { a.Origin = "http://localhost:4284" },
		"of an origin with more after it":   func(a *passkeytest.Answer) { a.Origin = publicURL + ".evil.example" },
		"of another relying party":          func(a *passkeytest.Answer) { a.RPID = "evil.example" },
		"in a frame of another site":        func(a *passkeytest.Answer) { a.CrossOrigin = true },
		"without its user there":            func(a *passkeytest.Answer) { a.Flags &^= passkeytest.UserPresent },
		"without its user verified":         func(a *passkeytest.Answer) { a.Flags &^= passkeytest.UserVerified },
		"that is no longer to be synced":    func(a *passkeytest.Answer) { a.Flags &^= passkeytest.BackupEligible | passkeytest.BackedUp },
		"synced and not to be synced":       func(a *passkeytest.Answer) { a.Flags &^= passkeytest.BackupEligible },
		"from the making of one":            func(a *passkeytest.Answer) { a.Type = "webauthn.create" },
		"that names another person":         func(a *passkeytest.Answer) { a.UserHandle = make([]byte, 16) },
		"that names nobody":                 func(a *passkeytest.Answer) { a.UserHandle = nil },
		"with flags that promise more data": func(a *passkeytest.Answer) { a.Flags |= 0xc0 },
	} {
		t.Run(name, func(t *testing.T) {
			h, a := newHouse(t), passkeytest.New(publicURL)
			h.signUpWithPasskey("ann@example.com", a)
			p := h.person()
			p.visit("/app")
			a.Bend = bend
			p.use(a)
			p.says(422, refusedPasskey)
			p.stranger()
			a.Bend = nil
			p.use(a)
			p.arrived()
		})
	}
	for name, bend := range map[string]func(*passkeytest.Answer){
		"a challenge made up":    func(a *passkeytest.Answer) { a.Challenge = other },
		"no challenge":           func(a *passkeytest.Answer) { a.Challenge = "" },
		"a challenge cut off":    func(a *passkeytest.Answer) { a.Challenge = a.Challenge[:20] },
		"a challenge in letters": func(a *passkeytest.Answer) { a.Challenge = "!" + a.Challenge[1:] },
		"another challenge":      func(a *passkeytest.Answer) { a.Challenge = "A" + flip(a.Challenge[1:]) },
	} {
		t.Run(name, func(t *testing.T) {
			h, a := newHouse(t), passkeytest.New(publicURL)
			h.signUpWithPasskey("ann@example.com", a)
			p := h.person()
			p.visit("/app")
			a.Bend = bend
			p.use(a)
			p.says(422, latePasskey)
			p.stranger()
		})
	}
}

// flip changes the last letter but one of a text in base64url: the last may carry no bits.
func flip(s string) string {
	b := []byte(s)
	at := len(b) - 2
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

func TestAnswerOfAPasskeyCountsOnceWhereItWasAskedFor(t *testing.T) {
	t.Run("in another sign-in of the same browser", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", a)
		p := h.person()
		p.visit("/app")
		said := p.signed(a, p.question("/sign-in/passkey"))
		p.visit("/app")
		p.answer("/sign-in/passkey", said)
		p.says(422, latePasskey)
		p.stranger()
	})
	t.Run("in another browser", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", a)
		p, thief := h.person(), h.person()
		p.visit("/app")
		said := p.signed(a, p.question("/sign-in/passkey"))
		thief.visit("/app")
		thief.do("POST", "/sign-in/passkey", url.Values{"flow": {p.flow()}, "credential": {said}})
		thief.says(410, "This sign-in began elsewhere")
		thief.visit("/app")
		thief.answer("/sign-in/passkey", said)
		thief.says(422, latePasskey)
		thief.stranger()
	})
	t.Run("twice", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", a)
		p := h.person()
		p.visit("/app")
		form := url.Values{"flow": {p.flow()}, "credential": {p.signed(a, p.question("/sign-in/passkey"))}}
		thief := p.twin()
		p.do("POST", "/sign-in/passkey", form)
		p.arrived()
		thief.do("POST", "/sign-in/passkey", form)
		thief.stranger()
	})
	t.Run("after five minutes", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", a)
		p := h.person()
		p.visit("/app")
		said, flow := p.signed(a, p.question("/sign-in/passkey")), p.flow()
		h.clock.pass(5 * time.Minute)
		p.answer("/sign-in/passkey", said)
		p.says(422, latePasskey)
		p.stranger()
		fresh := p.do("GET", "/sign-in/passkey?flow="+flow, nil)
		p.do("POST", "/sign-in/passkey", url.Values{"flow": {flow}, "credential": {p.signed(a, fresh.body)}})
		p.arrived()
	})
	t.Run("to the question for a new one", func(t *testing.T) {
		h, a := newHouse(t), passkeytest.New(publicURL)
		h.signUpWithPasskey("ann@example.com", a)
		p := h.person()
		p.enter("bob@example.com")
		question := p.question("/sign-in/passkey-offer")
		p.answer("/sign-in/passkey-offer", p.signed(a, question))
		p.says(422, refusedPasskey)
	})
}

func TestPasskeyThatWasRemovedIsToldApartAndForgotten(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	user, err := storage.ParseID(h.signUpWithPasskey("ann@example.com", a))
	if err != nil {
		t.Fatal(err)
	}
	list, err := h.engine.Passkeys(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	forger := passkeytest.New(publicURL)
	forger.Create(`{"challenge":"AA","rp":{"id":"localhost"},"user":{"id":"AAAA"}}`)
	forger.Bend = func(answer *passkeytest.Answer) { answer.ID, answer.UserHandle = list[0].CredentialID, user[:] }
	q := h.person()
	q.visit("/app")
	forged := q.use(forger)

	if err := h.engine.RemovePasskey(t.Context(), "cli", user, list[0].ID); err != nil {
		t.Fatal(err)
	}
	p := h.person()
	p.visit("/app")
	removed := p.use(a)
	p.says(422, unknownPasskey)
	p.stranger()
	var forget struct{ RPID, CredentialID string }
	doc, err := html.Parse(strings.NewReader(removed.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if text := attr(n, "data-forget"); text != "" {
			if err := json.Unmarshal([]byte(text), &forget); err != nil {
				t.Fatal(err)
			}
		}
	}
	if forget.RPID != "localhost" || forget.CredentialID != base64.RawURLEncoding.EncodeToString(list[0].CredentialID) {
		t.Errorf("the browser is to forget %+v", forget)
	}
	// Whoever has an id of somebody's passkey does not learn whether it is known here.
	if forged.status != removed.status || len(forged.body) != len(removed.body) || !strings.Contains(forged.body, unknownPasskey) {
		t.Errorf("forged: %d, %d bytes; removed: %d, %d bytes", forged.status, len(forged.body), removed.status, len(removed.body))
	}
}

func TestPasskeyWhoseCountWentBackIsRefusedAndRecorded(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	a.Counts, a.Flags = true, passkeytest.UserPresent|passkeytest.UserVerified
	h.signUpWithPasskey("ann@example.com", a)
	p := h.person()
	p.visit("/app")
	p.use(a)
	if s := p.session(); s.AMR != "hwk user mfa" {
		t.Errorf("amr is %q, want hwk user mfa: the key stays in its device", s.AMR)
	}
	q := h.person()
	q.visit("/app")
	a.Bend = func(answer *passkeytest.Answer) { answer.Count = 1 }
	q.use(a)
	q.says(422, refusedPasskey)
	q.stranger()
	if len(h.events(storage.EventPasskeyDoubled)) != 1 {
		t.Error("no event tells of it")
	}
	a.Bend = nil
	q.use(a)
	q.arrived()
}

func TestDisabledPersonsPasskeySignsNobodyInAndIsNotForgotten(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	user, err := storage.ParseID(h.signUpWithPasskey("ann@example.com", a))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.engine.DisableUser(t.Context(), "cli", user); err != nil {
		t.Fatal(err)
	}
	p := h.person()
	p.visit("/app")
	p.use(a)
	p.says(422, refusedPasskey)
	p.stranger()
	if strings.Contains(p.page.body, "data-forget") {
		t.Error("the browser is to forget a passkey that may work again")
	}
}

func TestPasskeyThatCannotVerifyItsUserIsOneFactorWhereThatIsWanted(t *testing.T) {
	h, a := newHouse(t, func(o *options) { o.engine.Experience.PasskeyVerification = authn.VerificationPreferred }), passkeytest.New(publicURL)
	a.Flags &^= passkeytest.UserVerified
	h.signUpWithPasskey("ann@example.com", a)
	p := h.person()
	p.visit("/app")
	p.use(a)
	if s := p.session(); s.ACR != authn.ACR || s.AMR != "swk user" {
		t.Errorf("got acr %s, amr %s, want one factor", s.ACR, s.AMR)
	}
}

func TestApplicationThatTakesOnlyCodesIsOfferedNoPasskeys(t *testing.T) {
	h, a := newHouse(t), passkeytest.New(publicURL)
	h.signUpWithPasskey("ann@example.com", a)
	h.write(func(tx storage.Tx) error {
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.SignInMethods = []string{"code"}
		return tx.UpdateClient(c)
	})
	p := h.person()
	p.visit("/app")
	if strings.Contains(p.page.body, "data-passkey") {
		t.Error("the page asks for a passkey")
	}
	flow := p.flow()
	fresh := p.do("GET", "/sign-in/passkey?flow="+flow, nil)
	p.do("POST", "/sign-in/passkey", url.Values{"flow": {flow}, "credential": {p.signed(a, fresh.body)}})
	if p.page.status != 422 {
		t.Errorf("got %d:\n%s", p.page.status, p.page.body)
	}
	p.stranger()
}

func TestNoOtherOriginIsListedWhereNoneIsSet(t *testing.T) {
	if got := newHouse(t).person().visit("/.well-known/webauthn"); got.status != 404 {
		t.Errorf("got %d", got.status)
	}
}

func TestRelatedOriginsAreListedAndMayUsePasskeys(t *testing.T) {
	h, a := newHouse(t, func(o *options) { o.engine.RelatedOrigins = []string{"https://shop.example.com"} }), passkeytest.New("https://shop.example.com")
	p := h.person()
	var list struct{ Origins []string }
	if err := json.Unmarshal([]byte(p.visit("/.well-known/webauthn").body), &list); err != nil || !slices.Equal(list.Origins, []string{publicURL, "https://shop.example.com"}) {
		t.Errorf("got %v, %v", list.Origins, err)
	}
	if kind := p.page.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("sent as %q", kind)
	}
	h.signUpWithPasskey("ann@example.com", a)
	p.visit("/app")
	p.use(a)
	p.arrived()
}

func TestQuestionsForPasskeysWriteNothing(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	h.counts.take()
	p.visit("/sign-in?flow=" + flow)
	p.visit("/sign-in/passkey?flow=" + flow)
	for _, statement := range h.counts.take() {
		if !strings.HasPrefix(statement, "SELECT") {
			t.Errorf("wrote: %s", statement)
		}
	}
}

// Whoever guesses at an address gets codes for it paused, and nothing of its owner's: who is signed in stays, and a passkey,
// at which nobody can guess, signs in (ASVS 6.3.1).
func TestPausedAddressKeepsItsSessionsAndItsPasskeys(t *testing.T) {
	h, a := newHouse(t, roomy(func(b *authn.Budgets) { b.WrongGuessesPerAddressHour = 5 })), passkeytest.New(publicURL)
	user := h.signUpWithPasskey("ann@example.com", a)
	owner := h.person()
	owner.visit("/app")
	owner.use(a)
	_, session := owner.arrived()
	eve := h.person()
	eve.remote = "198.51.100.7:1"
	m := eve.begin("ann@example.com")
	for range 5 {
		eve.do("POST", "/sign-in/code", url.Values{"flow": {eve.flow()}, "code": {not(m.Code)}})
	}
	next := h.person()
	m = next.begin("ann@example.com")
	next.submit("/sign-in/code", "code", m.Code)
	next.says(http.StatusTooManyRequests, "codes for it are paused")

	owner.visit("/app")
	if who, same := owner.arrived(); who != user || same != session {
		t.Errorf("whoever was signed in has now session %s of %s, want %s of %s", same, who, session, user)
	}
	again := h.person()
	again.visit("/app")
	again.use(a)
	if who, _ := again.arrived(); who != user {
		t.Errorf("the passkey signs in %q, want %s", who, user)
	}
}
