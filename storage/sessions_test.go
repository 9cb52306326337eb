package storage

import (
	"errors"
	"testing"
)

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		u := newUser(t, s)
		a := Session{ID: NewID(), Digest: []byte("digest a"), UserID: u.ID, AuthTime: 10, AMR: "otp", ACR: "urn:gatelatch:1", Remembered: true, IP: "192.0.2.1", Agent: "Firefox", Seen: 10, Expires: 100}
		b := Session{ID: NewID(), Digest: []byte("digest b"), UserID: u.ID, AuthTime: 20, AMR: "otp", ACR: "urn:gatelatch:1", Seen: 20, Expires: 100}
		run("insert", nil, func(tx Tx) error { return errors.Join(tx.InsertSession(a), tx.InsertSession(b)) })
		run("a digest twice", ErrConflict, func(tx Tx) error {
			return tx.InsertSession(Session{ID: NewID(), Digest: a.Digest, UserID: u.ID})
		})
		same(t, "by id", must(view.Session(a.ID)), a)
		_, err := view.Session(NewID())
		is(t, "by an id that is not there", err, ErrNotFound)
		live, person, err := view.LiveSession(a.Digest, 99)
		is(t, "by digest", err, nil)
		same(t, "by digest", live, a)
		same(t, "its person", person, u)
		_, _, err = view.LiveSession([]byte("digest c"), 99)
		is(t, "by another digest", err, ErrNotFound)
		_, _, err = view.LiveSession(a.Digest, 100)
		is(t, "at its end", err, ErrNotFound)
		same(t, "of the person, seen last first", must(view.UserSessions(u.ID, 99)), []Session{b, a})
		same(t, "of the person, after their end", len(must(view.UserSessions(u.ID, 100))), 0)

		run("touch", nil, func(tx Tx) error { return tx.TouchSession(a.ID, 50, 150) })
		a.Seen, a.Expires = 50, 150
		same(t, "touched", must(view.Session(a.ID)), a)
		run("touch after its end", ErrNotFound, func(tx Tx) error { return tx.TouchSession(a.ID, 150, 250) })

		run("revoke all others", nil, func(tx Tx) error { return tx.RevokeUserSessions(u.ID, a.ID, 60) })
		same(t, "those that live", must(view.UserSessions(u.ID, 70)), []Session{a})
		run("revoke", nil, func(tx Tx) error { return tx.RevokeSession(a.ID, 61) })
		run("revoke again", nil, func(tx Tx) error { return tx.RevokeSession(a.ID, 62) })
		run("touch a revoked one", ErrNotFound, func(tx Tx) error { return tx.TouchSession(a.ID, 63, 200) })
		_, _, err = view.LiveSession(a.Digest, 63)
		is(t, "a revoked one by digest", err, ErrNotFound)
		same(t, "the first end counts", must(view.Session(a.ID)).RevokedAt, 61)
		c := Session{ID: NewID(), Digest: []byte("digest c"), UserID: u.ID, Expires: 100}
		run("a third", nil, func(tx Tx) error { return tx.InsertSession(c) })
		run("revoke all", nil, func(tx Tx) error { return tx.RevokeUserSessions(u.ID, ID{}, 64) })
		same(t, "none lives", len(must(view.UserSessions(u.ID, 65))), 0)
		run("delete the person", nil, func(tx Tx) error { return tx.DeleteUser(u.ID) })
		_, err = view.Session(a.ID)
		is(t, "of a deleted person", err, ErrNotFound)
	})
}
