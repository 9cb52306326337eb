package server_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
)

// kept says of each table with rows of a person where the download has them. "" are those that it leaves out: a sign-in or sign-up under
// way, of which nobody is sure yet whose it is, and what is made of a password.
var kept = map[string]string{
	"acceptances": "accepted.0.version", "consents": "consents.0.client_id", "devices": "browsers.0.trusted", "emails": "addresses.0.address", "events": "events.0.kind",
	"flows": "", "grants": "apps.0.scopes", "identities": "ways_in.linked_accounts.0.said.email", "memberships": "profile.groups.0", "notices": "notices.0.kind",
	"passkeys": "ways_in.passkeys.0.name", "passwords": "ways_in.password.changed", "pictures": "picture.data", "recovery_codes": "ways_in.recovery_codes.left",
	"second_factors": "ways_in.second_factors.0.method", "sessions": "devices.0.signed_in", "sign_ups": "", "srp_verifiers": "", "totps": "ways_in.authenticator.since",
}

// ofPeople lists the tables that name a person.
func ofPeople(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../storage/migrations/sqlite/*.sql")
	if err != nil || len(files) < 10 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	tables := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[2], "user_id") {
				tables[m[1]] = true
			}
		}
		for _, m := range regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN user_id`).FindAllStringSubmatch(string(text), -1) {
			tables[m[1]] = true
		}
	}
	return tables
}

func TestTheDownloadHasARowOfEveryTableThatNamesAPerson(t *testing.T) {
	w := newWorld(t, "http://localhost:4283", unsettled, wide)
	there := newElsewhere(t, map[string]any{"sub": "ann-there", "email": "private@elsewhere.example"})
	w.connect(there, "staff", nil)
	w.thirdParty()
	w.choose(map[string]any{"sign_up": "open", "terms_url": "https://example.com/terms", "terms_version": "2026-11",
		"attributes": []map[string]any{{"name": "company", "type": "text", "asked": "required"}, {"name": "score", "type": "number", "by_admin": true}}})
	p := w.person()
	p.visit("/oidc/authorize?" + authorization().Encode())
	p.proves("ann@example.com")
	form := p.form("/sign-in/details")
	form.Set("company", "Example & Daughters")
	form.Set("accept", "1")
	p.post("/sign-in/details", form)
	form = p.form("/consent")
	form.Set("decision", "allow")
	p.post("/consent", form)
	back, err := url.Parse(p.left)
	if err != nil {
		t.Fatal(err)
	}
	tokens := w.exchanged(back.Query().Get("code"))
	p.visit("/account/password")
	p.submit("/account/password", "password", horse)
	p.links("staff")
	p.visit(there.answer(p.left))
	key := p.turnOn()
	p.visit("/account")
	p.post("/sign-out", url.Values{})
	w.age(90 * time.Second) // the next step of the authenticator
	p.visit("/sign-in")
	p.proves("ann@example.com")
	form = p.form("/sign-in/second-factor")
	form.Set("code", w.shown(key))
	form.Set("trust", "1")
	p.post("/sign-in/second-factor", form)
	p.visit("/account/passkey/new")
	said, err := passkeytest.New("http://localhost:4283").Create(p.question())
	if err != nil {
		t.Fatal(err)
	}
	p.submit("/account/passkey/new", "credential", said)
	id := strings.Split(strings.Split(p.screen.Body.String(), "/account/passkey?id=")[1], `"`)[0]
	p.post("/account/passkey/rename", url.Values{"id": {id}, "name": {"Laptop"}})
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	p.uploads(picture.Bytes())
	w.administer("PATCH", "/users/ann@example.com", map[string]any{"attributes": map[string]any{"score": 7}}, 200)
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertGroup(storage.Group{Name: "staff"}) }); err != nil {
		t.Fatal(err)
	}
	w.member("ann@example.com", "staff", true)

	p.visit("/account/data")
	file := p.screen.Body.String()
	var x any
	if err := json.Unmarshal([]byte(file), &x); err != nil {
		t.Fatalf("%s: %v", p.at, err)
	}
	tables := ofPeople(t)
	for table := range tables {
		path, known := kept[table]
		if !known {
			t.Errorf("nobody has said where the download has the rows of %s", table)
		}
		if path != "" && at(x, path) == nil {
			t.Errorf("the file has no %s, where the rows of %s should be", path, table)
		}
	}
	for table := range kept {
		if !tables[table] {
			t.Errorf("there is no table %s any more", table)
		}
	}
	for path, want := range map[string]any{
		"profile.claims.company": "Example & Daughters", "profile.claims.score": 7.0, "profile.groups.0": "staff", "accepted.0.document": "terms", "addresses.0.address": "ann@example.com",
		"ways_in.code": true, "ways_in.passkeys.0.name": "Laptop", "ways_in.recovery_codes.left": 10.0, "ways_in.second_factors.0.method": "totp", "ways_in.linked_accounts.0.subject": "ann-there",
		"ways_in.linked_accounts.0.provider": "Name of staff", "consents.0.client_id": "bookstore", "picture.media_type": "image/jpeg",
	} {
		if got := at(x, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for name, secret := range map[string]string{"an access token": tokens.Access, "a refresh token": tokens.Refresh, "the key of the authenticator": key, "a hash": "$argon2id$", "a public key": "public_key",
		"a cookie": p.jar.Cookies(w.url)[0].Value, "a digest": "digest", "something sealed": "sealed", "a nonce": "nonce"} {
		if strings.Contains(file, secret) {
			t.Errorf("%s is in the file", name)
		}
	}
}

// at finds a value by its path: names and numbers between dots.
func at(x any, path string) any {
	for _, step := range strings.Split(path, ".") {
		switch in := x.(type) {
		case map[string]any:
			x = in[step]
		case []any:
			if n := int(step[0] - '0'); n < len(in) {
				x = in[n]
				continue
			}
			return nil
		default:
			return nil
		}
	}
	return x
}
