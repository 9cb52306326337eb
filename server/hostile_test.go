package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// routes are the addresses that a method is answered at, as the doors mount them.
func routes(t *testing.T, method string) (list []string) {
	t.Helper()
	mounted := regexp.MustCompile(`"` + method + ` (/[a-z][^"{]*)"`)
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mounted.FindAllStringSubmatch(string(source), -1) {
			if !slices.Contains(list, m[1]) {
				list = append(list, m[1])
			}
		}
	}
	return list
}

// open are those of which no cookie is read: programs post there with their own proof.
var open = []string{"/cognito", "/cognito/", "/cognito/oauth2/token", "/cognito/oauth2/revoke", "/cognito/oauth2/userInfo"}

// A new form is protected because it is one: nobody has to think of it (SECURITY row 57).
func TestEveryFormRefusesWhatAnotherSitePosts(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	p := w.atHome("ann@example.com")
	all := routes(t, "POST")
	if len(all) < 50 {
		t.Fatalf("found only %v", all)
	}
	for _, path := range all {
		if slices.Contains(open, path) {
			continue
		}
		for _, from := range []map[string]string{{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://www.id.example"}, {"Origin": "http://id.example"}} {
			r := w.request("POST", path, url.Values{"flow": {"x"}})
			for name, value := range from {
				r.Header.Set(name, value)
			}
			if got := p.send(r); got.Code != http.StatusForbidden || len(got.Result().Cookies()) > 0 {
				t.Errorf("POST %s with %v: got %d, want 403", path, from, got.Code)
			}
		}
	}
	if !p.signedIn() {
		t.Error("somebody was signed out")
	}
}

// A new form takes no parameter twice, none too large and none damaged, because it is one (SECURITY rows 5, 73 and 75).
func TestEveryFormRefusesWhatIsTwiceTooMuchOrDamaged(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	p := w.atHome("ann@example.com")
	all := routes(t, "POST")
	if len(all) < 50 {
		t.Fatalf("found only %v", all)
	}
	for _, path := range all {
		if path == "/account/picture" { // it takes one file and no form
			continue
		}
		for name, body := range map[string]string{"a parameter twice": "x=1&x=1", "201 parameters": strings.Repeat("&", 200) + "a=1", "a NUL": "a=b%00c", "bad UTF-8": "a=%ff", "half an escape": "a=%f", "a semicolon": "a=1;b=2", "65 KiB": "a=" + strings.Repeat("x", 65<<10)} {
			r := w.request("POST", path, url.Values{})
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			want := http.StatusBadRequest
			if name == "65 KiB" {
				want = http.StatusRequestEntityTooLarge
			}
			if got := p.send(r); got.Code != want {
				t.Errorf("POST %s with %s: got %d, want %d", path, name, got.Code, want)
			}
		}
	}
}

// calm are the forms of the account page that open no way in, and those that go on with what a fresh sign-in has begun.
var calm = []string{"/account/profile", "/account/picture", "/account/picture/remove", "/account/keep", "/account/apps/remove", "/account/devices/end", "/account/devices/end-others", "/account/devices/end-all",
	"/account/trusted/forget", "/account/passkey/rename", "/account/address/code", "/account/address/again", "/account/totp", "/account/recovery-codes/saved"}

// A new form of the account page asks for a fresh sign-in unless somebody has listed it above (ASVS 7.5, SECURITY row 84).
func TestEveryFormThatChangesAWayInNeedsAFreshSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	p := w.atHome("ann@example.com")
	w.age(6 * time.Minute)
	asked := 0
	for _, path := range routes(t, "POST") {
		if !strings.HasPrefix(path, "/account/") || slices.Contains(calm, path) {
			continue
		}
		asked++
		if p.post(path, url.Values{}); !strings.HasPrefix(p.at, "/sign-in?flow=") {
			t.Errorf("POST %s with a sign-in of six minutes ago: %d at %s", path, p.screen.Code, p.at)
		}
	}
	if asked < 14 {
		t.Errorf("only %d forms were tried", asked)
	}
	if !p.signedIn() {
		t.Error("nobody was signed in")
	}
}

// JSON is bounded in size and depth wherever a program sends it (SECURITY row 73).
func TestJSONThatIsTooLargeOrTooDeepIsRefusedByEveryAPI(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, registration("open"))
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	for name, body := range map[string]string{"30,000 lists": strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), "7,000 objects": strings.Repeat(`{"name":`, 7_000) + "1" + strings.Repeat("}", 7_000),
		"lists in a member": `{"name":` + strings.Repeat("[", 25_000) + strings.Repeat("]", 25_000) + "}", "two megabytes": `{"name":"` + strings.Repeat("x", 2<<20) + `"}`} {
		admin := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/api/v1/apps", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w.api.ServeHTTP(admin, r)
		registered, _ := w.call("POST", "/oidc/register", "", body)
		for api, got := range map[string]*httptest.ResponseRecorder{"management": admin, "account": w.account(token, "PATCH", "/profile", body), "registration": registered} {
			if got.Code != http.StatusBadRequest && got.Code != http.StatusRequestEntityTooLarge && got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s: got %d %.200s", api, name, got.Code, got.Body)
			}
		}
	}
	if strings.Contains(w.log.text(), `"level":"ERROR"`) {
		t.Error("the log speaks of faults")
	}
}

// No parameter, and no way to write a path, sends a browser to another site (CWE-601, SECURITY row 56).
func TestNoAddressSendsABrowserToAnotherSite(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	p, stranger := w.atHome("ann@example.com"), w.person()
	targets := []string{"https://evil.example", "//evil.example", `/\evil.example`, `\\evil.example`, "https:evil.example", "/%2f/evil.example", "https://id.example@evil.example", "javascript:alert(1)"}
	names := []string{"return_to", "returnTo", "ReturnTo", "continue", "redirect", "redirect_uri", "redirect_url", "post_logout_redirect_uri", "next", "url", "to", "rd", "target", "goto", "back", "request", "state", "done", "connection", "flow", "lang", "t", "iss"}
	check := func(who *person, r *http.Request) {
		got := who.send(r)
		for _, header := range []string{"Location", "Refresh"} {
			to := got.Header().Get(header)
			if u, err := url.Parse(to); err != nil || u.Host != "" && u.Host != "id.example" || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") || u.Scheme != "" && u.Scheme != "https" {
				t.Errorf("%s %s leads to %q", r.Method, r.URL, to)
			}
		}
	}
	paths := append(routes(t, "GET"), "/oidc/authorize", "/oidc/logout", "/oidc/resume", "/device", "/consent", "/signed-out")
	if len(paths) < 30 {
		t.Fatalf("found only %v", paths)
	}
	for _, path := range paths {
		for _, target := range targets {
			q := url.Values{}
			for _, name := range names {
				q.Set(name, target)
			}
			for _, who := range []*person{p, stranger} {
				check(who, w.request("GET", path+"?"+q.Encode(), nil))
			}
		}
	}
	for _, path := range []string{"//evil.example/", "//evil.example/..", `/\evil.example/`, "/%5cevil.example/", "/sign-in//evil.example", "/%2f%2fevil.example", "//evil.example/sign-in", "/./%2e%2e//evil.example"} {
		r := w.request("GET", "/", nil)
		u, err := url.Parse("https://id.example" + path)
		if err != nil {
			continue
		}
		r.URL = u
		check(stranger, r)
		r = w.request("GET", "/sign-in", nil)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		check(stranger, r)
	}
}

// hostile is text that somebody has everything called by.
const hostile = `"'><img src=x onerror=alert(1)><script>alert(1)`

// Everything that people, applications and providers are called by is text on pages and in mails, whoever has chosen it (SECURITY row 45).
func TestNamesAreTextWhereverTheyAreShown(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) {
		c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPasskey, authn.MethodSocial}
	})
	there := newElsewhere(t, map[string]any{"sub": hostile, "email": "ann@example.com", "email_verified": true, "name": hostile, "preferred_username": hostile, "given_name": hostile})
	w.connect(there, "staff", map[string]any{"name": hostile})
	w.thirdParty()
	w.changeApp("bookstore", func(c *storage.Client) { c.Name = hostile; grantsDevices(c) })
	shown := 0
	look := func(p *person) {
		t.Helper()
		body := p.screen.Body.String()
		if strings.Contains(body, "<img src=x") || strings.Contains(body, "<script>alert") || strings.Contains(body, `onerror=alert(1)>`) {
			t.Errorf("%s (%d):\n%s", p.at, p.screen.Code, body)
		}
		shown += strings.Count(body, "&lt;img src=x") + strings.Count(body, "&lt;img") // however it is written
	}
	p := w.person()
	step := func(do func()) { t.Helper(); do(); look(p) }
	step(func() {
		p.visit("/oidc/authorize?" + authorization("login_hint", hostile, "ui_locales", hostile).Encode())
	})
	step(func() { p.chooses("staff") })
	step(func() { p.visit(there.answer(p.left)) }) // an account elsewhere that is nobody's yet
	step(func() { p.submit("/sign-in/email", "email", hostile) })
	step(func() { p.submit("/sign-in/email", "email", "ann@example.com") })
	step(func() { p.submit("/sign-in/code", "code", p.code("ann@example.com")) })
	step(func() { p.visit("/account") })
	step(func() {
		p.post("/account/profile", url.Values{"name": {hostile}, "given_name": {hostile}, "nickname": {hostile}})
	})
	r := p.request("GET", "/account", nil)
	r.Header.Set("User-Agent", hostile)
	step(func() { p.follow(r) })
	for _, path := range []string{"/account", "/account/activity", "/account/data", "/sign-in", "/account/delete", "/signed-out?lang=" + url.QueryEscape(hostile), "/device?user_code=" + url.QueryEscape(hostile), "/nothing/" + url.PathEscape(hostile)} {
		if path == "/account/data" {
			continue // a file, of JSON
		}
		step(func() { p.visit(path) })
	}
	step(func() { p.visit("/oidc/authorize?" + authorization("prompt", "consent").Encode()) })
	step(func() { p.visit("/oidc/authorize?" + authorization("prompt", "select_account").Encode()) })
	step(func() { p.visit("/oidc/logout?client_id=bookstore") })
	step(func() {
		p.visit("/oidc/authorize?" + authorization("redirect_uri", "https://evil.example/"+hostile).Encode())
	})
	if shown < 20 {
		t.Errorf("the names were shown %d times: too few", shown)
	}
	mail, err := w.mails.WaitFor(t.Context(), "ann@example.com", email.Register)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(w.mails.Messages(), mail) {
		if strings.Contains(m.HTML, "<img src=x") || strings.Contains(m.HTML, "<script") || strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("a mail of the kind %s:\n%s\n%s", m.Usage, m.Subject, m.HTML)
		}
	}
	if !strings.Contains(mail.HTML, "&lt;img") {
		t.Errorf("the mail does not name the application:\n%s", mail.HTML)
	}
}

// What an application or a person may say of somebody never includes what others vouch for (Zitadel CVE-2026-27946).
func TestNobodySaysOfThemselvesWhatOthersVouchFor(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	w.letIn("account", "account:write")
	a := w.amplify(false)
	a.member("ann@example.com", annsPassword)
	before := w.who("ann@example.com")
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	pool := tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	for _, name := range []string{"sub", "id", "role", "status", "email", "email_verified", "phone_number_verified", "groups", "cognito:groups", "cognito:username", "username", "identities", "custom:role", "delete_at", "dev:role"} {
		for _, value := range []string{`"true"`, `"admin"`, `true`, `["admin"]`} {
			got := w.account(token, "PATCH", "/profile", fmt.Sprintf(`{%q:%s}`, name, value))
			if got.Code < 400 || got.Code > 499 {
				t.Errorf("the account API, %s: %s: got %d %s", name, value, got.Code, got.Body)
			}
		}
		said := []any{map[string]any{"Name": name, "Value": "admin"}}
		if status, out := a.call("UpdateUserAttributes", map[string]any{"AccessToken": pool["AccessToken"], "UserAttributes": said}); status == 200 {
			t.Errorf("UpdateUserAttributes, %s: %v", name, out)
		}
		if status, out := a.call("SignUp", map[string]any{"Username": "new@example.com", "Password": annsPassword, "UserAttributes": said}); status == 200 {
			t.Errorf("SignUp, %s: %v", name, out)
		}
	}
	after := w.who("ann@example.com")
	before.SignedIn, before.Updated, before.Language = after.SignedIn, after.Updated, after.Language // they have signed in meanwhile
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("Ann was %v and is %v", before, after)
	}
	for _, body := range []string{`{"email":"x@example.com","role":"owner","status":"active","verified":true}`, `{"email":"x@example.com","id":"x"}`} {
		if got := w.ask("POST", "/users", jsonText(body)); got.Code < 400 || got.Code > 499 {
			t.Errorf("the management API, %s: got %d %s", body, got.Code, got.Body)
		}
	}
}

// jsonText is JSON that is sent as it is.
type jsonText string

// MarshalJSON implements json.Marshaler.
func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// Two providers may call two people by one subject; and a provider that calls somebody by another address does not make them somebody else.
func TestTheSameSubjectAtAnotherProviderIsSomebodyElse(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	one, two := newElsewhere(t, annThere()), newElsewhere(t, annThere())
	w.connect(one, "one", map[string]any{"trusted": true})
	w.connect(two, "two", nil)   // which may not vouch for addresses
	w.connect(one, "three", nil) // the same issuer, as another connection
	ann := w.person()
	ann.begins("one")
	ann.visit(one.answer(ann.left))
	who := ann.signedInAs().UserID
	if who == (storage.ID{}) {
		t.Fatal("Ann is not in")
	}
	for connection, there := range map[string]*elsewhere{"two": two, "three": one} {
		p := w.person()
		p.begins(connection)
		p.visit(there.answer(p.left))
		if s := p.signedInAs(); s.UserID != (storage.ID{}) || p.left != "" {
			t.Errorf("%s: signed in %+v", connection, s)
		}
	}
	// The provider gives the address to somebody else, and Ann another one.
	one.claims = map[string]any{"sub": "somebody-new", "email": "eve@example.com", "email_verified": true}
	eve := w.person()
	eve.begins("one")
	eve.visit(one.answer(eve.left))
	one.claims = map[string]any{"sub": "ann-there", "email": "eve@example.com", "email_verified": true}
	p := w.person()
	p.begins("one")
	p.visit(one.answer(p.left))
	if got := p.signedInAs().UserID; got != who || eve.signedInAs().UserID == who {
		t.Errorf("got %v, want Ann", got)
	}
	w.hasAddresses(who, "ann@example.com main")
}
