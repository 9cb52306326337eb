package oidc

import (
	"context"
	"sync"
	"time"

	"gatelatch/storage"
)

// The use of a secret is noted once an hour, and a secret that ends within secretWarning is warned of as often: a client must
// not fail over night because nobody knew.
const (
	secretNoteEvery = time.Hour
	secretWarning   = 14 * 24 * time.Hour
)

// secretUses remembers when the use of each secret was last noted by this process.
type secretUses struct {
	mu   sync.Mutex
	last map[storage.ID]int64
}

// due reports whether the use of a secret at now is to be noted, and takes it for noted.
func (u *secretUses) due(s *storage.ClientSecret, now int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now-max(u.last[s.ID], s.LastUsed) < secretNoteEvery.Microseconds() {
		return false
	}
	if u.last == nil || len(u.last) > 10_000 {
		u.last = map[storage.ID]int64{}
	}
	u.last[s.ID] = now
	return true
}

// noteSecret remembers that a secret was used. That it cannot be stored harms nobody.
func (p *Provider) noteSecret(ctx context.Context, c *client, s *storage.ClientSecret) {
	now := p.micros()
	if !p.secretUses.due(s, now) {
		return
	}
	if s.Expires > 0 && s.Expires-now < secretWarning.Microseconds() {
		p.log.WarnContext(ctx, "a client secret that is in use ends soon; give the application its new one", "client_id", c.ID, "secret", "…"+s.Hint,
			"ends", time.UnixMicro(s.Expires).UTC().Format(time.RFC3339), "repair", "gatelatch app rotate-secret "+c.ID)
	}
	if err := p.store.Write(ctx, func(tx storage.Tx) error { return tx.TouchClientSecret(c.ID, s.ID, now) }); err != nil {
		p.log.WarnContext(ctx, "the use of a client secret could not be noted", "client_id", c.ID, "error", err)
	}
}
