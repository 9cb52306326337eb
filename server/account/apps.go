package account

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"gatelatch/storage"
	"gatelatch/views"
)

// app is an application that may do something with an account.
type app struct {
	client  storage.Client
	scopes  []string // as they were granted and allowed: plain, or RESOURCE#SCOPE
	grants  int      // that live
	allowed bool     // the person was asked
	first   int64
	last    int64
	ends    int64 // of what was allowed; 0: when it is taken back
}

// apps lists the applications with a grant or a consent of a person that lives, the one used last first.
func (d *Door) apps(tx storage.Tx, user storage.ID) ([]app, error) {
	now := d.now()
	grants, err := tx.UserGrants(user, now)
	if err != nil {
		return nil, err
	}
	consents, err := tx.UserConsents(user, now)
	if err != nil {
		return nil, err
	}
	byID := map[string]*app{}
	of := func(id string, at int64) *app {
		a := byID[id]
		if a == nil {
			a = &app{first: at, last: at}
			byID[id] = a
		}
		a.first, a.last = min(a.first, at), max(a.last, at)
		return a
	}
	for _, g := range grants {
		a := of(g.ClientID, g.ID.Time().UnixMicro())
		a.last = max(a.last, d.lastUsed(g))
		a.scopes = append(a.scopes, strings.Fields(g.Scope)...)
		for _, resource := range strings.Fields(g.Audience) {
			a.scopes = append(a.scopes, resource+"#")
		}
		a.grants++
	}
	for _, c := range consents {
		a := of(c.ClientID, c.Created)
		a.scopes = append(a.scopes, c.Scopes...)
		a.allowed, a.ends = true, c.Expires
	}
	var list []app
	for id, a := range byID {
		a.client, err = tx.Client(id)
		if errors.Is(err, storage.ErrNotFound) {
			continue // what it had counts for nothing any more, and goes with the next sweep
		}
		if err != nil {
			return nil, err
		}
		slices.Sort(a.scopes)
		a.scopes = slices.Compact(a.scopes)
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b app) int {
		return cmp.Or(cmp.Compare(b.last, a.last), strings.Compare(a.client.ID, b.client.ID))
	})
	return list, nil
}

// appsPanel is "Apps with access".
func (d *Door) appsPanel(v *visit) (views.Panel, error) {
	tx := d.store.View(v.ctx())
	list, err := d.apps(tx, v.user())
	if err != nil {
		return nil, err
	}
	resources, err := tx.Resources()
	if err != nil {
		return nil, err
	}
	p := views.AccountApps{Words: v.frame.Words, Status: v.status("apps")}
	for _, a := range list {
		p.Apps = append(p.Apps, views.AccountApp{ID: a.client.ID, Name: cmp.Or(a.client.Name, a.client.ID), Unchecked: a.client.Unchecked(), Scopes: inWords(a.scopes, resources),
			First: moment(a.first), Last: moment(a.last), Ends: moment(a.ends)})
	}
	return p.Panel(), nil
}

var scopeKinds = []struct {
	scope string
	kind  views.ScopeKind
}{
	{"profile", views.ScopeProfile}, {"email", views.ScopeEmail}, {"address", views.ScopeAddress}, {"phone", views.ScopePhone}, {"groups", views.ScopeGroups},
	{"account", views.ScopeAccount}, {"account:write", views.ScopeAccountWrite}, {"offline_access", views.ScopeOffline},
}

// inWords are the lines about scopes. Those of an API are in the words of whoever registered it.
func inWords(scopes []string, resources []storage.Resource) []views.ConsentScope {
	var lines []views.ConsentScope
	for _, s := range scopeKinds {
		if slices.Contains(scopes, s.scope) {
			lines = append(lines, views.ConsentScope{Kind: s.kind})
		}
	}
	for _, r := range resources {
		if !slices.ContainsFunc(scopes, func(s string) bool { return strings.HasPrefix(s, r.ID+"#") }) {
			continue
		}
		named := len(lines)
		for _, s := range r.Scopes {
			if slices.Contains(scopes, s.Name) || slices.Contains(scopes, r.ID+"#"+s.Name) {
				lines = append(lines, views.ConsentScope{Kind: views.ScopeOther, Title: cmp.Or(s.Description, s.Name)})
			}
		}
		if len(lines) == named {
			lines = append(lines, views.ConsentScope{Kind: views.ScopeOther, Title: r.Name})
		}
	}
	if len(lines) == 0 {
		lines = append(lines, views.ConsentScope{Kind: views.ScopeIdentity})
	}
	return lines
}

func (d *Door) postRemoveApp(v *visit) error {
	if _, err := d.engine.RemoveApp(v.ctx(), "user:"+v.user().String(), v.user(), v.in.Get("app")); err != nil {
		return err
	}
	return d.done(v, "apps", "access_ended")
}
