package email

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Bounds of one delivery. The outbox tries again.
const (
	smtpStep  = 15 * time.Second // one answer of the server
	smtpTotal = 60 * time.Second // the whole conversation
)

// SMTPConfig is what a mail server wants to know.
type SMTPConfig struct {
	// URL is smtps://user:password@host:465 (TLS from the first byte) or smtp://user:password@host:587 (STARTTLS).
	// STARTTLS is required unless the host is this machine or the URL ends in ?tls=off. Ports 465 and 587 may be left out,
	// as may user and password. Special characters in either are percent-encoded (@ is %40).
	URL  string
	From string // `sign-in@example.com` or `Bookstore <sign-in@example.com>`
}

// SMTP sends through a mail server, one connection a message.
type SMTP struct {
	host     string
	port     int
	user     string
	password string
	from     From
	implicit bool          // TLS from the first byte
	starttls startTLS      // otherwise
	trust    *tls.Config   // whom to trust; tests put their own authority here
	step     time.Duration // smtpStep
	total    time.Duration // smtpTotal
}

// startTLS is how much encryption a smtp:// address asks for.
type startTLS int

const (
	startTLSRequired startTLS = iota
	startTLSIfOffered
	startTLSOff
)

// NewSMTP checks the settings and prepares the sender. It does not connect. An error never holds any part of the URL, for
// there is a password in it.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	from, err := ParseFrom(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("url: it cannot be read; percent-encode special characters in user and password (@ is %40)")
	}
	s := &SMTP{host: u.Hostname(), from: from, step: smtpStep, total: smtpTotal}
	if u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("url: expected smtps://user:password@host:465 or smtp://user:password@host:587")
	}
	if s.host == "" || strings.ContainsAny(s.host, " \t") || (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return nil, errors.New("url: expected a host and nothing after its port; percent-encode / as %2F and # as %23 in a password")
	}
	s.implicit, s.port = u.Scheme == "smtps", 587
	if s.implicit {
		s.port = 465
	}
	if text := u.Port(); text != "" {
		if s.port, err = strconv.Atoi(text); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("url: the port is not a number from 1 to 65535")
		}
	}
	if err := s.account(u.User); err != nil {
		return nil, err
	}
	if err := s.encryption(u); err != nil {
		return nil, err
	}
	return s, nil
}

// account takes user and password out of the URL.
func (s *SMTP) account(info *url.Userinfo) error {
	if info == nil {
		return nil
	}
	s.user = info.Username()
	s.password, _ = info.Password()
	if s.user == "" || s.password == "" {
		return errors.New("url: user and password belong together; leave both out for a server that wants none")
	}
	if headerText("user", s.user, 512) != nil || headerText("password", s.password, 512) != nil {
		return errors.New("url: user or password has a line break or control character in it")
	}
	return nil
}

// encryption reads ?tls= and knows what this machine may do.
func (s *SMTP) encryption(u *url.URL) error {
	for key, values := range u.Query() {
		if key != "tls" || len(values) != 1 || values[0] != "off" {
			return errors.New("url: the only thing that may follow the question mark is tls=off")
		}
		if s.implicit {
			return errors.New("url: smtps:// is TLS from the first byte; write smtp:// with tls=off, or leave tls=off out")
		}
		s.starttls = startTLSOff
		return nil
	}
	if loopback(s.host) {
		s.starttls = startTLSIfOffered
	}
	return nil
}

// Send implements [Sender]: one connection, one message, good-bye.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	return s.converse(ctx, m, nil)
}

// converse is Send, noting what was said in log if there is one.
func (s *SMTP) converse(ctx context.Context, m Message, log *dialogue) error {
	m, err := m.ready("smtp")
	if err != nil {
		return err
	}
	mime, err := s.mime(m)
	if err != nil {
		return &Error{Provider: "smtp", Kind: Content, Permanent: true, Err: err, Answer: err.Error(),
			Reason: "The mail could not be put together.", Next: "Report this as a bug, with the name of the app."}
	}
	limited, cancel := context.WithTimeout(ctx, s.total)
	defer cancel()
	if stage, err := s.deliver(limited, m.To, mime, log); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("send mail by smtp: %w", ctx.Err())
		}
		if limited.Err() != nil { // the line was cut by our own clock; what the library says then is beside the point
			err = limited.Err()
		}
		log.refused(err)
		return s.explain(stage, err)
	}
	return nil
}

// mime puts the message together.
func (s *SMTP) mime(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(s.from.Name, s.from.Address); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	// Named after the sender's domain: the machine's own name is nobody's business and makes filters suspicious.
	msg.SetMessageIDWithValue(rand.Text() + "@" + s.from.Domain())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's holiday notice should answer a code
	if m.Lang != "" {
		msg.SetGenHeader(gomail.HeaderContentLang, m.Lang)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// stage is how far a conversation came.
type stage int

const (
	stageConnect stage = iota // TCP, TLS, greeting, EHLO, STARTTLS
	stageAuth                 // user and password
	stageSender               // MAIL FROM
	stageTo                   // RCPT TO
	stageData                 // DATA and its end
)

// deliver holds the conversation and says where it broke off. Commands are sent here, not by go-mail's own loop, because
// that loop calls a mail that was taken an error if the good-bye after it fails: the outbox would send it twice.
func (s *SMTP) deliver(ctx context.Context, to string, mime *gomail.Msg, log *dialogue) (stage, error) {
	line := &line{address: s.address(), until: ctx}
	defer line.close()
	dialer, err := s.dialer(line, log)
	if err != nil {
		return stageConnect, err
	}
	client, err := dialer.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return authOrConnect(err), err
	}
	if err := step(client, s.step, func() error { return client.Mail("<" + s.from.Address + ">") }); err != nil {
		return stageSender, err
	}
	if err := step(client, s.step, func() error { return client.Rcpt("<" + to + ">") }); err != nil {
		return stageTo, err
	}
	err = step(client, s.step, func() error {
		body, err := client.Data()
		if err != nil {
			return err
		}
		if _, err := mime.WriteTo(body); err != nil {
			return err // the connection is closed without the final dot: nothing was sent
		}
		return body.Close()
	})
	if err != nil {
		return stageData, err
	}
	_ = step(client, s.step, client.Quit) // the mail is theirs; how they say good-bye does not matter
	return stageData, nil
}

// line is the connection of one delivery. go-mail minds a context only while it dials, and leaves the connection open if
// what follows the dialling fails; line closes it in both cases.
type line struct {
	address string // with the brackets of IPv6, which go-mail forgets
	until   context.Context
	conn    net.Conn
	stop    func() bool
}

// dial returns the function go-mail shall dial with.
func (l *line) dial(implicit *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var err error
		if implicit != nil {
			l.conn, err = (&tls.Dialer{Config: implicit}).DialContext(ctx, network, l.address)
		} else {
			l.conn, err = (&net.Dialer{}).DialContext(ctx, network, l.address)
		}
		if err != nil {
			l.conn = nil // not a nil *tls.Conn
			return nil, err
		}
		conn := l.conn
		l.stop = context.AfterFunc(l.until, func() { conn.Close() })
		return conn, nil
	}
}

// close hangs up.
func (l *line) close() {
	if l.conn != nil {
		l.stop()
		l.conn.Close()
	}
}

// step gives one command its own time.
func step(client *smtp.Client, limit time.Duration, do func() error) error {
	if err := client.UpdateDeadline(limit); err != nil {
		return err
	}
	return do()
}

// dialer is go-mail's client for one connection.
func (s *SMTP) dialer(line *line, log *dialogue) (*gomail.Client, error) {
	trust := s.trust.Clone()
	if trust == nil {
		trust = &tls.Config{}
	}
	trust.ServerName, trust.MinVersion = s.host, tls.VersionTLS12
	options := []gomail.Option{
		gomail.WithPort(s.port),
		gomail.WithTimeout(s.step),
		gomail.WithHELO(s.from.Domain()), // a bare machine name is refused by servers that want a full one
		gomail.WithoutSMTPUTF8(),         // addresses are ASCII here
	}
	var implicit *tls.Config
	switch {
	case s.implicit:
		implicit = trust
		options = append(options, gomail.WithSSL())
	case s.starttls == startTLSRequired:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case s.starttls == startTLSIfOffered:
		// On this machine there is nobody in between, and its mail server has a home-made certificate as a rule.
		trust.InsecureSkipVerify = true
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	options = append(options, gomail.WithTLSConfig(trust), gomail.WithDialContextFunc(line.dial(implicit)))
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(s.mechanisms()...))
	}
	if log != nil {
		options = append(options, gomail.WithLogger(log), gomail.WithDebugLog())
	}
	return gomail.NewClient(s.host, options...)
}

// mechanisms are the ways to say the password, best first. Over TLS plain is as good as any and works everywhere; in the
// clear it is said only where the address or this machine's own loopback allows it.
func (s *SMTP) mechanisms() []gomail.SMTPAuthType {
	if s.implicit || s.starttls == startTLSRequired {
		return []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5}
	}
	return []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
}

// address is host and port for people.
func (s *SMTP) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }
