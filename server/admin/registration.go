package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// RegistrationToken is an initial access token (RFC 7591 §1.2) as the API shows it.
type RegistrationToken struct {
	ID       string     `json:"id"`
	LastFour string     `json:"last_four"`
	Uses     int64      `json:"uses" doc:"How many applications may be registered with it"`
	Used     int64      `json:"used" doc:"How many have been"`
	Created  *time.Time `json:"created"`
	Expires  *time.Time `json:"expires"`
}

// RegistrationTokenWithText is the answer to the call that makes a token: the only time it can be seen.
type RegistrationTokenWithText struct {
	RegistrationToken
	Token string `json:"token" doc:"Shown this once"`
}

// NewRegistrationToken is what it takes to make a token.
type NewRegistrationToken struct {
	ExpiresIn int64 `json:"expires_in,omitempty" minimum:"60" maximum:"31536000" default:"86400" doc:"Seconds until the token ends"`
	Uses      int64 `json:"uses,omitempty" minimum:"1" maximum:"10000" default:"1" doc:"How many applications may be registered with it"`
}

type (
	registrationTokenAnswer struct{ Body RegistrationTokenWithText }
	registrationTokenList   struct {
		Body struct {
			Tokens []RegistrationToken `json:"tokens"`
		}
	}
	registrationTokenPath struct {
		ID string `path:"id"`
	}
)

func (a *Admin) registrationRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-registration-tokens", Method: http.MethodGet, Path: "/api/v1/registration/tokens", Summary: "List the initial access tokens, the newest first"},
		func(ctx context.Context, _ *struct{}) (*registrationTokenList, error) {
			return a.listRegistrationTokens(ctx)
		})
	operation(a, api, huma.Operation{OperationID: "create-registration-token", Method: http.MethodPost, Path: "/api/v1/registration/tokens", DefaultStatus: http.StatusCreated,
		Summary: "Make an initial access token, with which applications register themselves"},
		func(ctx context.Context, in *struct{ Body NewRegistrationToken }) (*registrationTokenAnswer, error) {
			return a.createRegistrationToken(ctx, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "delete-registration-token", Method: http.MethodDelete, Path: "/api/v1/registration/tokens/{id}", Summary: "End an initial access token; what was registered with it stays"},
		func(ctx context.Context, in *registrationTokenPath) (*struct{}, error) {
			return nil, a.deleteRegistrationToken(ctx, in.ID)
		})
}

func (a *Admin) listRegistrationTokens(ctx context.Context) (*registrationTokenList, error) {
	out := &registrationTokenList{}
	out.Body.Tokens = []RegistrationToken{}
	tokens, err := a.deps.Store.View(ctx).RegistrationTokens(a.now())
	for _, t := range tokens {
		out.Body.Tokens = append(out.Body.Tokens, showRegistrationToken(t))
	}
	return out, err
}

func (a *Admin) createRegistrationToken(ctx context.Context, in NewRegistrationToken) (*registrationTokenAnswer, error) {
	text, now := secret.Token(32), a.now()
	row := storage.RegistrationToken{ID: storage.NewID(), Digest: secret.Hash(text), Hint: text[len(text)-4:], Uses: in.Uses, Created: now,
		Expires: now + in.ExpiresIn*int64(time.Second/time.Microsecond)}
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.InsertRegistrationToken(row); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventTokenCreated, Actor: actor, Detail: row.ID.String()})
	})
	if err != nil {
		return nil, err
	}
	return &registrationTokenAnswer{RegistrationTokenWithText{showRegistrationToken(row), text}}, nil
}

func (a *Admin) deleteRegistrationToken(ctx context.Context, text string) error {
	id, err := storage.ParseID(text)
	if err != nil {
		return refuse(404, "There is no initial access token %q. `gatelatch registration list` shows them all.", text)
	}
	return a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.DeleteRegistrationToken(id); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventTokenDeleted, Actor: actor, Detail: text})
	})
}

func showRegistrationToken(t storage.RegistrationToken) RegistrationToken {
	return RegistrationToken{ID: t.ID.String(), LastFour: t.Hint, Uses: t.Uses, Used: t.Used, Created: moment(t.Created), Expires: moment(t.Expires)}
}
