package cli

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "People", Args: cobra.ArbitraryArgs, RunE: group,
		Long:    "People. A command takes their e-mail address or their sub.",
		Example: "  gatelatch user create ann@example.com --name \"Ann Example\"\n  gatelatch user list --search ann\n  gatelatch user disable ann@example.com",
	}
	cmd.AddCommand(p.userCreate(), p.userList(), p.userShow(), p.userSetAttributes(),
		p.userSet("disable", "Keep a person out; they are signed out everywhere now"), p.userSet("enable", "Let a person in again"),
		p.userSet("remove-second-factor", "Take a person's authenticator app and recovery codes away, when the phone is lost"),
		p.userSet("sign-out", "Sign a person out of all devices and applications"), p.userPassword(), p.userLetter("link"), p.userLetter("recover"), p.userCode(), p.userRole(), p.userDelete(),
		p.userConsents(), p.userRevokeConsent())
	return cmd
}

func (p *Program) userCreate() *cobra.Command {
	var (
		in               admin.NewUser
		password, asJSON bool
	)
	cmd := &cobra.Command{
		Use: "create ADDRESS", Short: "Add a person; you vouch for the address", Args: arguments("the e-mail ADDRESS"),
		Example: "  gatelatch user create ann@example.com --name \"Ann Example\"\n  gatelatch user create ann@example.com --password-stdin < password.txt",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) (err error) {
			in.Email = args[0]
			if password {
				if in.Password, err = p.firstLine(); err != nil {
					return err
				}
			}
			return p.oneUser(ctx, m, "POST", "/users", in, asJSON)
		}),
	}
	cmd.Flags().StringVar(&in.Name, "name", "", "the person's `name`")
	cmd.Flags().StringArrayVar(&in.Groups, "group", nil, "make them a member of this `group`; again for more")
	cmd.Flags().BoolVar(&password, "password-stdin", false, "read their password from standard input; without one they sign in with a code")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// userListing is how a list of people is asked for.
type userListing struct {
	cursor string
	limit  int
	asJSON bool
}

func (l *userListing) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.cursor, "cursor", "", "where the `page` before ended")
	cmd.Flags().IntVar(&l.limit, "limit", 25, "how many at once, up to 200")
	cmd.Flags().BoolVar(&l.asJSON, "json", false, "print JSON")
}

func (p *Program) userList() *cobra.Command {
	var (
		search string
		l      userListing
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List people, the newest first", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			query := url.Values{}
			if search != "" {
				query.Set("search", search)
			}
			return p.listUsers(ctx, m, "/users", query, l)
		}),
	}
	cmd.Flags().StringVar(&search, "search", "", "`part` of a name or address")
	l.bind(cmd)
	return cmd
}

// listUsers shows a page of people.
func (p *Program) listUsers(ctx context.Context, m *management, path string, query url.Values, l userListing) error {
	query.Set("limit", strconv.Itoa(l.limit))
	if l.cursor != "" {
		query.Set("cursor", l.cursor)
	}
	var page struct {
		Users      []admin.User `json:"users"`
		NextCursor string       `json:"next_cursor,omitempty"`
	}
	if err := m.call(ctx, "GET", path+"?"+query.Encode(), nil, &page); err != nil {
		return err
	}
	if l.asJSON {
		return p.printJSON(page)
	}
	if len(page.Users) == 0 {
		p.printf("Nobody found.\n")
		return nil
	}
	w := p.table("E-MAIL", "NAME", "STATUS", "ROLE", "SUB")
	for _, u := range page.Users {
		w.row(u.Email, u.Name, u.Status, u.Role, u.Sub)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.NextCursor != "" {
		p.printf("\nMore: --cursor %s\n", page.NextCursor)
	}
	return nil
}

func (p *Program) userShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show PERSON", Short: "Show a person", Args: arguments("the person's address or sub"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneUser(ctx, m, "GET", "/users/"+url.PathEscape(args[0]), nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// userSet is disable, enable and sign-out.
func (p *Program) userSet(verb, short string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: verb + " PERSON", Short: short, Args: arguments("the person's address or sub"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneUser(ctx, m, "POST", "/users/"+url.PathEscape(args[0])+"/"+verb, nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) userRole() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "role PERSON ROLE", Short: "Make a person an owner or admin of this server, or neither",
		Long: "Say what a person may do on this server: owner, admin or none. Owners and admins may read captured mail; the last owner\n" +
			"stays one. Who can run this command can help whoever locked themselves out: add their address, then make it an owner.",
		Args:    arguments("the person's address or sub", "the ROLE: owner, admin or none"),
		Example: "  gatelatch user create ann@example.com\n  gatelatch user role ann@example.com owner",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneUser(ctx, m, "POST", "/users/"+url.PathEscape(args[0])+"/role", map[string]string{"role": args[1]}, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) userDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete PERSON", Short: "Delete a person with everything that is theirs", Args: arguments("the person's address or sub"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/users/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s is gone.\n", args[0])
			return nil
		}),
	}
}

// oneUser does an operation on one person and shows them.
func (p *Program) oneUser(ctx context.Context, m *management, method, path string, in any, asJSON bool) error {
	var u admin.User
	if err := m.call(ctx, method, path, in, &u); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(u)
	}
	w := p.table()
	w.row("  E-mail", u.Email)
	if u.Name != "" {
		w.row("  Name", u.Name)
	}
	if u.Username != "" {
		w.row("  Username", u.Username)
	}
	for _, known := range profileLines(u) {
		w.row("  "+known[0], known[1])
	}
	if u.Password {
		w.row("  Password", "yes")
	}
	w.row("  Status", u.Status)
	if u.Role != "none" {
		w.row("  Role", u.Role)
	}
	for i, name := range u.Groups {
		w.row(label(i, "  Group"), name)
	}
	w.row("  Sub", u.Sub)
	return w.Flush()
}
