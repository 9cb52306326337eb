package server_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

const (
	registrar    = "https://id.example"
	deskCallback = "http://127.0.0.1:33418/callback"
	pkceVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pkceAnswer   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
)

func registration(mode string) func(*server.Config) {
	return func(c *server.Config) { c.Registration = mode }
}

// call sends JSON with a bearer token, and reads the JSON that comes back.
func (w *world) call(method, path, token string, body any) (*httptest.ResponseRecorder, map[string]any) {
	w.t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(b)
	}
	r := httptest.NewRequest(method, w.url.String()+path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = "192.0.2.1:5000"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec, answer := w.do(r), map[string]any{}
	if rec.Body.Len() > 0 && strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
			w.t.Fatalf("%s: %v", rec.Body, err)
		}
	}
	if rec.Header().Get("Cache-Control") != "no-store" && rec.Code != 404 {
		w.t.Errorf("%s %s: an answer that may be kept: %q", method, path, rec.Header().Get("Cache-Control"))
	}
	return rec, answer
}

// enrolled registers an application that has to be accepted.
func (w *world) enrolled(token string, body any) map[string]any {
	w.t.Helper()
	rec, answer := w.call("POST", "/oidc/register", token, body)
	if rec.Code != http.StatusCreated {
		w.t.Fatalf("registering %v: got %d %s", body, rec.Code, rec.Body)
	}
	return answer
}

// initialToken makes an initial access token in the store.
func (w *world) initialToken(uses int64, life time.Duration) string {
	w.t.Helper()
	text, now := secret.Token(32), time.Now()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		return tx.InsertRegistrationToken(storage.RegistrationToken{ID: storage.NewID(), Digest: secret.Hash(text), Hint: "abcd", Uses: uses, Created: now.UnixMicro(), Expires: now.Add(life).UnixMicro()})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

type members = map[string]any

// desk is how a desktop program (an MCP client) registers.
func desk(change ...members) members {
	m := members{"client_name": "Desk", "redirect_uris": []string{deskCallback}, "token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}}
	for _, c := range change {
		maps.Copy(m, c)
	}
	return m
}

func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

func TestRegistrationIsOffUntilSomebodySwitchesItOn(t *testing.T) {
	for _, mode := range []string{"", "off", "token", "open"} {
		w := newWorld(t, registrar, registration(mode))
		var document map[string]any
		if err := json.Unmarshal(w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil)).Body.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		rec, _ := w.call("POST", "/oidc/register", w.initialToken(1, time.Hour), desk())
		if mode == "" || mode == "off" {
			if _, there := document["registration_endpoint"]; there || rec.Code != 404 {
				t.Errorf("%q: got %d, and discovery names %v", mode, rec.Code, document["registration_endpoint"])
			}
			continue
		}
		if document["registration_endpoint"] != registrar+"/oidc/register" || rec.Code != 201 {
			t.Errorf("%q: got %d, and discovery names %v", mode, rec.Code, document["registration_endpoint"])
		}
	}
}

// signInTo goes through consent and returns the code that the application gets.
func (p *person) signInTo(client string, pairs ...string) string {
	p.t.Helper()
	p.visit("/oidc/authorize?" + authorization(append([]string{"client_id", client, "redirect_uri", deskCallback, "code_challenge", pkceAnswer, "code_challenge_method", "S256"}, pairs...)...).Encode())
	if !strings.HasPrefix(p.at, "/consent?") {
		p.t.Fatalf("nobody was asked: at %q, left to %q", p.at, p.left)
	}
	p.submit("/consent", "decision", "allow")
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back is %q", p.left)
	}
	return back.Query().Get("code")
}

func (w *world) redeem(client, code string) (int, map[string]any) {
	w.t.Helper()
	rec := w.do(w.request("POST", "/oidc/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {client}, "redirect_uri": {deskCallback}, "code_verifier": {pkceVerifier}}))
	var answer map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		w.t.Fatal(err)
	}
	return rec.Code, answer
}

func TestAnApplicationThatRegisteredItselfSignsPeopleInAfterTheyWereAsked(t *testing.T) {
	w := newWorld(t, registrar, registration("open"), wide)
	answer := w.enrolled("", desk(members{"unknown_member": 1, "scope": "openid profile email offline_access", "software_id": "x"}))
	id := text(answer, "client_id")
	if answer["client_secret"] != nil || text(answer, "registration_access_token") == "" || text(answer, "registration_client_uri") != registrar+"/oidc/register/"+id || answer["client_id_issued_at"].(float64) < 1e9 ||
		answer["unknown_member"] != nil || text(answer, "scope") != "openid profile email offline_access" || text(answer, "application_type") != "native" {
		t.Errorf("got %v", answer)
	}
	p := w.person()
	p.signIn("ann@example.com")
	status, tokens := w.redeem(id, p.signInTo(id))
	if status != 200 || text(tokens, "access_token") == "" || text(tokens, "refresh_token") == "" {
		t.Errorf("got %d %v", status, tokens)
	}
	// Without PKCE nothing is given to whoever cannot keep a secret.
	p.visit("/oidc/authorize?" + authorization("client_id", id, "redirect_uri", deskCallback).Encode())
	if !strings.Contains(p.left, "error=invalid_request") {
		t.Errorf("without PKCE: at %q, left to %q", p.at, p.left)
	}
	// Whoever runs the server sees it and can end it, but nobody makes it their own.
	if c, err := w.store.View(t.Context()).Client(id); err != nil || c.FirstParty() || !c.Unchecked() || c.Type != "native" {
		t.Errorf("kept %+v, %v", c, err)
	}
}

func TestAConfidentialApplicationGetsASecretOnceThatWorks(t *testing.T) {
	w := newWorld(t, registrar, registration("open"))
	answer := w.enrolled("", members{"redirect_uris": []string{"https://mail.example/cb"}})
	if text(answer, "client_name") != "mail.example" || text(answer, "token_endpoint_auth_method") != "client_secret_basic" || answer["client_secret_expires_at"] != 0.0 || len(text(answer, "client_secret")) < 40 {
		t.Fatalf("got %v", answer)
	}
	r := w.request("POST", "/oidc/introspect", url.Values{"token": {"x"}})
	r.SetBasicAuth(text(answer, "client_id"), text(answer, "client_secret"))
	if got := w.do(r); got.Code != 200 {
		t.Errorf("the secret is not accepted: %d %s", got.Code, got.Body)
	}
	rec, again := w.call("GET", "/oidc/register/"+text(answer, "client_id"), text(answer, "registration_access_token"), "")
	if rec.Code != 200 || again["client_secret"] != nil || text(again, "client_name") != "mail.example" {
		t.Errorf("read again: %d %v", rec.Code, again)
	}
	// It is for people who sign in, never for itself.
	r = w.request("POST", "/oidc/token", url.Values{"grant_type": {"client_credentials"}})
	r.SetBasicAuth(text(answer, "client_id"), text(answer, "client_secret"))
	if got := w.do(r); got.Code != 400 || !strings.Contains(got.Body.String(), "unauthorized_client") {
		t.Errorf("client_credentials: got %d %s", got.Code, got.Body)
	}
}

func TestAnInitialTokenIsNeededSpentOnceAndNotByMistakes(t *testing.T) {
	w := newWorld(t, registrar, registration("token"))
	one, over := w.initialToken(1, time.Hour), w.initialToken(1, -time.Minute)
	refused := func(token string) {
		t.Helper()
		rec, answer := w.call("POST", "/oidc/register", token, desk())
		if rec.Code != 401 || answer["error"] != "invalid_token" || !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("with %q: got %d %v, %q", token, rec.Code, answer, rec.Header().Get("WWW-Authenticate"))
		}
	}
	for _, token := range []string{"", "x", over, one + "x"} {
		refused(token)
	}
	if rec, _ := w.call("POST", "/oidc/register", one, desk(members{"redirect_uris": []string{"javascript:alert(1)"}})); rec.Code != 400 {
		t.Errorf("a mistake: got %d", rec.Code)
	}
	answer := w.enrolled(one, desk())
	refused(one)
	refused(text(answer, "registration_access_token"))
	if row, err := w.store.View(t.Context()).Registration(text(answer, "client_id")); err != nil || row.Expires != 0 || bytes.Contains(row.Digest, []byte(text(answer, "registration_access_token"))) {
		t.Errorf("kept %+v, %v", row, err)
	}

	three := w.initialToken(3, time.Hour)
	var made atomic.Int64
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if rec, _ := w.call("POST", "/oidc/register", three, desk()); rec.Code == 201 {
				made.Add(1)
			}
		})
	}
	if all.Wait(); made.Load() != 3 {
		t.Errorf("a token for three made %d", made.Load())
	}
	open := newWorld(t, registrar, registration("open"))
	if rec, _ := open.call("POST", "/oidc/register", "x", desk()); rec.Code != 401 {
		t.Errorf("a wrong token where none is needed: got %d", rec.Code)
	}
}

func TestMetadataThatWouldHarmIsRefusedByItsName(t *testing.T) {
	w := newWorld(t, registrar, registration("token"))
	token := w.initialToken(1000, time.Hour)
	many := []string{"https://a.example/1"}
	for i := range 51 {
		many = append(many, "https://a.example/"+strings.Repeat("x", i+2))
	}
	for _, c := range []struct {
		name, want string
		body       any
	}{
		{"no redirect URI", "invalid_redirect_uri", desk(members{"redirect_uris": []string{}})},
		{"script", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"javascript:alert(1)"}})},
		{"data", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"data:text/html,x"}})},
		{"fragment", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"https://a.example/cb#x"}})},
		{"wildcard", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"https://*.example/cb"}})},
		{"user name", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"https://bank.example@evil.example/cb"}})},
		{"plain http", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"http://app.example/cb"}})},
		{"dots", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"https://a.example/cb/../x"}})},
		{"anybody's scheme", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"myapp://cb"}})},
		{"a scheme with a secret", "invalid_redirect_uri", desk(members{"redirect_uris": []string{"com.example.app:/cb"}, "token_endpoint_auth_method": "client_secret_post"})},
		{"a text for a list", "invalid_redirect_uri", desk(members{"redirect_uris": "https://a.example/cb"})},
		{"52 addresses", "invalid_redirect_uri", desk(members{"redirect_uris": many})},
		{"script after signing out", "invalid_client_metadata", desk(members{"post_logout_redirect_uris": []string{"javascript:alert(1)"}})},
		{"script as home", "invalid_client_metadata", desk(members{"client_uri": "javascript:alert(1)"})},
		{"http home", "invalid_client_metadata", desk(members{"client_uri": "http://a.example/"})},
		{"http logo", "invalid_client_metadata", desk(members{"logo_uri": "http://localhost/logo.png"})},
		{"http policy", "invalid_client_metadata", desk(members{"policy_uri": "http://a.example/"})},
		{"http terms", "invalid_client_metadata", desk(members{"tos_uri": "http://a.example/"})},
		{"http start", "invalid_client_metadata", desk(members{"initiate_login_uri": "http://a.example/"})},
		{"http logout", "invalid_client_metadata", desk(members{"backchannel_logout_uri": "http://localhost:1/"})},
		{"http keys", "invalid_client_metadata", desk(members{"jwks_uri": "http://a.example/", "token_endpoint_auth_method": "private_key_jwt"})},
		{"no keys", "invalid_client_metadata", desk(members{"redirect_uris": []string{"https://a.example/cb"}, "token_endpoint_auth_method": "private_key_jwt"})},
		{"a private key", "invalid_client_metadata", desk(members{"jwks": members{"keys": []members{{"kty": "oct", "k": "AAAA"}}}})},
		{"both keys", "invalid_client_metadata", desk(members{"jwks": members{"keys": []members{}}, "jwks_uri": "https://a.example/"})},
		{"unknown authentication", "invalid_client_metadata", desk(members{"token_endpoint_auth_method": "client_secret_jwt"})},
		{"unsigned tokens", "invalid_client_metadata", desk(members{"id_token_signed_response_alg": "none"})},
		{"shared-secret tokens", "invalid_client_metadata", desk(members{"id_token_signed_response_alg": "HS256"})},
		{"unsigned requests", "invalid_client_metadata", desk(members{"request_object_signing_alg": "none"})},
		{"encryption", "invalid_client_metadata", desk(members{"userinfo_encrypted_response_alg": "RSA-OAEP"})},
		{"implicit", "invalid_client_metadata", desk(members{"response_types": []string{"token"}})},
		{"only for itself", "invalid_client_metadata", desk(members{"grant_types": []string{"client_credentials"}})},
		{"a bad scope", "invalid_client_metadata", desk(members{"scope": "a\"b"})},
		{"sector in private", "invalid_client_metadata", desk(members{"subject_type": "pairwise", "sector_identifier_uri": "https://127.0.0.1:1/"})},
		{"line break in the name", "invalid_client_metadata", desk(members{"client_name": "Desk\nGatelatch"})},
		{"name that turns", "invalid_client_metadata", desk(members{"client_name": "Desk\u202egnp"})},
		{"long name", "invalid_client_metadata", desk(members{"client_name": strings.Repeat("x", 101)})},
		{"our name", "invalid_client_metadata", desk(members{"client_name": "gate latch"})},
		{"the name of an application of ours", "invalid_client_metadata", desk(members{"client_name": " BookStore"})},
		{"eleven contacts", "invalid_client_metadata", desk(members{"contacts": strings.Split("a,b,c,d,e,f,g,h,i,j,k", ",")})},
		{"a statement", "unapproved_software_statement", desk(members{"software_statement": "eyJhbGciOiJub25lIn0.e30."})},
		{"no statement", "invalid_software_statement", desk(members{"software_statement": "x"})},
		{"a member twice", "invalid_client_metadata", `{"redirect_uris":["https://a.example/cb"],"redirect_uris":["https://b.example/cb"]}`},
		{"another spelling", "invalid_redirect_uri", `{"Redirect_URIs":["https://a.example/cb"]}`},
		{"a list", "invalid_client_metadata", `[]`},
		{"half", "invalid_client_metadata", `{"redirect_uris":`},
	} {
		rec, answer := w.call("POST", "/oidc/register", token, c.body)
		if rec.Code != 400 || answer["error"] != c.want || text(answer, "error_description") == "" {
			t.Errorf("%s: got %d %v, want 400 %s", c.name, rec.Code, answer, c.want)
		}
	}
	for kind, want := range map[string]int{"text/plain": 415, "application/x-www-form-urlencoded": 415, "": 415} {
		r := httptest.NewRequest("POST", registrar+"/oidc/register", strings.NewReader(`{"redirect_uris":["https://a.example/cb"]}`))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer "+token)
		if got := w.do(r); got.Code != want {
			t.Errorf("as %q: got %d, want %d", kind, got.Code, want)
		}
	}
	if rec, _ := w.call("POST", "/oidc/register", token, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`); rec.Code != 413 {
		t.Errorf("more than 64 KiB: got %d", rec.Code)
	}
	if all, err := w.store.View(t.Context()).Clients(); err != nil || len(all) != 2 {
		t.Errorf("%d applications are there (%v), want the two from before", len(all), err)
	}
}

func TestNoMetadataIsAFaultOfTheServer(t *testing.T) {
	w := newWorld(t, registrar, registration("token"))
	token := w.initialToken(10000, time.Hour)
	made := w.enrolled(token, desk())
	id, own := text(made, "client_id"), text(made, "registration_access_token")
	for _, name := range []string{"redirect_uris", "post_logout_redirect_uris", "client_name", "scope", "contacts", "jwks", "jwks_uri", "client_uri", "token_endpoint_auth_method", "grant_types", "application_type", "client_secret", "sector_identifier_uri", "subject_type"} {
		for _, value := range nasty {
			for _, odd := range []any{value, []string{value}, members{"keys": value}} {
				body := desk(members{name: odd, "client_id": id})
				for _, target := range []struct{ method, path, token string }{{"POST", "/oidc/register", token}, {"PUT", "/oidc/register/" + id, own}} {
					if rec, _ := w.call(target.method, target.path, target.token, body); rec.Code >= 500 {
						t.Fatalf("%s with %s %q: got %d %s\n%s", target.method, name, odd, rec.Code, rec.Body, w.log.text())
					}
				}
			}
		}
	}
	for path, allowed := range map[string]string{"/oidc/register": "POST", "/oidc/register/" + id: "DELETE, GET, HEAD, PUT"} {
		if rec, _ := w.call("PATCH", path, own, desk()); rec.Code != 405 || rec.Header().Get("Allow") != allowed {
			t.Errorf("PATCH %s: got %d with Allow %q", path, rec.Code, rec.Header().Get("Allow"))
		}
	}
	for _, value := range nasty {
		if rec, _ := w.call("GET", "/oidc/register/"+url.PathEscape(value), own, ""); rec.Code == 200 || rec.Code >= 500 {
			t.Errorf("client %q: got %d", value, rec.Code)
		}
	}
}

func TestAnApplicationReadsChangesAndDeletesItselfAndNobodyElse(t *testing.T) {
	w := newWorld(t, registrar, registration("open"), wide)
	mine, other := w.enrolled("", desk()), w.enrolled("", desk(members{"client_name": "Other"}))
	id, token := text(mine, "client_id"), text(mine, "registration_access_token")
	path := "/oidc/register/" + id
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		for _, wrong := range []struct{ path, token string }{{path, ""}, {path, "x"}, {path, text(other, "registration_access_token")}, {"/oidc/register/bookstore", token}, {"/oidc/register/" + strings.Repeat("a", 24), token}} {
			rec, answer := w.call(method, wrong.path, wrong.token, desk(members{"client_id": id}))
			if rec.Code != 401 || answer["error"] != "invalid_token" || !strings.Contains(rec.Header().Get("WWW-Authenticate"), "invalid_token") {
				t.Errorf("%s %s with %q: got %d %v", method, wrong.path, wrong.token, rec.Code, answer)
			}
		}
	}
	p := w.person()
	p.signIn("ann@example.com")
	status, tokens := w.redeem(id, p.signInTo(id))
	if status != 200 {
		t.Fatalf("got %d %v", status, tokens)
	}
	for name, body := range map[string]members{
		"without its id":           desk(),
		"under another id":         desk(members{"client_id": text(other, "client_id")}),
		"with a secret it chose":   desk(members{"client_id": id, "client_secret": strings.Repeat("s", 40), "token_endpoint_auth_method": "client_secret_basic"}),
		"with a harmful address":   desk(members{"client_id": id, "redirect_uris": []string{"javascript:alert(1)"}}),
		"with the name of another": desk(members{"client_id": id, "client_name": "Bookstore"}),
	} {
		if rec, _ := w.call("PUT", path, token, body); rec.Code != 400 {
			t.Errorf("changed %s: got %d", name, rec.Code)
		}
	}
	// A new name is a new question.
	rec, changed := w.call("PUT", path, token, desk(members{"client_id": id, "client_name": "Desk 2", "policy_uri": "https://desk.example/privacy"}))
	if rec.Code != 200 || text(changed, "client_name") != "Desk 2" || text(changed, "policy_uri") != "https://desk.example/privacy" || text(changed, "registration_access_token") != token {
		t.Fatalf("changed: got %d %v", rec.Code, changed)
	}
	log, err := w.store.View(t.Context()).EventsWith(storage.EventFilter{Kind: storage.EventClientUpdated, Client: id}, storage.ID{}, 10)
	if err != nil || len(log) != 1 || log[0].Detail != `client_name: Desk → "Desk 2"; policy_uri: none → https://desk.example/privacy` {
		t.Errorf("the log says %+v, %v", log, err)
	}
	p.signInTo(id)
	// It may begin to keep a secret, which it does not choose; and end to.
	_, changed = w.call("PUT", path, token, desk(members{"client_id": id, "token_endpoint_auth_method": "client_secret_basic"}))
	if text(changed, "client_secret") == "" || changed["policy_uri"] != nil {
		t.Errorf("with a secret: got %v", changed)
	}
	if rec, _ := w.call("PUT", path, token, desk(members{"client_id": id})); rec.Code != 200 {
		t.Errorf("back to none: got %d", rec.Code)
	}
	if live, err := w.store.View(t.Context()).ClientSecrets(id, time.Now().UnixMicro()); err != nil || len(live) != 0 {
		t.Errorf("%d secrets live on (%v)", len(live), err)
	}
	if rec, _ := w.call("DELETE", path, token, ""); rec.Code != 204 {
		t.Errorf("deleted: got %d", rec.Code)
	}
	if rec, _ := w.call("GET", path, token, ""); rec.Code != 401 {
		t.Errorf("read after its end: got %d", rec.Code)
	}
	got := w.do(w.request("POST", "/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(tokens, "refresh_token")}, "client_id": {id}}))
	if got.Code != 401 {
		t.Errorf("its refresh token: got %d %s", got.Code, got.Body)
	}
}

func TestStrangersRegisterOnlySoManyAndTheUnusedGo(t *testing.T) {
	w := newWorld(t, registrar, registration("open"), wide)
	used := text(w.enrolled("", desk()), "client_id")
	for range 59 {
		w.enrolled("", desk())
	}
	rec, answer := w.call("POST", "/oidc/register", "", desk())
	if rec.Code != 429 || answer["error"] == nil || rec.Header().Get("Retry-After") == "" {
		t.Errorf("the 61st: got %d %v", rec.Code, answer)
	}
	p := w.person()
	p.signIn("ann@example.com")
	p.signInTo(used)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{23 * time.Hour, 62}, {25 * time.Hour, 3}} {
		if _, err := w.store.Sweep(t.Context(), time.Now().Add(c.after).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		if all, err := w.store.View(t.Context()).Clients(); err != nil || len(all) != c.want {
			t.Errorf("after %s %d applications are left (%v), want %d", c.after, len(all), err, c.want)
		}
	}
	if _, err := w.store.View(t.Context()).Client(used); err != nil {
		t.Errorf("the one that was used: %v", err)
	}
}
