package signin_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

func secondFactor(rule string) setting {
	return func(o *options) { o.engine.Experience.SecondFactor = rule }
}

// shown is what an authenticator app with that key shows now, and steps later.
func (h *house) shown(key string, steps int) string {
	h.t.Helper()
	code, err := totp.GenerateCode(key, h.clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

var (
	keyShown  = regexp.MustCompile(`id="the-key"[^>]*>([A-Z2-7 ]+)<`)
	codeShown = regexp.MustCompile(`[0-9a-hj-km-np-tv-z]{4}(-[0-9a-hj-km-np-tv-z]{4}){3}`)
)

// protect walks through the set-up that the sign-in demands, and returns the key and the recovery codes.
func (p *person) protect(address string) (key string, codes []string) {
	p.t.Helper()
	return p.setUp(p.begin(address).Code)
}

// setUp goes on with it from the page of the code.
func (p *person) setUp(code string) (key string, codes []string) {
	p.t.Helper()
	p.submit("/sign-in/code", "code", code)
	p.says(200, "Add a second step")
	p.stranger()
	p.submit("/sign-in/protect")
	p.says(200, "Set up your authenticator app")
	found := keyShown.FindStringSubmatch(p.page.body)
	if found == nil {
		p.t.Fatalf("no key on\n%s", p.page.body)
	}
	key = strings.ReplaceAll(found[1], " ", "")
	p.submit("/sign-in/protect/totp", "code", p.shown(key, 0))
	p.says(200, "Keep your recovery codes")
	_, list, _ := strings.Cut(p.page.body, `id="the-codes"`)
	list, _, _ = strings.Cut(list, "</pre>")
	if codes = codeShown.FindAllString(list, -1); len(codes) != 10 {
		p.t.Fatalf("%d recovery codes on\n%s", len(codes), p.page.body)
	}
	return key, codes
}

// half begins a sign-in in which the second factor is asked for.
func (p *person) half(address string) {
	p.t.Helper()
	m := p.begin(address)
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "One more step")
	p.stranger()
}

func TestSetUpInsideASignInEndsAtTheApp(t *testing.T) {
	h := newHouse(t, secondFactor(authn.SecondFactorRequired))
	p := h.person()
	key, codes := p.protect("ann@example.com")
	p.visit(p.page.path)
	p.says(200, codes[9]) // a reload loses nothing
	file := p.do("GET", "/sign-in/protect/codes?flow="+p.flow(), nil)
	if !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") || file.header.Get("Cache-Control") != "no-store" || !strings.Contains(file.body, codes[0]) || !strings.Contains(file.body, "ann@example.com") {
		t.Errorf("the file: got %v\n%s", file.header, file.body)
	}
	p.visit("/sign-in/protect?flow=" + strings.TrimPrefix(file.path, "/sign-in/protect/codes?flow="))
	elsewhere := h.person()
	elsewhere.visit(p.page.path)
	if strings.Contains(elsewhere.page.body, codes[0]) {
		t.Error("another browser sees the codes")
	}
	saved := p.page.path
	p.submit("/sign-in/protect/saved")
	p.arrived()
	if p.visit(saved); strings.Contains(p.page.body, codes[0]) {
		t.Error("the codes are shown again")
	}
	if p.do("GET", "/sign-in/protect/codes?"+strings.SplitN(saved, "?", 2)[1], nil); strings.Contains(p.page.body, codes[0]) {
		t.Error("the file is given again")
	}

	h.clock.pass(time.Minute)
	q := h.person()
	q.half("ann@example.com")
	q.submit("/sign-in/second-factor", "code", q.shown(key, -5))
	q.says(422, "That code is not right.")
	q.submit("/sign-in/second-factor", "code", "12345")
	q.says(422, "The code has 6 digits")
	q.submit("/sign-in/second-factor", "code", q.shown(key, 0)[:3]+" "+q.shown(key, 0)[3:])
	q.arrived()

	r := h.person()
	r.half("ann@example.com")
	r.submit("/sign-in/second-factor", "code", r.shown(key, 0))
	r.says(422, "That code has been used already")
}

func TestRecoveryCodeSignsInOnce(t *testing.T) {
	h := newHouse(t, secondFactor(authn.SecondFactorRequired))
	_, codes := h.person().protect("ann@example.com")
	for i, want := range []string{"welcome", "That code is not right."} {
		p := h.person()
		p.half("ann@example.com")
		p.visit("/sign-in/second-factor?flow=" + p.flow() + "&way=recovery")
		p.says(200, "Recovery code")
		p.submit("/sign-in/second-factor", "code", "7kq2")
		p.says(422, "A recovery code has 16 letters and digits")
		if p.submit("/sign-in/second-factor", "code", strings.ToUpper(codes[0])); !strings.Contains(p.page.body, want) {
			t.Errorf("time %d: got %s", i+1, p.page.body)
		}
	}
}

func TestTrustedDeviceIsNotAskedAgain(t *testing.T) {
	h := newHouse(t, secondFactor(authn.SecondFactorRequired))
	p := h.person()
	key, _ := p.protect("ann@example.com")
	p.submit("/sign-in/protect/saved")
	p.do("POST", "/sign-out", url.Values{})
	h.clock.pass(time.Minute)
	p.half("ann@example.com")
	p.submit("/sign-in/second-factor", "code", p.shown(key, 0), "trust", "1")
	p.arrived()
	h.clock.pass(29 * 24 * time.Hour)
	p.do("POST", "/sign-out", url.Values{})
	p.signIn("ann@example.com")
	p.do("POST", "/sign-out", url.Values{})
	h.clock.pass(2 * 24 * time.Hour)
	p.half("ann@example.com")
}

func TestSecondFactorCannotBeSteppedOver(t *testing.T) {
	h := newHouse(t, secondFactor(authn.SecondFactorRequired))
	key, codes := h.person().protect("ann@example.com")
	h.clock.pass(time.Minute)

	p := h.person()
	m := p.begin("ann@example.com")
	flow := p.flow()
	for _, path := range []string{"/sign-in/second-factor", "/sign-in/protect", "/sign-in/protect/codes"} {
		if got := p.visit(path + "?flow=" + flow); !strings.HasPrefix(got.path, "/sign-in?") {
			t.Errorf("%s before the first factor: got %s", path, got.path)
		}
	}
	for path, form := range map[string]url.Values{
		"/sign-in/second-factor":      {"flow": {flow}, "way": {"totp"}, "code": {p.shown(key, 0)}},
		"/sign-in/second-factor/send": {"flow": {flow}},
		"/sign-in/protect":            {"flow": {flow}, "way": {"totp"}},
		"/sign-in/protect/totp":       {"flow": {flow}, "code": {p.shown(key, 0)}},
		"/sign-in/protect/saved":      {"flow": {flow}},
	} {
		if got := p.do("POST", path, form); !strings.HasPrefix(got.path, "/sign-in?") {
			t.Errorf("POST %s before the first factor: got %s", path, got.path)
		}
	}
	p.stranger()

	p.visit("/sign-in/code?flow=" + flow)
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "One more step")
	for name, path := range map[string]string{"the app": "/app/resume?flow=" + flow, "the first page": "/sign-in?flow=" + flow, "the code page": "/sign-in/code?flow=" + flow, "the set-up": "/sign-in/protect?flow=" + flow} {
		p.visit(path)
		p.stranger()
		if strings.Contains(p.page.body, "welcome") {
			t.Errorf("%s: got in", name)
		}
	}
	// The link of the same mail, the code once more, another authenticator, and a stranger's browser.
	p.do("POST", "/sign-in/link", url.Values{"flow": {flow}, "t": {m.Link[strings.Index(m.Link, "&t=")+3:]}})
	p.stranger()
	p.do("POST", "/sign-in/code", url.Values{"flow": {flow}, "code": {m.Code}})
	p.stranger()
	if got := p.do("POST", "/sign-in/protect", url.Values{"flow": {flow}, "way": {"totp"}}); !strings.HasPrefix(got.path, "/sign-in/second-factor") {
		t.Errorf("another authenticator: got %s", got.path)
	}
	p.stranger()
	thief := h.person()
	thief.visit("/app")
	thief.do("POST", "/sign-in/second-factor", url.Values{"flow": {flow}, "way": {"recovery"}, "code": {codes[0]}})
	thief.stranger()
	// A second code by mail, asked for where one was given already.
	p.do("POST", "/sign-in/email", url.Values{"flow": {flow}, "email": {"ann@example.com"}})
	again := p.mail("ann@example.com")
	p.do("POST", "/sign-in/code", url.Values{"flow": {flow}, "code": {again.Code}})
	p.says(200, "One more step")
	p.stranger()
	p.submit("/sign-in/second-factor", "code", p.shown(key, 0))
	p.arrived()
	if got := p.do("POST", "/sign-in/second-factor", url.Values{"flow": {flow}, "way": {"recovery"}, "code": {codes[1]}}); got.status != 200 {
		t.Errorf("the flow once more: got %d %s", got.status, got.path)
	}
}

func TestGuesserOfTheSecondFactorIsSlowedAndToldOfOtherWays(t *testing.T) {
	b := authn.DefaultBudgets()
	b.SecondFactorGuessesHour = 2
	h := newHouse(t, secondFactor(authn.SecondFactorRequired), budgets(b))
	key, codes := h.person().protect("ann@example.com")
	h.clock.pass(time.Minute)
	p := h.person()
	p.half("ann@example.com")
	p.submit("/sign-in/second-factor", "code", p.shown(key, 50))
	p.says(422, "1 try left")
	p.submit("/sign-in/second-factor", "code", p.shown(key, 50))
	p.says(422, "the last try for now")
	p.submit("/sign-in/second-factor", "code", p.shown(key, 0))
	p.says(429, "this way is paused for 60 minutes")
	if p.page.header.Get("Retry-After") == "" {
		t.Error("nobody says when to come back")
	}
	p.visit("/sign-in/second-factor?flow=" + p.flow() + "&way=recovery")
	p.submit("/sign-in/second-factor", "code", codes[0])
	p.arrived()
}

func TestEventsTellOfEveryChangeOfASecondFactor(t *testing.T) {
	h := newHouse(t, secondFactor(authn.SecondFactorRequired))
	p := h.person()
	p.protect("ann@example.com")
	events, err := h.view().Events(storage.ID{}, 20)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	for _, want := range []string{storage.EventFactorAdded, storage.EventRecoveryCodes, storage.EventSignedIn} {
		if !strings.Contains(strings.Join(kinds, " "), want) {
			t.Errorf("no %s among %v", want, kinds)
		}
	}
}

func TestPasswordIsTheSecondFactorOfWhoeverHasNothingBetter(t *testing.T) {
	h := newHouse(t, func(o *options) {
		o.engine.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword}
	})
	p := h.person()
	user, _ := p.signIn("ann@example.com")
	id, err := storage.ParseID(user)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.engine.SetPassword(t.Context(), "test", id, authn.NewPassword{Password: "four small words of mine", KeepOthers: true}); err != nil {
		t.Fatal(err)
	}
	h.write(func(tx storage.Tx) error {
		return tx.SaveSetting("experience", `{"second_factor":"required"}`, h.clock.Now().UnixMicro())
	})
	h.clock.pass(2 * time.Second)

	// Somebody who is signed in with less proves the rest.
	p.visit("/app")
	p.says(200, "Enter your password")
	p.submit("/sign-in/password", "password", "not that")
	p.says(422, "ann@example.com")
	p.submit("/sign-in/password", "password", "four small words of mine")
	p.arrived()

	q := h.person()
	m := q.begin("ann@example.com")
	q.submit("/sign-in/code", "code", m.Code)
	q.stranger()
	if !strings.HasPrefix(q.page.path, "/sign-in/password") {
		t.Fatalf("got %s", q.page.path)
	}
	q.submit("/sign-in/password", "password", "four small words of mine")
	_, session := q.arrived()
	sid, err := storage.ParseID(session)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.view().Session(sid); err != nil || s.ACR != authn.ACR2 || s.Methods != "code password" {
		t.Errorf("got %+v, %v, want two factors", s, err)
	}
}

func TestForgottenPasswordDoesNotStepOverTheSecondFactor(t *testing.T) {
	h := newHouse(t, func(o *options) {
		o.engine.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword}
		o.engine.Experience.SecondFactor = authn.SecondFactorRequired
	})
	key, _ := h.person().protect("ann@example.com")
	h.clock.pass(time.Minute)
	p := h.person()
	p.visit("/app")
	flow := p.flow()
	p.visit("/sign-in/forgot?flow=" + flow)
	p.submit("/sign-in/forgot", "email", "ann@example.com")
	m := p.mail("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.stranger()
	if len(p.page.forms) > 0 && strings.HasPrefix(p.page.path, "/sign-in/new-password") {
		p.submit("/sign-in/new-password", "password", "four small words of mine")
		p.stranger()
		p.submit("/sign-in/password", "password", "four small words of mine")
	}
	p.stranger()
	p.says(200, "One more step")
	p.submit("/sign-in/second-factor", "code", p.shown(key, 0))
	p.arrived()
}
