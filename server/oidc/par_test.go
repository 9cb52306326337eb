package oidc

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/storage"
)

// push pushes a request with the client's secret and returns the answer.
func (w *world) push(client string, change ...func(url.Values)) answer {
	w.t.Helper()
	v := request(client, change...)
	v.Del("client_id")
	return w.post("/oidc/par", client, v)
}

// pushed pushes a request that is right and returns its request_uri.
func (w *world) pushed(client string, change ...func(url.Values)) string {
	w.t.Helper()
	a := w.push(client, change...)
	if a.status != http.StatusCreated {
		w.t.Fatalf("push: got %d %v", a.status, a.body)
	}
	return a.text("request_uri")
}

func byURI(client, uri string) url.Values {
	return url.Values{"client_id": {client}, "request_uri": {uri}}
}

// finish ends the flow a redirect leads to in a session of that person, as the sign-in pages do, and returns their cookie.
func (w *world) finish(u storage.User, toSignIn *http.Response) (*http.Cookie, string) {
	w.t.Helper()
	id := strings.TrimPrefix(toSignIn.Header.Get("Location"), "/sign-in?flow=")
	flow, err := storage.ParseID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	cookie, s := w.session(u)
	w.write(func(tx storage.Tx) error { return tx.FinishFlow(flow, s.ID, w.now().UnixMicro()) })
	return cookie, "/oidc/resume?flow=" + id
}

// location is where a request leads.
func (w *world) location(path string, cookies ...*http.Cookie) (int, *url.URL) {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", path, nil), cookies...)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, to
}

// RFC 9126 §2.2, §4.
func TestAPushedRequestIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.push("web", set("state", "pushed"))
	if a.status != http.StatusCreated || a.body["expires_in"] != 90.0 || !strings.HasPrefix(a.text("request_uri"), "urn:ietf:params:oauth:request_uri:") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v %v", a.status, a.body, a.header)
	}
	v := byURI("web", a.text("request_uri"))
	for name, value := range map[string]string{"state": "outer", "redirect_uri": "https://evil.example/cb", "scope": "openid", "prompt": "login", "pushed": "x"} {
		v.Set(name, value) // counts for nothing
	}
	got := w.authorize(v, cookie)
	if got.Get("code") == "" || got.Get("state") != "pushed" || got.Get("iss") == "" {
		t.Fatalf("got %v", got)
	}
	if a := w.exchange("web", got.Get("code")); a.status != http.StatusOK || !strings.Contains(a.text("scope"), "email") {
		t.Fatalf("exchange: %d %v", a.status, a.body)
	}
	if status, _ := w.page(v, cookie); status != 400 {
		t.Fatalf("a second time: got %d", status)
	}
}

func TestAPushedRequestSurvivesTheTripToSignInAndAReload(t *testing.T) {
	w := newWorld(t)
	u, _ := w.person("Ann")
	uri := w.pushed("web")
	w.wait(80 * time.Second)
	first := w.toSignIn(byURI("web", uri))
	w.wait(2 * time.Minute) // beyond the 90 seconds: somebody is signing in
	second := w.toSignIn(byURI("web", uri), first.Cookies()...)
	cookie, resume := w.finish(u, second)
	browser := append(first.Cookies(), cookie)
	status, to := w.location(resume, browser...)
	code := to.Query().Get("code")
	if status != 303 || code == "" {
		t.Fatalf("got %d %s", status, to)
	}
	if a := w.exchange("web", code); a.status != http.StatusOK {
		t.Fatalf("exchange: %d %v", a.status, a.body)
	}
	if status, to := w.location(resume, browser...); status != 400 {
		t.Fatalf("the answered flow again: %d %s", status, to)
	}
	// The other flow of the same request must not end in a second answer.
	_, other := w.finish(u, first)
	if status, to := w.location(other, browser...); to.Query().Has("code") {
		t.Fatalf("the other flow: %d %s", status, to)
	}
}

func TestAFlowOfAPushedRequestMayTakeLongerThanTheRequest(t *testing.T) {
	w := newWorld(t)
	u, _ := w.person("Ann")
	uri := w.pushed("web")
	first := w.toSignIn(byURI("web", uri))
	w.wait(6 * time.Minute)
	if status, _ := w.page(byURI("web", uri), first.Cookies()...); status != 400 {
		t.Fatalf("a reload after five minutes: got %d", status)
	}
	cookie, resume := w.finish(u, first)
	if _, to := w.location(resume, append(first.Cookies(), cookie)...); !to.Query().Has("code") {
		t.Fatalf("got %s", to)
	}
}

func TestAPushedRequestEndsAndIsItsClientsOwn(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	uri := w.pushed("web")
	for name, v := range map[string]url.Values{
		"another client": byURI("other", uri), "no client": {"request_uri": {uri}}, "cut short": byURI("web", uri[:len(uri)-1]), "made up": byURI("web", requestURIPrefix+"x"),
		"only the prefix": byURI("web", requestURIPrefix), "twice": {"client_id": {"web"}, "request_uri": {uri, uri}}, "two clients": {"client_id": {"web", "other"}, "request_uri": {uri}},
	} {
		if status, body := w.page(v, cookie); status != 400 {
			t.Errorf("%s: got %d %s", name, status, body)
		}
	}
	w.wait(90 * time.Second)
	if status, _ := w.page(byURI("web", uri), cookie); status != 400 {
		t.Fatalf("after 90 seconds: got %d", status)
	}
}

func TestOfParallelUsesOfAPushedRequestOneGetsACode(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	v := byURI("web", w.pushed("web"))
	var all sync.WaitGroup
	codes := make(chan string, 20)
	for range 20 {
		all.Go(func() {
			r := httptest.NewRequest("GET", "/oidc/authorize?"+v.Encode(), nil)
			r.AddCookie(cookie)
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)
			if to, err := url.Parse(rec.Header().Get("Location")); err == nil && to.Query().Has("code") {
				codes <- to.Query().Get("code")
			} else if rec.Code != 400 {
				t.Errorf("got %d", rec.Code)
			}
		})
	}
	all.Wait()
	if len(codes) != 1 {
		t.Fatalf("%d codes, want 1", len(codes))
	}
}

// RFC 9126 §2.1, §2.3: what is wrong with a request shows when it is pushed.
func TestPushesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.addClient("spa", "spa", nil)
	for _, test := range []struct {
		name   string
		change func(url.Values)
		code   string
	}{
		{"request_uri", set("request_uri", "urn:x"), "invalid_request"},
		{"no redirect_uri", without("redirect_uri"), "invalid_request"},
		{"foreign redirect_uri", set("redirect_uri", "https://evil.example/cb"), "invalid_request"},
		{"no response_type", without("response_type"), "invalid_request"},
		{"implicit", set("response_type", "token"), "unsupported_response_type"},
		{"PKCE plain", set("code_challenge_method", "plain"), "invalid_request"},
		{"another client", set("client_id", "spa"), "invalid_request"},
		{"scope twice", func(v url.Values) { v.Add("scope", "openid") }, "invalid_request"},
		{"unsigned object", set("request", b64([]byte(`{"alg":"none"}`))+"."+b64([]byte(`{}`))+"."), "invalid_request_object"},
	} {
		v := request("web")
		test.change(v)
		if a := w.post("/oidc/par", "web", v); a.status != 400 || a.text("error") != test.code || a.text("error_description") == "" {
			t.Errorf("%s: got %d %v, want %s", test.name, a.status, a.body, test.code)
		}
	}
	for name, client := range map[string]string{"wrong secret": "other", "no client": ""} {
		if a := w.post("/oidc/par", client, request("web", without("client_id"))); a.status != 401 || a.text("error") != "invalid_client" {
			t.Errorf("%s: got %d %v", name, a.status, a.body)
		}
	}
	if a := w.answer(w.do(httptest.NewRequest("GET", "/oidc/par?"+request("web").Encode(), nil))); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got %d", a.status)
	}
	if a := w.post("/oidc/par", "", request("spa")); a.status != http.StatusCreated {
		t.Errorf("a public client: got %d %v", a.status, a.body)
	}
}

func TestNoSecretIsKeptWithAPushedRequest(t *testing.T) {
	w := newWorld(t)
	s := newSigner("ES256", "k1")
	w.addKeyClient(t, "signed", s)
	v := request("web", set("client_secret", testSecret))
	if a := w.post("/oidc/par", "", v); a.status != http.StatusCreated {
		t.Fatalf("got %d %v", a.status, a.body)
	} else {
		w.pendingHasNo(a.text("request_uri"), testSecret, "client_secret")
	}
	v = request("signed")
	asserting(s.sign(w.assertion("signed"), nil))(v)
	a := w.post("/oidc/par", "", v)
	if a.status != http.StatusCreated {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	w.pendingHasNo(a.text("request_uri"), v.Get("client_assertion"), "client_assertion", a.text("request_uri"))
	again := maps.Clone(v)
	if a := w.post("/oidc/par", "", again); a.status != 401 {
		t.Fatalf("the assertion a second time: got %d", a.status)
	}
}

// pendingHasNo looks at what is kept of a pushed request.
func (w *world) pendingHasNo(uri string, words ...string) {
	w.t.Helper()
	found, err := w.store.View(w.t.Context()).Pending(pendingPushed, digestOf(uri), w.now().UnixMicro())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, word := range words {
		if strings.Contains(found.Data, url.QueryEscape(word)) {
			w.t.Errorf("%.20s… is kept in %s", word, found.Data)
		}
	}
}

// RFC 9126 §6.
func TestAClientThatMustPush(t *testing.T) {
	w := newWorld(t)
	w.addClient("strict", "web", func(c *storage.Client) { c.Settings.RequirePushed = true })
	u, cookie := w.person("Ann")
	if got := w.authorize(request("strict"), cookie); got.Get("error") != "invalid_request" || got.Get("code") != "" {
		t.Fatalf("not pushed: got %v", got)
	}
	if got := w.authorize(request("strict", set("pushed", "AAAA"), set("request_uri", "")), cookie); got.Get("code") != "" {
		t.Fatalf("a mark from outside: got %v", got)
	}
	if got := w.authorize(byURI("strict", w.pushed("strict")), cookie); got.Get("code") == "" {
		t.Fatalf("pushed: got %v", got)
	}
	res := w.toSignIn(byURI("strict", w.pushed("strict")))
	session, resume := w.finish(u, res)
	if _, to := w.location(resume, append(res.Cookies(), session)...); !to.Query().Has("code") {
		t.Fatalf("after the sign-in: %s", to)
	}
}
