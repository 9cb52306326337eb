package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn/passkeytest"
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

func TestPeopleSayOwnAttributesOnTheAccountPage(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled)
	p := w.atHome("ann@example.com")
	w.choose(map[string]any{"attributes": append([]map[string]any{{"name": "given_name", "asked": "required", "labels": map[string]string{"en": "Called"}}, {"name": "nickname", "by_admin": true}}, companies...)})
	w.age(2 * time.Second)
	p.visit("/account")
	p.reads(`<label for="profile-company"><bdi>Company</bdi></label>`, `<label for="profile-given_name"><bdi>Called</bdi></label>`, `id="profile-seats" name="seats" value="" maxlength="500" dir="auto" autocomplete="off" inputmode="decimal"`,
		`<select class="input" id="profile-size" name="size">`, `<option value="s">Small</option>`, `type="date"`, "Works &lt;from&gt; home", "You can enter this only once.")
	p.doesNotRead("profile-score", "profile-nickname", "<from>")
	form := url.Values{"given_name": {"Ann"}, "company": {" Example & Daughters "}, "seats": {"3.5"}, "size": {"s"}, "founded": {"2001-02-03"}, "remote": {"false"}, "badge": {"B-1"}}
	p.post("/account/profile", form)
	p.reads("Saved.", `value="Example &amp; Daughters"`, `value="3.5"`, `<option value="s" selected>`, `<option value="false" selected>`, `aria-labelledby="profile-badge"><bdi>B-1</bdi>`)
	p.doesNotRead(`name="badge"`)
	said := func() string { return string(w.who("ann@example.com").Attributes) }
	want := `{"badge":"B-1","company":"Example \u0026 Daughters","founded":"2001-02-03","given_name":"Ann","remote":false,"seats":3.5,"size":"s"}`
	if said() != want {
		t.Errorf("kept is %s, want %s", said(), want)
	}
	for name, value := range map[string]string{"seats": "many", "size": "xl", "founded": "yesterday", "remote": "perhaps", "given_name": " "} {
		p.post("/account/profile", url.Values{name: {value}, "company": {"Another"}})
		if p.screen.Code != http.StatusUnprocessableEntity || !strings.Contains(p.screen.Body.String(), `aria-describedby="profile-`+name+`-error"`) {
			t.Errorf("%s=%s gets %d", name, value, p.screen.Code)
		}
	}
	p.post("/account/profile", url.Values{"given_name": {" "}})
	p.reads("Fill this in")
	// What forms of ours do not have in them is not taken from forms of others.
	p.post("/account/profile", url.Values{"badge": {"B-2"}, "score": {"100"}, "nickname": {"Boss"}, "preferred_username": {"root"}})
	if p.reads("Saved."); said() != want {
		t.Errorf("kept is %s, want %s", said(), want)
	}
	w.saidOf("ann@example.com", map[string]any{"badge": "B-3"})
	if !strings.Contains(said(), "B-3") {
		t.Error("an administrator cannot change what people say once")
	}
	w.administer("PATCH", "/users/ann@example.com", map[string]any{"nickname": "Annie"}, http.StatusOK)
	p.visit("/account")
	p.reads(`aria-labelledby="profile-nickname"><bdi>Annie</bdi>`)
	p.post("/account/profile", url.Values{"company": {""}, "seats": {""}, "remote": {""}})
	if kept := said(); strings.Contains(kept, "company") || strings.Contains(kept, "seats") || strings.Contains(kept, "remote") {
		t.Errorf("what was emptied is kept: %s", kept)
	}
}

func TestAnAppReadsAndChangesOwnAttributes(t *testing.T) {
	w := newWorld(t, "https://id.example.com", unsettled, wide)
	w.letIn("account", "account:write")
	w.choose(map[string]any{"attributes": append([]map[string]any{{"name": "given_name", "asked": "optional"}}, companies...)})
	p := w.person()
	p.visit("/oidc/authorize?" + authorization("scope", both).Encode())
	p.proves("ann@example.com")
	p.post("/sign-in/details", p.form("/sign-in/details"))
	token, _ := p.redeemed()
	answers(t, w.account(token, "PATCH", "/profile", `{"company":"Example","seats":3,"remote":true,"size":"l","badge":"B-1"}`), 200, `"seats":3`)
	answers(t, w.account(token, "GET", "/profile", ""), 200, `"company":"Example"`)
	for body, why := range map[string]string{`{"score":100}`: "there is no attribute", `{"badge":"B-2"}`: "said only once", `{"size":"xl"}`: "one of s, l", `{"seats":"many"}`: "a number", `{"company":{"x":1}}`: "must be",
		`{"email":"eve@example.com"}`: "there is no attribute", `{"phone_number_verified":true}`: "there is no attribute"} {
		answers(t, w.account(token, "PATCH", "/profile", body), 422, why)
	}
	answers(t, w.account(token, "PATCH", "/profile", `{"badge":"B-1","company":null}`), 200, `"badge":"B-1"`)
	var fields []struct {
		Name, Type        string
		Labels            map[string]string
		Choices           []struct{ Value string }
		Required, Settled bool
	}
	if err := json.Unmarshal(w.account(token, "GET", "/profile/fields", "").Body.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, f := range fields {
		at[f.Name] = i + 1
	}
	if at["score"] > 0 || at["company"] == 0 || fields[at["badge"]-1].Settled != true || fields[at["company"]-1].Settled || fields[at["company"]-1].Labels["de"] != "Firma" || len(fields[at["size"]-1].Choices) != 2 || fields[at["seats"]-1].Type != "number" {
		t.Errorf("the fields are %+v", fields)
	}
}

func TestWhatIsRequiredLaterIsAskedForWhateverTheSignInBeginsWith(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", unsettled, wide)
	there := newElsewhere(t, map[string]any{"sub": "ann-there", "email": "private@elsewhere.example"})
	w.connect(there, "staff", nil)
	p := w.atHome("ann@example.com")
	p.visit("/account/password")
	p.submit("/account/password", "password", horse)
	p.links("staff")
	p.visit(there.answer(p.left))
	a := passkeytest.New("http://localhost:4283")
	p.visit("/account/passkey/new")
	said, err := a.Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/account/passkey/new", "credential", said)
	w.choose(map[string]any{"attributes": []map[string]any{{"name": "company", "type": "text", "asked": "required"}}, "terms_url": "https://example.com/terms", "terms_version": "1"})
	w.age(2 * time.Second)
	if !p.signedIn() {
		t.Error("whoever is in is out")
	}
	version := 1
	for way, signIn := range map[string]func(*person){
		"code": func(p *person) { p.proves("ann@example.com") },
		"password": func(p *person) {
			p.submit("/sign-in/email", "email", "ann@example.com")
			w.code("ann@example.com") // that nobody types
			_, flow, _ := strings.Cut(p.at, "flow=")
			p.visit("/sign-in/password?flow=" + flow)
			p.post("/sign-in/password", url.Values{"flow": {flow}, "identifier": {"ann@example.com"}, "password": {horse}})
		},
		"passkey": func(p *person) {
			said, err := a.Get(p.question())
			if err != nil {
				t.Fatal(err)
			}
			p.submit("/sign-in/passkey", "credential", said)
		},
		"social": func(p *person) {
			p.chooses("staff")
			p.visit(there.answer(p.left))
		},
	} {
		p := w.person()
		p.visit("/oidc/authorize?" + authorization().Encode())
		signIn(p)
		if !strings.HasPrefix(p.at, "/sign-in/details") || p.left != "" {
			t.Fatalf("by %s at %s, left for %q:\n%s", way, p.at, p.left, p.text())
		}
		form := p.form("/sign-in/details")
		p.post("/sign-in/details", form)
		p.reads("Fill this in", "Check the box")
		if p.signedIn() {
			t.Fatalf("by %s in without an answer", way)
		}
		p.visit("/sign-in/details?flow=" + form.Get("flow"))
		form.Set("company", "Example")
		form.Set("accept", "1")
		p.post("/sign-in/details", form)
		if !strings.HasPrefix(p.left, appCallback+"?code=") {
			t.Fatalf("by %s at %s, left for %q", way, p.at, p.left)
		}
		version++
		w.saidOf("ann@example.com", map[string]any{"company": ""})
		w.choose(map[string]any{"terms_version": strconv.Itoa(version)})
		w.age(2 * time.Second)
	}
}
