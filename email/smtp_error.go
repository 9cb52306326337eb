package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// authOrConnect tells which half of go-mail's dialling failed; it says so in its words only.
func authOrConnect(err error) stage {
	text := err.Error()
	if strings.Contains(text, "SMTP AUTH") || errors.Is(err, gomail.ErrPlainAuthNotSupported) || errors.Is(err, gomail.ErrLoginAuthNotSupported) ||
		errors.Is(err, gomail.ErrNoSupportedAuthDiscovered) {
		return stageAuth
	}
	return stageConnect
}

// explain turns a failed conversation into plain words.
func (s *SMTP) explain(at stage, err error) *Error {
	e := &Error{Provider: "smtp", Err: err, Answer: err.Error()}
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		e.Answer = fmt.Sprintf("%d %s", reply.Code, reply.Msg)
		s.explainReply(e, at, reply.Code, strings.ToLower(reply.Msg))
	case at == stageAuth:
		e.Kind = Password
		e.Reason = "The mail server offers no way to say the password that is safe here."
		e.Next = "Use smtps:// or smtp:// with STARTTLS, or leave user and password out if the server wants none."
		if errors.Is(err, smtp.ErrUnencrypted) {
			e.Kind = TLS
		}
	default:
		s.explainBroken(e, err)
	}
	return e
}

// explainReply is for what the server said. Codes are those of RFC 5321 §4.2 and RFC 4954 §6, enhanced ones of RFC 3463.
func (s *SMTP) explainReply(e *Error, at stage, code int, text string) {
	switch {
	case code == 535 || code == 534 || code == 538 || at == stageAuth && code >= 500:
		s.explainPassword(e, code, text)
	case code == 530 && strings.Contains(text, "starttls"):
		e.Kind = TLS
		e.Reason = "The mail server wants encryption before anything else."
		e.Next = "Use smtp:// without ?tls=off, or smtps:// with port 465."
	case code == 530 || at == stageSender && code == 502 && strings.Contains(text, "authenticat"):
		e.Kind = Password
		e.Reason = "The mail server wants a user and a password."
		e.Next = "Put them into the address: smtps://user:password@" + s.address() + "."
	case strings.Contains(text, "email address is not verified"):
		s.explainUnverified(e, text)
	case code >= 400 && code < 500:
		s.explainLater(e, at, code, text)
	case at == stageConnect:
		e.Kind = Provider
		e.Reason = "The mail server turned this server away."
		e.Next = "Read its own answer; it may not take mail from this network. Use the submission server of your provider."
	case at == stageSender:
		s.explainSender(e)
	case at == stageTo:
		s.explainRecipient(e, code, text)
	default:
		e.Kind, e.Permanent = Content, true
		e.Reason = "The mail server refused the contents of the mail."
		e.Next = "Read its own answer. Check SPF, DKIM and DMARC of " + s.from.Domain() + ", and templates you have changed."
		if code == 552 || strings.Contains(text, "5.3.4") {
			e.Reason = "The mail is too large for the mail server."
			e.Next = "Make the templates you have changed smaller."
		}
	}
}

// explainPassword is for a refused sign-in at the mail server.
func (s *SMTP) explainPassword(e *Error, code int, text string) {
	e.Kind = Password
	e.Reason = "The mail server refused user or password."
	e.Next = "Check both; in the URL, special characters are percent-encoded (@ is %40)."
	switch {
	case code == 534 || strings.Contains(text, "application-specific") || strings.Contains(text, "app password"):
		e.Reason = "The mail server does not take the account's own password."
		e.Next = "Make an app password in the account's security settings and use that."
	case strings.HasPrefix(s.host, "email-smtp."):
		e.Next = "SES's SMTP interface has passwords of its own: make them in the SES console under SMTP settings, for the region in the host name. Access keys do not work."
	case code == 538:
		e.Kind = TLS
		e.Reason = "The mail server takes passwords over an encrypted connection only."
		e.Next = "Use smtps://, or smtp:// without ?tls=off."
	case code == 504:
		e.Reason = "The mail server does not know the way in which the password was said."
		e.Next = "Read its own answer; most servers take PLAIN or LOGIN over TLS."
	}
}

// explainUnverified is SES's well-known sentence, said over SMTP.
func (s *SMTP) explainUnverified(e *Error, text string) {
	e.Kind = Sandbox
	e.Reason = "SES refuses unverified addresses: the account is in the sandbox, or the sender is not verified in this region."
	if strings.Contains(text, strings.ToLower(s.from.Address)) {
		e.Kind = Identity
		e.Reason = "The sender " + s.from.Address + " is not verified in SES in the region of " + s.host + "."
	}
	e.Next = "In the SES console, verify " + s.from.Domain() + " in that region and ask for production access."
}

// explainLater is for 4xx: the server would take it at another time.
func (s *SMTP) explainLater(e *Error, at stage, code int, text string) {
	e.Kind = Provider
	e.Reason = "The mail server cannot take the mail right now."
	e.Next = "Nothing to do: mail waits and is tried again."
	switch {
	case at == stageConnect && code == 454: // RFC 3207 §4
		e.Kind = TLS
		e.Reason = "The mail server could not start encryption right now."
	case tooFast(text):
		e.Kind = Throttled
		e.Reason = "The mail server takes no more mail at this speed."
		e.Next = "Nothing to do if it passes: mail waits and is tried again. If it returns, ask the provider for a higher limit."
	case at == stageTo && (code == 450 || code == 451):
		e.Kind = Recipient
		e.Reason = "The mail server wants to see the mail again later (greylisting, or a mailbox that is busy)."
	case code == 452:
		e.Reason = "The mail server or the mailbox is full for the moment."
	}
}

// tooFast reports whether a server speaks of speed; there is no code of its own for it.
func tooFast(text string) bool {
	for _, mark := range []string{"too many", "too fast", "throttl", "sending rate", "rate limit", "ratelimit", "quota"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// explainSender is for a refused MAIL FROM.
func (s *SMTP) explainSender(e *Error) {
	e.Kind = Identity
	e.Reason = "The mail server does not let this account send as " + s.from.Address + "."
	e.Next = "Set from to an address of the account, or allow this one at the provider."
}

// explainRecipient is for a refused RCPT TO.
func (s *SMTP) explainRecipient(e *Error, code int, text string) {
	if strings.Contains(text, "relay") {
		e.Kind = Permission
		e.Reason = "The mail server does not pass mail on for us."
		e.Next = "Set user and password, or allow this server's address to relay."
		return
	}
	if code == 553 && strings.Contains(text, "sender") {
		s.explainSender(e)
		return
	}
	e.Kind, e.Permanent = Recipient, true
	e.Reason = "The mail server does not take mail for the recipient's address."
	e.Next = "Check the address for typing mistakes; the server's own answer says more."
}

// explainBroken is for conversations that ended without an answer.
func (s *SMTP) explainBroken(e *Error, err error) {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &record):
		e.Kind = TLS
		e.Reason = "The mail server does not speak TLS from the first byte on port " + fmt.Sprint(s.port) + "."
		e.Next = "Use smtp:// for this port (STARTTLS, usually 587), or port 465 with smtps://."
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		e.Kind = TLS
		e.Reason = "The mail server offers no encryption (STARTTLS), and this server will not send codes in the clear."
		e.Next = "Use smtps:// with port 465 or another port. In a network you trust, end the address with ?tls=off."
	case certificateTrouble(err):
		e.Kind = TLS
		e.Reason = certificateReason(err, s.host)
		e.Next = "Use the host name that stands in the certificate; a private authority belongs into this machine's trusted certificates (or SSL_CERT_FILE)."
	case errors.As(err, &alert):
		e.Kind = TLS
		e.Reason = "This server and the mail server could not agree on encryption."
		e.Next = "The mail server must speak TLS 1.2 or newer."
	case errors.As(err, &dns):
		e.Kind = Unreachable
		e.Reason = fmt.Sprintf("There is no host called %s, or its name could not be looked up.", s.host)
		e.Next = "Check the host in the address, and this machine's DNS."
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Kind = Unreachable
		e.Reason = "Nobody listens at " + s.address() + "."
		e.Next = "Check host and port (465 for smtps://, 587 for smtp://), and that the mail server runs."
	case errors.Is(err, context.DeadlineExceeded) || timedOut(err):
		e.Kind = Unreachable
		e.Reason = "The mail server at " + s.address() + " did not answer in time."
		e.Next = "Check host, port and firewall; many clouds block port 25. With port 465 use smtps://, not smtp://."
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		e.Kind = Unreachable
		e.Reason = "The mail server hung up in the middle."
		e.Next = "Nothing to do if it passes: mail waits and is tried again. With port 465 use smtps://, not smtp://."
	default:
		e.Kind = Unreachable
		e.Reason = "The conversation with the mail server at " + s.address() + " broke off."
		e.Next = "Check host and port; mail waits and is tried again."
	}
}

// certificateTrouble reports whether the handshake failed because of the server's certificate.
func certificateTrouble(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}

// certificateReason says what is wrong with the certificate.
func certificateReason(err error, host string) string {
	var name x509.HostnameError
	var unusable x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "The mail server's certificate is for another name than " + host + "."
	case errors.As(err, &unusable) && unusable.Reason == x509.Expired:
		return "The mail server's certificate has expired or is not yet good (or this machine's clock is wrong)."
	default:
		return "The mail server's certificate was signed by nobody this machine trusts."
	}
}
