package storage

import (
	"encoding/json"
	"fmt"
)

// Resource is an API that access tokens are made for (RFC 8707).
type Resource struct {
	ID       string // the identifier: the token's audience
	Name     string
	Source   string // "api", or "config" for one declared in the configuration file
	Scopes   []ResourceScope
	Servers  []string // ids of the clients that are the API's own server: they may introspect its tokens
	Settings ResourceSettings
	Created  int64
	Updated  int64
}

// ResourceScope is something that can be allowed at a resource.
type ResourceScope struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"` // a sentence for the person who allows it
}

// ResourceSettings are the switches of a resource.
type ResourceSettings struct {
	AccessToken int64  `json:"access_token_lifetime,omitempty"` // seconds; 0 takes the server's default
	Alg         string `json:"alg,omitempty"`                   // that signs its tokens; "": RS256
	Opaque      bool   `json:"opaque,omitempty"`                // its tokens are names, which it introspects, and no JWTs
	Unchecked   bool   `json:"unchecked,omitempty"`             // applications that nobody entered may ask people for it, too
}

// Has reports whether the resource knows a scope.
func (r Resource) Has(scope string) bool {
	for _, s := range r.Scopes {
		if s.Name == scope {
			return true
		}
	}
	return false
}

const resourceColumns = `id, name, source, scopes, servers, settings, created, updated`

func scanResource(row scanner) (Resource, error) {
	var (
		r                Resource
		scopes, settings text
	)
	if err := row.Scan(&r.ID, &r.Name, &r.Source, &scopes, (*list)(&r.Servers), &settings, &r.Created, &r.Updated); err != nil {
		return Resource{}, err
	}
	if err := json.Unmarshal(scopes, &r.Scopes); err != nil {
		return Resource{}, fmt.Errorf("scopes of resource %s: %w", r.ID, err)
	}
	if err := json.Unmarshal(settings, &r.Settings); err != nil {
		return Resource{}, fmt.Errorf("settings of resource %s: %w", r.ID, err)
	}
	return r, nil
}

func (r Resource) values() ([]any, error) {
	if r.Scopes == nil {
		r.Scopes = []ResourceScope{}
	}
	scopes, err := json.Marshal(r.Scopes)
	if err != nil {
		return nil, fmt.Errorf("scopes of resource %s: %w", r.ID, err)
	}
	settings, err := json.Marshal(r.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings of resource %s: %w", r.ID, err)
	}
	return []any{r.ID, r.Name, r.Source, string(scopes), encodeList(r.Servers), string(settings), r.Created, r.Updated}, nil
}

// Resource returns the resource with that identifier; ErrNotFound.
func (tx Tx) Resource(id string) (Resource, error) {
	return scanResource(tx.row(`SELECT `+resourceColumns+` FROM resources WHERE id = $1`, id))
}

// Resources returns all resources, by identifier.
func (tx Tx) Resources() ([]Resource, error) {
	var all []Resource
	err := tx.each(`SELECT `+resourceColumns+` FROM resources ORDER BY id`, nil, func(row scanner) error {
		r, err := scanResource(row)
		all = append(all, r)
		return err
	})
	return all, err
}

// InsertResource adds a resource; ErrConflict if the identifier is taken.
func (tx Tx) InsertResource(r Resource) error {
	values, err := r.values()
	if err != nil {
		return err
	}
	if _, err := tx.exec(`INSERT INTO resources (`+resourceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, values...); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// UpdateResource replaces everything about a resource but its identifier and time of creation; ErrNotFound.
func (tx Tx) UpdateResource(r Resource) error {
	values, err := r.values()
	if err != nil {
		return err
	}
	if err := tx.one(`UPDATE resources SET name = $2, source = $3, scopes = $4, servers = $5, settings = $6, updated = $7 WHERE id = $1`,
		append(values[:6:6], r.Updated)...); err != nil {
		return err
	}
	return tx.raiseVersion()
}

// DeleteResource removes a resource: its tokens count no more. ErrNotFound.
func (tx Tx) DeleteResource(id string) error {
	if err := tx.one(`DELETE FROM resources WHERE id = $1`, id); err != nil {
		return err
	}
	return tx.raiseVersion()
}
