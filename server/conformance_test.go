package server_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the suite's module discovery-endpoint-verification reads, of this plan and the logout plans.
func TestDiscoveryHasWhatTheConfigPlanAsksFor(t *testing.T) {
	w := newWorld(t, "https://id.example.com")
	answer := w.do(w.request("GET", "/oidc/.well-known/openid-configuration", nil))
	var d map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil || answer.Code != 200 || answer.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s %v", answer.Code, answer.Header().Get("Content-Type"), err)
	}
	if d["issuer"] != "https://id.example.com/oidc" {
		t.Errorf("issuer is %v", d["issuer"])
	}
	for name, value := range d {
		address, _ := value.(string)
		if (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri") && !strings.HasPrefix(address, "https://id.example.com/") {
			t.Errorf("%s is %v", name, value)
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"} {
		if d[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	for _, name := range []string{"backchannel_logout_supported", "backchannel_logout_session_supported", "claims_parameter_supported", "request_parameter_supported"} {
		if d[name] != true {
			t.Errorf("%s is %v", name, d[name])
		}
	}
	if d["request_uri_parameter_supported"] != false { // left out, it would be true
		t.Errorf("request_uri_parameter_supported is %v", d["request_uri_parameter_supported"])
	}
	for name, want := range map[string]string{
		"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256", "scopes_supported": "openid",
		"claims_supported": "sub", "grant_types_supported": "refresh_token", "token_endpoint_auth_methods_supported": "client_secret_basic", "response_modes_supported": "form_post",
	} {
		if list, _ := d[name].([]any); !slices.Contains(list, any(want)) {
			t.Errorf("%s is %v, without %s", name, d[name], want)
		}
	}
	// With none among them, the suite would send unsigned request objects.
	if list, _ := d["request_object_signing_alg_values_supported"].([]any); len(list) == 0 || slices.Contains(list, any("none")) {
		t.Errorf("request_object_signing_alg_values_supported is %v", list)
	}
}

// What is not announced is not tried: no plain challenge, no token in the front channel, no password grant, no signature that
// anybody can make (RFC 9700 section 2.1).
func TestDiscoveryOffersNothingWeak(t *testing.T) {
	w := newWorld(t, "https://id.example")
	for _, path := range []string{"/oidc/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/oidc"} {
		var d map[string]any
		if err := json.Unmarshal(w.do(w.request("GET", path, nil)).Body.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"code_challenge_methods_supported": "[S256]", "response_types_supported": "[code]", "authorization_response_iss_parameter_supported": "true", "issuer": "https://id.example/oidc"} {
			if got := fmt.Sprint(d[name]); got != want {
				t.Errorf("%s: %s is %s, want %s", path, name, got, want)
			}
		}
		for name, value := range d {
			list, _ := value.([]any)
			for _, one := range list {
				if weak, _ := one.(string); strings.HasSuffix(name, "_alg_values_supported") && (weak == "none" || strings.HasPrefix(weak, "HS")) || name == "grant_types_supported" && (weak == "implicit" || weak == "password") {
					t.Errorf("%s: %s offers %s", path, name, weak)
				}
			}
		}
	}
}

// docs/conformance.md says which test watches what a module asks.
func TestConformanceDocumentNamesTestsThatExist(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			written[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bTest\w+`).FindAllString(string(document), -1)
	if len(names) < 30 {
		t.Fatalf("only %d tests are named", len(names))
	}
	for _, name := range names {
		if !written[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
