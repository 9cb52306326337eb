package oidc

import (
	"database/sql"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/storage"
)

// operations are the calls that a provider answers all day, each as a client makes it. prepare runs outside of what is measured
// and returns the request.
func operations(w *world) []struct {
	name          string
	reads, writes int64 // statements that read, and units of work that write
	prepare       func() *http.Request
} {
	form := func(path, client string, values url.Values) *http.Request {
		r := httptest.NewRequest("POST", path, strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(client, testSecret)
		return r
	}
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "es")
	refresh := func() *http.Request {
		return form("/oidc/token", "es", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.tokens(cookie, "es").text("refresh_token")}})
	}
	machine := w.machine("robot").text("access_token")
	return []struct {
		name          string
		reads, writes int64
		prepare       func() *http.Request
	}{
		{"exchange", 1, 1, func() *http.Request {
			return form("/oidc/token", "es", exchangeForm(w.code(cookie, "es")))
		}},
		{"refresh", 1, 1, refresh},
		{"client_credentials", 0, 0, func() *http.Request {
			return form("/oidc/token", "robot", url.Values{"grant_type": {"client_credentials"}})
		}},
		{"introspection", 1, 0, func() *http.Request {
			return form("/oidc/introspect", "es", url.Values{"token": {first.text("access_token")}})
		}},
		{"introspection of a refresh token", 1, 0, func() *http.Request {
			return form("/oidc/introspect", "es", url.Values{"token": {first.text("refresh_token")}})
		}},
		{"introspection of a machine's token", 1, 0, func() *http.Request {
			return form("/oidc/introspect", "robot", url.Values{"token": {machine}})
		}},
		{"userinfo", 1, 0, func() *http.Request {
			r := httptest.NewRequest("GET", "/oidc/userinfo", nil)
			r.Header.Set("Authorization", "Bearer "+first.text("access_token"))
			return r
		}},
	}
}

// newCounted is a world for operations, and the counters of what its store does.
func newCounted(t testing.TB) (w *world, reads, writes *atomic.Int64) {
	reads, writes = &atomic.Int64{}, &atomic.Int64{}
	w = newWorld(t)
	w.trace = func(query string) {
		switch {
		case strings.Contains(query, "FROM versions"): // once a second, for the caches; it belongs to no request
		case strings.HasPrefix(query, "SELECT"):
			reads.Add(1)
		default:
			writes.Add(1)
		}
	}
	w.start(1)
	w.addClient("es", "web", func(c *storage.Client) { c.Settings.IDTokenAlg = ES256 })
	w.addMachine("robot", "a")
	return w, reads, writes
}

// One row of a grant is read and changed, and nothing else happens.
func TestOperationsReadAndWriteNoMoreThanTheyMust(t *testing.T) {
	w, reads, writes := newCounted(t)
	for _, op := range operations(w) {
		prepared := op.prepare()
		reads.Store(0)
		writes.Store(0)
		if res := w.do(prepared); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d", op.name, res.StatusCode)
		}
		if r, n := reads.Load(), writes.Load(); n != op.writes || r != op.reads {
			t.Errorf("%s: %d reads and %d writes, want %d and %d", op.name, r, n, op.reads, op.writes)
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	w, _, _ := newCounted(b)
	for _, op := range operations(w) {
		b.Run(op.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r := op.prepare()
				rec := httptest.NewRecorder()
				b.StartTimer()
				w.mux.ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatalf("got %d %s", rec.Code, rec.Body)
				}
			}
		})
	}
}

// A refresh changes one row and adds none, and what it notes there is bounded: the 60th leaves as much behind as the 10th.
func TestNothingGrowsWithRefreshes(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("refresh_token")
	stored := func() map[string]int {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "gatelatch.db")+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		sizes := map[string]int{}
		rows, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table'`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var table string
			if err := rows.Scan(&table); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM "`+table+`"`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			sizes[table] = n
		}
		var n int
		if err := db.QueryRowContext(t.Context(), `SELECT sum(length(rotated) + length(scope) + length(audience) + length(request) + length(claims)) FROM grants`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		sizes["bytes of the grants"] = n
		return sizes
	}
	refresh := func(times int) {
		for range times {
			w.wait(40 * time.Second) // past the grace: each one rotates
			got := w.refresh("web", token)
			got.want(t, http.StatusOK, "")
			if got.text("refresh_token") == token {
				t.Fatal("the token was not rotated")
			}
			token = got.text("refresh_token")
		}
	}
	refresh(10)
	before := stored()
	refresh(50)
	if after := stored(); before["grants"] != 1 || !maps.Equal(before, after) {
		t.Errorf("10 refreshes left %v, 60 %v", before, after)
	}
}
