package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// App is an application as the API shows it. The words are those of RFC 7591 wherever it has one.
type App struct {
	ClientID                string   `json:"client_id"`
	ClientName              string   `json:"client_name"`
	Type                    string   `json:"type" enum:"web,spa,native,m2m" doc:"web keeps a secret on a server, spa and native cannot keep one; m2m acts for itself, without people"`
	Framework               string   `json:"framework" enum:"nextjs,express,spa,native,amplify,m2m,generic"`
	Disabled                bool     `json:"disabled" doc:"Nobody can sign in to it, and none of its tokens works"`
	Issuer                  string   `json:"issuer"`
	RedirectURIs            []string `json:"redirect_uris"`
	PostLogoutRedirectURIs  []string `json:"post_logout_redirect_uris"`
	AllowedOrigins          []string `json:"allowed_origins" doc:"Origins whose pages may call the token and userinfo endpoints"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	AppAuthentication
	AppRequests
	AppAccess
	AppCognito
	IDTokenSignedResponseAlg string      `json:"id_token_signed_response_alg"`
	GrantTypes               []string    `json:"grant_types"`
	Scope                    string      `json:"scope" doc:"The scopes it may ask for, separated by spaces; empty: all that people can give, and none for itself"`
	IntrospectionAlg         string      `json:"introspection_signed_response_alg"`
	SubjectType              string      `json:"subject_type" enum:"public,pairwise" doc:"pairwise: another subject for each sector"`
	SectorURI                string      `json:"sector_identifier_uri,omitempty"`
	UserinfoAlg              string      `json:"userinfo_signed_response_alg,omitempty" doc:"Empty: plain JSON"`
	DPoPBound                bool        `json:"dpop_bound_access_tokens" doc:"It gets no tokens without a DPoP proof (RFC 9449)"`
	RequireNonce             bool        `json:"require_dpop_nonce" doc:"Its proofs carry a nonce of this server"`
	Resources                []string    `json:"resources" doc:"Identifiers of the APIs it may ask tokens for"`
	JWTAccessTokens          bool        `json:"jwt_access_tokens" doc:"Its access tokens are JWTs even where they are for this server itself"`
	RequirePKCE              bool        `json:"require_pkce"`
	AllowHTTP                bool        `json:"allow_http"`
	Origin                   string      `json:"origin,omitempty" doc:"How it came here when nobody entered it, so that its name is its own claim: registration (it registered itself) or document (it describes itself at its client_id)"`
	FirstParty               bool        `json:"first_party" doc:"Belongs to whoever runs this server: people are not asked before it may use their account"`
	InitiateLoginURI         string      `json:"initiate_login_uri,omitempty"`
	MaxSessionAge            int64       `json:"max_session_age,omitempty" doc:"Seconds: whoever signed in longer ago is asked again"`
	BackchannelLogoutURI     string      `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSession bool        `json:"backchannel_logout_session_required"`
	ClaimsInIDToken          bool        `json:"claims_in_id_token" doc:"The claims of scopes are in ID tokens, too"`
	SignOutEndsSession       bool        `json:"sign_out_ends_session" doc:"Signing out there ends the session here"`
	SignOutEndsAccess        bool        `json:"sign_out_ends_access" doc:"Signing out here also ends refresh tokens that were to outlive the session"`
	HomeURL                  string      `json:"client_uri,omitempty"`
	PolicyURL                string      `json:"policy_uri,omitempty"`
	TermsURL                 string      `json:"tos_uri,omitempty"`
	UsernameClaim            bool        `json:"username_claim" doc:"Tokens name the person also in Logto's claim username"`
	Declared                 bool        `json:"declared" doc:"The application is declared in the configuration file and changed only there"`
	Secrets                  []AppSecret `json:"secrets" doc:"The secrets that are accepted now, the newest first"`
	Created                  *time.Time  `json:"created"`
	Updated                  *time.Time  `json:"updated"`
}

// AppSecret is what is known of a secret: never the secret itself.
type AppSecret struct {
	LastFour string     `json:"last_four"`
	Created  *time.Time `json:"created"`
	Expires  *time.Time `json:"expires,omitempty"`
	LastUsed *time.Time `json:"last_used,omitempty" doc:"To the hour; missing if it was never used"`
}

// AppWithSecret is the answer to the calls that make a secret: the only time it can be seen.
type AppWithSecret struct {
	App
	ClientSecret string `json:"client_secret,omitempty" doc:"Shown this once"`
	Guide        Guide  `json:"guide"`
}

// NewApp is what it takes to make an application.
type NewApp struct {
	ClientName             string   `json:"client_name" minLength:"1" maxLength:"100"`
	Framework              string   `json:"framework,omitempty" enum:"nextjs,express,spa,native,amplify,m2m,generic" default:"generic"`
	Type                   string   `json:"type,omitempty" enum:"web,spa,native,m2m" doc:"Only for framework generic; web if left out"`
	RedirectURIs           []string `json:"redirect_uris,omitempty" doc:"Left out: where the framework expects it on this machine"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	AppSwitches
}

// AppSwitches are the settings of an application that have two or three positions; nil leaves one as it is.
type AppSwitches struct {
	AllowedOrigins           *[]string `json:"allowed_origins,omitempty"`
	IDTokenSignedResponseAlg *string   `json:"id_token_signed_response_alg,omitempty" enum:"RS256,PS256,ES256,EdDSA"`
	GrantTypes               *[]string `json:"grant_types,omitempty" doc:"Empty: those of its type"`
	Scope                    *string   `json:"scope,omitempty" doc:"Separated by spaces"`
	IntrospectionAlg         *string   `json:"introspection_signed_response_alg,omitempty" enum:"RS256,PS256,ES256,EdDSA"`
	SubjectType              *string   `json:"subject_type,omitempty" enum:"public,pairwise"`
	SectorURI                *string   `json:"sector_identifier_uri,omitempty" doc:"https address of a JSON list of all redirect URIs; empty: the host of the redirect URIs"`
	UserinfoAlg              *string   `json:"userinfo_signed_response_alg,omitempty" enum:",RS256,PS256,ES256,EdDSA" doc:"Empty: plain JSON"`
	DPoPBound                *bool     `json:"dpop_bound_access_tokens,omitempty"`
	RequireNonce             *bool     `json:"require_dpop_nonce,omitempty"`
	Resources                *[]string `json:"resources,omitempty" doc:"Identifiers of the APIs it may ask tokens for; replaces the list"`
	JWTAccessTokens          *bool     `json:"jwt_access_tokens,omitempty"`
	RequirePKCE              *bool     `json:"require_pkce,omitempty"`
	AllowHTTP                *bool     `json:"allow_http,omitempty" doc:"Accept http addresses outside of this machine"`
	UsernameClaim            *bool     `json:"username_claim,omitempty"`
	ClaimsInIDToken          *bool     `json:"claims_in_id_token,omitempty" doc:"false: the claims of scopes are in userinfo alone (OpenID Connect Core §5.4)"`
	FirstParty               *bool     `json:"first_party,omitempty" doc:"false: people are asked before the application may use their account"`
	InitiateLoginURI         *string   `json:"initiate_login_uri,omitempty" doc:"Where a sign-in to the application can be started from outside (OpenID Connect Core §4)"`
	MaxSessionAge            *int64    `json:"max_session_age,omitempty" minimum:"0" maximum:"31536000" doc:"Seconds; 0: no bound"`
	BackchannelLogoutURI     *string   `json:"backchannel_logout_uri,omitempty" doc:"Is told when a session ends that the application knows"`
	BackchannelLogoutSession *bool     `json:"backchannel_logout_session_required,omitempty" doc:"The application needs sid; it always gets it"`
	SignOutEndsSession       *bool     `json:"sign_out_ends_session,omitempty" doc:"false: signing out there leaves the session here alone"`
	SignOutEndsAccess        *bool     `json:"sign_out_ends_access,omitempty"`
	HomeURL                  *string   `json:"client_uri,omitempty" doc:"The application's home page"`
	PolicyURL                *string   `json:"policy_uri,omitempty" doc:"Its privacy policy, shown where people are asked"`
	TermsURL                 *string   `json:"tos_uri,omitempty" doc:"Its terms, shown where people are asked"`
	AuthenticationSwitches
	RequestSwitches
	AccessSwitches
	CognitoSwitches
}

// AppChange is a change to an application; what is nil stays as it is.
type AppChange struct {
	ClientName             *string   `json:"client_name,omitempty" minLength:"1" maxLength:"100"`
	RedirectURIs           *[]string `json:"redirect_uris,omitempty" doc:"Replaces the list"`
	PostLogoutRedirectURIs *[]string `json:"post_logout_redirect_uris,omitempty" doc:"Replaces the list"`
	AppSwitches
}

// secretOverlap is how long the old secret of an application is accepted beside a new one.
const secretOverlap = 24 * time.Hour

type (
	appPath struct {
		ClientID string `path:"client_id"`
	}
	appAnswer       struct{ Body App }
	appSecretAnswer struct{ Body AppWithSecret }
	appList         struct {
		Body struct {
			Apps []App `json:"apps"`
		}
	}
)

func (a *Admin) appRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-apps", Method: http.MethodGet, Path: "/api/v1/apps", Summary: "List applications by name"},
		func(ctx context.Context, _ *struct{}) (*appList, error) { return a.listApps(ctx) })
	operation(a, api, huma.Operation{OperationID: "create-app", Method: http.MethodPost, Path: "/api/v1/apps", DefaultStatus: http.StatusCreated, Summary: "Make an application"},
		func(ctx context.Context, in *struct{ Body NewApp }) (*appSecretAnswer, error) {
			return a.createApp(ctx, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "show-app", Method: http.MethodGet, Path: "/api/v1/apps/{client_id}", Summary: "Show an application"},
		func(ctx context.Context, in *appPath) (*appAnswer, error) { return a.showApp(ctx, in.ClientID) })
	operation(a, api, huma.Operation{OperationID: "update-app", Method: http.MethodPatch, Path: "/api/v1/apps/{client_id}", Summary: "Change an application"},
		func(ctx context.Context, in *struct {
			ClientID string `path:"client_id"`
			Body     AppChange
		}) (*appAnswer, error) {
			return a.updateApp(ctx, in.ClientID, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "rotate-app-secret", Method: http.MethodPost, Path: "/api/v1/apps/{client_id}/secrets", DefaultStatus: http.StatusCreated,
		Summary: "Make a new secret; the old one is accepted for 24 hours more"},
		func(ctx context.Context, in *struct {
			ClientID string `path:"client_id"`
			Body     *NewSecret
		}) (*appSecretAnswer, error) {
			return a.rotateSecret(ctx, in.ClientID, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "disable-app", Method: http.MethodPost, Path: "/api/v1/apps/{client_id}/disable", Summary: "Close an application: no sign-ins, and no token works, until it is enabled again"},
		func(ctx context.Context, in *appPath) (*appAnswer, error) {
			return a.disableApp(ctx, in.ClientID, true)
		})
	operation(a, api, huma.Operation{OperationID: "enable-app", Method: http.MethodPost, Path: "/api/v1/apps/{client_id}/enable", Summary: "Open an application again"},
		func(ctx context.Context, in *appPath) (*appAnswer, error) {
			return a.disableApp(ctx, in.ClientID, false)
		})
	operation(a, api, huma.Operation{OperationID: "delete-app", Method: http.MethodDelete, Path: "/api/v1/apps/{client_id}", Summary: "Delete an application; its tokens end with it"},
		func(ctx context.Context, in *appPath) (*struct{}, error) { return nil, a.deleteApp(ctx, in.ClientID) })
}

func (a *Admin) listApps(ctx context.Context) (*appList, error) {
	out := &appList{}
	out.Body.Apps = []App{}
	err := a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		all, err := tx.Clients()
		if err != nil {
			return err
		}
		for _, c := range all {
			secrets, err := tx.ClientSecrets(c.ID, a.now())
			if err != nil {
				return err
			}
			out.Body.Apps = append(out.Body.Apps, a.app(c, secrets))
		}
		return nil
	})
	return out, err
}

func (a *Admin) createApp(ctx context.Context, in NewApp) (*appSecretAnswer, error) {
	p := presetOf(in.Framework)
	if in.Type != "" && in.Type != p.kind && in.Framework != "generic" && in.Framework != "" {
		return nil, refuse(422, "An application for %s is of type %s. Leave --type out, or use --for generic.", in.Framework, p.kind)
	}
	c := storage.Client{
		ID: clients.NewID(), Nonce: secret.Random(16), Source: "api",
		Name: strings.TrimSpace(in.ClientName), Framework: cmp.Or(in.Framework, "generic"), Type: cmp.Or(in.Type, p.kind),
		Settings: storage.ClientSettings{IDTokenAlg: "RS256", RequirePKCE: p.pkce, UsernameClaim: p.username, Cognito: p.cognito, SRP: p.cognito},
		Created:  a.now(), Updated: a.now(),
	}
	c.RedirectURIs, c.PostLogoutRedirectURIs = p.addresses(in.RedirectURIs, in.PostLogoutRedirectURIs)
	c = in.apply(c)
	if in.RedirectURIs == nil && !slices.Contains(c.Grants(), "authorization_code") {
		c.RedirectURIs, c.PostLogoutRedirectURIs = nil, in.PostLogoutRedirectURIs // the framework's own are for browsers
	}
	c, err := settle(c)
	if err != nil {
		return nil, err
	}
	if err := clients.CheckSector(ctx, a.deps.Outgoing, c); err != nil {
		return nil, err
	}
	key, text := a.newSecret(c)
	err = a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := checkNames(tx, c); err != nil {
			return err
		}
		if err := tx.InsertClient(c); err != nil {
			return err
		}
		if text != "" {
			if err := tx.InsertClientSecret(key); err != nil {
				return err
			}
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventClientCreated, Actor: actor, ClientID: c.ID})
	})
	if err != nil {
		return nil, err
	}
	return a.withSecret(c, text, key), nil
}

// apply sets the switches that are given.
func (s AppSwitches) apply(c storage.Client) storage.Client {
	if s.AllowedOrigins != nil {
		c.AllowedOrigins = *s.AllowedOrigins
	}
	if s.IDTokenSignedResponseAlg != nil {
		c.Settings.IDTokenAlg = *s.IDTokenSignedResponseAlg
	}
	if s.GrantTypes != nil {
		c.Settings.GrantTypes = *s.GrantTypes
	}
	if s.Scope != nil {
		c.Settings.Scopes = strings.Fields(*s.Scope)
	}
	if s.IntrospectionAlg != nil {
		c.Settings.IntrospectionAlg = *s.IntrospectionAlg
	}
	if s.SubjectType != nil {
		c.Settings.SubjectType = *s.SubjectType
	}
	if s.SectorURI != nil {
		c.Settings.SectorURI = *s.SectorURI
	}
	if s.UserinfoAlg != nil {
		c.Settings.UserinfoAlg = *s.UserinfoAlg
	}
	if s.DPoPBound != nil {
		c.Settings.DPoPBound = *s.DPoPBound
	}
	if s.RequireNonce != nil {
		c.Settings.RequireNonce = *s.RequireNonce
	}
	if s.Resources != nil {
		c.Settings.Resources = *s.Resources
	}
	if s.JWTAccessTokens != nil {
		c.Settings.JWTAccess = *s.JWTAccessTokens
	}
	if s.RequirePKCE != nil {
		c.Settings.RequirePKCE = *s.RequirePKCE
	}
	if s.AllowHTTP != nil {
		c.Settings.AllowHTTP = *s.AllowHTTP
	}
	if s.UsernameClaim != nil {
		c.Settings.UsernameClaim = *s.UsernameClaim
	}
	if s.FirstParty != nil {
		c.Settings.ThirdParty = !*s.FirstParty
	}
	if s.MaxSessionAge != nil {
		c.Settings.MaxSessionAge = *s.MaxSessionAge
	}
	if s.BackchannelLogoutSession != nil {
		c.Settings.LogoutSession = *s.BackchannelLogoutSession
	}
	if s.ClaimsInIDToken != nil {
		c.Settings.BareIDToken = !*s.ClaimsInIDToken
	}
	if s.SignOutEndsSession != nil {
		c.Settings.KeepsSession = !*s.SignOutEndsSession
	}
	if s.SignOutEndsAccess != nil {
		c.Settings.SignOutEndsAccess = *s.SignOutEndsAccess
	}
	for _, link := range []struct{ given, saved *string }{{s.InitiateLoginURI, &c.Settings.InitiateLoginURI}, {s.BackchannelLogoutURI, &c.Settings.LogoutURI}, {s.HomeURL, &c.Settings.HomeURL}, {s.PolicyURL, &c.Settings.PolicyURL}, {s.TermsURL, &c.Settings.TermsURL}} {
		if link.given != nil {
			*link.saved = *link.given
		}
	}
	return s.CognitoSwitches.apply(s.AccessSwitches.apply(s.RequestSwitches.apply(s.AuthenticationSwitches.apply(c))))
}

// settle brings an application into the form that may be saved, or says why it cannot be. Every way of this door to save one comes by here.
func settle(c storage.Client) (storage.Client, error) {
	c, err := clients.Settle(c)
	if err != nil {
		return c, err
	}
	if err := checkCognito(c); err != nil {
		return c, err
	}
	return c, checkStrength(c)
}

// checkNames demands that the APIs and groups an application names are there.
func checkNames(tx storage.Tx, c storage.Client) error {
	if err := checkGroups(tx, c); err != nil {
		return err
	}
	return checkResources(tx, c)
}

func (a *Admin) showApp(ctx context.Context, id string) (*appAnswer, error) {
	out := &appAnswer{}
	err := a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		c, err := findApp(tx, id)
		if err != nil {
			return err
		}
		secrets, err := tx.ClientSecrets(id, a.now())
		out.Body = a.app(c, secrets)
		return err
	})
	return out, err
}

// appDifference tells what two states of an application differ in, beside its secrets.
func appDifference(old, c storage.Client) string {
	tell := func(c storage.Client) App {
		speaks := AppCognito{Cognito: c.Settings.Cognito, SRP: c.Settings.SRP}
		c.Created, c.Updated, c.Settings.Cognito = 0, 0, false
		app := new(Admin).app(c, nil)
		app.AppCognito = speaks
		return app
	}
	return authn.Difference(tell(old), tell(c))
}

// change is an application as it is to be.
func (in AppChange) change(tx storage.Tx, id string) (storage.Client, error) {
	c, err := findOwnApp(tx, id)
	if err != nil {
		return c, err
	}
	if in.ClientName != nil {
		c.Name = strings.TrimSpace(*in.ClientName)
	}
	if in.RedirectURIs != nil {
		c.RedirectURIs = *in.RedirectURIs
	}
	if in.PostLogoutRedirectURIs != nil {
		c.PostLogoutRedirectURIs = *in.PostLogoutRedirectURIs
	}
	return settle(in.apply(c))
}

func (a *Admin) updateApp(ctx context.Context, id string, in AppChange) (*appAnswer, error) {
	out := &appAnswer{}
	// What has to be fetched is fetched before the write; the write does the change again over what is there by then.
	wanted, err := in.change(a.deps.Store.View(ctx), id)
	if err == nil && (in.RedirectURIs != nil || in.SectorURI != nil || in.SubjectType != nil) {
		err = clients.CheckSector(ctx, a.deps.Outgoing, wanted)
	}
	if err != nil {
		return nil, err
	}
	err = a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		old, err := findOwnApp(tx, id)
		if err != nil {
			return err
		}
		c, err := in.change(tx, id)
		if err != nil {
			return err
		}
		if err := checkNames(tx, c); err != nil {
			return err
		}
		c.Updated = a.now()
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		if err := a.endSecrets(tx, c); err != nil {
			return err
		}
		secrets, err := tx.ClientSecrets(id, a.now())
		if err != nil {
			return err
		}
		out.Body = a.app(c, secrets)
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventClientUpdated, Actor: actor, ClientID: id, Detail: appDifference(old, c)})
	})
	return out, err
}

func (a *Admin) rotateSecret(ctx context.Context, id string, in *NewSecret) (*appSecretAnswer, error) {
	var out *appSecretAnswer
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		c, err := findOwnApp(tx, id)
		if err != nil {
			return err
		}
		key, text := a.newSecret(c)
		if text == "" {
			return refuse(409, "%s has no secret: its way to prove who it is is %s.", c.Name, a.app(c, nil).TokenEndpointAuthMethod)
		}
		key.Expires = in.ends(a.now())
		// Of several old secrets only the newest goes on: two are enough to move from one to the next.
		old, err := tx.ClientSecrets(id, a.now())
		if err != nil {
			return err
		}
		if len(old) > 0 {
			if err := tx.ExpireClientSecrets(id, old[0].ID, a.now()); err != nil {
				return err
			}
		}
		if err := tx.ExpireClientSecrets(id, key.ID, a.now()+secretOverlap.Microseconds()); err != nil {
			return err
		}
		if err := tx.InsertClientSecret(key); err != nil {
			return err
		}
		secrets, err := tx.ClientSecrets(id, a.now())
		if err != nil {
			return err
		}
		out = a.withSecret(c, text, secrets...)
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSecretRotated, Actor: actor, ClientID: id})
	})
	return out, err
}

// disableApp closes an application, or opens it again. One that registered or described itself stays closed, which deleting it would
// not achieve: it would come back.
func (a *Admin) disableApp(ctx context.Context, id string, disabled bool) (*appAnswer, error) {
	kind := storage.EventClientEnabled
	if disabled {
		kind = storage.EventClientDisabled
	}
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		c, err := findOwnApp(tx, id)
		if err != nil || c.Disabled == disabled {
			return err
		}
		c.Disabled, c.Updated = disabled, a.now()
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: actor, ClientID: id})
	})
	if err != nil {
		return nil, err
	}
	return a.showApp(ctx, id)
}

func (a *Admin) deleteApp(ctx context.Context, id string) error {
	return a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		c, err := findOwnApp(tx, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteClient(id); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventClientDeleted, Actor: actor, ClientID: id, Detail: c.Name})
	})
}

func findApp(tx storage.Tx, id string) (storage.Client, error) {
	c, err := tx.Client(id)
	if errors.Is(err, storage.ErrNotFound) {
		return c, refuse(404, "There is no application with the client ID %q. `gatelatch app list` shows them all.", id)
	}
	return c, err
}

// findOwnApp finds an application that may be changed here.
func findOwnApp(tx storage.Tx, id string) (storage.Client, error) {
	c, err := findApp(tx, id)
	if err == nil && c.Source == "config" {
		return c, refuse(409, "%s is declared in the configuration file. Change it there and start the server again.", c.Name)
	}
	return c, err
}

// app shows an application.
func (a *Admin) app(c storage.Client, secrets []storage.ClientSecret) App {
	out := App{
		ClientID: c.ID, ClientName: c.Name, Type: c.Type, Framework: c.Framework, Disabled: c.Disabled, Issuer: a.cfg.Issuer, AppCognito: a.cognitoOf(c),
		RedirectURIs: listed(c.RedirectURIs), PostLogoutRedirectURIs: listed(c.PostLogoutRedirectURIs), AllowedOrigins: listed(c.AllowedOrigins),
		IDTokenSignedResponseAlg: cmp.Or(c.Settings.IDTokenAlg, "RS256"),
		GrantTypes:               c.Grants(), Scope: strings.Join(c.Settings.Scopes, " "),
		Resources: listed(c.Settings.Resources), SubjectType: cmp.Or(c.Settings.SubjectType, "public"), SectorURI: c.Settings.SectorURI, UserinfoAlg: c.Settings.UserinfoAlg,
		JWTAccessTokens: c.Settings.JWTAccess, DPoPBound: c.Settings.DPoPBound, RequireNonce: c.Settings.RequireNonce,
		IntrospectionAlg: cmp.Or(c.Settings.IntrospectionAlg, "RS256"),
		RequirePKCE:      c.Settings.RequirePKCE, AllowHTTP: c.Settings.AllowHTTP, UsernameClaim: c.Settings.UsernameClaim,
		MaxSessionAge:    c.Settings.MaxSessionAge,
		InitiateLoginURI: c.Settings.InitiateLoginURI, BackchannelLogoutURI: c.Settings.LogoutURI, BackchannelLogoutSession: c.Settings.LogoutSession,
		ClaimsInIDToken: !c.Settings.BareIDToken, SignOutEndsSession: !c.Settings.KeepsSession, SignOutEndsAccess: c.Settings.SignOutEndsAccess,
		Origin: c.Settings.Origin, FirstParty: c.FirstParty(), HomeURL: c.Settings.HomeURL, PolicyURL: c.Settings.PolicyURL, TermsURL: c.Settings.TermsURL,
		Declared: c.Source == "config", Secrets: showSecrets(secrets), Created: moment(c.Created), Updated: moment(c.Updated),
	}
	out.showAuthentication(c)
	return out
}

// withSecret shows an application with its new secret and the guide that carries it.
func (a *Admin) withSecret(c storage.Client, text string, secrets ...storage.ClientSecret) *appSecretAnswer {
	if text == "" {
		secrets = nil
	}
	app := a.app(c, secrets)
	return &appSecretAnswer{AppWithSecret{App: app, ClientSecret: text, Guide: a.guide(app, text)}}
}

// newSecret makes a secret of 256 random bits for an application that can keep one; "" for the others.
// Only letters, digits, - and _: Auth.js form-encodes secrets and the Logto SDK does not, and so both send the same.
func (a *Admin) newSecret(c storage.Client) (storage.ClientSecret, string) {
	if !clients.HasSecret(c) {
		return storage.ClientSecret{}, ""
	}
	text := secret.Token(32)
	return secretRow(c.ID, text, a.now()), text
}

// secretRow is what is kept of a secret.
func secretRow(clientID, text string, now int64) storage.ClientSecret {
	return storage.ClientSecret{ID: storage.NewID(), ClientID: clientID, Digest: secret.Hash(text), Hint: text[len(text)-4:], Created: now}
}

// listed makes an empty list of none, so that JSON has [] and not null.
func listed(s []string) []string {
	if s == nil {
		return []string{}
	}
	return slices.Clone(s)
}
