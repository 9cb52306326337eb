package storage

// Passkey is a key with which a person signs in (WebAuthn). Only its public half is here.
type Passkey struct {
	ID             ID
	UserID         ID
	CredentialID   []byte // what the authenticator calls it; unique among everybody's
	PublicKey      []byte // COSE_Key (RFC 9052 §7)
	SignCount      int64
	Name           string
	AAGUID         []byte   // model of the authenticator; zeroes where it does not say
	Transports     []string // how the authenticator can be reached
	Attachment     string   // "platform", "cross-platform" or "": the browser did not say
	BackupEligible bool     // may be synced; never changes
	BackedUp       bool     // is synced
	UserVerified   bool     // has verified its user at least once
	Created        int64
	CreatedOn      string // name of the device it was made on
	Used           int64  // last time; 0: never
	UsedOn         string // name of the device it was used on then
}

const passkeyColumns = `id, user_id, credential_id, public_key, sign_count, name, aaguid, transports, attachment, backup_eligible, backed_up, user_verified, created, created_on, used, used_on`

func (p *Passkey) fields() []any {
	return []any{&p.ID, &p.UserID, &p.CredentialID, &p.PublicKey, &p.SignCount, &p.Name, &p.AAGUID, (*list)(&p.Transports), &p.Attachment, &p.BackupEligible, &p.BackedUp, &p.UserVerified,
		&p.Created, &p.CreatedOn, &p.Used, &p.UsedOn}
}

// InsertPasskey adds a passkey; ErrConflict if somebody has one with that credential id.
func (tx Tx) InsertPasskey(p Passkey) error {
	_, err := tx.exec(`INSERT INTO passkeys (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		p.ID, p.UserID, p.CredentialID, p.PublicKey, p.SignCount, p.Name, p.AAGUID, encodeList(p.Transports), p.Attachment, p.BackupEligible, p.BackedUp, p.UserVerified,
		p.Created, p.CreatedOn, p.Used, p.UsedOn)
	return err
}

// Passkey returns the passkey with that credential id; ErrNotFound.
func (tx Tx) Passkey(credential []byte) (Passkey, error) {
	var p Passkey
	err := tx.row(`SELECT `+passkeyColumns+` FROM passkeys WHERE credential_id = $1`, credential).Scan(p.fields()...)
	return p, err
}

// Passkeys lists the passkeys of a person, the oldest first.
func (tx Tx) Passkeys(user ID) ([]Passkey, error) {
	var passkeys []Passkey
	err := tx.each(`SELECT `+passkeyColumns+` FROM passkeys WHERE user_id = $1 ORDER BY id`, []any{user}, func(row scanner) error {
		var p Passkey
		if err := row.Scan(p.fields()...); err != nil {
			return err
		}
		passkeys = append(passkeys, p)
		return nil
	})
	return passkeys, err
}

// CountPasskeys tells how many passkeys a person has.
func (tx Tx) CountPasskeys(user ID) (int64, error) {
	var n int64
	err := tx.row(`SELECT count(*) FROM passkeys WHERE user_id = $1`, user).Scan(&n)
	return n, err
}

// UsePasskey notes what a passkey said of itself when it was used: SignCount, BackedUp, UserVerified (which never goes back), Used and
// UsedOn; ErrNotFound. The count must have grown since, or still be zero: ErrSpent for everybody after the first with the same one.
func (tx Tx) UsePasskey(p Passkey) error {
	n, err := tx.exec(`UPDATE passkeys SET sign_count = $2, backed_up = $3, user_verified = (user_verified OR $4), used = $5, used_on = $6 WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))`,
		p.ID, p.SignCount, p.BackedUp, p.UserVerified, p.Used, p.UsedOn)
	if err != nil || n == 1 {
		return err
	}
	if _, err := tx.Passkey(p.CredentialID); err != nil {
		return err
	}
	return ErrSpent
}

// RenamePasskey names a passkey of a person anew; ErrNotFound.
func (tx Tx) RenamePasskey(user, id ID, name string) error {
	return tx.one(`UPDATE passkeys SET name = $3 WHERE id = $2 AND user_id = $1`, user, id, name)
}

// DeletePasskey removes a passkey of a person; ErrNotFound.
func (tx Tx) DeletePasskey(user, id ID) error {
	return tx.one(`DELETE FROM passkeys WHERE id = $2 AND user_id = $1`, user, id)
}
