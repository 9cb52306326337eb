package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) groupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "group", Short: "Groups of people", Args: cobra.ArbitraryArgs, RunE: group,
		Long:    "Groups of people. An application can be for their members only, and learns them by the scope groups.",
		Example: "  gatelatch group create staff\n  gatelatch group add staff ann@example.com\n  gatelatch app update CLIENT_ID --allow-group staff",
	}
	cmd.AddCommand(p.groupCreate(), p.groupList(), p.groupMembers(), p.groupDelete(),
		p.groupChange("add", "join", "Make people members of a group"), p.groupChange("remove", "leave", "End memberships; what is only for the group is closed to them at once"))
	return cmd
}

func (p *Program) groupCreate() *cobra.Command {
	var (
		in     admin.NewGroup
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a group", Args: arguments("the NAME"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			in.Name = args[0]
			var g admin.Group
			if err := m.call(ctx, "POST", "/groups", in, &g); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(g)
			}
			p.printf("The group %s is there. Add people: gatelatch group add %s ann@example.com\n", g.Name, g.Name)
			return nil
		}),
	}
	cmd.Flags().StringVar(&in.Description, "description", "", "what it is for, in a `sentence`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) groupList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all groups", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Groups []admin.Group `json:"groups"`
			}
			if err := m.call(ctx, "GET", "/groups", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Groups)
			}
			if len(list.Groups) == 0 {
				p.printf("No groups yet. Make one: gatelatch group create staff\n")
				return nil
			}
			w := p.table("GROUP", "DESCRIPTION")
			for _, g := range list.Groups {
				w.row(g.Name, g.Description)
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) groupMembers() *cobra.Command {
	var l userListing
	cmd := &cobra.Command{
		Use: "members NAME", Short: "List the members of a group, the newest person first", Args: arguments("the NAME (see gatelatch group list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.listUsers(ctx, m, "/group/members", url.Values{"name": {args[0]}}, l)
		}),
	}
	l.bind(cmd)
	return cmd
}

func (p *Program) groupDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a group; its members stay", Args: arguments("the NAME (see gatelatch group list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/group?name="+url.QueryEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("The group %s is gone.\n", args[0])
			return nil
		}),
	}
}

// groupChange is add and remove.
func (p *Program) groupChange(verb, operation, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME PERSON...", Short: short, Args: cobra.MinimumNArgs(2),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			for _, person := range args[1:] {
				var u admin.User
				if err := m.call(ctx, "POST", "/users/"+url.PathEscape(person)+"/"+operation+"?name="+url.QueryEscape(args[0]), nil, &u); err != nil {
					return err
				}
				if len(u.Groups) == 0 {
					p.printf("%s is in no group now.\n", person)
					continue
				}
				p.printf("%s is in: %s\n", person, strings.Join(u.Groups, ", "))
			}
			return nil
		}),
	}
}
