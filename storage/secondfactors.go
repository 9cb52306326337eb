package storage

// SecondFactor is something that a person is asked for at every sign-in.
type SecondFactor struct {
	UserID    ID
	Method    string
	Preferred bool // asked for before the others
	Created   int64
}

// SecondFactors lists what a person is asked for, the preferred one first.
func (tx Tx) SecondFactors(user ID) ([]SecondFactor, error) {
	var factors []SecondFactor
	err := tx.each(`SELECT user_id, method, preferred, created FROM second_factors WHERE user_id = $1 ORDER BY preferred DESC, method`, []any{user}, func(row scanner) error {
		var f SecondFactor
		if err := row.Scan(&f.UserID, &f.Method, &f.Preferred, &f.Created); err != nil {
			return err
		}
		factors = append(factors, f)
		return nil
	})
	return factors, err
}

// TurnOnSecondFactor has a person asked for a method at every sign-in. A preferred one is the only one that is.
func (tx Tx) TurnOnSecondFactor(f SecondFactor) error {
	if f.Preferred {
		if _, err := tx.exec(`UPDATE second_factors SET preferred = $2 WHERE user_id = $1`, f.UserID, false); err != nil {
			return err
		}
	}
	_, err := tx.exec(`INSERT INTO second_factors (user_id, method, preferred, created) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, method) DO UPDATE SET preferred = excluded.preferred`, f.UserID, f.Method, f.Preferred, f.Created)
	return err
}

// TurnOffSecondFactor has a person asked for a method no more; ErrNotFound if they were not.
func (tx Tx) TurnOffSecondFactor(user ID, method string) error {
	return tx.one(`DELETE FROM second_factors WHERE user_id = $1 AND method = $2`, user, method)
}
