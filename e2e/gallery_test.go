package e2e

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// routes says of everything that can be fetched from the server which pages it shows, by the names of their states in
// views/states_test.go; "": no page. Errors can come from each of them.
var routes = map[string]string{
	"GET /sign-in":                  "sign-in sign-up sign-in-closed sign-in-invite sign-in-own sign-in-error sign-in-password sign-in-password-wrong sign-in-signed-in sign-in-passkey sign-in-passkey-unknown sign-in-providers sign-in-provider-refused sign-in-waiting landing landing-admin",
	"GET /sign-in/code":             "code code-inbox code-wrong code-wrong-none-left code-length code-used code-expired code-resent code-too-soon code-not-sent code-or-password throttled throttled-password",
	"GET /sign-in/password":         "password password-wrong password-changed",
	"GET /sign-in/forgot":           "forgot forgot-error",
	"GET /sign-in/new-password":     "new-password new-password-short new-password-personal new-password-leaked",
	"GET /sign-in/link":             "link link-reset link-elsewhere link-used link-old",
	"GET /sign-in/second-factor":    "second-totp second-totp-wrong second-totp-slowed second-recovery second-code second-code-sent second-factor-passkey",
	"GET /sign-in/protect":          "protect protect-passkey protect-either protect-none authenticator authenticator-wrong",
	"GET /sign-in/protect/codes":    "recovery-codes", // and the file of them
	"GET /sign-in/protect/passkey":  "",
	"GET /sign-in/details":          "details details-wrong details-accept",
	"GET /sign-in/letter":           "letter link-old",
	"GET /sign-in/not-me":           "not-me not-me-session not-me-done not-me-mailed link-old",
	"GET /sign-in/direct":           "", // on to a provider
	"GET /sign-in/passkey":          "",
	"GET /sign-in/passkey-offer":    "passkey-offer passkey-offer-failed passkey-made",
	"GET /invitation":               "invitation invitation-link invitation-used invitation-gone",
	"GET /set-up":                   "set-up set-up-public set-up-error set-up-old set-up-done",
	"GET /signed-out":               "signed-out signed-out-apps",
	"GET /.well-known/webauthn":     "",
	"GET /account":                  "account account-new account-linked account-saved account-error account-bad-address account-bad-picture",
	"GET /account/activity":         "account-activity account-activity-empty",
	"GET /account/address":          "account-address account-address-wrong account-address-over",
	"GET /account/back":             "",
	"GET /account/data":             "", // a file
	"GET /account/delete":           "account-delete account-delete-other account-delete-owner",
	"GET /account/deleted":          "account-deleted account-deleted-now",
	"GET /account/leaving":          "account-leaving",
	"GET /account/link":             "account-link",
	"GET /account/linked":           "",
	"GET /account/password":         "account-password-set account-password-change account-password-last",
	"GET /account/passkey":          "account-passkey account-passkey-bad-name account-passkey-last",
	"GET /account/passkey/new":      "passkey-offer passkey-offer-late passkey-offer-full",
	"GET /account/totp":             "authenticator-account",
	"GET /account/recovery-codes":   "recovery-codes",
	"GET /pictures/{name}":          "",
	"GET /inbox":                    "inbox inbox-empty",
	"GET /inbox/{id}":               "inbox-message",
	"GET /inbox/{id}/html":          "", // the mail itself
	"GET consentPath":               "consent consent-terms consent-account consent-unchecked consent-registered",
	"GET repairPath":                "repair repair-host repair-confirm repair-against repair-declared",
	"GET devicePath":                "device device-wrong device-over",
	`GET devicePath + "/confirm"`:   "device-confirm device-confirm-unchecked",
	`GET devicePath + "/done"`:      "device-connected device-refused",
	`GET at("/authorize")`:          "error-redirect error-client error-document error-request error-no-access form-post",
	`GET at("/resume")`:             "form-post error-too-old error-other-browser",
	`GET at("/logout")`:             "sign-out sign-out-own",
	`GET at("/userinfo")`:           "",
	"GET one":                       "", // a registered application, as JSON
	"GET path":                      "", // discovery and keys
	"GET /cognito/oauth2/authorize": "",
	"GET /cognito/signup":           "",
	"GET /cognito/logout":           "",
	"GET /cognito/oauth2/userInfo":  "",
	"GET /assets/":                  "",
	"GET /healthz":                  "",
	"GET /readyz":                   "",

	"GET /sign-in/passkey-offer/options":        "",
	"GET /account/passkey/new/options":          "",
	"GET /account/recovery-codes/file":          "",
	"GET /sign-in/social/{connection}/callback": "sign-in-provider-failed sign-in-provider-no-account sign-in-waiting-nameless",
}

func TestEveryRouteIsInTheTableOfPages(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("../server", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			start, rest := begins(e)
			if start != "GET " && !(rest == "" && strings.HasPrefix(start, "GET /")) {
				return true
			}
			if rest != "" {
				var whole bytes.Buffer
				if err := printer.Fprint(&whole, set, e); err != nil {
					t.Error(err)
				}
				start += strings.TrimPrefix(whole.String(), `"GET " + `)
			}
			found[start] = true
			return false
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for route := range found {
		if _, known := routes[route]; !known {
			t.Errorf("%s is not in the table: which pages does it show?", route)
		}
	}
	for route := range routes {
		if !found[route] {
			t.Errorf("%s is in the table and in no room of the server", route)
		}
	}
}

// begins is the text an expression starts with, and "+" if it goes on.
func begins(e ast.Expr) (start, rest string) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			start, _ = strconv.Unquote(e.Value)
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			start, _ = begins(e.X)
			rest = "+"
		}
	}
	return start, rest
}

func TestEveryPageInEveryStateIsSoundInLightAndDarkAndByTab(t *testing.T) {
	node, chromium := node(t), chromium(t)
	install(t, node, "lib")
	sources()
	folder := t.TempDir()
	draw := exec.Command("go", "test", "../views", "-run", "^TestGallery$", "-count=1", "-gallery", folder)
	if out, err := draw.CombinedOutput(); err != nil {
		t.Fatalf("draw the pages: %v\n%s", err, out)
	}
	var shown []string
	for _, names := range routes {
		shown = append(shown, strings.Fields(names)...)
	}
	run := exec.Command(node, "gallery/journey.mjs")
	run.Env = append(run.Environ(), "CHROMIUM="+chromium, "FOLDER="+folder, "PAGES="+strings.Join(shown, " "), "LONG=en-XA")
	report(t, run)
}
