package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

const accountAPI = "/api/account/v1"

// letIn lets the bookstore ask for scopes besides the usual ones.
func (w *world) letIn(scopes ...string) {
	w.changeApp("bookstore", func(c *storage.Client) {
		c.Settings.Scopes = append([]string{"openid", "profile", "email", "offline_access"}, scopes...)
		c.AllowedOrigins = []string{"https://shop.example"}
	})
}

// access signs somebody in for scopes and returns the access token and the scopes that it has.
func (p *person) access(address, scope string) (token, granted string) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + authorization("scope", scope, "prompt", "login").Encode())
	p.proves(address)
	return p.redeemed()
}

// redeemed exchanges the code that the browser has taken back to the bookstore.
func (p *person) redeemed() (token, granted string) {
	p.t.Helper()
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back is %q %s", p.left, p.at)
	}
	var out struct {
		Access string `json:"access_token"`
		Scope  string `json:"scope"`
	}
	answer := p.asBookstore("/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || out.Access == "" {
		p.t.Fatalf("%v: %s", err, answer.Body)
	}
	return out.Access, out.Scope
}

// account sends a request to the account API.
func (w *world) account(token, method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, w.url.String()+accountAPI+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.1:5000"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

func TestAnAppDoesForAPersonWhatTheAccountPageDoes(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide, week)
	w.letIn("account", "account:write")
	phone := w.atHome("ann@example.com")
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	ann := w.who("ann@example.com").ID
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/profile", "", 200, `"preferred_username":"ann"`},
		{"PATCH", "/profile", `{"name":"Ann Example","zoneinfo":"Europe/Vienna"}`, 200, `"name":"Ann Example"`},
		{"PATCH", "/profile", `{"zoneinfo":"Nowhere"}`, 422, "zoneinfo must be"},
		{"PATCH", "/profile", `{"preferred_username":"root"}`, 422, "there is no attribute"},
		{"PATCH", "/profile", `{"phone_number_verified":"true"}`, 422, "there is no attribute"},
		{"PUT", "/picture", "no picture", 422, "no PNG"},
		{"GET", "/addresses", "", 200, `"primary":true`},
		{"POST", "/addresses", `{"email":"two@example.com"}`, 202, ""},
		{"POST", "/addresses/two@example.com/confirm", `{"code":"000000"}`, 422, "Tries left"},
		{"POST", "/addresses/two@example.com/primary", "", 404, "no such address"},
		{"DELETE", "/addresses/ann@example.com", "", 409, "last way in"},
		{"GET", "/devices", "", 200, `"current":true`},
		{"GET", "/apps", "", 200, `"client_id":"bookstore"`},
		{"GET", "/ways-in", "", 200, `"code":true`},
		{"GET", "/activity", "", 200, `"kind":"session.signed_in"`},
		{"GET", "/activity?cursor=x", "", 422, "cursor"},
		{"GET", "/data", "", 200, `"format":"gatelatch-account/1"`},
		{"DELETE", "/devices/made-up", "", 204, ""},
		{"DELETE", "/apps/nothing", "", 204, ""},
		{"POST", "/deletion", `{"address":"bob@example.com"}`, 422, "not an address"},
		{"GET", "/nothing", "", 404, "openapi.json"},
	} {
		got := w.account(token, c.method, c.path, c.body)
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s, want %d with %q", c.method, c.path, got.Code, got.Body, c.status, c.says)
		}
		if kind := got.Header().Get("Content-Type"); got.Code >= 400 && kind != "application/problem+json" {
			t.Errorf("%s %s: a problem is %s", c.method, c.path, kind)
		}
	}
	w.account(token, "POST", "/addresses/two@example.com/confirm", `{"code":"`+w.code("two@example.com")+`"}`)
	w.hasAddresses(ann, "ann@example.com main", "two@example.com")
	if got := w.account(token, "POST", "/devices/sign-out-others", ""); got.Code != 204 || phone.signedIn() {
		t.Errorf("the others: %d", got.Code)
	}
	if got := w.account(token, "GET", "/profile", ""); got.Code != 200 {
		t.Errorf("the token that signed the others out gets %d", got.Code)
	}
	if got := w.account(token, "POST", "/deletion", `{"address":"ann@example.com"}`); got.Code != 202 || !strings.Contains(got.Body.String(), `"days_of_grace":7`) || !w.who("ann@example.com").Leaving() {
		t.Errorf("deletion: %d %s", got.Code, got.Body)
	}
	if got := w.account(token, "GET", "/profile", ""); got.Code != 401 {
		t.Errorf("a token of somebody who leaves gets %d", got.Code)
	}
}

func TestTheAccountScopesAreForAppsThatAnAdministratorHasListedThemFor(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	if token, granted := w.person().access("ann@example.com", "openid account account:write"); strings.Contains(granted, "account") || w.account(token, "GET", "/profile", "").Code != 403 {
		t.Errorf("an app without a list of scopes got %q", granted)
	}
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.Origin = storage.OriginRegistration })
	if got := w.account(token, "GET", "/profile", ""); got.Code != 403 {
		t.Errorf("an app that nobody has looked at gets %d", got.Code)
	}
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.Origin, c.Settings.Scopes = "", []string{"openid"} })
	if got := w.account(token, "GET", "/profile", ""); got.Code != 403 {
		t.Errorf("an app that has lost the scope gets %d", got.Code)
	}
}

func TestReadingDoesNotWriteAndAnOldSignInChangesNoWayIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	reader, _ := w.person().access("ann@example.com", "openid account")
	writer, _ := w.person().access("ann@example.com", "openid account:write")
	for _, c := range [][3]string{{"PATCH", "/profile", `{"name":"x"}`}, {"DELETE", "/picture", ""}, {"POST", "/addresses", `{"email":"two@example.com"}`}, {"POST", "/devices/sign-out-everywhere", ""},
		{"DELETE", "/apps/bookstore", ""}, {"POST", "/deletion", `{"address":"ann@example.com"}`}} {
		got := w.account(reader, c[0], c[1], c[2])
		if challenge := got.Header().Get("WWW-Authenticate"); got.Code != 403 || !strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="account:write"`) {
			t.Errorf("%s %s with the scope account: %d, %s", c[0], c[1], got.Code, challenge)
		}
	}
	w.later.Store(int64(6 * time.Minute))
	for _, c := range [][3]string{{"POST", "/addresses", `{"email":"two@example.com"}`}, {"POST", "/addresses/ann@example.com/primary", ""}, {"DELETE", "/addresses/ann@example.com", ""},
		{"GET", "/data", ""}, {"POST", "/deletion", `{"address":"ann@example.com"}`}} {
		got := w.account(writer, c[0], c[1], c[2])
		if challenge := got.Header().Get("WWW-Authenticate"); got.Code != 401 || !strings.Contains(challenge, `error="insufficient_user_authentication"`) || !strings.Contains(challenge, `max_age="300"`) {
			t.Errorf("%s %s after six minutes: %d, %s", c[0], c[1], got.Code, challenge)
		}
	}
	if got := w.account(writer, "PATCH", "/profile", `{"name":"Ann"}`); got.Code != 200 {
		t.Errorf("a name needs no fresh sign-in: %d %s", got.Code, got.Body)
	}
	w.hasAddresses(w.who("ann@example.com").ID, "ann@example.com main")
}

func TestTheAccountAPIKnowsTokensAloneAndTheRightOnes(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	p := w.atHome("ann@example.com")
	r := p.request("GET", accountAPI+"/profile", nil)
	if got := p.send(r); got.Code != 401 || got.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("a session cookie gets %d", got.Code)
	}
	token, _ := w.person().access("ann@example.com", "openid account")
	for name, bad := range map[string]string{"nonsense": "nonsense", "a cut one": token[:len(token)-2], "a code": "gl_ac_AAAA"} {
		if got := w.account(bad, "GET", "/profile", ""); got.Code != 401 || !strings.Contains(got.Header().Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("%s gets %d %s", name, got.Code, got.Header().Get("WWW-Authenticate"))
		}
	}
	machine := w.asBookstore("/token", "grant_type", "client_credentials", "scope", "account")
	if strings.Contains(machine.Body.String(), `"scope":"account`) {
		t.Errorf("the app got the scope for itself: %s", machine.Body)
	}
	if got := w.account(token, "GET", "/profile", "", "Origin", "https://shop.example"); got.Code != 200 || got.Header().Get("Access-Control-Allow-Origin") != "https://shop.example" || got.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("the app's own page: %d, CORS %q", got.Code, got.Header().Get("Access-Control-Allow-Origin"))
	}
	for _, origin := range []string{"https://till.example", "https://evil.example", "null"} {
		if got := w.account(token, "GET", "/profile", "", "Origin", origin); got.Code != 403 {
			t.Errorf("a page of %s gets %d", origin, got.Code)
		}
	}
	ask := w.account("", "OPTIONS", "/profile", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "PATCH")
	if ask.Code != http.StatusNoContent || !strings.Contains(ask.Header().Get("Access-Control-Allow-Methods"), "PATCH") {
		t.Errorf("a preflight gets %d, %q", ask.Code, ask.Header().Get("Access-Control-Allow-Methods"))
	}
	if got := w.account(token, "GET", "/devices/x", ""); got.Code != 405 && got.Code != 404 {
		t.Errorf("a method that is not there: %d", got.Code)
	}
}

func TestAnAppTouchesNothingOfAnotherPerson(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	bob := w.atHome("bob@example.com")
	bob.adds("bob-two@example.com")
	theirs, err := w.store.View(t.Context()).UserSessions(w.who("bob@example.com").ID, w.now().UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	w.account(token, "DELETE", "/devices/"+theirs[0].ID.String(), "")
	w.account(token, "POST", "/addresses/bob-two@example.com/primary", "")
	w.account(token, "DELETE", "/addresses/bob-two@example.com", "")
	w.account(token, "POST", "/devices/sign-out-everywhere", "")
	if !bob.signedIn() {
		t.Error("bob is signed out")
	}
	w.hasAddresses(w.who("bob@example.com").ID, "bob@example.com main", "bob-two@example.com")
}

func TestTheAccountAPIDescribesItself(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	doc := w.described()
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Paths) < 10 {
		t.Errorf("OpenAPI %s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
	page, err := os.ReadFile("../docs/account-api.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, line := range regexp.MustCompile("`((?:[A-Z]+ )+)(/[^`]*)`").FindAllStringSubmatch(string(page), -1) {
		for _, method := range strings.Fields(line[1]) {
			told[method+" "+line[2]] = true
		}
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			if named := strings.ToUpper(method) + " " + strings.TrimPrefix(path, accountAPI); !told[named] {
				t.Errorf("docs/account-api.md does not name %s", named)
			} else {
				delete(told, named)
			}
			if o.Summary == "" || len(o.Security) != 1 {
				t.Errorf("%s %s says %q and needs %v", method, path, o.Summary, o.Security)
			}
			if scope := o.Security[0]["account"]; (scope[0] == "account:write") != (method != "get") {
				t.Errorf("%s %s needs %v", method, path, scope)
			}
		}
	}
	for named := range told {
		t.Errorf("docs/account-api.md names %s, which is not there", named)
	}
}
