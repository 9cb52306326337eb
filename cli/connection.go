package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) connectionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "connection", Short: "Providers with whose accounts people sign in: Google, GitHub, your company", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "Providers with whose accounts people sign in: Google, GitHub, your company. docs/social.md says for each what to enter where.",
		Example: "  gatelatch connection create github --client-id ID --secret-stdin < secret.txt\n" +
			"  gatelatch connection create oidc --id staff --name Staff --issuer https://id.example.com --client-id ID --secret-stdin < secret.txt",
	}
	cmd.AddCommand(p.connectionCreate(), p.connectionList(), p.connectionShow(), p.connectionUpdate(), p.connectionDelete(), p.connectionTest())
	return cmd
}

// connectionSwitches are the flags that create and update share. Only what was typed is sent.
type connectionSwitches struct {
	name, clientID, issuer, tenant, team, key string
	scopes, domains, claims                   []string
	secretStdin, trusted, off, asJSON         bool
	position                                  int64
}

func (s *connectionSwitches) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "the `name` on the button")
	f.StringVar(&s.clientID, "client-id", "", "the `ID` that the provider has given to this server")
	f.BoolVar(&s.secretStdin, "secret-stdin", false, "read the secret from standard input; for apple, the key file (AuthKey_….p8)")
	f.StringVar(&s.issuer, "issuer", "", "`address` of an oidc provider, or of your own GitHub or GitLab")
	f.StringVar(&s.tenant, "tenant", "", "of microsoft: the directory's `ID`, common, organizations or consumers")
	f.StringVar(&s.team, "team-id", "", "of apple: the `ID` of the team")
	f.StringVar(&s.key, "key-id", "", "of apple: the `ID` of the key")
	f.StringArrayVar(&s.scopes, "scope", nil, "a `scope` to ask for, in place of the usual ones; again for more")
	f.StringArrayVar(&s.domains, "domain", nil, "let in verified addresses of this `domain` alone; again for more")
	f.StringArrayVar(&s.claims, "claim", nil, "`HERE=THERE`: fill in an attribute of new people from another claim than usual; again for more")
	f.BoolVar(&s.trusted, "trusted", false, "an address that the provider has verified belongs to whoever has it here, without another proof")
	f.BoolVar(&s.off, "disabled", false, "take it from the sign-in page")
	f.Int64Var(&s.position, "position", 0, "the `place` of its button; the lowest comes first")
	f.BoolVar(&s.asJSON, "json", false, "print JSON")
}

func (s *connectionSwitches) change(cmd *cobra.Command, stdin io.Reader) (admin.ConnectionChange, error) {
	typed := cmd.Flags().Changed
	secret, claims := "", map[string]string{}
	if s.secretStdin {
		text, err := io.ReadAll(io.LimitReader(stdin, 16<<10))
		if err != nil {
			return admin.ConnectionChange{}, fmt.Errorf("read the secret: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	for _, text := range nonEmpty(s.claims) {
		here, there, ok := strings.Cut(text, "=")
		if !ok {
			return admin.ConnectionChange{}, usage(cmd, "--claim is %q; expected HERE=THERE, such as given_name=first_name", text)
		}
		claims[here] = there
	}
	return admin.ConnectionChange{
		Name: given(typed("name"), s.name), ClientID: given(typed("client-id"), s.clientID), Secret: given(s.secretStdin, secret), Issuer: given(typed("issuer"), s.issuer),
		Tenant: given(typed("tenant"), s.tenant), TeamID: given(typed("team-id"), s.team), KeyID: given(typed("key-id"), s.key), Scopes: given(typed("scope"), nonEmpty(s.scopes)),
		Domains: given(typed("domain"), nonEmpty(s.domains)), Claims: given(typed("claim"), claims), Trusted: given(typed("trusted"), s.trusted),
		Disabled: given(typed("disabled"), s.off), Position: given(typed("position"), s.position),
	}, nil
}

func (p *Program) connectionCreate() *cobra.Command {
	var (
		s  connectionSwitches
		id string
	)
	cmd := &cobra.Command{Use: "create KIND", Short: "Connect a provider", Args: arguments("the KIND: google, apple, microsoft, github, gitlab, discord, facebook, amazon or oidc"),
		Long: "Connect a provider. KIND is google, apple, microsoft, github, gitlab, discord, facebook, amazon, or oidc for any other with\nOpenID Connect. The answer has the callback address to enter there."}
	s.bind(cmd)
	cmd.Flags().StringVar(&id, "id", "", "the connection's own `name`, part of its callback address (the kind)")
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		change, err := s.change(cmd, p.Stdin)
		if err != nil {
			return err
		}
		return p.oneConnection(ctx, m, "POST", "/connections", admin.NewConnection{ID: id, Kind: args[0], ConnectionChange: change}, s.asJSON)
	})
	return cmd
}

func (p *Program) connectionList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all connections, in the order of their buttons", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Connections []admin.Connection `json:"connections"`
			}
			if err := m.call(ctx, "GET", "/connections", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Connections)
			}
			if len(list.Connections) == 0 {
				p.printf("No connections yet. Make one: gatelatch connection create github --client-id ID --secret-stdin\n")
				return nil
			}
			w := p.table("ID", "KIND", "NAME", "PEOPLE", "STATE")
			for _, k := range list.Connections {
				w.row(k.ID, k.Kind, k.Name, strconv.FormatInt(k.People, 10), connectionState(k))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func connectionState(k admin.Connection) string {
	switch {
	case k.Disabled:
		return "off"
	case k.Trusted:
		return "on, trusted"
	}
	return "on"
}

func (p *Program) connectionShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a connection and its callback address", Args: arguments("the ID (see gatelatch connection list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneConnection(ctx, m, "GET", connectionPath(args[0]), nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) connectionUpdate() *cobra.Command {
	var s connectionSwitches
	cmd := &cobra.Command{Use: "update ID", Short: "Change a connection", Args: arguments("the ID (see gatelatch connection list)"),
		Long: "Change a connection. --scope, --domain and --claim replace the whole list, so give every one that shall stay."}
	s.bind(cmd)
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		change, err := s.change(cmd, p.Stdin)
		if err != nil {
			return err
		}
		return p.oneConnection(ctx, m, "PATCH", connectionPath(args[0]), change, s.asJSON)
	})
	return cmd
}

func (p *Program) connectionDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "Delete a connection; people lose the accounts they have linked by it", Args: arguments("the ID (see gatelatch connection list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", connectionPath(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s is gone.\n", args[0])
			return nil
		}),
	}
}

func (p *Program) connectionTest() *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "Try out whether the provider answers and knows this server", Args: arguments("the ID (see gatelatch connection list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var out admin.ConnectionTest
			if err := m.call(ctx, "POST", connectionPath(args[0])+"/test", nil, &out); err != nil {
				return err
			}
			if !out.OK {
				return fmt.Errorf("%s", strings.TrimSuffix(out.Problem, "."))
			}
			p.printf("The provider answers and knows us.\n")
			return nil
		}),
	}
}

func connectionPath(id string) string { return "/connections/" + url.PathEscape(id) }

// oneConnection does an operation on one connection and shows it.
func (p *Program) oneConnection(ctx context.Context, m *management, method, path string, in any, asJSON bool) error {
	var k admin.Connection
	if err := m.call(ctx, method, path, in, &k); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(k)
	}
	w := p.table()
	w.row("  Name", k.Name)
	w.row("  ID", k.ID)
	w.row("  Kind", k.Kind)
	w.row("  Callback address", k.Callback)
	w.row("  Client ID", k.ClientID)
	for _, line := range []struct{ label, value string }{{"  Issuer", k.Issuer}, {"  Tenant", k.Tenant}, {"  Team ID", k.TeamID}, {"  Key ID", k.KeyID},
		{"  Scopes", strings.Join(k.Scopes, " ")}, {"  Only for", strings.Join(k.Domains, " ")}} {
		if line.value != "" {
			w.row(line.label, line.value)
		}
	}
	verified := "are proven here, too, the first time"
	if k.Trusted {
		verified = "count as proven"
	}
	w.row("  Verified addresses", verified)
	w.row("  State", connectionState(k))
	w.row("  People", strconv.FormatInt(k.People, 10))
	if k.Declared {
		w.row("  Changed in", "the configuration file only")
	}
	return w.Flush()
}
