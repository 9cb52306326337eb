package authn

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

func TestNoCodeAndNoLinkOfAStrangerUnderClosedSignUpEverWorks(t *testing.T) {
	store := storagetest.Open(t)
	e := New(Config{PublicURL: "https://id.example.com"}, Deps{Store: store, Keys: keyring(t, 1, 1), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	v := Visitor{Network: "192.0.2.1", Browser: NewBrowser()}
	f, err := e.Begin(t.Context(), v, Start{ReturnTo: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	id := f.ID.String()
	if err := e.SendCode(t.Context(), v, id, "eve@example.com"); err != nil {
		t.Fatal(err)
	}
	// Even if sign-up opens while the stranger guesses, and the guess is what the row would give.
	if err := store.Write(t.Context(), func(tx storage.Tx) error { return tx.SaveSetting(settingSignUp, `"open"`, 1) }); err != nil {
		t.Fatal(err)
	}
	if f, _, err = e.Flow(t.Context(), id, v.Browser); err != nil {
		t.Fatal(err)
	}
	o, err := store.View(t.Context()).OTP(f.OTPID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.CheckCode(t.Context(), v, Answer{Flow: id, Code: e.codeOf(o)}); !errors.Is(err, ErrWrongAnswer) {
		t.Errorf("the code: got %v, want ErrWrongAnswer", err)
	}
	if _, err := e.CheckLink(t.Context(), v, Answer{Flow: id, Token: e.linkOf(o)}); !errors.Is(err, ErrLinkGone) {
		t.Errorf("the link: got %v, want ErrLinkGone", err)
	}
	if l, err := e.Link(t.Context(), Visitor{Browser: NewBrowser()}, id, e.linkOf(o)); !errors.Is(err, ErrLinkGone) || l.Code != "" {
		t.Errorf("the link elsewhere: got %+v, %v, want ErrLinkGone", l, err)
	}
}

func TestSessionOfAPersonWhoIsDisabledIsNobodysHoweverItCame(t *testing.T) {
	store := storagetest.Open(t)
	e := New(Config{}, Deps{Store: store, Keys: keyring(t, 1, 1), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	cookie, now := secret.Token(32), time.Now().UnixMicro()
	u := storage.User{ID: storage.NewID(), Status: "active", Role: "none", Created: now, Updated: now}
	s := storage.Session{ID: storage.NewID(), Digest: secret.Hash(cookie), UserID: u.ID, AuthTime: now, Seen: now, Expires: now + time.Hour.Microseconds()}
	for _, status := range []string{"active", "disabled"} {
		err := store.Write(t.Context(), func(tx storage.Tx) error {
			if status == "active" {
				return errors.Join(tx.InsertUser(u), tx.InsertSession(s))
			}
			u.Status = status
			return tx.UpdateUser(u)
		})
		if err != nil {
			t.Fatal(err)
		}
		if live, err := e.Session(t.Context(), cookie); err != nil || (live != nil) != (status == "active") {
			t.Errorf("%s: got %+v, %v", status, live, err)
		}
	}
}
