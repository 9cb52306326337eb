package storage

// Pending is a short-lived thing that one secret opens once: a set-up link, later also invitations, pushed requests, device codes.
// Only the secret's digest is kept.
type Pending struct {
	Digest  []byte
	Kind    string
	Data    string
	Created int64
	Expires int64
	SpentAt int64
}

// InsertPending keeps a pending thing.
func (tx Tx) InsertPending(p Pending) error {
	_, err := tx.exec(`INSERT INTO pending (digest, kind, data, created, expires, spent_at) VALUES ($1, $2, $3, $4, $5, 0)`, p.Digest, p.Kind, p.Data, p.Created, p.Expires)
	return err
}

// ReplacePending keeps a pending thing in the place of any other with its digest.
func (tx Tx) ReplacePending(p Pending) error {
	_, err := tx.exec(`INSERT INTO pending (digest, kind, data, created, expires, spent_at) VALUES ($1, $2, $3, $4, $5, 0)
		ON CONFLICT (digest) DO UPDATE SET kind = excluded.kind, data = excluded.data, created = excluded.created, expires = excluded.expires, spent_at = 0`,
		p.Digest, p.Kind, p.Data, p.Created, p.Expires)
	return err
}

// Pending returns a live (unspent, unexpired at now) thing of that kind; ErrNotFound.
func (tx Tx) Pending(kind string, digest []byte, now int64) (Pending, error) {
	var p Pending
	err := tx.row(`SELECT digest, kind, data, created, expires, spent_at FROM pending WHERE digest = $1 AND kind = $2 AND spent_at = 0 AND expires > $3`, digest, kind, now).
		Scan(&p.Digest, &p.Kind, &p.Data, &p.Created, &p.Expires, &p.SpentAt)
	return p, err
}

// SpendPending uses a live thing up, exactly once; ErrSpent for everybody after the first.
func (tx Tx) SpendPending(kind string, digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE pending SET spent_at = $3 WHERE digest = $1 AND kind = $2 AND spent_at = 0 AND expires > $3`, digest, kind, now))
}

// ExtendPending moves the end of an unspent thing, never to an earlier moment.
func (tx Tx) ExtendPending(kind string, digest []byte, expires int64) error {
	_, err := tx.exec(`UPDATE pending SET expires = $3 WHERE digest = $1 AND kind = $2 AND spent_at = 0 AND expires < $3`, digest, kind, expires)
	return err
}

// SpendBegun uses a thing up, exactly once, that somebody began to use while it was live; when they finish it may be over.
// ErrSpent for everybody after the first.
func (tx Tx) SpendBegun(kind string, digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE pending SET spent_at = $3 WHERE digest = $1 AND kind = $2 AND spent_at = 0`, digest, kind, now))
}

// DeletePendingOf drops the things of a kind that are about exactly that.
func (tx Tx) DeletePendingOf(kind, data string) error {
	_, err := tx.exec(`DELETE FROM pending WHERE kind = $1 AND data = $2`, kind, data)
	return err
}

// DeletePending drops all things of a kind: a new set-up link ends the old ones.
func (tx Tx) DeletePending(kind string) error {
	_, err := tx.exec(`DELETE FROM pending WHERE kind = $1`, kind)
	return err
}
