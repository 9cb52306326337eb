package storage

import (
	"context"
	"errors"
)

// OriginDocument is the Origin of an application that describes itself at the address which is its client_id.
const OriginDocument = "document"

// InsertDocument notes that an application was found at its own address, and goes at expires unless it is kept; ErrConflict.
func (tx Tx) InsertDocument(client string, now, expires int64) error {
	_, err := tx.exec(`INSERT INTO client_documents (client_id, created, expires) VALUES ($1, $2, $3)`, client, now, expires)
	return err
}

// KeepDocument lets such an application stay until then at least.
func (tx Tx) KeepDocument(client string, until int64) error {
	_, err := tx.exec(`UPDATE client_documents SET expires = $2 WHERE client_id = $1 AND expires < $2`, client, until)
	return err
}

// Documents counts these applications.
func (tx Tx) Documents() (n int64, err error) {
	err = tx.row(`SELECT count(*) FROM client_documents`).Scan(&n)
	return n, err
}

// DropDocument removes the one of these applications that would go first, and before then; ErrNotFound if there is none. One
// that is disabled stays: it would come back enabled.
func (tx Tx) DropDocument(before int64) error {
	var id string
	err := tx.row(`SELECT d.client_id FROM client_documents d JOIN clients c ON c.id = d.client_id WHERE d.expires < $1 AND NOT c.disabled ORDER BY d.expires LIMIT 1`, before).Scan(&id)
	if err != nil {
		return err
	}
	return tx.DeleteClient(id)
}

// sweepDocuments deletes those that nobody has used in their time.
func (s *Store) sweepDocuments(ctx context.Context, before int64) (rows int64, err error) {
	for {
		var gone int64
		err := s.Write(ctx, func(tx Tx) error {
			for gone = 0; gone < sweepRows; gone++ {
				err := tx.DropDocument(before)
				if errors.Is(err, ErrNotFound) {
					return nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if rows += gone; err != nil || gone < sweepRows {
			return rows, err
		}
	}
}
