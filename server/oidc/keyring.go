package oidc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatelatch/server/jose"
	"gatelatch/server/safehttp"
)

// A key set from a jwks_uri is believed for keyringLife. A kid that it lacks has it fetched anew, at most once in keyringPause:
// a client that has rotated its keys is served at once, and one that makes kids up cannot make us knock at a door all day.
const (
	keyringLife  = time.Hour
	keyringPause = time.Minute
	maxKeyrings  = 1000
)

// keyring remembers the public keys that clients publish at their jwks_uri.
type keyring struct {
	outgoing *safehttp.Client
	now      func() time.Time
	mu       sync.Mutex
	all      map[string]*published
}

// published is one key set. Its lock is held while it is fetched, so that those who need it wait for one fetch.
type published struct {
	mu      sync.Mutex
	set     jose.Set
	fetched time.Time // the last success
	tried   time.Time
}

// candidates are the keys of that address that may have made a signature with that header. They are none, without an
// error, when the set is at hand and has no such key.
func (k *keyring) candidates(ctx context.Context, address string, h jose.Header) (jose.Set, error) {
	d := k.published(address)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := k.now()
	fresh := !d.fetched.IsZero() && now.Sub(d.fetched) < keyringLife
	if found := d.set.Candidates(h); fresh && len(found) > 0 {
		return found, nil
	}
	if !d.tried.IsZero() && now.Sub(d.tried) < keyringPause {
		if fresh {
			return nil, nil
		}
		return nil, fmt.Errorf("the key set at %s could not be fetched a moment ago", address)
	}
	d.tried = now
	answer, err := k.outgoing.Get(ctx, address, "application/jwk-set+json, application/json")
	if err == nil {
		var set jose.Set
		if set, err = jose.ParseSet(answer.Body); err == nil {
			d.set, d.fetched = set, now
			return set.Candidates(h), nil
		}
	}
	if fresh {
		return nil, nil // what is at hand goes on being good, but has no such key
	}
	return nil, fmt.Errorf("key set of the client: %w", err)
}

func (k *keyring) published(address string) *published {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.all[address]
	if d == nil {
		if k.all == nil || len(k.all) >= maxKeyrings {
			k.all = map[string]*published{}
		}
		d = &published{}
		k.all[address] = d
	}
	return d
}

// clientKeys are the keys of a client that may have made a signature with that header: those it registered, or those at its jwks_uri.
func (p *Provider) clientKeys(ctx context.Context, c *client, h jose.Header) (jose.Set, error) {
	if c.Settings.JWKSURI == "" {
		return c.keys.Candidates(h), nil
	}
	return p.keyring.candidates(ctx, c.Settings.JWKSURI, h)
}
