package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// repairPath is where an administrator may register the address that an application has asked for. The page belongs to a flow of
// their browser: it keeps the request as it came, so that no form carries an address, and sign-in goes on from it.
const repairPath = "/repair"

// repairAge is how long ago an administrator may have signed in who changes what an application is allowed.
const repairAge = 5 * time.Minute

// recent reports whether somebody signed in a moment ago. A sign-in from the future (the clock stepped back) was not.
func (p *Provider) recent(live *authn.Live) bool {
	age := p.micros() - live.Session.AuthTime
	return age >= 0 && age <= repairAge.Microseconds()
}

// offerRepair sends an administrator whose application was refused to the page that repairs it. It is false for everybody else, and
// for a request that may show no page: they see what visitors see.
func (p *Provider) offerRepair(w http.ResponseWriter, r *http.Request, e *pageError) (bool, error) {
	if e.asked == nil || e.client == nil || slices.Contains(strings.Fields(e.asked.params.Get("prompt")), "none") {
		return false, nil
	}
	live, err := p.engine.Session(r.Context(), p.cookies.Get(r, "session"))
	if err != nil || !live.Administers() {
		return false, err
	}
	return true, p.beginRepair(w, r, *e.asked, live)
}

// beginRepair opens the flow of a repair. Its sign-in is one made for it, and belongs to no application.
func (p *Provider) beginRepair(w http.ResponseWriter, r *http.Request, q asked, live *authn.Live) error {
	ctx, visitor := r.Context(), p.visitor(r)
	if visitor.Browser == "" {
		visitor.Browser = authn.NewBrowser()
		p.cookies.Set(w, "browser", visitor.Browser, browserLife)
	}
	address, err := p.engine.Address(ctx, live.User.ID)
	if err != nil {
		return err
	}
	flow, err := p.engine.Begin(ctx, visitor, authn.Start{ReturnTo: repairPath, Request: q.encode(), Demands: authn.Demands{Prompt: []string{"login"}, LoginHint: address}})
	if err != nil {
		return err
	}
	return web.SeeOther(w, r, repairPath+"?flow="+flow.ID.String())
}

// mending is a refused request in the browser it came to.
type mending struct {
	flow     storage.Flow
	asked    asked
	client   *client
	received string
	live     *authn.Live // nil: nobody is signed in
}

// registered are the addresses of the kind that was received.
func (m *mending) registered() []string {
	if m.asked.leaves {
		return m.client.PostLogoutRedirectURIs
	}
	return m.client.RedirectURIs
}

// refusal is what those see who can repair nothing.
func (m *mending) refusal() *pageError {
	kind := views.ErrorRedirect
	if m.asked.leaves {
		kind = views.ErrorRequest
	}
	return &pageError{kind: kind, client: &m.client.Client}
}

// withReceived is the application with the address that was received.
func (m *mending) withReceived(c storage.Client) (storage.Client, error) {
	if m.asked.leaves {
		return clients.AddPostLogout(c, m.received)
	}
	return clients.AddRedirect(c, m.received)
}

// goOn begins the request again whose address has been registered.
func (p *Provider) goOn(w http.ResponseWriter, r *http.Request, q asked) error {
	if q.leaves {
		return p.byGet(w, r, "/logout", q.params)
	}
	return p.begin(w, r, q)
}

// mended finds the refused request of a flow of this browser. Where there is nothing left to repair sign-in goes on and nil is returned.
func (p *Provider) mended(w http.ResponseWriter, r *http.Request, id string) (*mending, error) {
	ctx := r.Context()
	flow, _, err := p.engine.Flow(ctx, id, p.cookies.Get(r, "browser"))
	if err != nil {
		return nil, err
	}
	if flow.ReturnTo != repairPath {
		return nil, authn.ErrFlowGone
	}
	q, err := parseAsked(flow.Request)
	if err != nil {
		return nil, err
	}
	c, err := p.cache.client(ctx, q.params.Get("client_id"))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, &pageError{kind: views.ErrorClient}
	}
	if err != nil {
		return nil, err
	}
	m := &mending{flow: flow, asked: q, client: c, received: q.params.Get("redirect_uri")}
	allowed := c.allowsRedirect
	if q.leaves {
		m.received, allowed = q.params.Get("post_logout_redirect_uri"), c.allowsPostLogout
	}
	if allowed(m.received) {
		return nil, p.goOn(w, r, q)
	}
	m.live, err = p.engine.Session(ctx, p.cookies.Get(r, "session"))
	return m, err
}

// repair shows what was received against what is registered.
func (p *Provider) repair(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	m, err := p.mended(w, r, query.Get("flow"))
	if err != nil || m == nil {
		return p.refused(w, r, err)
	}
	return p.showRepair(w, r, m, false)
}

// addAddress registers the address that was received and goes on with the request. It counts from the browser of the flow, for the
// administrator who was shown the page, and while their sign-in is recent; an address on another host has to be confirmed by its name.
func (p *Provider) addAddress(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	m, err := p.mended(w, r, form.Get("flow"))
	if err != nil || m == nil {
		return p.refused(w, r, err)
	}
	if !m.live.Administers() || !p.recent(m.live) || form.Get("session") != m.live.Session.ID.String() {
		return p.showRepair(w, r, m, false)
	}
	if strange := m.strangeHost(); strange != "" && form.Get("host") != strange {
		return p.showRepair(w, r, m, true)
	}
	err = p.addReceived(r.Context(), m)
	switch {
	case errors.Is(err, errNotRegistered):
		return web.SeeOther(w, r, repairPath+"?flow="+m.flow.ID.String()) // which says why
	case err != nil:
		return err
	}
	return p.refused(w, r, p.goOn(w, r, m.asked))
}

// errNotRegistered is an address that was not added: by now the application is declared in the configuration file, the rules are
// against it, or the administrator is none any more.
var errNotRegistered = errors.New("the address may not be added")

// against says what speaks against adding the address (*clients.Problem); nil for nothing.
func (p *Provider) against(ctx context.Context, m *mending) error {
	c, err := m.withReceived(m.client.Client)
	if err != nil || m.asked.leaves {
		return err
	}
	return clients.CheckSector(ctx, p.outgoing, c)
}

// addReceived adds the address. What has to be fetched is fetched before the write, which decides the rest again over what is there by then.
func (p *Provider) addReceived(ctx context.Context, m *mending) error {
	if p.against(ctx, m) != nil {
		return errNotRegistered
	}
	now := p.micros()
	return p.store.Write(ctx, func(tx storage.Tx) error {
		u, err := tx.User(m.live.User.ID)
		if err == nil && (!u.Active() || !(&authn.Live{User: u}).Administers()) || errors.Is(err, storage.ErrNotFound) {
			return errNotRegistered
		}
		if err != nil {
			return err
		}
		c, err := tx.Client(m.client.ID)
		if err == nil && (c.Disabled || c.Source == "config" || c.Settings.SectorURI != m.client.Settings.SectorURI) || errors.Is(err, storage.ErrNotFound) {
			return errNotRegistered
		}
		if err != nil {
			return err
		}
		if c, err = m.withReceived(c); err != nil {
			return errNotRegistered
		}
		c.Updated = now
		if err := tx.UpdateClient(c); err != nil {
			return err
		}
		kind := storage.EventRedirectAdded
		if m.asked.leaves {
			kind = storage.EventPostLogoutAdded
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: "user:" + u.ID.String(), UserID: u.ID, ClientID: c.ID, IP: visitorIP(ctx), Detail: m.received})
	})
}

// showRepair is the page for whoever is there: all of it for an administrator who has just signed in, the way to do so for one who
// signed in before, and for everybody else what visitors see. confirm asks once more about another host.
func (p *Provider) showRepair(w http.ResponseWriter, r *http.Request, m *mending, confirm bool) error {
	here := repairPath + "?flow=" + m.flow.ID.String()
	if !m.live.Administers() {
		return p.showPage(w, r, m.refusal())
	}
	if !p.recent(m.live) {
		if m.flow.Finished > 0 { // its sign-in has grown old as well: another one, with the same request
			return p.beginRepair(w, r, m.asked, m.live)
		}
		refusal := m.refusal()
		refusal.repairURL, refusal.here = "/sign-in?flow="+m.flow.ID.String(), here
		return p.showPage(w, r, refusal)
	}
	page := views.RepairPage{Frame: p.frame(r, &m.client.Client, ""), Action: repairPath, Received: m.received, Registered: len(m.registered()), SignOut: m.asked.leaves, Confirm: confirm,
		Fields:   []views.Field{{Name: "flow", Value: m.flow.ID.String()}, {Name: "session", Value: m.live.Session.ID.String()}},
		Declared: m.client.Source == "config", StrangeHost: loggable(m.strangeHost()), ClientID: m.client.ID,
		Reference: views.Reference{Ref: web.RequestID(r.Context()), At: p.now()}}
	page.Here = here
	page.Nearest = nearest(m.registered(), m.received)
	page.SameOrigin = page.StrangeHost == "" && slices.ContainsFunc(m.registered(), func(uri string) bool { return originOf(uri) != "" && originOf(uri) == originOf(m.received) })
	if err := p.against(r.Context(), m); err != nil {
		page.Received, page.Against = loggable(m.received), err.Error() // one that can be added is printable, and shown whole
	}
	if confirm {
		page.Fields = append(page.Fields, views.Field{Name: "host", Value: page.StrangeHost})
	}
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), views.Repair(page))
}

// strangeHost is the host of the received address, or the scheme of a native application's, where no registered address has it; "" otherwise.
func (m *mending) strangeHost() string {
	host := placeOf(m.received)
	if slices.ContainsFunc(m.registered(), func(uri string) bool { return placeOf(uri) == host }) {
		return ""
	}
	return host
}

// placeOf is what an address belongs to: a host, or the private-use scheme of a native application. An address that is none is its own.
func placeOf(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "":
		return uri
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return u.Scheme + ":"
	}
	return u.Hostname()
}

// nearest is the registered address that has the most bytes at its beginning in common with the received one, "" if there is none.
func nearest(registered []string, received string) string {
	best, most := "", -1
	for _, uri := range registered {
		n := 0
		for n < min(len(uri), len(received)) && uri[n] == received[n] {
			n++
		}
		if n > most {
			best, most = uri, n
		}
	}
	return best
}
