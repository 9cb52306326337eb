package server_test

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"gatelatch/server"
)

func TestStrangersPushOnlySoManyRequests(t *testing.T) {
	w := newWorld(t, "https://id.example", func(c *server.Config) { c.Budgets.FlowsNetworkHour = 5 })
	push := func(from string, forged ...string) *httptest.ResponseRecorder {
		r := w.request("POST", "/oidc/par", authorization("client_id", "till", "redirect_uri", "https://till.example/callback", "scope", "openid",
			"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method", "S256"))
		r.RemoteAddr = from
		for _, address := range forged {
			r.Header.Set("X-Forwarded-For", address)
		}
		return w.do(r)
	}
	for i := range 5 {
		if got := push("192.0.2.1:5000", fmt.Sprintf("203.0.113.%d", i)); got.Code != http.StatusCreated {
			t.Fatalf("request %d: %d %s", i, got.Code, got.Body)
		}
	}
	got := push("192.0.2.1:5001", "203.0.113.200")
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("the sixth, which claims to come from elsewhere: %d %s", got.Code, got.Body)
	}
	if got := push("192.0.2.2:5000"); got.Code != http.StatusCreated {
		t.Errorf("from another network: %d %s", got.Code, got.Body)
	}
	for range 7 { // who has a secret pushes for all its people, from one address
		if got := w.asBookstore("/par", "redirect_uri", appCallback, "response_type", "code", "scope", "openid"); got.Code != http.StatusCreated {
			t.Fatalf("the bookstore: %d %s", got.Code, got.Body)
		}
	}
}

func TestAPersonHasOnlySoManyPicturesDrawn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.letIn("account", "account:write")
	token, _ := w.person().access("ann@example.com", "openid account account:write")
	p, other := w.atHome("ann@example.com"), w.atHome("bob@example.com")
	picture := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, halves(20, 20)) })
	for i := range 30 {
		file := picture
		if i%2 == 0 {
			file = []byte("no picture") // counts, too: it was looked at
		}
		if p.uploads(file); p.screen.Code == http.StatusTooManyRequests {
			t.Fatalf("number %d is too many", i+1)
		}
	}
	if p.uploads(picture); p.screen.Code != http.StatusTooManyRequests {
		t.Errorf("the 31st: got %d", p.screen.Code)
	}
	if got := w.account(token, "PUT", "/picture", string(picture), "Content-Type", "application/octet-stream"); got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("by the API: got %d %s", got.Code, got.Body)
	}
	if other.uploads(picture); other.screen.Code != http.StatusOK {
		t.Errorf("somebody else's: got %d", other.screen.Code)
	}
}

// Whoever sends passwords for accounts that are not theirs has us hash them, and ask elsewhere whether they have leaked, only so often.
func TestPasswordsOfStrangersAreCountedBeforeTheyAreWeighed(t *testing.T) {
	var calls atomic.Int64
	list := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(list.Close)
	w := newWorld(t, "http://localhost:4283", func(c *server.Config) { c.LeakedList, c.Budgets.FlowsNetworkHour = list.URL, 5 })
	a := w.amplify(false)
	for i := range 20 {
		a.raw("SignUp", map[string]any{"Username": fmt.Sprintf("ann%d@example.com", i), "Password": annsPassword})
	}
	if n := calls.Load(); n != 5 {
		t.Errorf("the list was asked %d times for sign-ups, want 5", n)
	}
	w = newWorld(t, "http://localhost:4283", func(c *server.Config) { c.LeakedList, c.Budgets.FlowsNetworkHour = list.URL, 5 })
	a = w.amplify(false)
	calls.Store(0)
	for i := range 20 {
		a.raw("ConfirmForgotPassword", map[string]any{"Username": fmt.Sprintf("ann%d@example.com", i), "ConfirmationCode": "000000", "Password": annsPassword})
	}
	if n := calls.Load(); n != 5 {
		t.Errorf("the list was asked %d times for forgotten passwords, want 5", n)
	}
}
