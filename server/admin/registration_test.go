package admin

import (
	"bytes"
	"testing"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func TestInitialAccessTokensAreMadeListedAndEnded(t *testing.T) {
	o := newOffice(t)
	var made RegistrationTokenWithText
	o.must("POST", "/registration/tokens", `{"expires_in":3600,"uses":3}`, &made)
	if made.Token == "" || made.Uses != 3 || made.Used != 0 || made.Expires.Sub(*made.Created).Seconds() != 3600 {
		t.Errorf("made %+v", made)
	}
	kept, err := o.store.View(t.Context()).RegistrationTokens(0)
	if err != nil || len(kept) != 1 || !bytes.Equal(kept[0].Digest, secret.Hash(made.Token)) {
		t.Errorf("kept %+v (%v), want the digest of the token", kept, err)
	}
	var plain RegistrationTokenWithText
	o.must("POST", "/registration/tokens", `{}`, &plain)
	if plain.Uses != 1 || plain.Expires.Sub(*plain.Created).Hours() != 24 {
		t.Errorf("without wishes: %+v", plain)
	}
	o.refused(422, "POST", "/registration/tokens", `{"uses":0}`)
	o.refused(422, "POST", "/registration/tokens", `{"expires_in":1}`)
	if status := o.call("DELETE", "/registration/tokens/"+made.ID, "", nil); status != 204 {
		t.Errorf("ending it answered %d", status)
	}
	o.refused(404, "DELETE", "/registration/tokens/"+made.ID, "")
	o.refused(404, "DELETE", "/registration/tokens/x", "")
	var list struct{ Tokens []RegistrationToken }
	o.must("GET", "/registration/tokens", "", &list)
	if len(list.Tokens) != 1 || list.Tokens[0].ID != plain.ID {
		t.Errorf("listed %+v", list)
	}
	if got := o.events(); got[len(got)-1] != storage.EventTokenDeleted {
		t.Errorf("events are %v", got)
	}
}
