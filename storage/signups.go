package storage

// SignUp is a sign-up at the Cognito door that waits for its code.
type SignUp struct {
	Address string // normalised
	UserID  ID     // of the person it will make
	Sealed  []byte
	Created int64
	Expires int64
}

// InsertSignUp keeps a sign-up in the place of one that has expired at its Created; ErrConflict if one is waiting.
func (tx Tx) InsertSignUp(s SignUp) error {
	if _, err := tx.exec(`DELETE FROM sign_ups WHERE address = $1 AND expires <= $2`, s.Address, s.Created); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO sign_ups (address, user_id, sealed, created, expires) VALUES ($1, $2, $3, $4, $5)`, s.Address, s.UserID, s.Sealed, s.Created, s.Expires)
	return err
}

const signUpColumns = `address, user_id, sealed, created, expires`

func (s *SignUp) fields() []any {
	return []any{&s.Address, &s.UserID, &s.Sealed, &s.Created, &s.Expires}
}

// SignUp returns the sign-up of an address that waits at now; ErrNotFound.
func (tx Tx) SignUp(address string, now int64) (SignUp, error) {
	var s SignUp
	err := tx.row(`SELECT `+signUpColumns+` FROM sign_ups WHERE address = $1 AND expires > $2`, address, now).Scan(s.fields()...)
	return s, err
}

// SignUpOf returns the sign-up that waits at now and will make that person; ErrNotFound.
func (tx Tx) SignUpOf(user ID, now int64) (SignUp, error) {
	var s SignUp
	err := tx.row(`SELECT `+signUpColumns+` FROM sign_ups WHERE user_id = $1 AND expires > $2`, user, now).Scan(s.fields()...)
	return s, err
}

// SignUps lists those that wait at now, the newest first, from the one before cursor on (zero: from the newest).
func (tx Tx) SignUps(cursor ID, now int64, limit int) ([]SignUp, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	var all []SignUp
	err := tx.each(`SELECT `+signUpColumns+` FROM sign_ups WHERE user_id < $1 AND expires > $2 ORDER BY user_id DESC LIMIT $3`, []any{cursor, now, limit}, func(row scanner) error {
		var s SignUp
		if err := row.Scan(s.fields()...); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// ChangeSignUp replaces what a sign-up will make; ErrNotFound.
func (tx Tx) ChangeSignUp(s SignUp) error {
	return tx.one(`UPDATE sign_ups SET sealed = $2 WHERE address = $1`, s.Address, s.Sealed)
}

// EndSignUp takes a sign-up away, once: ErrSpent for everybody after the first.
func (tx Tx) EndSignUp(address string) error {
	return spentUnlessOne(tx.exec(`DELETE FROM sign_ups WHERE address = $1`, address))
}
