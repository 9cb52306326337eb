package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) resourceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "resource", Short: "APIs that applications get tokens for", Args: cobra.ArbitraryArgs, RunE: group,
		Example: "  gatelatch resource create https://api.example.com --name Orders --scope \"orders:read See your orders\"\n" +
			"  gatelatch app update CLIENT_ID --resource https://api.example.com",
	}
	cmd.AddCommand(p.resourceCreate(), p.resourceList(), p.resourceShow(), p.resourceUpdate(), p.resourceDelete())
	return cmd
}

// resourceSwitches are the flags that create and update share. Only what was typed is sent.
type resourceSwitches struct {
	name, alg       string
	scopes, servers []string
	lifetime        int64
	opaque, asJSON  bool
	unchecked       bool
}

func (s *resourceSwitches) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "the `name` people see")
	f.StringArrayVar(&s.scopes, "scope", nil, "a `scope`, and after a space a sentence for people; again for more")
	f.StringArrayVar(&s.servers, "server", nil, "`CLIENT_ID` of the API's own server, which may introspect its tokens; again for more")
	f.Int64Var(&s.lifetime, "lifetime", 0, "how many `seconds` its tokens are good for (900)")
	f.StringVar(&s.alg, "alg", "RS256", "`algorithm` that signs its tokens: RS256, PS256, ES256 or EdDSA")
	f.BoolVar(&s.opaque, "opaque", false, "its tokens are no JWTs; the API asks the introspection endpoint about them")
	f.BoolVar(&s.unchecked, "unchecked-apps", false, "applications that nobody entered (they registered themselves, or have a document) may ask people for it, too")
	f.BoolVar(&s.asJSON, "json", false, "print JSON")
}

func (s *resourceSwitches) change(cmd *cobra.Command) admin.ResourceChange {
	typed := cmd.Flags().Changed
	scopes := []admin.ResourceScope{}
	for _, text := range nonEmpty(s.scopes) {
		name, description, _ := strings.Cut(text, " ")
		scopes = append(scopes, admin.ResourceScope{Name: name, Description: strings.TrimSpace(description)})
	}
	return admin.ResourceChange{
		Name: given(typed("name"), s.name), Scopes: given(typed("scope"), scopes), Servers: given(typed("server"), nonEmpty(s.servers)),
		AccessTokenLifetime: given(typed("lifetime"), s.lifetime), Alg: given(typed("alg"), s.alg), Opaque: given(typed("opaque"), s.opaque), UncheckedApps: given(typed("unchecked-apps"), s.unchecked),
	}
}

func (p *Program) resourceCreate() *cobra.Command {
	var s resourceSwitches
	cmd := &cobra.Command{Use: "create IDENTIFIER", Short: "Register an API", Args: arguments("the IDENTIFIER, such as https://api.example.com,"),
		Long: "Register an API. Its identifier is an absolute URI: applications name it as resource (RFC 8707), and its tokens as their\naudience. Nothing has to answer there."}
	s.bind(cmd)
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		return p.oneResource(ctx, m, "POST", "/resources", admin.NewResource{ID: args[0], ResourceChange: s.change(cmd)}, s.asJSON)
	})
	return cmd
}

func (p *Program) resourceList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all APIs", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Resources []admin.Resource `json:"resources"`
			}
			if err := m.call(ctx, "GET", "/resources", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Resources)
			}
			if len(list.Resources) == 0 {
				p.printf("No APIs yet. Register one: gatelatch resource create https://api.example.com --scope \"orders:read See your orders\"\n")
				return nil
			}
			w := p.table("IDENTIFIER", "NAME", "SCOPES")
			for _, r := range list.Resources {
				names := []string{}
				for _, s := range r.Scopes {
					names = append(names, s.Name)
				}
				w.row(r.ID, r.Name, strings.Join(names, " "))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) resourceShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show IDENTIFIER", Short: "Show an API", Args: arguments("the IDENTIFIER (see gatelatch resource list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneResource(ctx, m, "GET", resourcePath(args[0]), nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) resourceUpdate() *cobra.Command {
	var s resourceSwitches
	cmd := &cobra.Command{Use: "update IDENTIFIER", Short: "Change an API", Args: arguments("the IDENTIFIER (see gatelatch resource list)"),
		Long: "Change an API. --scope and --server replace the whole list, so give every one that shall stay."}
	s.bind(cmd)
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		return p.oneResource(ctx, m, "PATCH", resourcePath(args[0]), s.change(cmd), s.asJSON)
	})
	return cmd
}

func (p *Program) resourceDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete IDENTIFIER", Short: "Delete an API; its tokens end with it", Args: arguments("the IDENTIFIER (see gatelatch resource list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", resourcePath(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s is gone.\n", args[0])
			return nil
		}),
	}
}

func resourcePath(id string) string { return "/resource?resource=" + url.QueryEscape(id) }

// oneResource does an operation on one resource and shows it.
func (p *Program) oneResource(ctx context.Context, m *management, method, path string, in any, asJSON bool) error {
	var r admin.Resource
	if err := m.call(ctx, method, path, in, &r); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(r)
	}
	w := p.table()
	w.row("  Name", r.Name)
	w.row("  Identifier", r.ID)
	for i, s := range r.Scopes {
		w.row(label(i, "  Scope"), strings.TrimSpace(s.Name+"  "+s.Description))
	}
	for i, id := range r.Servers {
		w.row(label(i, "  Server"), id)
	}
	kind := "JWT, " + r.Alg
	if r.Opaque {
		kind = "opaque"
	}
	w.row("  Tokens", kind+", good for "+strconv.FormatInt(r.AccessTokenLifetime, 10)+" seconds")
	if r.UncheckedApps {
		w.row("  For", "applications that nobody entered, too")
	}
	if r.Declared {
		w.row("  Changed in", "the configuration file only")
	}
	return w.Flush()
}
