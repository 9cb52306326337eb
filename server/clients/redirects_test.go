package clients

import (
	"slices"
	"strings"
	"testing"

	"gatelatch/storage"
)

func TestRedirectAddressesThatBrowsersRespellOrAttackersUseAreRefused(t *testing.T) {
	cases := []struct {
		uri, kind string
		http      bool
		want      string // part of the message; "" means it is accepted
	}{
		{"https://app.example.com/callback", "web", false, ""},
		{"https://app.example.com", "web", false, ""},
		{"https://app.example.com/", "spa", false, ""},
		{"https://app.example.com:8443/cb?tenant=1", "web", false, ""},
		{"http://localhost:3000/api/auth/callback/gatelatch", "web", false, ""},
		{"http://app2.localhost:3000/cb", "web", false, ""},
		{"http://127.0.0.1/callback", "native", false, ""},
		{"http://127.0.0.1:8080/callback", "web", false, ""},
		{"http://[::1]:8080/callback", "native", false, ""},
		{"com.example.app:/callback", "native", false, ""},
		{"com.example.app://callback", "native", false, ""},
		{"http://192.168.1.5:3000/cb", "web", true, ""},
		{"http://nas.lan/cb", "web", true, ""},

		{"http://192.168.1.5:3000/cb", "web", false, "allow it with --allow-http"},
		{"http://localhost.example.com/cb", "web", false, "plain http"},
		{"http://127.0.0.1.example.com/cb", "web", false, "plain http"},
		{"http://127.1/cb", "web", false, "plain http"},
		{"http://2130706433/cb", "web", false, "plain http"},
		{"http://0.0.0.0/cb", "web", false, "plain http"},
		{"http://[::ffff:127.0.0.1]/cb", "web", false, "plain http"},
		{"http://localhost@evil.example/cb", "web", false, "user name"},
		{"https://app.example.com@evil.example/cb", "web", false, "user name"},
		{"https://me:pw@app.example.com/cb", "web", false, "user name"},
		{"https://@app.example.com/cb", "web", false, "user name"},
		{"https://evil.example?@app.example.com/", "web", false, ""},
		{"https://app.example.com/cb#", "web", false, "has a #"},
		{"https://app.example.com/cb#x", "web", false, "has a #"},
		{"https://*.example.com/cb", "web", false, "has a *"},
		{"https://app.example.com/*", "web", false, "has a *"},
		{"javascript:alert(1)", "web", false, "no browser may be sent to"},
		{"JavaScript:alert(1)", "web", false, "capital letters in its scheme"},
		{"javascript://localhost/%0aalert(1)", "native", false, "no browser may be sent to"},
		{"data:text/html,hello", "web", false, "no browser may be sent to"},
		{"vbscript:x", "native", false, "no browser may be sent to"},
		{"file:///etc/passwd", "native", false, "no browser may be sent to"},
		{"blob:https://a.example/1", "native", false, "no browser may be sent to"},
		{"myapp:/cb", "native", false, "Use your domain in reverse"},
		{"myapp://cb", "native", false, "Use your domain in reverse"},
		{"com.example.app:/cb", "web", false, "type native"},
		{"com.example.app:/cb", "spa", false, "type native"},
		{"/callback", "web", false, "not a whole address"},
		{"callback", "web", false, "not a whole address"},
		{"//app.example.com/cb", "web", false, "not a whole address"},
		{"app.example.com/cb", "web", false, "not a whole address"},
		{"", "web", false, "is empty"},
		{"https://", "web", false, "has no host"},
		{"https:///cb", "web", false, "has no host"},
		{"https:app.example.com/cb", "web", false, "has no host"},
		{"https://:443/cb", "web", false, "has no host"},
		{"HTTPS://app.example.com/cb", "web", false, "Write https://app.example.com/cb"},
		{"https://App.Example.com/cb", "web", false, "Browsers send https://app.example.com/cb"},
		{"https://app.example.com:443/cb", "web", false, "without :443"},
		{"http://localhost:80/cb", "web", false, "without :80"},
		{"https://app.example.com:/cb", "web", false, "without :"},
		{"https://app.example.com/a/../cb", "web", false, "in its path"},
		{"https://app.example.com/a/%2e%2E/cb", "web", false, "in its path"},
		{"https://app.example.com/./cb", "web", false, "in its path"},
		{`https://app.example.com\@evil.example/`, "web", false, `has a \`},
		{"https://app.example.com/c b", "web", false, "space or control"},
		{" https://app.example.com/cb", "web", false, "space or control"},
		{"https://app.example.com/cb\n", "web", false, "space or control"},
		{"https://app.example.com/\x00", "web", false, "space or control"},
		{"https://bücher.example/cb", "web", false, "xn-- form"},
		{"https://app.example。com/cb", "web", false, "xn-- form"},
		{"https://app.example.com/<script>", "web", false, "has a <"},
		{"https://app.example.com/" + strings.Repeat("a", 1000), "web", false, "longer than 1000"},
		{"https://app.example.com:99999/cb", "web", false, "does not exist"},
		{"https://app.example.com:0/cb", "web", false, "does not exist"},
		{"https://app.example.com:08443/cb", "web", false, "does not exist"},
	}
	for _, c := range cases {
		client := storage.Client{Type: c.kind, RedirectURIs: []string{c.uri}, Settings: storage.ClientSettings{AllowHTTP: c.http}}
		err := checkAddresses(client)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %q was refused: %v", c.kind, c.uri, err)
		case c.want != "" && err == nil:
			t.Errorf("%s %q was accepted", c.kind, c.uri)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s %q: got %v, want %q in it", c.kind, c.uri, err, c.want)
		}
	}
}

func TestOriginEndsWithItsHost(t *testing.T) {
	for origin, want := range map[string]string{
		"https://app.example.com":        "",
		"http://localhost:5173":          "",
		"https://app.example.com/":       "has a path",
		"https://app.example.com/x":      "has a path",
		"https://app.example.com?x=1":    "has a path",
		"null":                           "not an origin",
		"*":                              "has a *",
		"http://app.example.com":         "plain http",
		"com.example.app:/cb":            "not an origin",
		"https://APP.example.com":        "Browsers send https://app.example.com",
		"https://me@app.example.com":     "user name",
		"https://app.example.com:443":    "without :443",
		"https://app.example.com#":       "has a #",
		"https://app.example.com evil.x": "space",
	} {
		err := checkOrigin(storage.Client{Type: "spa"}, origin)
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", origin, err, want)
		}
	}
}

func TestAnApplicationNeedsARedirectAddress(t *testing.T) {
	if err := checkAddresses(storage.Client{Type: "web"}); err == nil || !strings.Contains(err.Error(), "--redirect-uri") {
		t.Errorf("got %v", err)
	}
	many := make([]string, maxURIs+1)
	for i := range many {
		many[i] = "https://a.example/" + strings.Repeat("x", i)
	}
	if err := checkAddresses(storage.Client{Type: "web", RedirectURIs: many}); err == nil || !strings.Contains(err.Error(), "51 entries") {
		t.Errorf("got %v", err)
	}
}

func TestBrowserApplicationsMayCallFromTheirRedirectAddresses(t *testing.T) {
	uris := []string{"https://a.example/cb", "https://a.example/silent", "http://localhost:5173/cb"}
	got := withOrigins(storage.Client{Type: "spa", RedirectURIs: uris, AllowedOrigins: []string{"https://b.example"}}).AllowedOrigins
	if want := []string{"https://b.example", "https://a.example", "http://localhost:5173"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := withOrigins(storage.Client{Type: "web", RedirectURIs: uris}).AllowedOrigins; got != nil {
		t.Errorf("a web application got %v", got)
	}
}

func TestSlashAndEmptyPathAreOneAddressAfterSigningOut(t *testing.T) {
	uris := []string{"https://a.example", "https://a.example/", "https://a.example/x", "https://a.example/x/"}
	if got := Distinct(uris, true); !slices.Equal(got, []string{"https://a.example", "https://a.example/x", "https://a.example/x/"}) {
		t.Errorf("got %v", got)
	}
	if got := Distinct(append(uris, uris...), false); !slices.Equal(got, uris) {
		t.Errorf("got %v", got)
	}
}
