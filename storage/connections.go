package storage

import (
	"encoding/json"
	"fmt"
)

// Connection is a provider that vouches for people: they sign in here with the account they have there.
type Connection struct {
	ID       string // part of its callback address
	Kind     string // "oidc", or one of those that are ready-made
	Name     string // that people see
	Source   string // "api", or "config" for one declared in the configuration file
	Disabled bool
	Trusted  bool  // the addresses it has verified need no proof here
	Position int64 // of its button; the lowest comes first
	Settings ConnectionSettings
	Sealed   []byte // the client's secret, or the key that makes one
	Created  int64
	Updated  int64
}

// ConnectionSettings are what a connection is made with.
type ConnectionSettings struct {
	Issuer   string            `json:"issuer,omitempty"`    // of "oidc"; the address of one's own server for GitHub and GitLab
	ClientID string            `json:"client_id,omitempty"` // that the provider has given us
	Tenant   string            `json:"tenant,omitempty"`    // Microsoft
	TeamID   string            `json:"team_id,omitempty"`   // Apple
	KeyID    string            `json:"key_id,omitempty"`    // Apple
	Scopes   []string          `json:"scopes,omitempty"`    // nil: those of its kind
	Domains  []string          `json:"domains,omitempty"`   // of the e-mail addresses it may vouch for; nil: all
	Claims   map[string]string `json:"claims,omitempty"`    // attribute here → claim there, where it is not the usual one
}

const connectionColumns = `id, kind, name, source, disabled, trusted, position, settings, sealed, created, updated`

func scanConnection(row scanner) (Connection, error) {
	var (
		c        Connection
		settings text
	)
	if err := row.Scan(&c.ID, &c.Kind, &c.Name, &c.Source, &c.Disabled, &c.Trusted, &c.Position, &settings, &c.Sealed, &c.Created, &c.Updated); err != nil {
		return Connection{}, err
	}
	if err := json.Unmarshal(settings, &c.Settings); err != nil {
		return Connection{}, fmt.Errorf("settings of connection %s: %w", c.ID, err)
	}
	return c, nil
}

func (c Connection) values() ([]any, error) {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings of connection %s: %w", c.ID, err)
	}
	sealed := c.Sealed
	if sealed == nil {
		sealed = []byte{}
	}
	return []any{c.ID, c.Kind, c.Name, c.Source, c.Disabled, c.Trusted, c.Position, string(settings), sealed, c.Created, c.Updated}, nil
}

// Connection returns the connection with that id; ErrNotFound.
func (tx Tx) Connection(id string) (Connection, error) {
	return scanConnection(tx.row(`SELECT `+connectionColumns+` FROM connections WHERE id = $1`, id))
}

// Connections returns all connections in the order of their buttons.
func (tx Tx) Connections() ([]Connection, error) {
	var all []Connection
	err := tx.each(`SELECT `+connectionColumns+` FROM connections ORDER BY position, id`, nil, func(row scanner) error {
		c, err := scanConnection(row)
		all = append(all, c)
		return err
	})
	return all, err
}

// InsertConnection adds a connection; ErrConflict if the id is taken.
func (tx Tx) InsertConnection(c Connection) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO connections (`+connectionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, values...)
	return err
}

// UpdateConnection replaces everything about a connection but its id and time of creation; ErrNotFound.
func (tx Tx) UpdateConnection(c Connection) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	return tx.one(`UPDATE connections SET kind = $2, name = $3, source = $4, disabled = $5, trusted = $6, position = $7, settings = $8, sealed = $9, updated = $10 WHERE id = $1`,
		append(values[:9:9], c.Updated)...)
}

// DeleteConnection removes a connection; ErrNotFound. The accounts that people have linked by it stay until ForgetIdentities.
func (tx Tx) DeleteConnection(id string) error {
	return tx.one(`DELETE FROM connections WHERE id = $1`, id)
}
