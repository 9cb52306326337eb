package storage

// TOTP is a person's authenticator app. They have one at most.
type TOTP struct {
	ID      ID
	UserID  ID
	Sealed  []byte // the key
	Step    int64  // the last one used: it and all before it work no more
	Created int64
	Used    int64
}

// UserTOTP returns the authenticator of a person; ErrNotFound.
func (tx Tx) UserTOTP(user ID) (TOTP, error) {
	var t TOTP
	err := tx.row(`SELECT id, user_id, sealed, step, created, used FROM totps WHERE user_id = $1`, user).
		Scan(&t.ID, &t.UserID, &t.Sealed, &t.Step, &t.Created, &t.Used)
	return t, err
}

// ReplaceTOTP gives a person an authenticator, in the place of the one they had.
func (tx Tx) ReplaceTOTP(t TOTP) error {
	_, err := tx.exec(`INSERT INTO totps (id, user_id, sealed, step, created, used) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, sealed = excluded.sealed, step = excluded.step, created = excluded.created, used = excluded.used`,
		t.ID, t.UserID, t.Sealed, t.Step, t.Created, t.Used)
	return err
}

// SpendTOTP uses up a time step of an authenticator with all steps before it, exactly once; ErrSpent for everybody after the first.
func (tx Tx) SpendTOTP(id ID, step, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE totps SET step = $2, used = $3 WHERE id = $1 AND step < $2`, id, step, now))
}

// DeleteTOTP takes a person's authenticator away; ErrNotFound.
func (tx Tx) DeleteTOTP(user ID) error {
	return tx.one(`DELETE FROM totps WHERE user_id = $1`, user)
}
