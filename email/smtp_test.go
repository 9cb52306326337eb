package email

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"gatelatch/views/words"
)

// newSMTP returns a sender that trusts the server's own certificate and, although the server is on loopback, asks for
// encryption as it would of any other host.
func newSMTP(t *testing.T, server *mailServer, url string) *SMTP {
	t.Helper()
	s, err := NewSMTP(SMTPConfig{URL: url, From: "Bücher, Inc. <sign-in@bookstore.example>"})
	if err != nil {
		t.Fatal(err)
	}
	if s.starttls == startTLSIfOffered {
		s.starttls = startTLSRequired
	}
	s.trust = &tls.Config{RootCAs: server.roots}
	return s
}

func TestMailArrivesOverEveryWayOfEncryptionAndSignIn(t *testing.T) {
	for name, c := range map[string]struct {
		server    *mailServer
		off       bool
		mechanism string
	}{
		"STARTTLS, PLAIN":             {&mailServer{mechanisms: []string{"PLAIN", "LOGIN"}}, false, "PLAIN"},
		"STARTTLS, LOGIN":             {&mailServer{mechanisms: []string{"LOGIN"}}, false, "LOGIN"},
		"TLS, PLAIN":                  {&mailServer{implicit: true, mechanisms: []string{"PLAIN"}}, false, "PLAIN"},
		"TLS, LOGIN":                  {&mailServer{implicit: true, mechanisms: []string{"XOAUTH2", "LOGIN"}}, false, "LOGIN"},
		"in the clear, as written":    {&mailServer{plain: true, mechanisms: []string{"PLAIN"}}, true, "PLAIN"},
		"in the clear, LOGIN":         {&mailServer{plain: true, mechanisms: []string{"LOGIN"}}, true, "LOGIN"},
		"STARTTLS although tls is on": {&mailServer{mechanisms: []string{"LOGIN", "PLAIN"}}, false, "PLAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			server := c.server.start(t)
			url := server.url("127.0.0.1")
			if c.off {
				url += "?tls=off"
			}
			m := mustCode(t, words.For("en"), sample())
			if err := newSMTP(t, server, url).Send(t.Context(), m); err != nil {
				t.Fatalf("%v: %v", err, errors.Unwrap(err))
			}
			got := server.last(t)
			if got.tls == c.off || got.mechanism != c.mechanism || got.user != mailUser {
				t.Errorf("came with tls=%t by %s as %s", got.tls, got.mechanism, got.user)
			}
			if got.from != "sign-in@bookstore.example" || got.to != "ann@example.com" || got.helo != "bookstore.example" {
				t.Errorf("envelope from %s to %s, HELO %s", got.from, got.to, got.helo)
			}
		})
	}
}

func TestServerThatWantsNoPasswordGetsNone(t *testing.T) {
	server := (&mailServer{plain: true}).start(t)
	s, err := NewSMTP(SMTPConfig{URL: "smtp://localhost:" + strconv.Itoa(server.port), From: "sign-in@bookstore.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
		t.Fatal(err)
	}
	if got := server.last(t); got.user != "" {
		t.Errorf("signed in as %s", got.user)
	}
}

func TestOwnMachineIsEncryptedWhereItOffersToBe(t *testing.T) {
	server := (&mailServer{mechanisms: []string{"PLAIN"}, name: "mail.example"}).start(t) // nobody trusts this certificate
	s, err := NewSMTP(SMTPConfig{URL: server.url("127.0.0.1"), From: "sign-in@bookstore.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
		t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	if !server.last(t).tls {
		t.Error("the password went in the clear although there was STARTTLS")
	}
}

// arrived is a received message, taken apart.
type arrived struct {
	header     mail.Header
	types      []string
	text, html string
}

func takeApart(t *testing.T, raw []byte) arrived {
	t.Helper()
	for i, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") { // RFC 5322 §2.1.1
			t.Errorf("line %d is not a line of a mail: %q", i, line)
		}
		if bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("line %d is not ASCII: %q", i, line)
		}
	}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	got := arrived{header: message.Header}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	got.types = append(got.types, kind)
	if kind == "text/plain" {
		plain, err := io.ReadAll(quotedprintable.NewReader(message.Body))
		if err != nil {
			t.Fatal(err)
		}
		got.text = strings.ReplaceAll(string(plain), "\r\n", "\n")
		return got
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		kind, parameters, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if parameters["charset"] != "UTF-8" {
			t.Errorf("%s has charset %q", kind, parameters["charset"])
		}
		got.types = append(got.types, kind)
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		if kind == "text/html" {
			got.html = text
		} else {
			got.text = text
		}
	}
}

func TestMailOnTheWireSaysWhatWasMeant(t *testing.T) {
	server := (&mailServer{implicit: true, mechanisms: []string{"PLAIN"}}).start(t)
	s := newSMTP(t, server, server.url("127.0.0.1"))
	for name, app := range map[string]string{
		"umlauts": "Bücher & Söhne", "CJK": "蔵書と本屋の管理システム", "emoji": "Book 📚 store", "Arabic": "متجر الكتب",
		"long": strings.Repeat("Größe ", 20), "quotes": `"Books" <eve@example.com>`,
	} {
		t.Run(name, func(t *testing.T) {
			m := sample()
			m.AppName = app
			sent := mustCode(t, words.For("de"), m)
			if err := s.Send(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			got := takeApart(t, server.last(t).raw)
			subject, err := new(mime.WordDecoder).DecodeHeader(got.header.Get("Subject"))
			if err != nil || subject != sent.Subject {
				t.Errorf("subject %q (%v), want %q", subject, err, sent.Subject)
			}
			if got.text != sent.Text || got.html != sent.HTML {
				t.Errorf("parts changed on the way: %q\n%q", got.text, got.html)
			}
			if want := "multipart/alternative text/plain text/html"; strings.Join(got.types, " ") != want {
				t.Errorf("parts %v, want %s, the plainest first (RFC 2046 §5.1.4)", got.types, want)
			}
			if from, err := mail.ParseAddress(got.header.Get("From")); err != nil || from.Name != "Bücher, Inc." || from.Address != "sign-in@bookstore.example" {
				t.Errorf("from %v (%v)", from, err)
			}
			if to, err := got.header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "ann@example.com" {
				t.Errorf("to %v (%v)", to, err)
			}
		})
	}
}

func TestMailOnTheWireHasTheHeadersOfAnAutomaticMail(t *testing.T) {
	server := (&mailServer{implicit: true, mechanisms: []string{"PLAIN"}}).start(t)
	s := newSMTP(t, server, server.url("127.0.0.1"))
	before := time.Now().Add(-time.Second)
	ids := map[string]bool{}
	for range 2 {
		if err := s.Send(t.Context(), mustCode(t, words.For("de"), sample())); err != nil {
			t.Fatal(err)
		}
		header := takeApart(t, server.last(t).raw).header
		if date, err := header.Date(); err != nil || date.Before(before.Truncate(time.Second)) || date.After(time.Now().Add(time.Second)) {
			t.Errorf("date %v (%v)", date, err)
		}
		id := header.Get("Message-Id")
		if !strings.HasSuffix(id, "@bookstore.example>") || ids[id] {
			t.Errorf("message id %q, seen before: %t", id, ids[id])
		}
		ids[id] = true
		if header.Get("Auto-Submitted") != "auto-generated" || header.Get("Content-Language") != "de" || header.Get("Mime-Version") != "1.0" {
			t.Errorf("headers %v", header)
		}
		for name := range header {
			if strings.HasPrefix(name, "List-") || name == "User-Agent" || name == "X-Mailer" || name == "Bcc" || name == "Cc" {
				t.Errorf("header %s: %v has no place in this mail", name, header[name])
			}
		}
	}
}

func TestPlainMailHasOnePart(t *testing.T) {
	server := (&mailServer{implicit: true, mechanisms: []string{"PLAIN"}}).start(t)
	m := Message{To: "ann@example.com", Subject: "Grüße", Text: "Wörter\n.\n..\nFrom here\n", Lang: "de", Usage: SignIn}
	if err := newSMTP(t, server, server.url("127.0.0.1")).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := takeApart(t, server.last(t).raw); got.text != m.Text || len(got.types) != 1 {
		t.Errorf("got %v %q, want %q", got.types, got.text, m.Text)
	}
}

// reply is an answer of a mail server.
func reply(code int, enhanced smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

func TestRefusalsOfAMailServerComeInPlainWords(t *testing.T) {
	auth := []string{"PLAIN"}
	for name, c := range map[string]struct {
		server    *mailServer
		url       func(m *mailServer) string
		kind      Kind
		permanent bool
		reason    string
		next      string
		answer    string
	}{
		"wrong password": {&mailServer{mechanisms: auth}, func(m *mailServer) string {
			return "smtp://sign-in%40bookstore.example:hunter2@127.0.0.1:" + strconv.Itoa(m.port)
		}, Password, false, "refused user or password", "percent-encoded", "535 5.7.8 Authentication failed"},
		"password wanted": {&mailServer{mechanisms: auth}, func(m *mailServer) string { return "smtp://127.0.0.1:" + strconv.Itoa(m.port) },
			Password, false, "wants a user and a password", "smtps://user:password@", "530 5.7.0 Authentication required"},
		"no way to say the password": {&mailServer{mechanisms: []string{"XOAUTH2"}}, nil, Password, false, "offers no way", "", ""},
		"no AUTH at all":             {&mailServer{}, nil, Password, false, "offers no way", "leave user and password out", ""},
		"recipient refused": {&mailServer{mechanisms: auth, refuseRcpt: reply(550, smtp.EnhancedCode{5, 1, 1}, "no such user ann@example.com")}, nil,
			Recipient, true, "does not take mail for the recipient", "typing", "550 5.1.1 no such user ann@example.com"},
		"greylisting": {&mailServer{mechanisms: auth, refuseRcpt: reply(451, smtp.EnhancedCode{4, 7, 1}, "Greylisted, try again in 5 minutes")}, nil,
			Recipient, false, "greylisting", "tried again", "451 4.7.1 Greylisted, try again in 5 minutes"},
		"relay refused": {&mailServer{mechanisms: auth, refuseRcpt: reply(554, smtp.EnhancedCode{5, 7, 1}, "Relay access denied")}, nil,
			Permission, false, "does not pass mail on", "relay", "554 5.7.1 Relay access denied"},
		"sender refused": {&mailServer{mechanisms: auth, refuseMail: reply(550, smtp.EnhancedCode{5, 7, 60}, "not permitted to send as this sender")}, nil,
			Identity, false, "does not let this account send as sign-in@bookstore.example", "Set from", "550 5.7.60"},
		"sender refused late": {&mailServer{mechanisms: auth, refuseRcpt: reply(553, smtp.EnhancedCode{5, 7, 1}, "Sender address rejected: not owned by user")}, nil,
			Identity, false, "does not let this account", "Set from", "553"},
		"too fast": {&mailServer{mechanisms: auth, refuseMail: reply(421, smtp.EnhancedCode{4, 7, 0}, "Too many messages")}, nil,
			Throttled, false, "at this speed", "tried again", "421"},
		"SES too fast": {&mailServer{mechanisms: auth, refuseData: reply(454, smtp.EnhancedCode{4, 7, 0}, "Throttling failure: Maximum sending rate exceeded.")}, nil,
			Throttled, false, "at this speed", "higher limit", "454"},
		"spam": {&mailServer{mechanisms: auth, refuseData: reply(554, smtp.EnhancedCode{5, 7, 1}, "Message rejected as spam")}, nil,
			Content, true, "refused the contents", "SPF, DKIM and DMARC of bookstore.example", "554"},
		"too large": {&mailServer{mechanisms: auth, refuseData: reply(552, smtp.EnhancedCode{5, 3, 4}, "Message size exceeds limit")}, nil,
			Content, true, "too large", "smaller", "552"},
		"SES sandbox": {&mailServer{mechanisms: auth, refuseData: reply(554, smtp.EnhancedCode{}, "Message rejected: Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: ann@example.com")}, nil,
			Sandbox, false, "sandbox", "production access", "ann@example.com"},
		"SES sender": {&mailServer{mechanisms: auth, refuseData: reply(554, smtp.EnhancedCode{}, "Message rejected: Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: sign-in@bookstore.example")}, nil,
			Identity, false, "is not verified in SES", "verify bookstore.example", "554"},
		"full": {&mailServer{mechanisms: auth, refuseRcpt: reply(452, smtp.EnhancedCode{4, 2, 2}, "Mailbox full")}, nil,
			Provider, false, "full for the moment", "tried again", "452"},
		"no encryption offered": {&mailServer{plain: true, mechanisms: auth}, nil, TLS, false, "offers no encryption", "?tls=off", ""},
		"certificate has expired": {&mailServer{implicit: true, mechanisms: auth, expired: true}, nil,
			TLS, false, "has expired", "", ""},
		"certificate of another": {&mailServer{implicit: true, mechanisms: auth, name: "mail.other.example"}, nil,
			TLS, false, "for another name than 127.0.0.1", "host name that stands in the certificate", ""},
		"certificate of another, STARTTLS": {&mailServer{mechanisms: auth, name: "mail.other.example"}, nil,
			TLS, false, "for another name than 127.0.0.1", "host name that stands in the certificate", ""},
		"TLS where there is none": {&mailServer{plain: true, mechanisms: auth}, func(m *mailServer) string { return "smtps" + strings.TrimPrefix(m.url("127.0.0.1"), "smtp") },
			TLS, false, "does not speak TLS from the first byte", "smtp:// for this port", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := c.server.start(t)
			url := server.url("127.0.0.1")
			if c.url != nil {
				url = c.url(server)
			}
			err := newSMTP(t, server, url).Send(t.Context(), mustCode(t, words.For("en"), sample()))
			e := wantError(t, err, "smtp", c.kind, c.permanent, c.reason, c.next)
			if !strings.Contains(e.Answer, c.answer) {
				t.Errorf("answer %q, want %q in it", e.Answer, c.answer)
			}
			if mails, _ := server.count(); mails != 0 {
				t.Errorf("%d mails were taken all the same", mails)
			}
		})
	}
}

func TestRecordedRepliesOfKnownProvidersComeInPlainWords(t *testing.T) {
	for name, c := range map[string]struct {
		host   string
		at     stage
		code   int
		text   string
		kind   Kind
		reason string
		next   string
	}{
		"account's own password":   {"smtp.example.com", stageAuth, 534, "5.7.9 Application-specific password required.", Password, "account's own password", "app password"},
		"app password in the text": {"smtp.example.com", stageAuth, 535, "5.7.8 Use an app password", Password, "account's own password", "app password"},
		"access key at SES":        {"email-smtp.eu-central-1.amazonaws.com", stageAuth, 535, "Authentication Credentials Invalid", Password, "refused user or password", "SMTP settings"},
		"password in the clear":    {"mail.example", stageAuth, 538, "5.7.11 Encryption required for requested authentication mechanism", TLS, "over an encrypted connection only", "smtps://"},
		"unknown way to sign in":   {"mail.example", stageAuth, 504, "5.5.4 Unrecognized authentication type", Password, "does not know the way", "PLAIN or LOGIN"},
		"sign-in broken for now":   {"mail.example", stageAuth, 454, "4.7.0 Temporary authentication failure", Provider, "right now", "tried again"},
		"encryption broken":        {"mail.example", stageConnect, 454, "4.7.0 TLS not available due to local problem", TLS, "could not start encryption", "tried again"},
		"generated text":           {"mail.example", stageTo, 451, "4.7.1 generated by policy", Recipient, "greylisting", "tried again"},
		"busy mailbox":             {"mail.example", stageTo, 450, "4.2.1 mailbox receiving too many messages", Throttled, "at this speed", "higher limit"},
	} {
		s := &SMTP{host: c.host, port: 587, from: From{Address: "sign-in@bookstore.example"}}
		t.Run(name, func(t *testing.T) {
			wantError(t, s.explain(c.at, &textproto.Error{Code: c.code, Msg: c.text}), "smtp", c.kind, false, c.reason, c.next)
		})
	}
}

func TestCertificateOfNobodyIsNotTrusted(t *testing.T) {
	for _, implicit := range []bool{true, false} {
		server := (&mailServer{implicit: implicit, mechanisms: []string{"PLAIN"}}).start(t)
		s := newSMTP(t, server, server.url("127.0.0.1"))
		s.trust = nil
		err := s.Send(t.Context(), mustCode(t, words.For("en"), sample()))
		wantError(t, err, "smtp", TLS, false, "nobody this machine trusts", "trusted certificates")
	}
}

// script is a mail server that says what it is told to, line by line, and then what last says.
func script(t *testing.T, greeting string, answers ...string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, greeting)
		lines := bufio.NewReader(conn)
		data := false
		for _, answer := range answers {
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if !data || line == ".\r\n" {
					data = !data && strings.HasPrefix(line, "DATA")
					break
				}
			}
			io.WriteString(conn, answer)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().(*net.TCPAddr).Port
}

func plainSMTP(t *testing.T, port int) *SMTP {
	t.Helper()
	s, err := NewSMTP(SMTPConfig{URL: "smtp://127.0.0.1:" + strconv.Itoa(port) + "?tls=off", From: "sign-in@bookstore.example"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMailThatWasTakenIsSentHoweverTheServerSaysGoodBye(t *testing.T) {
	for name, quit := range map[string]string{"refuses to": "500 what\r\n", "hangs up": ""} {
		answers := []string{"250 mail.example\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"}
		if quit != "" {
			answers = append(answers, quit)
		}
		port := script(t, "220 mail.example\r\n", answers...)
		if err := plainSMTP(t, port).Send(t.Context(), mustCode(t, words.For("en"), sample())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBrokenConversationsComeInPlainWords(t *testing.T) {
	m := mustCode(t, words.For("en"), sample())
	hello := "250 mail.example\r\n"
	for name, c := range map[string]struct {
		greeting string
		answers  []string
		kind     Kind
		reason   string
	}{
		"hangs up at once":      {"", nil, Unreachable, "hung up"},
		"hangs up before taken": {"220 x\r\n", []string{hello, "250 ok\r\n", "250 ok\r\n", "354 go\r\n"}, Unreachable, "hung up"},
		"turns us away":         {"554 5.7.1 no mail from here\r\n", nil, Provider, "turned this server away"},
		"too busy to greet":     {"421 4.3.2 come back\r\n", nil, Provider, "cannot take the mail right now"},
		"too many connections":  {"421 4.7.0 Too many connections from you\r\n", nil, Throttled, "at this speed"},
		"wants STARTTLS first":  {"220 x\r\n", []string{hello, "530 5.7.0 Must issue a STARTTLS command first\r\n"}, TLS, "wants encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			err := plainSMTP(t, script(t, c.greeting, c.answers...)).Send(t.Context(), m)
			wantError(t, err, "smtp", c.kind, false, c.reason, "")
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		wantError(t, plainSMTP(t, port).Send(t.Context(), m), "smtp", Unreachable, false, "Nobody listens at 127.0.0.1:"+strconv.Itoa(port), "host and port")
	})
	t.Run("no such host", func(t *testing.T) {
		s, err := NewSMTP(SMTPConfig{URL: "smtps://u:hunter2@mail.invalid", From: "sign-in@bookstore.example"})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, s.Send(t.Context(), m), "smtp", Unreachable, false, "no host called mail.invalid", "DNS")
	})
	t.Run("never answers", func(t *testing.T) {
		s := plainSMTP(t, script(t, "220 x\r\n", "", "never reached"))
		s.step = 50 * time.Millisecond
		wantError(t, s.Send(t.Context(), m), "smtp", Unreachable, false, "did not answer in time", "firewall")
	})
	t.Run("answers slowly for ever", func(t *testing.T) {
		s := plainSMTP(t, script(t, "220 x\r\n", "250-x\r\n", "never reached"))
		s.total = 50 * time.Millisecond
		wantError(t, s.Send(t.Context(), m), "smtp", Unreachable, false, "did not answer in time", "firewall")
	})
}

func TestSMTPStopsWhenItsCallerDoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 mail.example\r\n")
		lines := bufio.NewReader(conn)
		lines.ReadString('\n') // EHLO, which gets no answer
		cancel()
		_, err = lines.ReadString('\n')
		closed <- err
	}()
	err = plainSMTP(t, listener.Addr().(*net.TCPAddr).Port).Send(ctx, mustCode(t, words.For("en"), sample()))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := <-closed; err != io.EOF && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection was left open: %v", err)
	}
}

func TestDiagnosisShowsTheConversationWithoutThePassword(t *testing.T) {
	server := (&mailServer{mechanisms: []string{"PLAIN"}, refuseRcpt: reply(550, smtp.EnhancedCode{5, 1, 1}, "no such user")}).start(t)
	m, err := Test(words.For("en"), "ann@example.com", "id.bookstore.example")
	if err != nil {
		t.Fatal(err)
	}
	d := Diagnose(t.Context(), newSMTP(t, server, server.url("127.0.0.1")), m)
	if d.Sent || d.Kind != Recipient || d.Answer != "550 5.1.1 no such user" || d.Next == "" {
		t.Errorf("diagnosis %+v", d)
	}
	talk := strings.Join(d.Dialogue, "\n")
	for _, want := range []string{"> EHLO bookstore.example", "> STARTTLS", "< 220", "> MAIL FROM:<sign-in@bookstore.example>", "> RCPT TO:<ann@example.com>", "< 550 5.1.1 no such user"} {
		if !strings.Contains(talk, want) {
			t.Errorf("%q is not in\n%s", want, talk)
		}
	}
	// AUTH PLAIN says NUL user NUL password in base64.
	if strings.Contains(talk, "hunter2") || strings.Contains(talk, "AHNpZ24taW5AYm9va3N0b3JlLmV4YW1wbGUA") {
		t.Errorf("the password is in\n%s", talk)
	}
}

func TestAddressesOfMailServersAreReadStrictly(t *testing.T) {
	const from = "Bookstore <sign-in@bookstore.example>"
	for url, want := range map[string]SMTP{
		"smtps://u:p%40%2F@mail.example":          {host: "mail.example", port: 465, user: "u", password: "p@/", implicit: true},
		"smtp://u:p@mail.example":                 {host: "mail.example", port: 587, user: "u", password: "p"},
		"smtp://mail.example:2525":                {host: "mail.example", port: 2525},
		"smtp://mail.example:25/?tls=off":         {host: "mail.example", port: 25, starttls: startTLSOff},
		"smtp://localhost:1025":                   {host: "localhost", port: 1025, starttls: startTLSIfOffered},
		"smtp://[::1]:1025":                       {host: "::1", port: 1025, starttls: startTLSIfOffered},
		"smtps://127.0.0.1":                       {host: "127.0.0.1", port: 465, implicit: true, starttls: startTLSIfOffered},
		"smtp://localhost.evil.example?tls=off":   {host: "localhost.evil.example", port: 587, starttls: startTLSOff},
		"smtp://localhost.evil.example":           {host: "localhost.evil.example", port: 587},
		"smtp://sign-in%40b.example:p@mx.example": {host: "mx.example", port: 587, user: "sign-in@b.example", password: "p"},
	} {
		got, err := NewSMTP(SMTPConfig{URL: url, From: from})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got.host != want.host || got.port != want.port || got.user != want.user || got.password != want.password || got.implicit != want.implicit || got.starttls != want.starttls {
			t.Errorf("%s: got %+v, want %+v", url, got, want)
		}
	}
	for url, want := range map[string]string{
		"":                                          "expected smtps://",
		"mail.example:587":                          "expected smtps://",
		"https://u:hunter2@mail.example":            "expected smtps://",
		"smtp://u:hunter2@":                         "host",
		"smtp://u:hunter2#x@mail.example":           "percent-encode",
		"smtp://u:hunter2%zz@mail.example":          "percent-encode",
		"smtp://u@mail.example":                     "belong together",
		"smtp://:hunter2@mail.example":              "belong together",
		"smtp://u:hunter2@mail.example:0":           "port",
		"smtp://u:hunter2@mail.example:99999":       "port",
		"smtp://u:hunter2@mail.example/x":           "nothing after its port",
		"smtp://u:hunter2@mail.example?tls=on":      "tls=off",
		"smtp://u:hunter2@mail.example?verify=no":   "tls=off",
		"smtps://u:hunter2@mail.example?tls=off":    "smtps://",
		"smtp://u:hunter2%0d%0aQUIT@mail.example":   "line break",
		"smtp://u%0d%0aQUIT:hunter2@mail.example":   "line break",
		"smtp://u:hunter2@mail.example:587#?tls=on": "nothing after its port",
	} {
		_, err := NewSMTP(SMTPConfig{URL: url, From: from})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", url, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the password: %v", url, err)
		}
	}
	if _, err := NewSMTP(SMTPConfig{URL: "smtp://mail.example", From: "a@b.example\r\nBcc: eve@example.com"}); err == nil {
		t.Error("a sender with a header in it was taken")
	}
}
