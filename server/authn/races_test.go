package authn_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
	"gatelatch/storage/postgrestest"
)

// meanwhile makes a room on PostgreSQL, where units of work run beside each other, in which the next unit that comes to a statement with
// those words finds that something else was done just before it; or is being done, and waits for it.
func meanwhile(t *testing.T, c authn.Config) (r *room, at func(words string, other func() error) (outcome func() error)) {
	t.Helper()
	type plan struct {
		words string
		do    func()
	}
	var next atomic.Pointer[plan]
	store, err := storage.Open(t.Context(), storage.Options{URL: postgrestest.URL(t), Trace: func(query string) {
		if p := next.Load(); p != nil && strings.Contains(query, p.words) && next.CompareAndSwap(p, nil) {
			p.do()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return newRoom(t, store, c), func(words string, other func() error) func() error {
		done, met := make(chan error, 1), false
		next.Store(&plan{words, func() {
			met = true
			go func() { done <- other() }()
			select {
			case err := <-done:
				done <- err
			case <-time.After(300 * time.Millisecond): // it waits for us, as it should
			}
		}})
		return func() error {
			if !met {
				t.Fatalf("no statement had the words %q", words)
			}
			return <-done
		}
	}
}

func TestTwoWhoTakeTheLastTwoWaysInAtOnceLeaveOne(t *testing.T) {
	v, a := browser(), passkeytest.New(origin)
	r, at := meanwhile(t, authn.Config{Passwords: light, Experience: authn.Experience{SignUp: "open"}})
	live := r.signUp(v, a, "ann@example.com")
	user := live.User.ID
	r.must(r.e.SetPassword(t.Context(), "user", user, authn.NewPassword{Password: horse, Session: live.Session.ID}))
	r.add(v, passkeytest.New(origin), live)
	strict := newRoom(t, r.store, authn.Config{Passwords: light, Experience: authn.Experience{Methods: []authn.Method{authn.MethodPasskey, authn.MethodPassword}}})
	passkeys, err := r.e.Passkeys(t.Context(), user)
	r.must(err)
	r.must(strict.e.RemovePasskey(t.Context(), "user", user, passkeys[0].ID))

	other := at("DELETE FROM passkeys", func() error { return strict.e.RemovePassword(t.Context(), "user", user) })
	one := strict.e.RemovePasskey(t.Context(), "user", user, passkeys[1].ID)
	if two := other(); one != nil || !errors.Is(two, authn.ErrLastWayIn) {
		t.Errorf("got %v and %v, want the passkey gone and ErrLastWayIn", one, two)
	}
}

func TestTwoWhoTakeTheLastTwoPasskeysAtOnceLeaveOne(t *testing.T) {
	v := browser()
	r, at := meanwhile(t, authn.Config{Experience: authn.Experience{SignUp: "open"}})
	live := r.signUp(v, passkeytest.New(origin), "ann@example.com")
	r.add(v, passkeytest.New(origin), live)
	strict := newRoom(t, r.store, authn.Config{Experience: authn.Experience{Methods: []authn.Method{authn.MethodPasskey}}})
	passkeys, err := r.e.Passkeys(t.Context(), live.User.ID)
	r.must(err)
	other := at("DELETE FROM passkeys", func() error { return strict.e.RemovePasskey(t.Context(), "user", live.User.ID, passkeys[1].ID) })
	one := strict.e.RemovePasskey(t.Context(), "user", live.User.ID, passkeys[0].ID)
	if two := other(); one != nil || !errors.Is(two, authn.ErrLastWayIn) {
		t.Errorf("got %v and %v, want one gone and ErrLastWayIn", one, two)
	}
}

// What ends everybody's sessions must end one that is made at the same moment: else a sign-in with the password of yesterday, or of somebody
// who is being disabled, would live on.
func TestSessionThatIsMadeWhileAccessEndsEndsWithIt(t *testing.T) {
	for name, end := range map[string]func(r *room, u storage.User) error{
		"the password is changed": func(r *room, u storage.User) error {
			return r.e.SetPassword(r.Context(), "cli", u.ID, authn.NewPassword{Password: goose})
		},
		"the person is disabled, and let in again": func(r *room, u storage.User) error {
			return errors.Join(r.e.DisableUser(r.Context(), "cli", u.ID), r.e.EnableUser(r.Context(), "cli", u.ID))
		},
		"they are signed out everywhere": func(r *room, u storage.User) error { return r.e.SignOutEverywhere(r.Context(), "cli", u.ID) },
		"the address goes": func(r *room, u storage.User) error {
			return r.e.SetAddress(r.Context(), "cli", u.ID, "ann@example.org")
		},
	} {
		for how, in := range map[string]func(r *room) (authn.SignIn, error){
			"password": func(r *room) (authn.SignIn, error) { return r.try("ann@example.com", horse) },
			"code": func(r *room) (authn.SignIn, error) {
				v := browser()
				f, m := r.begin(v, "ann@example.com")
				return r.e.CheckCode(r.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code})
			},
		} {
			t.Run(name+", by "+how, func(t *testing.T) {
				r, at := meanwhile(t, authn.Config{Passwords: light})
				u := r.person("ann@example.com", horse)
				other := at("INSERT INTO sessions", func() error { return end(r, u) })
				made, err := in(r)
				r.must(err, other())
				live, err := r.e.Session(t.Context(), made.Cookie)
				if err != nil || live != nil {
					t.Errorf("the session lives: %v, %v", live, err)
				}
			})
		}
	}
}
