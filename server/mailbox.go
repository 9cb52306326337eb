package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatelatch/email"
	"gatelatch/server/admin"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// capturedFor is how long the development inbox keeps a mail.
const capturedFor = 7 * 24 * time.Hour

// mailbox keeps the mail of the development inbox in the store, sealed: it may hold a code that still works.
type mailbox struct {
	store *storage.Store
	keys  *secret.Keys
	now   func() time.Time
}

var _ email.Keeper = mailbox{}

// Keep implements email.Keeper.
func (b mailbox) Keep(ctx context.Context, m email.Message) error {
	plain, err := json.Marshal(admin.Mail{To: m.To, Subject: m.Subject, Code: m.Code, Link: m.Link, Text: m.Text, HTML: m.HTML})
	if err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	c := storage.Captured{ID: storage.NewID(), Address: m.To, Expires: b.now().Add(capturedFor).UnixMicro()}
	if c.OTPID, err = storage.ParseID(m.Ref); err != nil {
		c.OTPID = storage.ID{} // a mail without a code
	}
	c.Sealed = b.keys.Seal(plain, "inbox", c.ID.String(), "sealed")
	return b.store.Write(ctx, func(tx storage.Tx) error { return tx.InsertCaptured(c) })
}

// open unseals a captured mail.
func (b mailbox) open(c storage.Captured) (admin.Mail, error) {
	plain, err := b.keys.Open(c.Sealed, "inbox", c.ID.String(), "sealed")
	if err != nil {
		return admin.Mail{}, fmt.Errorf("open mail %s: %w", c.ID, err)
	}
	var m admin.Mail
	if err := json.Unmarshal(plain, &m); err != nil {
		return admin.Mail{}, fmt.Errorf("read mail %s: %w", c.ID, err)
	}
	return m, nil
}
