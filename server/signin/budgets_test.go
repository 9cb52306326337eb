package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
)

// roomy has no limit but those a test sets itself.
func roomy(change func(*authn.Budgets)) setting {
	const many = 1_000_000
	b := authn.Budgets{GuessesPerCode: 5, WrongGuessesPerAddressHour: many, MailsPerAddressBurst: many, MailsPerAddressMinute: 1, MailsPerAddressHour: many,
		NetworkMailsHour: many, NetworkGuessesHour: many, MailsHour: many, FlowsNetworkHour: many}
	change(&b)
	return budgets(b)
}

func TestThirtyWrongGuessesOverRenewedCodesPauseTheAddressButNotTheLink(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.WrongGuessesPerAddressHour = 30 }))
	owner := h.person()
	mine := owner.begin("ann@example.com")
	wrong := 0
	for i := 0; wrong < 30; i++ { // every code from another browser in another network
		eve := h.person()
		eve.remote = fmt.Sprintf("198.51.100.%d:1", i+1)
		m := eve.begin("Ann@EXAMPLE.com")
		for range 5 {
			eve.do("POST", "/sign-in/code", url.Values{"flow": {eve.flow()}, "code": {not(m.Code)}})
			if eve.page.status == http.StatusUnprocessableEntity {
				wrong++
			}
		}
	}
	eve := h.person()
	eve.remote = "203.0.113.9:1"
	m := eve.begin("ann@example.com")
	eve.submit("/sign-in/code", "code", m.Code) // even the right one: nobody looks at it
	eve.says(http.StatusTooManyRequests, "codes for it are paused for 60 minutes")
	if eve.page.header.Get("Retry-After") != "3600" {
		t.Errorf("got Retry-After %q", eve.page.header.Get("Retry-After"))
	}
	eve.stranger()

	owner.submit("/sign-in/code", "code", mine.Code)
	owner.says(http.StatusTooManyRequests, "The button in the newest e-mail still works")
	owner.visit(path(mine.Link))
	owner.submit("/sign-in/link")
	owner.arrived()

	again := h.person() // getting in gave the guesses back
	again.signIn("ann@example.com")
	events, err := h.view().Events([16]byte{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	slowed := 0
	for _, e := range events {
		if e.Kind == "address.slowed" {
			slowed++
		}
	}
	if slowed != 1 {
		t.Errorf("got %d events about the slowed address, want 1", slowed)
	}
}

func TestWrongGuessesComeBackAfterAnHour(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.WrongGuessesPerAddressHour = 3 }))
	p := h.person()
	m := p.begin("ann@example.com")
	for range 3 {
		p.submit("/sign-in/code", "code", not(m.Code))
	}
	h.clock.pass(8 * time.Minute)
	p.submit("/sign-in/code", "code", m.Code)
	p.says(http.StatusTooManyRequests, "paused for 52 minutes")
	h.clock.pass(52 * time.Minute)
	q := h.person()
	q.signIn("ann@example.com")
}

func TestMailsToOneAddressComeInABurstAndThenSlowly(t *testing.T) {
	h := newHouse(t, budgets(authn.DefaultBudgets()))
	p := h.person()
	p.begin("ann@example.com")
	for range 4 {
		p.submit("/sign-in/resend")
		p.says(200, "We have sent a new code")
	}
	p.submit("/sign-in/resend")
	p.says(http.StatusTooManyRequests, "The last e-mail is on its way")
	if got := p.page.header.Get("Retry-After"); got != "60" {
		t.Errorf("got Retry-After %q, want 60", got)
	}
	other := h.person()
	other.remote = "198.51.100.7:1"
	other.visit("/app")
	other.submit("/sign-in/email", "email", "ANN@example.com")
	other.says(http.StatusTooManyRequests, "paused for 1 minute")
	h.clock.pass(time.Minute)
	p.submit("/sign-in/resend")
	p.says(200, "We have sent a new code")
	p.submit("/sign-in/resend")
	p.says(http.StatusTooManyRequests, "The last e-mail is on its way")

	sent := 6 // 20 an hour, however slowly
	for sent < 20 {
		h.clock.pass(time.Minute)
		q := h.person()
		q.remote = fmt.Sprintf("203.0.113.%d:1", sent)
		q.visit("/app")
		q.submit("/sign-in/email", "email", "ann@example.com")
		q.says(200, "Check your e-mail")
		sent++
	}
	h.clock.pass(time.Minute)
	q := h.person()
	q.visit("/app")
	q.submit("/sign-in/email", "email", "ann@example.com")
	q.says(http.StatusTooManyRequests, "paused for 44 minutes")
}

func TestNetworkMailsAreCountedWhateverIsForged(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.NetworkMailsHour = 6 }))
	refused := 0
	for i := range 10 {
		p := h.person()
		p.remote = fmt.Sprintf("192.0.2.1:%d", 1000+i)
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Cf-Connecting-Ip", "True-Client-Ip"} {
			p.header[name] = fmt.Sprintf("198.51.100.%d", i)
		}
		p.visit("/app")
		p.submit("/sign-in/email", "email", fmt.Sprintf("u%d@example.com", i))
		if p.page.status == http.StatusTooManyRequests {
			p.says(http.StatusTooManyRequests, "Many requests come from your network")
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d of 10 mails were refused, want 4", refused)
	}
	elsewhere := h.person()
	elsewhere.remote = "192.0.2.2:1"
	elsewhere.signIn("ann@example.com")
}

func TestTrustedProxyNamesItsVisitors(t *testing.T) {
	h := newHouse(t, behindProxy, roomy(func(b *authn.Budgets) { b.NetworkMailsHour = 1 }))
	for i := range 3 {
		p := h.person()
		p.remote, p.header["X-Forwarded-For"] = "10.1.1.1:80", fmt.Sprintf("6.6.6.6, 198.51.100.%d", i+1)
		p.begin(fmt.Sprintf("u%d@example.com", i))
	}
	p := h.person()
	p.remote, p.header["X-Forwarded-For"] = "10.1.1.1:80", "7.7.7.7, 198.51.100.1"
	p.visit("/app")
	p.submit("/sign-in/email", "email", "x@example.com")
	p.says(http.StatusTooManyRequests, "Many requests come from your network")
}

func TestIPv6IsCountedByNetwork(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.NetworkMailsHour = 2 }))
	for i := range 4 {
		p := h.person()
		p.remote = fmt.Sprintf("[2001:db8:1:2:%x::1]:443", i+1)
		p.visit("/app")
		p.submit("/sign-in/email", "email", fmt.Sprintf("u%d@example.com", i))
		if want := map[bool]int{true: 200, false: http.StatusTooManyRequests}[i < 2]; p.page.status != want {
			t.Errorf("visitor %d of one /64: got %d, want %d", i, p.page.status, want)
		}
	}
	p := h.person()
	p.remote = "[2001:db8:1:3::1]:443"
	p.begin("ann@example.com")
}

// Without a trusted proxy in the configuration every visitor of a proxy on the same machine comes from loopback.
func TestLoopbackIsCountedLikeAnyNetwork(t *testing.T) {
	for _, remote := range []string{"127.0.0.1:443", "[::1]:443"} {
		t.Run(remote, func(t *testing.T) {
			h := newHouse(t, roomy(func(b *authn.Budgets) { b.NetworkMailsHour = 2 }))
			for i := range 3 {
				p := h.person()
				p.remote = remote
				p.visit("/app")
				p.submit("/sign-in/email", "email", fmt.Sprintf("u%d@example.com", i))
				if want := map[bool]int{true: 200, false: http.StatusTooManyRequests}[i < 2]; p.page.status != want {
					t.Errorf("visitor %d: got %d, want %d", i, p.page.status, want)
				}
			}
		})
	}
}

func TestNetworkGuessesAreCountedAndGivenBack(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.NetworkGuessesHour = 4 }))
	for i := range 6 { // people who get in use nothing up
		p := h.person()
		m := p.begin(fmt.Sprintf("u%d@example.com", i))
		p.submit("/sign-in/code", "code", m.Code)
		p.arrived()
	}
	for i := range 2 {
		p := h.person()
		m := p.begin(fmt.Sprintf("victim%d@example.com", i))
		for range 2 {
			p.submit("/sign-in/code", "code", not(m.Code))
			p.says(http.StatusUnprocessableEntity, "That code is not right")
		}
	}
	p := h.person()
	m := p.begin("victim9@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.says(http.StatusTooManyRequests, "Many requests come from your network")
	p.stranger()
}

func TestSigningInToOneselfBuysNoGuessesAtOthers(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.NetworkGuessesHour = 4 }))
	guesses := 0
	for i := range 10 {
		victim := h.person()
		m := victim.begin(fmt.Sprintf("victim%d@example.com", i))
		victim.do("POST", "/sign-in/code", url.Values{"flow": {victim.flow()}, "code": {not(m.Code)}})
		if victim.page.status == http.StatusUnprocessableEntity {
			guesses++
		}
		own := h.person()
		mine := own.begin("eve@example.com")
		own.submit("/sign-in/code", "code", mine.Code)
	}
	if guesses != 4 {
		t.Errorf("got %d guesses at others, want 4", guesses)
	}
}

func TestAllMailsTogetherHaveALimit(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.MailsHour = 3 }))
	for i := range 5 {
		p := h.person()
		p.remote = fmt.Sprintf("198.51.100.%d:1", i+1)
		p.visit("/app")
		p.submit("/sign-in/email", "email", fmt.Sprintf("u%d@example.com", i))
		if want := map[bool]int{true: 200, false: http.StatusTooManyRequests}[i < 3]; p.page.status != want {
			t.Errorf("mail %d: got %d, want %d", i, p.page.status, want)
		}
	}
	if text := h.log.text(); strings.Count(text, "raise budgets.mails_hour") != 1 {
		t.Errorf("the owner was not told once:\n%s", text)
	}
}

func TestFlowsOfOneNetworkHaveALimit(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.FlowsNetworkHour = 3 }))
	for range 3 {
		h.person().visit("/sign-in")
	}
	p := h.person()
	p.visit("/sign-in")
	p.says(http.StatusTooManyRequests, "Many requests come from your network")
	if p.page.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestBudgetsOutliveARestart(t *testing.T) {
	h := newHouse(t, roomy(func(b *authn.Budgets) { b.WrongGuessesPerAddressHour = 2 }))
	p := h.person()
	m := p.begin("ann@example.com")
	for range 2 {
		p.submit("/sign-in/code", "code", not(m.Code))
	}
	later := authn.New(authn.Config{PublicURL: publicURL, Experience: authn.Experience{SignUp: "open"}, Budgets: authn.Budgets{WrongGuessesPerAddressHour: 2}},
		authn.Deps{Store: h.store, Keys: h.keys, Mail: h.mails, Now: h.clock.Now})
	_, err := later.CheckCode(t.Context(), authn.Visitor{Browser: p.cookie("browser"), Network: "192.0.2.1"}, authn.Answer{Flow: p.flow(), Code: m.Code})
	if !isTooMany(err) {
		t.Errorf("got %v, want the budget still used up", err)
	}
}

func isTooMany(err error) bool { return errors.Is(err, authn.ErrTooMany) }
