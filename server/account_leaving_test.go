package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/storage"
)

// week lets people who delete their account come back for a week.
func week(c *server.Config) { c.Lifetimes.AccountDeletion = 7 * 24 * time.Hour }

func (w *world) gone(id storage.ID) bool {
	w.t.Helper()
	_, err := w.store.View(w.t.Context()).User(id)
	return errors.Is(err, storage.ErrNotFound)
}

func TestDeletingAnAccountEndsEverythingAtOnceAndThePersonAfterAWeek(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide, week)
	p, phone := w.person(), w.atHome("ann@example.com")
	code, _ := p.signIn("ann@example.com")
	tokens := w.exchanged(code)
	ann := w.who("ann@example.com").ID
	p.visit("/account/delete")
	p.reads("ann@example.com", "For 7\u00a0days")
	p.submit("/account/delete", "address", "bob@example.com")
	if p.screen.Code != http.StatusUnprocessableEntity || !phone.signedIn() {
		t.Errorf("another address gets %d", p.screen.Code)
	}
	p.submit("/account/delete", "address", " Ann@example.com")
	p.reads("Your account is deleted in 7\u00a0days.")
	if p.signedIn() || phone.signedIn() {
		t.Error("somebody is still signed in")
	}
	if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", tokens.Refresh); got.Code != 400 {
		t.Errorf("a refresh token works: %d", got.Code)
	}
	w.later.Store(int64(6 * 24 * time.Hour))
	w.tend()
	if w.gone(ann) {
		t.Fatal("gone before the days of grace are over")
	}
	w.later.Store(int64(7*24*time.Hour + time.Minute))
	w.tend()
	if !w.gone(ann) {
		t.Fatal("still there")
	}
	fresh := w.atHome("ann@example.com")
	if !fresh.signedIn() || w.who("ann@example.com").ID == ann {
		t.Error("the address does not begin anew")
	}
}

func TestWhoSignsInDuringTheDaysOfGraceIsAskedAndGoesOn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide, week)
	p := w.atHome("ann@example.com")
	ann := w.who("ann@example.com").ID
	p.post("/account/delete", url.Values{"address": {"ann@example.com"}})
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.proves("ann@example.com")
	p.reads("Your account is about to be deleted")
	if p.left != "" {
		t.Fatalf("an account that is about to be deleted is signed in to %s", p.left)
	}
	// No way around the question, also not with the session that is there now.
	for _, path := range []string{"/account", "/account/activity", "/sign-in", "/oidc/authorize?" + authorization().Encode(), "/oidc/authorize?" + authorization("prompt", "none").Encode()} {
		q := *p
		q.visit(path)
		if strings.Contains(q.left, "code=") || q.left == "" && !strings.HasPrefix(q.at, "/account/leaving") {
			t.Errorf("%s leads to %s%s", path, q.left, q.at)
		}
	}
	p.post("/account/profile", url.Values{"name": {"Still here"}})
	if u := w.who("ann@example.com"); u.Name != "" {
		t.Error("a form of the account works")
	}
	if flow := p.form("/account/keep").Get("flow"); flow != "" {
		t.Errorf("without a flow the form names %q", flow)
	}
	p.post("/account/keep", url.Values{"flow": {storage.NewID().String()}}) // a flow that is none leads nowhere
	if w.who("ann@example.com").Leaving() {
		t.Error("whoever stays is still about to go")
	}
	p.visit("/account")
	p.post("/account/delete", url.Values{"address": {"ann@example.com"}})
	p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	p.proves("ann@example.com")
	p.post("/account/keep", p.form("/account/keep"))
	if !strings.HasPrefix(p.left, appCallback) || !strings.Contains(p.left, "code=") {
		t.Errorf("whoever stays goes on to %q %s", p.left, p.at)
	}
	w.later.Store(int64(8 * 24 * time.Hour))
	w.tend()
	if w.gone(ann) {
		t.Error("whoever stays is gone")
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide, week)
	p := w.person()
	set, err := url.Parse(w.setUp)
	if err != nil {
		t.Fatal(err)
	}
	p.post("/set-up", url.Values{"t": {set.Query().Get("t")}, "name": {"Ada"}, "email": {"ada@example.com"}, "sign_up": {"open"}})
	ada := w.who("ada@example.com").ID
	p.post("/account/delete", url.Values{"address": {"ada@example.com"}})
	p.reads("You are the last owner of this server.")
	bob := w.atHome("bob@example.com")
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		u := w.who("bob@example.com")
		u.Role = "owner"
		return tx.UpdateUser(u)
	}); err != nil {
		t.Fatal(err)
	}
	bob.post("/account/delete", url.Values{"address": {"bob@example.com"}})
	bob.reads("Your account is deleted in")
	// An owner who is about to go looks after nothing any more.
	p.post("/account/delete", url.Values{"address": {"ada@example.com"}})
	p.reads("You are the last owner of this server.")
	w.later.Store(int64(8 * 24 * time.Hour))
	w.tend()
	if w.gone(ada) {
		t.Error("the last owner is gone")
	}
}

func TestWithoutDaysOfGraceAnAccountGoesAtOnce(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.atHome("ann@example.com")
	ann := w.who("ann@example.com").ID
	p.visit("/account/delete")
	p.reads("There is no way back.")
	p.submit("/account/delete", "address", "ann@example.com")
	p.reads("Your account is deleted.")
	if !w.gone(ann) {
		t.Error("still there")
	}
}

func TestDeletionAndTheDownloadNeedAFreshSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide, week)
	p := w.atHome("ann@example.com")
	w.later.Store(int64(6 * time.Minute))
	p.post("/account/delete", url.Values{"address": {"ann@example.com"}})
	for _, path := range []string{"", "/account/delete", "/account/data"} {
		if path != "" {
			p.visit(path)
		}
		if !strings.HasPrefix(p.at, "/sign-in?flow=") {
			t.Errorf("%s ends at %s", path, p.at)
		}
	}
	if w.who("ann@example.com").Leaving() {
		t.Error("the deletion was noted")
	}
}

func TestTheDownloadHasEverythingAndNoSecret(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.person()
	code, _ := p.signIn("ann@example.com")
	tokens := w.exchanged(code)
	p.post("/account/profile", url.Values{"name": {"Ann Example"}, "zoneinfo": {"Europe/Vienna"}})
	p.adds("two@example.com")
	other := w.atHome("bob@example.com")
	other.adds("secret-address-of-bob@example.com")
	p.visit("/account/data")
	file := p.screen.Body.String()
	if got := p.screen.Header().Get("Content-Disposition"); got != `attachment; filename="account.json"` || p.screen.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("Content-Disposition %q, Cache-Control %q", got, p.screen.Header().Get("Cache-Control"))
	}
	var x struct {
		Profile   struct{ Claims map[string]any }
		Addresses []struct{ Address string }
		Devices   []struct{ IP string }
		Apps      []struct {
			ClientID string `json:"client_id"`
			Scopes   []string
		}
		Events []struct {
			Kind string
			Self bool
		}
	}
	if err := json.Unmarshal([]byte(file), &x); err != nil {
		t.Fatal(err)
	}
	if x.Profile.Claims["name"] != "Ann Example" || len(x.Addresses) != 2 || len(x.Devices) != 1 || len(x.Apps) != 1 || x.Apps[0].ClientID != "bookstore" || len(x.Events) < 4 || !x.Events[0].Self {
		t.Errorf("the file is %s", file)
	}
	for _, secret := range []string{tokens.Access, tokens.Refresh, code, "bob@", p.jar.Cookies(w.url)[0].Value, "digest"} {
		if strings.Contains(file, secret) {
			t.Errorf("the file has %q in it", secret)
		}
	}
	again := p.send(p.request("GET", "/account/data", nil)).Body.String()
	strip := func(s string) string { _, rest, _ := strings.Cut(s, `"profile"`); return rest }
	if strip(again) != strip(file) {
		t.Error("a second download of the same is different")
	}
}

func TestActivityIsToldInWordsAndInPages(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	p := w.person()
	p.signIn("ann@example.com")
	p.adds("two@example.com")
	w.atHome("bob@example.com").adds("three@example.com")
	for i := range 60 {
		p.post("/account/profile", url.Values{"nickname": {strings.Repeat("a", i+1)}})
	}
	p.visit("/account")
	p.reads("Recent activity", "Your profile was changed", "192.0.2.1")
	p.doesNotRead("You confirmed the address")
	p.visit("/account/activity")
	pages, all := 1, p.text()
	for ; strings.Contains(p.screen.Body.String(), `id="older"`) && pages < 10; pages++ {
		_, rest, _ := strings.Cut(p.screen.Body.String(), "/account/activity?before=")
		before, _, _ := strings.Cut(rest, `"`)
		p.visit("/account/activity?before=" + before)
		all += p.text()
	}
	if pages != 3 || strings.Count(all, "Your profile was changed") != 60 || !strings.Contains(all, "You created your account, for  Bookstore") || strings.Contains(all, "three@") {
		t.Errorf("%d pages with %d changes:\n%s", pages, strings.Count(all, "Your profile was changed"), all)
	}
	w.later.Store(int64(91 * 24 * time.Hour))
	w.tend()
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if !e.UserID.IsZero() || e.IP != "" || e.Device != "" || strings.Contains(e.Actor+e.Detail, "@") || strings.HasPrefix(e.Actor, "user:") {
			t.Fatalf("after 90 days the log still knows %+v", e)
		}
	}
	if len(events) < 60 {
		t.Errorf("the log has lost what happened: %d events", len(events))
	}
}
