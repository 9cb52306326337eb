package cli

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) registrationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "registration", Short: "Tokens with which applications register themselves", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "Tokens with which applications register themselves (RFC 7591), where the configuration says registration: token or open.\n" +
			"An application that has registered itself is listed by gatelatch app list.",
		Example: "  gatelatch registration create-token --expires-in 7d --uses 5\n  gatelatch registration list",
	}
	cmd.AddCommand(p.registrationCreateToken(), p.registrationList(), p.registrationRevoke())
	return cmd
}

func (p *Program) registrationCreateToken() *cobra.Command {
	var (
		in      admin.NewRegistrationToken
		expires string
		asJSON  bool
	)
	cmd := &cobra.Command{Use: "create-token", Short: "Make a token; it is shown this once", Args: arguments()}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, _ []string) error {
		d, err := parseDuration(expires)
		if err != nil {
			return usage(cmd, "--expires-in is %q; expected a duration such as 12h or 7d", expires)
		}
		if in.Uses < 1 {
			return usage(cmd, "--uses is %d; expected at least 1", in.Uses)
		}
		in.ExpiresIn = int64(d / time.Second)
		var made admin.RegistrationTokenWithText
		if err := m.call(ctx, "POST", "/registration/tokens", in, &made); err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(made)
		}
		p.printf("%s\n\nGood for %d, until %s. It is not shown again.\n", made.Token, made.Uses, made.Expires.Format("2006-01-02 15:04 UTC"))
		return nil
	})
	cmd.Flags().StringVar(&expires, "expires-in", "24h", "how long the token is good for, a `duration` such as 7d")
	cmd.Flags().Int64Var(&in.Uses, "uses", 1, "how many `applications` may be registered with it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) registrationList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens that have not ended", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Tokens []admin.RegistrationToken `json:"tokens"`
			}
			if err := m.call(ctx, "GET", "/registration/tokens", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Tokens)
			}
			if len(list.Tokens) == 0 {
				p.printf("No tokens. Make one: gatelatch registration create-token\n")
				return nil
			}
			w := p.table("ID", "ENDS WITH", "USED", "UNTIL")
			for _, t := range list.Tokens {
				w.row(t.ID, t.LastFour, strconv.FormatInt(t.Used, 10)+" of "+strconv.FormatInt(t.Uses, 10), t.Expires.Format("2006-01-02 15:04 UTC"))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) registrationRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a token now; what was registered with it stays", Args: arguments("the ID of the token (see gatelatch registration list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/registration/tokens/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s has ended.\n", args[0])
			return nil
		}),
	}
}
