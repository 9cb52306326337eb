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

// VerifyEmail marks an address of a person as proven at now; ErrNotFound if the person does not have it,
// ErrConflict if another person has proven it first. Proving it again changes nothing.
func (tx Tx) VerifyEmail(user ID, address string, now int64) error {
	return tx.one(`UPDATE emails SET verified_at = CASE WHEN verified_at > 0 THEN verified_at ELSE $3 END WHERE user_id = $1 AND address = $2`, user, address, now)
}
