package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/storage"
)

// Resource is an API that applications get access tokens for (RFC 8707), as the management API shows it.
type Resource struct {
	ID                  string          `json:"resource" doc:"The identifier: an absolute URI, the audience of its tokens"`
	Name                string          `json:"name"`
	Scopes              []ResourceScope `json:"scopes"`
	Servers             []string        `json:"servers" doc:"Client IDs of the API's own server, which may introspect its tokens"`
	AccessTokenLifetime int64           `json:"access_token_lifetime" doc:"Seconds"`
	Alg                 string          `json:"alg" doc:"Signs its tokens"`
	Opaque              bool            `json:"opaque" doc:"Its tokens are no JWTs: the API asks the introspection endpoint about them"`
	UncheckedApps       bool            `json:"unchecked_apps" doc:"Applications that nobody entered (they registered themselves, or have a document at their client_id) may ask people for it, too"`
	Declared            bool            `json:"declared" doc:"Declared in the configuration file and changed only there"`
	Created             *time.Time      `json:"created"`
	Updated             *time.Time      `json:"updated"`
}

// ResourceScope is something that can be allowed at a resource.
type ResourceScope struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty" maxLength:"200" doc:"A sentence for the person who allows it"`
}

// NewResource is what it takes to register a resource.
type NewResource struct {
	ID string `json:"resource"`
	ResourceChange
}

// ResourceChange is a change to a resource; what is nil stays as it is.
type ResourceChange struct {
	Name                *string          `json:"name,omitempty" maxLength:"100" doc:"Left out: the identifier"`
	Scopes              *[]ResourceScope `json:"scopes,omitempty" doc:"Replaces the list"`
	Servers             *[]string        `json:"servers,omitempty" doc:"Replaces the list"`
	AccessTokenLifetime *int64           `json:"access_token_lifetime,omitempty" minimum:"0" maximum:"86400" doc:"Seconds; 0: 15 minutes"`
	Alg                 *string          `json:"alg,omitempty" enum:"RS256,PS256,ES256,EdDSA"`
	Opaque              *bool            `json:"opaque,omitempty"`
	UncheckedApps       *bool            `json:"unchecked_apps,omitempty"`
}

type (
	// An identifier is an address and does not fit into a path.
	resourceQuery struct {
		ID string `query:"resource" required:"true" doc:"The identifier"`
	}
	resourceAnswer struct{ Body Resource }
	resourceList   struct {
		Body struct {
			Resources []Resource `json:"resources"`
		}
	}
)

func (a *Admin) resourceRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-resources", Method: http.MethodGet, Path: "/api/v1/resources", Summary: "List the APIs that applications get tokens for"},
		func(ctx context.Context, _ *struct{}) (*resourceList, error) { return a.listResources(ctx) })
	operation(a, api, huma.Operation{OperationID: "create-resource", Method: http.MethodPost, Path: "/api/v1/resources", DefaultStatus: http.StatusCreated, Summary: "Register an API"},
		func(ctx context.Context, in *struct{ Body NewResource }) (*resourceAnswer, error) {
			return a.createResource(ctx, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "show-resource", Method: http.MethodGet, Path: "/api/v1/resource", Summary: "Show an API"},
		func(ctx context.Context, in *resourceQuery) (*resourceAnswer, error) {
			r, err := findResource(a.deps.Store.View(ctx), in.ID)
			return &resourceAnswer{showResource(r)}, err
		})
	operation(a, api, huma.Operation{OperationID: "update-resource", Method: http.MethodPatch, Path: "/api/v1/resource", Summary: "Change an API"},
		func(ctx context.Context, in *struct {
			ID   string `query:"resource" required:"true" doc:"The identifier"`
			Body ResourceChange
		}) (*resourceAnswer, error) {
			return a.updateResource(ctx, in.ID, in.Body)
		})
	operation(a, api, huma.Operation{OperationID: "delete-resource", Method: http.MethodDelete, Path: "/api/v1/resource", Summary: "Delete an API; its tokens end with it"},
		func(ctx context.Context, in *resourceQuery) (*struct{}, error) {
			return nil, a.deleteResource(ctx, in.ID)
		})
}

func (a *Admin) listResources(ctx context.Context) (*resourceList, error) {
	all, err := a.deps.Store.View(ctx).Resources()
	out := &resourceList{}
	out.Body.Resources = make([]Resource, 0, len(all))
	for _, r := range all {
		out.Body.Resources = append(out.Body.Resources, showResource(r))
	}
	return out, err
}

func (a *Admin) createResource(ctx context.Context, in NewResource) (*resourceAnswer, error) {
	r, err := settleResource(in.apply(storage.Resource{ID: in.ID, Source: "api", Created: a.now(), Updated: a.now()}))
	if err != nil {
		return nil, err
	}
	err = a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if err := checkServers(tx, r); err != nil {
			return err
		}
		if err := tx.InsertResource(r); err != nil {
			return err
		}
		return resourceEvent(tx, storage.EventResourceCreated, actor, r.ID)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = refuse(409, "%s is registered already. `gatelatch resource update` changes it.", r.ID)
	}
	return &resourceAnswer{showResource(r)}, err
}

func (a *Admin) updateResource(ctx context.Context, id string, in ResourceChange) (*resourceAnswer, error) {
	out := &resourceAnswer{}
	err := a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		old, err := findOwnResource(tx, id)
		if err != nil {
			return err
		}
		r, err := settleResource(in.apply(old))
		if err != nil {
			return err
		}
		if err := checkServers(tx, r); err != nil {
			return err
		}
		r.Updated = a.now()
		out.Body = showResource(r)
		if err := tx.UpdateResource(r); err != nil {
			return err
		}
		return resourceEvent(tx, storage.EventResourceUpdated, actor, id, resourceDifference(old, r))
	})
	return out, err
}

// deleteResource also takes the API from the lists of the applications: one registered anew under the identifier is another.
func (a *Admin) deleteResource(ctx context.Context, id string) error {
	return a.deps.Store.Write(ctx, func(tx storage.Tx) error {
		if _, err := findOwnResource(tx, id); err != nil {
			return err
		}
		clients, err := tx.Clients()
		if err != nil {
			return err
		}
		for _, c := range clients {
			if !slices.Contains(c.Settings.Resources, id) || c.Source == "config" {
				continue
			}
			c.Settings.Resources = slices.DeleteFunc(slices.Clone(c.Settings.Resources), func(r string) bool { return r == id })
			if err := tx.UpdateClient(c); err != nil {
				return err
			}
		}
		if err := tx.DeleteResource(id); err != nil {
			return err
		}
		return resourceEvent(tx, storage.EventResourceDeleted, actor, id)
	})
}

// resourceEvent is an event about an API; changes are what was changed about it.
func resourceEvent(tx storage.Tx, kind, actor, id string, changes ...string) error {
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: actor, Detail: withChanges(id, changes...)})
}

// withChanges names what has changed and, behind it, how.
func withChanges(name string, changes ...string) string {
	return strings.Join(slices.DeleteFunc(append([]string{name}, changes...), func(s string) bool { return s == "" }), "; ")
}

// resourceDifference tells what two states of an API differ in.
func resourceDifference(old, r storage.Resource) string {
	old.Created, old.Updated, r.Created, r.Updated = 0, 0, 0, 0
	return authn.Difference(showResource(old), showResource(r))
}

func findResource(tx storage.Tx, id string) (storage.Resource, error) {
	r, err := tx.Resource(id)
	if errors.Is(err, storage.ErrNotFound) {
		return r, refuse(404, "There is no API with the identifier %q. `gatelatch resource list` shows them all.", id)
	}
	return r, err
}

// findOwnResource finds a resource that may be changed here.
func findOwnResource(tx storage.Tx, id string) (storage.Resource, error) {
	r, err := findResource(tx, id)
	if err == nil && r.Source == "config" {
		return r, refuse(409, "%s is declared in the configuration file. Change it there and start the server again.", r.ID)
	}
	return r, err
}

// checkServers demands that the API's own servers are there and could ask.
func checkServers(tx storage.Tx, r storage.Resource) error {
	for _, id := range r.Servers {
		c, err := findApp(tx, id)
		if err != nil {
			return err
		}
		if c.Public() {
			return refuse(422, "servers: %s cannot keep a secret, so it cannot ask about tokens. Make one with: gatelatch app create NAME --for m2m", c.Name)
		}
	}
	return nil
}

// checkResources demands that the APIs an application may ask for are there.
func checkResources(tx storage.Tx, c storage.Client) error {
	for _, id := range c.Settings.Resources {
		if _, err := findResource(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// apply sets what is given.
func (in ResourceChange) apply(r storage.Resource) storage.Resource {
	if in.Name != nil {
		r.Name = strings.TrimSpace(*in.Name)
	}
	if in.Scopes != nil {
		r.Scopes = make([]storage.ResourceScope, 0, len(*in.Scopes))
		for _, s := range *in.Scopes {
			r.Scopes = append(r.Scopes, storage.ResourceScope(s))
		}
	}
	if in.Servers != nil {
		r.Servers = *in.Servers
	}
	if in.AccessTokenLifetime != nil {
		r.Settings.AccessToken = *in.AccessTokenLifetime
	}
	if in.Alg != nil {
		r.Settings.Alg = *in.Alg
	}
	if in.Opaque != nil {
		r.Settings.Opaque = *in.Opaque
	}
	if in.UncheckedApps != nil {
		r.Settings.Unchecked = *in.UncheckedApps
	}
	return r
}

// settleResource brings a resource into the form that may be saved, or says why it cannot be.
func settleResource(r storage.Resource) (storage.Resource, error) {
	if err := checkIdentifier(r.ID); err != nil {
		return r, refuse(422, "resource: %q %v.", r.ID, err)
	}
	r.Name = cmp.Or(r.Name, r.ID)
	r.Settings.Alg = cmp.Or(r.Settings.Alg, "RS256")
	r.Servers = clients.Distinct(r.Servers, false)
	var names []string
	for _, s := range r.Scopes {
		if slices.Contains(standardScopes, s.Name) {
			return r, refuse(422, "scopes: %q means something to every OpenID Connect client already. Choose another name.", s.Name)
		}
		if slices.Contains(names, s.Name) {
			return r, refuse(422, "scopes: %q is there twice.", s.Name)
		}
		for _, text := range []string{r.Name, s.Description} {
			if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				return r, refuse(422, "Names and descriptions are one line each.")
			}
		}
		names = append(names, s.Name)
	}
	for _, name := range names {
		if name == "account" || name == "account:write" {
			return r, refuse(422, "%q is a scope of this server's own account API. Call it something else, such as %s.", name, "my-"+name)
		}
	}
	return r, clients.CheckScopes(names)
}

// standardScopes are those of OpenID Connect Core §5.4 and §11; no API may have one.
var standardScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// maxIdentifier is how long an identifier may be: it travels in tokens.
const maxIdentifier = 200

// checkIdentifier says what is wrong with an identifier (RFC 8707 §2), as the end of a sentence that begins with it.
func checkIdentifier(id string) error {
	if len(id) > maxIdentifier {
		return fmt.Errorf("is longer than %d characters", maxIdentifier)
	}
	if err := clients.CheckSpelling(id); err != nil {
		return err
	}
	u, err := url.Parse(id)
	if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" {
		return fmt.Errorf("is not an absolute URI. Use the API's address, as in https://api.example.com; nothing has to answer there")
	}
	return nil
}

func showResource(r storage.Resource) Resource {
	out := Resource{ID: r.ID, Name: r.Name, Scopes: []ResourceScope{}, Servers: listed(r.Servers), AccessTokenLifetime: cmp.Or(r.Settings.AccessToken, 900), Alg: r.Settings.Alg,
		Opaque: r.Settings.Opaque, UncheckedApps: r.Settings.Unchecked, Declared: r.Source == "config", Created: moment(r.Created), Updated: moment(r.Updated)}
	for _, s := range r.Scopes {
		out.Scopes = append(out.Scopes, ResourceScope(s))
	}
	return out
}

// DeclareResources makes the store hold exactly the declared resources beside those made by API, as Declare does for applications.
func DeclareResources(ctx context.Context, store *storage.Store, declared []storage.Resource, now int64) error {
	for i, r := range declared {
		r.Source = "config"
		var err error
		if declared[i], err = settleResource(r); err != nil {
			return fmt.Errorf("resources: %w", err)
		}
	}
	have, err := store.View(ctx).Resources()
	if err != nil {
		return fmt.Errorf("read resources: %w", err)
	}
	var changes []func(storage.Tx) error
	change := func(kind, id, how string, do func(storage.Tx) error) {
		changes = append(changes, do, func(tx storage.Tx) error { return resourceEvent(tx, kind, "system", id, how) })
	}
	for _, r := range declared {
		i := slices.IndexFunc(have, func(old storage.Resource) bool { return old.ID == r.ID })
		r.Created, r.Updated = now, now
		switch {
		case i < 0:
			change(storage.EventResourceCreated, r.ID, "", func(tx storage.Tx) error { return tx.InsertResource(r) })
		case have[i].Source != "config":
			return fmt.Errorf("resources: %s was registered by command or console. Delete that one first", r.ID)
		case !sameResource(have[i], r):
			change(storage.EventResourceUpdated, r.ID, resourceDifference(have[i], r), func(tx storage.Tx) error { return tx.UpdateResource(r) })
		}
	}
	for _, old := range have {
		if old.Source == "config" && !slices.ContainsFunc(declared, func(r storage.Resource) bool { return r.ID == old.ID }) {
			change(storage.EventResourceDeleted, old.ID, "", func(tx storage.Tx) error { return tx.DeleteResource(old.ID) })
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

// sameResource compares what a declaration can say.
func sameResource(a, b storage.Resource) bool {
	return reflect.DeepEqual(showResource(storage.Resource{ID: a.ID, Name: a.Name, Source: a.Source, Scopes: a.Scopes, Servers: a.Servers, Settings: a.Settings}),
		showResource(storage.Resource{ID: b.ID, Name: b.Name, Source: b.Source, Scopes: b.Scopes, Servers: b.Servers, Settings: b.Settings}))
}
