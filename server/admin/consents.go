package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/storage"
)

// Consent is what a person has allowed an application that is not the server's own.
type Consent struct {
	ClientID   string     `json:"client_id"`
	ClientName string     `json:"client_name"`
	Scopes     []string   `json:"scopes"`
	Created    *time.Time `json:"created"`
	Updated    *time.Time `json:"updated"`
	Expires    *time.Time `json:"expires,omitempty" doc:"Not there: until it is taken back"`
}

type consentList struct {
	Body struct {
		Consents []Consent `json:"consents"`
	}
}

func (a *Admin) consentRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-user-consents", Method: http.MethodGet, Path: "/api/v1/users/{user}/consents", Summary: "List what a person has allowed applications, the newest first"},
		func(ctx context.Context, in *userPath) (*consentList, error) { return a.listConsents(ctx, in.User) })
	operation(a, api, huma.Operation{OperationID: "revoke-user-consent", Method: http.MethodDelete, Path: "/api/v1/users/{user}/consents/{client_id}",
		Summary: "Take back what a person has allowed an application; its tokens for them end now"},
		func(ctx context.Context, in *struct {
			User     string `path:"user" doc:"The sub, or an e-mail address"`
			ClientID string `path:"client_id"`
		}) (*struct{}, error) {
			return nil, a.revokeConsent(ctx, in.User, in.ClientID)
		})
}

func (a *Admin) listConsents(ctx context.Context, name string) (*consentList, error) {
	out := &consentList{}
	out.Body.Consents = []Consent{}
	err := a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		person, err := findUser(tx, name)
		if err != nil {
			return err
		}
		consents, err := tx.UserConsents(person.ID, a.now())
		if err != nil {
			return err
		}
		for _, given := range consents {
			c, err := tx.Client(given.ClientID)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			out.Body.Consents = append(out.Body.Consents, Consent{ClientID: given.ClientID, ClientName: c.Name, Scopes: given.Scopes,
				Created: moment(given.Created), Updated: moment(given.Updated), Expires: moment(given.Expires)})
		}
		return nil
	})
	return out, err
}

func (a *Admin) revokeConsent(ctx context.Context, name, clientID string) error {
	person, err := findUser(a.deps.Store.View(ctx), name)
	if err != nil {
		return err
	}
	removed, err := a.deps.People.RemoveApp(ctx, actor, person.ID, clientID)
	if err == nil && !removed {
		err = refuse(404, "%s has allowed %q nothing. `gatelatch user consents %s` shows what there is.", name, clientID, name)
	}
	return err
}
