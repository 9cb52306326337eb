package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) mailCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "mail", Short: "How mail leaves", Args: cobra.ArbitraryArgs, RunE: group, Example: "  gatelatch mail test you@example.com"}
	cmd.AddCommand(p.mailTest())
	return cmd
}

func (p *Program) mailTest() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "test ADDRESS", Short: "Send a test mail and say what came of it", Args: arguments("the e-mail ADDRESS"),
		Long: "Send a test mail by the mailer of the configuration, and say what the provider answered and what to do about it.\n" +
			"The exit code is 0 if the provider has taken the mail.",
		Example: "  gatelatch mail test you@example.com --config gatelatch.yaml",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var t admin.MailTest
			if err := m.call(ctx, "POST", "/mail/test", map[string]string{"email": args[0]}, &t); err != nil {
				return err
			}
			if asJSON {
				if err := p.printJSON(t); err != nil {
					return err
				}
			} else {
				p.showMailTest(t)
			}
			if !t.Sent && !t.Captured {
				return errors.New("the test mail did not leave")
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) showMailTest(t admin.MailTest) {
	switch {
	case t.Captured:
		p.printf("No mailer is set up (email.provider): the mail stayed here. gatelatch inbox shows it.\n")
	case t.Sent:
		p.printf("The mail was taken. Look into the mailbox, and if it is not there, into its spam folder.\n")
	default:
		p.printf("%s\n%s\n", t.Reason, t.Next)
		if t.Answer != "" {
			p.printf("\nThe provider said: %s\n", t.Answer)
		}
	}
	for _, list := range [][]string{t.Facts, t.Dialogue} {
		if len(list) > 0 {
			p.printf("\n")
		}
		for _, line := range list {
			p.printf("  %s\n", line)
		}
	}
}
