package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// office is an Admin over a real store, with a clock that only moves when told.
type office struct {
	*Admin
	t     *testing.T
	store *storage.Store
	clock time.Time
	log   *bytes.Buffer
	admin bool // what IsAdmin answers
}

func newOffice(t *testing.T) *office {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{t: t, store: store, clock: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(o.log, nil))
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))})
	if err != nil {
		t.Fatal(err)
	}
	o.Admin = New(
		Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost:4283"}, Issuer: "http://localhost:4283/oidc", Version: "v0", Mail: "inbox", Listen: "127.0.0.1:4283"},
		Deps{
			Store: store, Secrets: keys, Log: log, Now: func() time.Time { return o.clock },
			People: authn.New(authn.Config{}, authn.Deps{Store: store, Keys: keys, Now: func() time.Time { return o.clock }, Log: log}),
			OpenMail: func(c storage.Captured) (Mail, error) {
				var m Mail
				return m, json.Unmarshal(c.Sealed, &m)
			},
			IsAdmin: func(*http.Request) bool { return o.admin },
			Frame: func(http.ResponseWriter, *http.Request) views.Frame {
				return views.Frame{Words: words.For("en"), Host: "localhost:4283"}
			},
			Pages: web.Edge{
				Log: log, Translate: func(error) *web.Error { return nil },
				Show: func(w http.ResponseWriter, _ *http.Request, e *web.Error) { w.WriteHeader(e.Status) },
			},
		})
	return o
}

// call does an operation and returns its status; the answer goes into out, unless that is nil.
func (o *office) call(method, path, body string, out any) int {
	o.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	o.API().ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Body)
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			o.t.Fatalf("%s %s answered %d with what is not JSON: %s", method, path, w.Code, answer)
		}
	}
	return w.Code
}

// must is call for operations that have to work.
func (o *office) must(method, path, body string, out any) {
	o.t.Helper()
	var raw json.RawMessage
	status := o.call(method, path, body, &raw)
	if status >= 300 {
		o.t.Fatalf("%s %s answered %d: %s", method, path, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			o.t.Fatal(err)
		}
	}
}

// refused is call for operations that must not work; it returns what the problem document says.
func (o *office) refused(status int, method, path, body string) string {
	o.t.Helper()
	var doc struct {
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}
	if got := o.call(method, path, body, &doc); got != status || doc.Status != status {
		o.t.Errorf("%s %s %s answered %d %q, want %d", method, path, body, got, doc.Detail, status)
	}
	return doc.Detail
}

// pages is the handler of the pages.
func (o *office) pages() http.Handler {
	mux := http.NewServeMux()
	o.Mount(mux)
	return mux
}

// events are the names of what happened, the oldest first.
func (o *office) events() (kinds []string) {
	o.t.Helper()
	events, err := o.store.View(o.t.Context()).Events(storage.ID{}, 100)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range events {
		kinds = append([]string{e.Kind}, kinds...)
	}
	return kinds
}

func (o *office) write(f func(storage.Tx) error) {
	o.t.Helper()
	if err := o.store.Write(o.t.Context(), f); err != nil {
		o.t.Fatal(err)
	}
}

func TestHealthSaysWhatServerThisIs(t *testing.T) {
	o := newOffice(t)
	var h Health
	o.must("GET", "/health", "", &h)
	if want := (Health{Status: "ok", Version: "v0", PublicURL: "http://localhost:4283", Issuer: "http://localhost:4283/oidc", Mail: "inbox", Listen: "127.0.0.1:4283"}); h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
}

func TestUnreachableStoreIsNotHealthyAndSaysSoWithoutItsReason(t *testing.T) {
	o := newOffice(t)
	if err := o.store.Close(); err != nil {
		t.Fatal(err)
	}
	if detail := o.refused(503, "GET", "/health", ""); strings.Contains(detail, "closed") {
		t.Errorf("the answer gives the reason away: %s", detail)
	}
	if !strings.Contains(o.log.String(), "closed") {
		t.Errorf("the log does not say why: %s", o.log)
	}
}

func TestDescriptionOfTheAPIIsOpenAPI31AndComplete(t *testing.T) {
	o := newOffice(t)
	var doc struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
	}
	o.must("GET", "/openapi.json", "", &doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("openapi is %q", doc.OpenAPI)
	}
	operations := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations++
			if op["summary"] == "" || op["operationId"] == "" {
				t.Errorf("%s %s has no summary or name", method, path)
			}
		}
	}
	if operations != 60 {
		t.Errorf("%d operations are described, want 60", operations)
	}
}

func TestUnknownAddressFieldAndParameterAreNamed(t *testing.T) {
	o := newOffice(t)
	if detail := o.refused(404, "GET", "/nothing", ""); !strings.Contains(detail, "openapi.json") {
		t.Errorf("got %q", detail)
	}
	o.refused(422, "POST", "/apps", `{"client_name":"A","redirect_url":"https://a.example"}`)
	o.refused(422, "GET", "/users?serach=a", "")
	o.refused(422, "GET", "/users?cursor=zz", "")
	o.refused(400, "POST", "/apps", `{"client_name":`)
}
