package authn_test

import (
	"context"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// protected is somebody with an authenticator.
type protected struct {
	*room
	user  storage.ID
	key   string
	codes []string // for recovery
	v     authn.Visitor
}

// protect signs ann@example.com up and sets up an authenticator.
func protect(r *room) *protected {
	r.Helper()
	p := &protected{room: r, v: browser()}
	in := r.signIn(p.v, "ann@example.com", "")
	p.user = in.Live.User.ID
	by := authn.SetUpBy{User: p.user, Place: in.Live.Session.ID, By: "user:" + p.user.String()}
	app, err := r.e.BeginTOTP(r.Context(), by)
	if err != nil {
		r.Fatal(err)
	}
	p.key = app.Key
	if err := r.e.ConfirmTOTP(r.Context(), p.v, by, p.code(0)); err != nil {
		r.Fatal(err)
	}
	if p.codes, err = r.e.UnsavedRecoveryCodes(r.Context(), by); err != nil || len(p.codes) != 10 {
		r.Fatalf("got codes %v, %v", p.codes, err)
	}
	r.pass(2 * time.Minute)
	return p
}

// code is what the authenticator shows, steps ahead of now.
func (p *protected) code(steps int) string {
	p.Helper()
	code, err := totp.GenerateCode(p.key, p.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		p.Fatal(err)
	}
	return code
}

// wrongCode is none that would do.
func (p *protected) wrongCode() string {
	right := []string{p.code(-2), p.code(-1), p.code(0), p.code(1), p.code(2)}
	for _, code := range []string{"000000", "000001", "000002", "000003", "000004", "000005"} {
		if !slices.Contains(right, code) {
			return code
		}
	}
	panic("six codes of five steps")
}

// signIn proves an address by code, in a flow of its own.
func (r *room) signIn(v authn.Visitor, address, cookie string) authn.SignIn {
	r.Helper()
	f, m := r.begin(v, address)
	in, err := r.e.CheckCode(r.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code, Cookie: cookie})
	if err != nil {
		r.Fatal(err)
	}
	return in
}

// half begins a sign-in that waits for the second factor.
func (p *protected) half(v authn.Visitor) string {
	p.Helper()
	in := p.signIn(v, "ann@example.com", "")
	if in.Step != authn.StepSecondFactor || in.Cookie != "" || in.Device != "" {
		p.Fatalf("after the first factor: got step %d, want the second factor and no cookie", in.Step)
	}
	return in.Flow.ID.String()
}

func openRoom(t *testing.T, store *storage.Store) *room {
	b := authn.DefaultBudgets()
	b.MailsPerAddressBurst, b.MailsPerAddressHour, b.NetworkMailsHour = 100, 100, 1000
	return newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}, Budgets: b})
}

func TestOneTimeStepIsOneSignInHoweverManyBringIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		code := p.code(0)
		var in, used atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			v := browser()
			flow := p.half(v)
			all.Go(func() {
				var gone *authn.CodeGone
				switch _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: code}); {
				case err == nil:
					in.Add(1)
				case errors.As(err, &gone) && gone.Why == authn.GoneSpent:
					used.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 || used.Load() != 7 {
			t.Errorf("%d signed in, %d were told that the code was used; want 1 and 7", in.Load(), used.Load())
		}
	})
}

func TestOneRecoveryCodeIsOneSignInHoweverManyBringIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		var in, wrong atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			v := browser()
			flow := p.half(v)
			all.Go(func() {
				switch _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: flow, Code: p.codes[3]}); {
				case err == nil:
					in.Add(1)
				case errors.Is(err, authn.ErrWrongAnswer):
					wrong.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 || wrong.Load() != 7 {
			t.Errorf("%d signed in, %d were refused; want 1 and 7", in.Load(), wrong.Load())
		}
	})
}

func TestParallelGuessesAtAnAuthenticatorCompareNoMoreThanTheBudget(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		var compared atomic.Int64
		var all sync.WaitGroup
		for range 5 {
			v := browser()
			flow, guess := p.half(v), p.wrongCode()
			for range 5 {
				all.Go(func() {
					if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: guess}); errors.Is(err, authn.ErrWrongAnswer) {
						compared.Add(1)
					} else if !errors.Is(err, authn.ErrTooMany) {
						t.Errorf("got %v", err)
					}
				})
			}
		}
		all.Wait()
		if compared.Load() != 10 {
			t.Errorf("%d guesses were compared, want 10", compared.Load())
		}
		v := browser()
		flow := p.half(v)
		if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)}); !errors.Is(err, authn.ErrTooMany) {
			t.Errorf("the right code after that, from elsewhere: got %v, want ErrTooMany", err)
		}
		if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: flow, Code: p.codes[0]}); err != nil {
			t.Errorf("a recovery code after that: got %v, want the sign-in", err)
		}
	})
}

func TestAuthenticatorCodesOfTheStepsBesideCountAndNoOthers(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	for _, c := range []struct {
		steps int
		want  error
	}{{-2, authn.ErrWrongAnswer}, {-1, nil}, {0, nil}, {1, nil}, {2, authn.ErrWrongAnswer}} {
		v := browser()
		in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(c.steps)})
		if !errors.Is(err, c.want) || err == nil && (in.Live.Session.ACR != authn.ACR2 || in.Live.Session.AMR != "otp mfa" || in.Live.Session.Methods != "code totp") {
			t.Errorf("%d steps away: got %v and a session with %s, %s, %s", c.steps, err, in.Live.Session.ACR, in.Live.Session.AMR, in.Live.Session.Methods)
		}
	}
	v := browser()
	flow := p.half(v)
	for _, code := range []string{p.code(0), p.code(-1)} {
		if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: code}); !errors.Is(err, authn.ErrCodeGone) {
			t.Errorf("a code of a step that is over: got %v, want ErrCodeGone", err)
		}
	}
}

func TestCodeThatTurnedAnAuthenticatorOnSignsNobodyIn(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	v := browser()
	in := r.signIn(v, "ann@example.com", "")
	p := &protected{room: r, user: in.Live.User.ID}
	by := authn.SetUpBy{User: p.user, Place: in.Live.Session.ID}
	app, err := r.e.BeginTOTP(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	p.key = app.Key
	if in := r.signIn(browser(), "ann@example.com", ""); in.Step != authn.StepDone {
		t.Errorf("an authenticator that no code has confirmed: got step %d, want that nobody is asked for it", in.Step)
	}
	code := p.code(0)
	if err := r.e.ConfirmTOTP(t.Context(), v, by, p.wrongCode()); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("a wrong code: got %v", err)
	}
	if err := r.e.ConfirmTOTP(t.Context(), v, by, code); err != nil {
		t.Fatal(err)
	}
	if _, err := r.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: code}); !errors.Is(err, authn.ErrCodeGone) {
		t.Errorf("got %v, want ErrCodeGone", err)
	}
	if err := r.e.ConfirmTOTP(t.Context(), v, by, code); !errors.Is(err, authn.ErrNoSetUp) {
		t.Errorf("confirmed twice: got %v, want ErrNoSetUp", err)
	}
}

func TestKeyOfAnAuthenticatorIsSeenOnlyWhereItIsSetUp(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	mine, theirs := r.signIn(browser(), "ann@example.com", ""), r.signIn(browser(), "ann@example.com", "")
	user := mine.Live.User.ID
	one, err := r.e.BeginTOTP(t.Context(), authn.SetUpBy{User: user, Place: mine.Live.Session.ID})
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.e.BeginTOTP(t.Context(), authn.SetUpBy{User: user, Place: mine.Live.Session.ID})
	if err != nil || again != one {
		t.Errorf("begun again in the same place: got %v, %v, want the same key", again, err)
	}
	if key, err := base32.StdEncoding.DecodeString(one.Key); err != nil || len(key) != 20 || !strings.Contains(one.URI, "ann@example.com") {
		t.Errorf("got %q, %q, %v, want 160 bits and whose they are", one.Key, one.URI, err)
	}
	if _, err := r.e.SettingUpTOTP(t.Context(), authn.SetUpBy{User: user, Place: theirs.Live.Session.ID}); !errors.Is(err, authn.ErrNoSetUp) {
		t.Errorf("elsewhere: got %v, want ErrNoSetUp", err)
	}
	other, err := r.e.BeginTOTP(t.Context(), authn.SetUpBy{User: user, Place: theirs.Live.Session.ID})
	if err != nil || other.Key == one.Key {
		t.Errorf("begun elsewhere: got %v, %v, want another key", other, err)
	}
}

func TestNothingAnAuthenticatorKeepsLiesOpenInTheDatabase(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	row, err := p.store.View(t.Context()).UserTOTP(p.user)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base32.StdEncoding.DecodeString(p.key)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(row.Sealed), string(key)) {
		t.Error("the key is not sealed")
	}
	moved := row
	moved.ID = storage.NewID()
	if err := p.store.Write(t.Context(), func(tx storage.Tx) error { return tx.ReplaceTOTP(moved) }); err != nil {
		t.Fatal(err)
	}
	v := browser()
	if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0)}); err == nil || errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("a sealed key in another row: got %v, want that it does not open", err)
	}
}

func TestSecondFactorIsAskedOnlyOfWhoeverHasProvenTheFirst(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	f, m := p.begin(v, "ann@example.com")
	flow := f.ID.String()
	try := func(name string, v authn.Visitor, flow string, want error) {
		t.Helper()
		for kind, check := range map[string]func(context.Context, authn.Visitor, authn.Answer) (authn.SignIn, error){"totp": p.e.CheckTOTP, "code": p.e.CheckSecondCode} {
			if _, err := check(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)}); !errors.Is(err, want) {
				t.Errorf("%s, %s: got %v, want %v", name, kind, err, want)
			}
		}
		if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: flow, Code: p.codes[0]}); !errors.Is(err, want) {
			t.Errorf("%s, recovery: got %v, want %v", name, err, want)
		}
		if err := p.e.SendSecondCode(t.Context(), v, flow); !errors.Is(err, want) {
			t.Errorf("%s, mail: got %v, want %v", name, err, want)
		}
		if _, err := p.e.ProtectTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)}); !errors.Is(err, want) {
			t.Errorf("%s, set-up: got %v, want %v", name, err, want)
		}
		if err := p.e.BeginProtectTOTP(t.Context(), v, flow); !errors.Is(err, want) {
			t.Errorf("%s, begin set-up: got %v, want %v", name, err, want)
		}
	}
	try("nothing proven", v, flow, authn.ErrSignIn)
	if _, err := p.e.CheckCode(t.Context(), v, authn.Answer{Flow: flow, Code: m.Code}); err != nil {
		t.Fatal(err)
	}
	try("another browser", browser(), flow, authn.ErrFlowGone)
	if err := p.e.SendSecondCode(t.Context(), v, flow); !errors.Is(err, authn.ErrSignIn) {
		t.Errorf("a code after a code: got %v, want that none is sent", err)
	}
	if err := p.e.BeginProtectTOTP(t.Context(), v, flow); !errors.Is(err, authn.ErrSignIn) {
		t.Errorf("another authenticator before the one there is: got %v, want ErrSignIn", err)
	}
	if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)}); err != nil {
		t.Fatal(err)
	}
	try("the flow has ended", v, flow, authn.ErrFlowDone)
}

func TestProofsOfTwoPeopleDoNotAddUp(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	p.signIn(browser(), "bob@example.com", "")
	flow := p.half(v)
	// Bob, who needs one factor only, types his address into the flow in which Ann has proven hers.
	if err := p.e.SendCode(t.Context(), v, flow, "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	m, err := p.mails.Wait(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	code := p.code(0)
	in, err := p.e.CheckCode(t.Context(), v, authn.Answer{Flow: flow, Code: m.Code})
	if err != nil || in.Step != authn.StepDone || in.Live.Session.UserID == p.user || in.Live.Session.ACR != authn.ACR {
		t.Fatalf("got %+v, %v, want Bob with one factor", in, err)
	}
	if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: code}); !errors.Is(err, authn.ErrFlowDone) {
		t.Errorf("Ann's second factor in Bob's flow: got %v, want ErrFlowDone", err)
	}
}

func TestSignInOfAPersonWhoIsDisabledMeanwhileIsOverEvenIfTheyAreLetInAgain(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	flow := p.half(v)
	if err := p.e.DisableUser(t.Context(), "test", p.user); err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{false, true} {
		if again {
			p.must(p.e.EnableUser(t.Context(), "test", p.user))
		}
		if in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)}); !errors.Is(err, authn.ErrSignIn) {
			t.Errorf("let in again %v: got %+v, %v, want ErrSignIn", again, in, err)
		}
	}
}

func TestTrustedBrowserIsExcusedUntilSomethingEndsIt(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		trust := func() authn.Visitor {
			t.Helper()
			v := browser()
			in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0), Trust: true})
			if err != nil {
				t.Fatal(err)
			}
			v.Device = in.Device
			p.pass(time.Minute)
			in = p.signIn(v, "ann@example.com", "")
			if in.Step != authn.StepDone || in.Live.Session.Methods != "code device" || in.Live.Session.ACR != authn.ACR || in.Device == v.Device {
				t.Fatalf("in a trusted browser: got step %d, %q, %q and the cookie %q, want one factor, told apart, and another cookie", in.Step, in.Live.Session.Methods, in.Live.Session.ACR, in.Device)
			}
			if old := p.signIn(v, "ann@example.com", ""); old.Step != authn.StepSecondFactor {
				t.Fatalf("with the cookie before: got step %d, want the second factor", old.Step)
			}
			v.Device = in.Device
			return v
		}
		for name, end := range map[string]func(v authn.Visitor){
			"30 days": func(authn.Visitor) { p.pass(30 * 24 * time.Hour) },
			"signed out everywhere": func(authn.Visitor) {
				if err := p.e.SignOutEverywhere(t.Context(), "test", p.user); err != nil {
					t.Fatal(err)
				}
			},
			"forgotten": func(v authn.Visitor) {
				if list, err := p.e.TrustedDevices(t.Context(), v, p.user); err != nil || len(list) != 1 || !list[0].Here {
					t.Fatalf("got %+v, %v, want this one", list, err)
				}
				if err := p.e.ForgetTrust(t.Context(), "test", p.user); err != nil {
					t.Fatal(err)
				}
			},
			"the preference changed": func(authn.Visitor) {
				if err := p.e.PreferSecondFactor(t.Context(), "test", p.user, authn.Preference{Method: authn.MethodTOTP, On: true}); err != nil {
					t.Fatal(err)
				}
			},
		} {
			v := trust()
			end(v)
			if in := p.signIn(v, "ann@example.com", ""); in.Step != authn.StepSecondFactor {
				t.Errorf("%s: got step %d, want the second factor", name, in.Step)
			}
		}
		v := trust()
		if err := p.e.RemoveTOTP(t.Context(), "test", p.user); err != nil {
			t.Fatal(err)
		}
		list, err := p.e.TrustedDevices(t.Context(), v, p.user)
		if err != nil || len(list) != 0 {
			t.Errorf("after the removal of the factor: got %+v, %v, want none", list, err)
		}
		if has, err := p.e.Factors(t.Context(), p.user); err != nil || has.TOTP || has.RecoveryCodes != 0 || len(has.On) != 0 {
			t.Errorf("after the removal: got %+v, %v, want nothing left", has, err)
		}
	})
}

func TestTrustOfOneBrowserIsNobodyElses(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0), Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	v.Device = in.Device
	bob := p.signIn(v, "bob@example.com", "")
	if list, err := p.e.TrustedDevices(t.Context(), v, bob.Live.User.ID); err != nil || len(list) != 0 {
		t.Errorf("Bob's: got %+v, %v, want none", list, err)
	}
	v.Device = bob.Device
	if in := p.signIn(v, "ann@example.com", ""); in.Step != authn.StepDone {
		t.Errorf("Ann's, after Bob has signed in there: got step %d, want that it still is", in.Step)
	}
}

func TestGuessesOfStrangersDoNotSlowTheOwnerInABrowserOfTheirs(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		b := authn.DefaultBudgets()
		b.WrongGuessesPerAddressHour, b.MailsPerAddressBurst, b.MailsPerAddressHour, b.SecondFactorGuessesHour = 3, 30, 30, 3
		p := protect(newRoom(t, store, authn.Config{Experience: authn.Experience{SignUp: "open"}, Budgets: b}))
		v := browser()
		in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0)})
		if err != nil {
			t.Fatal(err)
		}
		v.Device = in.Device
		p.pass(time.Minute)

		use := func(v authn.Visitor) (wrongs int) {
			t.Helper()
			flow := ""
			for wrongs < 20 {
				if wrongs%4 == 0 {
					f, _ := p.begin(v, "ann@example.com")
					flow = f.ID.String()
				}
				if _, err := p.e.CheckCode(t.Context(), v, authn.Answer{Flow: flow, Code: "000000"}); errors.Is(err, authn.ErrTooMany) {
					return wrongs
				} else if !errors.Is(err, authn.ErrWrongAnswer) {
					t.Fatalf("got %v", err)
				}
				wrongs++
			}
			return wrongs
		}
		if n := use(browser()); n != 3 {
			t.Errorf("a stranger had %d guesses, want 3", n)
		}
		if n := use(browser()); n != 0 {
			t.Errorf("another stranger had %d guesses, want none", n)
		}
		if in := p.signIn(v, "ann@example.com", ""); in.Step != authn.StepSecondFactor {
			t.Errorf("the owner's code in their browser: got step %d", in.Step)
		}
		// A stolen cookie is worth its own budget and no more; that of the address is not touched.
		if n := use(v); n != 3 {
			t.Errorf("with the owner's cookie: %d guesses, want 3", n)
		}
		stolen := v
		stolen.Browser, stolen.Network = authn.NewBrowser(), "198.51.100.7"
		if n := use(stolen); n != 0 {
			t.Errorf("with the owner's cookie from elsewhere: %d guesses more, want none", n)
		}
		if n := use(authn.Visitor{Network: "198.51.100.8", Browser: authn.NewBrowser(), Device: "made up"}); n != 3 {
			t.Errorf("with a cookie that was made up: %d guesses, want the address's own 3, given back by the owner's sign-in", n)
		}
	})
}

func TestGuessesAtAnAuthenticatorDoNotSlowTheOwnerInABrowserOfTheirs(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	in, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0)})
	if err != nil {
		t.Fatal(err)
	}
	v.Device = in.Device
	p.pass(time.Minute)
	thief := browser()
	flow := p.half(thief)
	for n := 0; ; n++ {
		_, err := p.e.CheckTOTP(t.Context(), thief, authn.Answer{Flow: flow, Code: p.wrongCode()})
		if errors.Is(err, authn.ErrTooMany) {
			if n != 10 {
				t.Errorf("the thief of the first factor had %d guesses, want 10", n)
			}
			break
		}
		if !errors.Is(err, authn.ErrWrongAnswer) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.code(0)}); err != nil {
		t.Errorf("the owner in their browser: got %v", err)
	}
}

func TestSetUpThatTheServerDemandsHappensInsideTheSignIn(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open", SecondFactor: authn.SecondFactorRequired}})
	v := browser()
	in := r.signIn(v, "ann@example.com", "")
	if in.Step != authn.StepEnrol || in.Cookie != "" {
		t.Fatalf("got step %d, want the set-up and no session", in.Step)
	}
	flow := in.Flow.ID.String()
	if _, err := r.e.ProtectTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: "123456"}); !errors.Is(err, authn.ErrNoSetUp) {
		t.Errorf("before it was begun: got %v, want ErrNoSetUp", err)
	}
	if err := r.e.BeginProtectTOTP(t.Context(), v, flow); err != nil {
		t.Fatal(err)
	}
	by := authn.SetUpIn(in.Flow)
	app, err := r.e.SettingUpTOTP(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	p := &protected{room: r, key: app.Key, user: by.User}
	if _, err := r.e.ProtectTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.wrongCode()}); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("a wrong code: got %v", err)
	}
	done, err := r.e.ProtectTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0)})
	if err != nil || done.Step != authn.StepDone || done.Live.Session.ACR != authn.ACR2 {
		t.Fatalf("got %+v, %v, want a session of two factors", done, err)
	}
	codes, err := r.e.UnsavedRecoveryCodes(t.Context(), by)
	if err != nil || len(codes) != 10 {
		t.Fatalf("got %v, %v, want the recovery codes", codes, err)
	}
	if err := r.e.SavedRecoveryCodes(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	if codes, err := r.e.UnsavedRecoveryCodes(t.Context(), by); err != nil || codes != nil {
		t.Errorf("once they are saved: got %v, %v, want that nobody sees them again", codes, err)
	}
}

func TestOldSessionSetsUpNoSecondFactorOnItsWayUp(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	v := browser()
	in := r.signIn(v, "ann@example.com", "")
	raise := func() (authn.SignIn, error) {
		t.Helper()
		f, err := r.e.Begin(t.Context(), v, authn.Start{ReturnTo: "/back", Demands: authn.Demands{RequiredACR: []string{authn.ACR2}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.e.Raise(t.Context(), v, f.ID.String(), in.Cookie)
	}
	if up, err := raise(); err != nil || up.Step != authn.StepEnrol {
		t.Errorf("just signed in: got %+v, %v, want the set-up", up, err)
	}
	r.pass(6 * time.Minute)
	if _, err := raise(); !errors.Is(err, authn.ErrSignIn) {
		t.Errorf("six minutes later: got %v, want ErrSignIn", err)
	}
}

func TestRecoveryCodesAreReadAsPeopleTypeThem(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	for i, form := range []func(string) string{
		strings.ToUpper, func(s string) string { return strings.ReplaceAll(s, "-", "") }, func(s string) string { return " " + strings.ReplaceAll(s, "-", " ") + "\t" },
		func(s string) string { return strings.NewReplacer("0", "o", "1", "L").Replace(s) },
	} {
		v := browser()
		if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: p.half(v), Code: form(p.codes[i])}); err != nil {
			t.Errorf("%q: got %v", form(p.codes[i]), err)
		}
	}
	v := browser()
	flow := p.half(v)
	for _, typed := range []string{"", "123456", p.codes[9] + "0", p.codes[9][1:], strings.Repeat("u", 16), strings.Repeat("0", 100)} {
		if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: flow, Code: typed}); !errors.Is(err, authn.ErrNotAnswer) {
			t.Errorf("%q: got %v, want ErrNotAnswer", typed, err)
		}
	}
	if has, err := p.e.Factors(t.Context(), p.user); err != nil || has.RecoveryCodes != 6 {
		t.Errorf("got %d codes left, %v, want 6", has.RecoveryCodes, err)
	}
	by := authn.SetUpBy{User: p.user, Place: storage.NewID(), By: "test"}
	if err := p.e.NewRecoveryCodes(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: flow, Code: p.codes[9]}); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("a code of the set before: got %v, want ErrWrongAnswer", err)
	}
}
