package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/srp/srptest"

	"gatelatch/storage"
)

// amplify is an application made with AWS Amplify, as far as the wire can tell.
type amplify struct {
	*world
	client string
}

// amplify makes one, with and without SRP.
func (w *world) amplify(srp bool) amplify {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), func(tx storage.Tx) error {
		return tx.InsertClient(storage.Client{ID: "amplify", Nonce: make([]byte, 16), Name: "Amplify", Type: "spa", Framework: "amplify", Source: "api",
			RedirectURIs: []string{"https://amp.example/"}, Settings: storage.ClientSettings{Cognito: true, SRP: srp, RequirePKCE: true}})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return amplify{w, "amplify"}
}

// call does an operation; in is the request without ClientId. It returns the status, and the answer or the error's document.
func (a amplify) call(operation string, in map[string]any) (int, map[string]any) {
	a.t.Helper()
	rec := a.raw(operation, in)
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		a.t.Fatalf("%s: %d %s: %v", operation, rec.Code, rec.Body, err)
	}
	return rec.Code, out
}

func (a amplify) raw(operation string, in map[string]any) *httptest.ResponseRecorder {
	a.t.Helper()
	with := map[string]any{"ClientId": a.client}
	for name, value := range in {
		with[name] = value
	}
	body, err := json.Marshal(with)
	if err != nil {
		a.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", a.url.JoinPath("cognito").String(), strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	r.Header.Set("Origin", "https://amp.example")
	return a.do(r)
}

// is demands the outcome of a call: "" for success, else the name of an error.
func (a amplify) is(want, operation string, in map[string]any) map[string]any {
	a.t.Helper()
	status, out := a.call(operation, in)
	name, _ := out["__type"].(string)
	if name != want || (want == "") != (status == 200) || want != "" && status != 400 {
		a.t.Fatalf("%s: got %d %v, want %q", operation, status, out, want)
	}
	return out
}

func (a amplify) code(address string) string {
	a.t.Helper()
	mail, err := a.mails.Wait(a.t.Context(), address)
	if err != nil {
		a.t.Fatal(err)
	}
	return mail.Code
}

// member signs somebody up and confirms it.
func (a amplify) member(address, password string) (sub string) {
	a.t.Helper()
	made := a.is("", "SignUp", map[string]any{"Username": address, "Password": password, "UserAttributes": []any{map[string]any{"Name": "email", "Value": address}}})
	a.is("", "ConfirmSignUp", map[string]any{"Username": address, "ConfirmationCode": a.code(address)})
	return made["UserSub"].(string)
}

func auth(flow string, parameters map[string]any) map[string]any {
	return map[string]any{"AuthFlow": flow, "AuthParameters": parameters}
}

func respond(challenge map[string]any, name string, responses map[string]any) map[string]any {
	return map[string]any{"ChallengeName": name, "Session": challenge["Session"], "ChallengeResponses": responses}
}

func tokensOf(t testing.TB, out map[string]any) map[string]any {
	t.Helper()
	result, ok := out["AuthenticationResult"].(map[string]any)
	if !ok {
		t.Fatalf("no tokens: %v", out)
	}
	return result
}

const annsPassword = "a long enough secret"

func TestThePasswordlessTutorialOnTheWire(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	const ann = "ann@example.com"
	sub := a.member(ann, "")
	offered := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ann}))
	if offered["ChallengeName"] != "SELECT_CHALLENGE" {
		t.Fatalf("offered: %v", offered)
	}
	asked := a.is("", "RespondToAuthChallenge", respond(offered, "SELECT_CHALLENGE", map[string]any{"USERNAME": ann, "ANSWER": "EMAIL_OTP"}))
	code := a.code(ann)
	a.is("CodeMismatchException", "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": ann, "EMAIL_OTP_CODE": wrong(code)}))
	right := respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": ann, "EMAIL_OTP_CODE": code})
	tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", right))
	a.is("NotAuthorizedException", "RespondToAuthChallenge", right)

	access, id := claimsOf(t, tokens["AccessToken"].(string)), claimsOf(t, tokens["IdToken"].(string))
	for name, want := range map[string]any{"token_use": "access", "client_id": "amplify", "sub": sub, "username": sub, "scope": "aws.cognito.signin.user.admin", "version": float64(2)} {
		if access[name] != want {
			t.Errorf("access token: %s is %v, want %v", name, access[name], want)
		}
	}
	for name, want := range map[string]any{"token_use": "id", "aud": "amplify", "sub": sub, "cognito:username": sub, "email": ann, "email_verified": true, "origin_jti": access["origin_jti"]} {
		if id[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, id[name], want)
		}
	}
	if _, there := access["aud"]; there || access["jti"] == id["jti"] || access["event_id"] == "" {
		t.Errorf("access token %v, ID token %v", access, id)
	}
	user := a.is("", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})
	if user["Username"] != sub || !strings.Contains(textOf(t, user["UserAttributes"]), `{"Name":"email_verified","Value":"true"}`) {
		t.Errorf("GetUser: %v", user)
	}
	again := tokensOf(t, a.is("", "GetTokensFromRefreshToken", map[string]any{"RefreshToken": tokens["RefreshToken"]}))
	if next := claimsOf(t, again["AccessToken"].(string)); next["origin_jti"] != access["origin_jti"] || next["auth_time"] != access["auth_time"] || next["jti"] == access["jti"] {
		t.Errorf("refreshed: %v after %v", next, access)
	}
	a.is("", "RevokeToken", map[string]any{"Token": tokens["RefreshToken"]})
	a.is("NotAuthorizedException", "GetUser", map[string]any{"AccessToken": again["AccessToken"]})
	a.is("NotAuthorizedException", "GetTokensFromRefreshToken", map[string]any{"RefreshToken": again["RefreshToken"]})
	a.is("", "RevokeToken", map[string]any{"Token": "nothing we know"})
}

func wrong(code string) string {
	if strings.HasPrefix(code, "0") {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func textOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheSessionOfAConfirmedSignUpLetsInOnceAndOnlyThatPerson(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	a.is("", "SignUp", map[string]any{"Username": "ann@example.com"})
	done := a.is("", "ConfirmSignUp", map[string]any{"Username": "ann@example.com", "ConfirmationCode": a.code("ann@example.com")})
	a.member("eve@example.com", annsPassword)
	with := func(name string) map[string]any {
		in := auth("USER_AUTH", map[string]any{"USERNAME": name})
		in["Session"] = done["Session"]
		return in
	}
	for _, name := range []string{"eve@example.com"} {
		if out := a.is("", "InitiateAuth", with(name)); out["AuthenticationResult"] != nil {
			t.Fatalf("%s got tokens by the session of another", name)
		}
	}
	tokensOf(t, a.is("", "InitiateAuth", with("ann@example.com")))
	if out := a.is("", "InitiateAuth", with("ann@example.com")); out["AuthenticationResult"] != nil {
		t.Fatal("the session let in twice")
	}
}

// Whoever signs up with somebody else's address must not end up with a password to their account.
func TestSignUpThatTwoPeopleMadeKeepsNoPassword(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	const ann = "ann@example.com"
	a.is("", "SignUp", map[string]any{"Username": ann, "Password": "chosen by the intruder"})
	a.code(ann)
	a.is("UsernameExistsException", "SignUp", map[string]any{"Username": ann, "Password": annsPassword})
	a.is("", "ResendConfirmationCode", map[string]any{"Username": ann})
	a.is("", "ConfirmSignUp", map[string]any{"Username": ann, "ConfirmationCode": a.code(ann)})
	a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": "chosen by the intruder"}))
}

func TestAForgottenPasswordIsChosenAnewAndEndsEverything(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	const ann, next = "ann@example.com", "another long secret"
	a.member(ann, annsPassword)
	tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil)))

	known := a.is("", "ForgotPassword", map[string]any{"Username": ann})
	if nobody := a.is("", "ForgotPassword", map[string]any{"Username": "amy@example.com"}); textOf(t, nobody) != textOf(t, known) {
		t.Errorf("nobody gets %v, somebody %v", nobody, known)
	}
	code := a.code(ann)
	with := func(name, code, password string) map[string]any {
		return map[string]any{"Username": name, "ConfirmationCode": code, "Password": password}
	}
	a.is("InvalidPasswordException", "ConfirmForgotPassword", with(ann, code, "short"))
	a.is("CodeMismatchException", "ConfirmForgotPassword", with(ann, wrong(code), next))
	a.is("CodeMismatchException", "ConfirmForgotPassword", with("amy@example.com", code, next))
	a.is("ExpiredCodeException", "ConfirmForgotPassword", with("eve@example.com", code, next)) // never asked for
	a.is("", "ConfirmForgotPassword", with(ann, code, next))
	a.is("ExpiredCodeException", "ConfirmForgotPassword", with(ann, code, "a third long secret"))

	a.is("NotAuthorizedException", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})
	a.is("NotAuthorizedException", "GetTokensFromRefreshToken", map[string]any{"RefreshToken": tokens["RefreshToken"]})
	a.is("NotAuthorizedException", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil))
	tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer(ann, next, nil)))
}

func TestANewAddressCountsOnceItsCodeHasCome(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	a.member("ben@example.com", annsPassword)
	a.member("ann@example.com", annsPassword)
	tokens := tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	me := func(more map[string]any) map[string]any {
		in := map[string]any{"AccessToken": tokens["AccessToken"]}
		for name, value := range more {
			in[name] = value
		}
		return in
	}
	email := func(address string) map[string]any {
		return me(map[string]any{"UserAttributes": []any{map[string]any{"Name": "email", "Value": address}, map[string]any{"Name": "name", "Value": "Ann"}}})
	}
	has := func(address string) bool {
		return strings.Contains(textOf(t, a.is("", "GetUser", me(nil))["UserAttributes"]), `{"Name":"email","Value":"`+address+`"}`)
	}
	out := a.is("", "UpdateUserAttributes", email("ann@work.example.com"))
	if list, ok := out["CodeDeliveryDetailsList"].([]any); !ok || len(list) != 1 || !has("ann@example.com") {
		t.Fatalf("after the change: %v", out)
	}
	code := a.code("ann@work.example.com")
	verify := func(code string) map[string]any { return me(map[string]any{"AttributeName": "email", "Code": code}) }
	a.is("CodeMismatchException", "VerifyUserAttribute", verify(wrong(code)))
	a.is("", "GetUserAttributeVerificationCode", me(map[string]any{"AttributeName": "email"}))
	a.is("", "VerifyUserAttribute", verify(code))
	if !has("ann@work.example.com") {
		t.Error("the address has not changed")
	}
	a.is("", "UpdateUserAttributes", email("ben@example.com"))
	a.is("AliasExistsException", "VerifyUserAttribute", verify(a.code("ben@example.com")))
	a.is("NotAuthorizedException", "UpdateUserAttributes", me(map[string]any{"UserAttributes": []any{map[string]any{"Name": "email_verified", "Value": "true"}}}))
	a.is("InvalidParameterException", "UpdateUserAttributes", me(map[string]any{"UserAttributes": []any{map[string]any{"Name": "custom:nothing", "Value": "x"}}}))
}

// Applications go on with the sub once they were told it, whichever of their names the person has typed.
func TestASignInByAnotherNameOfThePersonGoesOnWithTheirSub(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, func(c *server.Config) {
		c.Experience.SecondFactors = []authn.Method{authn.MethodTOTP, authn.MethodCode}
	})
	a := w.amplify(true)
	g := a.keyholder()
	const ann = "ann@example.com"
	sub, eve := a.member(ann, annsPassword), a.member("eve@example.com", annsPassword)
	g.asks("", "AdminUpdateUserAttributes", map[string]any{"Username": ann, "UserAttributes": attributesOf("preferred_username", "annie")})
	g.asks("", "AdminSetUserMFAPreference", map[string]any{"Username": ann, "EmailMfaSettings": map[string]any{"Enabled": true, "PreferredMfa": true}})
	for _, name := range []string{"annie", sub, strings.ToUpper(ann)} {
		asked := a.is("", "RespondToAuthChallenge", a.srpAnswer(name, annsPassword, nil))
		if to := asked["ChallengeParameters"].(map[string]any)["CODE_DELIVERY_DESTINATION"]; asked["ChallengeName"] != "EMAIL_OTP" || to != "a***@e***" {
			t.Fatalf("%s: %v", name, asked)
		}
		answer := func(name string) map[string]any {
			return respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": name, "EMAIL_OTP_CODE": "000000"})
		}
		for _, other := range []string{eve, "eve@example.com", "", "eve", storage.NewID().String()} {
			if out := a.is(map[bool]string{true: "InvalidParameterException", false: "NotAuthorizedException"}[other == ""], "RespondToAuthChallenge", answer(other)); other != "" && out["message"] != "Invalid session for the user." {
				t.Errorf("%s, answered for %q: %v", name, other, out)
			}
		}
		right := answer(sub)
		right["ChallengeResponses"].(map[string]any)["EMAIL_OTP_CODE"] = a.code(ann)
		tokensOf(t, a.is("", "RespondToAuthChallenge", right))
	}
}

// A session is bound to its client, its person and its step, and is dead after its answer.
func TestASessionIsGoodForItsClientItsPersonAndItsStep(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	err := w.store.Write(t.Context(), func(tx storage.Tx) error {
		return tx.InsertClient(storage.Client{ID: "other", Nonce: make([]byte, 16), Name: "Other", Type: "spa", Source: "api", Settings: storage.ClientSettings{Cognito: true, SRP: true}})
	})
	if err != nil {
		t.Fatal(err)
	}
	const ann, eve = "ann@example.com", "eve@example.com"
	a.member(ann, annsPassword)
	a.member(eve, annsPassword)
	code := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ann, "PREFERRED_CHALLENGE": "EMAIL_OTP"}))
	answers := map[string]map[string]any{
		"SELECT_CHALLENGE":      {"ANSWER": "EMAIL_OTP"},
		"EMAIL_OTP":             {"EMAIL_OTP_CODE": a.code(ann)},
		"PASSWORD_VERIFIER":     {"PASSWORD_CLAIM_SECRET_BLOCK": base64.StdEncoding.EncodeToString([]byte(code["Session"].(string))), "PASSWORD_CLAIM_SIGNATURE": "AAAA", "TIMESTAMP": srptest.Timestamp(w.now())},
		"WEB_AUTHN":             {"CREDENTIAL": "{}"},
		"SOFTWARE_TOKEN_MFA":    {"SOFTWARE_TOKEN_MFA_CODE": "123456"},
		"SELECT_MFA_TYPE":       {"ANSWER": "EMAIL_OTP"},
		"MFA_SETUP":             {},
		"NEW_PASSWORD_REQUIRED": {"NEW_PASSWORD": "another long secret"},
	}
	of := func(session any, name, who string) map[string]any {
		responses := map[string]any{"USERNAME": who}
		for key, value := range answers[name] {
			responses[key] = value
		}
		return respond(map[string]any{"Session": session}, name, responses)
	}
	refused := func(what string, in map[string]any) {
		t.Helper()
		if out := a.is("NotAuthorizedException", "RespondToAuthChallenge", in); out["message"] != "Invalid session for the user." {
			t.Errorf("%s: %v", what, out)
		}
	}
	for name := range answers {
		if name != "EMAIL_OTP" {
			refused("the session of a code for "+name, of(code["Session"], name, ann))
		}
	}
	offered := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ann}))
	refused("the session of a choice for a code", of(offered["Session"], "EMAIL_OTP", ann))
	refused("somebody else", of(code["Session"], "EMAIL_OTP", eve))
	elsewhere := of(code["Session"], "EMAIL_OTP", ann)
	elsewhere["ClientId"] = "other"
	refused("another client", elsewhere)
	spoilt := []byte(code["Session"].(string))
	spoilt[len(spoilt)/2] ^= 1
	refused("a session that was changed", of(string(spoilt), "EMAIL_OTP", ann))
	for _, operation := range []string{"AssociateSoftwareToken", "VerifySoftwareToken"} {
		a.is("NotAuthorizedException", operation, map[string]any{"Session": code["Session"], "UserCode": "123456"})
	}
	right := of(code["Session"], "EMAIL_OTP", ann)
	tokensOf(t, a.is("", "RespondToAuthChallenge", right))
	refused("the answer again", right)
	w.later.Add(int64(16 * time.Minute))
	if out := a.is("NotAuthorizedException", "RespondToAuthChallenge", of(offered["Session"], "SELECT_CHALLENGE", ann)); out["message"] != "Invalid session for the user, session is expired." {
		t.Errorf("after 16 minutes: %v", out)
	}
}

// Applications throw their tokens away at these, and show some of them.
func TestTokensThatAreOverAreToldFromThoseThatWereRevoked(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	a.member("ann@example.com", annsPassword)
	signIn := func() map[string]any {
		return tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	}
	says := func(what, operation, want string, in map[string]any) {
		t.Helper()
		if out := a.is("NotAuthorizedException", operation, in); out["message"] != want {
			t.Errorf("%s: got %v, want %s", what, out["message"], want)
		}
	}
	revoked, over := signIn(), signIn()
	a.is("", "RevokeToken", map[string]any{"Token": revoked["RefreshToken"]})
	says("an access token, revoked", "GetUser", "Access Token has been revoked", map[string]any{"AccessToken": revoked["AccessToken"]})
	says("a refresh token, revoked", "GetTokensFromRefreshToken", "Refresh Token has been revoked", map[string]any{"RefreshToken": revoked["RefreshToken"]})
	says("nobody's access token", "GetUser", "Invalid Access Token", map[string]any{"AccessToken": "a.b.c"})
	says("nobody's refresh token", "GetTokensFromRefreshToken", "Invalid Refresh Token", map[string]any{"RefreshToken": "nothing we know"})
	w.later.Add(int64(61 * time.Minute))
	says("an access token, over", "GetUser", "Access Token has expired", map[string]any{"AccessToken": over["AccessToken"]})
	w.later.Add(int64(400 * 24 * time.Hour))
	says("a refresh token, over", "InitiateAuth", "Refresh Token has expired", auth("REFRESH_TOKEN_AUTH", map[string]any{"REFRESH_TOKEN": over["RefreshToken"]}))
}
