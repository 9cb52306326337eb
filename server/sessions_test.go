package server_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// resident is somebody who can sign in by everything there is.
type resident struct {
	*world
	address  string
	key      string // of the authenticator, "" without
	recovery []string
	passkey  *passkeytest.Authenticator
	there    *elsewhere
}

var recoveryCode = regexp.MustCompile(`[0-9a-z]{4}(?:-[0-9a-z]{4}){3}`)

// settle makes ann@example.com, with an authenticator or without.
func (w *world) settle(protected bool) *resident {
	w.t.Helper()
	ann := &resident{world: w, address: "ann@example.com", passkey: passkeytest.New("http://localhost:4283"), there: newElsewhere(w.t, annThere())}
	w.connect(ann.there, "staff", map[string]any{"trusted": true})
	p := w.atHome(ann.address)
	w.administer("POST", "/users/"+ann.address+"/password", map[string]any{"password": annsPassword, "keep_sessions": true}, http.StatusOK)
	if protected {
		p.visit("/account")
		p.post("/account/totp/begin", p.form("/account/totp/begin"))
		ann.key = strings.ReplaceAll(keyOnPage.FindStringSubmatch(p.screen.Body.String())[1], " ", "")
		p.submit("/account/totp", "code", p.shown(ann.key))
		if ann.recovery = recoveryCode.FindAllString(p.text(), -1); len(ann.recovery) != 10 {
			w.t.Fatalf("recovery codes: %v on %s", ann.recovery, p.text())
		}
		p.post("/account/recovery-codes/saved", p.form("/account/recovery-codes/saved"))
	}
	if p.visit("/account/passkey/new"); protected {
		w.later.Add(int64(time.Minute))
		p.second("totp", w.shown(ann.key))
		p.visit("/account/passkey/new")
	}
	said, err := ann.passkey.Create(p.question())
	if err != nil {
		w.t.Fatal(err)
	}
	p.submit("/account/passkey/new", "credential", said)
	return ann
}

// way is how somebody proves who they are, from the page where a sign-in begins.
type way func(ann *resident, p *person)

var firstWays = map[string]way{
	"a mailed code": func(ann *resident, p *person) { p.prove(ann.address) },
	"a mailed link": func(ann *resident, p *person) {
		p.submit("/sign-in/email", "email", ann.address)
		mail, err := ann.mails.Wait(p.t.Context(), ann.address)
		if err != nil {
			p.t.Fatal(err)
		}
		p.visit(strings.TrimPrefix(mail.Link, ann.url.String()))
		p.post("/sign-in/link", p.form("/sign-in/link"))
	},
	"a password": func(ann *resident, p *person) {
		p.post("/sign-in/password", url.Values{"flow": {p.flow()}, "identifier": {ann.address}, "password": {annsPassword}})
	},
	"an account elsewhere": func(ann *resident, p *person) {
		p.chooses("staff")
		ann.there.claims["iat"], ann.there.claims["exp"] = ann.now().Unix(), ann.now().Add(time.Minute).Unix()
		p.visit(ann.there.answer(p.left))
	},
	"a link of an administrator": func(ann *resident, p *person) { ann.letter(p, false) },
}

// flow is the flow of the page on the screen.
func (p *person) flow() string {
	p.t.Helper()
	at, err := url.Parse(p.at)
	if err != nil || at.Query().Get("flow") == "" {
		p.t.Fatalf("%s (%d) is no page of a sign-in", p.at, p.screen.Code)
	}
	return at.Query().Get("flow")
}

func (ann *resident) letter(p *person, recover bool) {
	p.t.Helper()
	made := ann.administer("POST", "/users/"+ann.address+"/links", map[string]any{"recover": recover}, http.StatusCreated)
	p.visit(strings.TrimPrefix(made["link"].(string), ann.url.String()))
	p.post("/sign-in/letter", p.form("/sign-in/letter"))
}

// secondWays answer the question for a second factor.
var secondWays = map[string]way{
	"an authenticator": func(ann *resident, p *person) { p.second("totp", ann.shown(ann.key)) },
	"a recovery code": func(ann *resident, p *person) {
		p.second("recovery", ann.recovery[0])
		ann.recovery = ann.recovery[1:]
	},
	"a passkey": func(ann *resident, p *person) {
		p.visit("/sign-in/second-factor?way=passkey&flow=" + p.flow())
		said, err := ann.passkey.Get(p.question())
		if err != nil {
			p.t.Fatal(err)
		}
		form := p.form("/sign-in/passkey")
		form.Set("credential", said)
		p.post("/sign-in/passkey", form)
	},
}

// second answers the question for a second factor.
func (p *person) second(way, code string) {
	p.t.Helper()
	p.visit("/sign-in/second-factor?way=" + way + "&flow=" + p.flow())
	p.submit("/sign-in/second-factor", "code", code)
}

// sessionCookies are those of an answer.
func sessionCookies(rec *httptest.ResponseRecorder) (values []string) {
	for _, c := range rec.Result().Cookies() {
		if strings.Contains(c.Name, "session") {
			values = append(values, c.Value)
		}
	}
	return values
}

// A value that a session had before somebody proved more is worth nothing after it, whoever has planted or seen it (ASVS 7.2.4; SECURITY row
// 52); and there is none before the last proof that is asked for (GHSA-xg6x-h9c9-2m83).
func TestEveryProofGivesTheBrowserAnotherSessionAndNoneBeforeTheLast(t *testing.T) {
	allWays := func(c *server.Config) {
		wide(c)
		c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword, authn.MethodPasskey, authn.MethodSocial}
	}
	ways := map[string]func(ann *resident, p *person){
		"a passkey": func(ann *resident, p *person) {
			said, err := ann.passkey.Get(p.question())
			if err != nil {
				p.t.Fatal(err)
			}
			p.submit("/sign-in/passkey", "credential", said)
		},
	}
	for first, one := range firstWays {
		ways[first] = one
		for second, two := range secondWays {
			ways[first+" and "+second] = func(ann *resident, p *person) {
				one(ann, p)
				if !strings.HasPrefix(p.at, "/sign-in/second-factor") || p.left != "" {
					p.t.Fatalf("after the first proof: %s, left for %q", p.at, p.left)
				}
				if p.given != nil || p.signedInAs().ID != (storage.ID{}) && p.signedInAs().ID != p.before {
					p.t.Errorf("a session after the first of two proofs: %v", p.given)
				}
				two(ann, p)
			}
		}
	}
	for name, walk := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283", allWays)
			ann := w.settle(strings.Contains(name, " and "))
			p := w.person()
			planted := secret.Token(32)
			p.jar.SetCookies(w.url, []*http.Cookie{{Name: "gl_session_4283", Value: planted, Path: "/"}})
			last := planted
			for range 2 {
				w.later.Add(int64(time.Minute))
				p.given, p.before = nil, p.signedInAs().ID
				p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode())
				walk(ann, p)
				if len(p.given) != 1 || len(p.given[0]) < 32 || p.given[0] == last {
					t.Fatalf("got the sessions %v after %q; the browser is at %s, left for %q", p.given, last, p.at, p.left)
				}
				if s := p.signedInAs(); s.UserID != w.who(ann.address).ID {
					t.Fatalf("the session is %+v", s)
				}
				thief := w.person()
				thief.jar.SetCookies(w.url, []*http.Cookie{{Name: "gl_session_4283", Value: last, Path: "/"}})
				if thief.signedIn() || thief.signedInAs().ID != (storage.ID{}) {
					t.Errorf("the value from before the sign-in is a session")
				}
				last = p.given[0]
			}
		})
	}
}

func TestStepUpGivesTheBrowserAnotherSession(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) { c.Experience.SecondFactor = authn.SecondFactorOff })
	ann := w.settle(true)
	p := w.person()
	p.signIn(ann.address)
	for name, walk := range secondWays {
		w.later.Add(int64(time.Minute))
		q := &person{world: w, jar: must(cookiejar.New(nil))}
		q.signIn(ann.address)
		before := q.jar.Cookies(w.url)
		q.given = nil
		q.visit("/oidc/authorize?" + authorization("claims", essential).Encode())
		walk(ann, q)
		if len(q.given) != 1 || q.left == "" {
			t.Fatalf("%s: got the sessions %v, at %s", name, q.given, q.at)
		}
		thief := w.person()
		thief.jar.SetCookies(w.url, before)
		if thief.signedIn() {
			t.Errorf("%s: the session from before the step lives on", name)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Signing out everywhere ends what every door has given.
func TestSigningOutEverywhereEndsTokensOfEveryDoor(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	a := w.amplify(false)
	const ann = "ann@example.com"
	a.member(ann, annsPassword)
	w.letIn("account", "account:write")
	pool := tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": annsPassword})))
	app, phone, here := w.person(), w.person(), w.atHome(ann)
	token, _ := app.access(ann, "openid offline_access account")
	phone.signIn(ann)
	back := must(url.Parse(phone.left))
	tokens := w.exchanged(back.Query().Get("code"))

	here.visit("/account")
	here.post("/account/devices/end-all", url.Values{})
	for name, p := range map[string]*person{"the application's browser": app, "the phone": phone, "here": here} {
		if p.signedIn() {
			t.Errorf("%s is signed in", name)
		}
	}
	a.is("NotAuthorizedException", "GetUser", map[string]any{"AccessToken": pool["AccessToken"]})
	a.is("NotAuthorizedException", "GetTokensFromRefreshToken", map[string]any{"RefreshToken": pool["RefreshToken"]})
	if got := w.account(token, "GET", "/profile", ""); got.Code != http.StatusUnauthorized {
		t.Errorf("the account API: %d", got.Code)
	}
	if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", tokens.Refresh); got.Code != http.StatusBadRequest {
		t.Errorf("the refresh token: %d %s", got.Code, got.Body)
	}
	r := w.request("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.Access)
	if got := w.do(r); got.Code != http.StatusUnauthorized {
		t.Errorf("userinfo: %d %s", got.Code, got.Body)
	}
}

// An app that asks for a fresh sign-in has nothing but auth_time to see that there was one (OpenID Connect Core, section 3.1.2.1).
func TestAuthTimeIsWhenThePersonLastProvedWhoTheyAre(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	p := w.person()
	code, _ := p.signIn("ann@example.com")
	_, first := w.exchange(code)
	back := func(pairs ...string) map[string]any {
		t.Helper()
		if p.visit("/oidc/authorize?" + authorization(pairs...).Encode()); p.left == "" {
			p.proves("ann@example.com")
		}
		to, err := url.Parse(p.left)
		if err != nil || to.Query().Get("code") == "" {
			t.Fatalf("%v: the way back is %q", pairs, p.left)
		}
		_, claims := w.exchange(to.Query().Get("code"))
		return claims
	}
	proven := first["auth_time"].(float64)
	for _, c := range []struct {
		asks []string
		anew bool
	}{{nil, false}, {[]string{"prompt", "none"}, false}, {[]string{"max_age", "86400"}, false}, {[]string{"max_age", "60"}, true}, {nil, false}, {[]string{"prompt", "login"}, true}, {[]string{"max_age", "0"}, true}} {
		w.age(time.Hour)
		claims := back(c.asks...)
		at, now := claims["auth_time"].(float64), claims["iat"].(float64)
		if life := claims["exp"].(float64) - now; life <= 0 || life > 3600 {
			t.Errorf("%v: an ID token for %v seconds", c.asks, life)
		}
		if c.anew {
			if at <= proven || now-at > 60 {
				t.Errorf("%v: auth_time is %v, want one of now, %v", c.asks, at, now)
			}
			proven = at
		} else if at != proven {
			t.Errorf("%v: auth_time is %v, want still %v", c.asks, at, proven)
		}
	}
}
