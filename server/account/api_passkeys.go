package account

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// passkeyOf is the passkey that a path names; the zero one is nobody's.
func passkeyOf(segment string) storage.ID {
	id, err := storage.ParseID(segment)
	if err != nil {
		return storage.ID{}
	}
	return id
}

func (d *Door) passkeyOperations(api huma.API) {
	operation(d, api, reads, op("list-passkeys", "GET", "/passkeys", "Passkeys, the oldest first"), func(ctx context.Context, c *caller, _ *nothing) (*body[[]ExportPasskey], error) {
		list, err := exportPasskeys(d.store.View(ctx), c.User.ID)
		return &body[[]ExportPasskey]{list}, err
	})
	operation(d, api, unlocks, op("begin-passkey", "POST", "/passkeys/options", "What to hand to navigator.credentials.create() as publicKey (PublicKeyCredentialCreationOptionsJSON); good for five minutes"),
		func(ctx context.Context, c *caller, _ *nothing) (*body[json.RawMessage], error) {
			if err := d.takesPasskeys(ctx); err != nil {
				return nil, err
			}
			options, err := d.engine.AskNewPasskey(ctx, c.ceremony())
			return &body[json.RawMessage]{options}, err
		})
	operation(d, api, unlocks, op("add-passkey", "POST", "/passkeys", "Keep what navigator.credentials.create() has given (RegistrationResponseJSON)", http.StatusCreated),
		func(ctx context.Context, c *caller, in *body[json.RawMessage]) (*body[ExportPasskey], error) {
			if err := d.takesPasskeys(ctx); err != nil {
				return nil, err
			}
			p, err := d.engine.MakePasskey(ctx, c.visitor, c.ceremony(), in.Body)
			return &body[ExportPasskey]{exportPasskey(p)}, err
		})
	operation(d, api, writes, op("rename-passkey", "PATCH", "/passkeys/{id}", "Give a passkey another name", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ID   string `path:"id"`
			Body struct {
				Name string `json:"name" doc:"Up to 100 characters"`
			}
		}) (*nothing, error) {
			err := d.engine.RenamePasskey(ctx, c.by(), c.User.ID, passkeyOf(in.ID), in.Body.Name)
			if errors.Is(err, authn.ErrNotAnswer) {
				err = huma.NewError(http.StatusUnprocessableEntity, "A name has 1 to 100 characters.")
			}
			return nil, err
		})
	operation(d, api, unlocks, op("remove-passkey", "DELETE", "/passkeys/{id}", "Remove a passkey", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ID string `path:"id"`
		}) (*nothing, error) {
			return nil, d.engine.RemovePasskey(ctx, c.by(), c.User.ID, passkeyOf(in.ID))
		})
}

// takesPasskeys refuses passkeys where the account page has none to offer: nothing asks for them, or no browser makes any at this address.
func (d *Door) takesPasskeys(ctx context.Context) error {
	x, err := d.engine.Experience(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(x.Methods, authn.MethodPasskey) && !slices.Contains(x.SecondFactors, authn.MethodPasskey) || !authn.PasskeysWork(d.cfg.PublicURL) {
		return huma.NewError(http.StatusConflict, "This server has no use for passkeys.")
	}
	return nil
}

// ceremony binds a new passkey to the grant that asks: no other token ends what this one has begun. Pages of the application may make it
// beside our own. Whether their browser lets them is for their host and the related origins of this server to say.
func (c *caller) ceremony() authn.Ceremony {
	origins := slices.Clone(c.Client.AllowedOrigins)
	if from := c.request.Header.Get("Origin"); from != "" {
		origins = append(origins, from) // Bearer lets nobody else's through
	}
	return authn.Ceremony{Browser: "account " + c.Grant.String(), User: c.User.ID, Origins: origins}
}

// refusedPasskey says why a new passkey was not kept.
func refusedPasskey(p *authn.PasskeyError) error {
	switch p.Reason {
	case authn.PasskeyTaken:
		return huma.NewError(http.StatusConflict, "This passkey is here already.")
	case authn.PasskeyFull:
		return huma.NewError(http.StatusConflict, "The person has as many passkeys as anybody can have.")
	}
	return huma.NewError(http.StatusUnprocessableEntity, "The passkey was refused: "+p.Detail+".")
}
