package storage

// SaveVerifier keeps the sealed SRP verifier of a person's password in place of any before it.
func (tx Tx) SaveVerifier(user ID, sealed []byte, now int64) error {
	_, err := tx.exec(`INSERT INTO srp_verifiers (user_id, sealed, created) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, created = excluded.created`, user, sealed, now)
	return err
}

// Verifier returns the sealed SRP verifier of a person; ErrNotFound.
func (tx Tx) Verifier(user ID) ([]byte, error) {
	var sealed []byte
	err := tx.row(`SELECT sealed FROM srp_verifiers WHERE user_id = $1`, user).Scan(&sealed)
	return sealed, err
}

// DeleteVerifier takes the verifier of a person away, if there is one.
func (tx Tx) DeleteVerifier(user ID) error {
	_, err := tx.exec(`DELETE FROM srp_verifiers WHERE user_id = $1`, user)
	return err
}

// VerifiersWanted reports whether an application lets people sign in by SRP.
func (tx Tx) VerifiersWanted() (bool, error) {
	var n int64
	err := tx.row(`SELECT count(*) FROM clients WHERE settings LIKE '%"cognito_srp":true%'`).Scan(&n)
	return n > 0, err
}
