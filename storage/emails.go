package storage

// Email is an address of a person. Address is the normalised form, compared and unique among verified ones;
// Typed is how the person wrote it.
type Email struct {
	UserID     ID
	Address    string
	Typed      string
	Primary    bool
	VerifiedAt int64 // 0: not proven
	Created    int64
}

// InsertEmail adds an address; ErrConflict if this person has it already, or another has proven it.
func (tx Tx) InsertEmail(e Email) error {
	_, err := tx.exec(`INSERT INTO emails (user_id, address, typed, is_primary, verified_at, created) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.UserID, e.Address, e.Typed, e.Primary, e.VerifiedAt, e.Created)
	return err
}

// Emails returns all addresses of a person, the primary one first.
func (tx Tx) Emails(user ID) ([]Email, error) {
	var emails []Email
	err := tx.each(`SELECT user_id, address, typed, is_primary, verified_at, created FROM emails WHERE user_id = $1 ORDER BY is_primary DESC, created`, []any{user},
		func(row scanner) error {
			var e Email
			if err := row.Scan(&e.UserID, &e.Address, &e.Typed, &e.Primary, &e.VerifiedAt, &e.Created); err != nil {
				return err
			}
			emails = append(emails, e)
			return nil
		})
	return emails, err
}

// PrimaryEmail returns the address of a person that tokens name; ErrNotFound.
func (tx Tx) PrimaryEmail(user ID) (Email, error) {
	var e Email
	err := tx.row(`SELECT user_id, address, typed, is_primary, verified_at, created FROM emails WHERE user_id = $1 AND is_primary`, user).
		Scan(&e.UserID, &e.Address, &e.Typed, &e.Primary, &e.VerifiedAt, &e.Created)
	return e, err
}

// AddressByUsername returns the proven primary address of whoever has that username; ErrNotFound.
func (tx Tx) AddressByUsername(username string) (string, error) {
	var address string
	err := tx.row(`SELECT e.address FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary AND e.verified_at > 0 WHERE u.username = $1`, username).Scan(&address)
	return address, err
}

// VerifyEmail marks an address of a person as proven at now; ErrNotFound if the person does not have it,
// ErrConflict if another person has proven it first. Proving it again changes nothing.
func (tx Tx) VerifyEmail(user ID, address string, now int64) error {
	return tx.one(`UPDATE emails SET verified_at = CASE WHEN verified_at > 0 THEN verified_at ELSE $3 END WHERE user_id = $1 AND address = $2`, user, address, now)
}

// SetPrimaryEmail makes a proven address of a person the one that tokens name; ErrNotFound if they have none such.
func (tx Tx) SetPrimaryEmail(user ID, address string) error {
	if _, err := tx.exec(`UPDATE emails SET is_primary = $2 WHERE user_id = $1 AND is_primary`, user, false); err != nil {
		return err
	}
	return tx.one(`UPDATE emails SET is_primary = $3 WHERE user_id = $1 AND address = $2 AND verified_at > 0`, user, address, true)
}

// DeleteEmail takes an address from a person; ErrNotFound.
func (tx Tx) DeleteEmail(user ID, address string) error {
	return tx.one(`DELETE FROM emails WHERE user_id = $1 AND address = $2`, user, address)
}

// DeleteUnprovenEmails takes out up to limit addresses that were added before that moment and never proven. A primary one stays.
func (tx Tx) DeleteUnprovenEmails(before int64, limit int) (int64, error) {
	var n int64
	due := []Email{}
	err := tx.each(`SELECT user_id, address FROM emails WHERE verified_at = 0 AND created < $1 AND NOT is_primary ORDER BY created LIMIT $2`, []any{before, limit}, func(row scanner) error {
		var e Email
		if err := row.Scan(&e.UserID, &e.Address); err != nil {
			return err
		}
		due = append(due, e)
		return nil
	})
	for _, e := range due {
		if err != nil {
			break
		}
		var gone int64
		gone, err = tx.exec(`DELETE FROM emails WHERE user_id = $1 AND address = $2 AND verified_at = 0 AND NOT is_primary`, e.UserID, e.Address)
		n += gone
	}
	return n, err
}
