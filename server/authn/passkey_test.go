package authn_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/authn/passkeytest"
	"gatelatch/server/secret"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

const origin = "https://id.example.com"

// signUp makes a person with a passkey, in a session of a visitor.
func (r *room) signUp(v authn.Visitor, a *passkeytest.Authenticator, address string) *authn.Live {
	r.Helper()
	f, m := r.begin(v, address)
	in, err := r.e.CheckCode(r.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code})
	if err != nil {
		r.Fatal(err)
	}
	r.add(v, a, &in.Live)
	return &in.Live
}

func (r *room) add(v authn.Visitor, a *passkeytest.Authenticator, live *authn.Live) {
	r.Helper()
	question, err := r.e.AskToAddPasskey(r.Context(), v, live)
	if err != nil {
		r.Fatal(err)
	}
	said, err := a.Create(string(question))
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.e.AddPasskey(r.Context(), v, live, []byte(said)); err != nil {
		r.Fatal(err)
	}
}

func TestOneAnswerOfAPasskeyIsOneSessionHoweverManyBringIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r, v, a := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser(), passkeytest.New(origin)
		r.signUp(v, a, "ann@example.com")
		f, err := r.e.Begin(t.Context(), v, authn.Start{ReturnTo: "/back"})
		if err != nil {
			t.Fatal(err)
		}
		question, err := r.e.AskPasskey(t.Context(), authn.Ceremony{Browser: v.Browser, Flow: f.ID})
		if err != nil {
			t.Fatal(err)
		}
		said, err := a.Get(string(question))
		if err != nil {
			t.Fatal(err)
		}
		var in atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				_, err := r.e.CheckPasskey(t.Context(), v, authn.PasskeyAnswer{Flow: f.ID.String(), Credential: []byte(said)})
				switch {
				case err == nil:
					in.Add(1)
				case !errors.Is(err, authn.ErrFlowDone) && !errors.Is(err, authn.ErrPasskeyGone):
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d sessions, want 1", in.Load())
		}
	})
}

func TestPasskeysAreRenamedAndRemovedByTheirPersonAndNeverTheLastWayIn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		only := authn.Experience{SignUp: "open", Methods: []authn.Method{authn.MethodPasskey}}
		r, v, a := newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser(), passkeytest.New(origin)
		live := r.signUp(v, a, "ann@example.com")
		bob := r.signUp(v, passkeytest.New(origin), "bob@example.com")
		list := func() []storage.Passkey {
			t.Helper()
			l, err := r.e.Passkeys(t.Context(), live.User.ID)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		first := list()[0]
		for name, want := range map[string]error{" My\nlaptop ": nil, " ": authn.ErrNotAnswer, "\x00": authn.ErrNotAnswer, strings.Repeat("x", 101): authn.ErrNotAnswer, "\xff": authn.ErrNotAnswer} {
			if err := r.e.RenamePasskey(t.Context(), "user", live.User.ID, first.ID, name); !errors.Is(err, want) {
				t.Errorf("rename to %q: got %v, want %v", name, err, want)
			}
		}
		if got := list()[0].Name; got != "Mylaptop" {
			t.Errorf("named %q", got)
		}
		if err := r.e.RenamePasskey(t.Context(), "user", bob.User.ID, first.ID, "Mine"); !errors.Is(err, authn.ErrNoPasskey) {
			t.Errorf("another's: got %v, want ErrNoPasskey", err)
		}
		if err := r.e.RemovePasskey(t.Context(), "user", bob.User.ID, first.ID); !errors.Is(err, authn.ErrNoPasskey) {
			t.Errorf("another's: got %v, want ErrNoPasskey", err)
		}

		strict := newRoom(t, store, authn.Config{Experience: only})
		if err := strict.e.RemovePasskey(t.Context(), "user", live.User.ID, first.ID); !errors.Is(err, authn.ErrLastWayIn) {
			t.Errorf("the last one where only passkeys sign in: got %v, want ErrLastWayIn", err)
		}
		if len(list()) != 1 {
			t.Fatal("it is gone all the same")
		}
		second := passkeytest.New(origin)
		r.add(v, second, live)
		strict = newRoom(t, store, authn.Config{Experience: only})
		if err := strict.e.RemovePasskey(t.Context(), "user", live.User.ID, first.ID); err != nil {
			t.Errorf("one of two: %v", err)
		}
		if err := r.e.RemovePasskey(t.Context(), "user", live.User.ID, list()[0].ID); err != nil {
			t.Errorf("the last one where a code signs in: %v", err)
		}
	})
}

func TestSignInThatWasExcusedFromItsSecondFactorMakesNoPasskey(t *testing.T) {
	r, v, a := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser(), passkeytest.New(origin)
	live := r.signUp(v, a, "ann@example.com")
	for name, change := range map[string]func(*authn.Live){
		"excused by its device": func(l *authn.Live) { l.Session.Methods = "code device" },
		"short of a factor":     func(l *authn.Live) { l.Short = true },
		"six minutes old":       func(l *authn.Live) { l.Session.AuthTime -= 6 * 60e6 },
		"from the future":       func(l *authn.Live) { l.Session.AuthTime += 6 * 60e6 },
	} {
		l := *live
		change(&l)
		if _, err := r.e.AskToAddPasskey(t.Context(), v, &l); !errors.Is(err, authn.ErrSignIn) {
			t.Errorf("%s: asked, with %v", name, err)
		}
		if _, err := r.e.AddPasskey(t.Context(), v, &l, nil); !errors.Is(err, authn.ErrSignIn) {
			t.Errorf("%s: got %v, want ErrSignIn", name, err)
		}
	}
}

func TestPersonHasNoMorePasskeysThanFifty(t *testing.T) {
	r, v := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser()
	live := r.signUp(v, passkeytest.New(origin), "ann@example.com")
	for range 49 {
		r.add(v, passkeytest.New(origin), live)
	}
	question, err := r.e.AskToAddPasskey(t.Context(), v, live)
	if err != nil {
		t.Fatal(err)
	}
	said, err := passkeytest.New(origin).Create(string(question))
	if err != nil {
		t.Fatal(err)
	}
	var full *authn.PasskeyError
	if _, err := r.e.AddPasskey(t.Context(), v, live, []byte(said)); !errors.As(err, &full) || full.Reason != authn.PasskeyFull {
		t.Errorf("got %v, want PasskeyFull", err)
	}
}

func TestPasskeysWorkWhereBrowsersAllowThem(t *testing.T) {
	for address, want := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com:8443": true, "http://localhost:4283": true, "https://localhost": true, "http://id.localhost:4283": true,
		"http://id.example.com": false, "http://192.168.1.5:4283": false, "https://192.168.1.5": false, "http://127.0.0.1:4283": false, "http://[::1]:4283": false, "http://localhost.example.com": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := authn.PasskeysWork(u); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

func TestQuestionForAPasskeySaysNothingOfThePerson(t *testing.T) {
	r, v := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}}), browser()
	live := r.signUp(v, passkeytest.New(origin), "ann@example.com")
	question, err := r.e.AskToAddPasskey(t.Context(), v, live)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		RP          struct{ ID string }
		User        struct{ ID, Name string }
		Attestation string
		Selection   struct {
			ResidentKey, UserVerification string
			RequireResidentKey            bool
		} `json:"authenticatorSelection"`
		Exclude []struct{ ID string } `json:"excludeCredentials"`
	}
	if err := json.Unmarshal(question, &o); err != nil {
		t.Fatal(err)
	}
	if o.RP.ID != "id.example.com" || o.Attestation != "none" || o.Selection.ResidentKey != "required" || !o.Selection.RequireResidentKey || o.Selection.UserVerification != "required" || len(o.Exclude) != 1 {
		t.Errorf("got %s", question)
	}
	if o.User.ID == "" || strings.Contains(o.User.ID, "ann") || o.User.Name != "ann@example.com" {
		t.Errorf("the handle is %q, the name %q", o.User.ID, o.User.Name)
	}
}

// FuzzAnswersOfAuthenticators: whatever is sent as an authenticator's answer, nobody is signed in by it, nothing is kept, and
// nothing breaks.
func FuzzAnswersOfAuthenticators(f *testing.F) {
	keys, err := secret.NewKeys(1, map[byte][secret.Size]byte{1: [secret.Size]byte(secret.Random(secret.Size))})
	if err != nil {
		f.Fatal(err)
	}
	e := authn.New(authn.Config{PublicURL: origin}, authn.Deps{Store: storagetest.Open(f), Keys: keys, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	a := passkeytest.New(origin)
	made, err := a.Create(`{"challenge":"AAAA","rp":{"id":"id.example.com"},"user":{"id":"AAAA"}}`)
	if err != nil {
		f.Fatal(err)
	}
	used, err := a.Get(`{"challenge":"AAAA","rpId":"id.example.com"}`)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{made, used, "", "{}", "null", "[]", strings.Repeat("[", 10000), strings.Repeat("x", 20000), `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVkA"}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"n59fn59fn59fn59f"}}`} {
		f.Add([]byte(seed))
	}
	v := browser()
	f.Fuzz(func(t *testing.T, credential []byte) {
		c := authn.Ceremony{Browser: v.Browser}
		if _, err := e.CheckedPasskey(t.Context(), c, credential); !errors.Is(err, authn.ErrPasskey) && !errors.Is(err, authn.ErrPasskeyGone) {
			t.Errorf("used: got %v", err)
		}
		if _, err := e.CheckedNewPasskey(t.Context(), v, c, credential); !errors.Is(err, authn.ErrPasskey) && !errors.Is(err, authn.ErrPasskeyGone) {
			t.Errorf("made: got %v", err)
		}
	})
}
