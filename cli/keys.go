package cli

import (
	"context"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Keys that sign tokens", Args: cobra.ArbitraryArgs, RunE: group,
		Example: "  gatelatch keys list\n  gatelatch keys rotate",
	}
	cmd.AddCommand(p.keysList(), p.keysRotate())
	return cmd
}

// keyAnswer is what both calls for keys answer.
type keyAnswer struct {
	Keys []admin.Key `json:"keys"`
}

func (p *Program) keysList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys and their states", Args: arguments(),
		Long: "List the keys and their states: next is published and does not sign yet, active signs, retired verifies what it signed.\n" +
			"They rotate by themselves every 90 days.",
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list keyAnswer
			if err := m.call(ctx, "GET", "/keys", nil, &list); err != nil {
				return err
			}
			return p.showKeys(list, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) keysRotate() *cobra.Command {
	var (
		in                  admin.KeyRotation
		now, leaked, asJSON bool
	)
	cmd := &cobra.Command{
		Use: "rotate", Short: "Bring new keys into use; no application notices", Args: arguments(),
		Long: "Bring new keys into use. They sign ten minutes later, when every application that caches the key set has them.\n" +
			"With --now they sign at once. With --leaked the old keys also stop counting: every ID token and JWT they signed is\n" +
			"refused from then on. Sessions and refresh tokens go on.",
		Example: "  gatelatch keys rotate\n  gatelatch keys rotate --alg ES256 --now",
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			switch {
			case leaked:
				in.Urgency = "leaked"
			case now:
				in.Urgency = "now"
			}
			var list keyAnswer
			if err := m.call(ctx, "POST", "/keys/rotate", in, &list); err != nil {
				return err
			}
			return p.showKeys(list, asJSON)
		}),
	}
	cmd.Flags().StringVar(&in.Alg, "alg", "", "only the keys of one `algorithm`: RS256, PS256, ES256 or EdDSA")
	cmd.Flags().BoolVar(&now, "now", false, "sign with the new keys at once")
	cmd.Flags().BoolVar(&leaked, "leaked", false, "at once, and believe nothing that the old keys signed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) showKeys(list keyAnswer, asJSON bool) error {
	if asJSON {
		return p.printJSON(list.Keys)
	}
	w := p.table("KID", "ALG", "STATE", "SIGNS FROM")
	for _, k := range list.Keys {
		w.row(k.ID, k.Alg, k.State, k.ActiveFrom.Format("2006-01-02 15:04 UTC"))
	}
	return w.Flush()
}
