package server_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// onlyFor makes the bookstore an app for the members of a group, of which nobody is one yet.
func (w *world) onlyFor(group string) {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		if err := tx.InsertGroup(storage.Group{Name: group}); err != nil {
			return err
		}
		c, err := tx.Client("bookstore")
		if err != nil {
			return err
		}
		c.Settings.AllowedGroups = []string{group}
		return tx.UpdateClient(c)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// member makes the person with that address a member, or ends it.
func (w *world) member(address, group string, in bool) {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		u, err := tx.UserByEmail(address)
		if err != nil {
			return err
		}
		if in {
			return tx.Join(u.ID, group, time.Now().UnixMicro())
		}
		return tx.Leave(u.ID, group)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestAnAppForAGroupIsClosedToEverybodyElseAndLetsThemTryAnotherAccount(t *testing.T) {
	w := newWorld(t, "https://id.example")
	w.person().signIn("ben@example.com")
	w.onlyFor("staff")
	w.member("ben@example.com", "staff", true)
	p := w.person()
	p.arrive(authorization(), "ann@example.com")
	if p.left != "" || p.screen.Code != 403 || !strings.Contains(p.screen.Body.String(), "No access to") {
		t.Fatalf("Ann got %d at %q, left to %q:\n%s", p.screen.Code, p.at, p.left, p.screen.Body)
	}
	// A page may not be asked, so the app is told.
	p.visit("/oidc/authorize?" + authorization("prompt", "none").Encode())
	if back, err := url.Parse(p.left); err != nil || back.Query().Get("error") != "access_denied" {
		t.Errorf("prompt=none was answered with %q", p.left)
	}
	p.visit("/oidc/authorize?" + authorization().Encode())
	if p.screen.Code != 403 {
		t.Fatalf("signed in already, Ann got %d at %q", p.screen.Code, p.at)
	}
	p.visit(p.at + "&other=1")
	p.submit("/sign-in/email", "email", "ben@example.com")
	mail, err := w.mails.Wait(t.Context(), "ben@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/sign-in/code", "code", mail.Code)
	if !strings.HasPrefix(p.left, appCallback+"?code=") {
		t.Errorf("Ben, who is in the group, is at %q (%d), left to %q", p.at, p.screen.Code, p.left)
	}
}

func TestLeavingAGroupEndsWhatItsAppCanDoForThePersonAtOnce(t *testing.T) {
	w := newWorld(t, "https://id.example")
	w.person().signIn("ann@example.com")
	w.onlyFor("staff")
	w.member("ann@example.com", "staff", true)
	p := w.person()
	code, _ := p.signIn("ann@example.com")
	exchange := w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(exchange.Body.Bytes(), &tokens); err != nil || exchange.Code != 200 {
		t.Fatalf("exchange: %d %s", exchange.Code, exchange.Body)
	}
	p.visit("/oidc/authorize?" + authorization().Encode())
	late := mustQuery(t, p.left).Get("code")
	userinfo := func() int {
		r := w.request("GET", "/oidc/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.Access)
		return w.do(r).Code
	}
	if got := userinfo(); got != 200 {
		t.Fatalf("userinfo of a member: %d", got)
	}

	w.member("ann@example.com", "staff", false)
	if got := userinfo(); got != 401 {
		t.Errorf("userinfo after leaving: %d, want 401", got)
	}
	if got := w.asBookstore("/introspect", "token", tokens.Access); !strings.Contains(got.Body.String(), `"active":false`) {
		t.Errorf("introspection after leaving: %s", got.Body)
	}
	if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", tokens.Refresh); got.Code != 400 || !strings.Contains(got.Body.String(), "invalid_grant") {
		t.Errorf("refresh after leaving: %d %s", got.Code, got.Body)
	}
	if got := w.asBookstore("/token", "grant_type", "authorization_code", "code", late, "redirect_uri", appCallback); got.Code != 400 || !strings.Contains(got.Body.String(), "invalid_grant") {
		t.Errorf("exchange of a code after leaving: %d %s", got.Code, got.Body)
	}

	w.member("ann@example.com", "staff", true)
	if got := w.asBookstore("/token", "grant_type", "refresh_token", "refresh_token", tokens.Refresh); got.Code != 200 {
		t.Errorf("refresh after coming back: %d %s", got.Code, got.Body)
	}
}

func TestGroupsAreToldByTheirScopeAndNotWithoutIt(t *testing.T) {
	w := newWorld(t, "https://id.example")
	w.person().signIn("ann@example.com")
	w.onlyFor("staff")
	w.member("ann@example.com", "staff", true)
	for scope, want := range map[string]any{"openid groups": []any{"staff"}, "openid profile email": nil} {
		p := w.person()
		p.arrive(authorization("scope", scope), "ann@example.com")
		got := w.asBookstore("/token", "grant_type", "authorization_code", "code", mustQuery(t, p.left).Get("code"), "redirect_uri", appCallback)
		var tokens struct {
			ID     string `json:"id_token"`
			Access string `json:"access_token"`
		}
		if err := json.Unmarshal(got.Body.Bytes(), &tokens); err != nil || got.Code != 200 {
			t.Fatalf("exchange: %d %s", got.Code, got.Body)
		}
		r := w.request("GET", "/oidc/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.Access)
		for where, claims := range map[string]map[string]any{"ID token": claimsOf(t, tokens.ID), "userinfo": document(t, w.do(r).Body.Bytes())} {
			names, told := claims["groups"].([]any)
			if told != (want != nil) || told && (len(names) != 1 || names[0] != "staff") {
				t.Errorf("%s with scope %q says groups %v, want %v", where, scope, claims["groups"], want)
			}
		}
	}
}

func mustQuery(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func document(t testing.TB, body []byte) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return d
}
