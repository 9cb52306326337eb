package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestWhoeverHasLostEveryWayInGetsInOnceByTheAdministratorsWord(t *testing.T) {
	w := newWorld(t, "https://id.example.com", wide)
	w.atHome("ann@example.com")
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/api/v1/users/ann@example.com/links", strings.NewReader(`{"recover":true}`))
	r.Header.Set("Content-Type", "application/json")
	w.api.ServeHTTP(rec, r)
	var made struct{ Link string }
	if err := json.Unmarshal(rec.Body.Bytes(), &made); err != nil || rec.Code != 201 || !strings.HasPrefix(made.Link, "https://id.example.com/sign-in/letter?t=") {
		t.Fatalf("got %d %s", rec.Code, rec.Body)
	}
	link, err := url.Parse(made.Link)
	if err != nil {
		t.Fatal(err)
	}
	strange := w.request("POST", "/sign-in/letter", url.Values{"t": {link.Query().Get("t")}})
	strange.Header.Set("Origin", "https://evil.example")
	if got := w.do(strange); got.Code != 403 {
		t.Errorf("from another site: got %d, want 403", got.Code)
	}
	p := w.person()
	for range 2 {
		p.visit(link.RequestURI())
	}
	p.post("/sign-in/letter", p.form("/sign-in/letter"))
	if !strings.HasPrefix(p.at, "/account") || p.screen.Code != 200 {
		t.Fatalf("got %d at %s", p.screen.Code, p.at)
	}
	p.visit("/oidc/authorize?" + authorization().Encode())
	if p.left != "" {
		t.Errorf("an application was answered: %s", p.left)
	}
	if p.visit(link.RequestURI()); p.screen.Code != 410 {
		t.Errorf("once more: got %d, want 410", p.screen.Code)
	}
	if log := w.log.text(); strings.Contains(log, link.Query().Get("t")) || strings.Contains(log, "ann@") {
		t.Error("the log holds the link or the address")
	}
}
