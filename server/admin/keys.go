package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Key is a signing key as the API shows it; its private half never leaves the server.
type Key struct {
	ID         string     `json:"kid"`
	Alg        string     `json:"alg" enum:"RS256,PS256,ES256,EdDSA"`
	State      string     `json:"state" enum:"next,active,retired" doc:"next is published and does not sign yet; active signs; retired verifies what it signed"`
	Created    *time.Time `json:"created"`
	ActiveFrom *time.Time `json:"active_from"`
	RetiredAt  *time.Time `json:"retired_at,omitempty"`
}

// KeyRotation says which keys to rotate, and how.
type KeyRotation struct {
	Alg     string `json:"alg,omitempty" enum:"RS256,PS256,ES256,EdDSA" doc:"Left out: all"`
	Urgency string `json:"urgency,omitempty" enum:"gently,now,leaked" default:"gently" doc:"gently: once every cache of the key set has the new key; now: at once; leaked: at once, and the old keys count no more"`
}

// SigningKeys is what the door needs of whoever signs tokens. Times are unix microseconds.
type SigningKeys interface {
	Keys(ctx context.Context) ([]SigningKey, error)
	RotateKeys(ctx context.Context, alg, urgency string) error
}

// SigningKey is a key of SigningKeys.
type SigningKey struct {
	ID, Alg, State                 string
	Created, ActiveFrom, RetiredAt int64
}

type keyList struct {
	Body struct {
		Keys []Key `json:"keys"`
	}
}

func (a *Admin) keyRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/api/v1/keys", Summary: "List the keys that sign tokens, the oldest first"},
		func(ctx context.Context, _ *struct{}) (*keyList, error) { return a.listKeys(ctx) })
	operation(a, api, huma.Operation{OperationID: "rotate-keys", Method: http.MethodPost, Path: "/api/v1/keys/rotate", DefaultStatus: http.StatusOK, Summary: "Bring new signing keys into use"},
		func(ctx context.Context, in *struct{ Body KeyRotation }) (*keyList, error) {
			if err := a.deps.Keys.RotateKeys(ctx, in.Body.Alg, in.Body.Urgency); err != nil {
				return nil, err
			}
			return a.listKeys(ctx)
		})
}

func (a *Admin) listKeys(ctx context.Context) (*keyList, error) {
	keys, err := a.deps.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	out := &keyList{}
	out.Body.Keys = make([]Key, 0, len(keys))
	for _, k := range keys {
		out.Body.Keys = append(out.Body.Keys, Key{k.ID, k.Alg, k.State, moment(k.Created), moment(k.ActiveFrom), moment(k.RetiredAt)})
	}
	return out, nil
}
