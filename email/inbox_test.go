package email

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gatelatch/views/words"
)

func TestInboxKeepsWhatIsSentAndHandsItOutInOrder(t *testing.T) {
	inbox := NewInbox()
	first, second := sample(), sample()
	second.Code = "111222"
	other := sample()
	other.Address = "bob@example.com"
	for _, m := range []CodeMail{first, other, second} {
		if err := inbox.Send(t.Context(), mustCode(t, words.For("en"), m)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"482019", "111222"} {
		got, err := inbox.Wait(t.Context(), "ann@example.com")
		if err != nil || got.Code != want {
			t.Errorf("got %q (%v), want %q", got.Code, err, want)
		}
	}
	if len(inbox.Messages()) != 3 {
		t.Errorf("%d messages, want 3: reading one does not take it away", len(inbox.Messages()))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := inbox.Wait(ended, "ann@example.com"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v (%v), want the context's error: nothing new has come", m, err)
	}
}

func TestInboxWakesWhoeverWaits(t *testing.T) {
	inbox := NewInbox()
	got := make(chan Message)
	go func() {
		m, err := inbox.Wait(t.Context(), "ann@example.com")
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	other := sample()
	other.Address = "bob@example.com"
	for _, m := range []CodeMail{other, sample()} {
		if err := inbox.Send(t.Context(), mustCode(t, words.For("en"), m)); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-got; m.To != "ann@example.com" {
		t.Errorf("woken by %s's mail", m.To)
	}
}

func TestInboxForgetsTheOldest(t *testing.T) {
	inbox := NewInbox()
	m := mustCode(t, words.For("en"), sample())
	for i := range maxInbox + 5 {
		m.Ref = fmt.Sprint(i)
		if err := inbox.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if i < 10 {
			if _, err := inbox.Wait(t.Context(), m.To); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := inbox.Messages()
	if len(kept) != maxInbox || kept[0].Ref != "5" {
		t.Errorf("%d messages from number %s on, want %d from 5 on", len(kept), kept[0].Ref, maxInbox)
	}
	if next, err := inbox.Wait(t.Context(), m.To); err != nil || next.Ref != "10" {
		t.Errorf("next is number %s (%v), want 10", next.Ref, err)
	}
}

func TestInboxThatRefusesActsLikeAProviderThatIsDown(t *testing.T) {
	inbox := NewInbox()
	down := &Error{Provider: "smtp", Kind: Unreachable, Reason: "Nobody listens."}
	m := mustCode(t, words.For("en"), sample())
	inbox.Refuse(down)
	if err := inbox.Send(t.Context(), m); !errors.Is(err, down) {
		t.Errorf("got %v, want %v", err, down)
	}
	inbox.Refuse(nil)
	if err := inbox.Send(t.Context(), m); err != nil || len(inbox.Messages()) != 1 {
		t.Errorf("%v, %d messages, want one", err, len(inbox.Messages()))
	}
}

// fullDisk is a Keeper that cannot.
type fullDisk struct{}

func (fullDisk) Keep(context.Context, Message) error {
	return errors.New("no space for ann@example.com")
}

func TestInboxThatCannotKeepSaysSoInPlainWords(t *testing.T) {
	err := Capture(fullDisk{}).Send(t.Context(), mustCode(t, words.For("en"), sample()))
	wantError(t, err, "inbox", Provider, false, "could not keep", "data folder")
	if d := Diagnose(t.Context(), Capture(fullDisk{}), mustCode(t, words.For("en"), sample())); d.Sent || d.Reason == "" || d.Answer != "no space for ann@example.com" {
		t.Errorf("diagnosis %+v", d)
	}
}

func TestDiagnosisOfATestThatWasStoppedSaysSo(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	inbox := NewInbox()
	inbox.Refuse(ended.Err())
	if d := Diagnose(ended, inbox, mustCode(t, words.For("en"), sample())); d.Sent || d.Next == "" || d.Kind != Provider {
		t.Errorf("diagnosis %+v", d)
	}
	inbox.Refuse(nil)
	if d := Diagnose(t.Context(), inbox, mustCode(t, words.For("en"), sample())); !d.Sent {
		t.Errorf("diagnosis %+v", d)
	}
}
