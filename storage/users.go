package storage

import "encoding/json"

// User is a person. ID is the `sub` of every token about them and never changes.
type User struct {
	ID         ID
	Status     string // "active" or "disabled"
	Role       string // "none", "reader", "admin" or "owner"
	Name       string
	Username   string // unique; "" means none
	Picture    string // URL
	Locale     string // BCP 47; "" means unknown
	Attributes json.RawMessage
	Created    int64
	Updated    int64
	DeleteAt   int64  // when they go, because they have asked to; 0: they have not
	Language   string // of their last sign-in; "" means unknown
	SignedIn   int64  // when that was; 0: never
}

// Leaving reports whether the person has asked to be deleted.
func (u User) Leaving() bool { return u.DeleteAt > 0 }

// Active reports whether the person may sign in and their tokens count.
func (u User) Active() bool { return u.Status == "active" }

const userColumns = `u.id, u.status, u.role, u.name, COALESCE(u.username, ''), u.picture, u.locale, u.attributes, u.created, u.updated, u.delete_at, u.language, u.signed_in`

func (u *User) fields() []any {
	return []any{&u.ID, &u.Status, &u.Role, &u.Name, &u.Username, &u.Picture, &u.Locale, (*text)(&u.Attributes), &u.Created, &u.Updated, &u.DeleteAt, &u.Language, &u.SignedIn}
}

// User returns the person with that id; ErrNotFound.
func (tx Tx) User(id ID) (User, error) {
	var u User
	err := tx.row(`SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id).Scan(u.fields()...)
	return u, err
}

// UserByEmail returns the person who has proven that normalised address; ErrNotFound.
func (tx Tx) UserByEmail(address string) (User, error) {
	var u User
	err := tx.row(`SELECT `+userColumns+` FROM users u JOIN emails e ON e.user_id = u.id WHERE e.address = $1 AND e.verified_at > 0`, address).Scan(u.fields()...)
	return u, err
}

// UserByUsername returns the person with that username; ErrNotFound.
func (tx Tx) UserByUsername(username string) (User, error) {
	var u User
	err := tx.row(`SELECT `+userColumns+` FROM users u WHERE u.username = $1`, username).Scan(u.fields()...)
	return u, err
}

// InsertUser adds a person; ErrConflict if the username is taken.
func (tx Tx) InsertUser(u User) error {
	if len(u.Attributes) == 0 {
		u.Attributes = json.RawMessage("{}")
	}
	if u.Role == "" {
		u.Role = "none"
	}
	_, err := tx.exec(`INSERT INTO users (id, status, role, name, username, picture, locale, attributes, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		u.ID, u.Status, u.Role, u.Name, nullable(u.Username), u.Picture, u.Locale, string(u.Attributes), u.Created, u.Updated)
	return err
}

// MeetUser notes that a person has signed in, and the language of that; "" leaves the one before.
func (tx Tx) MeetUser(id ID, language string, now int64) error {
	return tx.one(`UPDATE users SET signed_in = $2, language = CASE WHEN $3 = '' THEN language ELSE $3 END WHERE id = $1`, id, now, language)
}

// UpdateUser replaces everything about the person but id, created and what MeetUser notes; ErrNotFound, ErrConflict (username taken).
// Whoever reads, changes and writes a person holds them first (HoldUser): else it undoes what is changed meanwhile.
func (tx Tx) UpdateUser(u User) error {
	return tx.one(`UPDATE users SET status = $2, role = $3, name = $4, username = $5, picture = $6, locale = $7, attributes = $8, updated = $9, delete_at = $10 WHERE id = $1`,
		u.ID, u.Status, u.Role, u.Name, nullable(u.Username), u.Picture, u.Locale, string(u.Attributes), u.Updated, u.DeleteAt)
}

// DeleteUser removes the person with addresses, sessions and grants; ErrNotFound.
func (tx Tx) DeleteUser(id ID) error {
	return tx.one(`DELETE FROM users WHERE id = $1`, id)
}

// Users lists up to limit people, newest first, made before the one named by cursor (zero ID: from the newest).
// search, when not empty, is matched as part of a name, username or address, letter case ignored.
func (tx Tx) Users(search string, cursor ID, limit int) ([]User, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	var users []User
	err := tx.each(`SELECT `+userColumns+` FROM users u WHERE u.id < $1 AND ($2 = '' OR lower(u.name) LIKE $3 ESCAPE '\' OR lower(u.username) LIKE $3 ESCAPE '\'
		OR EXISTS (SELECT 1 FROM emails e WHERE e.user_id = u.id AND e.address LIKE $3 ESCAPE '\')) ORDER BY u.id DESC LIMIT $4`,
		[]any{cursor, search, contains(search), limit}, func(row scanner) error {
			var u User
			if err := row.Scan(u.fields()...); err != nil {
				return err
			}
			users = append(users, u)
			return nil
		})
	return users, err
}

// HasAdmin reports whether a person with role admin or owner exists, disabled or not.
func (tx Tx) HasAdmin() (bool, error) {
	var n int64
	err := tx.row(`SELECT count(*) FROM users WHERE role IN ('admin', 'owner')`).Scan(&n)
	return n > 0, err
}

// OtherOwners counts the active people with role owner who stay, besides the one named. It locks their rows: of two transactions
// that each take away the other's last owner, one has to look again.
func (tx Tx) OtherOwners(id ID) (int64, error) {
	return tx.exec(`UPDATE users SET updated = updated WHERE role = 'owner' AND status = 'active' AND delete_at = 0 AND id <> $1`, id)
}

// Owners lists the active people with role owner who stay.
func (tx Tx) Owners() ([]User, error) {
	var owners []User
	err := tx.each(`SELECT `+userColumns+` FROM users u WHERE u.role = 'owner' AND u.status = 'active' AND u.delete_at = 0 ORDER BY u.id`, nil, func(row scanner) error {
		var u User
		if err := row.Scan(u.fields()...); err != nil {
			return err
		}
		owners = append(owners, u)
		return nil
	})
	return owners, err
}

// TouchUser notes that something about a person has changed at now; ErrNotFound. It locks them: of two units that change what
// hangs on one person, the second waits and sees what the first has done.
func (tx Tx) TouchUser(id ID, now int64) error {
	return tx.one(`UPDATE users SET updated = $2 WHERE id = $1`, id, now)
}

// HoldUser locks a person until the unit ends, as TouchUser does, and changes nothing; ErrNotFound.
func (tx Tx) HoldUser(id ID) error {
	return tx.one(`UPDATE users SET updated = updated WHERE id = $1`, id)
}

// UsersLeaving lists up to limit people whose time has come at now.
func (tx Tx) UsersLeaving(now int64, limit int) ([]ID, error) {
	var ids []ID
	err := tx.each(`SELECT id FROM users WHERE delete_at > 0 AND delete_at <= $1 ORDER BY delete_at LIMIT $2`, []any{now, limit}, func(row scanner) error {
		var id ID
		if err := row.Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
		return nil
	})
	return ids, err
}
