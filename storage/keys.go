package storage

// Key is a signing key. Its private half lies sealed with the key file.
type Key struct {
	ID         string // `kid`: the RFC 7638 thumbprint
	Alg        string // "RS256", "PS256", "ES256" or "EdDSA"
	Public     string // JWK
	Sealed     []byte
	Created    int64
	ActiveFrom int64 // it signs from then on; published from the first moment
	RetiredAt  int64 // 0: not retired
}

// InsertKey adds a signing key; ErrConflict if the id is taken.
func (tx Tx) InsertKey(k Key) error {
	if _, err := tx.exec(`INSERT INTO keys (id, alg, public, sealed, created, active_from, retired_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.Alg, k.Public, k.Sealed, k.Created, k.ActiveFrom, k.RetiredAt); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// Keys returns all signing keys, the oldest first.
func (tx Tx) Keys() ([]Key, error) {
	var keys []Key
	err := tx.each(`SELECT id, alg, public, sealed, created, active_from, retired_at FROM keys ORDER BY created, id`, nil, func(row scanner) error {
		var k Key
		if err := row.Scan(&k.ID, &k.Alg, &k.Public, &k.Sealed, &k.Created, &k.ActiveFrom, &k.RetiredAt); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// UpdateKey moves the times of a signing key; ErrNotFound.
func (tx Tx) UpdateKey(k Key) error {
	if err := tx.one(`UPDATE keys SET active_from = $2, retired_at = $3 WHERE id = $1`, k.ID, k.ActiveFrom, k.RetiredAt); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// DeleteKey removes a signing key: what it signed cannot be verified any more. ErrNotFound.
func (tx Tx) DeleteKey(id string) error {
	if err := tx.one(`DELETE FROM keys WHERE id = $1`, id); err != nil {
		return err
	}
	return tx.raiseVersion()
}
