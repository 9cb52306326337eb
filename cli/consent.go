package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) userConsents() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "consents PERSON", Short: "List what a person has allowed applications of others", Args: arguments("the person's address or sub"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var list struct {
				Consents []admin.Consent `json:"consents"`
			}
			if err := m.call(ctx, "GET", "/users/"+url.PathEscape(args[0])+"/consents", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Consents)
			}
			if len(list.Consents) == 0 {
				p.printf("Nothing.\n")
				return nil
			}
			w := p.table("CLIENT ID", "NAME", "MAY", "SINCE", "UNTIL")
			for _, c := range list.Consents {
				until := "taken back"
				if c.Expires != nil {
					until = c.Expires.Format("2006-01-02")
				}
				w.row(c.ClientID, c.ClientName, strings.Join(c.Scopes, " "), c.Created.Format("2006-01-02"), until)
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) userRevokeConsent() *cobra.Command {
	return &cobra.Command{
		Use: "revoke-consent PERSON CLIENT_ID", Short: "Take back what a person has allowed an application; its tokens end now",
		Args: arguments("the person's address or sub", "the CLIENT_ID (see gatelatch user consents)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/users/"+url.PathEscape(args[0])+"/consents/"+url.PathEscape(args[1]), nil, nil); err != nil {
				return err
			}
			p.printf("%s may no longer use the account of %s.\n", args[1], args[0])
			return nil
		}),
	}
}
