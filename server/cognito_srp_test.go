package server_test

import (
	"strings"
	"testing"
	"time"

	"gatelatch/server/srp/srptest"
	"gatelatch/storage"
)

// srpAnswer begins a sign-in by SRP and answers the challenge with a password; change spoils the answer.
func (a amplify) srpAnswer(name, password string, change func(map[string]any)) map[string]any {
	a.t.Helper()
	c := srptest.New(987654321)
	out := a.is("", "InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": name, "SRP_A": c.A()}))
	p, ok := out["ChallengeParameters"].(map[string]any)
	if out["ChallengeName"] != "PASSWORD_VERIFIER" || !ok {
		a.t.Fatalf("challenge: %v", out)
	}
	text := func(n string) string { return p[n].(string) }
	id := a.pool()
	_, pool, _ := strings.Cut(id, "_")
	at := srptest.Timestamp(a.now())
	responses := map[string]any{"USERNAME": text("USERNAME"), "PASSWORD_CLAIM_SECRET_BLOCK": text("SECRET_BLOCK"), "TIMESTAMP": at,
		"PASSWORD_CLAIM_SIGNATURE": c.Sign(pool, text("USER_ID_FOR_SRP"), password, text("SALT"), text("SRP_B"), text("SECRET_BLOCK"), at)}
	if change != nil {
		change(responses)
	}
	return map[string]any{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": responses}
}

// pool is the id of the pool.
func (a amplify) pool() string {
	a.t.Helper()
	text, err := a.store.View(a.t.Context()).Setting("cognito_pool")
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.Trim(text, `"`)
}

func TestSignInBySRP(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	const ann = "ann@example.com"
	sub := a.member(ann, annsPassword)

	right := a.srpAnswer(ann, annsPassword, nil)
	tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", right))
	if got := claimsOf(t, tokens["IdToken"].(string))["sub"]; got != sub {
		t.Errorf("sub is %v, want %s", got, sub)
	}
	a.is("NotAuthorizedException", "RespondToAuthChallenge", right) // the same answer again
	tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer(strings.ToUpper(ann), annsPassword, nil)))

	for what, c := range map[string]struct {
		name, password string
		change         func(map[string]any)
	}{
		"a wrong password":      {ann, "a wrong secret of theirs", nil},
		"nobody":                {"nobody@example.com", annsPassword, nil},
		"a time long ago":       {ann, annsPassword, func(r map[string]any) { r["TIMESTAMP"] = srptest.Timestamp(w.now().Add(-6 * time.Minute)) }},
		"no time":               {ann, annsPassword, func(r map[string]any) { r["TIMESTAMP"] = "now" }},
		"no signature":          {ann, annsPassword, func(r map[string]any) { delete(r, "PASSWORD_CLAIM_SIGNATURE") }},
		"no base64":             {ann, annsPassword, func(r map[string]any) { r["PASSWORD_CLAIM_SIGNATURE"] = "%%%" }},
		"somebody else's block": {ann, annsPassword, func(r map[string]any) { r["PASSWORD_CLAIM_SECRET_BLOCK"] = "AAAA" }},
	} {
		out := a.is("NotAuthorizedException", "RespondToAuthChallenge", a.srpAnswer(c.name, c.password, c.change))
		if message := out["message"]; (what == "a wrong password" || what == "nobody") && message != "Incorrect username or password." {
			t.Errorf("%s: %v", what, message)
		}
	}
	for _, public := range []string{"", "0", "00", "zz"} {
		a.is("InvalidParameterException", "InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": ann, "SRP_A": public}))
	}
}

func TestSRPShowsNobodyAsSomebodyAndAlwaysTheSame(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	a.member("ann@example.com", annsPassword)
	c := srptest.New(7)
	ask := func(name string) map[string]any {
		return a.is("", "InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": name, "SRP_A": c.A()}))["ChallengeParameters"].(map[string]any)
	}
	ann, nobody, again, other := ask("ann@example.com"), ask("nobody@example.com"), ask("nobody@example.com"), ask("other@example.com")
	for _, name := range []string{"SALT", "USER_ID_FOR_SRP", "USERNAME"} {
		if nobody[name] != again[name] || nobody[name] == other[name] {
			t.Errorf("%s of nobody: %v, then %v; of another %v", name, nobody[name], again[name], other[name])
		}
	}
	if nobody["SRP_B"] == again["SRP_B"] {
		t.Error("SRP_B of nobody does not change")
	}
	for name := range ann {
		if len(ann[name].(string))-len(nobody[name].(string)) > 4 || len(nobody[name].(string))-len(ann[name].(string)) > 4 {
			t.Errorf("%s: %v for Ann, %v for nobody", name, ann[name], nobody[name])
		}
	}
}

func TestAnExchangeBegunWithThePasswordBeforeIsWorthNothing(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	const ann = "ann@example.com"
	a.member(ann, annsPassword)
	tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil)))
	before := a.srpAnswer(ann, annsPassword, nil)
	a.is("NotAuthorizedException", "ChangePassword", map[string]any{"AccessToken": tokens["AccessToken"], "PreviousPassword": "a wrong secret of theirs", "ProposedPassword": "another long secret"})
	a.is("InvalidPasswordException", "ChangePassword", map[string]any{"AccessToken": tokens["AccessToken"], "PreviousPassword": annsPassword, "ProposedPassword": "short"})
	a.is("", "ChangePassword", map[string]any{"AccessToken": tokens["AccessToken"], "PreviousPassword": annsPassword, "ProposedPassword": "another long secret"})
	a.is("NotAuthorizedException", "RespondToAuthChallenge", before)
	a.is("NotAuthorizedException", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil))
	tokensOf(t, a.is("", "RespondToAuthChallenge", a.srpAnswer(ann, "another long secret", nil)))
}

// An unconfirmed sign-up is told only to whoever knows its password.
func TestUnconfirmedIsToldOnlyAfterTheRightPassword(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	const ann = "ann@example.com"
	a.is("", "SignUp", map[string]any{"Username": ann, "Password": annsPassword})
	a.is("NotAuthorizedException", "RespondToAuthChallenge", a.srpAnswer(ann, "a wrong secret of theirs", nil))
	a.is("UserNotConfirmedException", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil))
}

func TestSRPIsOffWhereItIsNotSwitchedOnAndKeepsNoVerifier(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	sub := a.member("ann@example.com", annsPassword)
	a.is("InvalidParameterException", "InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": "ann@example.com", "SRP_A": srptest.New(7).A()}))
	tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	if _, err := w.store.View(t.Context()).Verifier(mustID(t, sub)); err == nil {
		t.Error("a verifier was kept though nobody wants it")
	}
}

// A password from elsewhere has a hash alone, and SRP can never prove it. Its owner gets a mailed code, which says nothing of the password
// and has every second factor after it; or, where codes may not be, is told to choose another. Whoever has no password at all looks like nobody.
func TestAPasswordWithoutAVerifierIsSentAnotherWay(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, unsettled)
	a := w.amplify(true)
	sub := a.member("ann@example.com", annsPassword)
	a.member("bob@example.com", "")
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.DeleteVerifier(mustID(t, sub)) }); err != nil {
		t.Fatal(err)
	}
	begin := func(name string) map[string]any {
		return auth("USER_SRP_AUTH", map[string]any{"USERNAME": name, "SRP_A": srptest.New(7).A()})
	}
	if got := a.is("", "InitiateAuth", begin("bob@example.com")); got["ChallengeName"] != "PASSWORD_VERIFIER" {
		t.Errorf("somebody without a password is asked %v", got["ChallengeName"])
	}
	asked := a.is("", "InitiateAuth", begin("ann@example.com"))
	if asked["ChallengeName"] != "EMAIL_OTP" {
		t.Fatalf("asked %v", asked)
	}
	tokensOf(t, a.is("", "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": "ann@example.com", "EMAIL_OTP_CODE": a.code("ann@example.com")})))
	w.choose(map[string]any{"methods": []string{"password"}, "sign_up": "closed"})
	a.is("PasswordResetRequiredException", "InitiateAuth", begin("ann@example.com"))
	tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	if got := a.is("", "InitiateAuth", begin("ann@example.com")); got["ChallengeName"] != "PASSWORD_VERIFIER" {
		t.Errorf("after the password was sent once, asked %v", got["ChallengeName"])
	}
}

func TestGuessesBySRPAreCountedBeforeAnythingIsComputed(t *testing.T) {
	w := newWorld(t, "https://id.example")
	a := w.amplify(true)
	a.member("ann@example.com", annsPassword)
	c := srptest.New(7)
	slowed := false
	for range 40 {
		status, out := a.call("InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": "ann@example.com", "SRP_A": c.A()}))
		if status == 400 && out["message"] == "Password attempts exceeded" {
			slowed = true
		}
	}
	if !slowed {
		t.Error("forty guesses and nobody is slowed")
	}
	// What would be refused by the first look at the number is not looked at any more.
	if _, out := a.call("InitiateAuth", auth("USER_SRP_AUTH", map[string]any{"USERNAME": "ann@example.com", "SRP_A": "0"})); out["message"] != "Password attempts exceeded" {
		t.Errorf("after that, A = 0: %v", out)
	}
}

func mustID(t testing.TB, text string) storage.ID {
	t.Helper()
	id, err := storage.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
