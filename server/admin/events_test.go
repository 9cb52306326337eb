package admin

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

// listedEvents asks for events and returns their kinds.
func (o *office) listedEvents(query string) (kinds []string, page struct {
	Events     []Event
	NextCursor string `json:"next_cursor"`
}) {
	o.t.Helper()
	o.must("GET", "/events?"+query, "", &page)
	for _, e := range page.Events {
		kinds = append(kinds, e.Kind)
	}
	return kinds, page
}

// allEvents are the rows of the log, newest first.
func (o *office) allEvents() []storage.Event {
	o.t.Helper()
	rows, err := o.store.View(o.t.Context()).Events(storage.ID{}, 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	return rows
}

func TestEventsAreFoundByPersonKindApplicationAndTime(t *testing.T) {
	o := newOffice(t)
	var ann, ben User
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &ann)
	o.must("POST", "/users", `{"email":"ben@example.com"}`, &ben)
	o.must("POST", "/users/"+ann.Sub+"/disable", "", nil)
	var app AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"]}`, &app)
	id, err := storage.ParseID(ann.Sub)
	if err != nil {
		t.Fatal(err)
	}
	o.write(func(tx storage.Tx) error {
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSignedIn, Actor: "user:" + ann.Sub, UserID: id, ClientID: app.ClientID, IP: "192.0.2.1", Device: "Firefox (Linux)", Detail: "otp"})
	})
	for query, want := range map[string][]string{
		"":                          {"session.signed_in", "client.created", "user.disabled", "user.created", "user.created"},
		"user=ann@example.com":      {"session.signed_in", "user.disabled", "user.created"},
		"user=" + ben.Sub:           {"user.created"},
		"kind=user":                 {"user.disabled", "user.created", "user.created"},
		"kind=user.created":         {"user.created", "user.created"},
		"kind=use":                  nil,
		"client_id=" + app.ClientID: {"session.signed_in", "client.created"},
		"kind=user&user=" + ann.Sub: {"user.disabled", "user.created"},
		"since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339):               nil,
		"since=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + "&limit=1": {"session.signed_in"},
	} {
		if got, _ := o.listedEvents(query); !slices.Equal(got, want) {
			t.Errorf("?%s: got %v, want %v", query, got, want)
		}
	}
	_, page := o.listedEvents("limit=1")
	e := page.Events[0]
	if want := (Event{ID: e.ID, At: e.At, Kind: "session.signed_in", Actor: "user:" + ann.Sub, ActorEmail: "ann@example.com", User: ann.Sub, UserEmail: "ann@example.com",
		ClientID: app.ClientID, ClientName: "Shop", IP: "192.0.2.1", Device: "Firefox (Linux)", Detail: "otp"}); e != want || time.Since(e.At) > time.Hour {
		t.Errorf("got %+v, want %+v", e, want)
	}
	var walked []string
	for cursor := ""; ; {
		kinds, page := o.listedEvents("limit=2&cursor=" + cursor)
		walked = append(walked, kinds...)
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(walked) != 5 {
		t.Errorf("page by page: got %v", walked)
	}
}

func TestEventsOfSomebodyWhoIsGoneAreFoundBySubAndHaveNoAddress(t *testing.T) {
	o := newOffice(t)
	var ann User
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &ann)
	if status := o.call("DELETE", "/users/"+ann.Sub, "", nil); status != 204 {
		t.Fatalf("deleting answered %d", status)
	}
	kinds, page := o.listedEvents("user=" + ann.Sub)
	if !slices.Equal(kinds, []string{"user.deleted", "user.created"}) || page.Events[0].UserEmail != "" || page.Events[0].User != ann.Sub {
		t.Errorf("got %+v", page.Events)
	}
	o.refused(404, "GET", "/events?user=ann@example.com", "")
}

func TestWhatIsNoKindOrTimeOfAnEventIsRefused(t *testing.T) {
	o := newOffice(t)
	for _, query := range []string{"kind=" + url.QueryEscape("user.%"), "kind=User", "kind=a.b.c", "since=yesterday", "cursor=x", "limit=0", "limit=201"} {
		o.refused(422, "GET", "/events?"+query, "")
	}
}

func TestChangesAreInTheLogWithWhatWasBeforeAndAfterAndWithoutSecrets(t *testing.T) {
	o := newOffice(t)
	detail := func(kind string) string {
		t.Helper()
		_, page := o.listedEvents("limit=1&kind=" + kind)
		if len(page.Events) == 0 {
			t.Fatalf("no event %s", kind)
		}
		return page.Events[0].Detail
	}
	var app AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"]}`, &app)
	o.must("PATCH", "/apps/"+app.ClientID, `{"client_name":"Books","require_pkce":true,"redirect_uris":["https://shop.example/cb","https://books.example/cb"],"max_session_age":3600}`, nil)
	if got, want := detail("client.updated"), "client_name: Shop → Books; max_session_age: none → 3600; redirect_uris: https://shop.example/cb → https://shop.example/cb https://books.example/cb; require_pkce: false → true"; got != want {
		t.Errorf("an application: got %q, want %q", got, want)
	}
	o.must("PATCH", "/apps/"+app.ClientID, `{"jwks":{"keys":[{"kty":"EC","crv":"P-256","kid":"1","alg":"ES256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]},"token_endpoint_auth_method":"private_key_jwt"}`, nil)
	if got := detail("client.updated"); !strings.Contains(got, "token_endpoint_auth_method: client_secret_basic → private_key_jwt") || !strings.Contains(got, `"kid":"1"`) {
		t.Errorf("keys of an application: got %q", got)
	}
	var amplify AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Photos","framework":"amplify"}`, &amplify)
	o.must("PATCH", "/apps/"+amplify.ClientID, `{"cognito":false,"cognito_srp":false}`, nil)
	if got, want := detail("client.updated"), "cognito: true → none; cognito_srp: true → none"; got != want {
		t.Errorf("the Cognito API: got %q, want %q", got, want)
	}

	o.must("POST", "/resources", `{"resource":"https://api.example","name":"Notes","alg":"ES256"}`, nil)
	o.must("PATCH", "/resource?resource=https://api.example", `{"name":"Notes; alg: x","scopes":[{"name":"notes:read"}],"opaque":true}`, nil)
	if got, want := detail("resource.updated"), `https://api.example; name: Notes → "Notes; alg: x"; opaque: false → true; scopes: none → {"name":"notes:read"}`; got != want {
		t.Errorf("an API: got %q, want %q", got, want)
	}

	o.must("POST", "/connections", `{"kind":"google","client_id":"one","client_secret":"first-secret"}`, nil)
	o.must("PATCH", "/connections/google", `{"client_secret":"second-secret","domains":["example.com"],"trusted":false}`, nil)
	if got, want := detail("connection.updated"), "google; domains: none → example.com; trusted: true → false; client_secret"; got != want {
		t.Errorf("a connection: got %q, want %q", got, want)
	}

	o.must("POST", "/users", `{"email":"ann@example.com"}`, nil)
	o.must("POST", "/users/ann@example.com/role", `{"role":"owner"}`, nil)
	if got, want := detail("user.role_changed"), "none → owner"; got != want {
		t.Errorf("a role: got %q, want %q", got, want)
	}
	o.must("PATCH", "/users/ann@example.com", `{"name":"Ann Example","address":{"locality":"Oldtown","country":"Wonderland"}}`, nil)
	o.must("PATCH", "/users/ann@example.com", `{"name":"Ann Example","nickname":"Annie","address":{"locality":"Newtown","country":"Wonderland"}}`, nil)
	if got, want := detail("user.changed"), "address.locality nickname"; got != want {
		t.Errorf("a person: got %q, want %q", got, want)
	}
	o.must("PATCH", "/experience", `{"terms_url":"https://example.com/terms","terms_version":"2"}`, nil)
	if got, want := detail("setting.changed"), "terms_url: none → https://example.com/terms; terms_version: none → 2"; got != want {
		t.Errorf("a setting: got %q, want %q", got, want)
	}

	o.must("POST", "/groups", `{"name":"staff"}`, nil)
	for range 2 {
		o.must("POST", "/users/ann@example.com/join?name=staff", "", nil)
	}
	if kinds, _ := o.listedEvents("kind=user.group_joined"); len(kinds) != 1 {
		t.Errorf("who was a member already has joined again: %v", kinds)
	}
	log, _ := json.Marshal(o.allEvents())
	for _, secret := range []string{"first-secret", "second-secret", app.ClientSecret, app.ClientSecret[len(app.ClientSecret)-4:] + `"`, "Newtown", "Annie"} {
		if strings.Contains(string(log), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestChangesOfTheConfigurationFileAreInTheLogWithWhatWasBeforeAndAfter(t *testing.T) {
	o := newOffice(t)
	declare := func(name, secret string) {
		t.Helper()
		c := storage.Client{ID: "shop", Name: name, Type: "web", Framework: "generic", RedirectURIs: []string{"https://shop.example/cb"}}
		if err := Declare(t.Context(), o.store, []Declared{{Client: c, Secret: secret}}, o.now()); err != nil {
			t.Fatal(err)
		}
	}
	declare("Shop", "a secret of more than thirty-two characters")
	declare("Books", "a secret of more than thirty-two characters")
	declare("Books", "another secret of more than thirty-two characters")
	var got []string
	for _, e := range o.allEvents() {
		if e.Kind == storage.EventClientUpdated || e.Kind == storage.EventClientCreated {
			got = append(got, e.Actor+" "+e.Detail)
		}
	}
	if want := []string{"system client_secret", "system client_name: Shop → Books", "system "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
