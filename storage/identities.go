package storage

import "encoding/json"

// Identity is an account elsewhere that a person can sign in with.
type Identity struct {
	ID         ID
	Connection string
	Issuer     string
	Subject    string // unique at its issuer, and never given to somebody else there
	UserID     ID
	Claims     json.RawMessage // what the provider has said of the person last (authn)
	Created    int64
	Used       int64
}

const identityColumns = `id, connection_id, issuer, subject, user_id, claims, created, used`

func (i *Identity) fields() []any {
	return []any{&i.ID, &i.Connection, &i.Issuer, &i.Subject, &i.UserID, (*text)(&i.Claims), &i.Created, &i.Used}
}

// Identity returns the account that a connection names so; ErrNotFound.
func (tx Tx) Identity(connection, issuer, subject string) (Identity, error) {
	var i Identity
	err := tx.row(`SELECT `+identityColumns+` FROM identities WHERE connection_id = $1 AND issuer = $2 AND subject = $3`, connection, issuer, subject).Scan(i.fields()...)
	return i, err
}

// UserIdentities returns the accounts of a person, the oldest first.
func (tx Tx) UserIdentities(user ID) ([]Identity, error) {
	var all []Identity
	err := tx.each(`SELECT `+identityColumns+` FROM identities WHERE user_id = $1 ORDER BY id`, []any{user}, func(row scanner) error {
		var i Identity
		if err := row.Scan(i.fields()...); err != nil {
			return err
		}
		all = append(all, i)
		return nil
	})
	return all, err
}

// WaysByIdentity counts the accounts of a person whose connection is there and switched on.
func (tx Tx) WaysByIdentity(user ID) (int64, error) {
	var n int64
	err := tx.row(`SELECT count(*) FROM identities i JOIN connections c ON c.id = i.connection_id WHERE i.user_id = $1 AND NOT c.disabled`, user).Scan(&n)
	return n, err
}

// LinkedBy counts the people who have linked an account by a connection.
func (tx Tx) LinkedBy(connection string) (int64, error) {
	var n int64
	err := tx.row(`SELECT count(DISTINCT user_id) FROM identities WHERE connection_id = $1`, connection).Scan(&n)
	return n, err
}

// InsertIdentity links an account to a person; ErrConflict if it is linked already.
func (tx Tx) InsertIdentity(i Identity) error {
	_, err := tx.exec(`INSERT INTO identities (`+identityColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		i.ID, i.Connection, i.Issuer, i.Subject, i.UserID, string(i.Claims), i.Created, i.Used)
	return err
}

// UseIdentity notes that somebody has signed in with an account, and what the provider says of it now; ErrNotFound.
func (tx Tx) UseIdentity(id ID, claims json.RawMessage, now int64) error {
	return tx.one(`UPDATE identities SET claims = $2, used = $3 WHERE id = $1`, id, string(claims), now)
}

// DeleteIdentity takes an account from a person; ErrNotFound.
func (tx Tx) DeleteIdentity(user, id ID) error {
	return tx.one(`DELETE FROM identities WHERE user_id = $1 AND id = $2`, user, id)
}

// ForgetIdentities takes all accounts of a connection from the people who have linked them.
func (tx Tx) ForgetIdentities(connection string) error {
	_, err := tx.exec(`DELETE FROM identities WHERE connection_id = $1`, connection)
	return err
}
