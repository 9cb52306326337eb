package authn_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// room is an engine with a store and a mailbox.
type room struct {
	testing.TB
	store *storage.Store
	e     *authn.Engine
	mails *email.Inbox
	ahead atomic.Int64 // how far its clock is ahead, in nanoseconds
}

// pass lets time go by.
func (r *room) pass(d time.Duration) { r.ahead.Add(int64(d)) }

func (r *room) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

func newRoom(t testing.TB, store *storage.Store, c authn.Config) *room {
	t.Helper()
	return newRoomWith(t, store, c, func(*authn.Deps) {})
}

// newRoomWith is newRoom with something else among what the engine works with.
func newRoomWith(t testing.TB, store *storage.Store, c authn.Config, set func(*authn.Deps)) *room {
	t.Helper()
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))})
	if err != nil {
		t.Fatal(err)
	}
	r := &room{TB: t, store: store, mails: email.NewInbox()}
	c.PublicURL = "https://id.example.com"
	d := authn.Deps{Store: store, Keys: keys, Mail: r.mails, Now: r.now, Log: slog.New(slog.DiscardHandler)}
	set(&d)
	r.e = authn.New(c, d)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.e.Deliver(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return r
}

// browser is a visitor with a cookie.
func browser() authn.Visitor { return authn.Visitor{Network: "192.0.2.1", Browser: authn.NewBrowser()} }

// begin opens a flow and returns it with the mail that was sent for it.
func (r *room) begin(v authn.Visitor, address string) (storage.Flow, email.Message) {
	r.Helper()
	f, err := r.e.Begin(r.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		r.Fatal(err)
	}
	if err := r.e.SendCode(r.Context(), v, f.ID.String(), address); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	m, err := r.mails.Wait(ctx, address)
	if err != nil {
		r.Fatal(err)
	}
	return f, m
}

func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestFiftyParallelGuessesCompareNoMoreThanFive(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r, v := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser()
		f, m := r.begin(v, "ann@example.com")
		var compared atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: wrong(m.Code)})
				switch {
				case errors.Is(err, authn.ErrWrongAnswer):
					compared.Add(1)
				case !errors.Is(err, authn.ErrCodeGone):
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if compared.Load() != 5 {
			t.Errorf("%d guesses were compared, want 5", compared.Load())
		}
		if _, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code}); !errors.Is(err, authn.ErrCodeGone) {
			t.Errorf("the right code after that: got %v, want ErrCodeGone", err)
		}
	})
}

func TestAddressBudgetHoldsUnderParallelGuessesFromManyFlows(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		const flows, most = 6, 10
		b := authn.DefaultBudgets()
		b.WrongGuessesPerAddressHour, b.MailsPerAddressBurst = most, flows
		r := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}, Budgets: b})
		var compared atomic.Int64
		var all sync.WaitGroup
		for range flows {
			v := browser()
			f, m := r.begin(v, "ann@example.com")
			for range 5 {
				all.Go(func() {
					if _, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: wrong(m.Code)}); errors.Is(err, authn.ErrWrongAnswer) {
						compared.Add(1)
					} else if !errors.Is(err, authn.ErrTooMany) {
						t.Errorf("got %v", err)
					}
				})
			}
		}
		all.Wait()
		if compared.Load() != most {
			t.Errorf("%d guesses were compared, want %d", compared.Load(), most)
		}
	})
}

func TestOneCodeIsOneSessionHoweverManyBringIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r, v := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser()
		f, m := r.begin(v, "ann@example.com")
		token := m.Link[strings.Index(m.Link, "&t=")+3:]
		var in atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				check, a := r.e.CheckCode, authn.Answer{Flow: f.ID.String(), Code: m.Code}
				if i%2 == 1 {
					check, a = r.e.CheckLink, authn.Answer{Flow: f.ID.String(), Token: token}
				}
				switch _, err := check(t.Context(), v, a); {
				case err == nil:
					in.Add(1)
				case !errors.Is(err, authn.ErrFlowDone) && !errors.Is(err, authn.ErrCodeGone):
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		u, err := store.View(t.Context()).UserByEmail("ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := store.View(t.Context()).UserSessions(u.ID, time.Now().UnixMicro())
		if err != nil || in.Load() != 1 || len(sessions) != 1 {
			t.Errorf("%d signed in, %d sessions, %v, want one", in.Load(), len(sessions), err)
		}
	})
}

func TestSignUpsThatRaceForAnAddressEndInOnePerson(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		const racers = 5
		r := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}})
		var (
			all   sync.WaitGroup
			mu    sync.Mutex
			users = map[storage.ID]bool{}
			fresh int
			ready = make(chan struct{})
		)
		for range racers {
			v := browser()
			f, m := r.begin(v, "ann@example.com")
			all.Go(func() {
				<-ready
				in, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				users[in.Live.User.ID] = true
				if in.New {
					fresh++
				}
			})
		}
		close(ready)
		all.Wait()
		if len(users) != 1 || fresh != 1 {
			t.Errorf("got %d people, %d of them new, want one", len(users), fresh)
		}
	})
}

func TestNobodyRemovesTheLastOwner(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}})
		owner := func(address string) storage.ID {
			u, err := r.e.CreateUser(t.Context(), "cli", address, "Owner")
			if err != nil {
				t.Fatal(err)
			}
			u.Role = "owner"
			if err := store.Write(t.Context(), func(tx storage.Tx) error { return tx.UpdateUser(u) }); err != nil {
				t.Fatal(err)
			}
			return u.ID
		}
		ann := owner("ann@example.com")
		if err := r.e.DisableUser(t.Context(), "cli", ann); !errors.Is(err, authn.ErrLastOwner) {
			t.Errorf("disable: got %v, want ErrLastOwner", err)
		}
		if err := r.e.DeleteUser(t.Context(), "cli", ann); !errors.Is(err, authn.ErrLastOwner) {
			t.Errorf("delete: got %v, want ErrLastOwner", err)
		}
		for round := range 5 { // two owners who remove each other
			bob := owner(fmt.Sprintf("bob%d@example.com", round))
			var all sync.WaitGroup
			errs := make([]error, 2)
			all.Go(func() { errs[0] = r.e.DisableUser(t.Context(), "cli", ann) })
			all.Go(func() { errs[1] = r.e.DeleteUser(t.Context(), "cli", bob) })
			all.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), authn.ErrLastOwner) {
				t.Fatalf("got %v and %v, want one of them ErrLastOwner", errs[0], errs[1])
			}
			if errs[0] == nil {
				ann = bob
			}
		}
	})
}

func TestDisablingEndsSessionsAndGrantsAndEnablingBringsNoneBack(t *testing.T) {
	store := storagetest.Open(t)
	r, v := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser()
	f, m := r.begin(v, "ann@example.com")
	in, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMicro()
	g := storage.Grant{ID: storage.NewID(), ClientID: "app", UserID: in.Live.User.ID, SessionID: in.Live.Session.ID, Secret: []byte("secret"), Scope: "openid offline_access", Expires: now + 1e12}
	if err := store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertGrant(g) }); err != nil {
		t.Fatal(err)
	}
	nobody := func(when string) {
		t.Helper()
		if live, err := r.e.Session(t.Context(), in.Cookie); live != nil || err != nil {
			t.Errorf("%s: got %v, %v, want nobody", when, live, err)
		}
		if g, err := store.View(t.Context()).Grant(g.ID); err != nil || g.RevokedAt == 0 {
			t.Errorf("%s: got %+v, %v, want the grant revoked", when, g, err)
		}
	}
	if err := r.e.DisableUser(t.Context(), "cli", in.Live.User.ID); err != nil {
		t.Fatal(err)
	}
	nobody("disabled")
	if err := r.e.EnableUser(t.Context(), "cli", in.Live.User.ID); err != nil {
		t.Fatal(err)
	}
	nobody("enabled again")
	for range 2 { // saying it twice is said once
		if err := r.e.EnableUser(t.Context(), "cli", in.Live.User.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.e.DeleteUser(t.Context(), "cli", in.Live.User.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.e.DeleteUser(t.Context(), "cli", in.Live.User.ID); !errors.Is(err, authn.ErrNoUser) {
		t.Errorf("deleted twice: got %v, want ErrNoUser", err)
	}
	events, err := store.View(t.Context()).Events(storage.ID{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for i := len(events) - 1; i >= 0; i-- {
		kinds = append(kinds, events[i].Kind)
		if e := fmt.Sprintf("%+v", events[i]); strings.Contains(e, "ann@") {
			t.Errorf("an event holds the address: %s", e)
		}
	}
	if got, want := strings.Join(kinds, " "), "user.signed_up session.signed_in user.disabled user.enabled user.deleted"; got != want {
		t.Errorf("got the events %s, want %s", got, want)
	}
}

func TestFlowsReturnToOurOwnPathsOnly(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{})
	for _, to := range []string{"", "back", "//evil.example", "https://evil.example/", "/\\evil.example", "/a\r\nb", "/\t/evil.example"} {
		if _, err := r.e.Begin(t.Context(), browser(), authn.Start{ReturnTo: to}); err == nil {
			t.Errorf("a flow may return to %q", to)
		}
	}
	if _, err := r.e.Begin(t.Context(), authn.Visitor{Network: "192.0.2.1"}, authn.Start{ReturnTo: "/back"}); err == nil {
		t.Error("a flow began in no browser")
	}
}

func TestCodeMailedBeforeARestartWorksAfterIt(t *testing.T) {
	store := storagetest.Open(t)
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: {1}, 2: {2}})
	if err != nil {
		t.Fatal(err)
	}
	next, err := secret.NewKeys(2, map[byte][secret.Size]byte{1: {1}, 2: {2}}) // and the key file has got a new key
	if err != nil {
		t.Fatal(err)
	}
	engine := func(k *secret.Keys, mails email.Sender) *authn.Engine {
		return authn.New(authn.Config{PublicURL: "https://id.example.com", Experience: authn.Experience{SignUp: "open"}}, authn.Deps{Store: store, Keys: k, Mail: mails, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	}
	v, before, mails := browser(), engine(keys, nil), email.NewInbox()
	f, err := before.Begin(t.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	if err := before.SendCode(t.Context(), v, f.ID.String(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	after := engine(next, mails) // the mail was still in the outbox
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = after.Deliver(ctx) })
	waiting, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := mails.Wait(waiting, "ann@example.com")
	stop()
	running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code}); err != nil {
		t.Errorf("got %v", err)
	}
}

// gate is a sender that holds every mail until it is told to go on.
type gate struct {
	arrived, open chan struct{}
	*email.Inbox
}

func (g gate) Send(ctx context.Context, m email.Message) error {
	g.arrived <- struct{}{}
	<-g.open
	return g.Inbox.Send(ctx, m)
}

func TestStoppingWaitsForTheMailOnItsWay(t *testing.T) {
	store := storagetest.Open(t)
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: {1}})
	if err != nil {
		t.Fatal(err)
	}
	g := gate{arrived: make(chan struct{}), open: make(chan struct{}), Inbox: email.NewInbox()}
	e := authn.New(authn.Config{PublicURL: "https://id.example.com", Experience: authn.Experience{SignUp: "open"}}, authn.Deps{Store: store, Keys: keys, Mail: g, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Deliver(ctx) }()
	v := browser()
	f, err := e.Begin(t.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SendCode(t.Context(), v, f.ID.String(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	<-g.arrived
	stop()
	close(g.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(g.Messages()); n != 1 {
		t.Errorf("%d mails left, want 1", n)
	}
	if _, err := store.View(t.Context()).NextDelivery(); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %v, want an empty outbox: the mail would leave twice", err)
	}
}

func TestSlowApplicationsDoNotDelayACode(t *testing.T) {
	store := storagetest.Open(t)
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: {1}})
	if err != nil {
		t.Fatal(err)
	}
	g := gate{arrived: make(chan struct{}), open: make(chan struct{}), Inbox: email.NewInbox()}
	e := authn.New(authn.Config{PublicURL: "https://id.example.com", Experience: authn.Experience{SignUp: "open"}}, authn.Deps{Store: store, Keys: keys, Mail: g, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	calling, hangUp := make(chan struct{}, 100), make(chan struct{})
	e.Carry(authn.KindFarewell, func(context.Context, storage.Delivery) error {
		calling <- struct{}{}
		<-hangUp
		return nil
	})
	now := time.Now().Add(-time.Minute).UnixMicro() // all of them are due before the mail
	err = store.Write(t.Context(), func(tx storage.Tx) error {
		for range 20 {
			if err := tx.InsertDelivery(storage.Delivery{ID: storage.NewID(), Kind: authn.KindFarewell, Payload: "{}", Due: now, Expires: now + time.Hour.Microseconds()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Deliver(ctx) }()
	for range 8 {
		<-calling
	}
	v := browser()
	f, err := e.Begin(t.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SendCode(t.Context(), v, f.ID.String(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	<-g.arrived // or the test never ends
	close(g.open)
	if n := len(calling); n != 0 {
		t.Errorf("%d more applications are called than there are senders for them", n)
	}
	stop()
	close(hangUp)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// panicking is a sender with a bug.
type panicking struct{}

func (panicking) Send(context.Context, email.Message) error { panic("a bug") }

func TestPanicOfASenderIsItsMailsFailureAlone(t *testing.T) {
	store := storagetest.Open(t)
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: {1}})
	if err != nil {
		t.Fatal(err)
	}
	e := authn.New(authn.Config{PublicURL: "https://id.example.com", Experience: authn.Experience{SignUp: "open"}}, authn.Deps{Store: store, Keys: keys, Mail: panicking{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Deliver(ctx) })
	v := browser()
	f, err := e.Begin(t.Context(), v, authn.Start{ReturnTo: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SendCode(t.Context(), v, f.ID.String(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		due, err := store.View(t.Context()).DueDeliveries(1<<62, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 1 && due[0].LastError != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v, want the mail postponed", due)
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	running.Wait()
}
