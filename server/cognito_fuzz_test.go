package server_test

import (
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// cognitoOperations are those an application can call without a signature.
var cognitoOperations = []string{"SignUp", "ConfirmSignUp", "ResendConfirmationCode", "InitiateAuth", "RespondToAuthChallenge", "GetTokensFromRefreshToken", "RevokeToken", "GlobalSignOut",
	"GetUser", "DeleteUser", "UpdateUserAttributes", "DeleteUserAttributes", "GetUserAuthFactors", "ForgotPassword", "ConfirmForgotPassword", "ChangePassword", "AssociateSoftwareToken",
	"VerifySoftwareToken", "SetUserMFAPreference", "GetUserAttributeVerificationCode", "VerifyUserAttribute", "StartWebAuthnRegistration", "CompleteWebAuthnRegistration",
	"ListWebAuthnCredentials", "DeleteWebAuthnCredential", "ListDevices", "GetDevice", "ForgetDevice", "UpdateDeviceStatus", "ConfirmDevice", "NoSuchOperation", ""}

// administratorOperations are those that have to be signed.
var administratorOperations = []string{"AdminCreateUser", "AdminGetUser", "AdminDeleteUser", "AdminConfirmSignUp", "AdminSetUserPassword", "AdminResetUserPassword", "AdminDisableUser",
	"AdminEnableUser", "AdminUserGlobalSignOut", "AdminUpdateUserAttributes", "AdminDeleteUserAttributes", "AdminSetUserMFAPreference", "AdminAddUserToGroup", "AdminRemoveUserFromGroup",
	"AdminListGroupsForUser", "ListUsers", "ListUsersInGroup", "ListGroups", "CreateGroup", "GetGroup", "DeleteGroup", "DescribeUserPool", "DescribeUserPoolClient"}

// Applications try again at a 5xx, and other libraries make nonsense of a 401 or 403.
func TestCognitoAnswersWhateverComesWith200Or400(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	a.member("ann@example.com", annsPassword)
	tokens := tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))
	offered := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": "ann@example.com"}))
	g := a.keyholder()
	text := []any{"", "ann@example.com", "nobody@example.com", strings.Repeat("a", 5000), "\x00", "é\u202e", "123456", "USER_AUTH", "USER_SRP_AUTH", "EMAIL_OTP", "PASSWORD_VERIFIER", "MFA_SETUP",
		"SELECT_CHALLENGE", "SOFTWARE_TOKEN_MFA", "NEW_PASSWORD_REQUIRED", `email ^= "ann"`, `sub = "\\u0000"`, `name = "\\ud800"`, "RESEND", "staff", "email", "WEB_AUTHN", "name", g.pool, "amplify", "till", offered["Session"], tokens["AccessToken"], tokens["RefreshToken"], tokens["IdToken"], "a.b.c", "gl_rt_AAAA", "AAAA"}
	fields := []string{"ClientId", "Username", "Password", "ConfirmationCode", "Session", "AuthFlow", "AuthParameters", "ChallengeName", "ChallengeResponses", "UserAttributes", "UserAttributeNames",
		"AccessToken", "RefreshToken", "Token", "UserCode", "PreviousPassword", "ProposedPassword", "SoftwareTokenMfaSettings", "EmailMfaSettings", "Filter",
		"Limit", "PaginationToken", "NextToken", "AttributesToGet", "GroupName", "Description", "MessageAction", "TemporaryPassword", "Permanent", "UserPoolId",
		"AttributeName", "Code", "Credential", "CredentialId", "ClientMetadata", "SecretHash", "ClientSecret", "DesiredDeliveryMediums", "MaxResults"}
	parameters := []string{"USERNAME", "PASSWORD", "SRP_A", "ANSWER", "EMAIL_OTP_CODE", "SOFTWARE_TOKEN_MFA_CODE", "PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP", "REFRESH_TOKEN", "PREFERRED_CHALLENGE", "NEW_PASSWORD",
		"userAttributes.name", "userAttributes.custom:plan", "CREDENTIAL", "SECRET_HASH", "terms_version"}
	dice := rand.New(rand.NewPCG(1, 2))
	of := func(list []any) any { return list[dice.IntN(len(list))] }
	var value func(depth int) any
	value = func(depth int) any {
		switch dice.IntN(8) {
		case 0:
			return []any{nil, true, 7, -1.5, []any{}, map[string]any{}}[dice.IntN(6)]
		case 1:
			if depth < 3 {
				return []any{value(depth + 1), map[string]any{"Name": value(depth + 1), "Value": value(depth + 1)}}
			}
		case 2, 3:
			if depth < 3 {
				m := map[string]any{}
				for range dice.IntN(5) {
					m[parameters[dice.IntN(len(parameters))]] = of(text)
				}
				return m
			}
		}
		return of(text)
	}
	for n := range 3000 {
		operation := cognitoOperations[dice.IntN(len(cognitoOperations))]
		in := map[string]any{}
		for range dice.IntN(7) {
			in[fields[dice.IntN(len(fields))]] = value(0)
		}
		if slices.Contains([]string{"DeleteUser", "GlobalSignOut"}, operation) {
			delete(in, "AccessToken") // Ann has to stay for the others
		}
		if rec := a.raw(operation, in); rec.Code != 200 && rec.Code != 400 {
			t.Fatalf("%d: %s %v: got %d %s", n, operation, in, rec.Code, rec.Body)
		}
	}
	all := slices.Concat(cognitoOperations, administratorOperations)
	for n := range 3000 {
		operation, in := all[dice.IntN(len(all))], map[string]any{}
		for range dice.IntN(7) {
			in[fields[dice.IntN(len(fields))]] = value(0)
		}
		rec := a.raw(operation, in)
		if slices.Contains(administratorOperations, operation) {
			if rec.Code != 400 {
				t.Fatalf("%d: %s without a signature: got %d %s", n, operation, rec.Code, rec.Body)
			}
			if dice.IntN(8) > 0 {
				delete(in, "UserPoolId")
			}
			rec = g.do(g.request(operation, in))
		}
		if rec.Code != 200 && rec.Code != 400 {
			t.Fatalf("%d: %s %v: got %d %s", n, operation, in, rec.Code, rec.Body)
		}
	}
	for _, body := range []string{"", "{", "null", "[]", `"x"`, "\xff", strings.Repeat("[", 30000), `{"ClientId":` + strings.Repeat(`{"a":`, 5000), strings.Repeat(" ", 70<<10)} {
		for _, operation := range cognitoOperations {
			r := httptest.NewRequest("POST", "https://id.example/cognito/", strings.NewReader(body))
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
			if rec := w.do(r); rec.Code != 400 {
				t.Errorf("%s with %.20q: got %d %s", operation, body, rec.Code, rec.Body)
			}
		}
		for _, operation := range administratorOperations {
			if rec := w.do(g.sign(t, operation, body)); rec.Code != 400 {
				t.Errorf("%s, signed, with %.20q: got %d %s", operation, body, rec.Code, rec.Body)
			}
		}
	}
}

func TestCognitoAnswersNobodyWhereItIsNotSwitchedOn(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	for _, operation := range []string{"SignUp", "InitiateAuth", "GetTokensFromRefreshToken", "RevokeToken"} {
		amplify{w, "till"}.is("ResourceNotFoundException", operation, map[string]any{"Username": "ann@example.com", "AuthFlow": "USER_AUTH"})
	}
}

func TestCognitoLetsPagesOfOtherOriginsCallAndReadsNoCookie(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	r := httptest.NewRequest("OPTIONS", "https://id.example/cognito/", nil)
	r.Header.Set("Origin", "https://amp.example")
	rec := w.do(r)
	allowed := strings.ToLower(rec.Header().Get("Access-Control-Allow-Headers"))
	for _, name := range strings.Split("amz-sdk-invocation-id,amz-sdk-request,cache-control,content-type,x-amz-target,x-amz-user-agent", ",") {
		if !strings.Contains(allowed, name) {
			t.Errorf("preflight does not allow %s: %s", name, allowed)
		}
	}
	if rec.Code != 204 || rec.Header().Get("Access-Control-Allow-Origin") != "*" || rec.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", rec.Code, rec.Header())
	}
	got := a.raw("GetUser", map[string]any{"AccessToken": "x"})
	if got.Header().Get("x-amzn-errortype") != "NotAuthorizedException:" || got.Header().Get("Content-Type") != "application/x-amz-json-1.1" || got.Header().Get("Access-Control-Allow-Origin") != "*" || got.Header().Get("x-amzn-requestid") == "" {
		t.Errorf("headers of an error: %v", got.Header())
	}
}

// Somebody who is there, and somebody who is not, get the same answers: but for SignUp, which tells by protocol.
func TestCognitoDoesNotTellWhoIsThere(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	a.member("ann@example.com", annsPassword)
	for _, c := range []struct {
		operation string
		in        func(name string) map[string]any
	}{
		{"InitiateAuth", func(n string) map[string]any { return auth("USER_AUTH", map[string]any{"USERNAME": n}) }},
		{"InitiateAuth", func(n string) map[string]any {
			return auth("USER_AUTH", map[string]any{"USERNAME": n, "PREFERRED_CHALLENGE": "EMAIL_OTP"})
		}},
		{"InitiateAuth", func(n string) map[string]any {
			return auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": n, "PASSWORD": "a wrong secret of theirs"})
		}},
		{"ConfirmSignUp", func(n string) map[string]any { return map[string]any{"Username": n, "ConfirmationCode": "123456"} }},
		{"ResendConfirmationCode", func(n string) map[string]any { return map[string]any{"Username": n} }},
	} {
		plain := func(name string) (int, string) {
			status, out := a.call(c.operation, c.in(name))
			delete(out, "Session")
			return status, strings.ReplaceAll(textOf(t, out), "e***@", "a***@")
		}
		there, answer := plain("ann@example.com")
		if not, other := plain("eve@example.com"); not != there || other != answer {
			t.Errorf("%s: %d %s for somebody, %d %s for nobody", c.operation, there, answer, not, other)
		}
	}
}
