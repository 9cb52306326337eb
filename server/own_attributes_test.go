package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// companies are attributes of the server's own, of every type.
var companies = []map[string]any{
	{"name": "company", "type": "text", "claim": "https://example.com/company", "labels": map[string]string{"en": "Company", "de": "Firma"}},
	{"name": "seats", "type": "number", "scope": "phone", "labels": map[string]string{"en": "Seats"}},
	{"name": "size", "type": "choice", "choices": []map[string]any{{"value": "s", "labels": map[string]string{"en": "Small"}}, {"value": "l"}}},
	{"name": "founded", "type": "date"},
	{"name": "remote", "type": "boolean", "labels": map[string]string{"en": "Works <from> home"}},
	{"name": "badge", "type": "text", "immutable": true, "labels": map[string]string{"en": "Badge"}},
	{"name": "score", "type": "number", "by_admin": true, "labels": map[string]string{"en": "Score"}},
}

// saidOf are values of a person that an administrator has entered.
func (w *world) saidOf(address string, values map[string]any) {
	w.t.Helper()
	w.administer("PATCH", "/users/"+address, map[string]any{"attributes": values}, http.StatusOK)
}

// toldTo are the claims that the ID token and userinfo tell the bookstore, after a request.
func (p *person) toldTo(request url.Values) (idToken, userinfo map[string]any) {
	p.t.Helper()
	p.visit("/oidc/authorize?" + request.Encode())
	back, err := url.Parse(p.left)
	if err != nil || back.Query().Get("code") == "" {
		p.t.Fatalf("the way back is %q %s", p.left, p.at)
	}
	var out struct {
		Access  string `json:"access_token"`
		IDToken string `json:"id_token"`
	}
	answer := p.asBookstore("/token", "grant_type", "authorization_code", "code", back.Query().Get("code"), "redirect_uri", appCallback)
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil {
		p.t.Fatalf("%v: %s", err, answer.Body)
	}
	r := p.request("GET", "/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+out.Access)
	if err := json.Unmarshal(p.do(r).Body.Bytes(), &userinfo); err != nil {
		p.t.Fatal(err)
	}
	return claimsOf(p.t, out.IDToken), userinfo
}

func TestOwnAttributesAreToldWhereTheyAreAskedForByName(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.choose(map[string]any{"attributes": companies})
	p := w.person()
	p.signIn("ann@example.com")
	w.saidOf("ann@example.com", map[string]any{"company": "Example", "seats": 3, "size": "s", "score": 7})
	asked := authorization("scope", "openid", "claims", `{"userinfo":{"https://example.com/company":null,"founded":null,"company":null},"id_token":{"seats":{"essential":true}}}`)
	id, info := p.toldTo(asked)
	if id["seats"] != 3.0 || id["https://example.com/company"] != nil || id["size"] != nil || id["phone_number"] != nil {
		t.Errorf("the ID token says %v", id)
	}
	if info["https://example.com/company"] != "Example" || info["company"] != nil || info["seats"] != nil || info["score"] != nil {
		t.Errorf("userinfo says %v", info)
	}
	w.changeApp("bookstore", func(c *storage.Client) { c.Settings.Scopes = []string{"openid", "profile"} })
	id, info = p.toldTo(asked)
	if id["seats"] != nil || info["https://example.com/company"] != "Example" {
		t.Errorf("an application that may not ask for phone is told %v and %v", id, info)
	}
	w.choose(map[string]any{"reset": []string{"attributes"}})
	w.age(2 * time.Second)
	if _, info = p.toldTo(asked); info["https://example.com/company"] != nil {
		t.Errorf("what was taken from the list is told: %v", info)
	}
}

func TestDiscoveryListsTheClaimsOfOwnAttributes(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	supported := func() []string {
		var doc struct {
			Claims []string `json:"claims_supported"`
		}
		if err := json.Unmarshal(w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil)).Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		return doc.Claims
	}
	before := supported()
	w.choose(map[string]any{"attributes": companies})
	w.age(2 * time.Second)
	if after := supported(); !slices.Contains(after, "https://example.com/company") || !slices.Contains(after, "seats") || slices.Contains(after, "company") || len(after) != len(before)+len(companies) {
		t.Errorf("claims_supported is %v", after)
	}
	w.choose(map[string]any{"reset": []string{"attributes"}})
	w.age(2 * time.Second)
	if after := supported(); !slices.Equal(after, before) {
		t.Errorf("claims_supported is %v, was %v", after, before)
	}
}

func TestPeopleAreAskedAboutOwnAttributesByTheirLabel(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	w.choose(map[string]any{"attributes": companies})
	w.atHome("ann@example.com")
	w.saidOf("ann@example.com", map[string]any{"company": "Example", "size": "s", "remote": true, "seats": 3})
	w.thirdParty()
	for _, c := range []struct {
		request   url.Values
		says, not []string
	}{
		{authorization("scope", "openid profile"), []string{"Company: Example", "size: Small", "founded", "Works &lt;from&gt; home: Yes", "Score"}, []string{"Seats", "Works <from>"}},
		{authorization("scope", "openid", "claims", `{"id_token":{"seats":null}}`), []string{"Seats: 3"}, []string{"Company"}},
		{authorization("scope", "openid profile", "ui_locales", "de"), []string{"Firma: Example", "home: Ja"}, []string{"Company"}},
		{authorization("scope", "openid email"), nil, []string{"Company", "Seats"}},
	} {
		p := w.person()
		p.arrive(c.request, "ann@example.com")
		p.reads(c.says...)
		body := p.screen.Body.String()
		for _, text := range c.not {
			if !strings.HasPrefix(p.at, "/consent") || strings.Contains(body, text) {
				t.Errorf("%s says %q", p.at, text)
			}
		}
	}
}
