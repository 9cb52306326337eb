package storage

// Captured is a mail that went to the development inbox instead of the world. Its text may hold a code and lies sealed.
type Captured struct {
	ID      ID
	Address string
	OTPID   ID // the code it carries, if any
	Sealed  []byte
	Expires int64
}

// InsertCaptured keeps a mail in the inbox.
func (tx Tx) InsertCaptured(c Captured) error {
	_, err := tx.exec(`INSERT INTO inbox (id, address, otp_id, sealed, expires) VALUES ($1, $2, $3, $4, $5)`, c.ID, c.Address, c.OTPID, c.Sealed, c.Expires)
	return err
}

// Inbox lists up to limit captured mails, newest first, before the one named by cursor (zero ID: from the newest); of one address only, when given.
func (tx Tx) Inbox(address string, cursor ID, limit int) ([]Captured, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	var mails []Captured
	err := tx.each(`SELECT id, address, otp_id, sealed, expires FROM inbox WHERE id < $1 AND ($2 = '' OR address = $2) ORDER BY id DESC LIMIT $3`, []any{cursor, address, limit},
		func(row scanner) error {
			var c Captured
			if err := row.Scan(&c.ID, &c.Address, &c.OTPID, &c.Sealed, &c.Expires); err != nil {
				return err
			}
			mails = append(mails, c)
			return nil
		})
	return mails, err
}

// CapturedMail returns one captured mail; ErrNotFound.
func (tx Tx) CapturedMail(id ID) (Captured, error) {
	var c Captured
	err := tx.row(`SELECT id, address, otp_id, sealed, expires FROM inbox WHERE id = $1`, id).Scan(&c.ID, &c.Address, &c.OTPID, &c.Sealed, &c.Expires)
	return c, err
}
