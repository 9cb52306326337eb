package authn_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// open opens a link of an administrator in a browser.
func (r *room) open(v authn.Visitor, token, cookie string) (authn.SignIn, error) {
	r.Helper()
	return r.e.OpenLetter(r.Context(), v, authn.Answer{Flow: r.flow(v, authn.Start{ReturnTo: "/account"}), Token: token, Remember: true, Cookie: cookie})
}

func TestLinkOfAnAdministratorWorksOnceAndAsksForTheSecondFactor(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		p := protect(openRoom(t, store))
		made, err := p.e.WriteLetter(t.Context(), "cli", p.user, false)
		p.must(err)
		for range 3 {
			if who, err := p.e.AdminLetter(t.Context(), made.Token); err != nil || who != "a•••@example.com" {
				t.Fatalf("looking: got %q, %v", who, err)
			}
		}
		for _, forged := range []string{"", made.Token + "x", made.Token[1:], strings.ToLower(made.Token)} {
			if _, err := p.open(browser(), forged, ""); !errors.Is(err, authn.ErrLinkGone) {
				t.Errorf("%q: got %v, want ErrLinkGone", forged, err)
			}
		}
		v := browser()
		in, err := p.open(v, made.Token, "")
		if err != nil || in.Step != authn.StepSecondFactor || in.Cookie != "" {
			t.Fatalf("got step %d and cookie %q, %v, want the second factor", in.Step, in.Cookie, err)
		}
		if _, err := p.open(browser(), made.Token, ""); !errors.Is(err, authn.ErrLinkGone) {
			t.Errorf("a second time: got %v, want ErrLinkGone", err)
		}
		in, err = p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: in.Flow.ID.String(), Code: p.code(0)})
		if err != nil || in.Live.Session.Methods != "letter totp" {
			t.Errorf("got %+v, %v", in.Live.Session, err)
		}
	})
}

func TestRecoveryAsksForNoSecondFactorAndOpensTheAccountPageAlone(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	made, err := p.e.WriteLetter(t.Context(), "cli", p.user, true)
	p.must(err)
	in, err := p.open(browser(), made.Token, "")
	if err != nil || in.Step != authn.StepDone || in.Live.Session.ACR != authn.ACR || in.Life != 0 {
		t.Fatalf("got %+v, %v, want a session of one factor that ends with the browser", in, err)
	}
	live, err := p.e.Session(t.Context(), in.Cookie)
	if err != nil || live == nil {
		t.Fatalf("got %v, %v", live, err)
	}
	if step := authn.Next(nil, authn.Demands{}, live, storage.Client{}, p.now().UnixMicro()); step != authn.StepDone {
		t.Errorf("the account page: got step %d, want done", step)
	}
	if step := authn.Next(nil, authn.Demands{}, live, storage.Client{ID: "bookstore"}, p.now().UnixMicro()); step != authn.StepSignIn {
		t.Errorf("an application: got step %d, want a sign-in", step)
	}
	if has, err := p.e.Factors(t.Context(), p.user); err != nil || !has.TOTP || has.RecoveryCodes != 10 {
		t.Errorf("left are %+v, %v, want everything", has, err)
	}
	events, err := p.store.View(t.Context()).UserEvents(p.user, storage.ID{}, 0, 50)
	p.must(err)
	if !slices.ContainsFunc(events, func(e storage.Event) bool { return e.Kind == storage.EventRecoveryMade && e.Actor == "cli" }) ||
		!slices.ContainsFunc(events, func(e storage.Event) bool { return e.Kind == storage.EventSignedIn && e.Detail == "letter recovered" }) {
		t.Errorf("the log does not say so: %+v", events)
	}
	for range 12 { // being asked does not move its end
		p.pass(5*time.Minute + time.Second)
		if live, err = p.e.Session(t.Context(), in.Cookie); err != nil {
			t.Fatal(err)
		}
	}
	if live != nil {
		t.Error("after an hour the session lives on")
	}
	p.half(browser()) // and the next sign-in asks for it again
}

func TestServerThatDemandsASecondFactorStillLetsWhoeverRecoversSetOneUp(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open", SecondFactor: authn.SecondFactorRequired}})
	u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
	r.must(err)
	made, err := r.e.WriteLetter(t.Context(), "cli", u.ID, true)
	r.must(err)
	in, err := r.open(browser(), made.Token, "")
	r.must(err)
	if live, err := r.e.Session(t.Context(), in.Cookie); err != nil || live == nil || live.Short {
		t.Errorf("got %+v, %v, want the account page open", live, err)
	}
}

func TestLinkOfAnAdministratorIsOverAfterAnHourAndForWhoeverIsDisabled(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
	r.must(err)
	late, err := r.e.WriteLetter(t.Context(), "cli", u.ID, true)
	r.must(err)
	r.pass(time.Hour + time.Second)
	if _, err := r.open(browser(), late.Token, ""); !errors.Is(err, authn.ErrLinkGone) {
		t.Errorf("after an hour: got %v", err)
	}
	made, err := r.e.WriteLetter(t.Context(), "cli", u.ID, true)
	r.must(err, r.e.DisableUser(t.Context(), "cli", u.ID))
	if _, err := r.open(browser(), made.Token, ""); !errors.Is(err, authn.ErrLinkGone) {
		t.Errorf("of somebody disabled: got %v", err)
	}
}

// A value that a session had before somebody proved more is worth nothing after it (ASVS 7.2.4).
func TestEverySignInGivesTheBrowserAnotherSession(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	p.must(p.e.SetPassword(t.Context(), "cli", p.user, authn.NewPassword{Password: "seventeen horses at dawn", KeepOthers: true}))
	half := func(v authn.Visitor, cookie string) string {
		f, m := p.begin(v, "ann@example.com")
		in, err := p.e.CheckCode(t.Context(), v, authn.Answer{Flow: f.ID.String(), Code: m.Code, Cookie: cookie})
		p.must(err)
		if in.Cookie != "" {
			t.Fatal("half a sign-in has given a cookie")
		}
		return in.Flow.ID.String()
	}
	v, cookie, codes := browser(), "", p.codes
	for name, signIn := range map[string]func() (authn.SignIn, error){
		"code and authenticator": func() (authn.SignIn, error) {
			return p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: half(v, cookie), Code: p.code(0), Cookie: cookie})
		},
		"code and recovery code": func() (authn.SignIn, error) {
			code := codes[0]
			codes = codes[1:]
			return p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: half(v, cookie), Code: code, Cookie: cookie})
		},
		"password and authenticator": func() (authn.SignIn, error) {
			flow := p.flow(v, authn.Start{ReturnTo: "/back"})
			if _, err := p.e.CheckPassword(t.Context(), v, authn.Attempt{Flow: flow, Identifier: "ann@example.com", Password: "seventeen horses at dawn", Cookie: cookie}); err != nil {
				return authn.SignIn{}, err
			}
			return p.e.CheckTOTP(t.Context(), v, authn.Answer{Flow: flow, Code: p.code(0), Cookie: cookie})
		},
		"link of an administrator": func() (authn.SignIn, error) {
			made, err := p.e.WriteLetter(t.Context(), "cli", p.user, true)
			p.must(err)
			return p.open(v, made.Token, cookie)
		},
	} {
		p.pass(2 * time.Minute)
		in, err := signIn()
		if err != nil || in.Step != authn.StepDone || in.Cookie == "" || in.Cookie == cookie {
			t.Fatalf("%s: got step %d, %v, and cookie %q after %q", name, in.Step, err, in.Cookie, cookie)
		}
		if cookie != "" {
			if live, err := p.e.Session(t.Context(), cookie); err != nil || live != nil {
				t.Errorf("%s: the session before lives on: %v, %v", name, live, err)
			}
		}
		cookie, v.Device = in.Cookie, in.Device
	}
	live, err := p.store.View(t.Context()).UserSessions(p.user, p.now().UnixMicro())
	if err != nil || len(live) != 2 { // this browser's, and the one in which the authenticator was set up
		t.Errorf("%d sessions live, %v, want two", len(live), err)
	}
}
