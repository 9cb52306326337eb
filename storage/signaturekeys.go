package storage

// SignatureKey signs calls of the Cognito API (SigV4). Its secret is sealed: the server has to compute with it.
type SignatureKey struct {
	ID       string
	Name     string
	Sealed   []byte
	Created  int64
	LastUsed int64 // to the hour; 0: never
}

// InsertSignatureKey adds a key; ErrConflict.
func (tx Tx) InsertSignatureKey(k SignatureKey) error {
	_, err := tx.exec(`INSERT INTO signature_keys (id, name, sealed, created, last_used) VALUES ($1, $2, $3, $4, $5)`, k.ID, k.Name, k.Sealed, k.Created, k.LastUsed)
	return err
}

// SignatureKey returns a key; ErrNotFound.
func (tx Tx) SignatureKey(id string) (SignatureKey, error) {
	var k SignatureKey
	err := tx.row(`SELECT id, name, sealed, created, last_used FROM signature_keys WHERE id = $1`, id).Scan(&k.ID, &k.Name, &k.Sealed, &k.Created, &k.LastUsed)
	return k, err
}

// SignatureKeys lists every key, the oldest first.
func (tx Tx) SignatureKeys() ([]SignatureKey, error) {
	var keys []SignatureKey
	err := tx.each(`SELECT id, name, sealed, created, last_used FROM signature_keys ORDER BY created, id`, nil, func(row scanner) error {
		var k SignatureKey
		if err := row.Scan(&k.ID, &k.Name, &k.Sealed, &k.Created, &k.LastUsed); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// UsedSignatureKey notes when a key was last used.
func (tx Tx) UsedSignatureKey(id string, now int64) error {
	_, err := tx.exec(`UPDATE signature_keys SET last_used = $2 WHERE id = $1`, id, now)
	return err
}

// DeleteSignatureKey takes a key away; ErrNotFound.
func (tx Tx) DeleteSignatureKey(id string) error {
	return tx.one(`DELETE FROM signature_keys WHERE id = $1`, id)
}
