package email

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"gatelatch/views/words"
)

// CodeMail is what a mail with a one-time code says.
type CodeMail struct {
	Usage    Usage // SignIn … BindMfa
	Code     string
	AppName  string // the app the person is on their way to; empty: Host
	Address  string // who gets it
	Link     string // empty: no button. It opens a page with a button of its own; nothing is spent by looking
	ValidFor time.Duration
	Device   string // as "Firefox (Linux)"; left out if empty or if it could pass for a link
	IP       string // left out if it is none
	Host     string // where the code belongs, as in public_url; a port is allowed

	ShowCodeInSubject bool
}

// codeParts are the sentences of the mail, in the order in which both parts have them.
type codeParts struct {
	subject, preview, app, title, code, valid string
	button, link, last, lastText, host        string
}

// Code writes the mail with a code, in the language of c. The text part ends in the line that binds the code to its site
// (`@id.example.com #482019`, the form of origin-bound one-time codes), so that devices offer it nowhere else.
// The error says which value cannot stand in a mail, without repeating it.
func Code(c *words.Catalogue, m CodeMail) (Message, error) {
	if err := m.check(); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", m.Usage, err)
	}
	p := m.parts(c)
	var html strings.Builder
	if err := codePage(c, p).Render(context.Background(), &html); err != nil {
		return Message{}, fmt.Errorf("write mail %s: %w", m.Usage, err)
	}
	return Message{To: m.Address, Subject: p.subject, Text: codeText(p), HTML: html.String(), Lang: c.Lang(),
		Usage: m.Usage, Code: m.Code, Link: m.Link}, nil
}

// parts says everything once, for HTML and text.
func (m CodeMail) parts(c *words.Catalogue) codeParts {
	p := codeParts{app: m.app(), code: m.Code, link: m.Link, host: m.Host,
		title: c.T("mail.code.title." + string(m.Usage)), button: c.T("mail.code.button")}
	p.subject = c.T("mail.code.subject_plain", "app", p.app)
	if m.ShowCodeInSubject {
		p.subject = c.T("mail.code.subject", "code", m.Code, "app", p.app)
	}
	p.valid = c.N("mail.code.valid", m.minutes())
	if m.Usage == SignIn {
		p.valid = c.N("mail.code.valid_sign_in", m.minutes())
	}
	p.valid = sentences(p.valid, asked(c, m.Device, m.IP))
	p.preview = p.valid
	p.last = c.T("mail.code.not_asked")
	p.lastText = p.last
	if m.Link != "" { // a button in HTML is a link in text
		p.last = sentences(c.T("mail.code.button_hint"), p.last)
		p.lastText = sentences(c.T("mail.code.link_hint"), p.lastText)
	}
	return p
}

// codeText is the plain part, in the order of the HTML.
func codeText(p codeParts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n\n%s\n\n", p.app, p.title, p.code, p.valid)
	if p.link != "" {
		fmt.Fprintf(&b, "%s:\n%s\n\n", p.button, p.link)
	}
	fmt.Fprintf(&b, "%s\n\n%s\n", p.lastText, boundCode(p.host, p.code))
	return b.String()
}

// boundCode is the last line of a text part. It names a host without a port: that is all the form knows.
func boundCode(host, code string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return "@" + host + " #" + code
}

// app is the name in the mail.
func (m CodeMail) app() string { return appName(m.AppName, m.Host) }

// minutes is how long the code is good, rounded down so that nobody is promised too much.
func (m CodeMail) minutes() int { return max(1, int(m.ValidFor/time.Minute)) }

// maxCode bounds a code; an invitation's is longer than six digits.
const maxCode = 32

// check refuses what must not be in a mail.
func (m CodeMail) check() error {
	if !m.Usage.hasCode() {
		return fmt.Errorf("%q is not a mail with a code", string(m.Usage))
	}
	if m.Code == "" || len(m.Code) > maxCode || strings.ContainsFunc(m.Code, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return errors.New("the code is not made of letters and digits")
	}
	if m.ValidFor <= 0 {
		return errors.New("the code is not good for any time")
	}
	if err := checkPlace(m.AppName, m.Host); err != nil {
		return err
	}
	return checkLink(m.Link)
}

// maxAppName bounds the name of an app.
const maxAppName = 200

// checkPlace checks the names every mail has: the app's and the host's.
func checkPlace(app, host string) error {
	if err := headerText("name of the app", app, maxAppName); err != nil {
		return err
	}
	if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.Hostname() == "" {
		return errors.New("the host is not the name of a host")
	}
	return headerText("host", host, 300)
}

// checkLink lets through web addresses only. Where they lead is the caller's business: public_url, never the request's Host.
func checkLink(link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.ContainsAny(link, " <>\"\t\r\n") {
		return errors.New("the link is not a web address")
	}
	return nil
}

// appName is the app, or the host where there is no app.
func appName(app, host string) string {
	if app == "" {
		return host
	}
	return app
}

// asked says which device asked, as far as it is known.
func asked(c *words.Catalogue, device, ip string) string {
	if !harmlessDevice(device) {
		device = ""
	}
	if addr, err := netip.ParseAddr(ip); err != nil || addr.Zone() != "" {
		ip = ""
	}
	switch {
	case device != "" && ip != "":
		return c.T("mail.asked.device_ip", "device", device, "ip", ip)
	case device != "":
		return c.T("mail.asked.device", "device", device)
	case ip != "":
		return c.T("mail.asked.ip", "ip", ip)
	}
	return ""
}

// maxDevice bounds a device's name.
const maxDevice = 60

// harmlessDevice reports whether a device's name can stand in a mail. It comes from whoever asks for the code, and mail
// programs make links of anything that looks like one: a stranger could advertise through us. So letters, digits, spaces
// and a few marks, and a dot only between digits.
func harmlessDevice(device string) bool {
	runes := []rune(device)
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == ' ', r == '(', r == ')', r == '-', r == '+':
		case r == '.' && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1]):
		default:
			return false
		}
	}
	return len(runes) > 0 && len(runes) <= maxDevice
}

// sentences joins whole sentences, leaving out empty ones.
func sentences(list ...string) string {
	var b strings.Builder
	for _, s := range list {
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	return b.String()
}

// hasCode reports whether mails of this usage carry a code.
func (u Usage) hasCode() bool {
	switch u {
	case SignIn, Register, ForgotPassword, Generic, UserPermissionValidation, BindNewIdentifier, MfaVerification, BindMfa:
		return true
	}
	return false
}
