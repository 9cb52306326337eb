package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// keyholder is a program that manages people by signed calls.
type keyholder struct {
	amplify
	id, secret, pool string
}

// keyholder makes a key by the management API, as the command does.
func (a amplify) keyholder() keyholder {
	a.t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/v1/cognito/keys", strings.NewReader(`{"name":"nightly import"}`))
	r.Header.Set("Content-Type", "application/json")
	a.api.ServeHTTP(rec, r)
	var made struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
		Pool   string `json:"user_pool_id"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || rec.Code != 201 || made.Secret == "" {
		a.t.Fatalf("making a key: %d %s", rec.Code, rec.Body)
	}
	return keyholder{a, made.ID, made.Secret, made.Pool}
}

// request makes a signed call; change alters it before it is signed.
func (g keyholder) request(operation string, in map[string]any, change ...func(*http.Request)) *http.Request {
	g.t.Helper()
	with := map[string]any{"UserPoolId": g.pool}
	for name, value := range in {
		with[name] = value
	}
	return g.sign(g.t, operation, textOf(g.t, with), change...)
}

func (g keyholder) sign(t testing.TB, operation, body string, change ...func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", g.url.JoinPath("cognito").String(), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	r.Header.Set("X-Amz-Date", g.now().UTC().Format("20060102T150405Z"))
	for _, c := range change {
		c(r)
	}
	sum := func(text string) string {
		s := sha256.Sum256([]byte(text))
		return hex.EncodeToString(s[:])
	}
	at, names := r.Header.Get("X-Amz-Date"), "content-type;host;x-amz-date;x-amz-target"
	canonical := strings.Join([]string{"POST", r.URL.Path, "", "content-type:" + r.Header.Get("Content-Type"), "host:" + r.Host, "x-amz-date:" + at, "x-amz-target:" + r.Header.Get("X-Amz-Target"), "", names, sum(body)}, "\n")
	scope := at[:8] + "/eu-anywhere-9/cognito-idp/aws4_request"
	key := []byte("AWS4" + g.secret)
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+sum(canonical)) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+g.id+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(key))
	return r
}

// gets demands the outcome of a call: "" for success, else the name of an error.
func (g keyholder) gets(want string, r *http.Request) map[string]any {
	g.t.Helper()
	operation := r.Header.Get("X-Amz-Target")
	rec := g.do(r)
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		g.t.Fatalf("%s: %d %s: %v", operation, rec.Code, rec.Body, err)
	}
	name, _ := out["__type"].(string)
	if name != want || (want == "") != (rec.Code == 200) || want != "" && rec.Code != 400 {
		g.t.Fatalf("%s: got %d %v, want %q", operation, rec.Code, out, want)
	}
	return out
}

func (g keyholder) asks(want, operation string, in map[string]any) map[string]any {
	g.t.Helper()
	return g.gets(want, g.request(operation, in))
}

func (g keyholder) status(name string) string {
	g.t.Helper()
	return g.asks("", "AdminGetUser", map[string]any{"Username": name})["UserStatus"].(string)
}

const temporary = "temporary-and-long"

func TestCognitoTakesSignedCallsOfAdministratorsOnly(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	g := w.amplify(false).keyholder()
	call := func(change ...func(*http.Request)) *http.Request {
		return g.request("AdminCreateUser", map[string]any{"Username": "ann@example.com"}, change...)
	}
	after := func(change func(*http.Request)) *http.Request {
		r := call()
		change(r)
		return r
	}
	other := g
	other.secret = "another-secret"
	stranger := g
	stranger.id = "GLAKAAAAAAAAAAAAAAAA"
	attack := func(name, value string) *http.Request {
		return after(func(r *http.Request) { r.Header.Set(name, value) })
	}
	authorization := func(from, to string) *http.Request {
		return after(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		})
	}
	at := func(d time.Duration) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-Amz-Date", g.now().Add(d).UTC().Format("20060102T150405Z")) }
	}
	const half, bad = "IncompleteSignatureException", "InvalidSignatureException"
	for _, c := range []struct {
		name, want string
		r          *http.Request
	}{
		{"no signature", "MissingAuthenticationTokenException", after(func(r *http.Request) { r.Header.Del("Authorization") })},
		{"a bearer token", half, attack("Authorization", "Bearer abc")},
		{"an unknown key", "UnrecognizedClientException", stranger.request("ListUsers", nil)},
		{"another secret", bad, other.request("ListUsers", nil)},
		{"a session token", "UnrecognizedClientException", attack("X-Amz-Security-Token", "x")},
		{"another body", bad, after(func(r *http.Request) {
			r.Body = http.NoBody
		})},
		{"another operation", bad, attack("X-Amz-Target", "AWSCognitoIdentityProviderService.AdminDeleteUser")},
		{"another host", bad, after(func(r *http.Request) { r.Host = "other.example"; r.Header.Set("Content-Type", "text/plain") })},
		{"a host that was signed and is not ours", "", call(func(r *http.Request) { r.Host = "127.0.0.1:4283" })},
		{"another path", bad, after(func(r *http.Request) { r.URL.Path = "/cognito/" })},
		{"a query", bad, after(func(r *http.Request) { r.URL.RawQuery = "a=b" })},
		{"another time", bad, attack("X-Amz-Date", g.now().Add(time.Minute).UTC().Format("20060102T150405Z"))},
		{"another day than the scope", half, attack("X-Amz-Date", g.now().Add(-48*time.Hour).UTC().Format("20060102T150405Z"))},
		{"too late", bad, call(at(-16 * time.Minute))},
		{"too early", bad, call(at(16 * time.Minute))},
		{"another service", half, authorization("cognito-idp", "s3")},
		{"another region", bad, authorization("eu-anywhere-9", "eu-west-1")},
		{"the operation not signed", half, authorization(";x-amz-target", "")},
		{"the host not signed", half, authorization("host;", "")},
		{"headers twice", half, authorization("host;", "host;host;")},
		{"no signature in it", bad, authorization("Signature=", "Signature=, x=")},
		{"not hex", half, authorization("Signature=", "Signature=zz")},
		{"the hash of another body", bad, attack("X-Amz-Content-Sha256", strings.Repeat("0", 64))},
		{"an unsigned body", bad, attack("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")},
		{"a pool of somebody else", "ResourceNotFoundException", g.request("ListUsers", map[string]any{"UserPoolId": "eu-west-1_AbCdEf"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := g
			g.amplify.world.t = t
			g.gets(c.want, c.r)
		})
	}
	// The one call that was signed as it should be has made Ann; and a call may come again, as with Amazon.
	g.asks("UsernameExistsException", "AdminCreateUser", map[string]any{"Username": "ann@example.com"})
	slash := func(r *http.Request) { r.URL.Path = "/cognito/" }
	g.gets("", g.request("AdminDeleteUser", map[string]any{"Username": "ann@example.com"}, slash))
	events, err := w.store.View(t.Context()).EventsWith(storage.EventFilter{Kind: storage.EventUserDeleted}, storage.ID{}, 2)
	if err != nil || len(events) != 1 || events[0].Actor != "key:"+g.id {
		t.Errorf("the log says %+v, %v", events, err)
	}
	keys, err := w.store.View(t.Context()).SignatureKeys()
	if err != nil || len(keys) != 1 || keys[0].LastUsed != w.now().Truncate(time.Hour).UnixMicro() || strings.Contains(string(keys[0].Sealed), g.secret) {
		t.Errorf("the key is kept as %+v, %v", keys, err)
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, httptest.NewRequest("DELETE", "/api/v1/cognito/keys/"+g.id, nil))
	if rec.Code != 204 {
		t.Fatalf("deleting the key: %d %s", rec.Code, rec.Body)
	}
	g.asks("UnrecognizedClientException", "ListUsers", nil)
}

func TestNoOperationOfAdministratorsIsAnsweredUnsigned(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	g := w.amplify(false).keyholder()
	for _, operation := range administratorOperations {
		g.is("MissingAuthenticationTokenException", operation, map[string]any{"UserPoolId": g.pool, "Username": "ann@example.com"})
	}
}

func TestAdministratorsManagePeopleByTheCognitoAPI(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	g := a.keyholder()
	const ann = "ann@example.com"
	of := func(name string, more map[string]any) map[string]any {
		in := map[string]any{"Username": name}
		for key, value := range more {
			in[key] = value
		}
		return in
	}
	attributes := func(pairs ...string) map[string]any {
		var list []any
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, map[string]any{"Name": pairs[i], "Value": pairs[i+1]})
		}
		return map[string]any{"UserAttributes": list}
	}
	made := g.asks("", "AdminCreateUser", of(ann, attributes("email", ann, "email_verified", "true", "name", "Ann", "phone_number", "+441392000000", "phone_number_verified", "true")))["User"].(map[string]any)
	sub := made["Username"].(string)
	if made["UserStatus"] != "CONFIRMED" || made["Enabled"] != true || !strings.Contains(textOf(t, made["Attributes"]), `{"Name":"phone_number_verified","Value":"true"}`) {
		t.Errorf("made: %v", made)
	}
	for want, in := range map[string]map[string]any{
		"UsernameExistsException":       of(ann, nil),
		"InvalidParameterException":     of("no address", nil),
		"InvalidPasswordException":      of("ben@example.com", map[string]any{"TemporaryPassword": "short"}),
		"NotAuthorizedException":        of("ben@example.com", attributes("sub", "x")),
		"UserNotFoundException":         of("ben@example.com", map[string]any{"MessageAction": "RESEND", "TemporaryPassword": temporary}),
		"UnsupportedUserStateException": of(ann, map[string]any{"MessageAction": "RESEND", "TemporaryPassword": temporary}),
	} {
		g.asks(want, "AdminCreateUser", in)
	}
	for _, in := range []map[string]any{attributes("email_verified", "false"), attributes("email", "ben@example.com"), attributes("custom:none", "x"), {"MessageAction": "SHOUT"}} {
		g.asks("InvalidParameterException", "AdminCreateUser", of("carl@example.com", in))
	}
	g.asks("UserNotFoundException", "AdminGetUser", of("carl@example.com", nil))

	// A password of their own, and what was begun with it.
	g.asks("InvalidPasswordException", "AdminSetUserPassword", of(ann, map[string]any{"Password": "short", "Permanent": true}))
	g.asks("", "AdminSetUserPassword", of(sub, map[string]any{"Password": annsPassword, "Permanent": true}))
	signIn := func(want string) map[string]any {
		t.Helper()
		return a.is(want, "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": annsPassword}))
	}
	for _, operation := range []string{"AdminUserGlobalSignOut", "AdminDisableUser"} {
		tokens := tokensOf(t, signIn(""))
		g.asks("", operation, of(ann, nil))
		a.is("NotAuthorizedException", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})
	}
	signIn("NotAuthorizedException")
	if got := g.asks("", "AdminGetUser", of(ann, nil)); got["Enabled"] != false {
		t.Errorf("disabled: %v", got)
	}
	g.asks("", "AdminEnableUser", of(ann, nil))
	tokensOf(t, signIn(""))
	g.asks("", "AdminResetUserPassword", of(ann, nil))
	if got := g.status(ann); got != "RESET_REQUIRED" {
		t.Errorf("after the reset: %s", got)
	}
	signIn("PasswordResetRequiredException")
	a.is("PasswordResetRequiredException", "RespondToAuthChallenge", a.srpAnswer(ann, annsPassword, nil))
	a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": "a wrong secret of theirs"}))
	a.is("", "ForgotPassword", of(ann, nil))
	a.is("", "ConfirmForgotPassword", of(ann, map[string]any{"ConfirmationCode": a.code(ann), "Password": annsPassword}))
	tokens := tokensOf(t, signIn(""))

	// Attributes, the address among them.
	g.asks("", "AdminUpdateUserAttributes", of(ann, attributes("given_name", "Anna", "email", "anna@example.com", "email_verified", "true")))
	a.is("NotAuthorizedException", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})
	g.asks("UserNotFoundException", "AdminGetUser", of(ann, nil))
	g.asks("", "AdminCreateUser", of(ann, nil))
	g.asks("AliasExistsException", "AdminUpdateUserAttributes", of("anna@example.com", attributes("email", ann)))
	g.asks("InvalidParameterException", "AdminUpdateUserAttributes", of(ann, attributes("birthdate", "yesterday")))
	g.asks("", "AdminDeleteUserAttributes", of(sub, map[string]any{"UserAttributeNames": []string{"given_name"}}))
	g.asks("InvalidParameterException", "AdminDeleteUserAttributes", of(sub, map[string]any{"UserAttributeNames": []string{"email"}}))
	if got := textOf(t, g.asks("", "AdminGetUser", of(sub, nil))["UserAttributes"]); strings.Contains(got, "given_name") || !strings.Contains(got, "anna@example.com") {
		t.Errorf("attributes: %s", got)
	}
	g.asks("", "AdminSetUserMFAPreference", of(sub, map[string]any{"EmailMfaSettings": map[string]any{"Enabled": true, "PreferredMfa": true}}))
	if got := g.asks("", "AdminGetUser", of(sub, nil)); got["PreferredMfaSetting"] != "EMAIL_OTP" {
		t.Errorf("second factors: %v", got)
	}

	// Sign-ups that wait.
	a.is("", "SignUp", map[string]any{"Username": "ben@example.com", "Password": annsPassword})
	if got := g.status("ben@example.com"); got != "UNCONFIRMED" {
		t.Errorf("waiting: %s", got)
	}
	g.asks("", "AdminConfirmSignUp", of("ben@example.com", nil))
	g.asks("NotAuthorizedException", "AdminConfirmSignUp", of("ben@example.com", nil))
	g.asks("UserNotFoundException", "AdminConfirmSignUp", of("nobody@example.com", nil))
	tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ben@example.com", "PASSWORD": annsPassword})))
	a.is("", "SignUp", map[string]any{"Username": "dan@example.com"})
	g.asks("", "AdminDeleteUser", of("dan@example.com", nil))
	for _, operation := range []string{"AdminConfirmSignUp", "AdminDeleteUser"} { // by the sub that SignUp has told
		waiting := a.is("", "SignUp", map[string]any{"Username": strings.ToLower(operation) + "@example.com"})["UserSub"].(string)
		g.asks("", operation, of(waiting, nil))
		g.asks(map[string]string{"AdminConfirmSignUp": "", "AdminDeleteUser": "UserNotFoundException"}[operation], "AdminGetUser", of(waiting, nil))
	}
	g.asks("UserNotFoundException", "AdminDeleteUser", of("dan@example.com", nil))

	// Groups.
	g.asks("", "CreateGroup", map[string]any{"GroupName": "staff", "Description": "who works here"})
	g.asks("", "CreateGroup", map[string]any{"GroupName": "night"})
	g.asks("GroupExistsException", "CreateGroup", map[string]any{"GroupName": "staff"})
	g.asks("InvalidParameterException", "CreateGroup", map[string]any{"GroupName": "a b"})
	for _, operation := range []string{"AdminAddUserToGroup", "AdminRemoveUserFromGroup"} {
		g.asks("ResourceNotFoundException", operation, of(sub, map[string]any{"GroupName": "nobody"}))
		g.asks("UserNotFoundException", operation, of("nobody@example.com", map[string]any{"GroupName": "staff"}))
	}
	for _, name := range []string{sub, "ben@example.com"} {
		g.asks("", "AdminAddUserToGroup", of(name, map[string]any{"GroupName": "staff"}))
	}
	page := g.asks("", "ListUsersInGroup", map[string]any{"GroupName": "staff", "Limit": 1})
	rest := g.asks("", "ListUsersInGroup", map[string]any{"GroupName": "staff", "Limit": 1, "NextToken": page["NextToken"]})
	if len(page["Users"].([]any)) != 1 || len(rest["Users"].([]any)) != 1 || rest["NextToken"] != nil {
		t.Errorf("members: %v, then %v", page, rest)
	}
	page = g.asks("", "ListGroups", map[string]any{"Limit": 1})
	rest = g.asks("", "ListGroups", map[string]any{"NextToken": page["NextToken"]})
	if got := textOf(t, []any{page["Groups"], rest["Groups"]}); strings.Count(got, "GroupName") != 2 || rest["NextToken"] != nil {
		t.Errorf("groups: %s", got)
	}
	if got := textOf(t, g.asks("", "AdminListGroupsForUser", of(sub, nil))); !strings.Contains(got, `"GroupName":"staff"`) || strings.Contains(got, "night") {
		t.Errorf("groups of a person: %s", got)
	}
	g.asks("", "AdminRemoveUserFromGroup", of(sub, map[string]any{"GroupName": "staff"}))
	g.asks("", "DeleteGroup", map[string]any{"GroupName": "staff"})
	g.asks("ResourceNotFoundException", "GetGroup", map[string]any{"GroupName": "staff"})

	pool := g.asks("", "DescribeUserPool", nil)["UserPool"].(map[string]any)
	client := g.asks("", "DescribeUserPoolClient", map[string]any{"ClientId": "amplify"})["UserPoolClient"].(map[string]any)
	if pool["Id"] != g.pool || !slices.Contains(client["ExplicitAuthFlows"].([]any), any("ALLOW_USER_SRP_AUTH")) {
		t.Errorf("described: %v, %v", pool, client)
	}
	g.asks("ResourceNotFoundException", "DescribeUserPoolClient", map[string]any{"ClientId": "bookstore"})
	g.asks("", "AdminDeleteUser", of(sub, nil))
	g.asks("UserNotFoundException", "AdminGetUser", of(sub, nil))
}

func TestPeopleAreListedAndFiltered(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	g := a.keyholder()
	for _, name := range []string{"ann", "anna", "ben", "diana"} {
		g.asks("", "AdminCreateUser", map[string]any{"Username": name + "@example.com", "UserAttributes": []any{map[string]any{"Name": "name", "Value": strings.ToUpper(name)}}})
	}
	g.asks("", "AdminDisableUser", map[string]any{"Username": "ben@example.com"})
	g.asks("", "AdminSetUserPassword", map[string]any{"Username": "diana@example.com", "Password": temporary})
	carl := a.is("", "SignUp", map[string]any{"Username": "carl@example.com", "UserAttributes": attributesOf("name", "CARL", "given_name", "Carl", "phone_number", "+441392000001", "preferred_username", "carlos")})["UserSub"].(string)
	sub := g.asks("", "AdminGetUser", map[string]any{"Username": "ann@example.com"})["Username"].(string)
	for filter, want := range map[string]string{
		``:                                              "carl diana ben anna ann",
		`email = "ANN@example.com"`:                     "ann",
		`"email" ^= "ann"`:                              "anna ann",
		`email ^= "nn"`:                                 "",
		`email = "ann"`:                                 "", // a username, and no address
		`email = "carl@example.com"`:                    "carl",
		`sub = "` + sub + `"`:                           "ann",
		`username = "ann@example.com"`:                  "",
		`name = "BEN"`:                                  "ben",
		`name ^= "AN"`:                                  "anna ann",
		`name = "\"BEN\""`:                              "",
		`status = "Disabled"`:                           "ben",
		`status = "Enabled"`:                            "carl diana anna ann",
		`email ^= "ca"`:                                 "carl",
		`sub = "` + carl + `"`:                          "carl",
		`username = "` + carl + `"`:                     "carl",
		`given_name = "Carl"`:                           "carl",
		`name ^= "CA"`:                                  "carl",
		`phone_number ^= "+44"`:                         "carl",
		`preferred_username = "carlos"`:                 "carl",
		`cognito:user_status = "UNCONFIRMED"`:           "carl",
		`cognito:user_status = "CONFIRMED"`:             "ben anna ann",
		`cognito:user_status = "FORCE_CHANGE_PASSWORD"`: "diana",
	} {
		var got []string
		for _, u := range g.asks("", "ListUsers", map[string]any{"Filter": filter})["Users"].([]any) {
			for _, at := range u.(map[string]any)["Attributes"].([]any) {
				if at := at.(map[string]any); at["Name"] == "email" {
					got = append(got, strings.TrimSuffix(at["Value"].(string), "@example.com"))
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", filter, got, want)
		}
	}
	for _, in := range []map[string]any{{"Filter": `email = ann`}, {"Filter": `password = "x"`}, {"Filter": `email = "a" or email = "b"`}, {"Limit": 61}, {"Limit": -1}, {"PaginationToken": "x"}} {
		g.asks("InvalidParameterException", "ListUsers", in)
	}
	page := g.asks("", "ListUsers", map[string]any{"Limit": 3, "AttributesToGet": []string{"email"}})
	rest := g.asks("", "ListUsers", map[string]any{"PaginationToken": page["PaginationToken"]})
	if len(page["Users"].([]any)) != 3 || len(rest["Users"].([]any)) != 2 || rest["PaginationToken"] != nil || strings.Contains(textOf(t, page), "ANNA") {
		t.Errorf("got %v, then %v", page, rest)
	}
	if got := g.asks("", "AdminGetUser", map[string]any{"Username": carl}); got["UserStatus"] != "UNCONFIRMED" || !strings.Contains(textOf(t, got), "CARL") {
		t.Errorf("waiting, by sub: %v", got)
	}
	a.is("", "ConfirmSignUp", map[string]any{"Username": carl, "ConfirmationCode": a.code("carl@example.com")})
	if got := textOf(t, g.asks("", "ListUsers", nil)); strings.Count(got, carl) != 2 || strings.Contains(got, "UNCONFIRMED") {
		t.Errorf("after the code: %s", got)
	}
}

// A key is for the people of applications: its holder must not become the owner of the server.
func TestSignatureKeysDoNotReachWhoeverLooksAfterTheServer(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	g := w.amplify(false).keyholder()
	g.asks("", "AdminCreateUser", map[string]any{"Username": "ann@example.com"})
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/v1/users/ann@example.com/role", strings.NewReader(`{"role":"owner"}`))
	r.Header.Set("Content-Type", "application/json")
	w.api.ServeHTTP(rec, r)
	if rec.Code != 200 {
		t.Fatalf("the role: %d %s", rec.Code, rec.Body)
	}
	for _, operation := range administratorOperations {
		if !strings.HasPrefix(operation, "Admin") || slices.Contains([]string{"AdminGetUser", "AdminListGroupsForUser", "AdminCreateUser"}, operation) {
			continue
		}
		g.asks("NotAuthorizedException", operation, map[string]any{"Username": "ann@example.com", "Password": annsPassword, "Permanent": true, "GroupName": "x"})
	}
	g.asks("NotAuthorizedException", "AdminCreateUser", map[string]any{"Username": "ann@example.com", "MessageAction": "RESEND", "TemporaryPassword": temporary})
}

func TestATemporaryPasswordSignsNobodyInBeforeAnotherIsChosen(t *testing.T) {
	for _, flow := range []string{"USER_PASSWORD_AUTH", "USER_SRP_AUTH", "USER_AUTH"} {
		t.Run(flow, func(t *testing.T) {
			w := newWorld(t, "https://id.example", wide)
			a := w.amplify(true)
			g := a.keyholder()
			const ann = "ann@example.com"
			g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "TemporaryPassword": temporary})
			begin := func(password string) map[string]any {
				switch flow {
				case "USER_SRP_AUTH":
					return a.is("", "RespondToAuthChallenge", a.srpAnswer(ann, password, nil))
				case "USER_AUTH":
					return a.is("", "InitiateAuth", auth(flow, map[string]any{"USERNAME": ann, "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": password}))
				}
				return a.is("", "InitiateAuth", auth(flow, map[string]any{"USERNAME": ann, "PASSWORD": password}))
			}
			asked := begin(temporary)
			if asked["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || asked["AuthenticationResult"] != nil || g.status(ann) != "FORCE_CHANGE_PASSWORD" {
				t.Fatalf("asked: %v", asked)
			}
			parameters := asked["ChallengeParameters"].(map[string]any)
			answer := func(password string, more ...string) map[string]any {
				responses := map[string]any{"USERNAME": parameters["USER_ID_FOR_SRP"], "NEW_PASSWORD": password}
				for i := 0; i < len(more); i += 2 {
					responses[more[i]] = more[i+1]
				}
				return respond(asked, "NEW_PASSWORD_REQUIRED", responses)
			}
			a.is("InvalidPasswordException", "RespondToAuthChallenge", answer(temporary))
			a.is("InvalidPasswordException", "RespondToAuthChallenge", answer("short"))
			a.is("NotAuthorizedException", "RespondToAuthChallenge", answer(annsPassword, "userAttributes.email", "eve@example.com"))
			a.is("NotAuthorizedException", "RespondToAuthChallenge", answer(annsPassword, "userAttributes.email_verified", "true"))
			done := answer(annsPassword, "userAttributes.given_name", "Ann")
			tokens := tokensOf(t, a.is("", "RespondToAuthChallenge", done))
			if got := textOf(t, a.is("", "GetUser", map[string]any{"AccessToken": tokens["AccessToken"]})); !strings.Contains(got, `"given_name"`) {
				t.Errorf("GetUser: %s", got)
			}
			a.is("NotAuthorizedException", "RespondToAuthChallenge", done)
			a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": temporary}))
			if got := g.status(ann); got != "CONFIRMED" {
				t.Errorf("afterwards: %s", got)
			}
			tokensOf(t, begin(annsPassword))
		})
	}
}

func TestATemporaryPasswordEndsAfterSevenDays(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	g := a.keyholder()
	const ann = "ann@example.com"
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "TemporaryPassword": temporary})
	w.later.Add(int64(7*24*time.Hour + time.Minute))
	a.is("PasswordResetRequiredException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": temporary}))
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "MessageAction": "RESEND", "TemporaryPassword": temporary})
	asked := a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": temporary}))
	// The challenge of one temporary password is not that of the next.
	g.asks("", "AdminSetUserPassword", map[string]any{"Username": ann, "Password": "another temporary one"})
	a.is("NotAuthorizedException", "RespondToAuthChallenge", respond(asked, "NEW_PASSWORD_REQUIRED", map[string]any{"USERNAME": ann, "NEW_PASSWORD": annsPassword}))
}

func TestAPersonIsToldOfTheirAccountByMail(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(true)
	g := a.keyholder()
	told := func(address string) email.Message {
		t.Helper()
		mail, err := w.mails.WaitFor(t.Context(), address, email.Welcomes)
		if err != nil {
			t.Fatal(err)
		}
		return mail
	}
	challenged := func(address, password string) {
		t.Helper()
		asked := a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": address, "PASSWORD": password}))
		if asked["ChallengeName"] != "NEW_PASSWORD_REQUIRED" {
			t.Errorf("%s: %v", address, asked)
		}
	}
	const ann, ben, carl = "ann@example.com", "ben@example.com", "carl@example.com"
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "TemporaryPassword": temporary, "DesiredDeliveryMediums": []string{"EMAIL"}, "UserAttributes": attributesOf("locale", "de")})
	if mail := told(ann); mail.Lang != "de" || !strings.Contains(mail.Text, "\n"+temporary+"\n") {
		t.Errorf("mail with a temporary password: %+v", mail)
	}
	challenged(ann, temporary)
	g.asks("", "AdminCreateUser", map[string]any{"Username": ann, "MessageAction": "RESEND"})
	mail := told(ann)
	made := regexp.MustCompile(`(?m)^([a-z2-7]{4}-){3}[a-z2-7]{4}$`).FindString(mail.Text)
	if made == "" || strings.Contains(mail.Text, temporary) {
		t.Fatalf("sent again: %s", mail.Text)
	}
	challenged(ann, made)
	a.is("NotAuthorizedException", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": temporary}))

	g.asks("", "AdminCreateUser", map[string]any{"Username": ben})
	if mail := told(ben); mail.Lang != "en" || !strings.Contains(mail.Text, "a code comes here") || !strings.Contains(mail.Text, "https://id.example/sign-in") {
		t.Errorf("mail without a password: %s", mail.Text)
	}
	asked := a.is("", "InitiateAuth", auth("USER_AUTH", map[string]any{"USERNAME": ben, "PREFERRED_CHALLENGE": "EMAIL_OTP"}))
	tokensOf(t, a.is("", "RespondToAuthChallenge", respond(asked, "EMAIL_OTP", map[string]any{"USERNAME": ben, "EMAIL_OTP_CODE": a.code(ben)})))

	g.asks("InvalidParameterException", "AdminCreateUser", map[string]any{"Username": carl, "DesiredDeliveryMediums": []string{"SMS"}})
	g.asks("", "AdminCreateUser", map[string]any{"Username": carl, "TemporaryPassword": temporary, "MessageAction": "SUPPRESS"})
	g.asks("", "AdminCreateUser", map[string]any{"Username": "dan@example.com"})
	told("dan@example.com")
	for _, m := range w.mails.Messages() {
		if m.To == carl {
			t.Errorf("a mail that was not to be sent: %+v", m)
		}
	}
}

func TestATemporaryPasswordIsMadeUpWhereNobodySignsInWithCodes(t *testing.T) {
	w := newWorld(t, "https://id.example", wide, func(c *server.Config) { c.Experience.Methods = []authn.Method{authn.MethodPassword} })
	g := w.amplify(false).keyholder()
	made := g.asks("", "AdminCreateUser", map[string]any{"Username": "ann@example.com"})["User"].(map[string]any)
	if made["UserStatus"] != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("made: %v", made)
	}
	if mail, err := w.mails.WaitFor(t.Context(), "ann@example.com", email.Welcomes); err != nil || !strings.Contains(mail.Text, "temporary password") {
		t.Errorf("mail: %+v, %v", mail, err)
	}
}

// A mail that waits for a mail server must not bring a password that is worth nothing any more, or somebody who is gone.
func TestAMailWithATemporaryPasswordIsNotSentOnceThePasswordIsAnother(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	g := w.amplify(false).keyholder()
	w.mails.Refuse(errors.New("the mail server is away"))
	for _, name := range []string{"ann@example.com", "ben@example.com"} {
		g.asks("", "AdminCreateUser", map[string]any{"Username": name, "TemporaryPassword": temporary})
	}
	g.asks("", "AdminSetUserPassword", map[string]any{"Username": "ann@example.com", "Password": annsPassword, "Permanent": true})
	w.mails.Refuse(nil)
	w.later.Add(int64(time.Hour))
	if mail, err := w.mails.WaitFor(t.Context(), "ben@example.com", email.Welcomes); err != nil || !strings.Contains(mail.Text, temporary) {
		t.Fatalf("%+v, %v", mail, err)
	}
	for _, m := range w.mails.Messages() {
		if m.To == "ann@example.com" && m.Usage == email.Welcomes {
			t.Errorf("a mail with a password that is gone: %s", m.Text)
		}
	}
}
