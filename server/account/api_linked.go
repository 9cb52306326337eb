package account

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// linkedAnswer are the accounts elsewhere, and where more can be linked.
type linkedAnswer struct {
	Accounts  []ExportLinked   `json:"accounts"`
	Providers []linkedProvider `json:"providers" doc:"Whose accounts can be linked"`
}

type linkedProvider struct {
	Connection string `json:"connection"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	LinkURL    string `json:"link_url" doc:"To be opened in the person's browser, which must be signed in here: only there do they show that both accounts are theirs"`
}

func (d *Door) linkedOperations(api huma.API) {
	operation(d, api, reads, op("list-linked-accounts", "GET", "/linked-accounts", "Accounts elsewhere that sign the person in, and where to open a browser to link another"),
		func(ctx context.Context, c *caller, _ *nothing) (*body[linkedAnswer], error) {
			accounts, err := exportLinked(d.store.View(ctx), c.User.ID)
			if err != nil {
				return nil, err
			}
			out := &body[linkedAnswer]{linkedAnswer{Accounts: accounts, Providers: []linkedProvider{}}}
			providers, err := d.engine.Providers(ctx, storage.Client{})
			for _, k := range providers {
				out.Body.Providers = append(out.Body.Providers, linkedProvider{Connection: k.ID, Kind: k.Kind, Name: k.Name, LinkURL: d.cfg.PublicURL.JoinPath(linkPath).String() + "?" + url.Values{"connection": {k.ID}}.Encode()})
			}
			return out, err
		})
	operation(d, api, weighs, op("unlink-account", "DELETE", "/linked-accounts/{id}", "Unlink an account elsewhere", http.StatusNoContent),
		func(ctx context.Context, c *caller, in *struct {
			ID string `path:"id"`
		}) (*nothing, error) {
			id, err := storage.ParseID(in.ID)
			if err != nil {
				return nil, authn.ErrNotEnrolled
			}
			return nil, d.engine.Unlink(ctx, c.by(), c.User.ID, id)
		})
}
