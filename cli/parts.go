package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatelatch/server"
	"gatelatch/server/admin"
	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// parts are what a server is made of.
type parts struct {
	store  *storage.Store
	server *server.Server
}

// assemble opens the store and the key file and makes the server of them. It starts nothing.
func assemble(ctx context.Context, cfg *Config, public *url.URL, log *slog.Logger) (_ *parts, err error) {
	store, err := openStore(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	keys, err := openKeys(ctx, cfg, store)
	if err != nil {
		return nil, err
	}
	if err := admin.DeclareResources(ctx, store, cfg.declaredResources(), time.Now().UnixMicro()); err != nil {
		return nil, err
	}
	if err := admin.Declare(ctx, store, cfg.declared(), time.Now().UnixMicro()); err != nil {
		return nil, err
	}
	mail, err := cfg.sender(ctx)
	if err != nil {
		return nil, err
	}
	srv, err := server.New(ctx, cfg.server(public), server.Deps{Store: store, Secrets: keys, Mail: mail, Log: log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	if err := admin.DeclareConnections(ctx, store, keys, cfg.declaredConnections(), time.Now().UnixMicro()); err != nil {
		return nil, err
	}
	return &parts{store: store, server: srv}, nil
}

func (p *parts) close() error { return p.store.Close() }

func openStore(ctx context.Context, cfg *Config, log *slog.Logger) (*storage.Store, error) {
	store, err := storage.Open(ctx, storage.Options{Dir: cfg.Data, URL: cfg.Database.URL, Log: log})
	if errors.Is(err, storage.ErrLocked) {
		return nil, inUse(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return store, nil
}

func inUse(cfg *Config) error {
	return fmt.Errorf("another gatelatch uses the data folder %s. Stop it first, or give this one a folder of its own: --data DIR", cfg.Data)
}

// openKeys loads the key file, making it only beside a database in which nothing is sealed yet.
func openKeys(ctx context.Context, cfg *Config, store *storage.Store) (*secret.Keys, error) {
	path := cfg.KeyFile
	if path == "" {
		path = filepath.Join(cfg.Data, "gatelatch.key")
	}
	var signing []storage.Key
	err := store.Read(ctx, func(tx storage.Tx) (err error) {
		signing, err = tx.Keys()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for signing keys: %w", err)
	}
	return secret.LoadOrCreate(path, len(signing) == 0)
}

// server is the configuration in the words of the server.
func (c *Config) server(public *url.URL) server.Config {
	signUp := ""
	if isLoopback(public.Hostname()) {
		signUp = authn.SignUpOpen // on this machine nobody has to be asked
	}
	experience, settled := c.experience()
	return server.Config{
		PublicURL:      public,
		IssuerPath:     strings.TrimSuffix(c.IssuerPath, "/"),
		TrustedProxies: c.TrustedProxies,
		AllowNetworks:  c.Outgoing.AllowNetworks,
		Registration:   c.Registration,
		Documents:      c.ClientDocuments,
		Experience:     experience,
		Settled:        settled,
		SignUp:         signUp,
		RelatedOrigins: c.SignIn.RelatedOrigins,
		Words:          c.Languages.library,
		Language:       c.Languages.Default,
		PrivacyURL:     c.PrivacyURL,
		HelpURL:        c.HelpURL,
		Version:        version(),
		Mail:           c.Email.Provider,
		Listen:         c.Listen,
		TLS:            c.TLS.Cert != "",
		Templates:      c.templates(),
		CodeInSubject:  c.Email.CodeInSubject,
		Budgets:        authn.Budgets(c.Budgets),
		LeakedList:     c.Passwords.LeakedList,
		QuietNotices:   c.Notices.quiet(),
		Passwords: authn.Passwords{MemoryKiB: c.Passwords.MemoryKiB, Iterations: c.Passwords.Iterations, Parallelism: c.Passwords.Parallelism, Concurrency: c.Passwords.Concurrency,
			Minimum: c.Passwords.Minimum, MinimumWithSecondFactor: c.Passwords.MinimumWithSecondFactor},
		Lifetimes: server.Lifetimes(c.Lifetimes),
	}
}

// quiet are the notices that are turned off, by their names in the engine.
func (n Notices) quiet() []string {
	var off []string
	for name, on := range map[string]bool{"new_devices": n.NewDevices, "passwords": n.Passwords, "factors": n.Factors, "recovery_codes": n.RecoveryCodes,
		"addresses": n.Addresses, "linked_accounts": n.LinkedAccounts, "deletion": n.Deletion} {
		if !on {
			off = append(off, name)
		}
	}
	return off
}

// experience is what the configuration settles of how people sign in and sign up, and where it does. What is a default of the settings
// settles nothing: it may be chosen elsewhere.
func (c *Config) experience() (authn.Experience, map[string]string) {
	s := c.SignIn
	x := authn.Experience{SignUp: c.SignUp, Identifiers: s.Identifiers, AllowedDomains: s.AllowedDomains, RefusedDomains: s.RefusedDomains, SecondFactor: s.SecondFactor, SecondFactorGroups: s.SecondFactorGroups, TrustDevice: int64(s.TrustDevice / time.Second),
		PasskeyVerification: s.PasskeyVerification, PasskeyOffer: s.PasskeyOffer, Attributes: s.asked, TermsURL: s.TermsURL, TermsVersion: s.TermsVersion, PrivacyURL: s.PrivacyURL, PrivacyVersion: s.PrivacyVersion}
	for _, m := range s.Methods {
		x.Methods = append(x.Methods, authn.Method(m))
	}
	for _, m := range s.SecondFactors {
		x.SecondFactors = append(x.SecondFactors, authn.Method(m))
	}
	if x.TrustDevice == 0 {
		x.TrustDevice = -1 // never
	}
	settled := map[string]string{}
	for _, set := range c.Settings {
		name, of := strings.CutPrefix(set.Key, "sign_in.")
		switch {
		case !of && name != "sign_up" || !slices.Contains(authn.Choices, name): // privacy_url alone is a link in the footer
		case set.Source != "default":
			settled[name] = set.Source
		case name == "trust_device":
			x.TrustDevice = 0
		}
	}
	return x, settled
}

// declaredResources are the APIs of the configuration. A scope may be followed by a sentence for people.
func (c *Config) declaredResources() []storage.Resource {
	var list []storage.Resource
	for _, d := range c.Resources {
		r := storage.Resource{ID: d.Resource, Name: d.Name, Servers: d.Servers,
			Settings: storage.ResourceSettings{AccessToken: int64(d.AccessToken / time.Second), Alg: d.Alg, Opaque: d.Opaque, Unchecked: d.UncheckedApps}}
		for _, text := range d.Scopes {
			name, description, _ := strings.Cut(text, " ")
			r.Scopes = append(r.Scopes, storage.ResourceScope{Name: name, Description: strings.TrimSpace(description)})
		}
		list = append(list, r)
	}
	return list
}

// declaredConnections are the connections of the configuration in the words of the management API.
func (c *Config) declaredConnections() []admin.DeclaredConnection {
	var list []admin.DeclaredConnection
	for _, d := range c.Connections {
		claims := map[string]string{}
		for _, text := range d.Claims {
			here, there, _ := strings.Cut(text, "=")
			claims[here] = there
		}
		k := admin.DeclaredConnection{ID: d.ID, Kind: d.Kind, Change: admin.ConnectionChange{Name: &d.Name, ClientID: &d.ClientID, Secret: &d.ClientSecret, Issuer: &d.Issuer, Tenant: &d.Tenant,
			TeamID: &d.TeamID, KeyID: &d.KeyID, Scopes: &d.Scopes, Domains: &d.Domains, Claims: &claims, Disabled: &d.Disabled}}
		if d.Trusted != "" {
			trusted := d.Trusted == "true"
			k.Trusted = &trusted
		}
		list = append(list, k)
	}
	return list
}

// declared are the clients of the configuration in the words of the management API.
func (c *Config) declared() []admin.Declared {
	var list []admin.Declared
	for _, d := range c.Clients {
		list = append(list, admin.Declared{
			Secret: d.ClientSecret,
			Client: storage.Client{
				ID: d.ClientID, Name: d.ClientName, Type: d.Type, Framework: d.Framework,
				RedirectURIs: d.RedirectURIs, PostLogoutRedirectURIs: d.PostLogoutRedirectURIs, AllowedOrigins: d.AllowedOrigins,
				Settings: storage.ClientSettings{
					IDTokenAlg: d.IDTokenSignedResponseAlg, RequirePKCE: d.RequirePKCE, AllowHTTP: d.AllowHTTP,
					AuthMethod: d.TokenEndpointAuthMethod, AuthAlg: d.TokenEndpointAuthSigningAlg, JWKS: json.RawMessage(d.JWKS), JWKSURI: d.JWKSURI,
					EndpointAudience: d.AllowEndpointAudience,
					RequirePushed:    d.RequirePushedAuthorizationRequests, RequireSigned: d.RequireSignedRequestObject, RequestObjectAlg: d.RequestObjectSigningAlg, RequiredACR: d.RequiredACR, SignInMethods: d.SignInMethods, AllowedGroups: d.AllowedGroups, Cognito: d.Cognito, SRP: d.CognitoSRP, AuthorizationAlg: d.AuthorizationSignedResponseAlg,
					ThirdParty: !d.FirstParty, HomeURL: d.ClientURI, PolicyURL: d.PolicyURI, TermsURL: d.TOSURI,
					LogoutURI: d.BackchannelLogoutURI, InitiateLoginURI: d.InitiateLoginURI, MaxSessionAge: int64(d.MaxSessionAge.Seconds()), KeepsSession: !d.SignOutEndsSession, BareIDToken: !d.ClaimsInIDToken, SignOutEndsAccess: d.SignOutEndsAccess,
					GrantTypes: d.GrantTypes, Scopes: strings.Fields(d.Scope), Resources: d.Resources, JWTAccess: d.JWTAccessTokens, IntrospectionAlg: d.IntrospectionSignedResponseAlg,
					SubjectType: d.SubjectType, UserinfoAlg: d.UserinfoSignedResponseAlg, DPoPBound: d.DPoPBoundAccessTokens, RequireNonce: d.RequireDPoPNonce,
				},
			},
		})
	}
	return list
}
