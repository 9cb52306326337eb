package authn_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// types types a code that was told, in a browser.
func (r *room) types(v authn.Visitor, identifier, code string) (authn.SignIn, error) {
	r.Helper()
	return r.e.CheckLetterCode(r.Context(), v, authn.ToldCode{Flow: r.flow(v, authn.Start{ReturnTo: "/account"}), Identifier: identifier, Code: code, Remember: true})
}

// tells makes a code for somebody.
func (r *room) tells(user storage.ID) string {
	r.Helper()
	made, err := r.e.WriteLetterCode(r.Context(), "cli", user)
	r.must(err)
	if !regexp.MustCompile(`^\d{4} \d{4} \d{4}$`).MatchString(made.Code) {
		r.Fatalf("the code is %q", made.Code)
	}
	return made.Code
}

// otherThan is a code of the same form that is not right.
func otherThan(code string) string {
	last := (code[len(code)-1]-'0'+1)%10 + '0'
	return code[:len(code)-1] + string(last)
}

func TestToldCodeSignsInOnceAndAsksForTheSecondFactor(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		first := p.tells(p.user)
		code := p.tells(p.user)
		if _, err := p.types(browser(), "ann@example.com", first); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Errorf("one that another has replaced: got %v", err)
		}
		if _, err := p.types(browser(), "ann@example.com", "482913"); !errors.Is(err, authn.ErrNotAnswer) {
			t.Errorf("six digits: got %v", err)
		}
		v := browser()
		in, err := p.types(v, "Ann@Example.com", strings.ReplaceAll(code, " ", "-"))
		if err != nil || in.Step != authn.StepSecondFactor || in.Cookie != "" {
			t.Fatalf("got step %d and cookie %q, %v, want the second factor", in.Step, in.Cookie, err)
		}
		if _, err := p.types(browser(), "ann@example.com", code); !errors.Is(err, authn.ErrWrongAnswer) {
			t.Errorf("a second time: got %v", err)
		}
		in, err = p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: in.Flow.ID.String(), Code: p.code(0)})
		if err != nil || in.Live.Session.Methods != "letter totp" || in.Live.Session.AMR != "otp mfa" {
			t.Errorf("got %+v, %v", in.Live.Session, err)
		}
		log, err := p.store.View(t.Context()).EventsWith(storage.EventFilter{User: p.user, Kind: storage.EventCodeMade}, storage.ID{}, 9)
		if err != nil || len(log) != 2 || log[0].Actor != "cli" || log[0].Detail != "" {
			t.Errorf("the log says %+v, %v", log, err)
		}
	})
}

func TestToldCodeIsForItsPersonAndItsQuarterOfAnHour(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	var people []storage.User
	for _, address := range []string{"ann@example.com", "ben@example.com"} {
		u, err := r.e.CreateUser(t.Context(), "cli", address, "")
		r.must(err)
		people = append(people, u)
	}
	code := r.tells(people[0].ID)
	if _, err := r.types(browser(), "ben@example.com", code); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("beside somebody else's address: got %v", err)
	}
	if in, err := r.types(browser(), "ann", code); err != nil || in.Live.User.ID != people[0].ID {
		t.Errorf("beside the username: got %+v, %v", in, err)
	}
	code = r.tells(people[0].ID)
	r.pass(15*time.Minute + time.Second)
	if _, err := r.types(browser(), "ann@example.com", code); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("after a quarter of an hour: got %v", err)
	}
	code = r.tells(people[0].ID)
	r.must(r.e.DisableUser(t.Context(), "cli", people[0].ID))
	if _, err := r.types(browser(), "ann@example.com", code); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("of somebody disabled: got %v", err)
	}
	v := browser()
	flow := r.flow(v, authn.Start{ReturnTo: "/account"})
	if _, err := r.e.CheckLetterCode(t.Context(), browser(), authn.ToldCode{Flow: flow, Identifier: "ben@example.com", Code: r.tells(people[1].ID)}); !errors.Is(err, authn.ErrFlowGone) {
		t.Errorf("in a flow of another browser: got %v", err)
	}
	// It is no code of a mail: neither kind is taken for the other.
	f, _ := r.begin(v, "ben@example.com")
	if _, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: r.tells(people[1].ID)}); !errors.Is(err, authn.ErrNotAnswer) {
		t.Errorf("where a mailed code is asked for: got %v", err)
	}
}

func TestStrangersDoNotUseUpAToldCode(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		b := generous()
		b.GuessesPerCode, b.WrongGuessesPerAddressHour = 2, 8
		r := newRoom(t, store, authn.Config{Budgets: b})
		u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
		r.must(err)
		home := browser()
		in, err := r.types(home, "ann@example.com", r.tells(u.ID))
		r.must(err)
		home.Device = in.Device
		for _, hers := range []struct {
			v          authn.Visitor
			identifier string
		}{{browser(), "ann"}, {home, "ann@example.com"}} {
			code := r.tells(u.ID)
			for { // as often as the address may be guessed at
				_, err := r.types(browser(), "ann@example.com", otherThan(code))
				if errors.Is(err, authn.ErrTooMany) {
					break
				}
				if !errors.Is(err, authn.ErrWrongAnswer) {
					t.Fatalf("a wrong one: got %v", err)
				}
			}
			if in, err := r.types(hers.v, hers.identifier, code); err != nil || in.Live.User.ID != u.ID {
				t.Errorf("the right one beside %s, after strangers have guessed: got %v", hers.identifier, err)
			}
			r.pass(time.Hour)
		}
	})
}

func TestGuessesAtAToldCodeHaveAnEnd(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
	r.must(err)
	for guesses, want := range map[int]error{999: nil, 1000: authn.ErrWrongAnswer} {
		code := r.tells(u.ID)
		r.must(r.store.Write(t.Context(), func(tx storage.Tx) error {
			o, err := tx.BoundOTP(u.ID, "letter", "")
			for i := 0; i < guesses && err == nil; i++ {
				err = tx.GuessOTP(o.ID, r.now().UnixMicro(), 1000)
			}
			return err
		}))
		if _, err := r.types(browser(), "ann@example.com", code); !errors.Is(err, want) {
			t.Errorf("the right one after %d guesses: got %v, want %v", guesses, err, want)
		}
	}
}

func TestGuessesAtToldCodesAreCountedByAddress(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		b := generous()
		b.WrongGuessesPerAddressHour = 8
		r := newRoom(t, store, authn.Config{Budgets: b})
		u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
		r.must(err)
		code := r.tells(u.ID)
		for range 3 {
			if _, err := r.types(browser(), "ann@example.com", otherThan(code)); !errors.Is(err, authn.ErrWrongAnswer) {
				t.Fatalf("a wrong one: got %v", err)
			}
		}
		if _, err := r.types(browser(), "ann@example.com", code); err != nil { // gives its own guess back, and no other
			t.Errorf("the right one after three wrong ones: got %v", err)
		}
		code = r.tells(u.ID)
		for i := range 6 {
			_, err := r.types(browser(), "ann@example.com", otherThan(code))
			if want := map[bool]error{true: authn.ErrWrongAnswer, false: authn.ErrTooMany}[i < 5]; !errors.Is(err, want) {
				t.Fatalf("guess %d of the hour: got %v, want %v", 4+i, err, want)
			}
		}
		if _, err := r.types(browser(), "ann@example.com", r.tells(u.ID)); !errors.Is(err, authn.ErrTooMany) {
			t.Errorf("a right one when the hour's guesses are used up: got %v", err)
		}
	})
}

func TestWhoeverHasNoToldCodeTakesTheStatementsOfWhoeverHas(t *testing.T) {
	counts := &counter{}
	store, err := storage.Open(t.Context(), storage.Options{Dir: t.TempDir(), Trace: counts.count})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := generous()
	b.WrongGuessesPerAddressHour = 3
	r := newRoom(t, store, authn.Config{Budgets: b})
	right := map[string]string{}
	for _, name := range []string{"ann", "bob", "cat"} {
		u, err := r.e.CreateUser(t.Context(), "cli", name+"@example.com", "")
		r.must(err)
		if name != "bob" { // who has no code
			right[name+"@example.com"] = r.tells(u.ID)
		}
		if name == "cat" {
			r.must(r.e.DisableUser(t.Context(), "cli", u.ID))
		}
	}
	took := map[string][]string{}
	for _, identifier := range []string{"ann@example.com", "ann", "bob@example.com", "cat@example.com", "eve@example.com", "eve"} {
		v := browser()
		flow := r.flow(v, authn.Start{})
		code := "0000 0000 0000"
		if identifier == "cat@example.com" {
			code = right[identifier] // disabled: the right one looks the same, too
		}
		counts.take()
		var answers []string
		for range 4 { // the fourth is one too many
			_, err := r.e.CheckLetterCode(t.Context(), v, authn.ToldCode{Flow: flow, Identifier: identifier, Code: code})
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
