package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// choose changes what the database settles.
func (h *house) choose(x authn.Experience, names ...string) {
	h.t.Helper()
	if _, err := h.engine.ChangeExperience(h.t.Context(), "cli", authn.ExperienceChange{Names: names, Values: x}); err != nil {
		h.t.Fatal(err)
	}
}

// asking is a house that asks for a given name and a company size, and offers a number of seats.
func asking(o *options) {
	o.engine.Experience.Attributes = []authn.Field{
		{Name: "given_name", Asked: authn.AskedRequired},
		{Name: "size", Type: authn.FieldOneOf, Asked: authn.AskedRequired, Choices: []authn.FieldChoice{{Value: "s"}, {Value: "l"}}, Labels: map[string]string{"en": "Size <script>alert(1)</script>"}},
		{Name: "seats", Type: authn.FieldNumber, Asked: authn.AskedOptional, Labels: map[string]string{"en": "Seats"}},
		{Name: "score", Type: authn.FieldNumber, ByAdmin: true},
	}
}

// entered walks to the page after the code.
func (p *person) entered(address string) {
	p.t.Helper()
	m := p.begin(address)
	p.submit("/sign-in/code", "code", m.Code)
}

func TestNewPeopleSayWhatIsRequiredBeforeTheyAreIn(t *testing.T) {
	h := newHouse(t, asking)
	p := h.person()
	p.entered("ann@example.com")
	p.says(200, "A few details")
	p.says(200, "Seats")
	if strings.Contains(p.page.body, "<script>alert") || !strings.Contains(p.page.body, "Size &lt;script&gt;") {
		t.Error("a label is no text on the page")
	}
	p.stranger()
	p.submit("/sign-in/details", "given_name", " ", "size", "xl", "seats", "many")
	p.says(http.StatusUnprocessableEntity, "Fill this in")
	p.says(http.StatusUnprocessableEntity, "Enter a number")
	p.says(http.StatusUnprocessableEntity, `value="many"`)
	p.stranger()
	p.submit("/sign-in/details", "given_name", "Ann", "size", "l", "seats", "")
	p.arrived()
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	known := authn.AttributesOf(u)
	if known["given_name"] != "Ann" || known["size"] != "l" || known["seats"] != nil {
		t.Errorf("got %v", known)
	}
	again := h.person() // is asked for nothing any more, not for what is optional either
	again.signIn("ann@example.com")
}

func TestDetailsCannotBeSkippedNorMoreBeSlippedIn(t *testing.T) {
	h := newHouse(t, asking)
	p := h.person()
	p.entered("ann@example.com")
	flow, fields := p.flow(), p.fill("/sign-in/details", "given_name", "Ann", "size", "s")
	for _, path := range []string{"/sign-in?flow=" + flow, "/app/resume?flow=" + flow, "/sign-in/protect?flow=" + flow, "/sign-in/second-factor?flow=" + flow} {
		p.visit(path)
		p.stranger()
	}
	eve := h.person()
	eve.do("POST", "/sign-in/details", url.Values{"flow": {flow}, "given_name": {"Eve"}, "size": {"s"}})
	eve.stranger()
	fields.Set("score", "100")
	fields.Set("email", "eve@example.com")
	fields.Set("preferred_username", "admin")
	p.do("POST", "/sign-in/details", fields)
	p.arrived()
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil || authn.AttributesOf(u)["score"] != nil || u.Username == "admin" {
		t.Errorf("got %v, %v: more was kept than was asked for", authn.AttributesOf(u), err)
	}
	p.do("POST", "/sign-in/details", fields) // once more
	if u2, _ := h.view().UserByEmail("ann@example.com"); u2.Updated != u.Updated {
		t.Error("details were kept twice")
	}
	before := h.person()
	before.visit("/app")
	before.do("POST", "/sign-in/details", url.Values{"flow": {before.flow()}, "given_name": {"Eve"}, "size": {"s"}})
	before.stranger()
}

func TestPeopleWhoLackWhatIsRequiredNowAreAskedAtTheirNextSignIn(t *testing.T) {
	h := newHouse(t)
	p := h.person()
	p.signIn("ann@example.com")
	h.choose(authn.Experience{Attributes: []authn.Field{{Name: "given_name", Asked: authn.AskedRequired}, {Name: "nickname", Asked: authn.AskedOptional}}}, "attributes")
	p.visit("/app")
	p.arrived() // the session goes on
	later := h.person()
	later.entered("ann@example.com")
	later.says(200, "First name")
	if strings.Contains(later.page.body, "Nickname") {
		t.Error("somebody who has an account is asked for what is optional")
	}
	later.submit("/sign-in/details", "given_name", "Ann")
	later.arrived()
	u, err := h.view().UserByEmail("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.engine.SetAttributes(t.Context(), "user:"+u.ID.String(), u.ID, map[string]any{"given_name": ""}); err == nil {
		t.Error("a person has emptied what is required")
	}
	if err := h.engine.SetAttributes(t.Context(), "cli", u.ID, map[string]any{"given_name": ""}); err != nil {
		t.Errorf("an administrator cannot: %v", err)
	}
}

func TestEveryVersionOfTheTermsIsAcceptedOnceAndSaysWhenAndWhere(t *testing.T) {
	h := newHouse(t)
	terms := func(version string) {
		h.choose(authn.Experience{TermsURL: "https://example.com/terms", TermsVersion: version, PrivacyURL: "https://example.com/privacy", PrivacyVersion: "1"},
			"terms_url", "terms_version", "privacy_url", "privacy_version")
	}
	terms("1")
	p := h.person()
	p.entered("ann@example.com")
	p.says(200, "https://example.com/terms")
	p.says(200, "https://example.com/privacy")
	p.submit("/sign-in/details")
	p.says(http.StatusUnprocessableEntity, "Check the box")
	p.stranger()
	p.submit("/sign-in/details", "accept", "1")
	p.arrived()
	h.person().signIn("ann@example.com")
	terms("2")
	late := h.person()
	late.entered("ann@example.com")
	late.says(200, "https://example.com/terms")
	if strings.Contains(late.page.body, "https://example.com/privacy") {
		t.Error("the version that was accepted is asked for again")
	}
	late.submit("/sign-in/details", "accept", "1")
	late.arrived()
	u, _ := h.view().UserByEmail("ann@example.com")
	accepted, err := h.view().Acceptances(u.ID)
	if err != nil || len(accepted) != 3 {
		t.Fatalf("got %+v, %v, want three", accepted, err)
	}
	for _, a := range accepted {
		if a.IP == "" || a.Accepted == 0 || !strings.HasPrefix(a.URL, "https://example.com/") {
			t.Errorf("got %+v, want when and where", a)
		}
	}
	events, _ := h.view().UserEvents(u.ID, storage.ID{}, 0, 50)
	if n := strings.Count(func() (all string) {
		for _, e := range events {
			all += e.Kind + " "
		}
		return all
	}(), storage.EventAccepted); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func TestDetailsComeAfterTheSecondFactorAndShowNothingBefore(t *testing.T) {
	h := newHouse(t, asking)
	if _, err := h.engine.CreateUser(t.Context(), "cli", "ann@example.com", "Ann"); err != nil {
		t.Fatal(err)
	}
	h.choose(authn.Experience{SecondFactor: authn.SecondFactorRequired}, "second_factor")
	p := h.person()
	p.entered("ann@example.com")
	flow := p.flow()
	p.visit("/sign-in/details?flow=" + flow)
	if strings.Contains(p.page.body, "A few details") {
		t.Error("details are asked for before the second factor")
	}
	p.do("POST", "/sign-in/details", url.Values{"flow": {flow}, "given_name": {"Eve"}, "size": {"s"}})
	if u, _ := h.view().UserByEmail("ann@example.com"); authn.AttributesOf(u)["given_name"] != nil {
		t.Error("details were kept of somebody who has not proven enough")
	}
}

func TestAttributesThatCannotBeAreRefusedWithTheReason(t *testing.T) {
	h := newHouse(t)
	for name, f := range map[string]authn.Field{
		"unknown without a type": {Name: "company"}, "reserved": {Name: "sub", Type: "text"}, "reserved claim": {Name: "x", Type: "text", Claim: "email"},
		"claim of the standard": {Name: "x", Type: "text", Claim: "name"}, "asked and by admins": {Name: "x", Type: "text", Asked: "required", ByAdmin: true},
		"choice without choices": {Name: "x", Type: "choice"}, "type of the standard": {Name: "name", Type: "number"}, "scope": {Name: "x", Type: "text", Scope: "openid"},
		"name": {Name: "A b", Type: "text"}, "not on pages": {Name: "picture", Asked: "required"}, "asked": {Name: "name", Asked: "often"},
	} {
		_, err := h.engine.ChangeExperience(t.Context(), "cli", authn.ExperienceChange{Names: []string{"attributes"}, Values: authn.Experience{Attributes: []authn.Field{f}}})
		if bad, ok := err.(*authn.BadChoice); !ok || bad.Name != "attributes" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
