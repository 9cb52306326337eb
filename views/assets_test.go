package views

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatelatch/views/words"
)

func get(t *testing.T, method, url string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Assets().ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsAreServedOnceAndForAll(t *testing.T) {
	for name, media := range map[string]string{"core.css": "text/css; charset=utf-8", "gate.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		plain := get(t, "GET", Asset(name))
		body, _ := io.ReadAll(plain.Body)
		if plain.StatusCode != 200 || plain.Header.Get("Content-Type") != media || !bytes.Equal(body, assets().byName[name].raw) {
			t.Errorf("%s: %d %s, %d bytes", name, plain.StatusCode, plain.Header.Get("Content-Type"), len(body))
		}
		for key, want := range map[string]string{"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"} {
			if got := plain.Header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
		if again := get(t, "GET", Asset(name), "If-None-Match", plain.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", name, again.StatusCode)
		}
	}
}

func TestAssetsAreCompressedForThoseWhoTakeIt(t *testing.T) {
	for accept, want := range map[string]string{"gzip, deflate, br": "gzip", "GZIP;q=0.5": "gzip", "": "", "br": "", "gzip;q=0": "", "gzip;q=x": ""} {
		r := get(t, "GET", Asset("core.css"), "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q gives %q, want %q", accept, got, want)
			continue
		}
		var body io.Reader = r.Body
		if want == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = unzipped
		}
		if text, _ := io.ReadAll(body); !bytes.Equal(text, assets().byName["core.css"].raw) {
			t.Errorf("Accept-Encoding %q gives another text", accept)
		}
	}
}

func TestNothingElseIsAnAsset(t *testing.T) {
	for _, url := range []string{"/assets/", "/assets/core.css", "/assets/core.000000000000.css", "/assets/../views.go", Asset("core.css") + "/"} {
		if r := get(t, "GET", url); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", url, r.StatusCode)
		}
	}
	if r := get(t, "POST", Asset("core.css")); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if r := get(t, "HEAD", Asset("core.css")); r.StatusCode != 200 || r.ContentLength <= 0 {
		t.Errorf("HEAD: %d, %d bytes", r.StatusCode, r.ContentLength)
	}
}

// The budgets, compressed: 14 KB of CSS, 4 KB of script, a sign-in page of 20 KB in 4 requests.
func TestPagesKeepTheirByteBudgets(t *testing.T) {
	const kb = 1024
	page := draw(t, stateNamed(t, "sign-in"))
	total, requests := len(compress([]byte(page))), 1
	for _, a := range assets().byName {
		if strings.Contains(page, a.url) {
			total += min(len(a.gzipd), len(a.raw))
			requests++
		}
	}
	css, js := len(assets().byName["core.css"].gzipd)+len(assets().byName["console.css"].gzipd), len(assets().byName["gate.js"].gzipd)
	for _, b := range []struct {
		what      string
		got, most int
	}{{"CSS", css, 14 * kb}, {"script", js, 4 * kb}, {"sign-in page", total, 20 * kb}, {"requests", requests, 4}} {
		if b.got > b.most {
			t.Errorf("%s: %d, at most %d", b.what, b.got, b.most)
		}
	}
	t.Logf("gzip: CSS %d, script %d, sign-in page with everything %d bytes in %d requests", css, js, total, requests)
}

var className = regexp.MustCompile(`\.([a-z][\w-]*)`)

func TestTheStylesheetAndThePagesUseTheSameClasses(t *testing.T) {
	styled := map[string]bool{}
	for _, rule := range regexp.MustCompile(`([^{}]+)\{`).FindAllStringSubmatch(stylesheet(), -1) {
		for _, m := range className.FindAllStringSubmatch(rule[1], -1) {
			styled[m[1]] = true
		}
	}
	used := map[string]bool{}
	for _, hue := range hues { // whose turn it is depends on the person
		used[hue] = true
	}
	for _, s := range states {
		doc := parse(t, draw(t, s.page(bookstore(words.For("en")))))
		for _, n := range all(doc, func(*html.Node) bool { return true }) {
			for _, class := range strings.Fields(value(n, "class")) {
				used[class] = true
			}
		}
	}
	for class := range styled {
		if !used[class] {
			t.Errorf(".%s is styled and on no page", class)
		}
	}
	for class := range used {
		if !styled[class] {
			t.Errorf(".%s is on a page and not styled", class)
		}
	}
}

// stylesheet is core.css without comments.
func stylesheet() string {
	raw := string(assets().byName["core.css"].raw) + string(assets().byName["console.css"].raw)
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(raw, "")
}

func TestTheStylesheetKnowsNoLeftAndRight(t *testing.T) {
	for _, m := range regexp.MustCompile(`[;{]((?:margin|padding|inset|border-radius):([^;}]*))`).FindAllStringSubmatch(stylesheet(), -1) {
		// Of four values the second is right and the fourth left; corners turn around too.
		if v := strings.Fields(regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(m[2], "()")); len(v) == 4 && v[1] != v[3] {
			t.Errorf("%s does not turn around for right-to-left scripts", m[1])
		}
	}
	if m := regexp.MustCompile(`(?:margin|padding|border|inset)-(?:left|right)|text-align:(?:left|right)|[;{](?:left|right):|float:(?:left|right)`).FindString(stylesheet()); m != "" {
		t.Errorf("%s does not turn around for right-to-left scripts", m)
	}
}

// tokens reads the colours of :root, light first, dark second.
func tokens(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	css := stylesheet()
	blocks := regexp.MustCompile(`(?s):root\{(.*?)\}`).FindAllStringSubmatch(css, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of tokens, want light and dark", len(blocks))
	}
	read := func(block string) map[string]string {
		found := map[string]string{}
		for _, m := range regexp.MustCompile(`--([\w-]+):(#[0-9a-f]{3,6});`).FindAllStringSubmatch(block, -1) {
			found[m[1]] = m[2]
		}
		return found
	}
	return read(blocks[0][1]), read(blocks[1][1])
}

// luminance is the relative luminance of a colour (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 4 {
		hex = fmt.Sprintf("#%c%c%c%c%c%c", hex[1], hex[1], hex[2], hex[2], hex[3], hex[3])
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 {
		t.Fatalf("no colour: %q", hex)
	}
	channel := func(v uint64) float64 {
		c := float64(v&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestEveryPairOfColoursCanBeRead(t *testing.T) {
	if got := contrast(t, "#fff", "#000000"); math.Abs(got-21) > 0.01 {
		t.Fatalf("white on black is %.2f, want 21", got)
	}
	light, dark := tokens(t)
	if a, b := slices.Sorted(maps.Keys(light)), slices.Sorted(maps.Keys(dark)); !slices.Equal(a, b) {
		t.Fatalf("light has %v, dark has %v", a, b)
	}
	pairs := []struct {
		on, ground string
		least      float64
	}{
		{"ink", "bg", 4.5}, {"ink", "surface", 4.5}, {"ink", "raised", 4.5}, {"ink", "brand-soft", 4.5},
		{"muted", "bg", 6}, {"muted", "surface", 6}, {"muted", "raised", 6}, {"muted", "brand-soft", 4.5},
		{"on-brand", "brand", 4.5}, {"brand-ink", "bg", 4.5}, {"brand-ink", "surface", 4.5}, {"brand-ink", "brand-soft", 4.5},
		{"danger", "surface", 4.5}, {"danger", "danger-soft", 4.5}, {"warn", "warn-soft", 4.5}, {"ok", "ok-soft", 4.5},
		{"line-strong", "surface", 3}, // the edge of an input, WCAG 1.4.11
	}
	for scheme, colours := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, p := range pairs {
			if got := contrast(t, colours[p.on], colours[p.ground]); got < p.least {
				t.Errorf("%s: %s on %s is %.2f, want %.1f", scheme, p.on, p.ground, got, p.least)
			}
		}
	}
}

func TestPoliciesAreStrictAndOnlyPagesThatMayLeaveLackFormAction(t *testing.T) {
	for class, formAction := range map[PageClass]string{PageStays: "'self'", PageMayLeave: "", PageMail: "'none'"} {
		directives := map[string]string{}
		for part := range strings.SplitSeq(CSP(class), ";") {
			name, sources, _ := strings.Cut(strings.TrimSpace(part), " ")
			directives[name] = sources
		}
		if got, ok := directives["form-action"]; got != formAction || ok != (formAction != "") {
			t.Errorf("class %d: form-action %q, want %q", class, got, formAction)
		}
		if directives["default-src"] != "'none'" || directives["base-uri"] != "'none'" || directives["frame-ancestors"] == "" {
			t.Errorf("class %d is open: %s", class, CSP(class))
		}
		if strings.Contains(directives["script-src"], "unsafe") {
			t.Errorf("class %d runs inline scripts", class)
		}
	}
}
