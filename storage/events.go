package storage

// Names of what can happen. An event is written in the transaction of the change it tells of.
const (
	EventSignedUp        = "user.signed_up"
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
	EventAdminSetUp      = "admin.set_up"
	EventClientCreated   = "client.created"
	EventClientUpdated   = "client.updated"
	EventClientDeleted   = "client.deleted"
	EventTokenCreated    = "registration.token_created"
	EventTokenDeleted    = "registration.token_deleted"
	EventRedirectAdded   = "client.redirect_added"
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
	EventSettingChanged  = "setting.changed"
	EventKeyCreated      = "key.created"
	EventKeyRotated      = "key.rotated"
	EventKeyRetired      = "key.retired"
	EventKeyDropped      = "key.dropped"
)

// Event is a line of the audit log: append-only. ID says when.
type Event struct {
	ID       ID
	Kind     string
	Actor    string // "user:ID", "cli", "system", or "" when nobody has proven who they are
	UserID   ID     // whom it is about
	ClientID string
	IP       string
	Detail   string
}

// InsertEvent appends to the audit log.
func (tx Tx) InsertEvent(e Event) error {
	_, err := tx.exec(`INSERT INTO events (id, kind, actor, user_id, client_id, ip, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		e.ID, e.Kind, e.Actor, e.UserID, e.ClientID, e.IP, e.Detail)
	return err
}

// Events lists up to limit events, newest first, before the one named by cursor (zero ID: from the newest).
func (tx Tx) Events(cursor ID, limit int) ([]Event, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	var events []Event
	err := tx.each(`SELECT id, kind, actor, user_id, client_id, ip, detail FROM events WHERE id < $1 ORDER BY id DESC LIMIT $2`, []any{cursor, limit}, func(row scanner) error {
		var e Event
		if err := row.Scan(&e.ID, &e.Kind, &e.Actor, &e.UserID, &e.ClientID, &e.IP, &e.Detail); err != nil {
			return err
		}
		events = append(events, e)
		return nil
	})
	return events, err
}
