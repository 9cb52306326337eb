package authn_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/storage"
	"gatelatch/storage/postgrestest"
	"gatelatch/storage/storagetest"
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
		"a notice is denied": func(r *room, u storage.User) error {
			_, token := r.notice("ann@example.com") // of the password
			_, err := r.e.NotMe(r.Context(), browser(), token)
			return err
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

// Whoever writes a person's whole row must not bring back what was there before: a role that was taken away, or somebody who was shut out.
func TestWhatIsChangedAboutAPersonMeanwhileIsNotUndone(t *testing.T) {
	for name, c := range map[string]struct {
		words  string
		change func(r *room, u storage.User) error
		other  func(r *room, u storage.User) error
		stands func(storage.User) bool
	}{
		"disabled, while they choose a username": {"INSERT INTO pending",
			func(r *room, u storage.User) error { return r.e.ChangeUsername(r.Context(), browser(), u.ID, "anna") },
			func(r *room, u storage.User) error { return r.e.DisableUser(r.Context(), "cli", u.ID) },
			func(u storage.User) bool { return !u.Active() && u.Username == "anna" }},
		"another role, while they choose a username": {"INSERT INTO pending",
			func(r *room, u storage.User) error {
				r.must(r.e.SetRole(r.Context(), "cli", u.ID, "admin"))
				return r.e.ChangeUsername(r.Context(), browser(), u.ID, "anna")
			},
			func(r *room, u storage.User) error { return r.e.SetRole(r.Context(), "cli", u.ID, "none") },
			func(u storage.User) bool { return u.Role == "none" && u.Username == "anna" }},
		"a picture, while they are made the owner": {"UPDATE users SET status",
			func(r *room, u storage.User) error {
				link, err := r.e.NewSetUp(r.Context())
				r.must(err)
				_, err = r.e.CreateOwner(r.Context(), browser(), authn.SetUp{Token: link, Address: "ann@example.com", SignUp: "open"})
				return err
			},
			func(r *room, u storage.User) error {
				return r.e.SetAttributes(r.Context(), "cli", u.ID, map[string]any{"picture": "https://example.com/ann.png"})
			},
			func(u storage.User) bool { return u.Role == "owner" && u.Picture != "" }},
	} {
		t.Run(name, func(t *testing.T) {
			r, at := meanwhile(t, authn.Config{Passwords: light, Experience: either})
			u := r.person("ann@example.com", horse)
			other := at(c.words, func() error { return c.other(r, u) })
			r.must(c.change(r, u), other())
			if u, err := r.store.View(t.Context()).User(u.ID); err != nil || !c.stands(u) {
				t.Errorf("got %+v, %v", u, err)
			}
		})
	}
}

// Everything that works once works once, however many bring it at the same moment.
func TestOneLinkIsOneSignInAndOneProofOneNewPasswordHoweverManyBringThem(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := newRoom(t, store, authn.Config{Passwords: light, Experience: authn.Experience{SignUp: "open"}})
		u := r.person("ann@example.com", horse)
		once := func(what string, try func(i int) error) {
			t.Helper()
			var done atomic.Int64
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					err := try(i)
					switch {
					case err == nil:
						done.Add(1)
					case !errors.Is(err, authn.ErrLinkGone) && !errors.Is(err, authn.ErrCodeGone) && !errors.Is(err, authn.ErrFlowDone) && !errors.Is(err, authn.ErrNotWaiting) && !errors.Is(err, authn.ErrTaken):
						t.Errorf("%s: got %v", what, err)
					}
				})
			}
			all.Wait()
			if done.Load() != 1 {
				t.Errorf("%s: %d of twelve, want one", what, done.Load())
			}
		}
		visitors, flows := make([]authn.Visitor, 12), make([]string, 12)
		for i := range visitors {
			visitors[i] = browser()
			flows[i] = r.flow(visitors[i], authn.Start{})
		}
		letter, err := r.e.WriteLetter(t.Context(), "cli", u.ID, false)
		r.must(err)
		once("a link of an administrator", func(i int) error {
			_, err := r.e.OpenLetter(t.Context(), visitors[i], authn.Answer{Flow: flows[i], Token: letter.Token})
			return err
		})
		v := browser()
		proven := r.resetProven(v, "ann@example.com")
		once("a code for a new password", func(i int) error {
			return r.e.ResetPassword(t.Context(), v, proven, fmt.Sprintf("%s number %d", goose, i))
		})
		_, err = r.e.Register(t.Context(), authn.Visitor{Network: "192.0.2.1", Program: true}, authn.Registration{Address: "bob@example.com"})
		r.must(err)
		m, err := r.mails.Wait(t.Context(), "bob@example.com")
		r.must(err)
		once("a sign-up", func(int) error {
			_, err := r.e.ConfirmRegistration(t.Context(), authn.Visitor{Network: "192.0.2.1", Program: true}, "bob@example.com", m.Code)
			return err
		})
	})
}
