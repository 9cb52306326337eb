package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func path(link string) string { return strings.TrimPrefix(link, publicURL) }

func TestLinkSignsInAfterScannersHaveOpenedIt(t *testing.T) {
	h := newHouse(t)
	p, scanner := h.person(), h.person()
	m := p.begin("ann@example.com")
	for range 3 {
		scanner.visit(path(m.Link))
		scanner.says(200, "Type this code where you began")
		scanner.do("HEAD", path(m.Link), nil)
		p.visit(path(m.Link))
		p.do("HEAD", path(m.Link), nil)
	}
	scanner.stranger()
	p.stranger()
	p.visit(path(m.Link))
	p.says(200, "You opened the link for")
	p.submit("/sign-in/link")
	p.arrived()
	scanner.visit(path(m.Link))
	scanner.says(http.StatusGone, "This link was used already")
}

func TestLinkInAnotherBrowserShowsTheCodeAndSignsInNeither(t *testing.T) {
	h := newHouse(t)
	laptop, phone := h.person(), h.person()
	m := laptop.begin("ann@example.com")
	phone.visit(path(m.Link))
	phone.says(200, m.Code)
	if len(phone.page.forms) != 0 {
		t.Errorf("the page has a form: %+v", phone.page.forms)
	}
	phone.do("POST", "/sign-in/link", mustQuery(t, m.Link))
	phone.says(200, m.Code)
	phone.stranger()
	laptop.stranger()
	laptop.submit("/sign-in/code", "code", m.Code)
	laptop.arrived()
	phone.stranger()
}

func TestLinkWorksOnce(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	p.visit(path(m.Link))
	cheat, typed := p.twin(), p.twin()
	p.submit("/sign-in/link")
	_, session := p.arrived()
	cheat.submit("/sign-in/link")
	cheat.says(http.StatusGone, "This page is too old")
	cheat.stranger()
	typed.do("POST", "/sign-in/code", url.Values{"flow": {typed.flow()}, "code": {m.Code}})
	typed.stranger()
	// In the browser that is signed in the link just goes on.
	p.visit(path(m.Link))
	if _, same := p.arrived(); same != session {
		t.Errorf("got session %s, want %s", same, session)
	}
}

func TestLinkHasItsTime(t *testing.T) {
	h := newHouse(t)
	p, phone := h.person(), h.person()
	m := p.begin("ann@example.com")
	h.clock.pass(10 * time.Minute)
	for _, q := range []*person{p, phone} {
		q.visit(path(m.Link))
		q.says(http.StatusGone, "This link is too old")
		q.do("POST", "/sign-in/link", mustQuery(t, m.Link))
		q.says(http.StatusGone, "This link is too old")
		q.stranger()
	}
}

func TestLinkOfACodeThatWasReplacedShowsNoCode(t *testing.T) {
	h := newHouse(t)
	p, phone := h.person(), h.person()
	m := p.begin("ann@example.com")
	for range 5 {
		p.do("POST", "/sign-in/code", url.Values{"flow": {p.flow()}, "code": {not(m.Code)}})
	}
	p.submit("/sign-in/resend")
	h.mail("ann@example.com")
	phone.visit(path(m.Link))
	phone.says(http.StatusGone, "This link is too old")
	if strings.Contains(phone.page.body, m.Code) {
		t.Error("a code that works no more is shown")
	}
}

func TestForgedLinksGiveNothing(t *testing.T) {
	h := newHouse(t)
	p, eve := h.person(), h.person()
	m, hers := p.begin("ann@example.com"), eve.begin("eve@example.com")
	q := mustQuery(t, m.Link)
	flow, token, foreign := q.Get("flow"), q.Get("t"), mustQuery(t, hers.Link)
	for name, form := range map[string]url.Values{
		"no token":                              {"flow": {flow}},
		"half a token":                          {"flow": {flow}, "t": {token[:21]}},
		"a cut token":                           {"flow": {flow}, "t": {token[:len(token)-1]}},
		"a longer token":                        {"flow": {flow}, "t": {token + "A"}},
		"a token with another end":              {"flow": {flow}, "t": {token[:len(token)-2] + "zz"}},
		"padding":                               {"flow": {flow}, "t": {token + "="}},
		"another flow's token":                  {"flow": {flow}, "t": {foreign.Get("t")}},
		"the token of another flow":             {"flow": {foreign.Get("flow")}, "t": {token}},
		"a flow that never was":                 {"flow": {"01990000-0000-7000-8000-000000000000"}, "t": {token}},
		"no flow":                               {"t": {token}},
		"the other's name before our own proof": {"flow": {flow}, "t": {foreign.Get("t")[:22] + token[22:]}},
	} {
		for _, who := range []*person{p, eve} {
			who.do("GET", "/sign-in/link?"+form.Encode(), nil)
			if who.page.status != http.StatusGone || strings.Contains(who.page.body, m.Code) || strings.Contains(who.page.body, "ann@") {
				t.Errorf("%s: got %d\n%s", name, who.page.status, who.page.body)
			}
			who.do("POST", "/sign-in/link", form)
			who.says(http.StatusGone, "too old")
			who.stranger()
		}
	}
	p.visit(path(m.Link))
	p.submit("/sign-in/link")
	p.arrived()
}
