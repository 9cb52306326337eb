package cli

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) cognitoKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cognito-key", Short: "Keys with which programs manage people through the Cognito API", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "Keys with which programs made for Amazon Cognito (boto3, the AWS CLI, SDKs) manage people and groups here.\n" +
			"Whoever has a key may do everything to everybody, but not to those who look after the server.",
		Example: "  gatelatch cognito-key create \"nightly import\"\n  gatelatch cognito-key list",
	}
	cmd.AddCommand(p.cognitoKeyCreate(), p.cognitoKeyList(), p.cognitoKeyDelete())
	return cmd
}

func (p *Program) cognitoKeyCreate() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a key; its secret is shown this once", Args: arguments("a NAME, for what it is for,"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var made admin.CognitoKeyWithSecret
			if err := m.call(ctx, "POST", "/cognito/keys", admin.NewCognitoKey{Name: args[0]}, &made); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(made)
			}
			p.printf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nAWS_DEFAULT_REGION=%s\nAWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=%s\n\n", made.ID, made.Secret, made.Region, made.Endpoint)
			p.printf("The secret is not shown again. With these in the environment:\n  aws cognito-idp list-users --user-pool-id %s\n", made.PoolID)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) cognitoKeyList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all keys", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Keys []admin.CognitoKey `json:"keys"`
			}
			if err := m.call(ctx, "GET", "/cognito/keys", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Keys)
			}
			if len(list.Keys) == 0 {
				p.printf("No keys yet. Make one: gatelatch cognito-key create \"nightly import\"\n")
				return nil
			}
			w := p.table("ID", "NAME", "MADE", "LAST USED")
			for _, k := range list.Keys {
				w.row(k.ID, k.Name, k.Created.Format(time.DateOnly), usedAt(k.LastUsed))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// usedAt is when a key was used, to the hour.
func usedAt(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format("2006-01-02 15h UTC")
}

func (p *Program) cognitoKeyDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "Delete a key: nothing it signs counts any more", Args: arguments("the ID of the key (see gatelatch cognito-key list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/cognito/keys/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s is gone.\n", args[0])
			return nil
		}),
	}
}
