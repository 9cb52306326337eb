package signin_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

func (h *house) setUpLink() string {
	h.t.Helper()
	token, err := h.engine.NewSetUp(h.t.Context())
	if err != nil || token == "" {
		h.t.Fatalf("got %q, %v", token, err)
	}
	return "/set-up?t=" + token
}

func TestFirstAdminSetsUpTheServer(t *testing.T) {
	h := newHouse(t, signUp(""))
	p := h.person()
	link := h.setUpLink()
	for range 3 { // looking spends nothing
		p.visit(link)
		p.says(200, "Set up Gatelatch")
	}
	p.submit("/set-up", "email", "ann", "name", " ")
	p.says(http.StatusUnprocessableEntity, "Enter your name")
	p.says(http.StatusUnprocessableEntity, "Enter an e-mail address")
	p.says(http.StatusUnprocessableEntity, "Choose one.")
	p.submit("/set-up", "email", "Ann@example.com", "name", "Ann\r\n Lee", "sign_up", "open")
	p.says(200, "You are signed in")
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil || u.Role != "owner" || u.Name != "Ann Lee" {
		t.Errorf("got %+v, %v", u, err)
	}
	if x, err := h.engine.Experience(t.Context()); err != nil || x.SignUp != authn.SignUpOpen {
		t.Errorf("sign-up: %q, %v, want what was chosen", x.SignUp, err)
	}
	eve := h.person()
	eve.visit(link)
	eve.says(http.StatusGone, "Set-up is done")
	eve.do("POST", "/set-up", url.Values{"t": mustQuery(t, link)["t"], "name": {"Eve"}, "email": {"eve@example.com"}, "sign_up": {"open"}})
	eve.says(http.StatusGone, "Set-up is done")
	eve.stranger()
	if token, err := h.engine.NewSetUp(t.Context()); token != "" || err != nil {
		t.Errorf("got %q, %v, want no link once there is an admin", token, err)
	}
	later := h.person()
	later.signIn("ann@example.com")
}

func TestSetUpPageAsksOnlyWhatTheConfigurationLeavesOpen(t *testing.T) {
	h := newHouse(t, signUp("closed"))
	p := h.person()
	p.visit(h.setUpLink())
	p.submit("/set-up", "email", "ann@example.com", "name", "Ann")
	p.says(200, "You are signed in")
	if x, err := h.engine.Experience(t.Context()); err != nil || x.SignUp != authn.SignUpClosed {
		t.Errorf("sign-up: %q, %v, want as configured", x.SignUp, err)
	}
}

func TestTwoPostsOfOneSetUpLinkMakeOneOwner(t *testing.T) {
	h := newHouse(t, signUp("open"))
	link := h.setUpLink()
	people := []*person{h.person(), h.person(), h.person(), h.person()}
	for _, p := range people {
		p.visit(link)
	}
	var all sync.WaitGroup
	for i, p := range people {
		address := string(rune('a'+i)) + "@example.com"
		all.Go(func() { p.submit("/set-up", "email", address, "name", "Ann") })
	}
	all.Wait()
	in := 0
	for _, p := range people {
		if p.page.status == 200 {
			in++
			continue
		}
		p.says(http.StatusGone, "Set-up is done")
		p.stranger()
	}
	if users, err := h.view().Users("", storage.ID{}, 10); err != nil || len(users) != 1 || in != 1 {
		t.Errorf("got %d people and %d signed in, %v, want one", len(users), in, err)
	}
}

func TestSetUpLinkEndsWithAnHourOrTheNextOne(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	old := h.setUpLink()
	link := h.setUpLink()
	for _, gone := range []string{old, "/set-up", "/set-up?t=", "/set-up?t=" + link[len(link)-10:]} {
		p.visit(gone)
		p.says(http.StatusGone, "This set-up link is too old")
	}
	h.clock.pass(time.Hour)
	p.visit(link)
	p.says(http.StatusGone, "This set-up link is too old")
	p.do("POST", "/set-up", url.Values{"t": mustQuery(t, link)["t"], "name": {"Eve"}, "email": {"eve@example.com"}})
	p.says(http.StatusGone, "This set-up link is too old")
	p.stranger()
}

func TestSetUpMakesAnOwnerOfWhoHasTheAddressAlready(t *testing.T) {
	h := newHouse(t)
	sub, _ := h.person().signIn("ann@example.com")
	p := h.person()
	p.visit(h.setUpLink())
	p.submit("/set-up", "email", "ann@example.com", "name", "Ann")
	p.says(200, "You are signed in")
	if u, err := h.view().UserByEmail("ann@example.com"); err != nil || u.ID.String() != sub || u.Role != "owner" {
		t.Errorf("got %+v, %v, want %s as owner", u, err, sub)
	}
}
