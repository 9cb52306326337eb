package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// Who may register an application (Config.Registration).
const (
	RegistrationOff   = "off"   // nobody: there is no such endpoint
	RegistrationToken = "token" // whoever has an initial access token
	RegistrationOpen  = "open"  // everybody, within a budget
)

// unusedLife is how long an application that anybody may have registered stays if nobody uses it.
const unusedLife = 24 * time.Hour

// registered is what an application learns about itself (RFC 7591 §3.2.1, RFC 7592 §3).
type registered struct {
	ClientID      string `json:"client_id"`
	IssuedAt      int64  `json:"client_id_issued_at"`
	Secret        string `json:"client_secret,omitempty"` // only where it has just been made: no more than its digest is kept
	SecretExpires *int64 `json:"client_secret_expires_at,omitempty"`
	Token         string `json:"registration_access_token"`
	URI           string `json:"registration_client_uri"`
	clientMetadata
}

var errRegistrationToken = &web.Error{Status: http.StatusUnauthorized, Code: "invalid_token", Message: "The access token for registration is missing or not right."}

// register answers RFC 7591 §3: an application registers itself. What it is, is its own claim: people are always asked.
func (p *Provider) register(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), p.micros()
	initial, err := p.initialToken(ctx, r, now)
	if err != nil {
		return err
	}
	m, err := readMetadata(w, r)
	if err != nil {
		return err
	}
	c, err := m.apply(storage.Client{ID: clients.NewID(), Nonce: secret.Random(16), Source: "api", Created: now, Updated: now})
	if err != nil {
		return err
	}
	row, manage := storage.Registration{ClientID: c.ID, Created: now}, secret.Token(32)
	row.Digest = secret.Hash(manage)
	if initial == nil {
		row.Expires = now + unusedLife.Microseconds()
		if err := p.spendRegistration(r, now); err != nil {
			return err
		}
	}
	if err := p.checkSector(ctx, c); err != nil {
		return err
	}
	key, text := newSecret(c, now)
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		if err := unreserved(tx, c); err != nil {
			return err
		}
		if initial != nil {
			if err := tx.SpendRegistrationToken(initial, now); err != nil {
				return err
			}
		}
		if err := tx.InsertClient(c); err != nil {
			return err
		}
		if text != "" {
			if err := tx.InsertClientSecret(key); err != nil {
				return err
			}
		}
		if err := tx.InsertRegistration(row); err != nil {
			return err
		}
		return tx.InsertEvent(p.registrationEvent(ctx, storage.EventClientCreated, c))
	})
	if errors.Is(err, storage.ErrSpent) {
		return errRegistrationToken
	}
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, p.registered(c, text, manage))
}

// initialToken is the digest of the initial access token of a request; nil where none is needed and none came. One that came has
// to be right in every mode.
func (p *Provider) initialToken(ctx context.Context, r *http.Request, now int64) ([]byte, error) {
	if len(r.Header.Values("Authorization")) == 0 && p.Registration == RegistrationOpen {
		return nil, nil
	}
	digest := secret.Hash(registrationBearer(r))
	tokens, err := p.store.View(ctx).RegistrationTokens(now)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		if secret.Equal(t.Digest, digest) && t.Used < t.Uses {
			return digest, nil
		}
	}
	return nil, errRegistrationToken
}

// registrationBearer is the token in the one Authorization header; "" if there is none. No digest is of "".
func registrationBearer(r *http.Request) string {
	header := r.Header.Values("Authorization")
	if len(header) != 1 {
		return ""
	}
	if kind, token, _ := strings.Cut(header[0], " "); strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// spendRegistration counts what strangers may change here, before anything is fetched or written for them.
func (p *Provider) spendRegistration(r *http.Request, now int64) error {
	err := p.store.Write(r.Context(), func(tx storage.Tx) error { return p.engine.SpendRegistration(tx, p.visitor(r), now) })
	var many *authn.TooMany
	if errors.As(err, &many) {
		return &web.Error{Status: http.StatusTooManyRequests, Code: "too_many_requests", Message: "Too many applications register. Try again later.", RetryAfter: many.Wait, Err: err}
	}
	return err
}

// checkSector reads the document that a pairwise application names.
func (p *Provider) checkSector(ctx context.Context, c storage.Client) error {
	return registrationRefused(clients.CheckSector(ctx, p.outgoing, c))
}

// unreserved refuses the names that people know as somebody else's: this server's and those of its own applications.
func unreserved(tx storage.Tx, c storage.Client) error {
	name, taken := plainName(c.Name), plainName("Gatelatch")
	all, err := tx.Clients()
	if err != nil {
		return err
	}
	if strings.EqualFold(name, taken) || slices.ContainsFunc(all, func(other storage.Client) bool {
		return other.FirstParty() && other.ID != c.ID && strings.EqualFold(name, plainName(other.Name))
	}) {
		return metadataError("client_name is reserved here. Choose another.")
	}
	return nil
}

// plainName leaves the spaces out: they are hard to see.
func plainName(name string) string { return strings.Join(strings.Fields(name), "") }

// newSecret makes the secret of an application that has one; "" for the others.
func newSecret(c storage.Client, now int64) (storage.ClientSecret, string) {
	if !clients.HasSecret(c) {
		return storage.ClientSecret{}, ""
	}
	text := secret.Token(32)
	return storage.ClientSecret{ID: storage.NewID(), ClientID: c.ID, Digest: secret.Hash(text), Hint: text[len(text)-4:], Created: now}, text
}

func (p *Provider) registered(c storage.Client, text, manage string) registered {
	out := registered{ClientID: c.ID, IssuedAt: c.Created / int64(time.Second/time.Microsecond), Secret: text, Token: manage, URI: p.issuer + "/register/" + c.ID, clientMetadata: metadataOf(c)}
	if text != "" {
		out.SecretExpires = new(int64) // 0: it does not end
	}
	return out
}

func (p *Provider) registrationEvent(ctx context.Context, kind string, c storage.Client) storage.Event {
	return storage.Event{ID: storage.NewID(), Kind: kind, Actor: "registration", ClientID: c.ID, IP: visitorIP(ctx), Detail: c.Name}
}
