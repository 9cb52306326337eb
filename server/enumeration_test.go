package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/server/secret"
	"gatelatch/server/srp/srptest"
	"gatelatch/storage"
)

// Who is compared with the stranger. All names are as long as theirs.
const stranger = "x00@example.com"

var acquaintances = map[string]string{
	"a00@example.com": "has nothing but a mailbox", "b00@example.com": "has a password", withoutVerifier: "has a passkey and a password without a verifier",
	"d00@example.com": "has a password and an authenticator", "e00@example.com": "is disabled", "f00@example.com": "has asked to be deleted", "g00@example.com": "has an account elsewhere alone",
}

// withoutVerifier is one of them. Cognito's protocol tells of such a password where SRP is switched on: its owner is sent another way
// (TestAPasswordWithoutAVerifierIsSentAnotherWay).
const withoutVerifier = "c00@example.com"

// unconfirmed has a sign-up that waits for its code, of which Cognito's protocol tells.
const unconfirmed = "u00@example.com"

// hashMemory is what one hash of a password takes here, in KiB: enough to count hashes by the memory that was asked for.
const hashMemory = 8 << 10

// town is a server with all of them. Mail stays in its outbox.
func town(t testing.TB, signUp string, first authn.Method) (*world, amplify, *elsewhere) {
	t.Helper()
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) {
		const much = 1_000_000
		c.Budgets = authn.Budgets{NetworkMailsHour: much, NetworkGuessesHour: much, MailsHour: much, FlowsNetworkHour: much, MailsPerAddressBurst: 3, WrongGuessesPerAddressHour: 7}
		c.Passwords = authn.Passwords{MemoryKiB: hashMemory, Iterations: 1}
		rest := slices.DeleteFunc([]authn.Method{authn.MethodPassword, authn.MethodCode, authn.MethodPasskey, authn.MethodSocial}, func(m authn.Method) bool { return m == first })
		c.Experience = authn.Experience{SignUp: signUp, Methods: append([]authn.Method{first}, rest...)}
		c.Lifetimes.AccountDeletion = 30 * 24 * time.Hour
	})
	a := w.amplify(true)
	there := newElsewhere(t, annThere())
	w.connect(there, "staff", nil)
	w.letIn("account", "account:write")
	w.changeApp("bookstore", grantsDevices)
	for address := range acquaintances {
		w.addUser(address)
	}
	for _, address := range []string{"eve@example.com", "mal@example.com"} {
		w.addUser(address)
	}
	for _, address := range []string{"b00@example.com", "d00@example.com", "e00@example.com", "f00@example.com"} {
		w.administer("POST", "/users/"+address+"/password", map[string]any{"password": annsPassword}, http.StatusOK)
	}
	ids := map[string]storage.ID{}
	for address := range acquaintances {
		ids[address[:1]] = w.who(address).ID
	}
	hash := fmt.Sprintf("$argon2id$v=19$m=%d,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g", hashMemory)
	err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		leaving, err := tx.User(ids["f"])
		if err != nil {
			return err
		}
		leaving.DeleteAt = w.now().Add(20 * 24 * time.Hour).UnixMicro()
		gone, err := tx.User(ids["e"])
		if err != nil {
			return err
		}
		gone.Status = "disabled"
		for _, err := range []error{
			tx.UpdateUser(leaving), tx.UpdateUser(gone), tx.SavePassword(storage.Password{UserID: ids["c"], Hash: hash}),
			tx.InsertPasskey(storage.Passkey{ID: storage.NewID(), UserID: ids["c"], CredentialID: secret.Random(16), PublicKey: []byte{1}, AAGUID: make([]byte, 16), Transports: []string{}}),
			tx.ReplaceTOTP(storage.TOTP{ID: storage.NewID(), UserID: ids["d"], Sealed: []byte{1}}),
			tx.TurnOnSecondFactor(storage.SecondFactor{UserID: ids["d"], Method: "totp", Preferred: true}),
			tx.InsertIdentity(storage.Identity{ID: storage.NewID(), Connection: "staff", Issuer: there.URL, Subject: "g", UserID: ids["g"], Claims: []byte("{}")}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, a, there
}

// seen is all that somebody outside, and whoever measures the server's work, can see of a few requests.
type seen struct {
	answers    []string
	statements []string
	units      uint64 // of writing
	hashes     []int  // for each request
}

// watch looks at what becomes of requests about one name.
type watch struct {
	*world
	name string
	seen
}

var (
	opaque   = regexp.MustCompile(`[A-Za-z0-9_\-]{16,}`)
	verbose  = regexp.MustCompile(`<time .*?</time>|GL-[0-9A-Z]{4}-[0-9A-Z]{4}`)
	publicly = regexp.MustCompile(`"(SALT|SRP_B)":"[0-9a-f]+"`) // numbers, which have another length now and then
	sealed   = regexp.MustCompile(`"(Session|SECRET_BLOCK)":"[^"]+"`)
)

// plain is text in which what is random has only its length.
func (o *watch) plain(text string) string {
	text = publicly.ReplaceAllString(verbose.ReplaceAllString(text, "REFERENCE"), `"$1":NUMBER`)
	text = sealed.ReplaceAllString(text, `"$1":SEALED`) // by their kind: numbers lie in them
	for _, form := range []string{o.name, url.QueryEscape(o.name), url.PathEscape(o.name), o.name[:1] + "***@e***"} {
		text = strings.ReplaceAll(text, form, "NAME")
	}
	return opaque.ReplaceAllStringFunc(text, func(s string) string { return fmt.Sprintf("~%d~", len(s)) })
}

// answers does a request and notes everything.
func (o *watch) answers(do func() *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	o.t.Helper()
	var before, after runtime.MemStats
	o.asked.take()
	units := o.store.Stats().Units
	runtime.ReadMemStats(&before)
	rec := do()
	runtime.ReadMemStats(&after)
	o.units += o.store.Stats().Units - units
	for _, statement := range o.asked.take() {
		if !strings.Contains(statement, "FROM versions") { // whether the settings are those of before: asked now and then, of nobody
			o.statements = append(o.statements, statement)
		}
	}
	o.hashes = append(o.hashes, int((after.TotalAlloc-before.TotalAlloc+hashMemory<<9)/(hashMemory<<10)))
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(rec.Header())) {
		for _, value := range rec.Header()[name] {
			lines = append(lines, name+": "+o.plain(value))
		}
	}
	body := o.plain(rec.Body.String())
	o.seen.answers = append(o.seen.answers, fmt.Sprintf("%d, %d characters\n%s\n\n%s", rec.Code, len(body), strings.Join(lines, "\n"), body))
	return rec
}

// step does what a form or a link of a page does, without following where it leads.
func (o *watch) step(p *person, method, path string, form url.Values) string {
	o.t.Helper()
	rec := o.answers(func() *httptest.ResponseRecorder {
		r := p.request(method, path, form)
		if form != nil {
			r.Header.Set("Origin", p.url.String())
		}
		return p.send(r)
	})
	return rec.Header().Get("Location")
}

// call does an operation of Cognito's protocol.
func (o *watch) call(a amplify, operation string, in map[string]any) map[string]any {
	o.t.Helper()
	rec := o.answers(func() *httptest.ResponseRecorder { return a.raw(operation, in) })
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		o.t.Fatal(err)
	}
	return out
}

// arrives is somebody at the sign-in page, and the flow they are in.
func (o *watch) arrives(more ...string) (p *person, flow string) {
	o.t.Helper()
	p = o.person()
	rec := o.answers(func() *httptest.ResponseRecorder {
		return p.send(p.request("GET", "/oidc/authorize?"+authorization(more...).Encode(), nil))
	})
	at, err := url.Parse(rec.Header().Get("Location"))
	if err != nil || at.Query().Get("flow") == "" {
		o.t.Fatalf("the authorization leads to %q (%d)", rec.Header().Get("Location"), rec.Code)
	}
	return p, at.Query().Get("flow")
}

// entrances are all pages and calls at which a stranger can name somebody.
var entrances = map[string]func(o *watch, a amplify, there *elsewhere){
	"a mailed code": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives()
		o.codes(p, flow, "/sign-in/email", "email")
	},
	"a mailed code, from the page with a password": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives("prompt", "login")
		o.codes(p, flow, "/sign-in/email", "identifier")
	},
	"a login hint": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives("login_hint", o.name)
		for _, path := range []string{"/sign-in", "/sign-in/password", "/sign-in/forgot", "/sign-in/code"} {
			o.step(p, "GET", path+"?flow="+flow, nil)
		}
	},
	"a login hint that asks for a new account": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives("login_hint", o.name, "prompt", "create")
		o.step(p, "GET", "/sign-in?flow="+flow, nil)
		o.codes(p, flow, "/sign-in/email", "email")
	},
	"a login hint for a silent request": func(o *watch, _ amplify, _ *elsewhere) {
		p := o.person()
		o.step(p, "GET", "/oidc/authorize?"+authorization("login_hint", o.name, "prompt", "none").Encode(), nil)
	},
	"a password": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives()
		for range 9 { // and two more than there may be
			o.step(p, "POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {o.name}, "password": {"a wrong secret of theirs"}})
		}
		o.step(p, "GET", "/sign-in/password?flow="+flow, nil)
	},
	"a password after the name": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives()
		o.step(p, "POST", "/sign-in/email", url.Values{"flow": {flow}, "email": {o.name}})
		o.step(p, "GET", "/sign-in/password?flow="+flow, nil)
		o.step(p, "POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {o.name}, "password": {"a wrong secret of theirs"}})
	},
	"a forgotten password": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives()
		o.step(p, "GET", "/sign-in/forgot?flow="+flow, nil)
		o.codes(p, flow, "/sign-in/forgot", "email")
		o.step(p, "GET", "/sign-in/new-password?flow="+flow, nil)
		o.step(p, "POST", "/sign-in/new-password", url.Values{"flow": {flow}, "password": {"another long secret"}})
	},
	"an invitation": func(o *watch, _ amplify, _ *elsewhere) {
		made := o.administer("POST", "/invitations", map[string]any{"uses": 5}, http.StatusCreated)
		link, err := url.Parse(made["link"].(string))
		if err != nil {
			o.t.Fatal(err)
		}
		p := o.person()
		o.step(p, "GET", link.RequestURI(), nil)
		at, err := url.Parse(o.step(p, "POST", "/invitation", url.Values{"t": {link.Query().Get("t")}}))
		if err != nil {
			o.t.Fatal(err)
		}
		o.codes(p, at.Query().Get("flow"), "/sign-in/email", "email")
	},
	"a code that an administrator has told": func(o *watch, _ amplify, _ *elsewhere) {
		p := o.person()
		o.step(p, "GET", "/sign-in/letter", nil)
		for range 9 {
			o.step(p, "POST", "/sign-in/letter", url.Values{"identifier": {o.name}, "code": {"000000000000"}})
		}
	},
	"a provider that is asked for the name": func(o *watch, _ amplify, _ *elsewhere) {
		p, flow := o.arrives("login_hint", o.name)
		o.step(p, "POST", "/sign-in/social", url.Values{"flow": {flow}, "connection": {"staff"}})
	},
	"a provider that says the name, whoever may say so": func(o *watch, _ amplify, there *elsewhere) {
		there.claims = map[string]any{"sub": "whoever", "email": o.name, "email_verified": true}
		p, flow := o.arrives()
		p.visit("/sign-in?flow=" + flow)
		p.chooses("staff")
		o.step(p, "GET", there.answer(p.left), nil)
		o.step(p, "GET", "/sign-in?flow="+flow, nil)
		o.codes(p, flow, "/sign-in/email", "email")
	},
	"a device that is connected": func(o *watch, _ amplify, _ *elsewhere) {
		var asked struct {
			UserCode string `json:"user_code"`
		}
		if rec := o.asBookstore("/device_authorization", "scope", "openid"); json.Unmarshal(rec.Body.Bytes(), &asked) != nil || asked.UserCode == "" {
			o.t.Fatalf("no code for a device: %d %s", rec.Code, rec.Body)
		}
		p := o.person()
		at, err := url.Parse(o.step(p, "POST", "/device", url.Values{"user_code": {asked.UserCode}}))
		if err != nil || at.Query().Get("flow") == "" {
			o.t.Fatalf("the device leads to %v, %v", at, err)
		}
		o.codes(p, at.Query().Get("flow"), "/sign-in/email", "email")
	},
	"Cognito, which way it shall be": func(o *watch, a amplify, _ *elsewhere) {
		asked := o.call(a, "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": o.name}))
		o.call(a, "RespondToAuthChallenge", respond(asked, "SELECT_CHALLENGE", map[string]any{"USERNAME": o.name, "ANSWER": "EMAIL_OTP"}))
	},
	"Cognito, a mailed code": func(o *watch, a amplify, _ *elsewhere) {
		asked := o.call(a, "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": o.name, "PREFERRED_CHALLENGE": "EMAIL_OTP"}))
		for range 6 {
			o.call(a, "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": o.name, "EMAIL_OTP_CODE": "000000"}))
		}
	},
	"Cognito, a password": func(o *watch, a amplify, _ *elsewhere) {
		o.call(a, "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": o.name, "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": "a wrong secret of theirs"}))
		for range 9 {
			o.call(a, "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": o.name, "PASSWORD": "a wrong secret of theirs"}))
		}
	},
	"Cognito, SRP": func(o *watch, a amplify, _ *elsewhere) {
		for _, flow := range []string{"USER_SRP_AUTH", "USER_AUTH"} {
			c := srptest.New(987654321)
			asked := o.call(a, "InitiateAuth", auth(flow, map[string]any{"USERNAME": o.name, "SRP_A": c.A(), "PREFERRED_CHALLENGE": "PASSWORD_SRP"}))
			in, ok := asked["ChallengeParameters"].(map[string]any)
			if !ok {
				o.t.Fatalf("%s is asked %v", o.name, asked)
			}
			text := func(n string) string { return in[n].(string) }
			_, pool, _ := strings.Cut(a.pool(), "_")
			at := srptest.Timestamp(a.now())
			o.call(a, "RespondToAuthChallenge", map[string]any{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": map[string]any{"USERNAME": text("USERNAME"), "PASSWORD_CLAIM_SECRET_BLOCK": text("SECRET_BLOCK"), "TIMESTAMP": at,
				"PASSWORD_CLAIM_SIGNATURE": c.Sign(pool, text("USER_ID_FOR_SRP"), "a wrong secret of theirs", text("SALT"), text("SRP_B"), text("SECRET_BLOCK"), at)}})
		}
	},
	"Cognito, a passkey": func(o *watch, a amplify, _ *elsewhere) {
		asked := o.call(a, "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": o.name, "PREFERRED_CHALLENGE": "WEB_AUTHN"}))
		options := asked["ChallengeParameters"].(map[string]any)["CREDENTIAL_REQUEST_OPTIONS"].(string)
		mine := passkeytest.New("http://localhost:4283")
		if _, err := mine.Create(`{"challenge":"AAAA","rp":{"id":"localhost"},"user":{"id":"AAAA"}}`); err != nil {
			o.t.Fatal(err)
		}
		said, err := mine.Get(options)
		if err != nil {
			o.t.Fatal(err)
		}
		o.call(a, "RespondToAuthChallenge", respond(asked, "WEB_AUTHN", map[string]any{"USERNAME": o.name, "CREDENTIAL": said}))
	},
	"Cognito, a forgotten password": func(o *watch, a amplify, _ *elsewhere) {
		confirm := map[string]any{"Username": o.name, "ConfirmationCode": "000000", "Password": "another long secret"}
		o.call(a, "ConfirmForgotPassword", confirm)
		for range 5 {
			o.call(a, "ForgotPassword", map[string]any{"Username": o.name})
		}
		for range 6 {
			o.call(a, "ConfirmForgotPassword", confirm)
		}
	},
	"Cognito, a sign-up that nobody has begun": func(o *watch, a amplify, _ *elsewhere) {
		o.call(a, "ResendConfirmationCode", map[string]any{"Username": o.name})
		o.call(a, "ConfirmSignUp", map[string]any{"Username": o.name, "ConfirmationCode": "000000"})
	},
}

// codes asks for a mailed code once and again, more often than there are mails, and guesses it more often than it may be.
func (o *watch) codes(p *person, flow, path, field string) {
	o.t.Helper()
	o.step(p, "POST", path, url.Values{"flow": {flow}, field: {o.name}})
	o.step(p, "GET", "/sign-in/code?flow="+flow, nil)
	for range 4 {
		o.step(p, "POST", "/sign-in/resend", url.Values{"flow": {flow}})
	}
	for range 6 {
		o.step(p, "POST", "/sign-in/code", url.Values{"flow": {flow}, "code": {"000000"}})
	}
	o.step(p, "GET", "/sign-in/code?flow="+flow, nil)
	o.step(p, "GET", "/sign-in?flow="+flow, nil)
}

// same compares what was seen with what a stranger's name leads to.
func same(t *testing.T, who string, got, want seen) {
	t.Helper()
	if len(got.answers) != len(want.answers) {
		t.Fatalf("%s: %d answers, a stranger gets %d", who, len(got.answers), len(want.answers))
	}
	for i := range got.answers {
		if got.answers[i] != want.answers[i] {
			t.Fatalf("%s, answer %d:\n%s\n\na stranger's:\n%s", who, i, got.answers[i], want.answers[i])
		}
	}
	if !slices.Equal(got.statements, want.statements) {
		for i := range min(len(got.statements), len(want.statements)) {
			if got.statements[i] != want.statements[i] {
				t.Fatalf("%s, statement %d:\n%s\n\na stranger's:\n%s", who, i, got.statements[i], want.statements[i])
			}
		}
		t.Fatalf("%s takes %d statements, a stranger %d", who, len(got.statements), len(want.statements))
	}
	if got.units != want.units {
		t.Errorf("%s takes %d writes, a stranger %d", who, got.units, want.units)
	}
	if !slices.Equal(got.hashes, want.hashes) {
		t.Errorf("%s takes hashes %v, a stranger %v", who, got.hashes, want.hashes)
	}
}

// Whoever types somebody's name learns nothing of them: neither from what is answered, nor from what it takes. (SignUp of Cognito's protocol
// is the exception, which says that a name is taken: applications are made for that. So is a sign-up that waits for its code, for as long
// as it waits.) Mail is the same row of the outbox for everybody; what becomes of it is for the owner of the mailbox to see.
func TestNobodyLearnsWhoHasAnAccount(t *testing.T) {
	for _, signUp := range []string{"open", "invite", "closed"} {
		t.Run("sign-up "+signUp, func(t *testing.T) {
			w, a, there := town(t, signUp, authn.MethodPassword)
			w.rest()
			mails, hashes := 0, 0
			for _, name := range slices.Sorted(maps.Keys(entrances)) {
				t.Run(name, func(t *testing.T) {
					w.later.Add(int64(25 * time.Hour)) // every budget is full again
					look := func(who string) seen {
						o := &watch{world: w, name: who}
						entrances[name](o, a, there)
						return o.seen
					}
					look("w00@example.com") // statements are prepared, settings read
					want := look(stranger)
					for _, who := range slices.Sorted(maps.Keys(acquaintances)) {
						if name == "Cognito, SRP" && who == withoutVerifier {
							continue
						}
						same(t, "somebody who "+acquaintances[who], look(who), want)
					}
					if signUp == "open" && (!strings.HasPrefix(name, "Cognito") || name == "Cognito, a forgotten password") {
						a.raw("SignUp", map[string]any{"Username": unconfirmed, "Password": annsPassword})
						w.later.Add(int64(30 * time.Minute)) // the mail is forgotten, and the sign-up still waits
						same(t, "somebody who has not confirmed their sign-up", look(unconfirmed), want)
					}
					for _, statement := range want.statements {
						if strings.Contains(statement, "INSERT INTO outbox") {
							mails++
						}
					}
					for _, n := range want.hashes {
						hashes += n
					}
				})
			}
			if mails < 20 || hashes < 12 {
				t.Errorf("counted %d mails and %d hashes: too few", mails, hashes)
			}
		})
	}
}

// Whoever knows somebody's username, and an address, does not learn that they are one person's: what is asked for or guessed by one of them,
// more often than it may be, shows nothing at the other. What is compared are two names of one person, and two that are nobody's.
func TestNobodyLearnsWhoseAddressGoesWithAUsername(t *testing.T) {
	const (
		known, unknown = "margaret.of.the.lake", "nobodyat.of.the.lake" // longer than what random text has by chance
		mails, guesses = 3, 4
	)
	say := func(typed string, more ...string) url.Values {
		form := url.Values{"identifier": {typed}}
		if strings.Contains(typed, "@") { // which is taken where people sign in by username as well
			form = url.Values{"email": {typed}}
		}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	mailed := func(path string) func(*watch, string, int) {
		return func(o *watch, typed string, times int) {
			p, flow := o.arrives()
			for range times {
				o.step(p, "POST", path, say(typed, "flow", flow))
			}
			o.step(p, "GET", "/sign-in/code?flow="+flow, nil)
		}
	}
	for name, c := range map[string]struct {
		ask  func(o *watch, typed string, times int)
		most int
		only string // where people sign in by this
	}{
		"a mailed code":        {ask: mailed("/sign-in/email"), most: mails},
		"a forgotten password": {ask: mailed("/sign-in/forgot"), most: mails},
		"guesses at a mailed code": {most: guesses, ask: func(o *watch, typed string, times int) {
			p, flow := o.arrives()
			o.step(p, "POST", "/sign-in/email", say(typed, "flow", flow))
			for range times {
				o.step(p, "POST", "/sign-in/code", url.Values{"flow": {flow}, "code": {"000000"}})
			}
		}},
		"guesses at a password": {most: guesses, only: authn.IdentifiersBoth, ask: func(o *watch, typed string, times int) {
			p, flow := o.arrives()
			for range times {
				o.step(p, "POST", "/sign-in/password", url.Values{"flow": {flow}, "identifier": {typed}, "password": {"a wrong secret of theirs"}})
			}
		}},
		"guesses at a code that an administrator has told": {most: guesses, ask: func(o *watch, typed string, times int) {
			p := o.person()
			for range times {
				o.step(p, "POST", "/sign-in/letter", url.Values{"identifier": {typed}, "code": {"000000000000"}})
			}
		}},
	} {
		for _, which := range []string{authn.IdentifiersBoth, authn.IdentifiersUsername} {
			if c.only != "" && c.only != which {
				continue
			}
			t.Run(name+", "+which, func(t *testing.T) {
				w := newWorld(t, "http://localhost:4283", func(c *server.Config) {
					const much = 1_000_000
					c.Budgets = authn.Budgets{NetworkMailsHour: much, NetworkGuessesHour: much, MailsHour: much, FlowsNetworkHour: much, MailsPerAddressBurst: mails, WrongGuessesPerAddressHour: guesses}
					c.Passwords = authn.Passwords{MemoryKiB: hashMemory, Iterations: 1}
					c.Experience = authn.Experience{SignUp: "open", Identifiers: which, Methods: []authn.Method{authn.MethodPassword, authn.MethodCode}}
				})
				w.addUser(known + "@example.com")
				w.administer("POST", "/users/"+known+"@example.com/password", map[string]any{"password": annsPassword}, http.StatusOK)
				w.administer("POST", "/users/"+known+"@example.com/codes", nil, http.StatusCreated)
				w.rest()
				tooMany := func(answers []string) (n int) {
					for _, a := range answers {
						if strings.HasPrefix(a, "429") {
							n++
						}
					}
					return n
				}
				for _, names := range [][2]string{{"", "@example.com"}, {"@example.com", ""}} {
					look := func(who string) seen {
						o := &watch{world: w, name: who}
						c.ask(o, who+names[0], c.most+1)
						before := len(o.seen.answers)
						c.ask(o, who+names[1], 1)
						if first, then := tooMany(o.seen.answers[:before]), tooMany(o.seen.answers[before:]); first != 1 || then != 0 {
							t.Errorf("%s was too often %d times, and after that %s %d times; want once and never", who+names[0], first, who+names[1], then)
						}
						return o.seen
					}
					look("somebody.of.the.lake") // statements are prepared, settings read
					same(t, "the owner of both", look(known), look(unknown))
					w.later.Add(int64(25 * time.Hour)) // every budget is full again
				}
			})
		}
	}
}

// Whoever is signed in and adds an address learns nothing of it either, before they have shown that they can read its mail.
func TestNobodyLearnsWhoHasAnAddressByAddingIt(t *testing.T) {
	for name, add := range map[string]func(o *watch, eve *person, token string){
		"the account page": func(o *watch, eve *person, _ string) {
			for range 4 {
				o.step(eve, "POST", "/account/addresses", url.Values{"email": {o.name}})
			}
			o.step(eve, "GET", "/account/address?address="+url.QueryEscape(o.name), nil)
			for range 6 {
				o.step(eve, "POST", "/account/address/code", url.Values{"address": {o.name}, "code": {"000000"}})
			}
			o.step(eve, "POST", "/account/addresses/primary", url.Values{"address": {o.name}})
			o.step(eve, "POST", "/account/addresses/remove", url.Values{"address": {o.name}})
		},
		"the account API": func(o *watch, _ *person, token string) {
			call := func(method, path, body string) {
				o.answers(func() *httptest.ResponseRecorder { return o.account(token, method, path, body) })
			}
			for range 4 {
				call("POST", "/addresses", `{"email":"`+o.name+`"}`)
			}
			for range 6 {
				call("POST", "/addresses/"+o.name+"/confirm", `{"code":"000000"}`)
			}
			call("POST", "/addresses/"+o.name+"/primary", "")
			call("DELETE", "/addresses/"+o.name, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, _ := town(t, "open", authn.MethodCode)
			token, _ := w.person().access("mal@example.com", "openid account account:write")
			eve := w.atHome("eve@example.com")
			w.rest()
			look := func(who string) seen {
				o := &watch{world: w, name: who}
				add(o, eve, token)
				return o.seen
			}
			look("w00@example.com") // statements are prepared
			want := look(stranger)
			for _, who := range slices.Sorted(maps.Keys(acquaintances)) {
				same(t, "somebody who "+acquaintances[who], look(who), want)
			}
			if text := strings.Join(want.statements, "\n"); strings.Count(text, "INSERT INTO outbox") != 3 || strings.Count(text, "UPDATE otps SET tries") < 5 {
				t.Error("not three mails and five guesses")
			}
		})
	}
}

// BenchmarkNames prints what it takes to type the name of somebody, and of nobody, beside each other.
func BenchmarkNames(b *testing.B) {
	w, a, there := town(b, "open", authn.MethodPassword)
	w.rest()
	for _, name := range []string{"a mailed code", "a password after the name", "a forgotten password", "Cognito, a mailed code", "Cognito, SRP", "Cognito, a forgotten password"} {
		for who, address := range map[string]string{"known": "b00@example.com", "unknown": stranger} {
			b.Run(name+"/"+who, func(b *testing.B) {
				for b.Loop() {
					w.later.Add(int64(25 * time.Hour))
					o := &watch{world: w, name: address}
					entrances[name](o, a, there)
				}
			})
		}
	}
}
