package storage

// UseJTI notes until expires that a message with a unique id has been accepted. digest is of whatever makes the id unique
// (who has signed, for what, and the id). ErrSpent for everybody after the first: this statement is the decision.
func (tx Tx) UseJTI(digest []byte, expires int64) error {
	return spentUnlessOne(tx.exec(`INSERT INTO used_jtis (digest, expires) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`, digest, expires))
}
