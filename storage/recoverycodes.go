package storage

// ReplaceRecoveryCodes gives a person a set of recovery codes, by their keyed digests. The set before it is gone; no digests: no set.
func (tx Tx) ReplaceRecoveryCodes(user ID, digests [][]byte, now int64) error {
	if _, err := tx.exec(`DELETE FROM recovery_codes WHERE user_id = $1`, user); err != nil {
		return err
	}
	for _, digest := range digests {
		if _, err := tx.exec(`INSERT INTO recovery_codes (user_id, digest, created, used) VALUES ($1, $2, $3, 0)`, user, digest, now); err != nil {
			return err
		}
	}
	return nil
}

// SpendRecoveryCode uses up a code of a person, exactly once; ErrSpent for everybody after the first, and if they have no such code.
func (tx Tx) SpendRecoveryCode(user ID, digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE recovery_codes SET used = $3 WHERE user_id = $1 AND digest = $2 AND used = 0`, user, digest, now))
}

// RecoveryCodes counts the codes of a person that are not used yet, and tells when the set was made; 0 if there is none.
func (tx Tx) RecoveryCodes(user ID) (unused, created int64, err error) {
	err = tx.row(`SELECT COALESCE(SUM(CASE WHEN used = 0 THEN 1 ELSE 0 END), 0), COALESCE(MAX(created), 0) FROM recovery_codes WHERE user_id = $1`, user).Scan(&unused, &created)
	return unused, created, err
}
