package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/storage"
)

func TestPersonIsFoundBySubAndByAnySpellingOfTheAddress(t *testing.T) {
	o := newOffice(t)
	var ann User
	o.must("POST", "/users", `{"email":"Ann@Example.com","name":"Ann Example"}`, &ann)
	if ann.Email != "ann@example.com" || ann.Username != "ann" || !ann.Verified || ann.Name != "Ann Example" || ann.Status != "active" || ann.Role != "none" {
		t.Errorf("made %+v", ann)
	}
	for _, name := range []string{ann.Sub, "ann@example.com", "ANN@EXAMPLE.COM"} {
		var found User
		o.must("GET", "/users/"+name, "", &found)
		if found.Sub != ann.Sub {
			t.Errorf("%s finds %+v", name, found)
		}
	}
	if detail := o.refused(409, "POST", "/users", `{"email":"ann@EXAMPLE.com"}`); !strings.Contains(detail, "Somebody has the address") {
		t.Errorf("got %q", detail)
	}
	o.refused(422, "POST", "/users", `{"email":"not an address"}`)
	o.refused(422, "POST", "/users", `{"email":"ben@example.com","name":"B\nen"}`)
	o.refused(404, "GET", "/users/ben@example.com", "")
	o.refused(404, "GET", "/users/"+storage.NewID().String(), "")
	o.refused(404, "GET", "/users/ben", "")
	if got := o.events(); !slices.Equal(got, []string{"user.created"}) {
		t.Errorf("events are %v", got)
	}
}

func TestDisablingEndsSessionsAndGrantsAtOnce(t *testing.T) {
	o := newOffice(t)
	var ann User
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &ann)
	id, err := storage.ParseID(ann.Sub)
	if err != nil {
		t.Fatal(err)
	}
	session := storage.Session{ID: storage.NewID(), Digest: []byte("digest"), UserID: id, AuthTime: o.now(), Seen: o.now(), Expires: o.now() + time.Hour.Microseconds()}
	grant := storage.Grant{ID: storage.NewID(), ClientID: "shop", UserID: id, SessionID: session.ID, Secret: []byte("secret"), Expires: o.now() + time.Hour.Microseconds()}
	o.write(func(tx storage.Tx) error {
		if err := tx.InsertSession(session); err != nil {
			return err
		}
		return tx.InsertGrant(grant)
	})

	var after User
	o.must("POST", "/users/ann@example.com/disable", "", &after)
	o.must("POST", "/users/ann@example.com/disable", "", &after) // again changes nothing
	if after.Status != "disabled" {
		t.Errorf("status is %q", after.Status)
	}
	if s, err := o.store.View(t.Context()).Session(session.ID); err != nil || s.RevokedAt == 0 {
		t.Errorf("the session lives: %+v, %v", s, err)
	}
	if g, err := o.store.View(t.Context()).Grant(grant.ID); err != nil || g.RevokedAt == 0 {
		t.Errorf("the grant lives: %+v, %v", g, err)
	}
	o.must("POST", "/users/"+ann.Sub+"/enable", "", &after)
	if after.Status != "active" {
		t.Errorf("status is %q", after.Status)
	}
	if s, _ := o.store.View(t.Context()).Session(session.ID); s.RevokedAt == 0 {
		t.Error("enabling brought the session back")
	}
	if got := o.events(); !slices.Equal(got, []string{"user.created", "user.disabled", "user.enabled"}) {
		t.Errorf("events are %v", got)
	}
}

func TestLastOwnerCannotBeTakenAway(t *testing.T) {
	o := newOffice(t)
	owner := storage.User{ID: storage.NewID(), Status: "active", Role: "owner", Created: o.now(), Updated: o.now()}
	o.write(func(tx storage.Tx) error { return tx.InsertUser(owner) })
	for _, call := range [][2]string{{"DELETE", ""}, {"POST", "/disable"}} {
		if detail := o.refused(409, call[0], "/users/"+owner.ID.String()+call[1], ""); !strings.Contains(detail, "last owner") {
			t.Errorf("%v: got %q", call, detail)
		}
	}
}

func TestDeletedPersonLeavesTheAddressFree(t *testing.T) {
	o := newOffice(t)
	var first, second User
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &first)
	if status := o.call("DELETE", "/users/ann@example.com", "", nil); status != 204 {
		t.Errorf("delete answered %d", status)
	}
	o.refused(404, "GET", "/users/"+first.Sub, "")
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &second)
	if second.Sub == first.Sub {
		t.Error("the same sub was given twice")
	}
}

func TestListOfPeopleComesInPagesAndCanBeSearched(t *testing.T) {
	o := newOffice(t)
	for i := range 7 {
		o.must("POST", "/users", fmt.Sprintf(`{"email":"p%d@example.com","name":"Person %d"}`, i, i), nil)
	}
	var seen []string
	cursor := ""
	for pages := 0; ; pages++ {
		var page struct {
			Users      []User
			NextCursor string `json:"next_cursor"`
		}
		o.must("GET", "/users?limit=3&cursor="+cursor, "", &page)
		for _, u := range page.Users {
			seen = append(seen, u.Email[:2])
		}
		if cursor = page.NextCursor; cursor == "" {
			if pages != 2 {
				t.Errorf("7 people came in %d pages of 3", pages+1)
			}
			break
		}
	}
	if want := []string{"p6", "p5", "p4", "p3", "p2", "p1", "p0"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
	var found struct{ Users []User }
	o.must("GET", "/users?search=son+4", "", &found)
	if len(found.Users) != 1 || found.Users[0].Email != "p4@example.com" {
		t.Errorf("search found %+v", found.Users)
	}
	o.refused(422, "GET", "/users?limit=201", "")
}
