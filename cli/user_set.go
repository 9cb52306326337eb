package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
	"gatelatch/server/authn"
)

func (p *Program) userSetAttributes() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "set PERSON NAME=VALUE...", Short: "Say what is known about a person",
		Args: func(cmd *cobra.Command, args []string) error {
			return arguments("the person's address or sub", "NAME=VALUE")(cmd, args[:min(len(args), 2)])
		},
		Long: "Say what is known about a person. Applications read it in the claims of the scopes profile, address and phone.\n" +
			"An empty value forgets it. The names:\n\n" + attributeList(),
		Example: "  gatelatch user set ann@example.com given_name=Ann family_name=Example birthdate=1990-02-03 zoneinfo=Europe/London\n" +
			"  gatelatch user set ann@example.com address.locality=Exeter address.country=GB\n" +
			"  gatelatch user set ann@example.com phone_number=\"+44 1392 000000\" phone_number_verified=true\n" +
			"  gatelatch user set ann@example.com nickname=",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			change, err := attributeChange(args[1:])
			if err != nil {
				return err
			}
			return p.oneUser(ctx, m, "PATCH", "/users/"+url.PathEscape(args[0]), change, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// attributeList is a line for each attribute.
func attributeList() string {
	var b strings.Builder
	for _, a := range authn.Attributes {
		fmt.Fprintf(&b, "  %-24s%s\n", a.Name, a.Form)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// attributeChange reads NAME=VALUE pairs into the body of a change.
func attributeChange(pairs []string) (map[string]any, error) {
	var names []string
	for _, a := range authn.Attributes {
		names = append(names, a.Name)
	}
	change, address, own := map[string]any{}, map[string]any{}, map[string]any{}
	for _, pair := range pairs {
		name, text, paired := strings.Cut(pair, "=")
		at := slices.Index(names, name)
		switch {
		case !paired:
			return nil, fmt.Errorf("%q is no NAME=VALUE, such as given_name=Ann", pair)
		case at < 0:
			if near := nearest(name, names); near != "" {
				return nil, fmt.Errorf("there is no attribute %q. Did you mean %s?", name, near)
			}
			own[name] = text // the server knows which it has made up itself
			change["attributes"] = own
			continue
		}
		var value any = text
		if authn.Attributes[at].Vouched {
			if text != "true" && text != "false" {
				return nil, fmt.Errorf("%s must be %s", name, authn.Attributes[at].Form)
			}
			value = text == "true"
		}
		if _, member, nested := strings.Cut(name, "."); nested {
			address[member] = value
			change["address"] = address
		} else {
			change[name] = value
		}
	}
	return change, nil
}

// profileLines are name and value of what is known about a person besides what has a line of its own.
func profileLines(u admin.User) [][2]string {
	text, err := json.Marshal(u.Profile)
	if err != nil {
		return nil
	}
	var known map[string]any
	if json.Unmarshal(text, &known) != nil {
		return nil
	}
	address, _ := known["address"].(map[string]any)
	var out [][2]string
	for _, a := range authn.Attributes {
		value := known[a.Name]
		if _, member, nested := strings.Cut(a.Name, "."); nested {
			value = address[member]
		}
		if value != nil {
			out = append(out, [2]string{a.Name, fmt.Sprint(value)})
		}
	}
	return out
}
