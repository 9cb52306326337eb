package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/server/social"
	"gatelatch/storage"
)

// Provider is a connection as a visitor may see it.
type Provider struct {
	ID   string
	Kind string
	Name string
}

// Providers lists the connections that a sign-in for a client can begin with, in the order of their buttons.
func (e *Engine) Providers(ctx context.Context, c storage.Client) ([]Provider, error) {
	x, err := e.Experience(ctx)
	if err != nil {
		return nil, err
	}
	all, err := e.store.View(ctx).Connections()
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	var list []Provider
	for _, k := range all {
		if !k.Disabled && x.mayBeginBy(c, MethodSocial, k.ID) {
			list = append(list, Provider{ID: k.ID, Kind: k.Kind, Name: k.Name})
		}
	}
	return list, nil
}

// cognitoNames are what applications written for Amazon Cognito call providers that it has ready-made (identity_provider).
var cognitoNames = map[string]string{"Google": social.GoogleKind, "Facebook": social.FacebookKind, "LoginWithAmazon": social.AmazonKind, "SignInWithApple": social.AppleKind}

// Direct finds the connection that an application has named, so that its person needs no page of ours: by its id, by the name people
// see, by a domain of it, or by the name that it has at Cognito. false if there is none, or none that the application may use.
func (e *Engine) Direct(ctx context.Context, c storage.Client, named string) (Provider, bool, error) {
	if named == "" || len(named) > 200 {
		return Provider{}, false, nil
	}
	usable, err := e.Providers(ctx, c)
	if err != nil {
		return Provider{}, false, err
	}
	for _, is := range []func(Provider) bool{
		func(p Provider) bool { return p.ID == named },
		func(p Provider) bool { return strings.EqualFold(p.Name, named) },
		func(p Provider) bool { return p.Kind == cognitoNames[named] },
	} {
		if i := slices.IndexFunc(usable, is); i >= 0 {
			return usable[i], true, nil
		}
	}
	all, err := e.store.View(ctx).Connections()
	if err != nil {
		return Provider{}, false, fmt.Errorf("read connections: %w", err)
	}
	for _, p := range usable {
		if slices.ContainsFunc(all, func(k storage.Connection) bool {
			return k.ID == p.ID && slices.Contains(k.Settings.Domains, strings.ToLower(named))
		}) {
			return p, true, nil
		}
	}
	return Provider{}, false, nil
}

// connection is one that can be used now; ErrNotHere.
func (e *Engine) connection(tx storage.Tx, id string) (storage.Connection, error) {
	k, err := tx.Connection(id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && k.Disabled {
		return k, ErrNotHere
	}
	if err != nil {
		return k, fmt.Errorf("read connection: %w", err)
	}
	return k, nil
}

// SealConnection seals the secret of a connection for its row.
func SealConnection(keys *secret.Keys, id, plain string) []byte {
	if plain == "" {
		return []byte{}
	}
	return keys.Seal([]byte(plain), "connections", id, "sealed")
}

// OpenConnection is the secret in a connection's row; "" if it has none. secret.ErrWrongKey.
func OpenConnection(keys *secret.Keys, k storage.Connection) (string, error) {
	if len(k.Sealed) == 0 {
		return "", nil
	}
	plain, err := keys.Open(k.Sealed, "connections", k.ID, "sealed")
	if err != nil {
		return "", fmt.Errorf("secret of connection %s: %w", k.ID, err)
	}
	return string(plain), nil
}

// CallbackPath is where a provider sends people back to: one address for each connection, so that an answer cannot be taken for
// another's (RFC 9700 §4.4.2.2).
func CallbackPath(connection string) string { return "/sign-in/social/" + connection + "/callback" }

// Dial is what it takes to speak with the provider of a connection.
func Dial(keys *secret.Keys, publicURL string, k storage.Connection) (social.Connection, error) {
	plain, err := OpenConnection(keys, k)
	s := k.Settings
	return social.Connection{Kind: k.Kind, Issuer: s.Issuer, ClientID: s.ClientID, Secret: plain, Tenant: s.Tenant, TeamID: s.TeamID, KeyID: s.KeyID, Scopes: s.Scopes,
		Callback: publicURL + CallbackPath(k.ID)}, err
}

// vouchesFor reports whether a connection may vouch for an address at all.
func vouchesFor(k storage.Connection, i social.Identity) bool {
	if len(k.Settings.Domains) == 0 {
		return true
	}
	address, err := NormalizeAddress(i.Email)
	_, domain, _ := strings.Cut(address, "@")
	return err == nil && i.Verified && slices.Contains(k.Settings.Domains, domain)
}
