package server

import (
	"context"
	"time"

	"gatelatch/server/admin"
	"gatelatch/server/oidc"
)

// signingKeys shows the provider's keys to the management API.
type signingKeys struct{ provider *oidc.Provider }

// Keys implements admin.SigningKeys.
func (s signingKeys) Keys(ctx context.Context) ([]admin.SigningKey, error) {
	keys, err := s.provider.Keys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]admin.SigningKey, len(keys))
	for i, k := range keys {
		list[i] = admin.SigningKey{ID: k.ID, Alg: k.Alg, State: string(k.State), Created: k.Created, ActiveFrom: k.ActiveFrom, RetiredAt: k.RetiredAt}
	}
	return list, nil
}

// RotateKeys implements admin.SigningKeys.
func (s signingKeys) RotateKeys(ctx context.Context, alg, urgency string) error {
	return s.provider.RotateKeys(ctx, alg, oidc.Urgency(urgency))
}

// tendKeysEvery is how often the schedule of the signing keys is looked at: they change in days.
const tendKeysEvery = time.Hour

// tendKeys keeps the signing keys on schedule until ctx ends.
func (s *Server) tendKeys(ctx context.Context) error {
	tick := time.NewTicker(tendKeysEvery)
	defer tick.Stop()
	for {
		if err := s.provider.TendKeys(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the schedule of the signing keys could not be kept; the next round tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
