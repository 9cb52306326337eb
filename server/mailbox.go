package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatelatch/email"
	"gatelatch/server/admin"
	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// mailboxLife is how long a captured mail is kept.
const mailboxLife = 7 * 24 * time.Hour

// mailbox is the development inbox: mail that does not leave lies sealed in the store, because it has codes in it.
type mailbox struct {
	store *storage.Store
	keys  *secret.Keys
	now   func() time.Time
}

// captured is what is sealed of a mail.
type captured struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
	Code    string `json:"code,omitempty"`
	Link    string `json:"link,omitempty"`
}

// Keep implements email.Keeper.
func (b mailbox) Keep(ctx context.Context, m email.Message) error {
	address, err := authn.NormalizeAddress(m.To)
	if err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	plain, err := json.Marshal(captured{m.To, m.Subject, m.Text, m.HTML, m.Code, m.Link})
	if err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	otp, _ := storage.ParseID(m.Ref) // a mail without a code refers to none
	row := storage.Captured{ID: storage.NewID(), Address: address, OTPID: otp, Expires: b.now().Add(mailboxLife).UnixMicro()}
	row.Sealed = b.keys.Seal(plain, "inbox", "sealed", row.ID.String())
	return b.store.Write(ctx, func(tx storage.Tx) error { return tx.InsertCaptured(row) })
}

// Open unseals a captured mail.
func (b mailbox) Open(row storage.Captured) (admin.Mail, error) {
	plain, err := b.keys.Open(row.Sealed, "inbox", "sealed", row.ID.String())
	if err != nil {
		return admin.Mail{}, fmt.Errorf("open captured mail: %w", err)
	}
	var c captured
	if err := json.Unmarshal(plain, &c); err != nil {
		return admin.Mail{}, fmt.Errorf("read captured mail: %w", err)
	}
	return admin.Mail{To: c.To, Subject: c.Subject, Text: c.Text, HTML: c.HTML, Code: c.Code, Link: c.Link}, nil
}
