package server_test

import (
	"net/url"
	"testing"

	"gatelatch/server"
	"gatelatch/server/authn"
)

// typed is the next code that was mailed to an address, whatever else was mailed there.
func (w *world) typed(address string) string {
	w.t.Helper()
	for {
		if code := w.code(address); code != "" {
			return code
		}
	}
}

// What an intruder prepares before somebody has an account, to be in it afterwards: the attacks of Sudhodanan and Paverd, "Pre-hijacked
// accounts" (USENIX Security 2022). victim comes later, by each way there is; what the intruder has prepared must be worth nothing.
func TestWhatAnIntruderPreparesBeforeThePersonComesIsWorthNothing(t *testing.T) {
	const ann, intruders = "ann@example.com", "chosen by the intruder"
	said := map[string]string{"name": "Eve", "phone_number": "+441392000666", "preferred_username": "intruder", "custom:badge": "intruder"}
	var attributes []any
	for name, value := range said {
		attributes = append(attributes, attributesOf(name, value)...)
	}
	for how, comes := range map[string]func(t *testing.T, w *world, a amplify){
		"by a code on the pages": func(_ *testing.T, w *world, _ amplify) { w.atHome(ann) },
		"by a provider that vouches for the address": func(t *testing.T, w *world, _ amplify) {
			there := newElsewhere(t, annThere())
			w.connect(there, "staff", map[string]any{"trusted": true})
			p := w.person()
			p.begins("staff")
			p.visit(there.answer(p.left))
			if !p.arrived() {
				t.Fatalf("got %s %d", p.at, p.screen.Code)
			}
		},
		"because an administrator adds them": func(_ *testing.T, w *world, _ amplify) { w.addUser(ann) },
		"because another person is given the address": func(_ *testing.T, w *world, _ amplify) {
			w.atHome("ann@example.org").adds(ann)
		},
		// Amplify asks whoever is not confirmed for the code of the sign-up, and has it mailed again.
		"by a code at an application, which asks to confirm": func(_ *testing.T, w *world, a amplify) {
			a.is("UserNotConfirmedException", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ann, "PREFERRED_CHALLENGE": "EMAIL_OTP"}))
			a.is("", "ResendConfirmationCode", map[string]any{"Username": ann})
			a.is("", "ConfirmSignUp", map[string]any{"Username": ann, "ConfirmationCode": w.typed(ann)})
		},
		"by signing up at an application": func(_ *testing.T, w *world, a amplify) {
			a.is("UsernameExistsException", "SignUp", map[string]any{"Username": ann, "Password": annsPassword})
			a.is("", "ResendConfirmationCode", map[string]any{"Username": ann})
			a.is("", "ConfirmSignUp", map[string]any{"Username": ann, "ConfirmationCode": w.typed(ann)})
		},
	} {
		for with, password := range map[string]string{"": intruders, ", before a sign-up without a password": ""} {
			t.Run(how+with, func(t *testing.T) {
				w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) {
					c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword, authn.MethodSocial}
					c.Experience.Attributes = []authn.Field{{Name: "badge", Type: authn.FieldText, Immutable: true}}
				})
				a := w.amplify(true)
				prepared := a.is("", "SignUp", map[string]any{"Username": ann, "Password": password, "UserAttributes": attributes})
				a.code(ann) // nobody types it
				eve := w.atHome("eve@example.com")
				eve.post("/account/addresses", url.Values{"email": {ann}}) // which they cannot prove
				w.code(ann)

				comes(t, w, a)
				ann1 := w.who(ann)
				if eves := w.who("eve@example.com"); ann1.ID == eves.ID {
					t.Fatal("the intruder has the address")
				}
				// Who they are: above all what they could not change any more.
				for name, value := range authn.AttributesOf(ann1) {
					if value == said[name] || name == "badge" || name == "phone_number" {
						t.Errorf("the intruder has said that %s is %v", name, value)
					}
				}
				// The classic merge: a password that is there already.
				a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": intruders}))
				a.is("NotAuthorizedException", "RespondToAuthChallenge", a.srpAnswer(ann, intruders, nil))
				// A session from before.
				begun := auth("USER_AUTH", map[string]any{"USERNAME": ann})
				begun["Session"] = prepared["Session"]
				if out := a.is("", "InitiateAuth", begun); out["AuthenticationResult"] != nil || out["ChallengeName"] != "SELECT_CHALLENGE" {
					t.Errorf("the session of the sign-up leads to %v", out)
				}
				// A person who is there is not kept out by a sign-up that nobody finishes.
				asked := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ann, "PREFERRED_CHALLENGE": "EMAIL_OTP"}))
				tokensOf(t, a.is("", "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": ann, "EMAIL_OTP_CODE": w.typed(ann)})))
				// The Trojan identifier: an address that somebody else has proven proves nothing of the intruder's account.
				if _, accounts := w.userBy(ann); len(accounts) > 1 {
					t.Errorf("the accounts elsewhere are %v", accounts)
				}
				w.hasAddresses(w.who("eve@example.com").ID, "eve@example.com main", ann+" unproven")
			})
		}
	}
}
