package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) inviteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "invite", Short: "Invitations to make an account", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "Invitations to make an account. They are good also while sign-up is closed, and for addresses of refused domains.\n" +
			"One to an address is mailed, and whoever opens it has shown that the address is theirs; a link is for you to pass on.",
		Example: "  gatelatch invite create ann@example.com --group staff\n  gatelatch invite create --uses 30 --expires-in 14d\n  gatelatch invite list",
	}
	cmd.AddCommand(p.inviteCreate(), p.inviteList(), p.inviteRevoke())
	return cmd
}

func (p *Program) inviteCreate() *cobra.Command {
	var (
		in      admin.NewInvitation
		expires string
		asJSON  bool
	)
	cmd := &cobra.Command{Use: "create [ADDRESS]", Short: "Invite an address by mail, or make a link that you pass on", Args: cobra.MaximumNArgs(1)}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		d, err := parseDuration(expires)
		if err != nil {
			return usage(cmd, "--expires-in is %q; expected a duration such as 12h or 7d", expires)
		}
		if in.Uses < 1 {
			return usage(cmd, "--uses is %d; expected at least 1", in.Uses)
		}
		in.ExpiresIn = int64(d / time.Second)
		if len(args) > 0 {
			in.Email = args[0]
		}
		var made admin.Invitation
		if err := m.call(ctx, "POST", "/invitations", in, &made); err != nil {
			return err
		}
		until := made.Expires.Format("2006-01-02 15:04 UTC")
		switch {
		case asJSON:
			return p.printJSON(made)
		case made.Link == "":
			p.printf("%s is invited, until %s. The link leaves by mail while the server runs.\n", made.Email, until)
		default:
			p.printf("%s\n\nGood for %d, until %s. It is not shown again.\n", made.Link, made.Uses, until)
		}
		return nil
	})
	cmd.Flags().BoolVar(&in.Link, "link", false, "show the link instead of mailing it; whoever opens it proves the address with a code")
	cmd.Flags().StringArrayVar(&in.Groups, "group", nil, "a `group` that they become a member of; several")
	cmd.Flags().StringVar(&in.Role, "role", "none", "what they may do on this server: `none or admin`; only with an ADDRESS")
	cmd.Flags().Int64Var(&in.Uses, "uses", 1, "how many `people` may accept it; 1 with an ADDRESS")
	cmd.Flags().StringVar(&expires, "expires-in", "7d", "how long it is good for, a `duration` of at most 90d")
	cmd.Flags().StringVar(&in.Lang, "lang", "", "the `language` of the mail, such as de")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) inviteList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the invitations that have not expired", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Invitations []admin.Invitation `json:"invitations"`
			}
			if err := m.call(ctx, "GET", "/invitations", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Invitations)
			}
			if len(list.Invitations) == 0 {
				p.printf("No invitations. Make one: gatelatch invite create ann@example.com\n")
				return nil
			}
			w := p.table("ID", "FOR", "GROUPS", "ROLE", "USED", "UNTIL")
			for _, i := range list.Invitations {
				who := i.Email
				if who == "" {
					who = "whoever has the link"
				}
				w.row(i.ID, who, orNone(strings.Join(i.Groups, ", ")), i.Role, strconv.FormatInt(i.Used, 10)+" of "+strconv.FormatInt(i.Uses, 10), i.Expires.Format("2006-01-02 15:04 UTC"))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) inviteRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Take an invitation back; who has accepted it stays", Args: arguments("the ID of the invitation (see gatelatch invite list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/invitations/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s works no more.\n", args[0])
			return nil
		}),
	}
}
