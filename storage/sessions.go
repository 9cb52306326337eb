package storage

// Session is one browser in which a person has signed in. The browser holds a random cookie; here lies only its digest.
type Session struct {
	ID         ID // also the `sid` of tokens
	Digest     []byte
	UserID     ID
	AuthTime   int64
	AMR        string // space-separated RFC 8176 values
	ACR        string
	Methods    string // what the person has proven themselves with, separated by spaces (authn.Method)
	Remembered bool   // "This is my device"
	IP         string
	Agent      string
	Seen       int64
	Expires    int64
	RevokedAt  int64
}

const sessionColumns = `s.id, s.digest, s.user_id, s.auth_time, s.amr, s.acr, s.methods, s.remembered, s.ip, s.agent, s.seen, s.expires, s.revoked_at`

func (s *Session) fields() []any {
	return []any{&s.ID, &s.Digest, &s.UserID, &s.AuthTime, &s.AMR, &s.ACR, &s.Methods, &s.Remembered, &s.IP, &s.Agent, &s.Seen, &s.Expires, &s.RevokedAt}
}

// InsertSession adds a session.
func (tx Tx) InsertSession(s Session) error {
	_, err := tx.exec(`INSERT INTO sessions (id, digest, user_id, auth_time, amr, acr, methods, remembered, ip, agent, seen, expires, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)`,
		s.ID, s.Digest, s.UserID, s.AuthTime, s.AMR, s.ACR, s.Methods, s.Remembered, s.IP, s.Agent, s.Seen, s.Expires)
	return err
}

// LiveSession returns the session whose cookie has that digest together with its person,
// as long as it is neither revoked nor expired at now; ErrNotFound otherwise. The person may be disabled: ask User.Active.
func (tx Tx) LiveSession(digest []byte, now int64) (Session, User, error) {
	var (
		s Session
		u User
	)
	err := tx.row(`SELECT `+sessionColumns+`, `+userColumns+` FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = $1 AND s.revoked_at = 0 AND s.expires > $2`, digest, now).
		Scan(append(s.fields(), u.fields()...)...)
	return s, u, err
}

// Session returns a session by id, live or not; ErrNotFound.
func (tx Tx) Session(id ID) (Session, error) {
	var s Session
	err := tx.row(`SELECT `+sessionColumns+` FROM sessions s WHERE s.id = $1`, id).Scan(s.fields()...)
	return s, err
}

// UserSessions lists the sessions of a person that live at now, the one seen last first.
func (tx Tx) UserSessions(user ID, now int64) ([]Session, error) {
	var sessions []Session
	err := tx.each(`SELECT `+sessionColumns+` FROM sessions s WHERE s.user_id = $1 AND s.revoked_at = 0 AND s.expires > $2 ORDER BY s.seen DESC`, []any{user, now},
		func(row scanner) error {
			var s Session
			if err := row.Scan(s.fields()...); err != nil {
				return err
			}
			sessions = append(sessions, s)
			return nil
		})
	return sessions, err
}

// TouchSession moves a live session's idle end to expires; a session that ended meanwhile stays ended (ErrNotFound).
func (tx Tx) TouchSession(id ID, now, expires int64) error {
	return tx.one(`UPDATE sessions SET seen = $2, expires = $3 WHERE id = $1 AND revoked_at = 0 AND expires > $2`, id, now, expires)
}

// HoldSession locks a session that lives at now until the unit ends, and changes nothing; ErrNotFound. Whoever ends it meanwhile waits, and
// then sees what was done in it.
func (tx Tx) HoldSession(id ID, now int64) error {
	return tx.one(`UPDATE sessions SET seen = seen WHERE id = $1 AND revoked_at = 0 AND expires > $2`, id, now)
}

// RevokeSession ends a session; one that has ended already stays as it is.
func (tx Tx) RevokeSession(id ID, now int64) error {
	_, err := tx.exec(`UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, id, now)
	return err
}

// RevokeUserSessions ends all sessions of a person but except (zero ID: all of them).
func (tx Tx) RevokeUserSessions(user, except ID, now int64) error {
	if except.IsZero() {
		_, err := tx.exec(`UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at = 0`, user, now)
		return err
	}
	_, err := tx.exec(`UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at = 0 AND id <> $3`, user, now, except)
	return err
}
