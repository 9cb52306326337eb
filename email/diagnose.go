package email

import (
	"context"
	"errors"
)

// Diagnosis is what came of a test mail, for the administrator who sent it.
type Diagnosis struct {
	Sent     bool
	Reason   string   // why not, in plain words; empty if it was sent
	Next     string   // what to do about it
	Kind     Kind     // what sort of trouble
	Answer   string   // what the provider said, word for word
	Facts    []string // what else the provider says of the account, as sentences
	Dialogue []string // the conversation with the mail server, "> " ours and "< " theirs, passwords left out
}

// Diagnose sends m through s and reports what happened with as much as the provider tells. It holds the recipient's
// address and provider text: show it to administrators, and keep it out of logs.
func Diagnose(ctx context.Context, s Sender, m Message) Diagnosis {
	var d Diagnosis
	var err error
	switch sender := s.(type) {
	case *SMTP:
		var log dialogue
		err = sender.converse(ctx, m, &log)
		d.Dialogue = log.said()
	case *SES:
		err = sender.Send(ctx, m)
		// Facts need a permission of their own; without it there are none, and the mail is what counts.
		d.Facts, _ = sender.Facts(ctx)
	default:
		err = s.Send(ctx, m)
	}
	if err == nil {
		d.Sent = true
		return d
	}
	var known *Error
	if errors.As(err, &known) {
		d.Kind, d.Reason, d.Next, d.Answer = known.Kind, known.Reason, known.Next, known.Answer
		return d
	}
	d.Kind, d.Answer = Provider, err.Error()
	d.Reason, d.Next = "The test was stopped before there was an answer.", "Try again."
	return d
}
