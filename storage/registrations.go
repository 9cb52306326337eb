package storage

import (
	"context"
	"errors"
)

// Registration is what is kept of an application that has registered itself (RFC 7591).
type Registration struct {
	ClientID string
	Digest   []byte // of the token that manages it (RFC 7592)
	Created  int64
	Expires  int64 // when it goes if nobody has used it; 0: never
}

// RegistrationToken is an initial access token (RFC 7591 §1.2): whoever has it may register so many applications.
type RegistrationToken struct {
	ID      ID
	Digest  []byte
	Hint    string // the last four characters
	Uses    int64
	Used    int64
	Created int64
	Expires int64
}

const registrationTokenColumns = `id, digest, hint, uses, used, created, expires`

func (t *RegistrationToken) fields() []any {
	return []any{&t.ID, &t.Digest, &t.Hint, &t.Uses, &t.Used, &t.Created, &t.Expires}
}

// Registration returns what is kept of an application that has registered itself; ErrNotFound.
func (tx Tx) Registration(client string) (Registration, error) {
	var r Registration
	err := tx.row(`SELECT client_id, digest, created, expires FROM registrations WHERE client_id = $1`, client).Scan(&r.ClientID, &r.Digest, &r.Created, &r.Expires)
	return r, err
}

// InsertRegistration notes that an application has registered itself; ErrConflict if it has already, or is not there.
func (tx Tx) InsertRegistration(r Registration) error {
	_, err := tx.exec(`INSERT INTO registrations (client_id, digest, created, expires) VALUES ($1, $2, $3, $4)`, r.ClientID, r.Digest, r.Created, r.Expires)
	return err
}

// RegistrationTokens lists the initial access tokens that have not ended at now, the newest first.
func (tx Tx) RegistrationTokens(now int64) ([]RegistrationToken, error) {
	var tokens []RegistrationToken
	err := tx.each(`SELECT `+registrationTokenColumns+` FROM registration_tokens WHERE expires > $1 ORDER BY id DESC`, []any{now}, func(row scanner) error {
		var t RegistrationToken
		if err := row.Scan(t.fields()...); err != nil {
			return err
		}
		tokens = append(tokens, t)
		return nil
	})
	return tokens, err
}

// InsertRegistrationToken adds an initial access token; ErrConflict.
func (tx Tx) InsertRegistrationToken(t RegistrationToken) error {
	_, err := tx.exec(`INSERT INTO registration_tokens (`+registrationTokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, t.ID, t.Digest, t.Hint, t.Uses, t.Used, t.Created, t.Expires)
	return err
}

// DeleteRegistrationToken ends an initial access token; ErrNotFound.
func (tx Tx) DeleteRegistrationToken(id ID) error {
	return tx.one(`DELETE FROM registration_tokens WHERE id = $1`, id)
}

// SpendRegistrationToken uses an initial access token once. ErrSpent if there is none, it has ended or has no use left: this
// statement is the decision.
func (tx Tx) SpendRegistrationToken(digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE registration_tokens SET used = used + 1 WHERE digest = $1 AND expires > $2 AND used < uses`, digest, now))
}

// sweepRegistrations deletes the applications that have registered themselves and that nobody has used in their time. People
// are always asked before they use one, so a consent tells that somebody has.
func (s *Store) sweepRegistrations(ctx context.Context, before int64) (rows int64, err error) {
	for {
		var unused []string
		err := s.Write(ctx, func(tx Tx) error {
			unused = nil
			if _, err := tx.exec(`UPDATE registrations SET expires = 0 WHERE expires > 0 AND EXISTS (SELECT 1 FROM consents WHERE consents.client_id = registrations.client_id)`); err != nil {
				return err
			}
			err := tx.each(`SELECT client_id FROM registrations WHERE expires > 0 AND expires < $1 ORDER BY expires LIMIT $2`, []any{before, sweepRows}, func(row scanner) error {
				var id string
				err := row.Scan(&id)
				unused = append(unused, id)
				return err
			})
			if err != nil {
				return err
			}
			for _, id := range unused {
				if err := tx.DeleteClient(id); err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if rows += int64(len(unused)); err != nil || len(unused) < sweepRows {
			return rows, err
		}
	}
}
