package server_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatelatch/server"
	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
)

// An operation that nobody has documented, and no test sends nonsense to, is not done.
func TestEveryOperationIsDocumentedAndSentNonsense(t *testing.T) {
	source, err := os.ReadFile("cognito/cognito.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/amplify.md")
	if err != nil {
		t.Fatal(err)
	}
	var all, documented []string
	for _, m := range regexp.MustCompile(`(?m)^\t\t"([A-Z][A-Za-z]+)": +door\.`).FindAllStringSubmatch(string(source), -1) {
		all = append(all, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z][A-Za-z]+) \| .*[a-z].*\|$`).FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, m[1])
	}
	if len(all) < 50 {
		t.Fatalf("found only %v", all)
	}
	fuzzed := slices.DeleteFunc(slices.Concat(cognitoOperations, administratorOperations), func(name string) bool { return name == "" || name == "NoSuchOperation" })
	for what, list := range map[string][]string{"documented": documented, "sent nonsense": fuzzed} {
		slices.Sort(list)
		if slices.Sort(all); !slices.Equal(list, all) {
			t.Errorf("%s are\n%s\nthere are\n%s", what, strings.Join(list, " "), strings.Join(all, " "))
		}
	}
}

func TestWhoeverProvesASecretHearsThatThereIsNone(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	const ann = "ann@example.com"
	a.member(ann, annsPassword)
	signIn := auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": ann, "PASSWORD": annsPassword, "SECRET_HASH": "c2VjcmV0"})
	for operation, in := range map[string]map[string]any{
		"SignUp":                    {"Username": "ben@example.com", "Password": annsPassword, "SecretHash": "c2VjcmV0"},
		"ForgotPassword":            {"Username": ann, "SecretHash": "c2VjcmV0"},
		"InitiateAuth":              signIn,
		"RespondToAuthChallenge":    respond(nil, "EMAIL_OTP", map[string]any{"USERNAME": ann, "SECRET_HASH": "c2VjcmV0"}),
		"GetTokensFromRefreshToken": {"RefreshToken": "x", "ClientSecret": "secret"},
	} {
		if out := a.is("NotAuthorizedException", operation, in); out["message"] != "Client amplify is not configured for secret but secret hash was received" {
			t.Errorf("%s: %v", operation, out)
		}
	}
}

func TestPasskeysOfPagesElsewhereAreRefusedByName(t *testing.T) {
	w := newWorld(t, "https://id.example", wide)
	a := w.amplify(false)
	a.member("ann@example.com", annsPassword)
	in := map[string]any{"AccessToken": tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))["AccessToken"]}
	options := textOf(t, a.is("", "StartWebAuthnRegistration", in)["CredentialCreationOptions"])
	made, err := passkeytest.New("https://evil.example").Create(options)
	if err != nil {
		t.Fatal(err)
	}
	in["Credential"] = json.RawMessage(made)
	if out := a.is("WebAuthnOriginNotAllowedException", "CompleteWebAuthnRegistration", in); !strings.Contains(out["message"].(string), "https://evil.example") {
		t.Errorf("message: %v", out)
	}
	if list := a.is("", "ListWebAuthnCredentials", in)["Credentials"].([]any); len(list) != 0 {
		t.Errorf("kept: %v", list)
	}

	w = newWorld(t, "https://id.example", wide, func(c *server.Config) {
		c.Experience.Methods, c.Experience.SecondFactors = []authn.Method{authn.MethodPassword}, []authn.Method{authn.MethodTOTP}
	})
	a = w.amplify(false)
	a.member("ann@example.com", annsPassword)
	in["AccessToken"] = tokensOf(t, a.is("", "InitiateAuth", auth("USER_PASSWORD_AUTH", map[string]any{"USERNAME": "ann@example.com", "PASSWORD": annsPassword})))["AccessToken"]
	a.is("WebAuthnNotEnabledException", "StartWebAuthnRegistration", in)
}
