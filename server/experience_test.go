package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// ask asks the management API.
func (w *world) ask(method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return rec
}

// choose changes the experience and fails the test unless it went well.
func (w *world) choose(change map[string]any) {
	w.t.Helper()
	if rec := w.ask("PATCH", "/experience", change); rec.Code != http.StatusOK {
		w.t.Fatalf("change %v: %d %s", change, rec.Code, rec.Body)
	}
}

// unsettled leaves the choices to the database.
func unsettled(c *server.Config) { c.Experience = authn.Experience{}; c.SignUp = authn.SignUpOpen }

func TestChangeOfTheExperienceHoldsForTheNextSignIn(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.choose(map[string]any{"sign_up": "closed"})
	ann := w.person()
	ann.visit("/sign-in")
	ann.submit("/sign-in/email", "email", "ann@example.com")
	if mail, err := w.mails.Wait(t.Context(), "ann@example.com"); err != nil || mail.Usage != "SignUpClosed" {
		t.Errorf("got the mail %q (%v), want that sign-up is closed", mail.Usage, err)
	}
	w.choose(map[string]any{"reset": []string{"sign_up"}})
	ben := w.person()
	ben.signIn("ben@example.com")
}

func TestEventOfAChangeSaysWhatItWasAndWhatItIs(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.choose(map[string]any{"sign_up": "closed", "methods": []string{"password", "code"}})
	w.choose(map[string]any{"sign_up": "closed"}) // says nothing new
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	var details []string
	for _, e := range events {
		if e.Kind == storage.EventSettingChanged {
			details = append(details, e.Actor+" "+e.Detail)
		}
	}
	if want := []string{"cli methods: code password passkey social → password code; sign_up: open → closed"}; !slices.Equal(details, want) {
		t.Errorf("got events %q, want %q", details, want)
	}
}

func TestDryRunNamesWhoWouldLoseTheirOnlyWayInAndChangesNothing(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	for _, u := range []map[string]any{{"email": "ann@example.com", "password": "a long sentence of mine"}, {"email": "ben@example.com"}} {
		if rec := w.ask("POST", "/users", u); rec.Code != http.StatusCreated {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	w.ask("POST", "/users/ann@example.com/role", map[string]string{"role": "owner"})
	w.choose(map[string]any{"sign_up": "closed"})
	rec := w.ask("PATCH", "/experience?dry_run=true", map[string]any{"methods": []string{"password"}})
	var out struct {
		DryRun   bool     `json:"dry_run"`
		Methods  []string `json:"methods"`
		Affected []struct {
			How    string
			People int
			First  []string
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%v: %d %s", err, rec.Code, rec.Body)
	}
	if len(out.Affected) != 1 || out.Affected[0].How != authn.AffectedNoWayIn || out.Affected[0].People != 1 || !slices.Equal(out.Affected[0].First, []string{"ben@example.com"}) {
		t.Errorf("got %+v, want ben to be kept out", out.Affected)
	}
	if !out.DryRun || !slices.Equal(out.Methods, []string{"password"}) {
		t.Errorf("got %+v, want the experience as it would be", out)
	}
	if got := w.ask("GET", "/experience", nil).Body.String(); !strings.Contains(got, `"methods":["code","password","passkey","social"]`) {
		t.Errorf("after the dry run: %s", got)
	}
}

func TestConfigurationWinsOverWhatIsKeptAndIsReadOnly(t *testing.T) {
	w := newWorld(t, "https://id.example.com", func(c *server.Config) { c.Settled = map[string]string{"sign_up": "config.yaml line 3"} })
	rec := w.ask("PATCH", "/experience", map[string]any{"sign_up": "closed"})
	if rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "config.yaml line 3") {
		t.Errorf("got %d %s, want 409 and the place", rec.Code, rec.Body)
	}
	if got := w.ask("GET", "/experience", nil).Body.String(); !strings.Contains(got, `"sign_up":{"from":"configuration","where":"config.yaml line 3","read_only":true}`) {
		t.Errorf("got %s, want the source", got)
	}
}

func TestChangeThatKeepsAllOwnersOutIsRefused(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.ask("POST", "/users", map[string]any{"email": "ann@example.com"})
	w.ask("POST", "/users/ann@example.com/role", map[string]string{"role": "owner"})
	rec := w.ask("PATCH", "/experience", map[string]any{"sign_up": "closed", "methods": []string{"password"}})
	if rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), "No owner of this server") {
		t.Errorf("got %d %s, want 422", rec.Code, rec.Body)
	}
}

func TestOwnAttributesAreToldUnderTheirClaimByTheirScopeAndNoOther(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.choose(map[string]any{"attributes": []map[string]any{{"name": "company", "type": "text", "claim": "https://example.com/company"}, {"name": "seats", "type": "number", "scope": "phone"}}})
	ann := w.person()
	code, _ := ann.signIn("ann@example.com")
	if rec := w.ask("PATCH", "/users/ann@example.com", map[string]any{"attributes": map[string]any{"company": "Example", "seats": 3}}); rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	rec := w.asBookstore("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", appCallback)
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &tokens); err != nil || tokens.IDToken == "" {
		t.Fatalf("%v: %d %s", err, rec.Code, rec.Body)
	}
	claims := claimsOf(t, tokens.IDToken)
	if claims["https://example.com/company"] != "Example" || claims["company"] != nil || claims["seats"] != nil {
		t.Errorf("got %v, want the company under its claim, and no seats without the scope phone", claims)
	}
	w.choose(map[string]any{"reset": []string{"attributes"}})
}
