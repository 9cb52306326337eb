package storage

// RevokeToken notes until expires that a token is not good any more. digest is of what makes it unique. Doing it twice changes nothing.
func (tx Tx) RevokeToken(digest []byte, expires int64) error {
	_, err := tx.exec(`INSERT INTO revoked_tokens (digest, expires) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`, digest, expires)
	return err
}

// TokenRevoked reports whether RevokeToken was told that digest.
func (tx Tx) TokenRevoked(digest []byte) (bool, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM revoked_tokens WHERE digest = $1`, digest).Scan(&n)
	return n > 0, err
}
