package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// doors are the pages from which people are sent to sign in.
var doors = map[string]func(p *person){
	"an application":   func(p *person) { p.visit("/oidc/authorize?" + authorization("prompt", "login").Encode()) },
	"the account page": func(p *person) { p.visit("/account") },
	"the page for devices": func(p *person) {
		var asked struct {
			UserCode string `json:"user_code"`
		}
		if rec := p.asBookstore("/device_authorization", "scope", "openid"); json.Unmarshal(rec.Body.Bytes(), &asked) != nil || asked.UserCode == "" {
			p.t.Fatalf("no code for a device: %d %s", rec.Code, rec.Body)
		}
		p.post("/device", url.Values{"user_code": {asked.UserCode}})
	},
}

// grantsDevices lets an application connect devices, too.
func grantsDevices(c *storage.Client) {
	c.Settings.GrantTypes = []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}
}

// half is how far everybody is after their first proof: what they are asked for, by policy. "" is in, for the walk to be known to work.
var half = []struct {
	policy    string
	protected bool
	asked     string
}{
	{authn.SecondFactorOff, false, ""},
	{authn.SecondFactorOff, true, ""},
	{authn.SecondFactorOptional, true, "/sign-in/second-factor"},
	{authn.SecondFactorRequired, true, "/sign-in/second-factor"},
	{authn.SecondFactorInGroups, true, "/sign-in/second-factor"},
}

// strict is a server where people sign in by everything, and its policy is still to be settled.
func strict(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "http://localhost:4283", wide, func(c *server.Config) {
		c.Experience.Methods = []authn.Method{authn.MethodCode, authn.MethodPassword, authn.MethodPasskey, authn.MethodSocial}
	})
	w.changeApp("bookstore", grantsDevices)
	w.administer("POST", "/groups", map[string]any{"name": "staff"}, http.StatusCreated)
	return w
}

// demand settles who needs a second factor: staff, where it is for groups.
func (w *world) demand(policy string) {
	w.t.Helper()
	change := map[string]any{"second_factor": policy}
	if policy == authn.SecondFactorInGroups {
		change["second_factor_groups"] = []string{"staff"}
	}
	w.choose(change)
}

// sessions counts those of a person that live.
func (w *world) sessions(address string) int {
	w.t.Helper()
	live, err := w.store.View(w.t.Context()).UserSessions(w.who(address).ID, w.now().UnixMicro())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(live)
}

// outside fails the test if a browser that has proven one thing has got in, or gets in by going on as if it had proven more.
func (ann *resident) outside(p *person, what, asked string, sessions int) {
	p.t.Helper()
	if !strings.HasPrefix(p.at, asked) || p.left != "" {
		p.t.Fatalf("%s: at %s (%d), left for %q, want %s", what, p.at, p.screen.Code, p.left, asked)
	}
	flow := p.flow()
	for _, next := range []string{"/oidc/resume", "/account/back", "/device/confirm", "/sign-in", "/sign-in/details", "/sign-in/passkey-offer", "/sign-in/protect/codes", "/sign-in/new-password", "/consent"} {
		if p.visit(next + "?flow=" + flow); p.left != "" {
			p.t.Errorf("%s: GET %s leads to %s", what, next, p.left)
		}
	}
	for next, more := range map[string]url.Values{"/sign-in/continue": nil, "/sign-in/details": {"accept": {"1"}}, "/sign-in/passkey-offer": nil, "/sign-in/protect": {"way": {"totp"}}, "/sign-in/protect/totp": {"code": {"000000"}},
		"/sign-in/protect/saved": nil, "/sign-in/new-password": {"password": {"another long secret"}}, "/consent": {"decision": {"allow"}}, "/device/confirm": {"decision": {"allow"}}} {
		form := url.Values{"flow": {flow}}
		for name, value := range more {
			form[name] = value
		}
		if p.post(next, form); p.left != "" || strings.Contains(p.screen.Body.String(), "the-key") {
			p.t.Errorf("%s: POST %s leads to %s (%d), left for %q", what, next, p.at, p.screen.Code, p.left)
		}
	}
	if p.given != nil || p.signedIn() || ann.sessions(ann.address) != sessions {
		p.t.Errorf("%s: sessions %v, %d live, want none but %d", what, p.given, ann.sessions(ann.address), sessions)
	}
}

// No way to begin skips what another one is asked for, whichever door it begins at (dex: GHSA-7qjx-gp9h-65qj).
func TestNoFirstProofSkipsTheSecondAtAnyDoor(t *testing.T) {
	for _, c := range half {
		t.Run(c.policy+map[bool]string{true: ", protected", false: ", bare"}[c.protected], func(t *testing.T) {
			w := strict(t)
			ann := w.settle(c.protected)
			w.member(ann.address, "staff", true)
			w.demand(c.policy)
			for door, opens := range doors {
				for first, prove := range firstWays {
					w.later.Add(int64(time.Minute))
					p, sessions := w.person(), w.sessions(ann.address)
					opens(p)
					prove(ann, p)
					what := first + " at " + door
					if c.asked != "" {
						ann.outside(p, what, c.asked, sessions)
					} else if len(p.given) != 1 || w.sessions(ann.address) != sessions+1 {
						t.Errorf("%s: at %s, sessions %v, want one", what, p.at, p.given)
					}
				}
			}
		})
	}
}

// Whoever is new, or comes by a link, has to set up what is required before they are in.
func TestNobodyWhoIsNewSkipsWhatIsRequired(t *testing.T) {
	w := strict(t)
	w.demand(authn.SecondFactorRequired)
	there := newElsewhere(t, map[string]any{"sub": "new", "email": "by-provider@example.com", "email_verified": true})
	w.connect(there, "staff", map[string]any{"trusted": true})
	for name, comes := range map[string]func(p *person, address string){
		"by-code@example.com": func(p *person, address string) {
			p.visit("/oidc/authorize?" + authorization().Encode())
			p.prove(address)
		},
		"by-provider@example.com": func(p *person, _ string) {
			p.begins("staff")
			p.visit(there.answer(p.left))
		},
		"by-invitation@example.com": func(p *person, address string) {
			w.administer("POST", "/invitations", map[string]any{"email": address}, http.StatusCreated)
			mail, err := w.mails.Wait(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			p.visit(strings.TrimPrefix(mail.Link, w.url.String()))
			p.post("/invitation", p.form("/invitation"))
		},
		"by-letter@example.com": func(p *person, address string) {
			w.addUser(address)
			(&resident{world: w, address: address}).letter(p, false)
		},
	} {
		p := w.person()
		comes(p, name)
		if !strings.HasPrefix(p.at, "/sign-in/protect") || p.left != "" || p.given != nil || w.sessions(name) != 0 {
			t.Errorf("%s: at %s, left for %q, sessions %v", name, p.at, p.left, p.given)
		}
		flow := p.flow()
		for _, next := range []string{"/oidc/resume", "/account/back", "/sign-in", "/sign-in/passkey-offer", "/sign-in/second-factor"} {
			if p.visit(next + "?flow=" + flow); p.left != "" || p.given != nil {
				t.Errorf("%s: GET %s leads to %s, %v", name, next, p.left, p.given)
			}
		}
	}
}

// At the Cognito door nobody gets tokens for less than the pages ask for.
func TestNoFlowOfCognitoSkipsTheSecondFactor(t *testing.T) {
	for _, policy := range []string{authn.SecondFactorOptional, authn.SecondFactorRequired} {
		t.Run(policy, func(t *testing.T) {
			w := strict(t)
			a := w.amplify(true)
			ann := w.settle(true)
			w.demand(policy)
			owner := map[string]any{"USERNAME": ann.address}
			with := func(more ...string) map[string]any {
				all := map[string]any{"USERNAME": ann.address}
				for i := 0; i < len(more); i += 2 {
					all[more[i]] = more[i+1]
				}
				return all
			}
			reset := func() map[string]any {
				a.is("", "ForgotPassword", map[string]any{"Username": ann.address})
				return map[string]any{"Username": ann.address, "ConfirmationCode": w.typed(ann.address), "Password": annsPassword}
			}
			sessions := w.sessions(ann.address)
			if out := a.is("", "ConfirmForgotPassword", reset()); len(out) != 0 || w.sessions(ann.address) > sessions {
				t.Fatalf("a new password leads to %v", out)
			}
			for name, begin := range map[string]func() map[string]any{
				"a password": func() map[string]any {
					return a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", with("PASSWORD", annsPassword)))
				},
				"a password that was chosen": func() map[string]any {
					return a.is("", "InitiateAuth", auth("USER_AUTH", with("PREFERRED_CHALLENGE", "PASSWORD", "PASSWORD", annsPassword)))
				},
				"SRP": func() map[string]any {
					return a.is("", "RespondToAuthChallenge", a.srpAnswer(ann.address, annsPassword, nil))
				},
				"a mailed code": func() map[string]any {
					asked := a.is("", "InitiateAuth", auth("USER_AUTH", with("PREFERRED_CHALLENGE", "EMAIL_OTP")))
					return a.is("", "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", with("EMAIL_OTP_CODE", w.typed(ann.address))))
				},
				"a way that was selected": func() map[string]any {
					asked := a.is("", "InitiateAuth", auth("USER_AUTH", owner))
					return a.is("", "RespondToAuthChallenge", respond(asked, "SELECT_CHALLENGE", with("ANSWER", "PASSWORD", "PASSWORD", annsPassword)))
				},
			} {
				w.later.Add(int64(time.Minute))
				sessions := w.sessions(ann.address)
				asked := begin()
				if asked["ChallengeName"] != "SOFTWARE_TOKEN_MFA" || asked["AuthenticationResult"] != nil {
					t.Errorf("%s leads to %v", name, asked)
					continue
				}
				// The session of the question answers no other.
				for _, other := range []map[string]any{respond(asked, "MFA_SETUP", owner), respond(asked, "EMAIL_OTP", with("EMAIL_OTP_CODE", "000000")), respond(asked, "SELECT_CHALLENGE", with("ANSWER", "PASSWORD", "PASSWORD", annsPassword)),
					respond(asked, "PASSWORD_VERIFIER", owner), respond(asked, "WEB_AUTHN", with("CREDENTIAL", "{}")), respond(asked, "NEW_PASSWORD_REQUIRED", with("NEW_PASSWORD", "another long secret")), respond(asked, "SOFTWARE_TOKEN_MFA", owner)} {
					if status, out := a.call("RespondToAuthChallenge", other); status == 200 || out["AuthenticationResult"] != nil {
						t.Errorf("%s, answered by %s: %v", name, other["ChallengeName"], out)
					}
				}
				for operation, in := range map[string]map[string]any{"AssociateSoftwareToken": {"Session": asked["Session"]}, "VerifySoftwareToken": {"Session": asked["Session"], "UserCode": "000000"}} {
					if status, out := a.call(operation, in); status == 200 {
						t.Errorf("%s, %s: %v", name, operation, out)
					}
				}
				begun := auth("USER_AUTH", owner)
				begun["Session"] = asked["Session"]
				if out := a.is("", "InitiateAuth", begun); out["AuthenticationResult"] != nil {
					t.Errorf("%s: its session signs in: %v", name, out)
				}
				if n := w.sessions(ann.address); n != sessions {
					t.Errorf("%s: %d sessions, want %d", name, n, sessions)
				}
				tokensOf(t, a.is("", "RespondToAuthChallenge", respond(asked, "SOFTWARE_TOKEN_MFA", with("SOFTWARE_TOKEN_MFA_CODE", w.shown(ann.key)))))
			}
		})
	}
}

// The session of a sign-up lets in by itself, but for what is required.
func TestSignUpAtCognitosDoorSetsUpWhatIsRequired(t *testing.T) {
	w := strict(t)
	w.demand(authn.SecondFactorRequired)
	a := w.amplify(false)
	const bob = "bob@example.com"
	a.is("", "SignUp", map[string]any{"Username": bob})
	done := a.is("", "ConfirmSignUp", map[string]any{"Username": bob, "ConfirmationCode": a.code(bob)})
	in := auth("USER_AUTH", map[string]any{"USERNAME": bob})
	in["Session"] = done["Session"]
	asked := a.is("", "InitiateAuth", in)
	if asked["ChallengeName"] != "MFA_SETUP" || asked["AuthenticationResult"] != nil || w.sessions(bob) != 0 {
		t.Fatalf("got %v and %d sessions", asked, w.sessions(bob))
	}
	if status, out := a.call("RespondToAuthChallenge", respond(asked, "MFA_SETUP", map[string]any{"USERNAME": bob})); status == 200 {
		t.Errorf("without setting anything up: %v", out)
	}
	key := a.is("", "AssociateSoftwareToken", map[string]any{"Session": asked["Session"]})
	a.is("EnableSoftwareTokenMFAException", "VerifySoftwareToken", map[string]any{"Session": key["Session"], "UserCode": "000000"})
	if w.sessions(bob) != 0 {
		t.Fatal("a wrong code has made a session")
	}
	set := a.is("", "VerifySoftwareToken", map[string]any{"Session": key["Session"], "UserCode": w.shown(key["SecretCode"].(string))})
	tokensOf(t, a.is("", "RespondToAuthChallenge", respond(set, "MFA_SETUP", map[string]any{"USERNAME": bob})))
}
