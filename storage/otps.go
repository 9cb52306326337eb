package storage

// OTP is a one-time code that was mailed. Neither code nor link is stored: both are derived from Nonce with a key of the key file.
type OTP struct {
	ID      ID
	FlowID  ID // what it belongs to: a flow or, for a new address, its person
	Purpose string
	Address string // normalised
	Nonce   []byte
	Sent    int64
	Expires int64
	Tries   int64 // wrong guesses so far
	SpentAt int64
}

const otpColumns = `id, flow_id, purpose, address, nonce, sent, expires, tries, spent_at`

func (o *OTP) fields() []any {
	return []any{&o.ID, &o.FlowID, &o.Purpose, &o.Address, &o.Nonce, &o.Sent, &o.Expires, &o.Tries, &o.SpentAt}
}

// InsertOTP adds a code.
func (tx Tx) InsertOTP(o OTP) error {
	_, err := tx.exec(`INSERT INTO otps (`+otpColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		o.ID, o.FlowID, o.Purpose, o.Address, o.Nonce, o.Sent, o.Expires, o.Tries, o.SpentAt)
	return err
}

// OTP returns a code by id, spent and expired ones too; ErrNotFound.
func (tx Tx) OTP(id ID) (OTP, error) {
	var o OTP
	err := tx.row(`SELECT `+otpColumns+` FROM otps WHERE id = $1`, id).Scan(o.fields()...)
	return o, err
}

// BoundOTP returns the newest code for an address that was sent for a purpose and belongs to bound; ErrNotFound.
func (tx Tx) BoundOTP(bound ID, purpose, address string) (OTP, error) {
	var o OTP
	err := tx.row(`SELECT `+otpColumns+` FROM otps WHERE address = $1 AND flow_id = $2 AND purpose = $3 ORDER BY id DESC LIMIT 1`, address, bound, purpose).Scan(o.fields()...)
	return o, err
}

// GuessOTP counts one guess against a code before it is compared: only a live code (not spent, not expired at now,
// fewer than maxTries guesses) may be compared at all, so no number of parallel guesses gets past the budget; ErrSpent otherwise.
func (tx Tx) GuessOTP(id ID, now, maxTries int64) error {
	return spentUnlessOne(tx.exec(`UPDATE otps SET tries = tries + 1 WHERE id = $1 AND spent_at = 0 AND expires > $2 AND tries < $3`, id, now, maxTries))
}

// SpendOTP uses a live code up, exactly once; ErrSpent for everybody after the first, and after its end.
func (tx Tx) SpendOTP(id ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE otps SET spent_at = $2 WHERE id = $1 AND spent_at = 0 AND expires > $2`, id, now))
}

// DeleteOTPsOf drops the codes of a purpose that were sent to proven addresses of a person, spent ones too.
func (tx Tx) DeleteOTPsOf(user ID, purpose string) error {
	_, err := tx.exec(`DELETE FROM otps WHERE purpose = $2 AND address IN (SELECT address FROM emails WHERE user_id = $1 AND verified_at > 0)`, user, purpose)
	return err
}

// DeleteBoundOTPs drops the codes of a purpose that belong to bound and to no address.
func (tx Tx) DeleteBoundOTPs(bound ID, purpose string) error {
	_, err := tx.exec(`DELETE FROM otps WHERE address = '' AND flow_id = $1 AND purpose = $2`, bound, purpose)
	return err
}

// SentOTP notes that the mail with this code has been asked for again at now.
func (tx Tx) SentOTP(id ID, now int64) error {
	return tx.one(`UPDATE otps SET sent = $2 WHERE id = $1`, id, now)
}
