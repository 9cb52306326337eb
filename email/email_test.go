package email

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gatelatch/views/words"
)

func TestNoHeaderCanBeSmuggledIntoAMail(t *testing.T) {
	withoutAWS(t)
	server := (&mailServer{implicit: true, mechanisms: []string{"PLAIN"}}).start(t)
	url, requests := wire(t, 200, "", `{"MessageId":"1"}`)
	inbox := NewInbox()
	senders := map[string]Sender{"smtp": newSMTP(t, server, server.url("127.0.0.1")), "ses": newSES(t, sesSettings(url)), "inbox": Capture(inbox)}

	attempts := map[string]func(*Message){}
	for name, tail := range map[string]string{
		"CRLF": "\r\nBcc: eve@example.com", "LF": "\nBcc: eve@example.com", "CR": "\rBcc: eve@example.com", "NUL": "\x00", "end of headers": "\r\n\r\nhello",
		"next line": "\u0085Bcc: eve@example.com", "line separator": "\u2028Bcc: eve@example.com", "paragraph separator": "\u2029x", "vertical tab": "\vx", "escape": "\x1b[2J",
		"delete": "\x7f", "broken UTF-8": "\xff", "end of a mail": "\r\n.\r\nMAIL FROM:<eve@example.com>",
	} {
		attempts["subject with "+name] = func(m *Message) { m.Subject += tail }
		attempts["address with "+name] = func(m *Message) { m.To += tail }
		attempts["language with "+name] = func(m *Message) { m.Lang += tail }
	}
	attempts["second recipient"] = func(m *Message) { m.To += ", eve@example.com" }
	attempts["recipient with a name"] = func(m *Message) { m.To = "Ann <ann@example.com>" }
	attempts["recipient in brackets"] = func(m *Message) { m.To = "<ann@example.com>" }
	attempts["recipient with an SMTP argument"] = func(m *Message) { m.To += "> ORCPT=x" }
	attempts["no recipient"] = func(m *Message) { m.To = "" }
	attempts["NUL in the text"] = func(m *Message) { m.Text += "\x00" }
	attempts["broken UTF-8 in the HTML"] = func(m *Message) { m.HTML += "\xc3" }
	attempts["no subject"] = func(m *Message) { m.Subject = "" }
	attempts["no text"] = func(m *Message) { m.Text = "" }
	attempts["subject too long"] = func(m *Message) { m.Subject = strings.Repeat("x", maxSubject+1) }
	attempts["text too long"] = func(m *Message) { m.Text = strings.Repeat("x", maxBody+1) }

	for name, spoil := range attempts {
		for provider, sender := range senders {
			m := mustCode(t, words.For("en"), sample())
			spoil(&m)
			var e *Error
			if err := sender.Send(t.Context(), m); !errors.As(err, &e) || !e.Permanent || e.Kind != Recipient && e.Kind != Content || e.Provider != provider {
				t.Errorf("%s by %s: got %v, want a permanent refusal", name, provider, err)
			} else if strings.Contains(e.Error(), "eve@") || strings.Contains(e.Error(), "ann@") {
				t.Errorf("%s by %s: the error repeats the value: %v", name, provider, e)
			}
		}
	}
	mails, sessions := server.count()
	if mails+sessions+len(requests)+len(inbox.Messages()) != 0 {
		t.Errorf("%d mails, %d connections, %d requests, %d kept: nothing of this may leave", mails, sessions, len(requests), len(inbox.Messages()))
	}
}

func TestPrintedMessageGivesNothingAway(t *testing.T) {
	m := mustCode(t, words.For("en"), sample())
	m.Ref = "01J9"
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("sending", "message", m)
	for name, text := range map[string]string{"%v": fmt.Sprintf("%v", m), "%+v": fmt.Sprintf("%+v", m), "%#v": fmt.Sprintf("%#v", m), "%s": fmt.Sprint(m), "slog": log.String()} {
		for _, secret := range []string{"ann@", "482019", "t=abc"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s gives %q away: %s", name, secret, text)
			}
		}
		if !strings.Contains(text, "SignIn") {
			t.Errorf("%s does not say what the message is: %s", name, text)
		}
	}
}
