package email

import "log/slog"

// Kind is what sort of trouble it is, for programs: a console that picks a picture, a test, a line of a log.
type Kind string

// The kinds of trouble.
const (
	Sandbox     Kind = "sandbox"     // SES still sends to verified addresses only
	Identity    Kind = "identity"    // the sender's address or domain is not verified or not allowed
	Region      Kind = "region"      // there is no SES where we were told to look
	Keys        Kind = "keys"        // access keys are missing, wrong or expired
	Permission  Kind = "permission"  // the keys are right but may not send
	Paused      Kind = "paused"      // the provider has stopped this account
	Setting     Kind = "setting"     // something that is named in the settings does not exist
	Throttled   Kind = "throttled"   // too much, too fast
	Password    Kind = "password"    // the mail server refused user or password
	TLS         Kind = "tls"         // no encryption, or a certificate that cannot be trusted
	Unreachable Kind = "unreachable" // nobody answered
	Recipient   Kind = "recipient"   // the address was refused
	Content     Kind = "content"     // the mail itself was refused
	Provider    Kind = "provider"    // the provider has trouble of its own, or said something unknown
)

// Error is why a mail did not leave, in plain words, and what to do about it. Reason, Next and Error hold no address of a
// person; Answer may.
type Error struct {
	Provider string // "ses", "smtp" or "inbox"
	Kind     Kind
	Reason   string // what happened, a sentence
	Next     string // the next step, a sentence
	Answer   string // what the provider said, word for word; for administrators, never for a log
	// Permanent: this message will not be taken however often it is offered, because of its recipient or its contents.
	// Trouble with the settings is not permanent: once repaired, mail that waits goes out.
	Permanent bool
	Err       error // the cause, for errors.Is and errors.As; its text may name the recipient
}

// Error is the reason with its provider and kind in front. It is fit for a log.
func (e *Error) Error() string {
	return "send mail by " + e.Provider + ": " + string(e.Kind) + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LogValue is the error without what the provider said.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("provider", e.Provider), slog.String("kind", string(e.Kind)),
		slog.String("reason", e.Reason), slog.String("next", e.Next), slog.Bool("permanent", e.Permanent))
}
