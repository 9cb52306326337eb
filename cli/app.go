package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
	"gatelatch/storage"
)

func (p *Program) appCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "app", Short: "Applications that people sign in to", Args: cobra.ArbitraryArgs, RunE: group,
		Example: "  gatelatch app create Bookstore --for nextjs\n" +
			"  gatelatch app create \"Till\" --for native --redirect-uri com.example.till:/callback\n" +
			"  gatelatch app update CLIENT_ID --redirect-uri https://shop.example.com/api/auth/callback/gatelatch",
	}
	cmd.AddCommand(p.appCreate(), p.appList(), p.appShow(), p.appUpdate(), p.appRotateSecret(),
		p.appSet("disable", "Close an application: no sign-ins, and no token works, until it is enabled again"), p.appSet("enable", "Open an application again"), p.appDelete())
	return cmd
}

// appSwitches are the flags that create and update share. Only what was typed is sent.
type appSwitches struct {
	redirects, logouts, origins         []string
	alg                                 string
	grants, scopes, resources           []string
	jwtAccess                           bool
	introspectionAlg                    string
	subjectType, sectorURI, userinfoAlg string
	dpop, nonce                         bool
	pkce, allowHTTP, username           bool
	firstParty                          bool
	home, policy, terms                 string
	logoutURI, loginURI                 string
	maxAge                              time.Duration
	logoutEnds, logoutAccess            bool
	idTokenClaims                       bool
	asJSON                              bool
	authentication                      authenticationFlags
	requests                            requestFlags
	groups                              []string
	cognito, srp                        bool
	flags                               func(name string) bool // was it typed?
}

func (s *appSwitches) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.redirects, "redirect-uri", nil, "`address` people come back to after signing in; again for more")
	f.StringArrayVar(&s.logouts, "post-logout-redirect-uri", nil, "`address` people come back to after signing out; again for more")
	f.StringArrayVar(&s.origins, "allowed-origin", nil, "`origin` whose pages may call the token endpoint; again for more")
	f.StringVar(&s.alg, "alg", "RS256", "`algorithm` that signs ID tokens: RS256, PS256, ES256 or EdDSA")
	f.StringArrayVar(&s.grants, "grant-type", nil, "`grant` it may use: authorization_code, refresh_token, client_credentials, device_code, token_exchange; again for more")
	f.StringArrayVar(&s.scopes, "scope", nil, "`scope` it may ask for; again for more. Without any: all that people can give")
	f.StringArrayVar(&s.resources, "resource", nil, "`identifier` of an API it may ask tokens for; again for more")
	f.StringVar(&s.introspectionAlg, "introspection-alg", "RS256", "`algorithm` of introspection answers it asks for as JWTs: RS256, PS256, ES256 or EdDSA")
	f.StringVar(&s.subjectType, "subject-type", "public", "public: people have one subject everywhere; pairwise: another one for each sector")
	f.StringVar(&s.sectorURI, "sector-identifier-uri", "", "https `address` of a list of the redirect URIs, where they have several hosts")
	f.StringVar(&s.userinfoAlg, "userinfo-alg", "", "make userinfo a JWT signed with this `algorithm`")
	f.BoolVar(&s.dpop, "dpop-bound", false, "give it no tokens without a DPoP proof (RFC 9449)")
	f.BoolVar(&s.nonce, "require-dpop-nonce", false, "take no DPoP proof without a nonce of this server")
	f.BoolVar(&s.jwtAccess, "jwt-access-tokens", false, "make its access tokens JWTs also where they are for this server itself")
	f.BoolVar(&s.pkce, "require-pkce", false, "refuse sign-ins without PKCE")
	f.BoolVar(&s.allowHTTP, "allow-http", false, "accept http addresses outside of this machine, for a home network")
	f.BoolVar(&s.username, "username-claim", false, "name the person also in Logto's claim username")
	f.BoolVar(&s.idTokenClaims, "claims-in-id-token", true, "put name, e-mail address and the like into ID tokens, too; =false for userinfo alone")
	f.BoolVar(&s.firstParty, "first-party", true, "it is your own: nobody is asked before it may use their account; =false for one of somebody else")
	f.StringVar(&s.home, "home", "", "`address` of its home page")
	f.StringVar(&s.policy, "policy", "", "`address` of its privacy policy")
	f.StringVar(&s.logoutURI, "backchannel-logout-uri", "", "`address` that is told when a session ends")
	f.StringVar(&s.loginURI, "initiate-login-uri", "", "`address` where a sign-in to it can be started")
	f.DurationVar(&s.maxAge, "max-session-age", 0, "ask whoever signed in longer ago (such as 12h) to sign in again; 0 for no bound")
	f.BoolVar(&s.logoutEnds, "sign-out-ends-session", true, "signing out there signs out here, too")
	f.BoolVar(&s.logoutAccess, "sign-out-ends-access", false, "signing out here ends its refresh tokens, too")
	f.StringVar(&s.terms, "terms", "", "`address` of its terms")
	f.BoolVar(&s.cognito, "cognito", false, "it is made with AWS Amplify: open the Cognito API for it")
	f.BoolVar(&s.srp, "cognito-srp", false, "its people may sign in there by SRP, as the Authenticator does; a verifier of each password is kept, sealed")
	f.StringArrayVar(&s.groups, "allow-group", nil, "only members of this `group` may use it; again for more, \"\" for everybody")
	f.BoolVar(&s.asJSON, "json", false, "print JSON")
	s.authentication.bind(cmd)
	s.requests.bind(cmd)
	s.flags = f.Changed
}

func (s *appSwitches) switches() (admin.AppSwitches, error) {
	authentication, err := s.authentication.switches()
	return admin.AppSwitches{
		AuthenticationSwitches:   authentication,
		RequestSwitches:          s.requests.switches(),
		CognitoSwitches:          admin.CognitoSwitches{Cognito: given(s.flags("cognito"), s.cognito), SRP: given(s.flags("cognito-srp"), s.srp)},
		AccessSwitches:           admin.AccessSwitches{AllowedGroups: given(s.flags("allow-group"), nonEmpty(s.groups))},
		AllowedOrigins:           given(s.flags("allowed-origin"), s.origins),
		IDTokenSignedResponseAlg: given(s.flags("alg"), s.alg),
		GrantTypes:               given(s.flags("grant-type"), grantTypes(s.grants)),
		Scope:                    given(s.flags("scope"), strings.Join(s.scopes, " ")),
		Resources:                given(s.flags("resource"), nonEmpty(s.resources)),
		IntrospectionAlg:         given(s.flags("introspection-alg"), s.introspectionAlg),
		SubjectType:              given(s.flags("subject-type"), s.subjectType),
		SectorURI:                given(s.flags("sector-identifier-uri"), s.sectorURI),
		UserinfoAlg:              given(s.flags("userinfo-alg"), s.userinfoAlg),
		DPoPBound:                given(s.flags("dpop-bound"), s.dpop),
		RequireNonce:             given(s.flags("require-dpop-nonce"), s.nonce),
		JWTAccessTokens:          given(s.flags("jwt-access-tokens"), s.jwtAccess),
		RequirePKCE:              given(s.flags("require-pkce"), s.pkce),
		AllowHTTP:                given(s.flags("allow-http"), s.allowHTTP),
		UsernameClaim:            given(s.flags("username-claim"), s.username),
		ClaimsInIDToken:          given(s.flags("claims-in-id-token"), s.idTokenClaims),
		BackchannelLogoutURI:     given(s.flags("backchannel-logout-uri"), s.logoutURI),
		MaxSessionAge:            given(s.flags("max-session-age"), int64(s.maxAge.Seconds())),
		InitiateLoginURI:         given(s.flags("initiate-login-uri"), s.loginURI),
		SignOutEndsSession:       given(s.flags("sign-out-ends-session"), s.logoutEnds),
		SignOutEndsAccess:        given(s.flags("sign-out-ends-access"), s.logoutAccess),
		FirstParty:               given(s.flags("first-party"), s.firstParty),
		HomeURL:                  given(s.flags("home"), s.home),
		PolicyURL:                given(s.flags("policy"), s.policy),
		TermsURL:                 given(s.flags("terms"), s.terms),
	}, err
}

// given is a pointer to v where it was typed, nil where it was not.
func given[T any](typed bool, v T) *T {
	if !typed {
		return nil
	}
	return &v
}

// frameworks are the words of --for.
var frameworks = []string{"nextjs", "express", "spa", "native", "amplify", "m2m", "generic"}

func (p *Program) appCreate() *cobra.Command {
	var (
		in       admin.NewApp
		switches appSwitches
	)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an application and print what to paste into it", Args: arguments("the NAME of the application"),
		Example: "  gatelatch app create Bookstore --for nextjs\n" +
			"  gatelatch app create Bookstore --for express\n" +
			"  gatelatch app create Dashboard --for spa --redirect-uri http://localhost:5173/callback\n" +
			"  gatelatch app create \"Nightly report\" --for m2m --scope reports:write\n" +
			"  gatelatch app create Wiki --redirect-uri https://wiki.example.com/oidc/callback --json",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			in.ClientName = args[0]
			if !slices.Contains(frameworks, in.Framework) {
				return fmt.Errorf("--for is %q; expected %s", in.Framework, strings.Join(frameworks, ", "))
			}
			var err error
			if in.AppSwitches, err = switches.switches(); err != nil {
				return err
			}
			in.RedirectURIs, in.PostLogoutRedirectURIs = switches.redirects, switches.logouts
			var app admin.AppWithSecret
			if err := m.call(ctx, "POST", "/apps", in, &app); err != nil {
				return err
			}
			if switches.asJSON {
				return p.printJSON(app)
			}
			p.printf("%s is there.\n\n", app.ClientName)
			p.showApp(app.App)
			p.showGuide(app)
			return nil
		}),
	}
	cmd.Flags().StringVar(&in.Framework, "for", "generic", "`what` it is made with: nextjs, express, spa, native, amplify or generic, or m2m for a program that acts for itself")
	cmd.Flags().StringVar(&in.Type, "type", "", "for generic, its `kind`: web keeps a secret on a server (the default), spa and native have none, m2m acts for itself")
	switches.bind(cmd)
	return cmd
}

func (p *Program) appList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all applications", Args: arguments(),
		RunE: p.managed(func(ctx context.Context, m *management, _ []string) error {
			var list struct {
				Apps []admin.App `json:"apps"`
			}
			if err := m.call(ctx, "GET", "/apps", nil, &list); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(list.Apps)
			}
			if len(list.Apps) == 0 {
				p.printf("No applications yet. Make one: gatelatch app create NAME --for nextjs\n")
				return nil
			}
			w := p.table("CLIENT ID", "NAME", "KIND", "REDIRECT URI")
			for _, a := range list.Apps {
				w.row(a.ClientID, a.ClientName, kindOf(a), firstAndMore(a.RedirectURIs))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) appShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show CLIENT_ID", Short: "Show an application", Args: arguments("the CLIENT_ID (see gatelatch app list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneApp(ctx, m, "GET", "/apps/"+url.PathEscape(args[0]), nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) appUpdate() *cobra.Command {
	var (
		name     string
		switches appSwitches
	)
	cmd := &cobra.Command{
		Use: "update CLIENT_ID", Short: "Change an application", Args: arguments("the CLIENT_ID (see gatelatch app list)"),
		Long: "Change an application. What no flag names stays as it is. A flag that can be given again replaces the whole list,\n" +
			"so give every value that shall stay; an empty one (--post-logout-redirect-uri \"\") clears it.",
		Example: "  gatelatch app update CLIENT_ID --name \"Book store\"\n" +
			"  gatelatch app update CLIENT_ID --redirect-uri http://localhost:3000/api/auth/callback/gatelatch \\\n" +
			"      --redirect-uri https://shop.example.com/api/auth/callback/gatelatch",
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			changed, err := switches.switches()
			if err != nil {
				return err
			}
			return p.oneApp(ctx, m, "PATCH", "/apps/"+url.PathEscape(args[0]), admin.AppChange{
				ClientName:             given(switches.flags("name"), name),
				RedirectURIs:           given(switches.flags("redirect-uri"), nonEmpty(switches.redirects)),
				PostLogoutRedirectURIs: given(switches.flags("post-logout-redirect-uri"), nonEmpty(switches.logouts)),
				AppSwitches:            changed,
			}, switches.asJSON)
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "the `name` people see")
	switches.bind(cmd)
	return cmd
}

func (p *Program) appRotateSecret() *cobra.Command {
	var (
		asJSON bool
		life   string
	)
	cmd := &cobra.Command{
		Use: "rotate-secret CLIENT_ID", Short: "Make a new secret; the one before works for 24 hours more, older ones end now", Args: arguments("the CLIENT_ID (see gatelatch app list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			var (
				app admin.AppWithSecret
				in  admin.NewSecret
			)
			if life != "" {
				d, err := parseDuration(life)
				if err != nil {
					return fmt.Errorf("--expires-in is %q; expected a duration such as 90d or 1y", life)
				}
				in.ExpiresIn = int64(d / time.Second)
			}
			if err := m.call(ctx, "POST", "/apps/"+url.PathEscape(args[0])+"/secrets", in, &app); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(app)
			}
			p.printf("New secret for %s, shown this once:\n\n  %s\n\nThe one before works for 24 hours more. Any older one has ended now.\n", app.ClientName, app.ClientSecret)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&life, "expires-in", "", "`duration` after which the new secret ends, such as 90d; never if left out")
	return cmd
}

// appSet is disable and enable.
func (p *Program) appSet(verb, short string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: verb + " CLIENT_ID", Short: short, Args: arguments("the CLIENT_ID (see gatelatch app list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			return p.oneApp(ctx, m, "POST", "/apps/"+url.PathEscape(args[0])+"/"+verb, nil, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p *Program) appDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete CLIENT_ID", Short: "Delete an application; its tokens end with it", Args: arguments("the CLIENT_ID (see gatelatch app list)"),
		RunE: p.managed(func(ctx context.Context, m *management, args []string) error {
			if err := m.call(ctx, "DELETE", "/apps/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			p.printf("%s is gone.\n", args[0])
			return nil
		}),
	}
}

// oneApp does an operation on one application and shows it.
func (p *Program) oneApp(ctx context.Context, m *management, method, path string, in any, asJSON bool) error {
	var app admin.App
	if err := m.call(ctx, method, path, in, &app); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(app)
	}
	p.showApp(app)
	return nil
}

// showApp prints an application for people.
func (p *Program) showApp(app admin.App) {
	w := p.table()
	w.row("  Name", app.ClientName)
	w.row("  Client ID", app.ClientID)
	w.row("  Issuer", app.Issuer)
	w.row("  Kind", kindOf(app))
	for i, s := range app.Secrets {
		w.row(label(i, "  Secret"), secretState(s, time.Now()))
	}
	w.showAuthentication(app)
	w.showRequests(app)
	if app.Cognito {
		w.row("  User pool", app.PoolID+" at "+app.Endpoint)
	}
	for i, name := range app.AllowedGroups {
		w.row(label(i, "  Only for"), name)
	}
	for i, uri := range app.RedirectURIs {
		w.row(label(i, "  Redirect"), uri)
	}
	for i, uri := range app.PostLogoutRedirectURIs {
		w.row(label(i, "  After sign-out"), uri)
	}
	for i, origin := range app.AllowedOrigins {
		w.row(label(i, "  Origin"), origin)
	}
	w.row("  May use", strings.Join(app.GrantTypes, ", "))
	if app.Scope != "" {
		w.row("  Scopes", app.Scope)
	}
	for i, id := range app.Resources {
		w.row(label(i, "  API"), id)
	}
	w.row("  Signed with", app.IDTokenSignedResponseAlg)
	if !app.FirstParty {
		w.row("  Consent", "people are asked before it may use their account")
	}
	if app.MaxSessionAge > 0 {
		w.row("  Sign-in at most", (time.Duration(app.MaxSessionAge)*time.Second).String()+" old")
	}
	for _, link := range [][2]string{{"  Home page", app.HomeURL}, {"  Privacy policy", app.PolicyURL}, {"  Terms", app.TermsURL},
		{"  Told of sign-outs", app.BackchannelLogoutURI}, {"  Sign-in starts at", app.InitiateLoginURI}} {
		if link[1] != "" {
			w.row(link[0], link[1])
		}
	}
	if app.AllowHTTP {
		w.row("  Plain http", "allowed outside of this machine")
	}
	if app.Declared {
		w.row("  Changed in", "the configuration file only")
	}
	_ = w.Flush()
}

// showGuide prints what to paste.
func (p *Program) showGuide(app admin.AppWithSecret) {
	if app.ClientSecret != "" {
		p.printf("\nThe secret is shown this once. Only its last four characters stay visible.\n")
	}
	if len(app.Guide.Env) > 0 {
		p.printf("\n--- .env\n")
		for _, line := range app.Guide.Env {
			p.printf("%s=%s\n", line.Name, line.Value)
		}
	}
	for _, file := range app.Guide.Files {
		p.printf("\n--- %s\n%s", file.Name, file.Code)
	}
	p.printf("\n")
	for _, note := range app.Guide.Notes {
		p.printf("%s\n", note)
	}
}

func kindOf(app admin.App) string {
	kind := map[string]string{"web": "web (keeps a secret)", "spa": "spa (in the browser)", "native": "native (on a device)", "m2m": "m2m (acts for itself)"}[app.Type]
	if app.Framework != "generic" && app.Framework != app.Type {
		kind += ", " + app.Framework
	}
	switch app.Origin {
	case storage.OriginRegistration:
		kind += ", registered itself"
	case storage.OriginDocument:
		kind += ", described by its address"
	}
	if app.Disabled {
		kind += ", disabled"
	}
	return kind
}

func label(i int, text string) string {
	if i > 0 {
		return ""
	}
	return text
}

func firstAndMore(list []string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return list[0] + " and more"
}

// grantTypes completes the names that nobody types in full.
func grantTypes(typed []string) []string {
	out := nonEmpty(typed)
	for i, g := range out {
		switch g {
		case "device_code":
			out[i] = "urn:ietf:params:oauth:grant-type:device_code"
		case "token_exchange":
			out[i] = "urn:ietf:params:oauth:grant-type:token-exchange"
		}
	}
	return out
}

func nonEmpty(list []string) []string {
	out := []string{}
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
