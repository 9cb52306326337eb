package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// Invitation lets somebody make an account, or join groups.
type Invitation struct {
	ID      string     `json:"id"`
	Email   string     `json:"email,omitempty" doc:"Whom it is for; left out: whoever has the link"`
	Mailed  bool       `json:"mailed" doc:"The link went to that address and nowhere else"`
	Groups  []string   `json:"groups" doc:"That whoever accepts it becomes a member of"`
	Role    string     `json:"role" enum:"none,admin"`
	Uses    int64      `json:"uses" doc:"How many people may accept it"`
	Used    int64      `json:"used" doc:"How many have"`
	Created *time.Time `json:"created"`
	Expires *time.Time `json:"expires"`
	Link    string     `json:"link,omitempty" doc:"Shown this once, where it was not mailed"`
}

// NewInvitation is what it takes to invite somebody.
type NewInvitation struct {
	Email     string   `json:"email,omitempty" maxLength:"254" doc:"Whom it is for; left out: whoever has the link"`
	Link      bool     `json:"link,omitempty" doc:"Show the link instead of mailing it to email"`
	Groups    []string `json:"groups,omitempty"`
	Role      string   `json:"role,omitempty" enum:"none,admin" default:"none" doc:"Only with email"`
	Uses      int64    `json:"uses,omitempty" minimum:"1" maximum:"10000" default:"1" doc:"How many people may accept it; 1 with email"`
	ExpiresIn int64    `json:"expires_in,omitempty" minimum:"60" maximum:"7776000" default:"604800" doc:"Seconds until it ends"`
	Lang      string   `json:"lang,omitempty" maxLength:"35" doc:"Language of the mail, such as de"`
}

func (a *Admin) invitationRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-invitations", Method: http.MethodGet, Path: "/api/v1/invitations", Summary: "List the invitations that have not expired, the newest first"},
		func(ctx context.Context, _ *struct{}) (*struct {
			Body struct {
				Invitations []Invitation `json:"invitations"`
			}
		}, error) {
			out := &struct {
				Body struct {
					Invitations []Invitation `json:"invitations"`
				}
			}{}
			all, err := a.deps.Store.View(ctx).Invitations(a.now())
			out.Body.Invitations = make([]Invitation, 0, len(all))
			for _, i := range all {
				out.Body.Invitations = append(out.Body.Invitations, showInvitation(i))
			}
			return out, err
		})
	operation(a, api, huma.Operation{OperationID: "create-invitation", Method: http.MethodPost, Path: "/api/v1/invitations", DefaultStatus: http.StatusCreated, Summary: "Invite somebody to make an account"},
		func(ctx context.Context, in *struct{ Body NewInvitation }) (*struct{ Body Invitation }, error) {
			i, err := a.invite(ctx, in.Body)
			return &struct{ Body Invitation }{i}, err
		})
	operation(a, api, huma.Operation{OperationID: "delete-invitation", Method: http.MethodDelete, Path: "/api/v1/invitations/{id}", Summary: "Take an invitation back; who has accepted it stays"},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*struct{}, error) {
			id, err := storage.ParseID(in.ID)
			if err == nil {
				err = a.deps.People.Uninvite(ctx, actor, id)
			}
			if errors.Is(err, storage.ErrNotID) || errors.Is(err, authn.ErrNoInvitation) {
				err = refuse(404, "There is no invitation %q. `gatelatch invite list` shows them all.", in.ID)
			}
			return nil, err
		})
}

func (a *Admin) invite(ctx context.Context, in NewInvitation) (Invitation, error) {
	if err := checkGroups(a.deps.Store.View(ctx), storage.Client{Settings: storage.ClientSettings{AllowedGroups: in.Groups}}); err != nil {
		return Invitation{}, err
	}
	made, err := a.deps.People.Invite(ctx, actor, authn.Invite{Address: in.Email, Mail: !in.Link, Groups: in.Groups, Role: in.Role, Uses: in.Uses,
		Life: time.Duration(in.ExpiresIn) * time.Second, Lang: in.Lang})
	switch {
	case errors.Is(err, authn.ErrBadAddress):
		return Invitation{}, refuse(422, "%q is not an e-mail address.", in.Email)
	case errors.Is(err, authn.ErrInvitedRole):
		return Invitation{}, refuse(422, "A link that anybody may open gives no role. Say whom it is for.")
	case errors.Is(err, authn.ErrInvitedUses):
		return Invitation{}, refuse(422, "An invitation to one address is used once. Leave the address out for a link that several people may use.")
	case err != nil:
		return Invitation{}, err
	}
	shown := showInvitation(made.Invitation)
	shown.Link = made.Link
	return shown, nil
}

func showInvitation(i storage.Invitation) Invitation {
	return Invitation{ID: i.ID.String(), Email: i.Address, Mailed: i.Mailed, Groups: append([]string{}, i.Groups...), Role: i.Role, Uses: i.Uses, Used: i.Used,
		Created: moment(i.Created), Expires: moment(i.Expires)}
}
