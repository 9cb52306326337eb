package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/server/jose"
	"gatelatch/storage"
)

// listener is an application that wants to be told of sign-outs.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int // of the next answers; 0 is 200
	asked  int
	tokens chan string
}

func newListener(t *testing.T) *listener {
	l := &listener{tokens: make(chan string, 20)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.asked++
		status := l.status
		l.mu.Unlock()
		if status != 0 {
			w.WriteHeader(status)
		}
		if r.Method == "POST" && r.URL.Path == "/logout" && status == 0 {
			l.tokens <- r.PostFormValue("logout_token")
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// token waits for the next one.
func (l *listener) token(t *testing.T) string {
	t.Helper()
	select {
	case token := <-l.tokens:
		return token
	case <-time.After(20 * time.Second):
		t.Fatal("nobody told the application")
	}
	return ""
}

func (w *world) changeApp(id string, change func(*storage.Client)) {
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

func (w *world) listened(t *testing.T) *listener {
	l := newListener(t)
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.LogoutURI = l.URL + "/logout" })
	return l
}

// idToken signs somebody in and exchanges the code.
func (p *person) idToken(address string) (raw string, claims map[string]any) {
	p.t.Helper()
	code, _ := p.signIn(address)
	return p.exchange(code)
}

func (w *world) exchange(code string) (raw string, claims map[string]any) {
	w.t.Helper()
	var out struct {
		ID string `json:"id_token"`
	}
	answer := w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || out.ID == "" {
		w.t.Fatalf("exchange: %v %s", err, answer.Body)
	}
	return out.ID, claimsOf(w.t, out.ID)
}

// claimsOf reads a token without looking at its signature.
func claimsOf(t testing.TB, token string) (claims map[string]any) {
	t.Helper()
	parsed, err := jose.Parse(token)
	if err != nil {
		t.Fatalf("%v: %q", err, token)
	}
	text, err := json.Marshal(parsed.Claims)
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// manage does an operation of the management API.
func (w *world) manage(method, path string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, httptest.NewRequest(method, "/api/v1"+path, nil))
	if rec.Code >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
}

// checkLogoutToken is what an application does with one (Back-Channel Logout 1.0 §2.6).
func (w *world) checkLogoutToken(token string, idToken map[string]any) {
	w.t.Helper()
	parsed, err := jose.Parse(token)
	if err != nil {
		w.t.Fatalf("%v: %q", err, token)
	}
	keys, err := jose.ParseSet(w.do(w.request("GET", "/oidc/jwks", nil)).Body.Bytes())
	if err != nil || !parsed.Verify(keys) {
		w.t.Fatalf("the signature does not verify with our JWKS (%v)", err)
	}
	claims := claimsOf(w.t, token)
	events, _ := claims["events"].(map[string]any)
	event, told := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	life, _ := claims["exp"].(float64)
	issued, _ := claims["iat"].(float64)
	if !parsed.Header.IsType("logout+jwt") || claims["iss"] != w.url.String()+"/oidc" || claims["aud"] != "bookstore" || claims["sub"] != idToken["sub"] || claims["sid"] != idToken["sid"] ||
		!told || len(event) != 0 || claims["nonce"] != nil || claims["jti"] == "" || claims["jti"] == nil || life-issued <= 0 || life-issued > 120 {
		w.t.Errorf("header %+v, claims %v; the ID token said %v", parsed.Header, claims, idToken)
	}
}

func TestAnAppIsToldOfEveryWayASessionEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, w *world, p *person, idToken string, user storage.ID){
		"sign-out by the app": func(t *testing.T, w *world, p *person, idToken string, _ storage.ID) {
			p.visit("/oidc/logout?" + url.Values{"id_token_hint": {idToken}}.Encode())
		},
		"sign-out by the app's server": func(t *testing.T, w *world, _ *person, idToken string, _ storage.ID) {
			w.do(w.request("GET", "/oidc/logout?"+url.Values{"id_token_hint": {idToken}}.Encode(), nil))
		},
		"the sign-out page": func(t *testing.T, w *world, p *person, _ string, _ storage.ID) {
			p.post("/sign-out", url.Values{})
		},
		"everywhere": func(t *testing.T, w *world, _ *person, _ string, user storage.ID) {
			w.manage("POST", "/users/"+user.String()+"/sign-out")
		},
		"the person is disabled": func(t *testing.T, w *world, _ *person, _ string, user storage.ID) {
			w.manage("POST", "/users/"+user.String()+"/disable")
		},
		"the person is deleted": func(t *testing.T, w *world, _ *person, _ string, user storage.ID) {
			w.manage("DELETE", "/users/"+user.String())
		},
		"the person removes the app": func(_ *testing.T, _ *world, p *person, _ string, _ storage.ID) {
			p.visit("/account")
			p.submit("/account/apps/remove", "app", "bookstore")
		},
		"an administrator removes the app": func(_ *testing.T, w *world, _ *person, _ string, user storage.ID) {
			w.manage("DELETE", "/users/"+user.String()+"/consents/bookstore")
		},
		"somebody else signs in here": func(t *testing.T, w *world, p *person, _ string, _ storage.ID) {
			p.arrive(authorization("prompt", "login"), "ben@example.com")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283")
			l := w.listened(t)
			ann := w.person()
			raw, claims := ann.idToken("ann@example.com")
			user, err := storage.ParseID(claims["sub"].(string))
			if err != nil {
				t.Fatal(err)
			}
			end(t, w, ann, raw, user)
			w.checkLogoutToken(l.token(t), claims)
			if len(l.tokens) > 0 {
				t.Error("told twice")
			}
		})
	}
}

func TestSigningInAgainInTheSameBrowserEndsNothingAndKeepsTheSessionsName(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", wide)
	l := w.listened(t)
	ann := w.person()
	_, first := ann.idToken("ann@example.com")
	ann.arrive(authorization("prompt", "login"), "ann@example.com")
	back, err := url.Parse(ann.left)
	if err != nil {
		t.Fatal(err)
	}
	_, second := w.exchange(back.Query().Get("code"))
	if len(l.tokens) > 0 {
		t.Error("the app was told of a sign-out that was none")
	}
	ann.post("/sign-out", url.Values{})
	told := map[string]bool{}
	for range 2 {
		told[claimsOf(t, l.token(t))["sid"].(string)] = true
	}
	if !told[first["sid"].(string)] || !told[second["sid"].(string)] {
		t.Errorf("told of %v, want both %v and %v", told, first["sid"], second["sid"])
	}
}

func TestAnAppThatDoesNotAnswerIsAskedAgainAndOneThatRefusesIsNot(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	l := w.listened(t)
	ann := w.person()
	_, claims := ann.idToken("ann@example.com")
	l.mu.Lock()
	l.status = http.StatusInternalServerError
	l.mu.Unlock()
	ann.post("/sign-out", url.Values{})
	l.await(t, 1)
	l.mu.Lock()
	l.status = 0
	l.mu.Unlock()
	w.checkLogoutToken(l.token(t), claims)

	l.mu.Lock()
	l.status, l.asked = http.StatusBadRequest, 0
	l.mu.Unlock()
	ben := w.person()
	ben.idToken("ben@example.com")
	ben.post("/sign-out", url.Values{})
	l.await(t, 1)
	w.emptyOutbox(t)
}

// await waits until the application was asked so often.
func (l *listener) await(t *testing.T, times int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		asked := l.asked
		l.mu.Unlock()
		if asked >= times {
			return
		}
	}
	t.Fatalf("not asked %d times", times)
}

func (w *world) emptyOutbox(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if due, err := w.store.View(t.Context()).DueDeliveries(time.Now().Add(24*time.Hour).UnixMicro(), 10, ""); err == nil && len(due) == 0 {
			return
		}
	}
	t.Fatal("the outbox is not empty")
}

// A private address is called only where the server is on the developer's own machine, or its network was allowed.
func TestAServerForTheWorldDoesNotKnockOnPrivateDoors(t *testing.T) {
	w := newWorld(t, "https://id.example")
	l := w.listened(t)
	ann := w.person()
	ann.idToken("ann@example.com")
	ann.post("/sign-out", url.Values{})
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(w.log.text(), "not delivered") {
		if time.Now().After(deadline) {
			t.Fatal("the log does not say that the application could not be told")
		}
		time.Sleep(5 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked > 0 {
		t.Error("the server called a loopback address")
	}
	if strings.Contains(w.log.text(), "eyJ") {
		t.Error("a token is in the log")
	}
}

func TestSigningOutOfAnAppMayLeaveTheSessionHereAlone(t *testing.T) {
	w := newWorld(t, "http://localhost:4283")
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.KeepsSession = true })
	ann := w.person()
	raw, _ := ann.idToken("ann@example.com")
	ann.visit("/oidc/logout?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {appGoodbye}}.Encode())
	if ann.left != appGoodbye {
		t.Errorf("went to %q %q", ann.left, ann.at)
	}
	w.do(w.request("GET", "/oidc/logout?"+url.Values{"id_token_hint": {raw}}.Encode(), nil)) // nor from the app's server
	ann.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if !strings.Contains(ann.left, "code=") {
		t.Errorf("the session here ended: %q", ann.left)
	}
}

func TestStartAgainLeadsToWhereTheAppWantsSignInsStarted(t *testing.T) {
	w := newWorld(t, "https://id.example")
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.InitiateLoginURI = "https://shop.example/sign-in?from=id" })
	ann := w.person()
	ann.visit("/oidc/authorize?" + authorization("redirect_uri", "https://evil.example/").Encode())
	if want := `href="https://shop.example/sign-in?from=id&amp;iss=https%3A%2F%2Fid.example%2Foidc"`; !strings.Contains(ann.screen.Body.String(), want) {
		t.Errorf("no link %s on\n%s", want, ann.screen.Body)
	}
}

func TestAnAppsServerSignsOutAPersonWhoHasSignedInAgainSinceItsToken(t *testing.T) {
	for name, between := range map[string]func(*world){
		"at once":          func(*world) {},
		"rows are cleared": func(w *world) { w.sweepLater(2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "http://localhost:4283", wide)
			ann, ben := w.person(), w.person()
			token, _ := ann.idToken("ann@example.com")
			others, _ := ben.idToken("ben@example.com")
			for range 2 {
				ann.arrive(authorization("prompt", "login"), "ann@example.com")
			}
			between(w)
			signedIn := func(p *person) bool {
				p.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
				return strings.Contains(p.left, "code=")
			}
			if !signedIn(ann) || !signedIn(ben) {
				t.Fatal("nobody is signed in to begin with")
			}
			logout := func(hint string) {
				if got := w.do(w.request("GET", "/oidc/logout?"+url.Values{"id_token_hint": {hint}}.Encode(), nil)); got.Code != 200 {
					t.Fatalf("got %d", got.Code)
				}
			}
			if logout(others); !signedIn(ann) || signedIn(ben) {
				t.Error("the token of another person ended this session, or not their own")
			}
			if logout(token); signedIn(ann) {
				t.Error("the session that took the place of the one in the token lives on")
			}
		})
	}
}

// sweepLater clears the rows that have ended as if so much time had passed.
func (w *world) sweepLater(by time.Duration) {
	w.t.Helper()
	if _, err := w.store.Sweep(w.t.Context(), w.now().Add(by).UnixMicro()); err != nil {
		w.t.Fatal(err)
	}
}
