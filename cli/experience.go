package cli

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
	"gatelatch/server/authn"
)

func (p *Program) experienceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "experience", Short: "How people sign in and sign up", Args: cobra.ArbitraryArgs, RunE: group,
		Long: "How people sign in and sign up. What the configuration settles is shown with its place and changed there;\n" +
			"everything else can be changed here at any time. --dry-run says first who would feel it.",
		Example: "  gatelatch experience show\n  gatelatch experience set --second-factor required --dry-run\n  gatelatch experience set --sign-up closed",
	}
	cmd.AddCommand(p.experienceShow(), p.experienceSet())
	return cmd
}

func (p *Program) experienceShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show", Short: "Show how people sign in and sign up, and who has settled it", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var x admin.Experience
			if err := m.call(ctx, "GET", "/experience", nil, &x); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(x)
			}
			return p.printExperience(x)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) printExperience(x admin.Experience) error {
	w := p.table("CHOICE", "NOW", "SETTLED BY")
	shown := reflect.ValueOf(x)
	for _, name := range authn.Choices {
		w.row(name, choiceText(shown, name), settledBy(x.Sources[name]))
	}
	return w.Flush()
}

// choiceText is a choice of the document as text.
func choiceText(x reflect.Value, name string) string {
	for i := range x.NumField() {
		tag, _, _ := strings.Cut(x.Type().Field(i).Tag.Get("json"), ",")
		if tag != name {
			continue
		}
		switch v := x.Field(i).Interface().(type) {
		case []string:
			return orNone(strings.Join(v, ", "))
		case []admin.Field:
			var names []string
			for _, f := range v {
				names = append(names, strings.TrimSpace(f.Name+" "+f.Asked))
			}
			return orNone(strings.Join(names, ", "))
		case int64:
			if v <= 0 {
				return "never"
			}
			return formatDuration(time.Duration(v) * time.Second)
		default:
			return orNone(fmt.Sprint(v))
		}
	}
	return ""
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func settledBy(s admin.ChoiceSource) string {
	if s.From != authn.FromConfiguration {
		return s.From
	}
	if s.Where == "" {
		return s.From
	}
	return s.From + " (" + s.Where + ")"
}

// experienceFlags are the choices of `experience set` as they are typed.
type experienceFlags struct {
	signUp, secondFactor, trustDevice string
	identifiers                       string
	methods, groups, factors, reset   []string
	allowed, refused                  []string
	passkeyVerification, passkeyOffer string
	attributes                        string
	terms, termsVersion               string
	privacy, privacyVersion           string
}

func (p *Program) experienceSet() *cobra.Command {
	var (
		f      experienceFlags
		dry    bool
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "set", Short: "Change how people sign in and sign up", Args: arguments(),
		Example: "  gatelatch experience set --method password --method code --dry-run\n  gatelatch experience set --second-factor groups --second-factor-group staff\n  gatelatch experience set --reset methods",
	}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, _ []string) error {
		change, err := f.change(cmd)
		if err != nil {
			return err
		}
		return p.changeExperience(ctx, m, "PATCH", "/experience", change, dry, asJSON)
	})
	flags := cmd.Flags()
	flags.StringVar(&f.signUp, "sign-up", "", "who may make an account by themselves: `open, invite or closed`")
	flags.StringVar(&f.identifiers, "identifiers", "", "what people type to sign in: `email, username or both`")
	flags.StringArrayVar(&f.allowed, "allow-domain", nil, "a `domain` that addresses of new people have to be of: example.com, or .example.com with all below it; several")
	flags.StringArrayVar(&f.refused, "refuse-domain", nil, "a `domain` that they must not be of; several")
	flags.StringArrayVar(&f.methods, "method", nil, "what a sign-in can begin with: a `method` ("+authn.MethodList(authn.FirstMethods, ", ")+"); several, the first offered first")
	flags.StringVar(&f.attributes, "attributes", "", "what people are asked for, as `JSON` or @FILE (docs/sign-up.md); replaces the list")
	flags.StringVar(&f.terms, "terms-url", "", "https `address` of the terms of use")
	flags.StringVar(&f.termsVersion, "terms-version", "", "the `version` of them that people have to accept, such as 2026-11")
	flags.StringVar(&f.privacy, "privacy-url", "", "https `address` of the privacy notice")
	flags.StringVar(&f.privacyVersion, "privacy-version", "", "the `version` of it that people have to accept")
	flags.StringVar(&f.secondFactor, "second-factor", "", "who needs one: `off, optional, required or groups`")
	flags.StringArrayVar(&f.groups, "second-factor-group", nil, "a `group` whose members need one; several")
	flags.StringArrayVar(&f.factors, "second-factor-method", nil, "what people may use as one: a `method` ("+authn.MethodList(authn.SecondFactorChoices, ", ")+"); several")
	flags.StringVar(&f.trustDevice, "trust-device", "", "how long a browser of theirs may be excused from it, a `duration` such as 30d; 0s: never")
	flags.StringVar(&f.passkeyVerification, "passkey-verification", "", "whether a passkey that begins a sign-in has to verify its user: `required or preferred`")
	flags.StringVar(&f.passkeyOffer, "passkey-offer", "", "when people are offered to create one: `new, signin or never`")
	flags.StringArrayVar(&f.reset, "reset", nil, "a `choice` (as show names it) that becomes again what it is without anybody's word; several")
	flags.BoolVar(&dry, "dry-run", false, "change nothing and say who would feel it")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// change is the body of the change that was typed.
func (f experienceFlags) change(cmd *cobra.Command) (map[string]any, error) {
	change := map[string]any{}
	for flag, choice := range map[string]struct {
		name  string
		value any
	}{
		"sign-up": {"sign_up", f.signUp}, "identifiers": {"identifiers", f.identifiers}, "method": {"methods", f.methods}, "second-factor": {"second_factor", f.secondFactor},
		"second-factor-group": {"second_factor_groups", f.groups}, "second-factor-method": {"second_factors", f.factors}, "reset": {"reset", f.reset}, "terms-url": {"terms_url", f.terms}, "terms-version": {"terms_version", f.termsVersion},
		"privacy-url": {"privacy_url", f.privacy}, "privacy-version": {"privacy_version", f.privacyVersion},
		"allow-domain": {"allowed_domains", f.allowed}, "refuse-domain": {"refused_domains", f.refused},
		"passkey-verification": {"passkey_verification", f.passkeyVerification}, "passkey-offer": {"passkey_offer", f.passkeyOffer},
	} {
		if cmd.Flags().Changed(flag) {
			change[choice.name] = choice.value
		}
	}
	if cmd.Flags().Changed("trust-device") {
		d, err := parseDuration(f.trustDevice)
		if err != nil {
			return nil, usage(cmd, "--trust-device is %q; expected a duration such as 30d, or 0s", f.trustDevice)
		}
		change["trust_device"] = int64(d / time.Second)
	}
	if cmd.Flags().Changed("attributes") {
		text := []byte(f.attributes)
		if path, file := strings.CutPrefix(f.attributes, "@"); file {
			var err error
			if text, err = os.ReadFile(path); err != nil {
				return nil, fmt.Errorf("read attributes: %w", err)
			}
		}
		fields, err := authn.ReadFields(text)
		if err != nil {
			return nil, err
		}
		change["attributes"] = fields
	}
	if len(change) == 0 {
		return nil, usage(cmd, "say what to change; gatelatch experience show names the choices")
	}
	return change, nil
}

// changeExperience makes a change, or tries it, and says what came of it.
func (p *Program) changeExperience(ctx context.Context, m *management, method, path string, change any, dry, asJSON bool) error {
	if dry {
		path += "?dry_run=true"
	}
	var out admin.ExperienceOutcome
	if err := m.call(ctx, method, path, change, &out); err != nil {
		return err
	}
	switch {
	case asJSON:
		return p.printJSON(out)
	case !dry:
		return p.printExperience(out.Experience)
	}
	if len(out.Affected) == 0 {
		p.printf("Nothing was changed. Nobody who is here would notice this change.\n")
		return nil
	}
	p.printf("Nothing was changed. With this change\n")
	for _, a := range out.Affected {
		p.printf("  %s: %s\n", affectedText(a), named(a))
	}
	return nil
}

// affectedText says how people would feel a change.
func affectedText(a admin.Affected) string {
	switch a.How {
	case authn.AffectedNoWayIn:
		return "could not sign in any more"
	case authn.AffectedIdentifier:
		if a.Of == authn.IdentifiersUsername {
			return "can no longer sign in by username"
		}
		return "have to know their username: they can no longer type their address"
	case authn.AffectedSecondFactor:
		return "have to set up a second factor at their next sign-in"
	case authn.AffectedAttribute:
		return "are asked for " + a.Of + " at their next sign-in"
	case authn.AffectedDocument:
		return "have to accept " + a.Of + " at their next sign-in"
	case authn.AffectedDomain:
		return "have an address that nobody new could sign up with; they stay"
	case authn.AffectedUnprotected:
		return "are no longer asked for a second factor"
	}
	return strings.TrimSpace(a.How + " " + a.Of)
}

// named counts people and names the first of them.
func named(a admin.Affected) string {
	text := fmt.Sprintf("%d (%s", a.People, strings.Join(a.First, ", "))
	if more := a.People - len(a.First); more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text + ")"
}
