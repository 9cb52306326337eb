package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/storage"
)

// TestMain has this process trust the certificate of httptest's TLS servers, as an operating system trusts those of the world.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "roots")
	if err != nil {
		log.Fatal(err)
	}
	s := httptest.NewTLSServer(http.NotFoundHandler())
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		log.Fatal(err)
	}
	s.Close()
	os.Setenv("SSL_CERT_FILE", roots)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// publisher is a site where applications describe themselves.
type publisher struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked map[string]int
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{pages: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		page := p.pages[r.URL.Path]
		p.mu.Unlock()
		if page == nil {
			http.NotFound(w, r)
			return
		}
		page(w, r)
	}))
	p.Config.ErrorLog = log.New(&strings.Builder{}, "", 0)
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) times(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *publisher) serve(path string, page http.HandlerFunc) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page
	return p.URL + path
}

// publish puts a document there that is right but for the changes, and returns the client_id.
func (p *publisher) publish(path string, change ...members) string {
	m := desk(append([]members{{"client_id": p.URL + path}}, change...)...)
	return p.serve(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(m); err != nil {
			panic(err)
		}
	})
}

// reading has the server read documents, also from this machine: httptest has no public address.
func reading(c *server.Config) {
	c.Documents, c.AllowNetworks = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	wide(c)
}

func asking(client string, pairs ...string) string {
	return "/oidc/authorize?" + authorization(append([]string{"client_id", client, "redirect_uri", deskCallback, "code_challenge", pkceAnswer, "code_challenge_method", "S256"}, pairs...)...).Encode()
}

func TestAnApplicationThatDescribesItselfSignsPeopleInAfterTheyWereAsked(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	id := site.publish("/desk.json", members{"software_statement": "x", "unknown_member": 1})
	p := w.person()
	p.signIn("ann@example.com")
	code := p.signInTo(id)
	status, tokens := w.redeem(id, code)
	if status != 200 || text(tokens, "access_token") == "" || text(tokens, "refresh_token") == "" {
		t.Errorf("got %d %v", status, tokens)
	}
	p.visit(asking(id, "prompt", "consent"))
	host := strings.TrimPrefix(site.URL, "https://")
	if body := p.screen.Body.String(); !strings.HasPrefix(p.at, "/consent?") || !strings.Contains(body, host) || !strings.Contains(body, "The name is not checked") {
		t.Errorf("at %q nobody is told where the application is published:\n%s", p.at, body)
	}
	if c, err := w.store.View(t.Context()).Client(id); err != nil || c.FirstParty() || !c.Unchecked() || c.Type != "native" || c.Settings.Origin != storage.OriginDocument {
		t.Errorf("kept %+v, %v", c, err)
	}
	if site.times("/desk.json") != 1 {
		t.Errorf("the document was read %d times, want once", site.times("/desk.json"))
	}
	p.visit("/oidc/authorize?" + authorization("client_id", id, "redirect_uri", deskCallback).Encode())
	if !strings.Contains(p.left, "error=invalid_request") {
		t.Errorf("without PKCE: at %q, left to %q", p.at, p.left)
	}
	var document map[string]any
	if err := json.Unmarshal(w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil)).Body.Bytes(), &document); err != nil || document["client_id_metadata_document_supported"] != true {
		t.Errorf("discovery says %v (%v)", document["client_id_metadata_document_supported"], err)
	}
}

func TestDocumentsAreNotReadUntilSomebodySwitchesItOn(t *testing.T) {
	site := newPublisher(t)
	id := site.publish("/desk.json")
	w := newWorld(t, registrar, reading, func(c *server.Config) { c.Documents = false })
	got := w.do(w.request("GET", asking(id), nil))
	if got.Code != 400 || got.Header().Get("Location") != "" || site.times("/desk.json") != 0 {
		t.Errorf("got %d to %q, and the document was read %d times", got.Code, got.Header().Get("Location"), site.times("/desk.json"))
	}
	if body := w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil)).Body.String(); strings.Contains(body, "client_id_metadata") {
		t.Errorf("discovery says %s", body)
	}
}

func TestNobodyIsSentAnywhereByADocumentThatIsNotRight(t *testing.T) {
	t.Parallel()
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	json200 := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		}
	}
	good := func(path string) string {
		return fmt.Sprintf(`{"client_id":%q,"client_name":"Desk","redirect_uris":[%q]}`, site.URL+path, deskCallback)
	}
	site.publish("/right.json")
	const unread = "It could not be read."
	for name, c := range map[string]struct{ id, page string }{
		"nothing there": {site.URL + "/nothing.json", unread},
		"a redirect":    {site.serve("/moved.json", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/right.json", http.StatusFound) }), unread},
		"a failure":     {site.serve("/broken.json", func(w http.ResponseWriter, r *http.Request) { http.Error(w, good("/broken.json"), 500) }), unread},
		"no JSON":       {site.serve("/text.json", json200("hello")), unread},
		"a page": {site.serve("/page.json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, good("/page.json"))
		}), unread},
		"larger than 64 KiB":  {site.serve("/huge.json", json200(good("/huge.json")+strings.Repeat(" ", 70<<10))), unread},
		"larger than 16 KiB":  {site.serve("/large.json", json200(good("/large.json")+strings.Repeat(" ", 17<<10))), unread},
		"slow":                {site.serve("/slow.json", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), unread},
		"a member twice":      {site.serve("/twice.json", json200(`{"client_id":"x","client_id":"`+site.URL+`/twice.json"}`)), unread},
		"another client_id":   {site.publish("/other.json", members{"client_id": site.URL + "/right.json"}), "client_id"},
		"no client_id":        {site.publish("/none.json", members{"client_id": nil}), "client_id"},
		"a respelled one":     {site.publish("/respelled.json", members{"client_id": strings.ToUpper(site.URL) + "/respelled.json"}), "client_id"},
		"a secret":            {site.publish("/secret.json", members{"client_secret": "x"}), "client_secret"},
		"end of a secret":     {site.publish("/ends.json", members{"client_secret_expires_at": 0}), "client_secret_expires_at"},
		"secret method":       {site.publish("/basic.json", members{"token_endpoint_auth_method": "client_secret_basic"}), "token_endpoint_auth_method"},
		"symmetric assertion": {site.publish("/hmac.json", members{"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"},
		"a shared key":        {site.publish("/oct.json", members{"jwks": members{"keys": []members{{"kty": "oct", "k": "AAAA"}}}}), "jwks"},
		"no keys":             {site.publish("/keyless.json", members{"token_endpoint_auth_method": "private_key_jwt", "redirect_uris": []string{"https://a.example/cb"}}), "jwks"},
		"script":              {site.publish("/script.json", members{"redirect_uris": []string{deskCallback, "javascript:alert(1)"}}), "redirect_uris"},
		"no redirect URI":     {site.publish("/nowhere.json", members{"redirect_uris": []string{}}), "redirect_uris"},
		"an owner's name":     {site.publish("/name.json", members{"client_name": "Book store"}), "a member"},
	} {
		got := w.do(w.request("GET", asking(c.id), nil))
		if got.Code != 400 || got.Header().Get("Location") != "" || !strings.Contains(got.Body.String(), c.page) || strings.Contains(got.Body.String(), "javascript") {
			t.Errorf("%s: got %d to %q, want a page that says %q\n%s", name, got.Code, got.Header().Get("Location"), c.page, got.Body)
		}
		if _, err := w.store.View(t.Context()).Client(c.id); err == nil {
			t.Errorf("%s: the application is remembered", name)
		}
		path := strings.TrimPrefix(c.id, site.URL)
		before := site.times(path)
		if w.do(w.request("GET", asking(c.id), nil)); site.times(path) != before {
			t.Errorf("%s: asked again at once", name)
		}
	}
	if site.times("/right.json") != 0 {
		t.Error("a redirect was followed")
	}
}

func TestAClientIDThatCannotBeADocumentIsNotCalled(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	site.publish("/desk.json")
	host := strings.TrimPrefix(site.URL, "https://")
	_, port, _ := strings.Cut(host, ":")
	for _, id := range []string{"http://" + host + "/desk.json", site.URL + "/desk.json#x", "https://ann@" + host + "/desk.json", "https://ann:pw@" + host + "/desk.json", site.URL + "/a/../desk.json", site.URL + "/./desk.json", site.URL + "/%2e%2e/desk.json",
		site.URL, "https://LOCALHOST:" + port + "/desk.json", "HTTPS://" + host + "/desk.json", site.URL + `\desk.json`, site.URL + "/desk.json" + strings.Repeat("x", 300), "https://", "https:///desk.json", "https://[::1/desk.json", "https:\x00//x/desk.json"} {
		if got := w.do(w.request("GET", asking(id), nil)); got.Code != 400 || got.Header().Get("Location") != "" {
			t.Errorf("%q: got %d to %q", id, got.Code, got.Header().Get("Location"))
		}
	}
	if site.times("/desk.json") != 0 {
		t.Error("one of them was called")
	}
}

func TestWhatIsBehindAPrivateAddressShowsNowhere(t *testing.T) {
	site := newPublisher(t)
	id := site.publish("/desk.json")
	w := newWorld(t, registrar, reading, func(c *server.Config) { c.AllowNetworks = nil })
	closed := httptest.NewTLSServer(nil)
	closed.Close()
	port := strings.TrimPrefix(site.URL, "https://127.0.0.1")
	var first string
	for _, private := range []string{id, closed.URL + "/desk.json", "https://localhost" + port + "/desk.json", "https://[::1]" + port + "/desk.json", "https://10.0.0.1/desk.json", "https://169.254.169.254/latest/meta-data", "https://192.168.0.1/", "https://0.0.0.0" + port + "/desk.json"} {
		r := w.request("POST", "/oidc/par", authorization("client_id", private, "redirect_uri", deskCallback))
		got := w.do(r)
		if first == "" {
			first = got.Body.String()
		}
		if got.Code != 401 || got.Body.String() != first || !strings.Contains(first, "could not be read") || strings.Contains(first, "private") {
			t.Errorf("%s: got %d %s, want the same as for all others", private, got.Code, got.Body)
		}
	}
	if site.times("/desk.json") != 0 {
		t.Error("a private address was called")
	}
	if !strings.Contains(w.log.text(), "private or special network") {
		t.Error("the log does not say why")
	}
}

func TestADocumentThatChangesCountsFromItsNextReading(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	id := site.publish("/desk.json")
	p := w.person()
	p.signIn("ann@example.com")
	status, tokens := w.redeem(id, p.signInTo(id))
	if status != 200 {
		t.Fatalf("got %d %v", status, tokens)
	}
	// Another address: the one that was there is no way back any more, and people are asked anew.
	site.publish("/desk.json", members{"redirect_uris": []string{"http://127.0.0.1/elsewhere"}})
	w.later.Add(int64(2 * time.Hour))
	p.visit(asking(id))
	if p.left != "" || p.screen.Code != 400 {
		t.Errorf("the old address: got %d, left to %q", p.screen.Code, p.left)
	}
	if _, err := w.store.View(t.Context()).Consent(w.user("ann@example.com"), id, 0); err == nil {
		t.Error("what people allowed the application of before still holds")
	}
	p.visit(asking(id, "redirect_uri", "http://127.0.0.1:9999/elsewhere"))
	if !strings.HasPrefix(p.at, "/consent?") {
		t.Errorf("the new address: at %q, left to %q", p.at, p.left)
	}
	// A developer who adds an address need not wait: a refused one has the document read again, once a minute.
	site.publish("/desk.json", members{"redirect_uris": []string{"http://127.0.0.1/elsewhere", deskCallback}})
	before := site.times("/desk.json")
	w.later.Add(int64(2 * time.Minute))
	if p.visit(asking(id)); !strings.HasPrefix(p.at, "/consent?") {
		t.Errorf("an address that was just added: at %q, left to %q", p.at, p.left)
	}
	for range 3 {
		p.visit(asking(id, "redirect_uri", "http://127.0.0.1/unknown"))
	}
	if n := site.times("/desk.json") - before; n != 1 {
		t.Errorf("the document was read %d times, want once", n)
	}
}

func TestAnApplicationWhoseDocumentIsGoneGetsNothingNew(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	id := site.publish("/desk.json")
	p := w.person()
	p.signIn("ann@example.com")
	_, tokens := w.redeem(id, p.signInTo(id))
	site.serve("/desk.json", http.NotFound)
	w.later.Add(int64(2 * time.Hour))
	if p.visit(asking(id)); p.left != "" || p.screen.Code != 400 {
		t.Errorf("a new sign-in: got %d, left to %q", p.screen.Code, p.left)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {text(tokens, "refresh_token")}}
	got := w.do(w.request("POST", "/oidc/token", refresh))
	if got.Code != 200 {
		t.Errorf("what was allowed before: got %d %s", got.Code, got.Body)
	}
	site.publish("/desk.json")
	w.later.Add(int64(2 * time.Minute))
	if p.visit(asking(id)); !strings.HasPrefix(p.left, deskCallback) {
		t.Errorf("when it is back: at %q, left to %q", p.at, p.left)
	}
}

func TestADisabledApplicationDoesNotComeBackByItsDocument(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	id := site.publish("/desk.json")
	w.do(w.request("GET", asking(id), nil))
	w.manage("POST", "/apps/"+url.PathEscape(id)+"/disable")
	w.later.Add(int64(48 * time.Hour))
	if _, err := w.store.Sweep(t.Context(), w.now().UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if got := w.do(w.request("GET", asking(id), nil)); got.Code != 400 || site.times("/desk.json") != 1 {
		t.Errorf("got %d, and the document was read %d times", got.Code, site.times("/desk.json"))
	}
}

func TestAStrangerHasUnknownDocumentsReadSlowlyAndKnownOnesGoOn(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	known := site.publish("/desk.json")
	w.do(w.request("GET", asking(known), nil))
	for i := range 59 {
		w.do(w.request("GET", asking(site.publish(fmt.Sprintf("/%d.json", i))), nil))
	}
	if got := w.do(w.request("GET", asking(site.publish("/more.json")), nil)); got.Code != 429 || site.times("/more.json") != 0 {
		t.Errorf("the 61st: got %d, and it was read %d times", got.Code, site.times("/more.json"))
	}
	if got := w.do(w.request("POST", "/oidc/par", authorization("client_id", site.publish("/pushed.json")))); got.Code != 401 || site.times("/pushed.json") != 0 {
		t.Errorf("pushed: got %d %s", got.Code, got.Body)
	}
	if got := w.do(w.request("GET", asking(known), nil)); got.Code != 303 {
		t.Errorf("a known one: got %d", got.Code)
	}
	// Nobody used them, so they go within a day.
	w.later.Add(int64(25 * time.Hour))
	if _, err := w.store.Sweep(t.Context(), w.now().UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.store.View(t.Context()).Documents(); err != nil || n != 0 {
		t.Errorf("%d are still remembered (%v)", n, err)
	}
}

func TestWhatPeopleUseStaysAndTheRestMakesRoom(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	used, idle := site.publish("/used.json"), site.publish("/idle.json")
	p := w.person()
	p.signIn("ann@example.com")
	if status, tokens := w.redeem(used, p.signInTo(used)); status != 200 {
		t.Fatalf("got %d %v", status, tokens)
	}
	w.do(w.request("GET", asking(idle), nil))
	err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		for i := range 998 {
			id := fmt.Sprintf("https://other.example/%d", i)
			if err := tx.InsertClient(storage.Client{ID: id, Nonce: []byte("n"), Type: "native", Source: "api"}); err != nil {
				return err
			}
			if err := tx.InsertDocument(id, w.now().UnixMicro(), w.now().Add(20*24*time.Hour).UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next := site.publish("/next.json")
	if got := w.do(w.request("GET", asking(next), nil)); got.Code != 303 {
		t.Fatalf("the 1,001st: got %d %s", got.Code, got.Body)
	}
	if _, err := w.store.View(t.Context()).Client(idle); err == nil {
		t.Error("the idle one has not made room")
	}
	w.later.Add(int64(25 * time.Hour)) // next is idle as well by then, and goes
	if _, err := w.store.Sweep(t.Context(), w.now().UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.View(t.Context()).Client(used); err != nil {
		t.Errorf("the used one is gone: %v", err)
	}
	w.later.Add(int64(31 * 24 * time.Hour))
	if _, err := w.store.Sweep(t.Context(), w.now().UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.View(t.Context()).Client(used); err == nil {
		t.Error("the used one stays when all that was allowed has ended")
	}
}

func TestAPublisherOfKeysProvesItself(t *testing.T) {
	site, w := newPublisher(t), newWorld(t, registrar, reading)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	raw, b64 := point.Bytes(), base64.RawURLEncoding
	id := site.publish("/mail.json", members{"redirect_uris": []string{"https://mail.example/cb"}, "token_endpoint_auth_method": "private_key_jwt",
		"jwks": members{"keys": []members{{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(raw[1:33]), "y": b64.EncodeToString(raw[33:])}}}})
	push := func(pairs ...string) *httptest.ResponseRecorder {
		form := authorization("client_id", id, "redirect_uri", "https://mail.example/cb")
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return w.do(w.request("POST", "/oidc/par", form))
	}
	if got := push(); got.Code != 401 {
		t.Errorf("without proof: got %d %s", got.Code, got.Body)
	}
	if got := push("client_secret", "x"); got.Code != 401 {
		t.Errorf("with a secret: got %d %s", got.Code, got.Body)
	}
	assert := func(k *ecdsa.PrivateKey) string {
		return es256(t, k, members{"iss": id, "sub": id, "aud": registrar + "/oidc", "exp": w.now().Add(time.Minute).Unix(), "jti": rand.Text()})
	}
	const kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	if got := push("client_assertion_type", kind, "client_assertion", assert(key)); got.Code != 201 {
		t.Errorf("with its key: got %d %s", got.Code, got.Body)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got := push("client_assertion_type", kind, "client_assertion", assert(other)); got.Code != 401 {
		t.Errorf("with another key: got %d %s", got.Code, got.Body)
	}
}

// es256 is a signed JWT.
func es256(t *testing.T, key *ecdsa.PrivateKey, claims members) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// user is the id of the person with that address.
func (w *world) user(address string) storage.ID {
	w.t.Helper()
	u, err := w.store.View(w.t.Context()).UserByEmail(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.ID
}

func TestAnAPIIsForApplicationsThatNobodyEnteredWhereItSaysSo(t *testing.T) {
	const notes = "https://notes.example/mcp"
	site, w := newPublisher(t), newWorld(t, registrar, reading, registration("open"))
	described := site.publish("/desk.json")
	registered := text(w.enrolled("", desk(members{"client_name": "Other desk"})), "client_id")
	api := storage.Resource{ID: notes, Name: "Notes", Source: "api", Scopes: []storage.ResourceScope{{Name: "notes:read", Description: "Read your notes"}}, Settings: storage.ResourceSettings{Alg: "ES256"}}
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertResource(api) }); err != nil {
		t.Fatal(err)
	}
	p := w.person()
	p.signIn("ann@example.com")
	ask := []string{"resource", notes, "scope", "notes:read offline_access"}
	for _, id := range []string{described, registered} {
		if p.visit(asking(id, ask...)); !strings.Contains(p.left, "error=invalid_target") {
			t.Errorf("%s: at %q, left to %q, want invalid_target", id, p.at, p.left)
		}
	}
	api.Settings.Unchecked = true
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.UpdateResource(api) }); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{described, registered} {
		status, tokens := w.redeem(id, p.signInTo(id, ask...))
		parts := strings.Split(text(tokens, "access_token"), ".")
		if status != 200 || len(parts) != 3 {
			t.Fatalf("%s: got %d %v, want a JWT", id, status, tokens)
		}
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || !strings.Contains(string(claims), `"aud":"`+notes+`"`) || !strings.Contains(string(claims), `"client_id":"`+id+`"`) {
			t.Errorf("%s: the token says %s (%v)", id, claims, err)
		}
	}
	if p.visit("/oidc/authorize?" + authorization("client_id", "till", "redirect_uri", "https://till.example/callback", "resource", notes, "code_challenge", pkceAnswer, "code_challenge_method", "S256").Encode()); !strings.Contains(p.left, "error=invalid_target") {
		t.Errorf("an application of the server's own without the API in its list: left to %q", p.left)
	}
}
