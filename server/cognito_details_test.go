package server_test

import (
	"strings"
	"testing"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// inquisitive is a server that wants to know a name and a plan, and has terms to accept.
func inquisitive(c *server.Config) {
	c.Experience.Attributes = []authn.Field{{Name: "name", Asked: authn.AskedRequired}, {Name: "nickname", Asked: authn.AskedOptional},
		{Name: "plan", Type: authn.FieldOneOf, Choices: []authn.FieldChoice{{Value: "free"}, {Value: "paid"}}, Asked: authn.AskedRequired}}
	c.Experience.TermsURL, c.Experience.TermsVersion = "https://example.com/terms", "2026-11"
}

func attributesOf(pairs ...string) []any {
	list := []any{}
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, map[string]any{"Name": pairs[i], "Value": pairs[i+1]})
	}
	return list
}

// terms says in the application's words that a version of the terms was accepted.
func terms(in map[string]any, version string) map[string]any {
	in["ClientMetadata"] = map[string]any{"terms_version": version}
	return in
}

func TestSignUpNamesTheAttributeThatIsRequired(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	a := w.amplify(false)
	for _, c := range []struct {
		attributes []any
		want       string
	}{
		{nil, "Attributes did not conform to the schema: name: The attribute is required"},
		{attributesOf("name", "Ann"), "Attributes did not conform to the schema: custom:plan: The attribute is required"},
		{attributesOf("name", "Ann", "custom:plan", "golden"), "Attributes did not conform to the schema: custom:plan: it must be one of free, paid."},
		{attributesOf("name", "Ann", "plan", "free"), "user.plan: Attribute does not exist in the schema."},
		{attributesOf("custom:name", "Ann", "custom:plan", "free"), "user.custom:name: Attribute does not exist in the schema."},
		{attributesOf("custom:none", "x"), "user.custom:none: Attribute does not exist in the schema."},
		{attributesOf("phone_number", "112"), "Invalid phone number format."},
	} {
		if got := a.is("InvalidParameterException", "SignUp", map[string]any{"Username": "ann@example.com", "Password": annsPassword, "UserAttributes": c.attributes})["message"]; got != c.want {
			t.Errorf("%v: got %v, want %s", c.attributes, got, c.want)
		}
	}
}

func TestWhoAcceptsTheTermsAtSignUpIsInAndWhoDoesNotIsSentToThePage(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	a := w.amplify(true)
	signUp := func(address, version string) map[string]any {
		a.is("", "SignUp", terms(map[string]any{"Username": address, "Password": annsPassword, "UserAttributes": attributesOf("name", "Ann", "custom:plan", "paid")}, version))
		done := a.is("", "ConfirmSignUp", map[string]any{"Username": address, "ConfirmationCode": a.code(address)})
		in := auth("USER_AUTH", map[string]any{"USERNAME": address})
		in["Session"] = done["Session"]
		return in
	}
	tokens := tokensOf(t, a.is("", "InitiateAuth", signUp("ann@example.com", "2026-11")))
	if got := claimsOf(t, tokens["IdToken"].(string)); got["custom:plan"] != "paid" || got["name"] != "Ann" {
		t.Errorf("ID token: %v", got)
	}
	if got := textOf(t, a.is("", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})); !strings.Contains(got, `{"Name":"custom:plan","Value":"paid"}`) {
		t.Errorf("GetUser: %s", got)
	}
	me := func(more map[string]any) map[string]any {
		more["AccessToken"] = tokens["AccessToken"]
		return more
	}
	a.is("", "UpdateUserAttributes", me(map[string]any{"UserAttributes": attributesOf("custom:plan", "free")}))
	a.is("InvalidParameterException", "DeleteUserAttributes", me(map[string]any{"UserAttributeNames": []string{"custom:plan"}}))

	const ben = "ben@example.com"
	refused := a.is("NotAuthorizedException", "InitiateAuth", signUp(ben, "2025-01"))
	if message := refused["message"].(string); !strings.Contains(message, "accept") || !strings.Contains(message, "https://id.example/sign-in") {
		t.Errorf("the terms of last year: %s", message)
	}
	password := auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ben, "PASSWORD": annsPassword})
	a.is("NotAuthorizedException", "InitiateAuth", password)
	tokensOf(t, a.is("", "InitiateAuth", terms(password, "2026-11")))
	delete(password, "ClientMetadata")
	tokensOf(t, a.is("", "InitiateAuth", password))
	got, err := w.store.View(t.Context()).Acceptances(w.idOf(ben))
	if err != nil || len(got) != 1 || got[0].Version != "2026-11" {
		t.Errorf("accepted: %v, %v", got, err)
	}
}

// Whoever brings the code may not be whoever accepted.
func TestTermsOfASignUpThatTwoPeopleMadeAreAcceptedByNobody(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	a := w.amplify(false)
	in := terms(map[string]any{"Username": "ann@example.com", "UserAttributes": attributesOf("name", "Ann", "custom:plan", "paid")}, "2026-11")
	a.is("", "SignUp", in)
	a.is("UsernameExistsException", "SignUp", in)
	a.is("", "ConfirmSignUp", map[string]any{"Username": "ann@example.com", "ConfirmationCode": a.code("ann@example.com")})
	if got, err := w.store.View(t.Context()).Acceptances(w.idOf("ann@example.com")); err != nil || len(got) != 0 {
		t.Errorf("accepted: %v, %v", got, err)
	}
}

func TestWhoLacksAnAttributeSaysItOnThePageAndIsInAfterwards(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	a := w.amplify(false)
	g := a.keyholder()
	const ann = "ann@example.com"
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "MessageAction": "SUPPRESS"})
	g.asks("", "AdminSetUserPassword", map[string]any{"Username": ann, "Password": annsPassword, "Permanent": true})
	in := terms(auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": annsPassword}), "2026-11")
	if message := a.is("NotAuthorizedException", "InitiateAuth", in)["message"].(string); !strings.Contains(message, "https://id.example/sign-in") {
		t.Errorf("message: %s", message)
	}
	if message := a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": "a wrong secret of theirs"}))["message"]; message != "Incorrect username or password." {
		t.Errorf("whoever does not know the password learns: %v", message)
	}
	p := w.person()
	p.visit("/sign-in")
	p.submit("/sign-in/email", "email", ann)
	p.submit("/sign-in/code", "code", a.code(ann))
	form := p.form("/sign-in/details")
	form.Set("name", "Ann")
	form.Set("plan", "free")
	form.Set("accept", "1")
	p.post("/sign-in/details", form)
	tokensOf(t, a.is("", "InitiateAuth", in))
}

func TestANewPasswordComesWithTheAttributesThatAreRequired(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	a := w.amplify(true)
	g := a.keyholder()
	const ann = "ann@example.com"
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "TemporaryPassword": temporary, "MessageAction": "SUPPRESS"})
	begin := auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": temporary})
	a.is("NotAuthorizedException", "InitiateAuth", begin)
	asked := a.is("", "InitiateAuth", terms(begin, "2026-11"))
	parameters := asked["ChallengeParameters"].(map[string]any)
	if asked["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || parameters["requiredAttributes"] != `["userAttributes.name","userAttributes.custom:plan"]` {
		t.Fatalf("asked: %v", asked)
	}
	answer := func(password string, more ...string) map[string]any {
		responses := map[string]any{"USERNAME": ann, "NEW_PASSWORD": password}
		for i := 0; i < len(more); i += 2 {
			responses["userAttributes."+more[i]] = more[i+1]
		}
		return terms(respond(asked, "NEW_PASSWORD_REQUIRED", responses), "2026-11")
	}
	if message := a.is("InvalidParameterException", "RespondToAuthChallenge", answer(annsPassword, "name", "Ann"))["message"]; message != "Attributes did not conform to the schema: custom:plan: The attribute is required" {
		t.Errorf("message: %v", message)
	}
	a.is("InvalidParameterException", "RespondToAuthChallenge", answer(annsPassword, "name", "Ann", "custom:plan", "golden"))
	unaccepted := answer(annsPassword, "name", "Ann", "custom:plan", "paid")
	delete(unaccepted, "ClientMetadata")
	a.is("NotAuthorizedException", "RespondToAuthChallenge", unaccepted)
	a.is("InvalidPasswordException", "RespondToAuthChallenge", answer("short", "name", "Ann", "custom:plan", "paid", "given_name", "Ann"))
	tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", answer(annsPassword, "given_name", "Ann")))
	got := claimsOf(t, tokens["IdToken"].(string))
	if got["name"] != "Ann" || got["custom:plan"] != "paid" || got["given_name"] != "Ann" {
		t.Errorf("ID token: %v", got)
	}
}

func TestAdministratorsSayTheAttributesOfThisServerToo(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, inquisitive)
	g := w.amplify(false).keyholder()
	of := func(pairs ...string) map[string]any {
		return map[string]any{"Username": "ann@example.com", "MessageAction": "SUPPRESS", "UserAttributes": attributesOf(pairs...)}
	}
	g.asks("InvalidParameterException", "AdminCreateUser", of("custom:plan", "golden"))
	g.asks("InvalidParameterException", "AdminCreateUser", of("custom:none", "x"))
	if made := textOf(t, g.asks("", "AdminCreateUser", of("custom:plan", "free"))); !strings.Contains(made, `{"Name":"custom:plan","Value":"free"}`) {
		t.Errorf("made: %s", made)
	}
	g.asks("", "AdminUpdateUserAttributes", of("custom:plan", "paid"))
	if got := textOf(t, g.asks("", "AdminGetUser", of())); !strings.Contains(got, `{"Name":"custom:plan","Value":"paid"}`) {
		t.Errorf("changed: %s", got)
	}
	g.asks("", "AdminDeleteUserAttributes", map[string]any{"Username": "ann@example.com", "UserAttributeNames": []string{"custom:plan"}})
	if got := textOf(t, g.asks("", "AdminGetUser", of())); strings.Contains(got, "custom:plan") {
		t.Errorf("taken away: %s", got)
	}
}

// idOf is the id of whoever has an address.
func (w *world) idOf(address string) storage.ID {
	w.t.Helper()
	u, err := w.store.View(w.t.Context()).UserByEmail(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.ID
}
