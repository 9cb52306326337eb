package storage

// Delivery is something to send that outlives a crash: written with the change that causes it, sent afterwards, retried until it expires.
type Delivery struct {
	ID        ID
	Kind      string
	Payload   string // JSON; never a secret: codes are derived when the mail is rendered
	Due       int64
	Attempts  int64
	LastError string
	Expires   int64
}

// InsertDelivery puts something into the outbox.
func (tx Tx) InsertDelivery(d Delivery) error {
	_, err := tx.exec(`INSERT INTO outbox (id, kind, payload, due, attempts, last_error, expires) VALUES ($1, $2, $3, $4, 0, '', $5)`, d.ID, d.Kind, d.Payload, d.Due, d.Expires)
	return err
}

// DueDeliveries returns up to limit deliveries of a kind that are due at now, the longest due first; "" is every kind.
func (tx Tx) DueDeliveries(now int64, limit int, kind string) ([]Delivery, error) {
	var due []Delivery
	err := tx.each(`SELECT id, kind, payload, due, attempts, last_error, expires FROM outbox WHERE due <= $1 AND ($3 = '' OR kind = $3) ORDER BY due LIMIT $2`, []any{now, limit, kind}, func(row scanner) error {
		var d Delivery
		if err := row.Scan(&d.ID, &d.Kind, &d.Payload, &d.Due, &d.Attempts, &d.LastError, &d.Expires); err != nil {
			return err
		}
		due = append(due, d)
		return nil
	})
	return due, err
}

// ClaimDelivery reserves a delivery until lease for one worker of one replica and counts the attempt; ErrSpent if another has it.
func (tx Tx) ClaimDelivery(id ID, due, lease int64) error {
	return spentUnlessOne(tx.exec(`UPDATE outbox SET due = $3, attempts = attempts + 1 WHERE id = $1 AND due = $2`, id, due, lease))
}

// PostponeDelivery says when to try again, and why it did not work this time.
func (tx Tx) PostponeDelivery(id ID, due int64, reason string) error {
	_, err := tx.exec(`UPDATE outbox SET due = $2, last_error = $3 WHERE id = $1`, id, due, reason)
	return err
}

// DeleteDelivery takes a delivery out: sent, or given up.
func (tx Tx) DeleteDelivery(id ID) error {
	_, err := tx.exec(`DELETE FROM outbox WHERE id = $1`, id)
	return err
}

// NextDelivery is when the next delivery is due; ErrNotFound if the outbox is empty.
func (tx Tx) NextDelivery() (int64, error) {
	var due int64
	err := tx.row(`SELECT due FROM outbox ORDER BY due LIMIT 1`).Scan(&due)
	return due, err
}
