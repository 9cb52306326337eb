package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// Between the look at a session and what is granted in it, the session may end: nothing is granted then that would outlive it.
func TestNothingIsGrantedInASessionThatEndsMeanwhile(t *testing.T) {
	const ann = "ann@example.com"
	w := newWorld(t, "http://localhost:4283", wide)
	w.changeApp("bookstore", grantsDevices)
	ends := func(words string) (happened *bool) {
		happened = new(bool)
		w.asked.before(words, func() {
			w.administer("POST", "/users/"+ann+"/disable", nil, http.StatusOK)
			w.administer("POST", "/users/"+ann+"/enable", nil, http.StatusOK)
			*happened = true
		})
		return happened
	}

	p := w.atHome(ann)
	happened := ends("FROM memberships")
	p.visit("/oidc/authorize?" + authorization().Encode())
	if !*happened || p.left != "" {
		t.Errorf("an application (%v): left for %q", *happened, p.left)
	}

	p = w.atHome(ann)
	var asked map[string]any
	if err := json.Unmarshal(w.asBookstore("/device_authorization", "scope", "openid").Body.Bytes(), &asked); err != nil {
		t.Fatal(err)
	}
	p.post("/device", url.Values{"user_code": {text(asked, "user_code")}})
	form := p.form("/device/confirm")
	form.Set("decision", "allow")
	happened = ends("FROM memberships")
	p.post("/device/confirm", form)
	if got := w.asBookstore("/token", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", text(asked, "device_code")); !*happened || got.Code != http.StatusBadRequest {
		t.Errorf("a device (%v): got %d %s", *happened, got.Code, got.Body)
	}
}
