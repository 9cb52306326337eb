package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

// hushed leaves the choices to the database, and mails no notice of a sign-in in a new browser.
func hushed(c *server.Config) { unsettled(c); wide(c); c.QuietNotices = []string{"new_devices"} }

const both = "openid account account:write"

// answers fails the test unless an answer has that status and that text.
func answers(t *testing.T, got *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if got.Code != status || !strings.Contains(got.Body.String(), text) {
		t.Errorf("got %d %s, want %d with %q", got.Code, got.Body, status, text)
	}
}

// answered decodes the answer to a request of the account API.
func answered[T any](w *world, token, method, path, body string) (out T) {
	w.t.Helper()
	got := w.account(token, method, path, body)
	if err := json.Unmarshal(got.Body.Bytes(), &out); err != nil || got.Code > 299 {
		w.t.Fatalf("%s %s: %d %s", method, path, got.Code, got.Body)
	}
	return out
}

// did lists what the log says a person has done since they signed in.
func (w *world) did(address string) (kinds []string) {
	w.t.Helper()
	events, err := w.store.View(w.t.Context()).UserEvents(w.who(address).ID, storage.ID{}, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestAnAppSetsChangesAndRemovesThePassword(t *testing.T) {
	w := newWorld(t, "https://id.example.com", hushed)
	w.letIn("account", "account:write")
	phone := w.atHome("ann@example.com")
	token, _ := w.person().access("ann@example.com", both)
	answers(t, w.account(token, "GET", "/password", ""), 200, `{"set":false,"minimum":15,"maximum":256}`)
	answers(t, w.account(token, "DELETE", "/password", ""), 404, "has no password")
	for password, word := range map[string]string{"sesame 7": "short", "passwordpassword": "common", "ann@example.com!": "personal"} {
		got := w.account(token, "PUT", "/password", `{"password":"`+password+`"}`)
		if answers(t, got, 422, `"message":"`+word+`"`); strings.Contains(got.Body.String(), password) {
			t.Errorf("the answer repeats the password: %s", got.Body)
		}
	}
	answers(t, w.account(token, "PUT", "/password", `{"password":"`+horse+`","keep_others":true}`), 204, "")
	if !phone.signedIn() {
		t.Error("keep_others has signed the phone out")
	}
	if mail, _ := w.notice("ann@example.com"); !strings.Contains(mail.Text, "password") {
		t.Errorf("told by mail:\n%s", mail.Text)
	}
	answers(t, w.account(token, "PUT", "/password", `{"password":"`+goose+`","current":"no horses at all"}`), 422, "not the present password")
	answers(t, w.account(token, "PUT", "/password", `{"password":"`+goose+`","current":"`+horse+`"}`), 204, "")
	if phone.signedIn() {
		t.Error("the phone is still signed in")
	}
	answers(t, w.account(token, "GET", "/ways-in", ""), 200, `"password":{"changed":`)
	w.choose(map[string]any{"methods": []string{"password"}, "sign_up": "closed"})
	w.age(2 * time.Second) // settings are believed for a second
	answers(t, w.account(token, "DELETE", "/password", ""), 409, "last way in")
	w.choose(map[string]any{"methods": []string{"code", "password"}})
	w.age(2 * time.Second)
	answers(t, w.account(token, "DELETE", "/password", ""), 204, "")
	if kinds := w.did("ann@example.com"); !slices.Contains(kinds, storage.EventPasswordChanged) || !slices.Contains(kinds, storage.EventPasswordRemoved) {
		t.Errorf("the log has %v", kinds)
	}
}

func TestGuessesAtThePresentPasswordAreCounted(t *testing.T) {
	w := newWorld(t, "https://id.example.com", func(c *server.Config) { c.Budgets.WrongGuessesPerAddressHour = 3 })
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", both)
	answers(t, w.account(token, "PUT", "/password", `{"password":"`+horse+`"}`), 204, "")
	for range 3 {
		answers(t, w.account(token, "PUT", "/password", `{"password":"`+goose+`","current":"a guess at horses"}`), 422, "Tries left")
	}
	got := w.account(token, "PUT", "/password", `{"password":"`+goose+`","current":"`+horse+`"}`)
	if answers(t, got, 429, "Too many"); got.Header().Get("Retry-After") == "" {
		t.Error("it does not say when")
	}
}

func TestAnAppListsNamesAddsAndRemovesPasskeys(t *testing.T) {
	w := newWorld(t, "https://id.example.com", hushed)
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", both)
	page := passkeytest.New("https://shop.example")
	add := func(with string) string {
		options := w.account(token, "POST", "/passkeys/options", "")
		if options.Code != 200 {
			t.Fatalf("options: %d %s", options.Code, options.Body)
		}
		said, err := page.Create(options.Body.String())
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	said := add(token)
	again, _ := w.person().access("ann@example.com", both)
	bob, _ := w.person().access("bob@example.com", both)
	for name, other := range map[string]string{"another sign-in of hers": again, "somebody else": bob} {
		t.Run(name, func(t *testing.T) { answers(t, w.account(other, "POST", "/passkeys", said), 410, "Begin again") })
	}
	var made struct{ ID string }
	got := w.account(token, "POST", "/passkeys", said)
	if err := json.Unmarshal(got.Body.Bytes(), &made); err != nil || got.Code != 201 {
		t.Fatalf("got %d %s", got.Code, got.Body)
	}
	answers(t, w.account(token, "POST", "/passkeys", said), 409, "here already")
	page = passkeytest.New("https://evil.example")
	answers(t, w.account(token, "POST", "/passkeys", add(token)), 422, "refused")
	answers(t, w.account(token, "POST", "/passkeys", `{"id":"x"}`), 422, "refused")

	// Passkeys are second factors: from here on a sign-in without one changes no other factor, but may still replace a lost passkey.
	answers(t, w.account(token, "PATCH", "/passkeys/"+made.ID, `{"name":" "}`), 422, "1 to 100")
	answers(t, w.account(token, "PATCH", "/passkeys/"+made.ID, `{"name":"Work laptop"}`), 204, "")
	answers(t, w.account(token, "GET", "/passkeys", ""), 200, `"name":"Work laptop"`)
	if list := w.account(token, "GET", "/passkeys", "").Body.String(); strings.Contains(list, "key\"") || strings.Contains(list, "credential") {
		t.Errorf("the list says too much: %s", list)
	}
	answers(t, w.account(bob, "GET", "/passkeys", ""), 200, "[]")
	answers(t, w.account(bob, "PATCH", "/passkeys/"+made.ID, `{"name":"Mine"}`), 404, "no such passkey")
	answers(t, w.account(bob, "DELETE", "/passkeys/"+made.ID, ""), 404, "no such passkey")
	answers(t, w.account(token, "DELETE", "/passkeys/nonsense", ""), 404, "no such passkey")
	w.choose(map[string]any{"methods": []string{"passkey"}, "sign_up": "closed"})
	w.age(2 * time.Second)
	answers(t, w.account(token, "DELETE", "/passkeys/"+made.ID, ""), 409, "last way in")
	w.choose(map[string]any{"methods": []string{"code"}, "second_factors": []string{"totp"}})
	w.age(2 * time.Second)
	answers(t, w.account(token, "POST", "/passkeys/options", ""), 409, "no use")
	answers(t, w.account(token, "DELETE", "/passkeys/"+made.ID, ""), 204, "")
	if kinds := w.did("ann@example.com"); !slices.Contains(kinds, storage.EventPasskeyCreated) || !slices.Contains(kinds, storage.EventPasskeyRenamed) || !slices.Contains(kinds, storage.EventPasskeyRemoved) {
		t.Errorf("the log has %v", kinds)
	}
}

func TestAnAppSetsUpAnAuthenticatorAndRecoveryCodes(t *testing.T) {
	w := newWorld(t, "https://id.example.com", hushed)
	w.letIn("account", "account:write")
	ann := w.person()
	token, _ := ann.access("ann@example.com", both)
	answers(t, w.account(token, "POST", "/recovery-codes", ""), 404, "not set that up")
	answers(t, w.account(token, "POST", "/authenticator/confirm", `{"code":"123456"}`), 410, "Begin again")
	begun := answered[struct{ Secret, URI string }](w, token, "POST", "/authenticator", "")
	if !strings.HasPrefix(begun.URI, "otpauth://totp/id.example.com:ann@example.com?") || !strings.Contains(begun.URI, begun.Secret) {
		t.Errorf("the URI is %s", begun.URI)
	}
	// The key is seen in this place alone.
	ann.visit("/account/totp")
	ann.doesNotRead(begun.Secret[:4])
	again, _ := w.person().access("ann@example.com", both)
	bob, _ := w.person().access("bob@example.com", both)
	for _, other := range []string{again, bob} {
		answers(t, w.account(other, "POST", "/authenticator/confirm", `{"code":"`+w.shown(begun.Secret)+`"}`), 410, "Begin again")
	}
	if second := answered[struct{ Secret string }](w, again, "POST", "/authenticator", ""); second.Secret == begun.Secret {
		t.Error("another sign-in of hers sees the key")
	}
	answers(t, w.account(token, "POST", "/authenticator/confirm", `{"code":"12"}`), 422, "six digits")
	answers(t, w.account(token, "POST", "/authenticator/confirm", `{"code":"000000"}`), 422, "Tries left")
	codes := answered[struct {
		Codes []string `json:"recovery_codes"`
	}](w, token, "POST", "/authenticator/confirm", `{"code":"`+w.shown(begun.Secret)+`"}`).Codes
	if len(codes) != 10 {
		t.Errorf("recovery codes: %v", codes)
	}
	if mail, _ := w.notice("ann@example.com"); !strings.Contains(mail.Text, "authenticator") {
		t.Errorf("told by mail:\n%s", mail.Text)
	}
	answers(t, w.account(token, "GET", "/ways-in", ""), 200, `"authenticator":{"since":`)
	answers(t, w.account(token, "GET", "/ways-in", ""), 200, `"recovery_codes":{"left":10`)

	// The sign-in behind this token is from before: what it set up it cannot take away.
	for _, c := range [][3]string{{"DELETE", "/authenticator", ""}, {"POST", "/authenticator", ""}, {"POST", "/recovery-codes", ""}, {"PUT", "/second-factors/totp", `{"on":false}`}, {"POST", "/passkeys/options", ""}} {
		got := w.account(token, c[0], c[1], c[2])
		answers(t, got, 401, "second factor")
		if challenge := got.Header().Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_user_authentication"`) || !strings.Contains(challenge, `max_age="300"`) || !strings.Contains(challenge, `acr_values="urn:gatelatch:2"`) {
			t.Errorf("%s %s: %s", c[0], c[1], challenge)
		}
	}
	w.age(time.Minute)
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("scope", both, "max_age", "300", "acr_values", authn.ACR2).Encode())
	p.proves("ann@example.com")
	form := p.form("/sign-in/second-factor")
	form.Set("code", w.shown(begun.Secret))
	form.Set("trust", "1")
	p.post("/sign-in/second-factor", form)
	strong, _ := p.redeemed()
	answers(t, w.account(strong, "GET", "/trusted-browsers", ""), 200, `"until":`)
	answers(t, w.account(bob, "GET", "/trusted-browsers", ""), 200, "[]")
	one := answered[[]struct{ ID string }](w, strong, "GET", "/trusted-browsers", "")[0].ID
	answers(t, w.account(bob, "DELETE", "/trusted-browsers/"+one, ""), 204, "")
	answers(t, w.account(strong, "DELETE", "/trusted-browsers/x", ""), 204, "")
	answers(t, w.account(strong, "GET", "/trusted-browsers", ""), 200, one)
	answers(t, w.account(strong, "DELETE", "/trusted-browsers/"+one, ""), 204, "")
	answers(t, w.account(strong, "GET", "/trusted-browsers", ""), 200, "[]")
	fresh := answered[struct {
		Codes []string `json:"recovery_codes"`
	}](w, strong, "POST", "/recovery-codes", "").Codes
	if len(fresh) != 10 || slices.Contains(fresh, codes[0]) {
		t.Errorf("the new set is %v", fresh)
	}
	answers(t, w.account(strong, "PUT", "/second-factors/totp", `{"on":false}`), 204, "")
	answers(t, w.account(strong, "GET", "/ways-in", ""), 200, `"second_factors":[]`)
	answers(t, w.account(strong, "PUT", "/second-factors/passkey", `{"on":true}`), 404, "not set that up")
	answers(t, w.account(strong, "PUT", "/second-factors/social", `{"on":true}`), 422, "validation")
	answers(t, w.account(strong, "PUT", "/second-factors/totp", `{"on":true,"preferred":true}`), 204, "")
	answers(t, w.account(strong, "GET", "/ways-in", ""), 200, `"second_factors":[{"method":"totp","preferred":true`)
	answers(t, w.account(strong, "DELETE", "/authenticator", ""), 204, "")
	answers(t, w.account(strong, "DELETE", "/authenticator", ""), 404, "not set that up")
	kinds := w.did("ann@example.com")
	for _, kind := range []string{storage.EventFactorAdded, storage.EventFactorChanged, storage.EventFactorRemoved, storage.EventRecoveryCodes, storage.EventDeviceForgotten} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("the log has no %s: %v", kind, kinds)
		}
	}
}

func TestGuessesAtANewAuthenticatorAreCounted(t *testing.T) {
	w := newWorld(t, "https://id.example.com", func(c *server.Config) { c.Budgets.SecondFactorGuessesHour = 3 })
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", both)
	begun := answered[struct{ Secret string }](w, token, "POST", "/authenticator", "")
	for range 3 {
		answers(t, w.account(token, "POST", "/authenticator/confirm", `{"code":"000000"}`), 422, "Tries left")
	}
	answers(t, w.account(token, "POST", "/authenticator/confirm", `{"code":"`+w.shown(begun.Secret)+`"}`), 429, "Too many")
}

func TestAnAppShowsLinkedAccountsAndLeadsToWhereMoreAreLinked(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", hushed)
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", nil)
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", both)
	list := answered[struct {
		Accounts  []any
		Providers []struct {
			Connection string
			LinkURL    string `json:"link_url"`
		}
	}](w, token, "GET", "/linked-accounts", "")
	if len(list.Accounts) != 0 || len(list.Providers) != 1 || list.Providers[0].LinkURL != "http://localhost:4283/account/link?connection=staff" {
		t.Fatalf("got %+v", list)
	}
	// In a browser that is not signed in, or not freshly, the person signs in and is where the application has sent them.
	ann := w.person()
	ann.visit(strings.TrimPrefix(list.Providers[0].LinkURL, w.url.String()))
	ann.proves("ann@example.com")
	if ann.at != "/account/link?connection=staff" {
		t.Fatalf("after signing in at %s", ann.at)
	}
	ann.post("/account/link", ann.form("/account/link"))
	ann.visit(there.answer(ann.left))
	_, linked := w.userBy("ann@example.com")
	if len(linked) != 1 {
		t.Fatalf("linked: %v", linked)
	}
	answers(t, w.account(token, "GET", "/linked-accounts", ""), 200, `"provider":"Name of staff"`)
	bob, _ := w.person().access("bob@example.com", both)
	answers(t, w.account(bob, "GET", "/linked-accounts", ""), 200, `"accounts":[]`)
	answers(t, w.account(bob, "DELETE", "/linked-accounts/"+linked[0].ID.String(), ""), 404, "not set that up")
	w.choose(map[string]any{"methods": []string{"social"}, "sign_up": "closed"})
	w.age(2 * time.Second)
	answers(t, w.account(token, "DELETE", "/linked-accounts/"+linked[0].ID.String(), ""), 409, "last way in")
	w.choose(map[string]any{"methods": []string{"code", "social"}})
	w.age(2 * time.Second)
	answers(t, w.account(token, "DELETE", "/linked-accounts/"+linked[0].ID.String(), ""), 204, "")
	if kinds := w.did("ann@example.com"); !slices.Contains(kinds, storage.EventIdentityUnlinked) {
		t.Errorf("the log has %v", kinds)
	}
}

// bodies are right bodies of the operations that take one, by operation. What is not here takes none.
var bodies = map[string]string{
	"change-profile": `{"name":"x"}`, "put-picture": "x", "put-username": `{"username":"anna"}`, "add-address": `{"email":"two@example.com"}`, "confirm-address": `{"code":"123456"}`, "put-password": `{"password":"` + horse + `"}`,
	"add-passkey": `{}`, "rename-passkey": `{"name":"x"}`, "confirm-authenticator": `{"code":"123456"}`, "prefer-second-factor": `{"on":false}`, "delete-account": `{"address":"ann@example.com"}`,
}

// needFresh are the operations that need a fresh sign-in: all that touch a way in, the download and the deletion.
var needFresh = []string{"put-username", "add-address", "make-address-primary", "remove-address", "put-password", "delete-password", "begin-passkey", "add-passkey", "remove-passkey",
	"begin-authenticator", "remove-authenticator", "new-recovery-codes", "prefer-second-factor", "unlink-account", "get-data", "delete-account"}

func TestEveryOperationOfTheAccountAPINeedsItsTokenScopeOriginAndSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	reader, _ := w.person().access("ann@example.com", "openid account")
	writer, _ := w.person().access("ann@example.com", "openid account:write")
	none, _ := w.person().access("ann@example.com", "openid")
	w.age(6 * time.Minute)
	before := w.did("ann@example.com")
	operations := 0
	for path, methods := range w.described().Paths {
		path = strings.TrimPrefix(strings.NewReplacer("{id}", storage.NewID().String(), "{address}", "two@example.com", "{method}", "totp", "{client_id}", "bookstore").Replace(path), accountAPI)
		for method, o := range methods {
			operations++
			method = strings.ToUpper(method)
			ask := func(token string, header ...string) *httptest.ResponseRecorder {
				return w.account(token, method, path, bodies[o.OperationID], header...)
			}
			if got := ask(""); got.Code != 401 || got.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s without a token: %d %s", o.OperationID, got.Code, got.Body)
			}
			if got := ask(none); got.Code != 403 {
				t.Errorf("%s without the scope: %d %s", o.OperationID, got.Code, got.Body)
			}
			if got := ask(writer, "Origin", "https://till.example"); got.Code != 403 {
				t.Errorf("%s from another client's page: %d %s", o.OperationID, got.Code, got.Body)
			}
			if method != "GET" {
				if got := ask(reader); got.Code != 403 || !strings.Contains(got.Header().Get("WWW-Authenticate"), `scope="account:write"`) {
					t.Errorf("%s with the scope to read: %d %s", o.OperationID, got.Code, got.Body)
				}
			}
			if !slices.Contains(needFresh, o.OperationID) {
				continue
			}
			if got := ask(writer); got.Code != 401 || !strings.Contains(got.Header().Get("WWW-Authenticate"), `error="insufficient_user_authentication"`) {
				t.Errorf("%s after six minutes: %d %s", o.OperationID, got.Code, got.Body)
			}
			if !strings.Contains(o.Description, "five minutes") {
				t.Errorf("%s does not say that it needs a fresh sign-in", o.OperationID)
			}
		}
	}
	if operations < 30 {
		t.Errorf("%d operations were tried", operations)
	}
	if after := w.did("ann@example.com"); !slices.Equal(before, after) {
		t.Errorf("something was done: %v", after[:len(after)-len(before)])
	}
}

func TestAnOldSignInMayDoWhatTouchesNoWayIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", both)
	w.age(6 * time.Minute)
	for path, methods := range w.described().Paths {
		for method, o := range methods {
			if method == "get" && !slices.Contains(needFresh, o.OperationID) {
				if got := w.account(token, "GET", strings.TrimPrefix(path, accountAPI), ""); got.Code != 200 {
					t.Errorf("%s: %d %s", o.OperationID, got.Code, got.Body)
				}
			}
		}
	}
	answers(t, w.account(token, "DELETE", "/trusted-browsers", ""), 204, "")
	answers(t, w.account(token, "PATCH", "/profile", `{"name":"Ann"}`), 200, `"name":"Ann"`)
}

// described is the description of the API.
func (w *world) described() (doc struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID          string
		Summary, Description string
		Security             []map[string][]string
	}
}) {
	w.t.Helper()
	if err := json.Unmarshal(w.account("", "GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		w.t.Fatal(err)
	}
	return doc
}
