package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatelatch/email"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Notice is a kind of change that its person is told of by mail.
type Notice string

// The kinds of notices.
const (
	NoticeDevice          Notice = "new_device" // a sign-in in a browser that is not known; never the first sign-in of a person
	NoticePasswordSet     Notice = "password_set"
	NoticePasswordChanged Notice = "password_changed"
	NoticePasswordReset   Notice = "password_reset"
	NoticePasswordRemoved Notice = "password_removed"
	NoticeTOTPAdded       Notice = "totp_added"
	NoticeTOTPRemoved     Notice = "totp_removed"
	NoticePasskeyAdded    Notice = "passkey_added"
	NoticePasskeyRemoved  Notice = "passkey_removed"
	NoticeRecoveryCodes   Notice = "recovery_codes"
	NoticeRecoveryUsed    Notice = "recovery_used"
	NoticeAddressAdded    Notice = "address_added"
	NoticeAddressPrimary  Notice = "address_primary"
	NoticeAddressRemoved  Notice = "address_removed"
	NoticeLinked          Notice = "account_linked"
	NoticeUnlinked        Notice = "account_unlinked"
	NoticeDeletion        Notice = "deletion_asked"
)

// NoticeGroups are the names under which an owner can turn notices off, and what belongs to each.
var NoticeGroups = map[string][]Notice{
	"new_devices":     {NoticeDevice},
	"passwords":       {NoticePasswordSet, NoticePasswordChanged, NoticePasswordReset, NoticePasswordRemoved},
	"factors":         {NoticeTOTPAdded, NoticeTOTPRemoved, NoticePasskeyAdded, NoticePasskeyRemoved},
	"recovery_codes":  {NoticeRecoveryCodes, NoticeRecoveryUsed},
	"addresses":       {NoticeAddressAdded, NoticeAddressPrimary, NoticeAddressRemoved},
	"linked_accounts": {NoticeLinked, NoticeUnlinked},
	"deletion":        {NoticeDeletion},
}

// group is the name under which a kind can be turned off. A budget counts by it, too: changes of one kind cannot use up the mails that
// would tell of another.
func (n Notice) group() string {
	for name, kinds := range NoticeGroups {
		if slices.Contains(kinds, n) {
			return name
		}
	}
	return ""
}

// kindNotice is the outbox's name for a notice: it has senders of its own, so that notices never delay a code.
const kindNotice = "notice"

const (
	noticeLife     = 7 * 24 * time.Hour // of the link
	noticeTries    = 24 * time.Hour     // that a mail server which does not answer is tried
	noticesHour    = 5                  // mails of one group to a person,
	noticesDay     = 15                 // and never more than that in a day
	noticeLinkSize = 20                 // bytes that are secret
)

// change is what a person is told of.
type change struct {
	kind    Notice
	by      string   // who has done it: "user:ID", "cli", "system"
	subject string   // what was added or removed, for the mail and for taking it back
	also    []string // addresses beside the primary one that are told
}

// notice tells a person by mail of a change to their account. It belongs into the transaction of the change, and is the only function
// that does so. Whoever makes many changes is told of a few in each group: a budget that is used up takes no change back.
func (e *Engine) notice(tx storage.Tx, v Visitor, user storage.ID, c change, now int64) error {
	if slices.Contains(e.cfg.Quiet, c.kind.group()) {
		return nil
	}
	m, err := tx.PrimaryEmail(user)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("read address: %w", err)
	}
	to := slices.Clone(c.also)
	if err == nil && m.VerifiedAt > 0 {
		to = append(to, m.Address)
	}
	slices.Sort(to)
	for _, address := range slices.Compact(to) {
		for _, b := range []budget{
			{slows: BudgetNotices + "_" + c.kind.group(), limit: noticesHour, window: time.Hour},
			{slows: BudgetNotices + "_day_" + c.kind.group(), limit: noticesDay, window: 24 * time.Hour},
		} {
			err := e.spend(tx, b, user.String()+" "+address, now)
			if errors.Is(err, ErrTooMany) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		n := storage.Notice{ID: storage.NewID(), UserID: user, Kind: string(c.kind), Subject: c.subject, Address: address, Nonce: e.newNonce(),
			Device: Device(v.Agent), IP: ip(v), Created: now, Expires: now + noticeLife.Microseconds()}
		if err := tx.InsertNotice(n); err != nil {
			return fmt.Errorf("keep notice: %w", err)
		}
		payload, err := json.Marshal(letter{Notice: n.ID.String(), ByAdmin: !strings.HasPrefix(c.by, "user:")})
		if err != nil {
			return fmt.Errorf("write letter: %w", err)
		}
		d := storage.Delivery{ID: storage.NewID(), Kind: kindNotice, Payload: string(payload), Due: now, Expires: now + noticeTries.Microseconds()}
		if err := tx.InsertDelivery(d); err != nil {
			return err
		}
	}
	return nil
}

// writeNotice makes the mail of a notice, in the language of its person: the one they have said, else that of their last sign-in.
func (e *Engine) writeNotice(ctx context.Context, l letter) (m email.Message, worth bool, err error) {
	id, err := storage.ParseID(l.Notice)
	if err != nil {
		return m, false, fmt.Errorf("read letter: %w", err)
	}
	tx := e.store.View(ctx)
	n, err := tx.Notice(id, e.now())
	if errors.Is(err, storage.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read notice: %w", err)
	}
	u, err := tx.User(n.UserID)
	if errors.Is(err, storage.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read person: %w", err)
	}
	m, err = email.Change(e.cfg.Words.Match(u.Locale, u.Language, e.cfg.Language), email.ChangeMail{
		Kind: n.Kind, What: Notice(n.Kind).what(n.Subject), Address: n.Address, At: time.UnixMicro(n.Created), Device: n.Device, IP: n.IP, ByAdmin: l.ByAdmin,
		Link: e.cfg.PublicURL + "/sign-in/not-me?t=" + e.noticeToken(n), Host: e.host,
	})
	return m, err == nil, err
}

// what names the subject of a change in a mail: addresses are not written out, for they may be somebody else's.
func (n Notice) what(subject string) string {
	switch n {
	case NoticeAddressAdded, NoticeAddressPrimary, NoticeAddressRemoved:
		return mask(subject)
	case NoticeLinked, NoticeUnlinked:
		_, name, _ := strings.Cut(subject, " ") // after the id
		return name
	}
	return ""
}

// noticeToken derives the token of the link in a notice: the row's id, which is no secret, and 160 bits that are. "" if the row was made with
// a key that is no longer there.
func (e *Engine) noticeToken(n storage.Notice) string {
	if len(n.Nonce) != 1+nonceSize {
		return ""
	}
	digest := e.keys.DigestUnder(n.Nonce[0], "notice-link", n.ID[:], n.UserID[:], n.Nonce, []byte(n.Address))
	if len(digest) < noticeLinkSize {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte(nil), n.ID[:]...), digest[:noticeLinkSize]...))
}

// noticed finds the notice that a link belongs to; ErrLinkGone.
func (e *Engine) noticed(tx storage.Tx, token string, now int64) (storage.Notice, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(storage.ID{})+noticeLinkSize {
		return storage.Notice{}, ErrLinkGone
	}
	n, err := tx.Notice(storage.ID(raw[:len(storage.ID{})]), now)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Notice{}, ErrLinkGone
	}
	if err != nil {
		return storage.Notice{}, fmt.Errorf("read notice: %w", err)
	}
	if want := e.noticeToken(n); want == "" || !secret.Equal([]byte(want), []byte(token)) {
		return storage.Notice{}, ErrLinkGone
	}
	return n, nil
}
