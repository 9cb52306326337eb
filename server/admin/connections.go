package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/social"
	"gatelatch/storage"
)

// Connection is a provider with whose accounts people sign in, as the management API shows it.
type Connection struct {
	ID       string            `json:"id" doc:"Part of the callback address; direct_sign_in=social:ID names it"`
	Kind     string            `json:"kind" enum:"oidc,google,apple,microsoft,github,gitlab,discord,facebook,amazon"`
	Name     string            `json:"name"`
	Callback string            `json:"callback" doc:"The address to enter at the provider (redirect URI)"`
	ClientID string            `json:"client_id"`
	Secret   bool              `json:"has_secret"`
	Issuer   string            `json:"issuer,omitempty"`
	Tenant   string            `json:"tenant,omitempty"`
	TeamID   string            `json:"team_id,omitempty"`
	KeyID    string            `json:"key_id,omitempty"`
	Scopes   []string          `json:"scopes,omitempty"`
	Domains  []string          `json:"domains,omitempty"`
	Claims   map[string]string `json:"claims,omitempty"`
	Trusted  bool              `json:"trusted"`
	Disabled bool              `json:"disabled"`
	Position int64             `json:"position"`
	People   int64             `json:"people" doc:"How many have linked an account by it"`
	Declared bool              `json:"declared" doc:"Declared in the configuration file and changed only there"`
	Created  *time.Time        `json:"created"`
	Updated  *time.Time        `json:"updated"`
}

// NewConnection is what it takes to connect a provider.
type NewConnection struct {
	ID   string `json:"id,omitempty" maxLength:"32" doc:"Left out: the kind"`
	Kind string `json:"kind" enum:"oidc,google,apple,microsoft,github,gitlab,discord,facebook,amazon"`
	ConnectionChange
}

// ConnectionChange is a change to a connection; what is nil stays as it is.
type ConnectionChange struct {
	Name     *string            `json:"name,omitempty" maxLength:"60" doc:"That people see on the button"`
	ClientID *string            `json:"client_id,omitempty" maxLength:"500" doc:"That the provider has given to this server"`
	Secret   *string            `json:"client_secret,omitempty" maxLength:"8000" format:"password" doc:"Kept sealed and never shown. For apple: the text of the key file"`
	Issuer   *string            `json:"issuer,omitempty" maxLength:"500" doc:"Of oidc; for github and gitlab the address of one's own server"`
	Tenant   *string            `json:"tenant,omitempty" doc:"Of microsoft: the directory's ID, common, organizations or consumers"`
	TeamID   *string            `json:"team_id,omitempty" maxLength:"100" doc:"Of apple"`
	KeyID    *string            `json:"key_id,omitempty" maxLength:"100" doc:"Of apple"`
	Scopes   *[]string          `json:"scopes,omitempty" doc:"Replaces the list; empty: those of the kind"`
	Domains  *[]string          `json:"domains,omitempty" doc:"Replaces the list: only verified addresses of these domains are let in; empty: all"`
	Claims   *map[string]string `json:"claims,omitempty" doc:"Replaces the map: attribute here to claim there, for people who are new"`
	Trusted  *bool              `json:"trusted,omitempty" doc:"An address that it has verified belongs to whoever has it here, without another proof"`
	Disabled *bool              `json:"disabled,omitempty"`
	Position *int64             `json:"position,omitempty" doc:"Of the button; the lowest comes first"`
}

// ConnectionTest is what came of trying a connection out.
type ConnectionTest struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

// Providers tries out whether a provider answers and knows this server; "" if nothing is wrong.
type Providers interface {
	Check(ctx context.Context, to social.Connection) (problem string)
}

type (
	connectionPath struct {
		ID string `path:"id"`
	}
	connectionAnswer struct{ Body Connection }
	connectionList   struct {
		Body struct {
			Connections []Connection `json:"connections"`
		}
	}
)

func (a *Admin) connectionRoutes(api huma.API) {
	const all, one = "/api/v1/connections", "/api/v1/connections/{id}"
	operation(a, api, huma.Operation{OperationID: "list-connections", Method: http.MethodGet, Path: all, Summary: "List the providers with whose accounts people sign in"},
		func(ctx context.Context, _ *struct{}) (*connectionList, error) { return a.listConnections(ctx) })
	operation(a, api, huma.Operation{OperationID: "create-connection", Method: http.MethodPost, Path: all, DefaultStatus: http.StatusCreated, Summary: "Connect a provider"},
		func(ctx context.Context, in *struct{ Body NewConnection }) (*connectionAnswer, error) {
			return a.createConnection(ctx, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "show-connection", Method: http.MethodGet, Path: one, Summary: "Show a connection"},
		func(ctx context.Context, in *connectionPath) (*connectionAnswer, error) {
			tx := a.deps.Store.View(ctx)
			k, err := findConnection(tx, in.ID)
			if err != nil {
				return nil, err
			}
			shown, err := a.showConnection(tx, k)
			return &connectionAnswer{shown}, err
		})
	operation(a, api, huma.Operation{OperationID: "update-connection", Method: http.MethodPatch, Path: one, Summary: "Change a connection"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body ConnectionChange
		}) (*connectionAnswer, error) {
			return a.updateConnection(ctx, in.ID, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "delete-connection", Method: http.MethodDelete, Path: one, Summary: "Delete a connection; people lose the accounts they have linked by it"},
		func(ctx context.Context, in *connectionPath) (*struct{}, error) {
			return nil, a.deleteConnection(ctx, in.ID)
		})
	operation(a, api, huma.Operation{OperationID: "test-connection", Method: http.MethodPost, Path: one + "/test", Summary: "Try out whether the provider answers and knows this server"},
		func(ctx context.Context, in *connectionPath) (*struct{ Body ConnectionTest }, error) {
			return a.testConnection(ctx, in.ID)
		})
}

func (a *Admin) listConnections(ctx context.Context) (*connectionList, error) {
	tx := a.deps.Store.View(ctx)
	all, err := tx.Connections()
	if err != nil {
		return nil, err
	}
	out := &connectionList{}
	out.Body.Connections = make([]Connection, 0, len(all))
	for _, k := range all {
		shown, err := a.showConnection(tx, k)
		if err != nil {
			return nil, err
		}
		out.Body.Connections = append(out.Body.Connections, shown)
	}
	return out, nil
}

func (a *Admin) createConnection(ctx context.Context, in NewConnection) (*connectionAnswer, error) {
	k := storage.Connection{ID: cmp.Or(in.ID, in.Kind), Kind: in.Kind, Source: "api", Trusted: social.Trusted(in.Kind), Created: a.now(), Updated: a.now()}
	k, plain, err := in.apply(k, "")
	if err != nil {
		return nil, err
	}
	out := &connectionAnswer{}
	err = a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if in.Position == nil {
			all, err := tx.Connections()
			if err != nil {
				return err
			}
			k.Position = 1
			for _, other := range all {
				k.Position = max(k.Position, other.Position+1)
			}
		}
		k.Sealed = authn.SealConnection(a.deps.Secrets, k.ID, plain)
		if err := tx.InsertConnection(k); err != nil {
			return err
		}
		if out.Body, err = a.showConnection(tx, k); err != nil {
			return err
		}
		return connectionEvent(tx, storage.EventConnectionCreated, actor, k.ID)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = refuse(409, "There is a connection %q already. `gatelatch connection update` changes it; --id gives another one a name of its own.", k.ID)
	}
	return out, err
}

func (a *Admin) updateConnection(ctx context.Context, id string, in ConnectionChange) (*connectionAnswer, error) {
	out := &connectionAnswer{}
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		old, err := findOwnConnection(tx, id)
		if err != nil {
			return err
		}
		before, err := authn.OpenConnection(a.deps.Secrets, old)
		if err != nil {
			return err
		}
		k, plain, err := in.apply(old, before)
		if err != nil {
			return err
		}
		if in.Secret != nil {
			k.Sealed = authn.SealConnection(a.deps.Secrets, k.ID, plain)
		}
		k.Updated = a.now()
		if err := tx.UpdateConnection(k); err != nil {
			return err
		}
		if out.Body, err = a.showConnection(tx, k); err != nil {
			return err
		}
		return connectionEvent(tx, storage.EventConnectionUpdated, actor, k.ID, connectionDifference(old, k, before != plain))
	})
	return out, err
}

// deleteConnection also forgets the accounts: a connection made anew under the id may lead elsewhere.
func (a *Admin) deleteConnection(ctx context.Context, id string) error {
	return a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if _, err := findOwnConnection(tx, id); err != nil {
			return err
		}
		if err := tx.ForgetIdentities(id); err != nil {
			return err
		}
		if err := tx.DeleteConnection(id); err != nil {
			return err
		}
		return connectionEvent(tx, storage.EventConnectionDeleted, actor, id)
	})
}

func (a *Admin) testConnection(ctx context.Context, id string) (*struct{ Body ConnectionTest }, error) {
	k, err := findConnection(a.deps.Store.View(ctx), id)
	if err != nil {
		return nil, err
	}
	to, err := authn.Dial(a.deps.Secrets, a.publicURL(), k)
	if err != nil {
		return nil, err
	}
	problem := a.deps.Providers.Check(ctx, to)
	return &struct{ Body ConnectionTest }{ConnectionTest{OK: problem == "", Problem: problem}}, nil
}

func (a *Admin) publicURL() string { return strings.TrimSuffix(a.cfg.PublicURL.String(), "/") }

// connectionEvent is an event about a connection; changes are what was changed about it.
func connectionEvent(tx storage.Tx, kind, actor, id string, changes ...string) error {
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: actor, Detail: withChanges(id, changes...)})
}

// connectionDifference tells what two states of a connection differ in; of its secret, only that it is another one.
func connectionDifference(old, k storage.Connection, secret bool) string {
	type told struct {
		Name     string `json:"name"`
		Trusted  bool   `json:"trusted"`
		Disabled bool   `json:"disabled"`
		Position int64  `json:"position"`
		storage.ConnectionSettings
	}
	difference := authn.Difference(told{old.Name, old.Trusted, old.Disabled, old.Position, old.Settings}, told{k.Name, k.Trusted, k.Disabled, k.Position, k.Settings})
	if secret {
		return withChanges(difference, "client_secret")
	}
	return difference
}

func findConnection(tx storage.Tx, id string) (storage.Connection, error) {
	k, err := tx.Connection(id)
	if errors.Is(err, storage.ErrNotFound) {
		return k, refuse(404, "There is no connection %q. `gatelatch connection list` shows them all.", id)
	}
	return k, err
}

// findOwnConnection finds a connection that may be changed here.
func findOwnConnection(tx storage.Tx, id string) (storage.Connection, error) {
	k, err := findConnection(tx, id)
	if err == nil && k.Source == "config" {
		return k, refuse(409, "%s is declared in the configuration file. Change it there and start the server again.", k.ID)
	}
	return k, err
}

// apply sets what is given, and says what is wrong with it.
func (in ConnectionChange) apply(k storage.Connection, plain string) (storage.Connection, string, error) {
	s := &k.Settings
	for _, set := range []struct {
		given *string
		field *string
	}{{in.Name, &k.Name}, {in.ClientID, &s.ClientID}, {in.Secret, &plain}, {in.Issuer, &s.Issuer}, {in.Tenant, &s.Tenant}, {in.TeamID, &s.TeamID}, {in.KeyID, &s.KeyID}} {
		if set.given != nil {
			*set.field = strings.TrimSpace(*set.given)
		}
	}
	if in.Scopes != nil {
		s.Scopes = *in.Scopes
	}
	if in.Domains != nil {
		s.Domains = *in.Domains
	}
	if in.Claims != nil {
		s.Claims = *in.Claims
	}
	if in.Trusted != nil {
		k.Trusted = *in.Trusted
	}
	if in.Disabled != nil {
		k.Disabled = *in.Disabled
	}
	if in.Position != nil {
		k.Position = *in.Position
	}
	k, err := settleConnection(k, plain)
	return k, plain, err
}

var (
	connectionID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	domainName   = regexp.MustCompile(`^[a-z0-9.-]+\.[a-z0-9-]+$`)
)

// settleConnection brings a connection into the form that may be saved, or says why it cannot be.
func settleConnection(k storage.Connection, plain string) (storage.Connection, error) {
	if !connectionID.MatchString(k.ID) {
		return k, refuse(422, "id: %q is no name for a connection. Use up to 32 of a-z, 0-9 and -.", k.ID)
	}
	k.Name = cmp.Or(k.Name, social.Name(k.Kind), k.ID)
	if strings.ContainsFunc(k.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return k, refuse(422, "name: one line.")
	}
	s := k.Settings
	to := social.Connection{Kind: k.Kind, Issuer: s.Issuer, ClientID: s.ClientID, Secret: plain, Tenant: s.Tenant, TeamID: s.TeamID, KeyID: s.KeyID, Scopes: s.Scopes}
	if complaint := to.Complaint(); complaint != "" {
		return k, refuse(422, "%s", complaint)
	}
	for i, domain := range s.Domains {
		if s.Domains[i] = strings.ToLower(strings.TrimSpace(domain)); !domainName.MatchString(s.Domains[i]) {
			return k, refuse(422, "domains: %q is no domain, such as example.com.", domain)
		}
	}
	for attribute, claim := range s.Claims {
		if !slices.ContainsFunc(authn.Attributes, func(a authn.Attribute) bool { return a.Name == attribute && !a.Vouched }) || claim == "" {
			return k, refuse(422, "claims: %q cannot be filled in by a claim. Use names such as given_name, picture or preferred_username.", attribute)
		}
	}
	return k, nil
}

func (a *Admin) showConnection(tx storage.Tx, k storage.Connection) (Connection, error) {
	people, err := tx.LinkedBy(k.ID)
	s := k.Settings
	return Connection{ID: k.ID, Kind: k.Kind, Name: k.Name, Callback: a.publicURL() + authn.CallbackPath(k.ID), ClientID: s.ClientID, Secret: len(k.Sealed) > 0, Issuer: s.Issuer, Tenant: s.Tenant,
		TeamID: s.TeamID, KeyID: s.KeyID, Scopes: s.Scopes, Domains: s.Domains, Claims: s.Claims, Trusted: k.Trusted, Disabled: k.Disabled, Position: k.Position, People: people,
		Declared: k.Source == "config", Created: moment(k.Created), Updated: moment(k.Updated)}, err
}

// DeclaredConnection is a connection of the configuration file.
type DeclaredConnection struct {
	ID      string
	Kind    string
	Trusted *bool // nil: as is usual for the kind
	Change  ConnectionChange
}

// DeclareConnections makes the store hold exactly the declared connections beside those made by API, as Declare does for applications.
// Their order is that of their buttons. The accounts that people have linked by one that is not declared any more stay: it may come back.
func DeclareConnections(ctx context.Context, store *storage.Store, keys *secret.Keys, declared []DeclaredConnection, now int64) error {
	have, err := store.View(ctx).Connections()
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	var changes []func(storage.Tx) error
	change := func(kind, id, how string, do func(storage.Tx) error) {
		changes = append(changes, do, func(tx storage.Tx) error { return connectionEvent(tx, kind, "system", id, how) })
	}
	for n, d := range declared {
		trusted := social.Trusted(d.Kind)
		if d.Trusted != nil {
			trusted = *d.Trusted
		}
		k, plain, err := d.Change.apply(storage.Connection{ID: d.ID, Kind: d.Kind, Source: "config", Trusted: trusted, Position: int64(n) + 1, Created: now, Updated: now}, "")
		if err != nil {
			return fmt.Errorf("connections: %s: %w", d.ID, err)
		}
		i := slices.IndexFunc(have, func(old storage.Connection) bool { return old.ID == k.ID })
		if i >= 0 && have[i].Source != "config" {
			return fmt.Errorf("connections: %s was made by command or console. Delete that one first", k.ID)
		}
		if i < 0 {
			k.Sealed = authn.SealConnection(keys, k.ID, plain)
			change(storage.EventConnectionCreated, k.ID, "", func(tx storage.Tx) error { return tx.InsertConnection(k) })
			continue
		}
		same, sameSecret, err := sameConnection(keys, have[i], k, plain)
		if err != nil {
			return err
		}
		if !same {
			k.Sealed = authn.SealConnection(keys, k.ID, plain)
			change(storage.EventConnectionUpdated, k.ID, connectionDifference(have[i], k, !sameSecret), func(tx storage.Tx) error { return tx.UpdateConnection(k) })
		}
	}
	for _, old := range have {
		if old.Source == "config" && !slices.ContainsFunc(declared, func(d DeclaredConnection) bool { return d.ID == old.ID }) {
			change(storage.EventConnectionDeleted, old.ID, "", func(tx storage.Tx) error { return tx.DeleteConnection(old.ID) })
		}
	}
	if len(changes) == 0 {
		return nil // the usual start writes nothing
	}
	return store.Write(ctx, func(tx storage.Tx) error {
		for _, do := range changes {
			if err := do(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// sameConnection compares what a declaration can say, and its secret alone.
func sameConnection(keys *secret.Keys, old, k storage.Connection, plain string) (same, sameSecret bool, err error) {
	before, err := authn.OpenConnection(keys, old)
	if err != nil {
		return false, false, err
	}
	old.Sealed, old.Created, old.Updated = nil, k.Created, k.Updated
	for _, c := range []*storage.Connection{&old, &k} {
		c.Settings.Scopes, c.Settings.Domains = listed(c.Settings.Scopes), listed(c.Settings.Domains)
		if len(c.Settings.Claims) == 0 {
			c.Settings.Claims = nil
		}
	}
	sameSecret = before == plain
	return sameSecret && reflect.DeepEqual(old, k), sameSecret, nil
}
