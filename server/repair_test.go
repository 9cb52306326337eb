package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

const strayCallback = "https://shop.example/logto/callback"

// promote gives somebody who has signed in another role.
func (w *world) promote(address, role string) {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		u, err := tx.UserByEmail(address)
		if err != nil {
			return err
		}
		u.Role = role
		return tx.UpdateUser(u)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// administrator is somebody with a role who has just signed in.
func (w *world) administrator(address, role string) *person {
	w.t.Helper()
	p := w.person()
	p.signIn(address)
	w.promote(address, role)
	return p
}

// age lets the sign-ins of everybody lie further back.
func (w *world) age(by time.Duration) { w.later.Add(int64(by)) }

func (w *world) registered(id string) []string {
	w.t.Helper()
	c, err := w.store.View(w.t.Context()).Client(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.RedirectURIs
}

func (w *world) change(id string, change func(*storage.Client)) {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return err
		}
		change(&c)
		return tx.UpdateClient(c)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// stray comes from the bookstore with an address that is not registered.
func (p *person) stray(uri string) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + authorization("redirect_uri", uri).Encode())
}

func (p *person) sees(text string) bool { return strings.Contains(p.screen.Body.String(), text) }

func TestAnAdministratorAddsTheAddressAndSignInContinues(t *testing.T) {
	for _, role := range []string{"admin", "owner"} {
		w := newWorld(t, "https://id.example", wide)
		ann := w.administrator("ann@example.com", role)
		ann.stray(strayCallback)
		if ann.screen.Code != 200 || !strings.HasPrefix(ann.at, "/repair?flow=") || !ann.sees("<mark>logto/</mark>callback") {
			t.Fatalf("%s is at %s (%d):\n%s", role, ann.at, ann.screen.Code, ann.screen.Body)
		}
		if csp := ann.screen.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || ann.screen.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("the page may be framed or kept: %v", ann.screen.Header())
		}
		page := ann.at
		ann.post("/repair", ann.form("/repair"))
		back, err := url.Parse(ann.left)
		if err != nil || !strings.HasPrefix(ann.left, strayCallback+"?") || back.Query().Get("code") == "" || back.Query().Get("state") != "some-state" {
			t.Fatalf("sign-in went on to %q, at %s:\n%s", ann.left, ann.at, ann.screen.Body)
		}
		if got := w.asBookstore("/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", strayCallback); got.Code != 200 {
			t.Errorf("exchange: %d %s", got.Code, got.Body)
		}
		if got := w.registered("bookstore"); !slices.Equal(got, []string{appCallback, strayCallback}) {
			t.Errorf("registered are %q", got)
		}
		events, err := w.store.View(t.Context()).Events(storage.ID{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(events, func(e storage.Event) bool { return e.Kind == storage.EventRedirectAdded })
		u, _ := w.store.View(t.Context()).UserByEmail("ann@example.com")
		if i < 0 || events[i].Actor != "user:"+u.ID.String() || events[i].ClientID != "bookstore" || events[i].Detail != strayCallback || events[i].IP != "192.0.2.1" {
			t.Errorf("the audit log says %+v", events)
		}
		ann.visit(page) // a reload
		if !strings.HasPrefix(ann.left, strayCallback+"?code=") || len(w.registered("bookstore")) != 2 {
			t.Errorf("a reload leads to %q", ann.left)
		}
	}
}

func TestVisitorsSeeAndRepairNothing(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.stray(strayCallback)
	form := ann.form("/repair")
	bob, nobody := w.person(), w.person()
	bob.signIn("bob@example.com")
	for name, p := range map[string]*person{"somebody without the role": bob, "nobody": nobody} {
		p.stray(strayCallback)
		if p.screen.Code != 400 || p.sees("logto") || p.sees(appCallback) || p.sees("/repair") || p.sees("administrator") || !strings.HasPrefix(p.at, "/oidc/authorize") {
			t.Errorf("%s is at %s (%d):\n%s", name, p.at, p.screen.Code, p.screen.Body)
		}
		p.visit("/repair?flow=" + form.Get("flow"))
		if p.screen.Code != 400 || p.sees("logto") || p.sees("shop.example") {
			t.Errorf("%s opens the page of an administrator: %d\n%s", name, p.screen.Code, p.screen.Body)
		}
		p.post("/repair", form)
		if p.screen.Code != 400 || p.left != "" {
			t.Errorf("%s posts the form of an administrator: %d, to %q", name, p.screen.Code, p.left)
		}
	}
	// The same browser, with the role taken away.
	w.promote("ann@example.com", "none")
	ann.visit("/repair?flow=" + form.Get("flow"))
	if ann.screen.Code != 400 || ann.sees("logto") {
		t.Errorf("without the role: %d\n%s", ann.screen.Code, ann.screen.Body)
	}
	ann.post("/repair", form)
	if got := w.registered("bookstore"); ann.screen.Code != 400 || len(got) != 1 {
		t.Errorf("registered without the role: %q", got)
	}
}

func TestARequestWithoutPagesShowsAnAdministratorNoRepair(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.visit("/oidc/authorize?" + authorization("redirect_uri", strayCallback, "prompt", "none").Encode())
	if ann.screen.Code != 400 || ann.sees("/repair") || ann.left != "" {
		t.Errorf("got %d at %s, left to %q", ann.screen.Code, ann.at, ann.left)
	}
}

func TestNobodyElseRepairsInAnAdministratorsName(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	cat := w.administrator("cat@example.com", "admin")
	ann.stray(strayCallback)
	form := ann.form("/repair")
	for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		r := w.request("POST", "/repair", form)
		r.Header.Set(name, value)
		if got := ann.send(r); got.Code != 403 || got.Header().Get("Location") != "" {
			t.Errorf("%s %s: got %d to %q, want 403", name, value, got.Code, got.Header().Get("Location"))
		}
	}
	cat.post("/repair", form) // another administrator, in another browser
	if cat.screen.Code != 400 || cat.left != "" {
		t.Errorf("another administrator: %d to %q", cat.screen.Code, cat.left)
	}
	// Another administrator in the same browser, with the page of the one before.
	ann.jar.SetCookies(w.url, cat.sessionCookie())
	ann.post("/repair", form)
	if ann.left != "" || !ann.sees(form.Get("flow")) || ann.sees(form.Get("session")) {
		t.Errorf("the page of one administrator counts for another: %d to %q", ann.screen.Code, ann.left)
	}
	for name, change := range map[string]func(url.Values){
		"without a session":  func(v url.Values) { v.Del("session") },
		"a flow that is not": func(v url.Values) { v.Set("flow", storage.NewID().String()) },
		"two flows":          func(v url.Values) { v.Add("flow", v.Get("flow")) },
	} {
		forged := url.Values{"flow": form["flow"], "session": form["session"]}
		change(forged)
		cat.post("/repair", forged)
		if cat.left != "" {
			t.Errorf("%s: went on to %q", name, cat.left)
		}
	}
	if got := w.registered("bookstore"); len(got) != 1 {
		t.Errorf("registered are %q", got)
	}
}

// sessionCookie is the cookie that makes a browser somebody's.
func (p *person) sessionCookie() (out []*http.Cookie) {
	for _, c := range p.jar.Cookies(p.url) {
		if strings.HasSuffix(c.Name, "session") {
			c.Path, c.Secure = "/", true
			out = append(out, c)
		}
	}
	return out
}

func TestTheFormCarriesNoAddress(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.stray(strayCallback)
	form := ann.form("/repair")
	form.Set("redirect_uri", "https://shop.example/forged")
	form.Set("client_id", "till")
	ann.post("/repair", form)
	if got := w.registered("bookstore"); !slices.Equal(got, []string{appCallback, strayCallback}) || len(w.registered("till")) != 1 {
		t.Errorf("registered are %q", got)
	}
}

func TestAnAdministratorOfYesterdaySignsInAgainBeforeRepairing(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.stray(strayCallback)
	form := ann.form("/repair")
	w.age(6 * time.Minute)
	ann.post("/repair", form) // the page was left open
	if ann.left != "" || len(w.registered("bookstore")) != 1 || ann.sees("logto") {
		t.Fatalf("an old sign-in repairs: %q", w.registered("bookstore"))
	}
	ann.stray(strayCallback)
	if ann.screen.Code != 400 || !ann.sees(`id="repair-sign-in"`) || ann.sees("logto") {
		t.Fatalf("an old sign-in sees %d at %s:\n%s", ann.screen.Code, ann.at, ann.screen.Body)
	}
	_, flow, _ := strings.Cut(ann.at, "flow=")
	ann.visit("/sign-in?flow=" + flow)
	if ann.sees(`action="/sign-in/continue"`) {
		t.Fatal("the old sign-in may go on as it is")
	}
	ann.submit("/sign-in/email", "email", "ann@example.com")
	mail, err := w.mails.Wait(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	ann.submit("/sign-in/code", "code", mail.Code)
	if !strings.HasPrefix(ann.at, "/repair?flow=") || !ann.sees(`id="repair-add"`) {
		t.Fatalf("after the sign-in the browser is at %s:\n%s", ann.at, ann.screen.Body)
	}
	// That sign-in grows old as well.
	w.age(6 * time.Minute)
	ann.visit(ann.at)
	if !strings.HasPrefix(ann.at, "/repair?flow=") || strings.Contains(ann.at, flow) || !ann.sees(`id="repair-sign-in"`) {
		t.Fatalf("the second time the browser is at %s:\n%s", ann.at, ann.screen.Body)
	}
}

func TestAStrangerWhoSignsInToRepairSeesWhatVisitorsSee(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	w.age(6 * time.Minute)
	ann.stray(strayCallback)
	_, flow, _ := strings.Cut(ann.at, "flow=")
	ann.visit("/sign-in?flow=" + flow)
	ann.submit("/sign-in/email", "email", "eve@example.com")
	mail, err := w.mails.Wait(t.Context(), "eve@example.com")
	if err != nil {
		t.Fatal(err)
	}
	ann.submit("/sign-in/code", "code", mail.Code)
	if ann.screen.Code != 400 || ann.sees("logto") || ann.sees("repair-") {
		t.Fatalf("eve is at %s (%d):\n%s", ann.at, ann.screen.Code, ann.screen.Body)
	}
}

func TestAnotherHostIsConfirmedByItsName(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	const elsewhere = "https://other.example/callback"
	ann.stray(elsewhere)
	if ann.sees("repair-confirm") || !ann.sees("repair-add") {
		t.Fatalf("the first page is\n%s", ann.screen.Body)
	}
	first := ann.form("/repair")
	for _, host := range []string{"", "shop.example", "other.example.evil.example"} {
		first.Set("host", host)
		ann.post("/repair", first)
		if ann.left != "" || !ann.sees("repair-confirm") || len(w.registered("bookstore")) != 1 {
			t.Fatalf("%q: added without the second question: %q", host, w.registered("bookstore"))
		}
	}
	ann.post("/repair", ann.form("/repair"))
	if !strings.HasPrefix(ann.left, elsewhere+"?code=") || len(w.registered("bookstore")) != 2 {
		t.Errorf("went on to %q; registered are %q", ann.left, w.registered("bookstore"))
	}
}

func TestAddressesAgainstTheRulesCannotBeAdded(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	for uri, why := range map[string]string{
		"http://shop.example/callback":          "plain http",
		"https://shop.example/callback#x":       "has a #",
		"https://user@shop.example/callback":    "user name",
		"https://shop.example@evil.example/":    "user name",
		"javascript:alert(1)":                   "scheme javascript",
		"data:text/html,x":                      "scheme data",
		"https://*.shop.example/callback":       "has a *",
		"https://SHOP.example/callback":         "capital letters",
		"https://shop.example/a/../callback":    ".. in its path",
		"com.example.app:/callback":             "type native",
		"https://shop.example/callb\u202eack":   "has the letter",
		"/callback":                             "not a whole address",
		"https://shop.example/<script>alert(1)": "browsers respell",
		"":                                      "is empty",
	} {
		ann.stray(uri)
		if ann.screen.Code != 200 || !ann.sees(why) || ann.sees(`action="/repair"`) || ann.sees("<script>alert") || ann.sees("\u202e") {
			t.Errorf("%q: %d at %s:\n%s", uri, ann.screen.Code, ann.at, ann.screen.Body)
		}
		// The form of a page that could be added, with the flow of this one.
		_, flow, _ := strings.Cut(ann.at, "flow=")
		ann.stray(strayCallback)
		form := ann.form("/repair")
		form.Set("flow", flow)
		for _, host := range []string{"", "evil.example", "javascript:", "data:", "com.example.app:", "*.shop.example", uri} {
			form.Set("host", host)
			ann.post("/repair", form)
			if ann.left != "" {
				t.Fatalf("%q was added: %q", uri, ann.left)
			}
		}
	}
	if got := w.registered("bookstore"); len(got) != 1 {
		t.Errorf("registered are %q", got)
	}
}

func TestADeclaredApplicationIsRepairedInItsFile(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.stray(strayCallback)
	form := ann.form("/repair")
	w.change("bookstore", func(c *storage.Client) { c.Source = "config" })
	ann.post("/repair", form)
	if ann.left != "" || !ann.sees("declared in the configuration file") || ann.sees(`action="/repair"`) || len(w.registered("bookstore")) != 1 {
		t.Errorf("got %d at %s:\n%s", ann.screen.Code, ann.at, ann.screen.Body)
	}
	w.change("bookstore", func(c *storage.Client) { c.Disabled = true })
	ann.post("/repair", form)
	if ann.screen.Code != 400 || ann.left != "" {
		t.Errorf("an application that is off: %d", ann.screen.Code)
	}
}

func TestTheFlowOfASignInIsNoRepair(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	ann.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
	_, flow, _ := strings.Cut(ann.at, "flow=")
	ann.visit("/repair?flow=" + flow)
	if ann.screen.Code != 400 {
		t.Errorf("got %d", ann.screen.Code)
	}
	ann.stray(strayCallback)
	_, flow, _ = strings.Cut(ann.at, "flow=")
	ann.visit("/oidc/resume?flow=" + flow)
	if ann.screen.Code != 400 || ann.left != "" {
		t.Errorf("a repair is resumed as a sign-in: %d to %q", ann.screen.Code, ann.left)
	}
}

// People have one name in a sector: an application that could join two would learn which of them are the same (Core §8.1).
func TestAnApplicationOfOneSectorGetsNoAddressOnAnotherHost(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	w.change("bookstore", func(c *storage.Client) { c.Settings.SubjectType, c.Settings.Sector = "pairwise", "shop.example" })
	ann.stray("https://other.example/callback")
	if !ann.sees("several hosts") || ann.sees(`action="/repair"`) {
		t.Errorf("got %d at %s:\n%s", ann.screen.Code, ann.at, ann.screen.Body)
	}
	w.change("bookstore", func(c *storage.Client) {
		c.Settings.SectorURI, c.Settings.Sector = "https://127.0.0.1:1/sector.json", "127.0.0.1"
	})
	ann.stray(strayCallback)
	if !ann.sees("sector_identifier_uri cannot be read") || ann.sees(`action="/repair"`) {
		t.Errorf("got %d at %s:\n%s", ann.screen.Code, ann.at, ann.screen.Body)
	}
}

const strayGoodbye = "https://shop.example/signed-out"

func (w *world) goodbyes(id string) []string {
	w.t.Helper()
	c, err := w.store.View(w.t.Context()).Client(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.PostLogoutRedirectURIs
}

func TestAnAdministratorAddsTheAddressAfterSigningOutAndSignOutContinues(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "admin")
	leave := func(p *person, uri string) {
		p.visit("/oidc/logout?" + url.Values{"client_id": {"bookstore"}, "post_logout_redirect_uri": {uri}, "state": {"s 1"}}.Encode())
	}
	bob := w.person()
	bob.signIn("bob@example.com")
	for name, p := range map[string]*person{"somebody without the role": bob, "nobody": w.person()} {
		if leave(p, strayGoodbye); p.screen.Code != 400 || p.sees("signed-out") || p.sees("/repair") || p.left != "" {
			t.Errorf("%s is at %s (%d), left to %q", name, p.at, p.screen.Code, p.left)
		}
	}
	leave(ann, strayGoodbye)
	if !strings.HasPrefix(ann.at, "/repair?flow=") || !ann.sees("post_logout_redirect_uri") || !ann.sees("sign-out stopped") || !ann.sees("<mark>") {
		t.Fatalf("the administrator is at %s:\n%s", ann.at, ann.screen.Body)
	}
	ann.post("/repair", ann.form("/repair"))
	if got := w.goodbyes("bookstore"); !slices.Equal(got, []string{appGoodbye, strayGoodbye}) || len(w.registered("bookstore")) != 1 {
		t.Fatalf("registered are %q, and %q for signing in", got, w.registered("bookstore"))
	}
	if !strings.HasPrefix(ann.at, "/oidc/logout?") || ann.left != "" {
		t.Fatalf("sign-out goes on at %s, left to %q", ann.at, ann.left)
	}
	ann.post("/oidc/logout/confirm", ann.form("/oidc/logout/confirm"))
	if ann.left != strayGoodbye+"?state=s+1" {
		t.Errorf("left to %q", ann.left)
	}
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 100)
	if err != nil || !slices.ContainsFunc(events, func(e storage.Event) bool {
		return e.Kind == storage.EventPostLogoutAdded && e.ClientID == "bookstore" && e.Detail == strayGoodbye
	}) {
		t.Errorf("the audit log says %+v (%v)", events, err)
	}
}

func TestAnotherHostForAfterSigningOutIsConfirmedAndAHarmfulAddressNotAdded(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	ann := w.administrator("ann@example.com", "owner")
	leave := func(uri string) {
		ann.visit("/oidc/logout?" + url.Values{"client_id": {"bookstore"}, "post_logout_redirect_uri": {uri}}.Encode())
	}
	leave("https://other.example/bye")
	ann.post("/repair", ann.form("/repair"))
	if len(w.goodbyes("bookstore")) != 1 || !ann.sees(`id="repair-confirm"`) || !ann.sees("people who sign out") {
		t.Fatalf("another host was added by one press, or is not asked about: %q\n%s", w.goodbyes("bookstore"), ann.screen.Body)
	}
	ann.post("/repair", ann.form("/repair"))
	if got := w.goodbyes("bookstore"); !slices.Equal(got, []string{appGoodbye, "https://other.example/bye"}) {
		t.Errorf("registered are %q", got)
	}
	for _, uri := range []string{"javascript:alert(1)", "http://shop.example/bye", "https://shop.example/bye#x", "https://shop.example@evil.example/"} {
		if leave(uri); ann.sees(`id="repair-add"`) || ann.sees(`id="repair-confirm"`) {
			t.Errorf("%s could be added:\n%s", uri, ann.screen.Body)
		}
	}
	if len(w.goodbyes("bookstore")) != 2 {
		t.Errorf("registered are %q", w.goodbyes("bookstore"))
	}
}
