package clients

import (
	"strings"
	"testing"
)

func TestAClientIDThatIsAnAddressHasOneSpelling(t *testing.T) {
	for _, id := range []string{"https://app.example/c", "https://app.example/", "https://app.example:8443/oauth/client.json", "https://app.example/c?v=1", "https://xn--bcher-kva.example/c", "https://[2001:db8::1]/c", "https://app.example/%C3%A9"} {
		if err := CheckDocumentURL(id); err != nil {
			t.Errorf("%s %v, want nothing against it", id, err)
		}
	}
	for _, id := range []string{"", "app", "http://app.example/c", "https://app.example", "https://app.example?c", "https:///c", "https:app.example/c", "https://app.example/c#f", "https://app.example/c#", "https://u@app.example/c", "https://u:p@app.example/c",
		"https://@app.example/c", "https://app.example/a/../c", "https://app.example/./c", "https://app.example/..", "https://app.example/%2e%2E/c", "https://app.example/.%2e/c", "https://APP.example/c", "HTTPS://app.example/c", "https://app.example:443/c",
		"https://app.example:/c", "https://app.example:0/c", "https://app.example:99999/c", "https://app.example/c d", "https://app.example/c\x00", "https://bücher.example/c", `https://app.example\@evil.example/c`, "https://app.example/*", "https://app.example/\u202e",
		"https://app.example/" + strings.Repeat("x", 256)} {
		if err := CheckDocumentURL(id); err == nil {
			t.Errorf("%q passes", id)
		}
	}
}
