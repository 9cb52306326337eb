package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// Group is a set of people that rules and applications can name.
type Group struct {
	Name        string     `json:"name" doc:"What the groups claim says"`
	Description string     `json:"description"`
	Created     *time.Time `json:"created"`
}

// NewGroup is what it takes to make a group.
type NewGroup struct {
	Name        string `json:"name" minLength:"1" maxLength:"100" doc:"Letters, digits, and - _ . : / inside"`
	Description string `json:"description,omitempty" maxLength:"500"`
}

// AppAccess says whom an application is for.
type AppAccess struct {
	AllowedGroups []string `json:"allowed_groups,omitempty" doc:"Only their members may use it"`
}

// AccessSwitches change whom an application is for; nil leaves it as it is.
type AccessSwitches struct {
	AllowedGroups *[]string `json:"allowed_groups,omitempty" doc:"Only their members may use it; replaces the list, empty for everybody"`
}

func (s AccessSwitches) apply(c storage.Client) storage.Client {
	if s.AllowedGroups != nil {
		c.Settings.AllowedGroups = nil
		if len(*s.AllowedGroups) > 0 {
			c.Settings.AllowedGroups = slices.Compact(slices.Sorted(slices.Values(*s.AllowedGroups)))
		}
	}
	return c
}

// checkGroups demands that the groups an application is for are there: a name with a mistake in it would let nobody in.
func checkGroups(tx storage.Tx, c storage.Client) error {
	for _, name := range c.Settings.AllowedGroups {
		_, err := tx.Group(name)
		if errors.Is(err, storage.ErrNotFound) {
			return noGroup(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// known says of a group that is not there what to do.
func known(name string, err error) error {
	if errors.Is(err, authn.ErrNoGroup) {
		return noGroup(name)
	}
	return err
}

func noGroup(name string) error {
	return refuse(404, "There is no group %q. `gatelatch group list` shows them all, `gatelatch group create` makes one.", name)
}

type (
	// A name may have a slash in it and does not fit into a path.
	groupQuery struct {
		Name string `query:"name" required:"true"`
	}
	groupList struct {
		Body struct {
			Groups []Group `json:"groups"`
		}
	}
	memberQuery struct {
		Name   string `query:"name" required:"true"`
		Cursor string `query:"cursor" doc:"The next_cursor of the page before"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"25"`
	}
	membership struct {
		User string `path:"user" doc:"The sub, or an e-mail address"`
		Name string `query:"name" required:"true" doc:"The group"`
	}
)

func (a *Admin) groupRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-groups", Method: http.MethodGet, Path: "/api/v1/groups", Summary: "List all groups"},
		func(ctx context.Context, _ *struct{}) (*groupList, error) {
			groups, err := a.deps.Store.View(ctx).Groups()
			out := &groupList{}
			out.Body.Groups = make([]Group, 0, len(groups))
			for _, g := range groups {
				out.Body.Groups = append(out.Body.Groups, showGroup(g))
			}
			return out, err
		})
	operation(a, api, huma.Operation{OperationID: "create-group", Method: http.MethodPost, Path: "/api/v1/groups", DefaultStatus: http.StatusCreated, Summary: "Make a group"},
		func(ctx context.Context, in *struct{ Body NewGroup }) (*struct{ Body Group }, error) {
			g, err := a.deps.People.CreateGroup(ctx, actor, in.Body.Name, in.Body.Description)
			switch {
			case errors.Is(err, authn.ErrGroupName):
				return nil, refuse(422, "%q cannot be a group's name: it takes letters, digits, and - _ . : / between them. A description takes no line breaks.", in.Body.Name)
			case errors.Is(err, authn.ErrTaken):
				return nil, refuse(409, "There is a group %q already.", in.Body.Name)
			}
			return &struct{ Body Group }{showGroup(g)}, err
		})
	operation(a, api, huma.Operation{OperationID: "delete-group", Method: http.MethodDelete, Path: "/api/v1/group", Summary: "Delete a group; its members stay, the group does not"},
		func(ctx context.Context, in *groupQuery) (*struct{}, error) {
			err := a.deps.People.DeleteGroup(ctx, actor, in.Name)
			var used *authn.GroupInUse
			switch {
			case errors.Is(err, authn.ErrNoGroup):
				return nil, noGroup(in.Name)
			case errors.As(err, &used):
				return nil, refuse(409, "%s is only for groups, this one among them. Take it from there first: gatelatch app update %s --allow-group …", used.Client.Name, used.Client.ID)
			}
			return nil, err
		})
	operation(a, api, huma.Operation{OperationID: "list-members", Method: http.MethodGet, Path: "/api/v1/group/members", Summary: "List the members of a group, the newest person first"}, a.listMembers)
	operation(a, api, huma.Operation{OperationID: "join-group", Method: http.MethodPost, Path: "/api/v1/users/{user}/join", Summary: "Make a person a member of a group"},
		func(ctx context.Context, in *membership) (*userAnswer, error) {
			return a.changed(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				return known(in.Name, a.deps.People.Join(ctx, by, id, in.Name))
			})
		})
	operation(a, api, huma.Operation{OperationID: "leave-group", Method: http.MethodPost, Path: "/api/v1/users/{user}/leave", Summary: "End a membership; what is only for the group is closed to the person at once"},
		func(ctx context.Context, in *membership) (*userAnswer, error) {
			return a.changed(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				return known(in.Name, a.deps.People.Leave(ctx, by, id, in.Name))
			})
		})
}

func (a *Admin) listMembers(ctx context.Context, in *memberQuery) (*userList, error) {
	cursor, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	return a.page(ctx, in.Limit, func(tx storage.Tx, limit int) ([]storage.User, error) {
		if _, err := tx.Group(in.Name); errors.Is(err, storage.ErrNotFound) {
			return nil, noGroup(in.Name)
		} else if err != nil {
			return nil, err
		}
		return tx.Members(in.Name, cursor, limit)
	})
}

func showGroup(g storage.Group) Group {
	return Group{Name: g.Name, Description: g.Description, Created: moment(g.Created)}
}
