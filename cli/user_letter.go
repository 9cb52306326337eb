package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

// userCode makes a code that signs a person in once.
func (p *Program) userCode() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "code PERSON", Short: "Make a code to tell a person by phone, which signs them in once", Args: arguments("the person's address or sub"),
		Long: "Make a code of twelve digits that signs a person in once, within 15 minutes, without their mailbox. They type it beside their address\n" +
			"on a page of its own. A second factor is asked for as always; one made before works no more.\n" +
			"Make sure that it is them who ask, and tell it to nobody else.",
		Example: "  gatelatch user code ann@example.com",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var made admin.LetterCode
			if err := m.call(ctx, "POST", "/users/"+url.PathEscape(args[0])+"/codes", nil, &made); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(made)
			}
			p.printf("%s\n\nTo be typed at %s, once, until %s. It is not shown again.\n", made.Code, made.Page, made.Expires.Format("15:04 MST"))
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// userLetter is link and recover: a link that signs a person in once.
func (p *Program) userLetter(verb string) *cobra.Command {
	var asJSON bool
	recover := verb == "recover"
	cmd := &cobra.Command{
		Use: verb + " PERSON", Short: "Make a link that signs a person in once, without their mailbox", Args: arguments("the person's address or sub"),
		Long:    "Make a link that signs a person in once, within an hour, without their mailbox. A second factor is asked for as always.\nGive it to them and nobody else: whoever has it is them.",
		Example: "  gatelatch user link ann@example.com",
	}
	if recover {
		cmd.Short = "Make a link for a person who has lost every way in"
		cmd.Long = "Make a link for a person who has lost every way in, a second factor included. It works once, within an hour, asks for no second\n" +
			"factor, and opens their account page for an hour, to set up ways in again; applications stay closed until then. It removes nothing.\n" +
			"Make sure that it is them who ask: the log says that you made it."
		cmd.Example = "  gatelatch user recover ann@example.com"
	}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		var made admin.Letter
		if err := m.call(ctx, "POST", "/users/"+url.PathEscape(args[0])+"/links", admin.LetterWish{Recover: recover}, &made); err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(made)
		}
		p.printf("%s\n\nIt works once, until %s. It is not shown again.\n", made.Link, made.Expires.Format("15:04 MST"))
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
