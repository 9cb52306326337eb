// Package email owns mail: what a mail says (text and HTML, in the language of its reader), how it leaves (Amazon SES,
// SMTP, or the development inbox), and what went wrong in words an administrator can act on.
//
// A mail is a [Message]; the functions [Code], [Change], [Closed] and [Test] make one, [Templates] lets an administrator replace
// the words. A [Sender] delivers it or returns an [*Error]. Nothing here retries, queues or remembers: that is the
// outbox of server/authn. Nothing here decides whether a mail may be sent.
//
// No error of this package has the address of a person, a code or a link in its text, so it may be logged; what a
// provider answered word for word is in [Error.Answer], for the eyes of administrators only.
package email

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sender delivers one message or says why it could not. The error is an [*Error] unless ctx ended first.
// A Sender may be used by several goroutines at once.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Message is one mail to one person. It has no sender: that is a setting of the Sender.
type Message struct {
	To      string // one bare address
	Subject string
	Text    string // the plain part; every message has one
	HTML    string // empty: the message is plain text only
	Lang    string // BCP 47 tag of its words
	Usage   Usage

	Ref  string // where the code is remembered, for the inbox; never sent
	Code string // the code in the text, if any, for the inbox; never sent
	Link string // the link in the text, if any, for the inbox; never sent
}

// String names the message without its address or its contents, so that a stray %v gives nothing away.
func (m Message) String() string { return fmt.Sprintf("mail(%s, %s)", m.Usage, m.Lang) }

// GoString is String, for %#v.
func (m Message) GoString() string { return m.String() }

// LogValue is what a log line may know of a message.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("usage", string(m.Usage)), slog.String("lang", m.Lang), slog.String("ref", m.Ref))
}

// Usage says what a mail is for. The names of the code mails are the ones administrators know from other servers, so
// that a list of templates can be pasted.
type Usage string

// The usages. Those from SignIn to BindMfa carry a code.
const (
	SignIn                   Usage = "SignIn"
	Register                 Usage = "Register"
	ForgotPassword           Usage = "ForgotPassword"
	Generic                  Usage = "Generic"
	UserPermissionValidation Usage = "UserPermissionValidation"
	BindNewIdentifier        Usage = "BindNewIdentifier"
	MfaVerification          Usage = "MfaVerification"
	BindMfa                  Usage = "BindMfa"

	SignUpClosed  Usage = "SignUpClosed"  // to a stranger, where only administrators make accounts
	TestMail      Usage = "Test"          // to an administrator who tries the settings
	Invite        Usage = "Invitation"    // to somebody who may make an account
	AccountChange Usage = "AccountChange" // to a person, after a change to their account
	Welcomes      Usage = "Welcome"       // to a person, when an administrator has made their account
)

// Bounds of a message. Subjects are a line people read; bodies are far under what every mail server takes.
const (
	maxSubject = 300
	maxBody    = 256 << 10
)

// languageTag is the part of BCP 47 that catalogues are named in.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// ready checks a message before anything is said to a provider and returns it with its address in the form of the wire.
// This is the one place where a header could be smuggled in (CWE-93), so every Sender begins here.
func (m Message) ready(provider string) (Message, error) {
	to, err := Address(m.To)
	if err != nil {
		return m, &Error{Provider: provider, Kind: Recipient, Permanent: true, Err: err,
			Reason: "The recipient's address cannot be used: " + err.Error() + ".",
			Next:   "Correct the address and ask for a new code."}
	}
	m.To = to
	if err := m.check(); err != nil {
		return m, &Error{Provider: provider, Kind: Content, Permanent: true, Err: err,
			Reason: "The mail itself cannot be sent: " + err.Error() + ".",
			Next:   "Look at the name of the app and at the templates of this mail; remove line breaks and control characters."}
	}
	return m, nil
}

// check looks at everything but the address.
func (m Message) check() error {
	if err := headerText("subject", m.Subject, maxSubject); err != nil {
		return err
	}
	if m.Subject == "" {
		return errors.New("it has no subject")
	}
	if m.Lang != "" && !languageTag.MatchString(m.Lang) {
		return errors.New("its language is not a language tag")
	}
	if m.Text == "" {
		return errors.New("it has no text part")
	}
	for _, part := range []string{m.Text, m.HTML} {
		if len(part) > maxBody {
			return fmt.Errorf("a part is larger than %d KiB", maxBody>>10)
		}
		if !utf8.ValidString(part) || strings.ContainsRune(part, 0) {
			return errors.New("a part is not proper text")
		}
	}
	return nil
}

// headerText refuses whatever could end a header field or hide in one: CR, LF, NUL, every other control character and
// the two Unicode line separators.
func headerText(name, s string, max int) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("the %s is not proper text", name)
	}
	if len(s) > max {
		return fmt.Errorf("the %s is longer than %d bytes", name, max)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return fmt.Errorf("the %s has a line break or control character in it", name)
	}
	return nil
}
