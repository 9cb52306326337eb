package oidc

import (
	"errors"
	"net/http"
	"slices"

	"gatelatch/server/clients"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// showRegistration answers RFC 7592 §2.1: an application reads what is registered for it. Its secret is not known here any more.
func (p *Provider) showRegistration(w http.ResponseWriter, r *http.Request) error {
	c, err := p.managed(p.store.View(r.Context()), r)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, p.registered(c, "", registrationBearer(r)))
}

// changeRegistration answers RFC 7592 §2.2: an application says anew what it is. What it leaves out is gone.
func (p *Provider) changeRegistration(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), p.micros()
	old, err := p.managed(p.store.View(ctx), r)
	if err != nil {
		return err
	}
	m, err := readMetadata(w, r)
	if err != nil {
		return err
	}
	if m.clientID != old.ID {
		return metadataError("client_id must be there, and be the client's own.")
	}
	wanted, err := m.apply(old)
	if err != nil {
		return err
	}
	if err := p.spendRegistration(r, now); err != nil {
		return err
	}
	if err := p.checkSector(ctx, wanted); err != nil {
		return err
	}
	var (
		c    storage.Client
		text string
	)
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		old, err := p.managed(tx, r) // again: it may have changed meanwhile
		if err != nil {
			return err
		}
		if c, err = m.apply(old); err != nil {
			return err
		}
		if err := unreserved(tx, c); err != nil {
			return err
		}
		c.Updated = now
		if text, err = p.changeSecret(tx, c, m.clientSecret, now); err != nil {
			return err
		}
		if c.Name != old.Name || !slices.Equal(c.RedirectURIs, old.RedirectURIs) {
			if err := tx.ForgetConsents(c.ID); err != nil { // people allowed what it was before
				return err
			}
		}
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		event := p.registrationEvent(ctx, storage.EventClientUpdated, c)
		event.Detail = metadataDifference(old, c)
		return tx.InsertEvent(event)
	})
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, p.registered(c, text, registrationBearer(r)))
}

// changeSecret ends the secrets of an application that has none any more, and makes the first of one that now has one. A secret that
// it names must be its own: nobody chooses a secret here.
func (p *Provider) changeSecret(tx storage.Tx, c storage.Client, named string, now int64) (string, error) {
	live, err := tx.ClientSecrets(c.ID, now)
	if err != nil {
		return "", err
	}
	digest := secret.Hash(named)
	if named != "" && !slices.ContainsFunc(live, func(s storage.ClientSecret) bool { return secret.Equal(s.Digest, digest) }) {
		return "", metadataError("client_secret is not the client's own. Leave it out: secrets are made here.")
	}
	switch {
	case !clients.HasSecret(c) && len(live) > 0:
		return "", tx.ExpireClientSecrets(c.ID, storage.NewID(), now)
	case clients.HasSecret(c) && len(live) == 0:
		key, text := newSecret(c, now)
		return text, tx.InsertClientSecret(key)
	}
	return "", nil
}

// deleteRegistration answers RFC 7592 §2.3: an application goes, and its tokens with it.
func (p *Provider) deleteRegistration(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	err := p.store.Write(ctx, func(tx storage.Tx) error {
		c, err := p.managed(tx, r)
		if err != nil {
			return err
		}
		if err := tx.DeleteClient(c.ID); err != nil {
			return err
		}
		return tx.InsertEvent(p.registrationEvent(ctx, storage.EventClientDeleted, c))
	})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// managed finds the application of the address whose registration access token the request carries. One that is not there, one that did
// not register itself, a disabled one and a wrong token look the same.
func (p *Provider) managed(tx storage.Tx, r *http.Request) (storage.Client, error) {
	id, digest := r.PathValue("client_id"), secret.Hash(registrationBearer(r))
	if !plainID(id) {
		return storage.Client{}, errRegistrationToken
	}
	row, err := tx.Registration(id)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Client{}, errRegistrationToken
	}
	if err != nil {
		return storage.Client{}, err
	}
	if !secret.Equal(row.Digest, digest) {
		return storage.Client{}, errRegistrationToken
	}
	c, err := tx.Client(id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.Disabled {
		return storage.Client{}, errRegistrationToken
	}
	return c, err
}

// plainID reports whether a client ID can be one of those made here: not every engine can be asked about every string.
func plainID(id string) bool {
	return len(id) == clients.IDLength && !slices.ContainsFunc([]byte(id), func(b byte) bool { return (b < 'a' || b > 'z') && (b < '0' || b > '9') })
}
