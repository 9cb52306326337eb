package server_test

import (
	"net/url"
	"testing"
)

// A username is changed where a sign-in is fresh, tries are counted, and reserved and former ones are refused. Through the attributes of an
// application nobody gets around that, nor learns which names are taken.
func TestNobodyChangesTheirUsernameByTheAttributesOfAnApplication(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, named)
	a := w.amplify(false)
	g := a.keyholder()
	const ann, ben = "ann@example.com", "ben@example.com"
	carl := w.joins("carl@example.com")
	carl.visit("/account")
	carl.submit("/account/username", "username", "charles") // nobody else is carl for a while
	a.member(ann, annsPassword)
	tokens := tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": annsPassword})))
	g.asks("", "AdminCreateUser", map[string]any{"Username": ben, "TemporaryPassword": temporary, "MessageAction": "SUPPRESS"})
	asked := a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ben, "PASSWORD": temporary}))

	const refused = "Attributes did not conform to the schema: preferred_username: it must be said by somebody else."
	for _, name := range []string{"anna", "ben", "charles", "carl", "admin", "ann", ""} {
		for operation, in := range map[string]map[string]any{
			"UpdateUserAttributes": {"AccessToken": tokens["AccessToken"], "UserAttributes": attributesOf("name", "Anna", "preferred_username", name)},
			"RespondToAuthChallenge": respond(asked, "NEW_PASSWORD_REQUIRED", map[string]any{"USERNAME": ben, "NEW_PASSWORD": annsPassword,
				"userAttributes.preferred_username": name}),
			"DeleteUserAttributes": {"AccessToken": tokens["AccessToken"], "UserAttributeNames": []string{"preferred_username"}},
		} {
			if out := a.is("InvalidParameterException", operation, in); out["message"] != refused {
				t.Errorf("%s, %q: %v", operation, name, out)
			}
		}
	}
	for address, want := range map[string]string{ann: "ann", ben: "ben"} {
		if u := w.who(address); u.Username != want || u.Name != "" {
			t.Errorf("%s is %q, %q", address, u.Username, u.Name)
		}
	}
	g.asks("AliasExistsException", "AdminUpdateUserAttributes", map[string]any{"Username": ann, "UserAttributes": attributesOf("preferred_username", "ben")})
	g.asks("", "AdminUpdateUserAttributes", map[string]any{"Username": ann, "UserAttributes": attributesOf("preferred_username", "anna")})
}

func TestAUsernameWishedForAtSignUpIsNobodyElsesAndNotReserved(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, named)
	a := w.amplify(false)
	w.joins("ann@example.com")
	carl := w.joins("carl@example.com")
	carl.visit("/account")
	carl.post("/account/username", url.Values{"username": {"charles"}})
	for wish, want := range map[string]string{"dora": "dora", "ann": "ann-2", "carl": "carl-2", "charles": "charles-2", "Admin": "admin-2"} {
		address := want + "@example.org"
		a.is("", "SignUp", map[string]any{"Username": address, "Password": annsPassword, "UserAttributes": attributesOf("preferred_username", wish)})
		a.is("", "ConfirmSignUp", map[string]any{"Username": address, "ConfirmationCode": a.code(address)})
		if got := w.who(address).Username; got != want {
			t.Errorf("who wished for %s is %s, want %s", wish, got, want)
		}
	}
}
