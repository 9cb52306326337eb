package admin

import (
	"slices"
	"testing"

	"gatelatch/storage"
)

func TestConsentsAreListedAndTakenBack(t *testing.T) {
	o := newOffice(t)
	var ann User
	o.must("POST", "/users", `{"email":"ann@example.com"}`, &ann)
	var app AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Reader","first_party":false,"redirect_uris":["https://reader.example/cb"],"tos_uri":"https://reader.example/terms"}`, &app)
	if app.FirstParty || app.TermsURL != "https://reader.example/terms" {
		t.Errorf("made %+v", app.App)
	}
	id, err := storage.ParseID(ann.Sub)
	if err != nil {
		t.Fatal(err)
	}
	o.write(func(tx storage.Tx) error {
		return tx.PutConsent(storage.Consent{UserID: id, ClientID: app.ClientID, Scopes: []string{"email", "openid"}, Created: o.now(), Updated: o.now()})
	})
	var list struct{ Consents []Consent }
	o.must("GET", "/users/ann@example.com/consents", "", &list)
	if len(list.Consents) != 1 || list.Consents[0].ClientName != "Reader" || !slices.Equal(list.Consents[0].Scopes, []string{"email", "openid"}) || list.Consents[0].Expires != nil {
		t.Errorf("listed %+v", list)
	}
	if status := o.call("DELETE", "/users/"+ann.Sub+"/consents/"+app.ClientID, "", nil); status != 204 {
		t.Errorf("taking it back answered %d", status)
	}
	o.refused(404, "DELETE", "/users/ann@example.com/consents/"+app.ClientID, "")
	o.must("GET", "/users/ann@example.com/consents", "", &list)
	if len(list.Consents) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	if got := o.events(); got[len(got)-1] != storage.EventConsentRevoked {
		t.Errorf("events are %v", got)
	}
}

func TestAnAppIsFirstPartyUntilSomebodySaysOtherwiseAndLinksAreChecked(t *testing.T) {
	o := newOffice(t)
	var app AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"]}`, &app)
	if !app.FirstParty {
		t.Error("an app made by command is not first-party")
	}
	for _, uri := range []string{"javascript:alert(1)", "http://shop.example/terms", "shop.example/terms", "https://a@shop.example/terms"} {
		o.refused(422, "PATCH", "/apps/"+app.ClientID, `{"policy_uri":"`+uri+`"}`)
	}
	var changed App
	o.must("PATCH", "/apps/"+app.ClientID, `{"first_party":false,"policy_uri":"https://shop.example/privacy"}`, &changed)
	if changed.FirstParty || changed.PolicyURL != "https://shop.example/privacy" {
		t.Errorf("changed %+v", changed)
	}
}
