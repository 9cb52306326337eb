package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func (w *world) addMachine(id string, scopes ...string) {
	w.t.Helper()
	w.addClient(id, "m2m", func(c *storage.Client) {
		c.RedirectURIs, c.PostLogoutRedirectURIs = nil, nil
		c.Settings.Scopes = scopes
	})
}

func (w *world) machine(client string, change ...func(url.Values)) answer {
	w.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	for _, c := range change {
		c(form)
	}
	return w.post("/oidc/token", client, form)
}

// RFC 6749 §4.4.3.
func TestClientGetsATokenForItself(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "reports:write", "reports:read")
	a := w.machine("robot")
	if a.status != http.StatusOK || !strings.HasPrefix(a.text("access_token"), "gl_ct_") || a.text("token_type") != "Bearer" || !near(a.body["expires_in"], 3600) ||
		a.text("scope") != "reports:write reports:read" || a.body["refresh_token"] != nil || a.body["id_token"] != nil {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
	}
	if narrow := w.machine("robot", set("scope", "reports:read")); narrow.text("scope") != "reports:read" {
		t.Errorf("narrowed: got %v", narrow.body)
	}
	if again := w.machine("robot"); again.text("access_token") == a.text("access_token") {
		t.Error("two tokens are one string")
	}
	if got, err := w.p.accessToken(t.Context(), a.text("access_token")); err != nil || got.client.ID != "robot" || got.person != nil || !got.scopes.Has("reports:read") {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestClientCredentialsAreForClientsThatMayUseThem(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "reports:read", "openid", "email")
	w.addClient("both", "web", func(c *storage.Client) {
		c.Settings.GrantTypes = []string{"authorization_code", "client_credentials"}
	})
	w.addClient("spa", "spa", func(c *storage.Client) { c.Settings.GrantTypes = []string{"client_credentials"} })
	if got := w.machine("both"); got.status != http.StatusOK || got.text("scope") != "" {
		t.Fatalf("a web client with the grant: got %d %v", got.status, got.body)
	}
	w.machine("web").want(t, 400, "unauthorized_client")
	w.post("/oidc/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"spa"}}).want(t, 400, "unauthorized_client")
	w.post("/oidc/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}}).want(t, 401, "invalid_client")
	w.machine("robot", set("client_secret", "wrong")).want(t, 400, "invalid_request")
	w.machine("robot", set("scope", "reports:write")).want(t, 400, "invalid_scope")
	for _, about := range []string{"openid", "email", "offline_access"} {
		w.machine("robot", set("scope", about)).want(t, 400, "invalid_scope") // only a person can give it
	}
	if got := w.machine("robot"); got.text("scope") != "reports:read" {
		t.Fatalf("without scope: got %v", got.body)
	}
}

// RFC 6749 §5.2: unauthorized_client, for each grant type that a client does not have.
func TestClientsUseOnlyTheGrantTypesTheyHave(t *testing.T) {
	w := newWorld(t)
	w.addClient("brief", "web", func(c *storage.Client) { c.Settings.GrantTypes = []string{"authorization_code"} })
	w.addClient("robot", "web", func(c *storage.Client) { c.Settings.GrantTypes = []string{"client_credentials"} })
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "brief")
	if a.body["refresh_token"] != nil {
		t.Fatal("a client without the grant type refresh_token got a refresh token")
	}
	w.refresh("brief", w.tokens(cookie, "web").text("refresh_token")).want(t, 400, "unauthorized_client")
	w.exchange("robot", w.code(cookie, "web")).want(t, 400, "unauthorized_client")
	if got := w.authorize(request("robot"), cookie); got.Get("error") != "unauthorized_client" || got.Get("code") != "" {
		t.Fatalf("authorize: got %v", got)
	}
}

func TestClientsAskOnlyForTheScopesTheyHave(t *testing.T) {
	w := newWorld(t)
	w.addClient("narrow", "web", func(c *storage.Client) { c.Settings.Scopes = []string{"openid", "email"} })
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "narrow")
	if a.text("scope") != "openid email" || a.body["refresh_token"] != nil {
		t.Fatalf("got %v", a.body)
	}
}

func TestMachineTokensSayNothingAboutAPerson(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "openid")
	w.userinfo(w.machine("robot").text("access_token")).want(t, 403, "insufficient_scope")
}

func TestMachineTokenEnds(t *testing.T) {
	dead := func(t *testing.T, w *world, token string) {
		t.Helper()
		if _, err := w.p.accessToken(t.Context(), token); !errors.Is(err, errToken) {
			t.Fatalf("got %v, want a dead token", err)
		}
	}
	for name, end := range map[string]func(w *world, token string){
		"with time": func(w *world, _ string) { w.wait(time.Hour) },
		"by revocation (RFC 7009)": func(w *world, token string) {
			w.post("/oidc/revoke", "robot", url.Values{"token": {token}}).want(t, 200, "")
		},
		"with its client": func(w *world, _ string) { w.write(func(tx storage.Tx) error { return tx.DeleteClient("robot") }) },
		"with its client, though another of that id comes": func(w *world, _ string) {
			w.write(func(tx storage.Tx) error { return tx.DeleteClient("robot") })
			w.addMachine("robot", "a")
		},
		"with its key": func(w *world, _ string) {
			keys, err := secret.NewKeys(2, map[byte][secret.Size]byte{2: [secret.Size]byte(secret.Random(secret.Size))})
			if err != nil {
				w.t.Fatal(err)
			}
			w.p.names = names{keys}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.addMachine("robot", "a")
			token := w.machine("robot").text("access_token")
			if _, err := w.p.accessToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			end(w, token)
			dead(t, w, token)
		})
	}
}

func TestRevocationOfAMachineTokenIsItsOwnClientsAndEndsNoOther(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "a")
	w.addMachine("other", "a")
	one, two := w.machine("robot").text("access_token"), w.machine("robot").text("access_token")
	w.post("/oidc/revoke", "other", url.Values{"token": {one}}).want(t, 200, "")
	if _, err := w.p.accessToken(t.Context(), one); err != nil {
		t.Fatalf("another client ended it: %v", err)
	}
	w.post("/oidc/revoke", "robot", url.Values{"token": {one}, "token_type_hint": {"access_token"}}).want(t, 200, "")
	w.start(1) // what is revoked stays revoked
	if _, err := w.p.accessToken(t.Context(), one); !errors.Is(err, errToken) {
		t.Fatalf("got %v", err)
	}
	if _, err := w.p.accessToken(t.Context(), two); err != nil {
		t.Fatalf("the other token of the client: %v", err)
	}
}

// Every token has one spelling, and no field of it can be moved.
func TestAlteredMachineTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	w.addMachine("robot", "read")
	w.addMachine("robotr", "ead")
	token := w.machine("robot").text("access_token")
	altered := []string{token + "=", token + "\n", token[:len(token)-1], token + "A", "gl_at_" + token[6:], "gl_ct_", "gl_ct_AAAA", strings.ToUpper(token)}
	for i := len(machinePrefix); i < len(token); i++ {
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		altered = append(altered, token[:i]+string(c)+token[i+1:])
	}
	// The boundary after the client, moved by one: "robot"+"read" is "robotr"+"ead".
	raw, err := strictBase64.DecodeString(token[len(machinePrefix):])
	if err != nil {
		t.Fatal(err)
	}
	raw[machineFixed-2]++
	altered = append(altered, machinePrefix+strictBase64.EncodeToString(raw))
	for _, bad := range altered {
		w.userinfo(bad).want(t, 401, "invalid_token")
	}
}
