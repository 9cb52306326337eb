package admin

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func TestNewApplicationShowsItsSecretOnceAndKeepsOnlyItsDigest(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Bookstore","framework":"nextjs"}`, &made)
	if !regexp.MustCompile(`^[a-z0-9]{24}$`).MatchString(made.ClientID) {
		t.Errorf("client_id is %q", made.ClientID)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(made.ClientSecret) {
		t.Errorf("client_secret is %q, want 256 bits of unreserved characters", made.ClientSecret)
	}
	var shown map[string]any
	o.must("GET", "/apps/"+made.ClientID, "", &shown)
	if _, there := shown["client_secret"]; there {
		t.Error("the secret can be read again")
	}
	rows, err := o.store.View(t.Context()).ClientSecrets(made.ClientID, o.now())
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d secrets, %v", len(rows), err)
	}
	if !bytes.Equal(rows[0].Digest, secret.Hash(made.ClientSecret)) || rows[0].Hint != made.ClientSecret[39:] {
		t.Errorf("kept %x, last four %q", rows[0].Digest, rows[0].Hint)
	}
	if got := o.events(); !slices.Equal(got, []string{"client.created"}) {
		t.Errorf("events are %v", got)
	}
}

func TestPresetsSetWhatTheFrameworkSends(t *testing.T) {
	o := newOffice(t)
	cases := []struct {
		body, kind, redirect, logout string
		secret, pkce, username       bool
	}{
		{`{"client_name":"A","framework":"nextjs"}`, "web", "http://localhost:3000/api/auth/callback/gatelatch", "http://localhost:3000", true, true, true},
		{`{"client_name":"A","framework":"express"}`, "web", "http://localhost:3000/logto/sign-in-callback", "http://localhost:3000", true, true, true},
		{`{"client_name":"A","framework":"spa"}`, "spa", "http://localhost:5173/callback", "http://localhost:5173", false, true, false},
		{`{"client_name":"A","framework":"native"}`, "native", "http://127.0.0.1/callback", "", false, true, false},
		{`{"client_name":"A","redirect_uris":["https://a.example/cb"]}`, "web", "https://a.example/cb", "", true, false, false},
		{`{"client_name":"A","framework":"generic","type":"native","redirect_uris":["com.example.a:/cb"]}`, "native", "com.example.a:/cb", "", false, true, false},
		{`{"client_name":"A","framework":"nextjs","redirect_uris":["https://a.example/api/auth/callback/logto"]}`, "web", "https://a.example/api/auth/callback/logto", "https://a.example", true, true, true},
		{`{"client_name":"A","framework":"nextjs","redirect_uris":["https://a.example"]}`, "web", "https://a.example/api/auth/callback/gatelatch", "https://a.example", true, true, true},
		{`{"client_name":"A","framework":"express","redirect_uris":["http://localhost:5000/"],"post_logout_redirect_uris":["http://localhost:5000/bye"]}`, "web", "http://localhost:5000/logto/sign-in-callback", "http://localhost:5000/bye", true, true, true},
		{`{"client_name":"A","redirect_uris":["https://a.example"]}`, "web", "https://a.example", "", true, false, false},
	}
	for _, c := range cases {
		var made AppWithSecret
		o.must("POST", "/apps", c.body, &made)
		logout := ""
		if len(made.PostLogoutRedirectURIs) > 0 {
			logout = made.PostLogoutRedirectURIs[0]
		}
		if made.Type != c.kind || made.RedirectURIs[0] != c.redirect || logout != c.logout || (made.ClientSecret != "") != c.secret ||
			made.RequirePKCE != c.pkce || made.UsernameClaim != c.username || made.Issuer != "http://localhost:4283/oidc" {
			t.Errorf("%s made %+v", c.body, made)
		}
	}
}

func TestDeviceNeedsNoAddressAndGetsNone(t *testing.T) {
	o := newOffice(t)
	for _, body := range []string{
		`{"client_name":"TV","framework":"native","grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}`,
		`{"client_name":"TV","type":"native","grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}`,
	} {
		var made AppWithSecret
		o.must("POST", "/apps", body, &made)
		if len(made.RedirectURIs)+len(made.PostLogoutRedirectURIs) > 0 {
			t.Errorf("%s is called back at %q and %q", body, made.RedirectURIs, made.PostLogoutRedirectURIs)
		}
		if guide := fmt.Sprint(made.Guide); !strings.Contains(guide, "/device_authorization") || strings.Contains(guide, "REDIRECT") {
			t.Errorf("%s: its guide is %s", body, guide)
		}
	}
}

func TestApplicationThatCannotWorkIsRefusedWithWhatToDo(t *testing.T) {
	o := newOffice(t)
	for body, want := range map[string]string{
		`{"client_name":"A"}`: "--redirect-uri",
		`{"client_name":"A","redirect_uris":["http://192.168.1.5/cb"]}`:                                                                "--allow-http",
		`{"client_name":"A","redirect_uris":["https://a.example/cb#x"]}`:                                                               "leave the # and what follows out",
		`{"client_name":"A","framework":"nextjs","type":"spa"}`:                                                                        "is of type web",
		`{"client_name":" ","redirect_uris":["https://a.example/cb"]}`:                                                                 "needs a name",
		`{"client_name":"A\nB","redirect_uris":["https://a.example/cb"]}`:                                                              "without line breaks",
		`{"client_name":"A","framework":"spa","allowed_origins":["https:"]}`:                                                           "not an origin",
		`{"client_name":"A","framework":"m2m","redirect_uris":["https://a.example/cb"]}`:                                               "signs nobody in",
		`{"client_name":"A","framework":"m2m","grant_types":["authorization_code"]}`:                                                   "Use type web for both",
		`{"client_name":"A","framework":"m2m","scope":"a\"b"}`:                                                                         "not a name of a scope",
		`{"client_name":"A","framework":"m2m","grant_types":["password"]}`:                                                             "is not one of",
		`{"client_name":"A","grant_types":["refresh_token"]}`:                                                                          "goes with authorization_code",
		`{"client_name":"A","framework":"spa","grant_types":["authorization_code","client_credentials"]}`:                              "cannot keep a secret",
		`{"client_name":"A","framework":"spa","grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:token-exchange"]}`: "cannot exchange tokens",
	} {
		if detail := o.refused(422, "POST", "/apps", body); !strings.Contains(detail, want) {
			t.Errorf("%s: got %q, want %q in it", body, detail, want)
		}
	}
	if clients, err := o.store.View(t.Context()).Clients(); err != nil || len(clients) != 0 {
		t.Errorf("%d applications were kept, %v", len(clients), err)
	}
}

func TestUpdateChangesOnlyWhatIsGiven(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Bookstore","framework":"nextjs"}`, &made)
	var after App
	o.must("PATCH", "/apps/"+made.ClientID, `{"redirect_uris":["http://192.168.1.5:3000/cb"],"allow_http":true,"id_token_signed_response_alg":"ES256"}`, &after)
	want := made.App
	want.RedirectURIs, want.AllowHTTP, want.IDTokenSignedResponseAlg = []string{"http://192.168.1.5:3000/cb"}, true, "ES256"
	if after.ClientName != want.ClientName || !slices.Equal(after.RedirectURIs, want.RedirectURIs) || !after.AllowHTTP ||
		after.IDTokenSignedResponseAlg != "ES256" || !slices.Equal(after.PostLogoutRedirectURIs, want.PostLogoutRedirectURIs) || len(after.Secrets) != 1 {
		t.Errorf("got %+v", after)
	}
	// What made an address acceptable cannot be taken away under it.
	if detail := o.refused(422, "PATCH", "/apps/"+made.ClientID, `{"allow_http":false}`); !strings.Contains(detail, "--allow-http") {
		t.Errorf("got %q", detail)
	}
	o.refused(404, "PATCH", "/apps/nobody", `{"client_name":"x"}`)
}

func TestOldSecretWorksForADayBesideTheNewOne(t *testing.T) {
	o := newOffice(t)
	var first, second, third AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Bookstore","framework":"nextjs"}`, &first)
	live := func() (hints []string) {
		rows, err := o.store.View(t.Context()).ClientSecrets(first.ClientID, o.now())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			hints = append(hints, r.Hint)
		}
		return hints
	}
	hint := func(a AppWithSecret) string { return a.ClientSecret[39:] }

	o.clock = o.clock.Add(time.Hour)
	o.must("POST", "/apps/"+first.ClientID+"/secrets", "", &second)
	if got := live(); !slices.Equal(got, []string{hint(second), hint(first)}) {
		t.Errorf("after one rotation %v are live", got)
	}
	o.clock = o.clock.Add(time.Hour)
	o.must("POST", "/apps/"+first.ClientID+"/secrets", "", &third)
	if got := live(); !slices.Equal(got, []string{hint(third), hint(second)}) {
		t.Errorf("after two rotations %v are live, want two", got)
	}
	o.clock = o.clock.Add(24*time.Hour - time.Second)
	if got := live(); len(got) != 2 {
		t.Errorf("before the day is over %v are live", got)
	}
	o.clock = o.clock.Add(2 * time.Second)
	if got := live(); !slices.Equal(got, []string{hint(third)}) {
		t.Errorf("after the day %v are live", got)
	}
	if got := o.events(); !slices.Equal(got, []string{"client.created", "client.secret_rotated", "client.secret_rotated"}) {
		t.Errorf("events are %v", got)
	}
}

func TestAnApplicationIsClosedAndOpenedAgain(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Bookstore","framework":"nextjs"}`, &made)
	for _, step := range []struct {
		verb   string
		closed bool
	}{{"disable", true}, {"disable", true}, {"enable", false}} {
		var shown App
		o.must("POST", "/apps/"+made.ClientID+"/"+step.verb, "", &shown)
		if shown.Disabled != step.closed || shown.ClientName != "Bookstore" {
			t.Errorf("after %s it is %+v", step.verb, shown)
		}
	}
	if got := o.events(); !slices.Equal(got, []string{"client.created", "client.disabled", "client.enabled"}) {
		t.Errorf("events are %v", got)
	}
	o.refused(404, "POST", "/apps/nobody/disable", "")
}

func TestPublicApplicationHasNoSecretToRotate(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Till","framework":"native"}`, &made)
	if detail := o.refused(409, "POST", "/apps/"+made.ClientID+"/secrets", ""); !strings.Contains(detail, "has no secret") {
		t.Errorf("got %q", detail)
	}
}

func TestDeletedApplicationIsGone(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Bookstore","framework":"nextjs"}`, &made)
	if status := o.call("DELETE", "/apps/"+made.ClientID, "", nil); status != 204 {
		t.Errorf("delete answered %d", status)
	}
	o.refused(404, "GET", "/apps/"+made.ClientID, "")
	o.refused(404, "DELETE", "/apps/"+made.ClientID, "")
}

func declared(id string, uris ...string) Declared {
	return Declared{Secret: strings.Repeat("s", 40), Client: storage.Client{ID: id, Name: id, Type: "web", Framework: "generic", RedirectURIs: uris}}
}

func TestStoreHoldsWhatTheFileDeclares(t *testing.T) {
	o := newOffice(t)
	declare := func(list ...Declared) {
		t.Helper()
		if err := Declare(t.Context(), o.store, list, o.now()); err != nil {
			t.Fatal(err)
		}
	}
	names := func() (ids []string) {
		clients, err := o.store.View(t.Context()).Clients()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			ids = append(ids, c.ID)
		}
		return ids
	}
	version := func() int64 {
		v, err := o.store.View(t.Context()).Version()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var own AppWithSecret
	o.must("POST", "/apps", `{"client_name":"z own","framework":"nextjs"}`, &own)

	declare(declared("a", "https://a.example/cb"), declared("b", "https://b.example/cb"))
	if got := names(); !slices.Equal(got, []string{"a", "b", own.ClientID}) {
		t.Fatalf("there are %v", got)
	}
	before := version()
	declare(declared("a", "https://a.example/cb"), declared("b", "https://b.example/cb"))
	if version() != before {
		t.Error("declaring the same again wrote something")
	}

	changed := declared("a", "https://a.example/other")
	changed.Secret = strings.Repeat("t", 40)
	declare(changed)
	if got := names(); !slices.Equal(got, []string{"a", own.ClientID}) {
		t.Errorf("after b was taken out there are %v", got)
	}
	var a App
	o.must("GET", "/apps/a", "", &a)
	if a.RedirectURIs[0] != "https://a.example/other" || !a.Declared || len(a.Secrets) != 1 || a.Secrets[0].LastFour != "tttt" {
		t.Errorf("a is %+v", a)
	}

	for _, call := range [][3]string{{"PATCH", "/apps/a", `{"client_name":"x"}`}, {"DELETE", "/apps/a", ""}, {"POST", "/apps/a/secrets", ""}} {
		if detail := o.refused(409, call[0], call[1], call[2]); !strings.Contains(detail, "configuration file") {
			t.Errorf("%v: got %q", call, detail)
		}
	}
	declare()
	if got := names(); !slices.Equal(got, []string{own.ClientID}) {
		t.Errorf("with nothing declared there are %v", got)
	}
}

func TestDeclarationThatCannotBeSavedNamesTheApplication(t *testing.T) {
	o := newOffice(t)
	err := Declare(t.Context(), o.store, []Declared{declared("shop", "https://*.example/cb")}, o.now())
	if err == nil || !strings.Contains(err.Error(), "shop") || !strings.Contains(err.Error(), "has a *") {
		t.Errorf("got %v", err)
	}
	var own AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Own","framework":"nextjs"}`, &own)
	err = Declare(t.Context(), o.store, []Declared{declared(own.ClientID, "https://a.example/cb")}, o.now())
	if err == nil || !strings.Contains(err.Error(), "Choose another client_id") {
		t.Errorf("an application made by command was taken over: %v", err)
	}
}
