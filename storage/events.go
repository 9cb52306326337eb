package storage

import (
	"fmt"
	"strings"
)

// Names of what can happen. An event is written in the transaction of the change it tells of.
const (
	EventSignedUp        = "user.signed_up"
	EventSignUpDropped   = "user.sign_up_dropped"
	EventUserCreated     = "user.created"
	EventUserChanged     = "user.changed"
	EventUserDisabled    = "user.disabled"
	EventRoleChanged     = "user.role_changed"
	EventUserEnabled     = "user.enabled"
	EventUserDeleted     = "user.deleted"
	EventSignedIn        = "session.signed_in"
	EventSignedOut       = "session.signed_out"
	EventSignedOutAll    = "user.signed_out_everywhere"
	EventSignedOutOthers = "user.signed_out_elsewhere"
	EventPasswordChanged = "password.changed"
	EventPasswordReset   = "password.reset"
	EventPasswordRemoved = "password.removed"
	EventPasswordGiven   = "password.given"   // a temporary one
	EventPasswordExpired = "password.expired" // the person has to choose another
	EventAddressAdded    = "address.added"
	EventAddressRemoved  = "address.removed"
	EventAddressPrimary  = "address.primary"
	EventPictureChanged  = "user.picture_changed"
	EventDeletionAsked   = "user.deletion_asked"
	EventDeletionTaken   = "user.deletion_withdrawn"
	EventDenied          = "user.denied_change"
	EventLetterMade      = "user.link_made"
	EventCodeMade        = "user.code_made"
	EventRecoveryMade    = "user.recovery_made"
	EventAdminSetUp      = "admin.set_up"
	EventClientCreated   = "client.created"
	EventClientUpdated   = "client.updated"
	EventClientDeleted   = "client.deleted"
	EventClientDisabled  = "client.disabled"
	EventClientEnabled   = "client.enabled"
	EventTokenCreated    = "registration.token_created"
	EventTokenDeleted    = "registration.token_deleted"
	EventSigKeyCreated   = "signature_key.created"
	EventSigKeyDeleted   = "signature_key.deleted"
	EventRedirectAdded   = "client.redirect_added"
	EventPostLogoutAdded = "client.post_logout_redirect_added"
	EventSecretRotated   = "client.secret_rotated"
	EventRefreshReused   = "grant.refresh_reused"
	EventCodeReused      = "grant.code_reused"
	EventGrantRevoked    = "grant.revoked"
	EventDeviceAllowed   = "device.allowed"
	EventDeviceDenied    = "device.denied"
	EventConsentGiven    = "consent.given"
	EventConsentRefused  = "consent.refused"
	EventConsentRevoked  = "consent.revoked"
	EventTokenRevoked    = "token.revoked"
	EventResourceCreated = "resource.created"
	EventResourceUpdated = "resource.updated"
	EventResourceDeleted = "resource.deleted"
	EventGroupCreated    = "group.created"
	EventGroupDeleted    = "group.deleted"
	EventGroupJoined     = "user.group_joined"
	EventGroupLeft       = "user.group_left"
	EventFactorAdded     = "factor.added"
	EventFactorRemoved   = "factor.removed"
	EventFactorChanged   = "factor.preference"
	EventRecoveryCodes   = "factor.recovery_codes"
	EventFactorSlowed    = "factor.slowed"
	EventDeviceTrusted   = "browser.trusted"
	EventDeviceForgotten = "browser.forgotten"
	EventAddressSlowed   = "address.slowed"
	EventAccepted        = "document.accepted"
	EventInvited         = "invitation.created"
	EventInviteAccepted  = "invitation.accepted"
	EventInviteRevoked   = "invitation.revoked"
	EventSettingChanged  = "setting.changed"
	EventPasskeyCreated  = "passkey.created"
	EventPasskeyRenamed  = "passkey.renamed"
	EventPasskeyRemoved  = "passkey.removed"
	EventPasskeyDoubled  = "passkey.doubled" // its count of signatures went back
	EventKeyCreated      = "key.created"
	EventKeyRotated      = "key.rotated"
	EventKeyRetired      = "key.retired"
	EventKeyDropped      = "key.dropped"
)

// Names of what happens to connections, and to the accounts that people link by them.
const (
	EventIdentityLinked    = "identity.linked"
	EventIdentityUnlinked  = "identity.unlinked"
	EventConnectionCreated = "connection.created"
	EventConnectionUpdated = "connection.updated"
	EventConnectionDeleted = "connection.deleted"
)

// Event is a line of the audit log: append-only. ID says when.
type Event struct {
	ID       ID
	Kind     string
	Actor    string // "user:ID", "key:ID" (a signature key), "cli", "system", or "" when nobody has proven who they are
	UserID   ID     // whom it is about
	ClientID string
	IP       string
	Device   string // as authn.Device names it
	Detail   string // never says who, but in events about addresses
}

// InsertEvent appends to the audit log.
func (tx Tx) InsertEvent(e Event) error {
	_, err := tx.exec(`INSERT INTO events (`+eventColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.ID, e.Kind, e.Actor, e.UserID, e.ClientID, e.IP, e.Device, e.Detail)
	return err
}

const eventColumns = `id, kind, actor, user_id, client_id, ip, device, detail`

func (e *Event) fields() []any {
	return []any{&e.ID, &e.Kind, &e.Actor, &e.UserID, &e.ClientID, &e.IP, &e.Device, &e.Detail}
}

// EventFilter says which events are asked for; what is zero asks for all.
type EventFilter struct {
	User   ID     // whom they are about
	Kind   string // "password.changed", or "password" for all that begin with "password."
	Client string
	Since  int64 // not older than that
}

// Events lists up to limit events, newest first, before the one named by cursor (zero ID: from the newest).
func (tx Tx) Events(cursor ID, limit int) ([]Event, error) {
	return tx.EventsWith(EventFilter{}, cursor, limit)
}

// UserEvents lists up to limit events about a person, newest first, before the one named by cursor (zero ID: from the newest) and
// not older than since.
func (tx Tx) UserEvents(user, cursor ID, since int64, limit int) ([]Event, error) {
	return tx.EventsWith(EventFilter{User: user, Since: since}, cursor, limit)
}

// EventsWith lists up to limit events that a filter lets through, newest first, before the one named by cursor (zero ID: from the newest).
// Only those about a person have an index of their own: the others are found on the way back in time.
func (tx Tx) EventsWith(f EventFilter, cursor ID, limit int) ([]Event, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	query, args := `SELECT `+eventColumns+` FROM events WHERE id < $1 AND id >= $2`, []any{cursor, idAt(f.Since)}
	and := func(condition string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND "+condition, len(args))
	}
	if !f.User.IsZero() {
		and("user_id = $%d", f.User)
	}
	if f.Client != "" {
		and("client_id = $%d", f.Client)
	}
	switch {
	case strings.Contains(f.Kind, "."):
		and("kind = $%d", f.Kind)
	case f.Kind != "":
		and("substr(kind, 1, length($%[1]d)) = $%[1]d", f.Kind+".")
	}
	return tx.events(query+fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args)+1), append(args, limit)...)
}

func (tx Tx) events(query string, args ...any) ([]Event, error) {
	var events []Event
	err := tx.each(query, args, func(row scanner) error {
		var e Event
		if err := row.Scan(e.fields()...); err != nil {
			return err
		}
		events = append(events, e)
		return nil
	})
	return events, err
}

// ForgetEvents makes up to limit events that happened before that moment forget who it was: whom they are about, who did it, from
// where, with what, and which address. What happened, when, and to which application stays. more says that there are others.
func (tx Tx) ForgetEvents(before int64, limit int) (more bool, err error) {
	var from int64
	if err := tx.row(`SELECT number FROM versions WHERE name = 'events_forgotten'`).Scan(&from); err != nil {
		return false, err
	}
	seen, to := 0, ID{}
	err = tx.each(`SELECT id FROM events WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3`, []any{idAt(from), idAt(before), limit}, func(row scanner) error {
		seen++
		return row.Scan(&to)
	})
	if err != nil || seen == 0 {
		return false, err
	}
	if until := to.Time().UnixMicro() + 1000; until < before { // the rest of the last millisecond too, so that the next round begins behind it
		before = until
	}
	_, err = tx.exec(`UPDATE events SET user_id = NULL, ip = '', device = '', actor = CASE WHEN actor LIKE 'user:%' THEN 'user' ELSE actor END,
		detail = CASE WHEN kind LIKE 'address.%' THEN '' ELSE detail END WHERE id >= $1 AND id < $2`, idAt(from), idAt(before))
	if err != nil {
		return false, err
	}
	return seen == limit, tx.one(`UPDATE versions SET number = $1 WHERE name = 'events_forgotten'`, before)
}
