package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real SMTP server that keeps what it is given.
type mailServer struct {
	t        *testing.T
	user     string // who may send; "" for anybody
	password string

	mu       sync.Mutex
	gate     chan struct{} // while not nil, messages are read and not answered until it closes
	waiting  int           // messages before the gate
	messages []message
}

// message is a mail as it came.
type message struct {
	To      string
	Subject string
	Raw     string
}

// listen starts the server on an address: with TLS from the first byte if a certificate is given.
func (m *mailServer) listen(address string, pair *tls.Certificate) {
	m.t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{server: m}, nil }))
	server.Domain = "localhost"
	server.AllowInsecureAuth = pair == nil
	var (
		listener net.Listener
		err      error
	)
	if pair != nil {
		listener, err = tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{*pair}})
	} else {
		listener, err = net.Listen("tcp", address)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	go server.Serve(listener)
	m.t.Cleanup(func() { server.Close() })
}

var codeInSubject = regexp.MustCompile(`\b\d{6}\b`)

// code waits for a mail to an address and returns the code in the newest one's subject.
func (m *mailServer) code(address string) string {
	m.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, mail := range m.to(address) {
			if code := codeInSubject.FindString(mail.Subject); code != "" {
				return code
			}
		}
	}
	m.t.Fatalf("no mail with a code came to %s", address)
	return ""
}

// to lists the mails to an address, the newest first.
func (m *mailServer) to(address string) (found []message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.messages) - 1; i >= 0; i-- {
		if m.messages[i].To == address {
			found = append(found, m.messages[i])
		}
	}
	return found
}

// hold makes the server keep senders waiting for its answer until release is called.
func (m *mailServer) hold() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// held says how many messages wait for release.
func (m *mailServer) held() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting
}

// delivery is one connection.
type delivery struct {
	server *mailServer
	known  bool
	to     []string
}

func (d *delivery) AuthMechanisms() []string { return []string{sasl.Plain} }

func (d *delivery) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != d.server.user || password != d.server.password {
			return smtp.ErrAuthFailed
		}
		d.known = true
		return nil
	}), nil
}

func (d *delivery) Mail(string, *smtp.MailOptions) error {
	if d.server.user != "" && !d.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	parsed, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		return err
	}
	if len(d.to) != 1 {
		return fmt.Errorf("a code went to %d addresses", len(d.to))
	}
	d.server.pass()
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.messages = append(d.server.messages, message{To: d.to[0], Subject: subject, Raw: string(raw)})
	return nil
}

// pass waits while the gate is closed.
func (m *mailServer) pass() {
	m.mu.Lock()
	gate := m.gate
	m.waiting++
	m.mu.Unlock()
	if gate != nil {
		<-gate
	}
	m.mu.Lock()
	m.waiting--
	m.mu.Unlock()
}

func (d *delivery) Reset()        { d.to = nil }
func (d *delivery) Logout() error { return nil }
