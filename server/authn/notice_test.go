package authn_test

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
	"gatelatch/views/words"
)

// told lists the kinds of notices that a person was sent, each with where it went.
func (r *room) told(user storage.ID) []string {
	r.Helper()
	list, err := r.store.View(r.Context()).Notices(user, 0, r.now().UnixMicro())
	if err != nil {
		r.Fatal(err)
	}
	told := []string{}
	for _, n := range list {
		told = append(told, n.Kind+" "+n.Address)
	}
	return told
}

// notice is the next notice to an address, and the token of its link.
func (r *room) notice(address string) (m email.Message, token string) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	m, err := r.mails.WaitFor(ctx, address, email.AccountChange)
	if err != nil {
		r.Fatal(err)
	}
	link, err := url.Parse(m.Link)
	if err != nil || !strings.HasPrefix(m.Link, "https://id.example.com/sign-in/not-me?t=") || !strings.Contains(m.HTML, m.Link) || !strings.Contains(m.Text, m.Link) {
		r.Fatalf("the notice has the link %q, %v", m.Link, err)
	}
	return m, link.Query().Get("t")
}

// adds proves a further address of a person.
func (r *room) adds(v authn.Visitor, user storage.ID, address string) {
	r.Helper()
	if _, err := r.e.AddAddress(r.Context(), v, user, address); err != nil {
		r.Fatal(err)
	}
	m, err := r.mails.Wait(r.Context(), address)
	if err == nil {
		err = r.e.CheckAddress(r.Context(), v, user, address, m.Code)
	}
	if err != nil {
		r.Fatal(err)
	}
}

// must ends the test if anything went wrong.
func (r *room) must(errs ...error) {
	r.Helper()
	if err := errors.Join(errs...); err != nil {
		r.Fatal(err)
	}
}

func TestEveryChangeToAnAccountIsToldByMail(t *testing.T) {
	p := protect(newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}, Lifetimes: authn.Lifetimes{AccountDeletion: 7 * 24 * time.Hour}}))
	ctx, by := t.Context(), "user:"+p.user.String()
	p.adds(p.v, p.user, "ann@new.example")
	p.must(
		p.e.SetPassword(ctx, by, p.user, authn.NewPassword{Password: "seventeen horses at dawn"}),
		p.e.SetPassword(ctx, "cli", p.user, authn.NewPassword{Password: "eighteen horses at dawn"}),
		p.e.RemovePassword(ctx, by, p.user),
		p.e.NewRecoveryCodes(ctx, authn.SetUpBy{User: p.user, By: by}),
		p.e.MakePrimary(ctx, p.v, p.user, storage.ID{}, "ann@new.example"),
		p.e.RemoveAddress(ctx, p.v, p.user, storage.ID{}, "ann@example.com"),
		p.e.RemoveTOTP(ctx, by, p.user),
	)
	if _, err := p.e.EndAccount(ctx, p.v, p.user, "ann@new.example"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"totp_added ann@example.com", "address_added ann@example.com", "password_set ann@example.com", "password_changed ann@example.com",
		"password_removed ann@example.com", "recovery_codes ann@example.com", "address_primary ann@example.com", "address_primary ann@new.example",
		"address_removed ann@example.com", "address_removed ann@new.example", "totp_removed ann@new.example", "deletion_asked ann@new.example",
	}
	if got := p.told(p.user); !slices.Equal(got, want) {
		t.Errorf("told of\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSecondFactorsThatAnAdministratorTakesAwayAreTold(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	p.notice("ann@example.com")
	p.must(p.e.RemoveSecondFactors(t.Context(), "cli", p.user))
	if m, _ := p.notice("ann@example.com"); !strings.Contains(m.Text, "authenticator app was removed") || !strings.Contains(m.Text, "Done by an administrator.") {
		t.Errorf("the mail says\n%s", m.Text)
	}
}

func TestSignInByRecoveryCodeAndResetPasswordAreTold(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	v := browser()
	if _, err := p.e.CheckRecovery(t.Context(), v, authn.Answer{Flow: p.half(v), Code: p.codes[0]}); err != nil {
		t.Fatal(err)
	}
	flow := p.flow(v, authn.Start{ReturnTo: "/back"})
	p.must(p.e.ForgotPassword(t.Context(), v, flow, "ann@example.com"))
	m, err := p.mails.Wait(t.Context(), "ann@example.com")
	p.must(err)
	if _, err := p.e.CheckCode(t.Context(), v, authn.Answer{Flow: flow, Code: m.Code}); err != nil {
		t.Fatal(err)
	}
	p.must(p.e.ResetPassword(t.Context(), v, flow, "seventeen horses at dawn"))
	want := []string{"totp_added ann@example.com", "recovery_used ann@example.com", "new_device ann@example.com", "password_reset ann@example.com"}
	if got := p.told(p.user); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
}

func TestNewBrowserIsToldAndTheFirstOneAndKnownOnesAreNot(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r, home := openRoom(t, store), browser()
		home.Agent, home.IP = "Mozilla/5.0 (X11; Linux x86_64; rv:1.0) Gecko/20100101 Firefox/1.0", netip.MustParseAddr("192.0.2.1")
		in := r.signIn(home, "ann@example.com", "")
		user := in.Live.User.ID
		home.Device = in.Device
		home.Device = r.signIn(home, "ann@example.com", in.Cookie).Device
		if got := r.told(user); len(got) != 0 {
			t.Fatalf("after the first sign-in and one more in the same browser: told of %v", got)
		}
		r.must(r.e.SignOutEverywhere(t.Context(), "cli", user)) // which forgets the browsers, not that there was a sign-in
		away := browser()
		away.Agent, away.IP = "Mozilla/5.0 (iPhone) Safari/600", netip.MustParseAddr("2001:db8::7")
		r.signIn(away, "ann@example.com", "")
		if got := r.told(user); !slices.Equal(got, []string{"new_device ann@example.com"}) {
			t.Fatalf("told of %v", got)
		}
		m, _ := r.notice("ann@example.com")
		for _, want := range []string{"Safari (iPhone)", "2001:db8::7", r.now().UTC().Format("2006-01-02"), "This was not me"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("the mail does not say %q:\n%s", want, m.Text)
			}
		}
	})
}

func TestNoticesAreInTheLanguageOfTheirPerson(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	v := browser()
	v.Languages = "de"
	user := r.signIn(v, "ann@example.com", "").Live.User.ID
	change := func() string {
		r.must(r.e.SetPassword(t.Context(), "cli", user, authn.NewPassword{Password: "seventeen horses at dawn"}))
		m, _ := r.notice("ann@example.com")
		return m.Lang
	}
	if lang := change(); lang != "de" {
		t.Errorf("after a sign-in in German: got %q", lang)
	}
	r.must(r.e.SetAttributes(t.Context(), "cli", user, map[string]any{"locale": "en"}))
	if lang := change(); lang != "en" {
		t.Errorf("with English in the profile: got %q", lang)
	}
}

func TestEveryKindOfNoticeHasWordsInEveryLanguage(t *testing.T) {
	for _, lang := range words.Languages() {
		seen := map[string]authn.Notice{}
		for _, kinds := range authn.NoticeGroups {
			for _, kind := range kinds {
				m, err := email.Change(words.For(lang.Tag), email.ChangeMail{Kind: string(kind), What: "a•••@new.example", Address: "ann@example.com", At: time.Unix(0, 0), Host: "id.example.com", Link: "https://id.example.com/sign-in/not-me?t=x"})
				if err != nil || strings.Contains(m.Text+m.Subject, "mail.") || seen[m.Subject] != "" {
					t.Errorf("%s: %s has the subject %q, as %s, %v", lang.Tag, kind, m.Subject, seen[m.Subject], err)
				}
				seen[m.Subject] = kind
			}
		}
	}
}

func TestNoticesDoNotFloodAMailboxAndChangesOfOneKindHideNoneOfAnother(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	user := r.signIn(browser(), "ann@example.com", "").Live.User.ID
	for range 12 {
		r.signIn(browser(), "ann@example.com", "")
	}
	if got := r.told(user); len(got) != 5 {
		t.Errorf("12 new browsers in an hour: %d notices, want 5", len(got))
	}
	r.must(r.e.SetPassword(t.Context(), "cli", user, authn.NewPassword{Password: "seventeen horses at dawn"}))
	if got := r.told(user); len(got) != 6 || got[5] != "password_set ann@example.com" {
		t.Errorf("told of %v, want the password, too", got)
	}
}

func TestOwnerTurnsNoticesOff(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}, Quiet: []string{"passwords"}})
	user := r.signIn(browser(), "ann@example.com", "").Live.User.ID
	r.must(r.e.SetPassword(t.Context(), "cli", user, authn.NewPassword{Password: "seventeen horses at dawn"}))
	r.signIn(browser(), "ann@example.com", "")
	if got := r.told(user); !slices.Equal(got, []string{"new_device ann@example.com"}) {
		t.Errorf("told of %v", got)
	}
}

func TestLookingAtANoticeChangesNothingAndItsButtonWorksOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store *storage.Store) {
		r := openRoom(t, store)
		r.signIn(browser(), "ann@example.com", "")
		thief := r.signIn(browser(), "ann@example.com", "")
		_, token := r.notice("ann@example.com")
		for range 3 {
			if told, err := r.e.Told(t.Context(), token); err != nil || told.Denied || told.Kind != authn.NoticeDevice {
				t.Fatalf("got %+v, %v", told, err)
			}
		}
		if live, err := r.e.Session(t.Context(), thief.Cookie); err != nil || live == nil {
			t.Fatalf("after looking: got %v, %v, want the session alive", live, err)
		}
		bad := []string{"", token[:len(token)-1], token + "A", strings.ToUpper(token), "B" + token[1:], token[:len(token)-2] + "AA"}
		for _, forged := range bad {
			if _, err := r.e.NotMe(t.Context(), browser(), forged); !errors.Is(err, authn.ErrLinkGone) {
				t.Errorf("%q: got %v, want ErrLinkGone", forged, err)
			}
		}
		recovery, err := r.e.NotMe(t.Context(), browser(), token)
		if err != nil || recovery.Address != "ann@example.com" {
			t.Fatalf("got %+v, %v", recovery, err)
		}
		if live, err := r.e.Session(t.Context(), thief.Cookie); err != nil || live != nil {
			t.Errorf("after it: got %v, %v, want nobody signed in", live, err)
		}
		fresh := r.signIn(browser(), "ann@example.com", "")
		if _, err := r.e.NotMe(t.Context(), browser(), token); !errors.Is(err, authn.ErrLinkGone) {
			t.Errorf("a second time: got %v, want ErrLinkGone", err)
		}
		if live, err := r.e.Session(t.Context(), fresh.Cookie); err != nil || live == nil {
			t.Errorf("a second time ended the session of the owner: %v, %v", live, err)
		}
	})
}

func TestLinkOfANoticeIsOverAfterAWeek(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	user := r.signIn(browser(), "ann@example.com", "").Live.User.ID
	r.must(r.e.SetPassword(t.Context(), "cli", user, authn.NewPassword{Password: "seventeen horses at dawn"}))
	_, token := r.notice("ann@example.com")
	r.pass(7*24*time.Hour + time.Second)
	if _, err := r.e.NotMe(t.Context(), browser(), token); !errors.Is(err, authn.ErrLinkGone) {
		t.Errorf("got %v, want ErrLinkGone", err)
	}
}

// A thief with an open session has taken the account over. Whichever of the mails the owner answers, the account is theirs again.
func TestAnyNoticeOfATakeoverUndoesAllOfIt(t *testing.T) {
	for _, kind := range []string{"address_added", "address_primary", "address_removed", "password_set", "totp_added"} {
		t.Run(kind, func(t *testing.T) {
			r := openRoom(t, storagetest.Open(t))
			in := r.signIn(browser(), "ann@example.com", "")
			user, by := in.Live.User.ID, "user:"+in.Live.User.ID.String()
			thief := browser()
			setUp := authn.SetUpBy{User: user, Place: in.Live.Session.ID, By: by}
			app, err := r.e.BeginTOTP(t.Context(), setUp)
			r.must(err)
			p := &protected{room: r, key: app.Key}
			r.must(r.e.ConfirmTOTP(t.Context(), thief, setUp, p.code(0)),
				r.e.SetPassword(t.Context(), by, user, authn.NewPassword{Password: "seventeen horses at dawn", Session: in.Live.Session.ID}))
			r.adds(thief, user, "thief@evil.example")
			r.must(r.e.MakePrimary(t.Context(), thief, user, in.Live.Session.ID, "thief@evil.example"),
				r.e.RemoveAddress(t.Context(), thief, user, in.Live.Session.ID, "ann@example.com"))

			token := ""
			for told := ""; told != kind; {
				var m email.Message
				m, token = r.notice("ann@example.com")
				for _, n := range []string{"address_added", "address_primary", "address_removed", "password_set", "totp_added"} {
					if strings.HasPrefix(m.Subject, words.For("en").T("mail.change.title."+n)) {
						told = n
					}
				}
			}
			recovery, err := r.e.NotMe(t.Context(), browser(), token)
			if err != nil || recovery.Address != "ann@example.com" {
				t.Fatalf("got %+v, %v, want a way back by the owner's address", recovery, err)
			}
			view := r.store.View(t.Context())
			mine, err := view.Emails(user)
			if err != nil || len(mine) != 1 || mine[0].Address != "ann@example.com" || !mine[0].Primary || mine[0].VerifiedAt == 0 {
				t.Errorf("addresses are %+v, %v, want the owner's alone", mine, err)
			}
			has, err := r.e.Factors(t.Context(), user)
			if err != nil || has.Password || has.TOTP || has.RecoveryCodes > 0 {
				t.Errorf("left are %+v, %v, want nothing of the thief's", has, err)
			}
			if live, err := r.e.Session(t.Context(), in.Cookie); err != nil || live != nil {
				t.Errorf("the thief's session: got %v, %v", live, err)
			}
		})
	}
}

// Somebody has left a company and taken its address out of their account: whoever reads that mailbox now must not get in by it.
func TestAddressThatAPersonHasGivenUpStopsAndNoMore(t *testing.T) {
	r := openRoom(t, storagetest.Open(t))
	v := browser()
	user := r.signIn(v, "ann@example.com", "").Live.User.ID
	r.adds(v, user, "ann@company.example")
	r.pass(time.Minute)
	r.must(r.e.SetPassword(t.Context(), "user:"+user.String(), user, authn.NewPassword{Password: "seventeen horses at dawn"}))
	r.must(r.e.RemoveAddress(t.Context(), v, user, storage.ID{}, "ann@company.example"))
	_, token := r.notice("ann@company.example")
	told, err := r.e.Told(t.Context(), token)
	if err != nil || len(told.Back) != 0 {
		t.Errorf("would take back %v, %v, want nothing", told.Back, err)
	}
	recovery, err := r.e.NotMe(t.Context(), browser(), token)
	if err != nil || recovery.Address != "" {
		t.Errorf("got %+v, %v, want no way in", recovery, err)
	}
	has, err := r.e.Factors(t.Context(), user)
	if err != nil || !has.Password {
		t.Errorf("left are %+v, %v, want the owner's password", has, err)
	}
	mine, err := r.store.View(t.Context()).Emails(user)
	if err != nil || len(mine) != 1 || mine[0].Address != "ann@example.com" {
		t.Errorf("addresses are %+v, %v", mine, err)
	}
}

func TestNotMeTakesNoSecondFactorAwayThatWasThereBefore(t *testing.T) {
	p := protect(openRoom(t, storagetest.Open(t)))
	p.notice("ann@example.com")
	p.pass(48 * time.Hour)
	p.must(p.e.SetPassword(t.Context(), "user:"+p.user.String(), p.user, authn.NewPassword{Password: "seventeen horses at dawn"}))
	_, token := p.notice("ann@example.com")
	if _, err := p.e.NotMe(t.Context(), browser(), token); err != nil {
		t.Fatal(err)
	}
	p.half(browser()) // still asks for it
	if has, err := p.e.Factors(t.Context(), p.user); err != nil || !has.TOTP || has.Password || has.RecoveryCodes != 10 {
		t.Errorf("left are %+v, %v", has, err)
	}
}

func TestPasswordOfAThiefIsWorthNothingWhereItIsTheOnlyWayIn(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open", Methods: []authn.Method{authn.MethodPassword}}, Budgets: generous()})
	u, err := r.e.CreateUser(t.Context(), "cli", "ann@example.com", "")
	r.must(err, r.e.SetPassword(t.Context(), "cli", u.ID, authn.NewPassword{Password: "seventeen horses at dawn"}))
	_, token := r.notice("ann@example.com")
	v := browser()
	recovery, err := r.e.NotMe(t.Context(), v, token)
	r.must(err)
	if _, err := r.try("ann@example.com", "seventeen horses at dawn"); !errors.Is(err, authn.ErrWrongAnswer) {
		t.Errorf("the thief's password: got %v, want a wrong answer", err)
	}
	flow := r.flow(v, authn.Start{ReturnTo: "/back"})
	r.must(r.e.SendRecovery(t.Context(), v, flow, recovery.Address))
	m, err := r.mails.Wait(t.Context(), "ann@example.com")
	r.must(err)
	if in, err := r.e.CheckCode(t.Context(), v, authn.Answer{Flow: flow, Code: m.Code}); err != nil || in.Step != authn.StepNewPassword || m.Usage != email.ForgotPassword {
		t.Fatalf("got %v, %v by a mail for %s, want the question for a new password", in.Step, err, m.Usage)
	}
	r.must(r.e.ResetPassword(t.Context(), v, flow, "nineteen horses at dawn"))
	r.mustTry("ann@example.com", "nineteen horses at dawn")
}

func TestDeletionThatAThiefAskedForIsTakenBack(t *testing.T) {
	r := newRoom(t, storagetest.Open(t), authn.Config{Experience: authn.Experience{SignUp: "open"}, Lifetimes: authn.Lifetimes{AccountDeletion: 7 * 24 * time.Hour}})
	user := r.signIn(browser(), "ann@example.com", "").Live.User.ID
	if _, err := r.e.EndAccount(t.Context(), browser(), user, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	_, token := r.notice("ann@example.com")
	if _, err := r.e.NotMe(t.Context(), browser(), token); err != nil {
		t.Fatal(err)
	}
	if u, err := r.store.View(t.Context()).User(user); err != nil || u.Leaving() {
		t.Errorf("got %+v, %v, want somebody who stays", u, err)
	}
}
