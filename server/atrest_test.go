package server_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/srp/srptest"
)

// hoard are secrets by what they are, and the bytes they stand for where their text is one of several forms.
type hoard struct {
	t     *testing.T
	texts map[string]string
	bytes map[string][]byte
}

func (h *hoard) keep(what, text string) string {
	h.t.Helper()
	if len(text) < 6 {
		h.t.Fatalf("%s is %q", what, text)
	}
	h.texts[what] = text
	for _, decode := range []func(string) ([]byte, error){base64.RawURLEncoding.DecodeString, base64.StdEncoding.DecodeString, hex.DecodeString} {
		if raw, err := decode(text); err == nil && len(raw) >= 12 && !strings.Contains(what, "code ") {
			h.bytes[what+", decoded"] = raw
		}
	}
	return text
}

// of keeps the parameters of an address.
func (h *hoard) of(what, address string, names ...string) {
	h.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, name := range names {
		h.keep(what+" "+name, u.Query().Get(name))
	}
}

// in reports what of it lies in a text.
func (h *hoard) in(where string, text []byte) {
	h.t.Helper()
	lower := bytes.ToLower(text)
	for what, s := range h.texts {
		if regexp.MustCompile(`^[0-9]{6}$`).MatchString(s) { // as a number of its own, not in the midst of another
			if regexp.MustCompile(`(^|[^0-9])` + s + `([^0-9]|$)`).Match(text) {
				h.t.Errorf("%s holds the %s", where, what)
			}
			continue
		}
		h.bytes[what] = []byte(s)
	}
	for what, raw := range h.bytes {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if bytes.Contains(text, []byte(enc.EncodeToString(raw))) {
				h.t.Errorf("%s holds the %s as base64", where, what)
			}
		}
		if bytes.Contains(text, raw) {
			h.t.Errorf("%s holds the %s", where, what)
		}
		if bytes.Contains(lower, []byte(hex.EncodeToString(raw))) {
			h.t.Errorf("%s holds the %s as hexadecimal digits", where, what)
		}
	}
}

// Whoever reads the database, a copy of it or the log gets nothing that lets them in, and nothing that somebody else lets them in with. What
// has to come back in clear (an authenticator's key, a provider's secret) is sealed under the key file; of the rest there are digests.
func TestNothingThatLiesAtRestLetsAnybodyIn(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) {
		c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword, authn.MethodPasskey, authn.MethodSocial}
		c.Registration = "open"
		c.Experience.TrustDevice = int64(30 * 24 * time.Hour / time.Second)
	})
	a := w.amplify(true)
	w.letIn("account", "account:write")
	h := &hoard{t: t, texts: map[string]string{}, bytes: map[string][]byte{}}
	h.keep("client secret", appSecret)
	h.keep("password", annsPassword)
	h.keep("secret of a connection", "there-secret")
	h.of("set-up link", w.setUp, "t")

	// Somebody with everything; an authenticator that is only being set up; a browser that is trusted.
	ann := w.settle(true)
	h.keep("authenticator's key", ann.key)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(ann.key)
	if err != nil {
		t.Fatal(err)
	}
	h.bytes["authenticator's key, decoded"] = raw
	for _, code := range ann.recovery {
		h.keep("recovery code "+code, code)
		h.keep("recovery code without dashes "+code, strings.ReplaceAll(code, "-", ""))
	}
	w.later.Add(int64(time.Minute))
	p := w.person()
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.prove(ann.address)
	form := p.form("/sign-in/second-factor")
	form.Set("code", w.shown(ann.key))
	form.Set("trust", "1")
	p.post("/sign-in/second-factor", form)
	h.of("authorization", p.left, "code")
	back := must(url.Parse(p.left))
	tokens := w.exchanged(back.Query().Get("code"))
	h.keep("access token", tokens.Access)
	h.keep("refresh token", tokens.Refresh)
	for _, c := range p.jar.Cookies(w.url) {
		h.keep("cookie "+c.Name, c.Value)
	}
	if len(h.texts["cookie gl_device_4283"]) < 32 {
		t.Fatal("no browser was trusted")
	}
	other := w.atHome("bob@example.com")
	other.visit("/account")
	other.post("/account/totp/begin", other.form("/account/totp/begin"))
	begun := strings.ReplaceAll(keyOnPage.FindStringSubmatch(other.screen.Body.String())[1], " ", "")
	h.keep("key of an authenticator that is being set up", begun)
	h.bytes["key of an authenticator that is being set up, decoded"] = must(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun))

	// The account API, an application that registers itself, a device, a pushed request.
	bob := w.person()
	token, _ := bob.access("bob@example.com", "openid account account:write offline_access")
	h.keep("token for the account API", token)
	if got := w.account(token, "POST", "/addresses", `{"email":"bob@example.org"}`); got.Code != http.StatusAccepted {
		t.Fatalf("a new address: %d %s", got.Code, got.Body)
	}
	h.keep("code of a new address", w.typed("bob@example.org"))
	enrolled := w.enrolled("", desk())
	h.keep("token of a registration", text(enrolled, "registration_access_token"))
	w.changeApp("bookstore", grantsDevices)
	var device map[string]any
	if err := json.Unmarshal(w.asBookstore("/device_authorization", "scope", "openid").Body.Bytes(), &device); err != nil {
		t.Fatal(err)
	}
	h.keep("code of a device", text(device, "device_code"))
	h.keep("code that is typed for a device", text(device, "user_code"))
	var pushed map[string]any
	if err := json.Unmarshal(w.asBookstore("/par", "redirect_uri", appCallback, "response_type", "code", "scope", "openid").Body.Bytes(), &pushed); err != nil {
		t.Fatal(err)
	}
	h.keep("pushed request", strings.TrimPrefix(text(pushed, "request_uri"), "urn:ietf:params:oauth:request_uri:"))

	// Cognito's door: tickets, SRP, keys of administrators.
	a.member("cat@example.com", annsPassword)
	exchange := a.is("", "InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": "cat@example.com", "SRP_A": srptest.New(7).A()}))
	in := exchange["ChallengeParameters"].(map[string]any)
	h.keep("ticket", exchange["Session"].(string))
	h.keep("salt of a verifier", in["SALT"].(string))
	pool := tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer("cat@example.com", annsPassword, nil)))
	h.keep("refresh token of Cognito's door", pool["RefreshToken"].(string))
	h.keep("access token of Cognito's door", pool["AccessToken"].(string))
	made := a.is("", "SignUp", map[string]any{"Username": "dan@example.com", "Password": "a password that waits"})
	h.keep("password of a sign-up that waits", "a password that waits")
	h.keep("ticket of a sign-up", made["Session"].(string))
	h.keep("secret of an administrator's key", a.keyholder().secret)

	// Providers, letters, invitations, notices; mail that has not left.
	q := w.person()
	q.begins("staff")
	h.of("question to a provider", q.left, "state", "nonce")
	h.of("answer of a provider", ann.there.answer(q.left), "code")
	for _, recover := range []bool{false, true} {
		link := w.administer("POST", "/users/bob@example.com/links", map[string]any{"recover": recover}, http.StatusCreated)
		h.of("link of an administrator, recover "+map[bool]string{true: "yes", false: "no"}[recover], text(link, "link"), "t")
	}
	open := w.administer("POST", "/invitations", map[string]any{"uses": 3}, http.StatusCreated)
	h.of("open invitation", text(open, "link"), "t")
	w.administer("POST", "/invitations", map[string]any{"email": "eve@example.com"}, http.StatusCreated)
	mail, err := w.mails.Wait(t.Context(), "eve@example.com")
	if err != nil {
		t.Fatal(err)
	}
	h.of("mailed invitation", mail.Link, "t")
	notice, err := w.mails.WaitFor(t.Context(), ann.address, email.AccountChange)
	if err != nil {
		t.Fatal(err)
	}
	h.of("notice", notice.Link, "t")
	r := w.person()
	r.visit("/oidc/authorize?" + authorization().Encode())
	flow := r.flow()
	r.post("/sign-in/forgot", url.Values{"flow": {flow}, "email": {"cat@example.com"}})
	mail, err = w.mails.WaitFor(t.Context(), "cat@example.com", email.ForgotPassword)
	if err != nil {
		t.Fatal(err)
	}
	h.of("mailed link", mail.Link, "t")
	h.keep("mailed code", mail.Code)
	w.rest()
	w.person().visit("/sign-in")
	s := w.person()
	s.visit("/oidc/authorize?" + authorization().Encode())
	s.submit("/sign-in/email", "email", "fay@example.com") // its mail stays in the outbox

	if len(h.texts) < 45 {
		t.Fatalf("only %d secrets", len(h.texts))
	}
	content := database(t, w.dir)
	h.in("the database", content)
	h.in("the log", []byte(w.log.text()))

	if !bytes.Contains(content, []byte("fay@example.com")) || len(content) < 200_000 {
		t.Errorf("the database was not read: %d bytes", len(content))
	}
}

// database is everything that lies in a folder.
func database(t *testing.T, dir string) (all []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}
