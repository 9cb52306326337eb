package admin

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gatelatch/server/safehttp"
)

// published answers for the Internet: addresses and what they serve.
type published map[string]string

func (p published) Get(_ context.Context, address, _ string) (safehttp.Answer, error) {
	body, ok := p[address]
	if !ok {
		return safehttp.Answer{}, errors.New("nobody is there")
	}
	return safehttp.Answer{Status: 200, Body: []byte(body)}, nil
}

// OpenID Connect Core §8.1, Registration §5.
func TestSectorOfPairwiseSubjectsIsOneThatListsTheApplication(t *testing.T) {
	o := newOffice(t)
	o.deps.Outgoing = published{
		"https://group.example/uris": `["https://a.example/cb","https://b.example/cb"]`,
		"https://other.example/uris": `["https://other.example/cb"]`,
		"https://none.example/uris":  `{}`,
	}
	both := `"redirect_uris":["https://a.example/cb","https://b.example/cb"],"subject_type":"pairwise"`
	for body, want := range map[string]string{
		`{"client_name":"A",` + both + `}`: "Set sector_identifier_uri",
		`{"client_name":"A",` + both + `,"sector_identifier_uri":"https://other.example/uris"}`:                             "does not list https://a.example/cb",
		`{"client_name":"A",` + both + `,"sector_identifier_uri":"https://none.example/uris"}`:                              "JSON list",
		`{"client_name":"A",` + both + `,"sector_identifier_uri":"https://gone.example/uris"}`:                              "cannot be read",
		`{"client_name":"A",` + both + `,"sector_identifier_uri":"http://group.example/uris"}`:                              "must be https",
		`{"client_name":"A","redirect_uris":["https://a.example/cb"],"sector_identifier_uri":"https://group.example/uris"}`: "set subject_type too",
	} {
		if detail := o.refused(422, "POST", "/apps", body); !strings.Contains(detail, want) {
			t.Errorf("%s: got %q, want %q in it", body, detail, want)
		}
	}
	var app AppWithSecret
	o.must("POST", "/apps", `{"client_name":"A",`+both+`,"sector_identifier_uri":"https://group.example/uris"}`, &app)
	if c, err := o.store.View(t.Context()).Client(app.ClientID); err != nil || c.Settings.Sector != "group.example" || app.SubjectType != "pairwise" {
		t.Fatalf("got %+v, %v", c.Settings, err)
	}
	if detail := o.refused(422, "PATCH", "/apps/"+app.ClientID, `{"redirect_uris":["https://c.example/cb"]}`); !strings.Contains(detail, "does not list https://c.example/cb") {
		t.Errorf("an address outside of the sector: got %q", detail)
	}
	o.must("POST", "/apps", `{"client_name":"B","redirect_uris":["https://b.example/cb","https://b.example/other"],"subject_type":"pairwise"}`, &app)
	if c, err := o.store.View(t.Context()).Client(app.ClientID); err != nil || c.Settings.Sector != "b.example" {
		t.Fatalf("got %+v, %v", c.Settings, err)
	}
}
