package email

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real SMTP server on loopback, with what one test wants of it.
type mailServer struct {
	implicit   bool     // TLS from the first byte
	plain      bool     // no TLS at all
	mechanisms []string // none: no AUTH offered
	expired    bool     // the certificate's time is over
	name       string   // in the certificate; empty: 127.0.0.1 and localhost

	refuseMail, refuseRcpt, refuseData error

	mu       sync.Mutex
	received []envelope
	sessions int
	port     int
	roots    *x509.CertPool
}

// envelope is a mail as it came over the wire.
type envelope struct {
	from, to  string
	user      string
	mechanism string
	tls       bool
	helo      string
	raw       []byte
}

// The one account of every mailServer.
const (
	mailUser     = "sign-in@bookstore.example"
	mailPassword = "hunter2/p@ss:wörd"
)

// start runs the server until the test ends.
func (m *mailServer) start(t *testing.T) *mailServer {
	t.Helper()
	certificate, roots := selfMade(t, m.name, m.expired)
	m.roots = roots
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = listener.Addr().(*net.TCPAddr).Port
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		m.mu.Lock()
		m.sessions++
		m.mu.Unlock()
		return &session{server: m, conn: c}, nil
	}))
	server.Domain = "mail.example"
	server.ErrorLog = quiet
	server.AllowInsecureAuth = m.plain
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if !m.plain && !m.implicit {
		server.TLSConfig = settings
	}
	if m.implicit {
		listener = tls.NewListener(listener, settings)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return m
}

// url is the address of the server with the right user and password.
func (m *mailServer) url(host string) string {
	scheme := "smtp"
	if m.implicit {
		scheme = "smtps"
	}
	return scheme + "://sign-in%40bookstore.example:hunter2%2Fp%40ss%3Aw%C3%B6rd@" + net.JoinHostPort(host, strconv.Itoa(m.port))
}

// last is the newest mail.
func (m *mailServer) last(t *testing.T) envelope {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.received) == 0 {
		t.Fatal("no mail was received")
	}
	return m.received[len(m.received)-1]
}

// count is how many mails and connections there were.
func (m *mailServer) count() (mails, sessions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.received), m.sessions
}

// session is one conversation.
type session struct {
	server *mailServer
	conn   *smtp.Conn
	mail   envelope
}

func (s *session) AuthMechanisms() []string { return s.server.mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.mail.user, s.mail.mechanism = user, mechanism
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if len(s.server.mechanisms) > 0 && s.mail.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.mail.from = from
	return s.server.refuseMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return s.server.refuseRcpt
}

func (s *session) Data(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if s.server.refuseData != nil {
		return s.server.refuseData
	}
	_, s.mail.tls = s.conn.TLSConnectionState()
	s.mail.helo, s.mail.raw = s.conn.Hostname(), raw
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.received = append(s.server.received, s.mail)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// loginServer is the other half of AUTH LOGIN: two questions, two answers.
type loginServer struct {
	check func(user, password string) error
	user  []byte
	step  int
}

func (l *loginServer) Next(answer []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = bytes.Clone(answer)
		return []byte("Password:"), false, nil
	case 3:
		return nil, true, l.check(string(l.user), string(answer))
	}
	return nil, false, errors.New("one answer too many")
}

// selfMade is a certificate that signs itself, and the pool that trusts it.
func selfMade(t *testing.T, name string, expired bool) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example"},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if name != "" {
		template.DNSNames, template.IPAddresses = []string{name}, nil
	}
	if expired {
		template.NotAfter = now.Add(-24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
