package admin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Declared is an application of the configuration file.
type Declared struct {
	Client storage.Client // ID, Name, Type, Framework, addresses and settings; the rest is filled in
	Secret string         // for type web
}

// Declare makes the store hold exactly the declared applications beside those made by API: new ones are added, changed
// ones updated, and those that are not declared any more are deleted. An application made by API is never taken over.
func Declare(ctx context.Context, store *storage.Store, declared []Declared, now int64) error {
	settled := make([]Declared, len(declared))
	for i, d := range declared {
		p := presetOf(d.Client.Framework)
		d.Client.Source = "config"
		d.Client.Settings.UsernameClaim = d.Client.Settings.UsernameClaim || p.username
		c, err := settle(d.Client)
		if err != nil {
			return fmt.Errorf("clients: %s: %w", d.Client.ID, err)
		}
		settled[i] = Declared{c, d.Secret}
	}
	if same, err := alreadyDeclared(ctx, store, settled, now); err != nil || same {
		return err
	}
	return store.Write(ctx, func(tx storage.Tx) error {
		for _, d := range settled {
			if err := declare(tx, d, now); err != nil {
				return fmt.Errorf("clients: %s: %w", d.Client.ID, err)
			}
		}
		clients, err := tx.Clients()
		if err != nil {
			return err
		}
		for _, c := range clients {
			if c.Source == "config" && !slices.ContainsFunc(settled, func(d Declared) bool { return d.Client.ID == c.ID }) {
				if err := tx.DeleteClient(c.ID); err != nil {
					return err
				}
				if err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventClientDeleted, Actor: "system", ClientID: c.ID, Detail: c.Name}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// alreadyDeclared says that nothing has to be written: the usual start.
func alreadyDeclared(ctx context.Context, store *storage.Store, declared []Declared, now int64) (bool, error) {
	found, changed := 0, false
	err := store.Read(ctx, func(tx storage.Tx) error {
		clients, err := tx.Clients()
		if err != nil {
			return err
		}
		for _, c := range clients {
			if c.Source != "config" {
				continue
			}
			i := slices.IndexFunc(declared, func(d Declared) bool { return d.Client.ID == c.ID })
			if i < 0 || !sameClient(c, declared[i].Client) {
				changed = true
				return nil
			}
			secrets, err := tx.ClientSecrets(c.ID, now)
			if err != nil {
				return err
			}
			if sameSecret(secrets, declared[i]) {
				found++
			}
		}
		return nil
	})
	return !changed && found == len(declared), err
}

// declare writes one application.
func declare(tx storage.Tx, d Declared, now int64) error {
	c := d.Client
	old, err := tx.Client(c.ID)
	kind, difference := storage.EventClientUpdated, ""
	switch {
	case errors.Is(err, storage.ErrNotFound):
		c.Nonce, c.Created, c.Updated = secret.Random(16), now, now
		err, kind = tx.InsertClient(c), storage.EventClientCreated
	case err != nil:
	case old.Source != "config":
		return errors.New("an application with this client_id was made by command or console. Choose another client_id, or delete that one first")
	case !sameClient(old, c):
		c.Updated, difference = now, appDifference(old, c)
		err = tx.UpdateClient(c)
	}
	if err != nil {
		return err
	}
	secrets, err := tx.ClientSecrets(c.ID, now)
	if err != nil || (sameClient(old, c) && sameSecret(secrets, d)) {
		return err
	}
	if !sameSecret(secrets, d) {
		if kind == storage.EventClientUpdated {
			difference = withChanges(difference, "client_secret")
		}
		// The old secret of a declared application ends at once: whoever changes the file means it.
		none := storage.NewID()
		if err := tx.ExpireClientSecrets(c.ID, none, now); err != nil {
			return err
		}
		if d.Secret != "" {
			if err := tx.InsertClientSecret(secretRow(c.ID, d.Secret, now)); err != nil {
				return err
			}
		}
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: "system", ClientID: c.ID, Detail: difference})
}

// sameClient compares what a declaration can say.
func sameClient(a, b storage.Client) bool {
	plain := func(c storage.Client) storage.Client {
		c.Nonce, c.Created, c.Updated = nil, 0, 0
		c.RedirectURIs, c.PostLogoutRedirectURIs, c.AllowedOrigins = listed(c.RedirectURIs), listed(c.PostLogoutRedirectURIs), listed(c.AllowedOrigins)
		c.Settings.IDTokenAlg = cmp.Or(c.Settings.IDTokenAlg, "RS256")
		c.Settings.IntrospectionAlg = cmp.Or(c.Settings.IntrospectionAlg, "RS256")
		return c
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// sameSecret says that the declared secret, or none, is the only one in force.
func sameSecret(live []storage.ClientSecret, d Declared) bool {
	if d.Secret == "" {
		return len(live) == 0
	}
	return len(live) == 1 && bytes.Equal(live[0].Digest, secret.Hash(d.Secret))
}
