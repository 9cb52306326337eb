// Package storagetest opens real stores for the tests of any room: SQLite in a temporary folder, and PostgreSQL where
// there is one.
package storagetest

import (
	"testing"

	"gatelatch/storage"
	"gatelatch/storage/postgrestest"
)

// Open returns an empty store on SQLite, closed when the test ends.
func Open(t testing.TB) *storage.Store {
	t.Helper()
	return open(t, storage.Options{Dir: t.TempDir()})
}

// Postgres returns an empty store on PostgreSQL, closed when the test ends. Without PostgreSQL the test is skipped, or
// fails where the variable CI is set.
func Postgres(t testing.TB) *storage.Store {
	t.Helper()
	return open(t, storage.Options{URL: postgrestest.URL(t)})
}

// Each runs a test on both engines, as subtests named "sqlite" and "postgres".
func Each(t *testing.T, test func(*testing.T, *storage.Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

func open(t testing.TB, o storage.Options) *storage.Store {
	t.Helper()
	s, err := storage.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
