package storage

// Consent is what a person has allowed an application that is not the server's own.
type Consent struct {
	UserID   ID
	ClientID string
	Scopes   []string // sorted; may be empty: the application may know that they signed in
	Created  int64
	Updated  int64
	Expires  int64 // 0: until it is taken back
}

const consentColumns = `user_id, client_id, scopes, created, updated, expires`

func (c *Consent) fields() []any {
	return []any{&c.UserID, &c.ClientID, (*list)(&c.Scopes), &c.Created, &c.Updated, &c.Expires}
}

// Consent returns what a person has allowed an application and what holds at now; ErrNotFound.
func (tx Tx) Consent(user ID, client string, now int64) (Consent, error) {
	var c Consent
	err := tx.row(`SELECT `+consentColumns+` FROM consents WHERE user_id = $1 AND client_id = $2 AND (expires = 0 OR expires > $3)`, user, client, now).Scan(c.fields()...)
	return c, err
}

// UserConsents lists what a person has allowed and what holds at now, the newest first.
func (tx Tx) UserConsents(user ID, now int64) ([]Consent, error) {
	var consents []Consent
	err := tx.each(`SELECT `+consentColumns+` FROM consents WHERE user_id = $1 AND (expires = 0 OR expires > $2) ORDER BY updated DESC, client_id`, []any{user, now}, func(row scanner) error {
		var c Consent
		if err := row.Scan(c.fields()...); err != nil {
			return err
		}
		consents = append(consents, c)
		return nil
	})
	return consents, err
}

// PutConsent writes down what a person allows an application from now on, in place of what they allowed it before.
// ErrConflict if the person is gone.
func (tx Tx) PutConsent(c Consent) error {
	_, err := tx.exec(`INSERT INTO consents (`+consentColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes, updated = excluded.updated, expires = excluded.expires`,
		c.UserID, c.ClientID, encodeList(c.Scopes), c.Created, c.Updated, c.Expires)
	return err
}

// ForgetConsents takes back what everybody has allowed an application: it is another one now, and they are asked again.
func (tx Tx) ForgetConsents(client string) error {
	_, err := tx.exec(`DELETE FROM consents WHERE client_id = $1`, client)
	return err
}

// RevokeConsent takes back what a person has allowed an application, and ends every grant made of it; ErrNotFound if there
// was neither.
func (tx Tx) RevokeConsent(user ID, client string, now int64) error {
	consents, err := tx.exec(`DELETE FROM consents WHERE user_id = $1 AND client_id = $2`, user, client)
	if err != nil {
		return err
	}
	grants, err := tx.exec(`UPDATE grants SET revoked_at = $3, request = '' WHERE user_id = $1 AND client_id = $2 AND revoked_at = 0`, user, client, now)
	if err == nil && consents+grants == 0 {
		err = ErrNotFound
	}
	return err
}
