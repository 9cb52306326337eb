package admin

import (
	"net/url"
	"slices"
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
