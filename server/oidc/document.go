package oidc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/server/jose"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// Bounds of documents about applications (docs/decisions/0007-client-id-metadata-documents.md).
const (
	maxDocument   = 16 << 10
	maxDocuments  = 1000        // applications that are remembered
	documentPause = time.Minute // between two tries to read one that was not right
)

// documents reads what applications say about themselves at the address that is their client_id (draft-ietf-oauth-client-id-metadata-document).
// The application is a row as any other; how long what was read is believed is known to this process alone.
type documents struct {
	p   *Provider
	mu  sync.Mutex
	all map[string]*document
}

// document is one address. Its lock is held while it is read, so that those who need it wait for one call.
type document struct {
	mu      sync.Mutex
	read    time.Time // the last time it was right
	fresh   time.Time // it is believed until then
	refused error     // why it was not right, until it may be tried again
	again   time.Time
}

// documentError is a document that does not describe an application.
type documentError struct {
	public string // for a program: never what was found behind the address unless that is a document of this client
	page   string // for a page, which everybody can have us show: our own words, and nothing that was sent or read
	host   string // where it was read, or was to be
	err    error  // for the log
}

// Error implements error.
func (e *documentError) Error() string { return "client ID metadata document: " + e.err.Error() }

// Unwrap gives the cause.
func (e *documentError) Unwrap() error { return e.err }

// unreadable is one answer for everything that can go wrong before there is a JSON object: whoever names an address learns nothing about
// what is behind it.
const unreadable = "It could not be read. The client_id must be a public https address that answers GET within 5 seconds with status 200, a JSON type and one JSON object of at most 16 KiB, without a redirect."

// unusual is what a page says of a client_id that is no address for a document.
const unusual = "The client_id is not https://host/path as it would be called: lower-case host, no user name, no fragment, no . or .. in the path."

// application is a client that is about to ask people something: known here, or described at its own address and read from there as
// often as that document wants. storage.ErrNotFound, *documentError, *authn.TooMany.
func (p *Provider) application(ctx context.Context, id string) (*client, error) {
	c, err := p.cache.client(ctx, id)
	known := err == nil
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if !p.ClientDocuments || !clients.IsDocument(id) || known && c.Settings.Origin != storage.OriginDocument {
		return c, err
	}
	if wrong := clients.CheckDocumentURL(id); wrong != nil {
		return nil, &documentError{public: "The client_id " + wrong.Error() + ".", page: unusual, err: fmt.Errorf("%q %w", loggable(id), wrong)}
	}
	c, err = p.documents.client(ctx, c, id)
	var unread *documentError
	if errors.As(err, &unread) {
		at := *unread
		at.host = documentHost(id)
		return nil, &at
	}
	return c, err
}

// caller is a client at an endpoint for programs. A document that cannot be read right now ends nothing there: what it said last holds
// for what people have allowed already.
func (p *Provider) caller(ctx context.Context, id string) (*client, error) {
	c, err := p.application(ctx, id)
	var (
		unread *documentError
		many   *authn.TooMany
	)
	switch {
	case errors.As(err, &unread):
		if known, err := p.cache.client(ctx, id); err == nil {
			return known, nil
		}
		return nil, fosite.ErrInvalidClient.WithHint(describable(unread.public))
	case errors.As(err, &many):
		return nil, fosite.ErrInvalidClient.WithHint("The client is not known, and too many unknown ones call right now. Try again later.")
	}
	return c, err
}

// client reads the document of an address unless what it said last is still believed. c is what is known of the application, nil for nothing.
func (d *documents) client(ctx context.Context, c *client, id string) (*client, error) {
	k := d.at(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := d.p.now()
	if c != nil && now.Before(k.fresh) {
		return c, nil
	}
	if now.Before(k.again) {
		return nil, k.refused
	}
	if c == nil {
		if err := d.unknown(ctx, id); err != nil {
			d.forget(id)
			return nil, err
		}
	}
	life, err := d.renew(ctx, id)
	var wrong *documentError
	switch {
	case errors.As(err, &wrong):
		k.refused, k.again = err, now.Add(documentPause)
		d.p.log.WarnContext(ctx, "an application could not be looked up at its own address", "client_id", id, "error", wrong.err)
		return nil, err
	case err != nil:
		return nil, err
	}
	k.read, k.fresh, k.refused, k.again = now, now.Add(life), nil, time.Time{}
	return d.p.cache.client(ctx, id)
}

// doubt has a document read again that has not been for a minute: its developer may have changed it just now. False if it has.
func (d *documents) doubt(id string) bool {
	k := d.at(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if d.p.now().Sub(k.read) < documentPause {
		return false
	}
	k.fresh = time.Time{}
	return true
}

func (d *documents) at(id string) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.all[id]
	if k == nil {
		if d.all == nil || len(d.all) >= 2*maxDocuments {
			d.all = map[string]*document{}
		}
		k = &document{}
		d.all[id] = k
	}
	return k
}

func (d *documents) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, id)
}

// unknown counts a call that somebody has us make to an address nobody here knows. One that an administrator has disabled is not called.
func (d *documents) unknown(ctx context.Context, id string) error {
	_, err := d.p.store.View(ctx).Client(id)
	if err == nil {
		return storage.ErrNotFound
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	visitor := authn.Visitor{Network: web.VisitorOf(ctx).Network()}
	return d.p.store.Write(ctx, func(tx storage.Tx) error { return d.p.engine.SpendDocument(tx, visitor, d.p.micros()) })
}

// renew reads a document and keeps what it says. It returns how long that is believed.
func (d *documents) renew(ctx context.Context, id string) (time.Duration, error) {
	answer, err := d.p.outgoing.Get(ctx, id, "application/json")
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, &documentError{public: unreadable, page: unreadable, err: err}
	}
	m, err := readDocument(id, answer.Header.Get("Content-Type"), answer.Body)
	if err != nil {
		return 0, err
	}
	if err := d.save(ctx, id, m); err != nil {
		return 0, refusedDocument(err)
	}
	return documentLife(answer.Header, d.p.now()), nil
}

// readDocument is §4 and §4.1 of the draft: a JSON object that names the address it is at, and no shared secret.
func readDocument(id, contentType string, body []byte) (clientMetadata, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return clientMetadata{}, &documentError{public: unreadable, page: unreadable, err: fmt.Errorf("its Content-Type is %q", loggable(contentType))}
	}
	if len(body) > maxDocument {
		return clientMetadata{}, &documentError{public: unreadable, page: unreadable, err: fmt.Errorf("it has %d bytes", len(body))}
	}
	given, err := jose.Object(body)
	if err != nil {
		return clientMetadata{}, &documentError{public: unreadable, page: unreadable, err: fmt.Errorf("it is not one JSON object with every member once: %w", err)}
	}
	if named, _ := jose.Text(given["client_id"]); named != id {
		return clientMetadata{}, refuseMember("client_id", "client_id in the document must be there, and be the address it was read from, letter by letter.")
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} {
		if _, there := given[name]; there {
			return clientMetadata{}, refuseMember(name, name+" must not be in a document that everybody can read.")
		}
	}
	delete(given, "software_statement") // from an issuer that nobody here trusts; the members count by themselves
	m, err := decodeMetadata(given)
	if err != nil {
		return m, refusedDocument(err)
	}
	if m.AuthMethod = cmp.Or(m.AuthMethod, "none"); m.AuthMethod != "none" && m.AuthMethod != storage.PrivateKeyJWT {
		return m, refuseMember("token_endpoint_auth_method", "token_endpoint_auth_method can be none or private_key_jwt in a document: there is no secret to share.")
	}
	if m.Name = strings.TrimSpace(m.Name); m.Name == "" {
		m.Name = documentHost(id)
	}
	return m, nil
}

func refuseMember(name, public string) error {
	return &documentError{page: "Not accepted: " + name, public: public, err: errors.New(public)}
}

// refusedDocument gives what is wrong with the members of a document to its developer, who has written them.
func refusedDocument(err error) error {
	var e *web.Error
	if !errors.As(err, &e) || e.Status >= 500 {
		return err
	}
	refused := &documentError{public: e.Message, page: "Not accepted: a member of the document.", err: errors.New(loggable(e.Message))}
	var problem *clients.Problem
	if errors.As(err, &problem) {
		refused.page = "Not accepted: " + problem.Member
	}
	return refused
}

// save keeps what a document says, over what an administrator has set for the application. Where name or addresses are
// others than people have allowed, they are asked again.
func (d *documents) save(ctx context.Context, id string, m clientMetadata) error {
	p, now := d.p, d.p.micros()
	blank := storage.Client{ID: id, Nonce: secret.Random(16), Source: "api", Created: now, Updated: now, Settings: storage.ClientSettings{Origin: storage.OriginDocument}}
	first, err := m.apply(blank)
	if err != nil {
		return err
	}
	if err := p.checkSector(ctx, first); err != nil {
		return err
	}
	return p.store.Write(ctx, func(tx storage.Tx) error {
		if err := unreserved(tx, first); err != nil {
			return err
		}
		old, err := tx.Client(id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return p.insertDocument(ctx, tx, first)
		case err != nil:
			return err
		case old.Disabled || old.Settings.Origin != storage.OriginDocument:
			return storage.ErrNotFound
		}
		c, err := m.apply(old)
		if err != nil {
			return err
		}
		if err := tx.KeepDocument(id, now+unusedLife.Microseconds()); err != nil {
			return err
		}
		if sameMetadata(c, old) {
			return nil
		}
		c.Updated = now
		if c.Name != old.Name || !slices.Equal(c.RedirectURIs, old.RedirectURIs) {
			if err := tx.ForgetConsents(id); err != nil { // people allowed what it was before
				return err
			}
		}
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		event := p.documentEvent(ctx, storage.EventClientUpdated, c)
		event.Detail = metadataDifference(old, c)
		return tx.InsertEvent(event)
	})
}

// insertDocument adds an application that was found at its own address. When there are too many, one goes that nobody has used.
func (p *Provider) insertDocument(ctx context.Context, tx storage.Tx, c storage.Client) error {
	until := c.Created + unusedLife.Microseconds()
	n, err := tx.Documents()
	if err != nil {
		return err
	}
	if n >= maxDocuments {
		err := tx.DropDocument(until + 1)
		if errors.Is(err, storage.ErrNotFound) {
			const full = "This server knows as many applications of this kind as it can. Ask its owner to register this one."
			return &documentError{public: full, page: full, err: fmt.Errorf("%d applications are remembered, and all are in use", n)}
		}
		if err != nil {
			return err
		}
	}
	if err := tx.InsertClient(c); err != nil {
		return err
	}
	if err := tx.InsertDocument(c.ID, c.Created, until); err != nil {
		return err
	}
	return tx.InsertEvent(p.documentEvent(ctx, storage.EventClientCreated, c))
}

func (p *Provider) documentEvent(ctx context.Context, kind string, c storage.Client) storage.Event {
	e := p.registrationEvent(ctx, kind, c)
	e.Actor = "document"
	return e
}

// keepDocument lets an application stay as long as what a person has just allowed it.
func (p *Provider) keepDocument(tx storage.Tx, c storage.Client) error {
	if c.Settings.Origin != storage.OriginDocument {
		return nil
	}
	return tx.KeepDocument(c.ID, p.micros()+p.absolute(c).Microseconds())
}

// sameMetadata reports whether two states of an application say the same about it.
func sameMetadata(a, b storage.Client) bool {
	x, errX := json.Marshal(metadataOf(a))
	y, errY := json.Marshal(metadataOf(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// documentHost is where an application that describes itself is published; "" for every other one.
func documentHost(id string) string {
	if !clients.IsDocument(id) {
		return ""
	}
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return u.Host
}

// publishedAt is what people are told about an application that describes itself: the one thing about it that is certain.
func publishedAt(c storage.Client) string {
	if c.Settings.Origin != storage.OriginDocument {
		return ""
	}
	return documentHost(c.ID)
}
