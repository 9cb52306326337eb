package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/email"
	"gatelatch/storage"
)

// closedEvery is how often a stranger is told that sign-up is closed: once in that time.
const closedEvery = 24 * time.Hour

// letter is what the outbox keeps of a mail: names of rows and what is known of the visitor. The code is derived when the mail
// is written, so the outbox holds no secret; a temporary password is sealed.
type letter struct {
	OTP    string `json:"otp,omitempty"`
	Sent   int64  `json:"sent,omitempty"` // of the code's row: a newer request for the same code takes the place of this one
	Lang   string `json:"lang,omitempty"`
	Client string `json:"client,omitempty"`
	Device string `json:"device,omitempty"`
	IP     string `json:"ip,omitempty"`
	Quiet  bool   `json:"quiet,omitempty"` // it never leaves: nobody has the username that was typed, or their mailbox has got enough

	Invitation string `json:"invitation,omitempty"` // instead of a code
	Notice     string `json:"notice,omitempty"`     // instead of a code: the row of a notice,
	ByAdmin    bool   `json:"by_admin,omitempty"`   // and that it is about what an administrator did
	Welcome    string `json:"welcome,omitempty"`    // instead of a code: the person who has an account now,
	Sealed     []byte `json:"sealed,omitempty"`     // and their temporary password
}

// post puts the mail with a code into the outbox, in the transaction that sends the code. client is the application that the person
// is on their way to, "" for none. A quiet mail takes the same way and does not leave.
func (e *Engine) post(tx storage.Tx, v Visitor, client string, o storage.OTP, quiet bool, now int64) error {
	payload, err := json.Marshal(letter{Quiet: quiet, OTP: o.ID.String(), Sent: o.Sent, Lang: v.Languages, Client: client, Device: Device(v.Agent), IP: ip(v)})
	if err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	return tx.InsertDelivery(storage.Delivery{ID: storage.NewID(), Kind: kindMail, Payload: string(payload), Due: now, Expires: o.Expires})
}

// write makes the mail from the code's row. It is not worth sending once the code was used or has expired, a newer one
// has taken its place, or the stranger it belongs to has been told lately.
func (e *Engine) write(ctx context.Context, d storage.Delivery, l letter) (m email.Message, worth bool, err error) {
	if l.Quiet {
		return m, false, nil
	}
	if l.Notice != "" {
		return e.writeNotice(ctx, l)
	}
	now := e.now()
	tx := e.store.View(ctx)
	if l.Invitation != "" {
		return e.writeInvitation(tx, l, now)
	}
	if l.Welcome != "" {
		return e.writeWelcome(tx, l, now)
	}
	id, err := storage.ParseID(l.OTP)
	if err != nil {
		return m, false, fmt.Errorf("read letter: %w", err)
	}
	o, err := tx.OTP(id)
	if err != nil {
		return m, false, ignoreMissing(err)
	}
	if o.Purpose == purposeAddress {
		return e.writeToNewAddress(l, o, now)
	}
	f, err := tx.Flow(o.FlowID, now)
	if err != nil {
		return m, false, ignoreMissing(err)
	}
	if o.SpentAt > 0 || o.Expires <= now || o.Sent > l.Sent || f.Finished > 0 || f.OTPID != o.ID && f.SecondOTP != o.ID {
		return m, false, nil
	}
	app := ""
	if l.Client != "" {
		c, err := tx.Client(l.Client)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return m, false, fmt.Errorf("read application: %w", err)
		}
		app = c.Name
	}
	c := e.cfg.Words.Match(l.Lang, e.cfg.Language)
	if closed(o.Purpose) {
		if wishes, err := demandsOf(f); err != nil || wishes.KnownOnly { // it is no news that nobody makes an account there
			return m, false, err
		}
		if d.Attempts == 0 {
			if told, err := e.toldLately(ctx, o.Address, now); err != nil || told {
				return m, false, err
			}
		}
		m, err = email.Closed(c, email.ClosedMail{AppName: app, Address: o.Address, Device: l.Device, IP: l.IP, Host: e.host})
		return m, true, err
	}
	usage := email.SignIn
	if o.Purpose == purposeSignUp || o.Purpose == purposeSignUpReset {
		usage = email.Register
	}
	if o.Purpose == purposeReset {
		usage = email.ForgotPassword
	}
	link := e.linkURL(o)
	if o.Purpose == purposeSecond {
		usage, link = email.MfaVerification, "" // it is typed where the first factor was proven, and nowhere else
	}
	m, err = e.templates.Code(c, email.CodeMail{
		Usage: usage, Code: e.codeOf(o), AppName: app, Address: o.Address, Link: link, Device: l.Device, IP: l.IP, Host: e.host,
		ValidFor: time.Duration(o.Expires-now) * time.Microsecond, ShowCodeInSubject: e.cfg.CodeInSubject,
	})
	m.Ref = o.ID.String()
	return m, true, err
}

// writeToNewAddress makes the mail with the code that proves a further address of a person. It has no link: the code is typed where
// the address was.
func (e *Engine) writeToNewAddress(l letter, o storage.OTP, now int64) (m email.Message, worth bool, err error) {
	if o.SpentAt > 0 || o.Expires <= now || o.Sent > l.Sent {
		return m, false, nil
	}
	m, err = e.templates.Code(e.cfg.Words.Match(l.Lang, e.cfg.Language), email.CodeMail{
		Usage: email.BindNewIdentifier, Code: e.codeOf(o), Address: o.Address, Device: l.Device, IP: l.IP, Host: e.host,
		ValidFor: time.Duration(o.Expires-now) * time.Microsecond, ShowCodeInSubject: e.cfg.CodeInSubject,
	})
	m.Ref = o.ID.String()
	return m, true, err
}

// toldLately reports whether the owner of an address was told within a day that sign-up is closed, and notes that they are now.
func (e *Engine) toldLately(ctx context.Context, address string, now int64) (bool, error) {
	b := budget{slows: "told_closed", limit: 1, window: closedEvery}
	err := e.store.Write(ctx, func(tx storage.Tx) error { return e.spend(tx, b, address, now) })
	if errors.Is(err, ErrTooMany) {
		return true, nil
	}
	return false, err
}

// linkURL is the link of a code: always below public_url, never below what a request called us (SECURITY row 71).
func (e *Engine) linkURL(o storage.OTP) string {
	return e.cfg.PublicURL + "/sign-in/link?flow=" + o.FlowID.String() + "&t=" + e.linkOf(o)
}

func ignoreMissing(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("read code: %w", err)
}
