package authn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

const (
	horse = "seventeen horses at dawn"
	goose = "eleven geese before noon"
)

// light are parameters for tests that are not about the cost of a hash.
var light = authn.Passwords{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Concurrency: 4}

// person makes somebody with a password.
func (r *room) person(address, password string) storage.User {
	r.Helper()
	u, err := r.e.CreateUser(r.Context(), "cli", address, "")
	if err != nil {
		r.Fatal(err)
	}
	if err := r.e.SetPassword(r.Context(), "cli", u.ID, authn.NewPassword{Password: password}); err != nil {
		r.Fatal(err)
	}
	return u
}

// flow opens a flow.
func (r *room) flow(v authn.Visitor, s authn.Start) string {
	r.Helper()
	s.ReturnTo = "/back"
	f, err := r.e.Begin(r.Context(), v, s)
	if err != nil {
		r.Fatal(err)
	}
	return f.ID.String()
}

// try signs in with a password in a flow of its own.
func (r *room) try(identifier, password string) (authn.SignIn, error) {
	r.Helper()
	v := browser()
	return r.e.CheckPassword(r.Context(), v, authn.Attempt{Flow: r.flow(v, authn.Start{}), Identifier: identifier, Password: password})
}

func (r *room) mustTry(identifier, password string) authn.SignIn {
	r.Helper()
	in, err := r.try(identifier, password)
	if err != nil || in.Step != authn.StepDone {
		r.Fatalf("%s: got %+v, %v, want a session", identifier, in, err)
	}
	return in
}

// either has people sign in by address or username.
var either = authn.Experience{Identifiers: authn.IdentifiersBoth}

// generous lets a test guess often.
func generous() authn.Budgets {
	b := authn.DefaultBudgets()
	b.NetworkGuessesHour, b.FlowsNetworkHour = 1_000_000, 1_000_000
	return b
}

func TestPasswordSignsInByAddressAndByUsername(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
		u := r.person("ann@example.com", horse)
		for _, identifier := range []string{"ann@example.com", " Ann@EXAMPLE.com", "ann", "ANN "} {
			in := r.mustTry(identifier, horse)
			if s := in.Live.Session; in.Live.User.ID != u.ID || s.Methods != "password" || s.AMR != "pwd" || s.ACR != authn.ACR {
				t.Errorf("%s: got %+v", identifier, in.Live)
			}
		}
		for _, identifier := range []string{"ann@example.com", "eve@example.com", "ann", "eve", "", "@", "\x00", strings.Repeat("x", 2000), "\xff"} {
			for _, password := range []string{"", goose, horse[:len(horse)-1], strings.ToUpper(horse), strings.Repeat("x", 5000), "\x00", "\xff"} {
				if _, err := r.try(identifier, password); !errors.Is(err, authn.ErrWrongAnswer) {
					t.Errorf("%q with %q: got %v, want ErrWrongAnswer", identifier, password, err)
				}
			}
		}
	})
}

func TestTenThousandWrongPasswordsFromManyNetworksGetNobodyIn(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: either, Passwords: light})
	r.person("ann@example.com", horse)
	before := r.mustTry("ann", horse)
	own := browser() // the owner asks for a code before it begins
	f, m := r.begin(own, "ann@example.com")
	var compared, slowed atomic.Int64
	var all sync.WaitGroup
	const guessers, tries = 20, 500
	for g := range guessers {
		all.Go(func() {
			v := authn.Visitor{Network: "", Browser: authn.NewBrowser()}
			var flow string
			for i := range tries {
				if i%50 == 0 {
					v.Network = fmt.Sprintf("198.51.%d.%d", g, i/50)
					flow = r.flow(v, authn.Start{})
				}
				_, err := r.e.CheckPassword(t.Context(), v, authn.Attempt{Flow: flow, Identifier: "ann@example.com", Password: fmt.Sprintf("guess number %d of %d", i, g)})
				switch {
				case errors.Is(err, authn.ErrWrongAnswer):
					compared.Add(1)
				case errors.Is(err, authn.ErrTooMany):
					slowed.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			}
		})
	}
	all.Wait()
	if compared.Load() != 30 || slowed.Load() != guessers*tries-30 {
		t.Errorf("%d guesses were compared and %d refused, want 30 and the rest", compared.Load(), slowed.Load())
	}
	if _, err := r.try("ann@example.com", horse); !errors.Is(err, authn.ErrTooMany) {
		t.Errorf("the right one after that: got %v, want ErrTooMany", err)
	}
	// The owner is not kept out: sessions live, and the mailed link works.
	if live, err := r.e.Session(t.Context(), before.Cookie); err != nil || live == nil {
		t.Errorf("the session from before: got %v, %v", live, err)
	}
	token := m.Link[strings.Index(m.Link, "&t=")+3:]
	if in, err := r.e.CheckLink(t.Context(), own, authn.Answer{Flow: f.ID.String(), Token: token}); err != nil || in.Step != authn.StepDone {
		t.Errorf("the mailed link: got %+v, %v", in, err)
	}
}

func TestGuessesOfStrangersDoNotSlowTheOwnerInTheirOwnBrowser(t *testing.T) {
	b := generous()
	b.WrongGuessesPerAddressHour = 4
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: either, Passwords: light, Budgets: b})
	r.person("ann@example.com", horse)
	mine := browser()
	mine.Device = r.mustTry("ann", horse).Device
	for _, identifier := range []string{"ann@example.com", "ann"} {
		for range 4 {
			if _, err := r.try(identifier, goose); !errors.Is(err, authn.ErrWrongAnswer) {
				t.Fatal(err)
			}
		}
		if _, err := r.try(identifier, horse); !errors.Is(err, authn.ErrTooMany) {
			t.Fatalf("elsewhere: got %v, want ErrTooMany", err)
		}
		in, err := r.e.CheckPassword(t.Context(), mine, authn.Attempt{Flow: r.flow(mine, authn.Start{}), Identifier: identifier, Password: horse})
		if err != nil || in.Step != authn.StepDone {
			t.Fatalf("%s in her own browser: got %+v, %v, want a session", identifier, in, err)
		}
		mine.Device = in.Device
	}
	for i := range 5 { // and whoever has that browser has no more guesses than anybody
		_, err := r.e.CheckPassword(t.Context(), mine, authn.Attempt{Flow: r.flow(mine, authn.Start{}), Identifier: "ann", Password: goose})
		if want := map[bool]error{true: authn.ErrWrongAnswer, false: authn.ErrTooMany}[i < 4]; !errors.Is(err, want) {
			t.Errorf("guess %d: got %v, want %v", i+1, err, want)
		}
	}
}

func TestPasswordsAndCodesShareTheGuessesOfAnAddress(t *testing.T) {
	b := generous()
	b.WrongGuessesPerAddressHour = 4
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: either, Passwords: light, Budgets: b})
	r.person("ann@example.com", horse)
	v := browser()
	f, m := r.begin(v, "ann@example.com")
	for range 3 {
		if _, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: wrong(m.Code)}); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Fatal(err)
		}
	}
	if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Fatal(err)
	}
	if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrTooMany) {
		t.Errorf("the fifth guess: got %v, want ErrTooMany", err)
	}
	events, err := r.store.View(t.Context()).Events(storage.ID{}, 1)
	if err != nil || len(events) != 1 || events[0].Kind != storage.EventAddressSlowed {
		t.Errorf("got %+v, %v, want the event of an address that is slowed", events, err)
	}
}

func TestRightPasswordGivesBackTheGuessesBeforeIt(t *testing.T) {
	b := generous()
	b.WrongGuessesPerAddressHour = 4
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: either, Passwords: light, Budgets: b})
	r.person("ann@example.com", horse)
	for range 5 {
		for range 3 {
			if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrWrongAnswer) {
				t.Fatalf("got %v, want ErrWrongAnswer", err)
			}
		}
		r.mustTry("ann@example.com", horse)
	}
}

func TestPasswordAloneWinsNoNewGuessesAtTheSecondFactor(t *testing.T) {
	b := generous()
	b.WrongGuessesPerAddressHour = 4
	r := newRoom(t, storagetest.Open(t), authn.Config{Passwords: light, Budgets: b,
		Experience: authn.Experience{Identifiers: authn.IdentifiersBoth, SecondFactor: authn.SecondFactorRequired, SecondFactors: []authn.Method{authn.MethodCode}}})
	r.person("ann@example.com", horse)
	for range 3 {
		if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Fatal(err)
		}
	}
	if in, err := r.try("ann@example.com", horse); err != nil || in.Step != authn.StepSecondFactor || in.Cookie != "" {
		t.Fatalf("got %+v, %v, want the question for a second factor and no session", in, err)
	}
	if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Fatal(err)
	}
	if _, err := r.try("ann@example.com", goose); !errors.Is(err, authn.ErrTooMany) {
		t.Errorf("got %v, want ErrTooMany: the guesses before must not have been given back", err)
	}
}

func TestHashIsMadeAnewAtTheNextSignInWhenParametersChange(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
	u := r.person("ann@example.com", horse)
	kept := func() string {
		p, err := store.View(t.Context()).Password(u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	first := kept()
	r.mustTry("ann", horse)
	if kept() != first {
		t.Error("a hash with the same parameters was made anew")
	}
	heavier := light
	heavier.MemoryKiB, heavier.Iterations = 128, 3
	r = newRoom(t, store, authn.Config{Experience: either, Passwords: heavier})
	if _, err := r.try("ann", goose); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Fatal(err)
	}
	if kept() != first {
		t.Error("a wrong password made the hash anew")
	}
	r.mustTry("ann", horse)
	if second := kept(); !strings.HasPrefix(second, "$argon2id$v=19$m=128,t=3,p=1$") {
		t.Errorf("got %s, want the new parameters", second)
	}
	r.mustTry("ann", horse)
}

func TestImportedHashWorksAndBecomesOneOfOurs(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
	u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.e.ImportPassword(t.Context(), "cli", u.ID, "plain text"); !errors.Is(err, authn.ErrBadHash) {
		t.Errorf("no hash: got %v, want ErrBadHash", err)
	}
	if err := r.e.ImportPassword(t.Context(), "cli", u.ID, "$2b$05$IxCiD5zoJ07ft2OVxNx96Oqo6pVnRixxYUzcVJ.qkW8HBAwHoenJW"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.try("ann", horse); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("got %v, want ErrWrongAnswer", err)
	}
	r.mustTry("ann", "correct horse battery")
	if p, err := store.View(t.Context()).Password(u.ID); err != nil || !strings.HasPrefix(p.Hash, "$argon2id$") {
		t.Errorf("got %+v, %v, want argon2id", p, err)
	}
	r.mustTry("ann", "correct horse battery")
}

func TestKnownAndUnknownPeopleTakeTheSameStatements(t *testing.T) {
	counts := &counter{}
	store, err := storage.Open(t.Context(), storage.Options{Dir: t.TempDir(), Trace: counts.count})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := generous()
	b.WrongGuessesPerAddressHour = 3
	r := newRoom(t, store, authn.Config{Experience: either, Passwords: light, Budgets: b, Quiet: []string{"passwords"}})
	r.person("ann@example.com", horse)
	if _, err := r.e.CreateUser(t.Context(), "cli", "bob@example.com", ""); err != nil { // has no password
		t.Fatal(err)
	}
	blocked := r.person("cat@example.com", horse)
	if err := r.e.DisableUser(t.Context(), "cli", blocked.ID); err != nil {
		t.Fatal(err)
	}
	took := map[string][]string{}
	for _, identifier := range []string{"ann@example.com", "ann", "bob@example.com", "cat@example.com", "eve@example.com", "eve"} {
		v := browser()
		flow := r.flow(v, authn.Start{})
		counts.take()
		var answers []string
		for range 4 { // the fourth is one too many
			_, err := r.e.CheckPassword(t.Context(), v, authn.Attempt{Flow: flow, Identifier: identifier, Password: goose})
			answers = append(answers, fmt.Sprint(err))
		}
		took[identifier] = append(counts.take(), answers...)
	}
	for identifier, got := range took {
		nobody := "eve@example.com"
		if !strings.Contains(identifier, "@") {
			nobody = "eve"
		}
		if want := took[nobody]; !slices.Equal(got, want) {
			t.Errorf("%s took\n%s\n%s took\n%s", identifier, strings.Join(got, "\n"), nobody, strings.Join(want, "\n"))
		}
	}
	if len(took["eve@example.com"]) < 10 {
		t.Errorf("counted nothing: %v", took["eve@example.com"])
	}
}

func TestDisabledPersonWithTheRightPasswordIsAWrongAnswer(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: either, Passwords: light})
	u := r.person("ann@example.com", horse)
	if err := r.e.DisableUser(t.Context(), "cli", u.ID); err != nil {
		t.Fatal(err)
	}
	_, right := r.try("ann@example.com", horse)
	_, bad := r.try("ann@example.com", goose)
	var a, b *authn.WrongAnswer
	if !errors.As(right, &a) || !errors.As(bad, &b) || a.Left != b.Left+1 {
		t.Errorf("got %v and %v, want two wrong answers", right, bad)
	}
}

func TestPasswordIsNoWayInWhereTheServerOrTheApplicationDoesNotOfferIt(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Passwords: light, Experience: authn.Experience{Identifiers: authn.IdentifiersBoth, Methods: []authn.Method{authn.MethodCode}}})
	r.person("ann@example.com", horse)
	if _, err := r.try("ann@example.com", horse); !errors.Is(err, authn.ErrNotHere) {
		t.Errorf("server without passwords: got %v, want ErrNotHere", err)
	}
	r = newRoom(t, store, authn.Config{Experience: either, Passwords: light})
	client := storage.Client{ID: "bank", Name: "Bank", Type: "web", Nonce: []byte("0123456789abcdef"), Source: "api", Settings: storage.ClientSettings{SignInMethods: []string{"code"}}}
	if err := store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertClient(client) }); err != nil {
		t.Fatal(err)
	}
	v := browser()
	a := authn.Attempt{Flow: r.flow(v, authn.Start{ClientID: "bank"}), Identifier: "ann", Password: horse}
	if _, err := r.e.CheckPassword(t.Context(), v, a); !errors.Is(err, authn.ErrNotHere) {
		t.Errorf("application without passwords: got %v, want ErrNotHere", err)
	}
	if _, err := r.e.CheckPassword(t.Context(), browser(), a); !errors.Is(err, authn.ErrFlowGone) {
		t.Errorf("in another browser: got %v, want ErrFlowGone", err)
	}
}

func TestChangeEndsTheOtherSessionsAndTheirGrants(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
		u := r.person("ann@example.com", horse)
		grant := func(s storage.ID) storage.ID {
			g := storage.Grant{ID: storage.NewID(), ClientID: "app", UserID: u.ID, SessionID: s, Secret: []byte("secret"), Scope: "openid offline_access", Expires: time.Now().UnixMicro() + 1e12}
			if err := store.Write(t.Context(), func(tx storage.Tx) error { return tx.InsertGrant(g) }); err != nil {
				t.Fatal(err)
			}
			return g.ID
		}
		lives := func(in authn.SignIn, g storage.ID, want bool) {
			t.Helper()
			live, err := r.e.Session(t.Context(), in.Cookie)
			if err != nil || (live != nil) != want {
				t.Errorf("session: got %v, %v, want it alive: %t", live, err, want)
			}
			if row, err := store.View(t.Context()).Grant(g); err != nil || (row.RevokedAt == 0) != want {
				t.Errorf("grant: got %+v, %v, want it alive: %t", row, err, want)
			}
		}
		here, there := r.mustTry("ann", horse), r.mustTry("ann", horse)
		g, h := grant(here.Live.Session.ID), grant(there.Live.Session.ID)
		if err := r.e.ChangePassword(t.Context(), browser(), u.ID, goose, authn.NewPassword{Password: goose, Session: here.Live.Session.ID}); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Fatalf("with a wrong current one: got %v, want ErrWrongAnswer", err)
		}
		lives(there, h, true)
		if err := r.e.ChangePassword(t.Context(), browser(), u.ID, horse, authn.NewPassword{Password: goose, Session: here.Live.Session.ID, KeepOthers: true}); err != nil {
			t.Fatal(err)
		}
		lives(here, g, true)
		lives(there, h, true)
		if err := r.e.ChangePassword(t.Context(), browser(), u.ID, goose, authn.NewPassword{Password: horse, Session: here.Live.Session.ID}); err != nil {
			t.Fatal(err)
		}
		lives(here, g, true)
		lives(there, h, false)
		if _, err := r.try("ann", goose); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Errorf("the password before: got %v, want ErrWrongAnswer", err)
		}
		if err := r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: goose}); err != nil {
			t.Fatal(err)
		}
		lives(here, g, false)
		r.mustTry("ann", goose)
	})
}

func TestWhatWasProvenWithAnOldPasswordIsWorthNothingAfterAChange(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Passwords: light, Experience: authn.Experience{Identifiers: authn.IdentifiersBoth, SecondFactor: authn.SecondFactorRequired, SecondFactors: []authn.Method{authn.MethodCode}}})
	u := r.person("ann@example.com", horse)
	v := browser()
	flow := r.flow(v, authn.Start{})
	if in, err := r.e.CheckPassword(t.Context(), v, authn.Attempt{Flow: flow, Identifier: "ann", Password: horse}); err != nil || in.Step != authn.StepSecondFactor {
		t.Fatalf("got %+v, %v", in, err)
	}
	if err := r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: goose}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.e.Standing(t.Context(), v, flow); !errors.Is(err, authn.ErrSignIn) {
		t.Errorf("got %v, want the sign-in to begin anew", err)
	}
}

func TestLengthDependsOnWhatElseIsAskedFor(t *testing.T) {
	store := storagetest.Open(t)
	const short = "8 chars!"
	r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
	u := r.person("ann@example.com", horse)
	var weak *authn.WeakPassword
	if err := r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: short}); !errors.As(err, &weak) || weak.Why != authn.WeakShort || weak.Rule.Least != 15 {
		t.Errorf("alone: got %v, want it refused as too short for 15", err)
	}
	r = newRoom(t, store, authn.Config{Passwords: light, Experience: authn.Experience{Identifiers: authn.IdentifiersBoth, SecondFactor: authn.SecondFactorRequired}})
	if rule, err := r.e.PasswordRule(t.Context(), u.ID); err != nil || rule.Least != 8 || rule.Most != 256 {
		t.Errorf("got %+v, %v, want 8 to 256", rule, err)
	}
	if err := r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: short}); err != nil {
		t.Errorf("beside a second factor: got %v", err)
	}
	if err := r.e.WeighPassword(t.Context(), u.ID, "ann@example.com"); !errors.As(err, &weak) || weak.Why != authn.WeakPersonal {
		t.Errorf("one's own address: got %v", err)
	}
	if err := r.e.WeighPassword(t.Context(), storage.NewID(), horse); !errors.Is(err, authn.ErrNoUser) {
		t.Errorf("nobody: got %v, want ErrNoUser", err)
	}
}

func TestNobodyRemovesThePasswordThatIsTheirLastWayIn(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Passwords: light, Experience: authn.Experience{Identifiers: authn.IdentifiersBoth, Methods: []authn.Method{authn.MethodPassword}}})
	u := r.person("ann@example.com", horse)
	if err := r.e.RemovePassword(t.Context(), "cli", u.ID); !errors.Is(err, authn.ErrLastWayIn) {
		t.Errorf("got %v, want ErrLastWayIn", err)
	}
	r = newRoom(t, store, authn.Config{Experience: either, Passwords: light}) // codes are a way in here
	if err := r.e.RemovePassword(t.Context(), "cli", u.ID); err != nil {
		t.Errorf("got %v", err)
	}
	if err := r.e.RemovePassword(t.Context(), "cli", u.ID); !errors.Is(err, authn.ErrNoPassword) {
		t.Errorf("twice: got %v, want ErrNoPassword", err)
	}
	if err := r.e.ChangePassword(t.Context(), browser(), u.ID, horse, authn.NewPassword{Password: goose}); !errors.Is(err, authn.ErrNoPassword) {
		t.Errorf("change what is not there: got %v, want ErrNoPassword", err)
	}
	if _, err := r.try("ann", horse); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("the password that was removed: got %v, want ErrWrongAnswer", err)
	}
}

// counter lists the statements that were run.
type counter struct {
	mu   sync.Mutex
	list []string
}

func (c *counter) count(query string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.Contains(query, "outbox") {
		return // whoever sends mail looks when it suits them
	}
	c.list = append(c.list, strings.Join(strings.Fields(query), " "))
}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.list
	c.list = nil
	return got
}

func TestLeaksAreAskedAboutAndSilenceRefusesNobody(t *testing.T) {
	store := storagetest.Open(t)
	r := newRoom(t, store, authn.Config{Experience: either, Passwords: light})
	u := r.person("ann@example.com", horse)
	for name, c := range map[string]struct {
		leaked bool
		err    error
		want   error
	}{"leaked": {true, nil, authn.ErrWeakPassword}, "not leaked": {false, nil, nil}, "no answer": {false, errors.New("no answer"), nil}} {
		r := newRoomWith(t, store, authn.Config{Experience: either, Passwords: light}, func(d *authn.Deps) {
			d.Leaked = func(context.Context, string) (bool, error) { return c.leaked, c.err }
		})
		if err := r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: goose}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}
