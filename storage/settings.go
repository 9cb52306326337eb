package storage

// Setting returns the JSON document kept under name; ErrNotFound.
func (tx Tx) Setting(name string) (string, error) {
	var value text
	err := tx.row(`SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	return string(value), err
}

// SaveSetting keeps a JSON document under name, in place of the one before.
func (tx Tx) SaveSetting(name, value string, now int64) error {
	if _, err := tx.exec(`INSERT INTO settings (name, value, updated) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated = excluded.updated`,
		name, value, now); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// Version is a number that grows whenever clients, their secrets, keys or settings change, on whichever replica:
// a cache that has seen it is fresh.
func (tx Tx) Version() (int64, error) {
	var n int64
	err := tx.row(`SELECT number FROM versions WHERE name = 'configuration'`).Scan(&n)
	return n, err
}

// Changes grows whenever a unit of this process that raised Version has become durable. It costs nothing to ask, so that a
// cache sees at once what its own process has changed.
func (s *Store) Changes() int64 { return s.changes.Load() }

// noting remembers that a unit has raised Version.
type noting struct {
	statements
	changed *bool
}

func (tx Tx) raiseVersion() error {
	if n, ok := tx.statements.(noting); ok {
		*n.changed = true
	}
	return tx.one(`UPDATE versions SET number = number + 1 WHERE name = 'configuration'`)
}

// LockConfiguration makes this unit of work the only one, of all replicas, that changes the configuration until it ends:
// what it reads afterwards stays true.
func (tx Tx) LockConfiguration() error {
	return tx.one(`UPDATE versions SET number = number WHERE name = 'configuration'`)
}
