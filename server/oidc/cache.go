package oidc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatelatch/server/jose"
	"gatelatch/storage"
)

// snapshot is what the configuration looked like at one version: clients as they are asked for, the keys, and the APIs.
type snapshot struct {
	version   int64
	change    int64 // changes of this process that it has seen
	clients   sync.Map
	keys      *keySet
	resources map[string]storage.Resource
	origins   atomic.Pointer[map[string]bool] // web origins of all clients, once somebody asks
}

// cache keeps clients and keys in memory. What this process changes shows at once; what another replica changes,
// within a second.
type cache struct {
	p       *Provider
	mu      sync.Mutex // one refresh at a time
	current atomic.Pointer[snapshot]
	checked atomic.Int64 // monotonic nanoseconds of the last look at the version
}

var started = time.Now()

func (c *cache) snapshot(ctx context.Context) (*snapshot, error) {
	s, changes := c.current.Load(), c.p.store.Changes()
	age := int64(time.Since(started)) - c.checked.Load()
	if s != nil && s.change == changes && age < int64(time.Second) {
		return s, nil
	}
	if s != nil && s.change == changes && !c.mu.TryLock() {
		return s, nil // somebody is looking already
	} else if s == nil || s.change != changes {
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if now := c.current.Load(); now != s && now != nil && now.change == c.p.store.Changes() {
		return now, nil
	}
	changes = c.p.store.Changes() // before reading: a change that comes in between is seen next time
	version, err := c.p.store.View(ctx).Version()
	if err != nil {
		return nil, err
	}
	c.checked.Store(int64(time.Since(started)))
	if s != nil && s.version == version {
		if s.change != changes {
			same := &snapshot{version: version, change: changes, keys: s.keys, resources: s.resources}
			c.current.Store(same)
			return same, nil
		}
		return s, nil
	}
	keys, err := loadKeys(ctx, c.p.store, c.p.secrets)
	if err != nil {
		return nil, err
	}
	rows, err := c.p.store.View(ctx).Resources()
	if err != nil {
		return nil, err
	}
	fresh := &snapshot{version: version, change: changes, keys: keys, resources: make(map[string]storage.Resource, len(rows))}
	for _, r := range rows {
		fresh.resources[r.ID] = r
	}
	c.current.Store(fresh)
	return fresh, nil
}

// client returns a client that may be used: known, not disabled, and of a kind that is switched on. storage.ErrNotFound otherwise.
func (c *cache) client(ctx context.Context, id string) (*client, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if k, ok := s.clients.Load(id); ok {
		return k.(*client), nil
	}
	if len(id) == 0 || len(id) > 256 {
		return nil, storage.ErrNotFound
	}
	tx := c.p.store.View(ctx)
	row, err := tx.Client(id)
	if err == nil && (row.Disabled || row.Settings.Origin == storage.OriginDocument && !c.p.ClientDocuments) {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	secrets, err := tx.ClientSecrets(id, c.p.micros())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	k := &client{Client: row, secrets: secrets, defaults: c.p.Lifetimes}
	if len(row.Settings.JWKS) > 0 {
		if k.keys, err = jose.ParseSet(row.Settings.JWKS); err != nil {
			return nil, fmt.Errorf("keys of client %s: %w", id, err)
		}
	}
	s.clients.Store(id, k)
	return k, nil
}

func (c *cache) keys(ctx context.Context) (*keySet, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if c.p.tended.Load() {
		return s.keys, nil
	}
	if err := c.p.firstKeys(ctx, s.keys); err != nil {
		return nil, err
	}
	if s, err = c.snapshot(ctx); err != nil {
		return nil, err
	}
	return s.keys, nil
}

// allowsOrigin says whether pages of that origin belong to a client.
func (c *cache) allowsOrigin(ctx context.Context, origin string) (bool, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return false, err
	}
	origins := s.origins.Load()
	if origins == nil {
		rows, err := c.p.store.View(ctx).Clients()
		if err != nil {
			return false, err
		}
		all := map[string]bool{}
		for _, row := range rows {
			if !row.Disabled {
				for _, o := range webOrigins(row) {
					all[o] = true
				}
			}
		}
		origins = &all
		s.origins.Store(origins)
	}
	return (*origins)[origin], nil
}
