package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/storage"
	"gatelatch/views/words"
)

func TestNewPersonSignsUpWithTheCodeFromTheirMail(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("Ann@Example.com")
	if m.Usage != email.Register || m.Lang != "en" || !strings.Contains(m.Subject, "Bookstore") || m.Link == "" || !strings.HasPrefix(m.Link, publicURL+"/sign-in/link?") {
		t.Fatalf("got %+v", m)
	}
	p.says(200, "ann@example.com")
	p.submit("/sign-in/code", "code", m.Code[:3]+" "+m.Code[3:])
	sub, _ := p.arrived()
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil || u.ID.String() != sub || u.Role != "none" {
		t.Fatalf("got %+v, %v, want %s without a role", u, err, sub)
	}
	if live, err := h.engine.Session(t.Context(), p.cookie("session")); err != nil || live == nil || live.Session.AMR != "otp" || live.Session.ACR != "urn:gatelatch:1" {
		t.Errorf("got %+v, %v", live, err)
	}

	again, later := h.person(), "ann@example.com"
	m = again.begin(later)
	if m.Usage != email.SignIn {
		t.Errorf("a known person got a mail for %s", m.Usage)
	}
	again.submit("/sign-in/code", "code", m.Code)
	if same, _ := again.arrived(); same != sub {
		t.Errorf("got person %s, want %s again", same, sub)
	}
	if text := h.log.text(); strings.Contains(strings.ToLower(text), "ann@") || strings.Contains(text, m.Code) {
		t.Errorf("the log names a person or a code:\n%s", text)
	}
}

func TestPlusAndDotsAreOtherPeople(t *testing.T) {
	h := newHouse(t)
	seen := map[string]string{}
	for _, address := range []string{"ann@example.com", "ann+shop@example.com", "a.nn@example.com"} {
		sub, _ := h.person().signIn(address)
		if seen[sub] != "" {
			t.Errorf("%s and %s are one person", address, seen[sub])
		}
		seen[sub] = address
	}
}

func TestCodeWorksOnce(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	cheat := p.twin()
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
	cheat.submit("/sign-in/code", "code", m.Code)
	cheat.says(http.StatusGone, "This page is too old")
	cheat.stranger()

	next := h.person()
	next.begin("ann@example.com")
	next.submit("/sign-in/code", "code", m.Code)
	next.says(http.StatusUnprocessableEntity, "That code is not right")
	next.stranger()
}

func TestFifthWrongCodeClosesTheCodeButNotTheLink(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	wrong := not(m.Code)
	for _, says := range []string{"4 tries left", "3 tries left", "2 tries left", "1 try left"} {
		p.submit("/sign-in/code", "code", wrong)
		p.says(http.StatusUnprocessableEntity, says)
		if !strings.Contains(p.page.body, `value="`+wrong+`"`) {
			t.Error("what was typed is not in the field any more")
		}
	}
	last := p.twin()
	p.submit("/sign-in/code", "code", wrong)
	p.says(http.StatusUnprocessableEntity, words.For("en").T("code.wrong_last"))
	last.submit("/sign-in/code", "code", m.Code)
	last.says(http.StatusUnprocessableEntity, words.For("en").T("code.wrong_last"))
	last.stranger()

	p.visit(strings.TrimPrefix(m.Link, publicURL))
	p.submit("/sign-in/link")
	p.arrived()
}

func TestNewCodeAfterTheFifthTry(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	for range 5 {
		p.do("POST", "/sign-in/code", url.Values{"flow": {p.flow()}, "code": {not(m.Code)}})
	}
	p.submit("/sign-in/resend")
	p.says(200, "We have sent a new code")
	fresh := p.mail("ann@example.com")
	if fresh.Ref == m.Ref {
		t.Fatal("a code that was tried too often was sent again")
	}
	p.submit("/sign-in/code", "code", fresh.Code)
	p.arrived()
}

func TestLiveCodeIsSentAgainAsItIs(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	h.clock.pass(4 * time.Minute)
	p.submit("/sign-in/resend")
	again := p.mail("ann@example.com")
	if again.Code != m.Code || again.Link != m.Link || again.Ref != m.Ref {
		t.Errorf("got %s, want %s again", again.Code, m.Code)
	}
	p.says(200, "Valid for 6 minutes")
	if !strings.Contains(again.Text, "6 minutes") {
		t.Errorf("the mail promises too much:\n%s", again.Text)
	}
	p.submit("/sign-in/code", "code", m.Code)
	p.arrived()
}

func TestExpiredCodeIsReplacedAtOnce(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	h.clock.pass(10 * time.Minute)
	p.submit("/sign-in/code", "code", m.Code)
	p.says(200, "Your code has expired")
	p.stranger()
	fresh := p.mail("ann@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	if fresh.Code != m.Code {
		p.says(http.StatusUnprocessableEntity, "That code is not right")
	}
	p.submit("/sign-in/code", "code", fresh.Code)
	p.arrived()
}

func TestCodeWorksInItsBrowserOnly(t *testing.T) {
	h := newHouse(t)
	ann, eve := h.person(), h.person()
	m := ann.begin("ann@example.com")
	eve.begin("eve@example.com") // has a browser cookie and a flow of her own
	stolen := ann.fill("/sign-in/code", "code", m.Code)
	eve.do("POST", "/sign-in/code", stolen)
	eve.says(http.StatusGone, "This sign-in began elsewhere")
	eve.stranger()
	bare := h.person() // no cookie at all
	bare.do("POST", "/sign-in/code", stolen)
	bare.says(http.StatusGone, "This sign-in began elsewhere")
	for range 10 { // and a stranger's guesses do not burn the code
		eve.do("POST", "/sign-in/code", url.Values{"flow": stolen["flow"], "code": {not(m.Code)}})
	}
	ann.submit("/sign-in/code", "code", m.Code)
	ann.arrived()
}

func TestAddressHandedOverGivesNothing(t *testing.T) {
	h := newHouse(t)
	ann, eve := h.person(), h.person()
	ann.begin("ann@example.com")
	flow := ann.flow()
	for _, path := range []string{"/sign-in?flow=", "/sign-in/code?flow="} {
		eve.visit(path + flow)
		eve.says(http.StatusGone, "This sign-in began elsewhere")
		if strings.Contains(eve.page.body, "ann@") {
			t.Errorf("%s gives the address away", path)
		}
	}
	for _, action := range []string{"/sign-in/email", "/sign-in/resend", "/sign-in/restart", "/sign-in/continue"} {
		eve.do("POST", action, url.Values{"flow": {flow}, "email": {"eve@example.com"}})
		eve.says(http.StatusGone, "This sign-in began elsewhere")
	}
	eve.visit("/app/resume?flow=" + flow)
	if eve.page.status != http.StatusGone {
		t.Errorf("the flow went on in another browser: %d", eve.page.status)
	}
}

func TestCodeOfAnotherFlowOrAddressIsWrong(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	first := p.begin("ann@example.com")
	tab := p.twin()
	tab.jar = p.jar
	tab.useJar(p.jar) // a second tab of the same browser
	second := tab.begin("ann@example.com")
	other := h.person().begin("bob@example.com")
	for _, code := range []string{first.Code, other.Code} {
		if code == second.Code {
			t.Skip("two of three codes are the same, one time in half a million")
		}
		tab.submit("/sign-in/code", "code", code)
		tab.says(http.StatusUnprocessableEntity, "That code is not right")
	}
	tab.submit("/sign-in/code", "code", second.Code)
	tab.arrived()
}

func TestCodeOfTheAddressBeforeIsWrong(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	first := p.begin("eve@example.com")
	p.submit("/sign-in/restart")
	p.submit("/sign-in/email", "email", "ann@example.com")
	second := p.mail("ann@example.com")
	if first.Code != second.Code {
		p.submit("/sign-in/code", "code", first.Code)
		p.says(http.StatusUnprocessableEntity, "That code is not right")
	}
	// Nor does the link of the other mailbox open the door for this one.
	p.visit(strings.TrimPrefix(first.Link, publicURL))
	p.says(http.StatusGone, "This link is too old")
	p.do("POST", "/sign-in/link", mustQuery(t, first.Link))
	p.says(http.StatusGone, "This link is too old")
	p.stranger()
}

func mustQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestParallelRightCodesMakeOneSession(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		in  = map[string]bool{}
	)
	for range 8 {
		q := p.twin()
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), "POST", publicURL+"/sign-in/code", strings.NewReader(q.fill("/sign-in/code", "code", m.Code).Encode()))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			got := q.send(r)
			if got.status != http.StatusSeeOther && got.status != http.StatusGone { // gone: it came when the flow had ended
				t.Errorf("got %d", got.status)
			}
			if c := q.cookie("session"); c != "" {
				mu.Lock()
				in[c] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := h.view().UserSessions(u.ID, h.clock.Now().UnixMicro())
	if err != nil || len(sessions) != 1 || len(in) != 1 {
		t.Errorf("got %d sessions and %d cookies, %v, want one", len(sessions), len(in), err)
	}
}

func TestFiftyParallelGuessesAreFiveAtMost(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	var (
		all      sync.WaitGroup
		mu       sync.Mutex
		compared int
	)
	for range 50 {
		q := p.twin()
		all.Go(func() {
			got := q.do("POST", "/sign-in/code", url.Values{"flow": {q.flow()}, "code": {not(m.Code)}})
			if got.status == http.StatusUnprocessableEntity && strings.Contains(got.body, "left.") {
				mu.Lock()
				compared++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if compared != 4 { // the fifth is told that it was the last
		t.Errorf("%d answers promised another try, want 4", compared)
	}
	id, err := storage.ParseID(m.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := h.view().OTP(id); err != nil || o.Tries != 5 {
		t.Errorf("got %d counted tries, %v, want 5", o.Tries, err)
	}
	p.do("POST", "/sign-in/code", url.Values{"flow": {p.flow()}, "code": {m.Code}})
	p.stranger()
}

func TestConcurrentSignUpsWithOneAddressMakeOnePerson(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	people := make([]*person, 5)
	for i := range people {
		people[i] = h.person()
		m := people[i].begin("ann@example.com")
		all.Go(func() { people[i].submit("/sign-in/code", "code", m.Code) })
	}
	all.Wait()
	first, _ := people[0].arrived()
	for _, p := range people[1:] {
		if sub, _ := p.arrived(); sub != first {
			t.Errorf("got persons %s and %s", first, sub)
		}
	}
	if users, err := h.view().Users("", storage.ID{}, 10); err != nil || len(users) != 1 {
		t.Errorf("got %d people, %v, want one", len(users), err)
	}
}

func TestWrongLengthCostsNoTry(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	m := p.begin("ann@example.com")
	for _, typed := range []string{"12345", "1234567", "", "abcdef", strings.Repeat("1", 500)} {
		p.submit("/sign-in/code", "code", typed)
		p.says(http.StatusUnprocessableEntity, "The code has 6 digits")
	}
	p.submit("/sign-in/code", "code", not(m.Code))
	p.says(http.StatusUnprocessableEntity, "4 tries left")
}

func TestDisabledPersonLooksLikeAWrongCode(t *testing.T) {
	h := newHouse(t)
	sub, _ := h.person().signIn("ann@example.com")
	id, err := storage.ParseID(sub)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.engine.DisableUser(t.Context(), "cli", id); err != nil {
		t.Fatal(err)
	}
	p, q := h.person(), h.person()
	m, other := p.begin("ann@example.com"), q.begin("bob@example.com")
	p.submit("/sign-in/code", "code", m.Code)
	p.stranger()
	q.submit("/sign-in/code", "code", not(other.Code))
	if p.page.status != q.page.status || shape(p.page, "ann@example.com", m.Code) != shape(q.page, "bob@example.com", not(other.Code)) {
		t.Errorf("a disabled person sees %d, a wrong code %d:\n%s\n%s", p.page.status, q.page.status, p.page.body, q.page.body)
	}
	if !strings.Contains(h.log.text(), "the person is disabled") {
		t.Error("the log does not say why")
	}
	p.visit(strings.TrimPrefix(m.Link, publicURL))
	p.submit("/sign-in/link")
	p.stranger()
}

// shape is a page without what differs from visit to visit.
func shape(p *page, secrets ...string) string {
	body := p.body
	for _, f := range p.forms {
		secrets = append(secrets, f.fields.Get("flow"))
	}
	for _, s := range secrets {
		if s != "" {
			body = strings.ReplaceAll(body, s, "…")
		}
	}
	return body
}
