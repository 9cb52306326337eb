package authn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"gatelatch/storage"
)

// How somebody would feel a change of the Experience.
const (
	AffectedNoWayIn      = "no_way_in"          // what they begin a sign-in with is no longer offered, and they have nothing else
	AffectedSecondFactor = "second_factor"      // they have to set up a second factor at their next sign-in
	AffectedDomain       = "domain"             // they stay; nobody new could sign up with an address like their primary one
	AffectedAttribute    = "attribute"          // they are asked for it at their next sign-in
	AffectedDocument     = "document"           // they have to accept it at their next sign-in
	AffectedIdentifier   = "identifier"         // they can no longer type it to sign in: their address, or their username
	AffectedUnprotected  = "second_factor_ends" // they are no longer asked for a second factor
)

// Affected says how many people would feel a change, and how.
type Affected struct {
	How    string
	Of     string // what it is about, where there are several: an attribute, a document
	People int
	First  []string // some of them: their address, or name, or sub
}

// affectedNamed is how many people an Affected names.
const affectedNamed = 10

// pageOfPeople is how many people are read at once.
const pageOfPeople = 500

// affected goes through all people who can sign in now. It reads page by page: nothing waits for it.
func (e *Engine) affected(ctx context.Context, before, after Experience) ([]Affected, error) {
	tx, list := e.store.View(ctx), []Affected{}
	for cursor := (storage.ID{}); ; {
		people, err := tx.Users("", cursor, pageOfPeople)
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		for _, u := range people {
			if !u.Active() {
				continue
			}
			effects, err := e.effectsOn(tx, u, before, after)
			if err != nil {
				return nil, err
			}
			for _, effect := range effects {
				if list, err = count(tx, list, effect, u); err != nil {
					return nil, err
				}
			}
		}
		if len(people) < pageOfPeople {
			break
		}
		cursor = people[len(people)-1].ID
	}
	slices.SortStableFunc(list, func(a, b Affected) int { return cmp.Or(cmp.Compare(a.How, b.How), cmp.Compare(a.Of, b.Of)) })
	return list, nil
}

// count counts a person in.
func count(tx storage.Tx, list []Affected, effect Affected, u storage.User) ([]Affected, error) {
	at := slices.IndexFunc(list, func(a Affected) bool { return a.How == effect.How && a.Of == effect.Of })
	if at < 0 {
		at, list = len(list), append(list, effect)
	}
	list[at].People++
	if len(list[at].First) >= affectedNamed {
		return list, nil
	}
	name := cmp.Or(u.Username, u.ID.String())
	all, err := tx.Emails(u.ID)
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	if len(all) > 0 {
		name = all[0].Typed
	}
	list[at].First = append(list[at].First, name)
	return list, nil
}

// effectsOn is how one person would feel a change.
func (e *Engine) effectsOn(tx storage.Tx, u storage.User, before, after Experience) ([]Affected, error) {
	var effects []Affected
	has, err := e.factors(tx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	groups, err := tx.UserGroups(u.ID)
	if err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	if before.begins(has) && !after.begins(has) {
		effects = append(effects, Affected{How: AffectedNoWayIn})
	}
	if before.Identifiers != IdentifiersUsername && after.Identifiers == IdentifiersUsername {
		effects = append(effects, Affected{How: AffectedIdentifier, Of: IdentifiersEmail})
	}
	if before.TakesUsernames() && !after.TakesUsernames() && u.Username != "" {
		effects = append(effects, Affected{How: AffectedIdentifier, Of: IdentifiersUsername})
	}
	m, err := tx.PrimaryEmail(u.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("read address: %w", err)
	}
	if m.Address != "" && before.admitsDomain(m.Address) && !after.admitsDomain(m.Address) {
		effects = append(effects, Affected{How: AffectedDomain})
	}
	asked, err := e.owed(tx, after, u.ID, false, false)
	if err != nil {
		return nil, err
	}
	already, err := e.owed(tx, before, u.ID, false, false)
	if err != nil {
		return nil, err
	}
	for _, f := range asked.Fields {
		if !slices.ContainsFunc(already.Fields, func(g Field) bool { return g.Name == f.Name }) {
			effects = append(effects, Affected{How: AffectedAttribute, Of: f.Name})
		}
	}
	for _, d := range asked.Documents {
		if !slices.ContainsFunc(already.Documents, func(g Document) bool { return g.Name == d.Name && g.Version == d.Version }) {
			effects = append(effects, Affected{How: AffectedDocument, Of: d.Name})
		}
	}
	was, is := before.demandsSecond(groups, has), after.demandsSecond(groups, has)
	switch {
	case is && !was && !has.TOTP && has.Passkeys == 0:
		effects = append(effects, Affected{How: AffectedSecondFactor})
	case was && !is:
		effects = append(effects, Affected{How: AffectedUnprotected})
	}
	return effects, nil
}
