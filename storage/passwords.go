package storage

// Password is what is kept of what a person knows.
type Password struct {
	UserID    ID
	Hash      string // says by itself how it was made
	Changed   int64  // when the person last got another one; making its hash anew does not count
	Temporary int64  // until when it is good, if somebody else has chosen it; 0: it is the person's own
}

// Password returns a person's password; ErrNotFound if they have none.
func (tx Tx) Password(user ID) (Password, error) {
	p := Password{UserID: user}
	err := tx.row(`SELECT hash, changed, temporary FROM passwords WHERE user_id = $1`, user).Scan(&p.Hash, &p.Changed, &p.Temporary)
	return p, err
}

// PasswordOf returns whoever has that username or has proven that normalised address, with their password; ErrNotFound if there is no
// such person, or if they have no password. One statement answers for everybody.
func (tx Tx) PasswordOf(identifier string) (User, Password, error) {
	var (
		u User
		p Password
	)
	err := tx.row(`SELECT `+userColumns+`, p.user_id, p.hash, p.changed, p.temporary FROM users u JOIN passwords p ON p.user_id = u.id
		WHERE u.id = COALESCE((SELECT e.user_id FROM emails e WHERE e.address = $1 AND e.verified_at > 0), (SELECT n.id FROM users n WHERE n.username = $1))`, identifier).
		Scan(append(u.fields(), &p.UserID, &p.Hash, &p.Changed, &p.Temporary)...)
	return u, p, err
}

// SavePassword gives a person a password in place of any before it.
func (tx Tx) SavePassword(p Password) error {
	_, err := tx.exec(`INSERT INTO passwords (user_id, hash, changed, temporary) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed = excluded.changed, temporary = excluded.temporary`, p.UserID, p.Hash, p.Changed, p.Temporary)
	return err
}

// ExpirePassword ends a person's password as of now: whoever knows it has to choose another. ErrNotFound if they have none.
func (tx Tx) ExpirePassword(user ID, now int64) error {
	return tx.one(`UPDATE passwords SET temporary = $2 WHERE user_id = $1`, user, now)
}

// RehashPassword puts another hash of the same password in the place of from; ErrSpent if it is not there any more.
func (tx Tx) RehashPassword(user ID, from, to string) error {
	return spentUnlessOne(tx.exec(`UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2`, user, from, to))
}

// DeletePassword takes a person's password away; ErrNotFound.
func (tx Tx) DeletePassword(user ID) error {
	return tx.one(`DELETE FROM passwords WHERE user_id = $1`, user)
}
