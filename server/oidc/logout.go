package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// signOut is a request to sign out (OpenID Connect RP-Initiated Logout 1.0 §2), checked.
type signOut struct {
	client *client // nil: nobody says which application is asking
	uri    string  // registered address to go back to; "": none
	state  string
	hint   hint
	proven bool // the request carries an ID token of ours
}

// logout answers RP-initiated logout. With an ID token of the person who is signed in here it is done at once; without one, whoever
// is signed in is asked. It ends in a redirect only to an address that the application has registered.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) error {
	params, err := web.Query(r)
	if err != nil {
		return err
	}
	s, err := p.readSignOut(r, params)
	if err != nil {
		return p.refused(w, r, err)
	}
	live, err := p.engine.Session(r.Context(), p.cookies.Get(r, "session"))
	if err != nil {
		return err
	}
	switch {
	case live != nil && s.proven && (s.hint.Session == live.Session.ID.String() || s.hint.Subject == p.subject(s.client.Client, live.User.ID)):
		if s.client.Settings.KeepsSession {
			return p.leaveApp(w, r, s, live)
		}
		return p.endSession(w, r, s, live)
	case live != nil:
		return p.askSignOut(w, r, s, live, params)
	case s.proven && !s.client.Settings.KeepsSession:
		if err := p.endNamed(r, s.client.Client, s.hint); err != nil {
			return err
		}
	}
	return p.signedOut(w, r, s)
}

// logoutByPost brings a logout by POST onto the one way there is, as authorizeByPost does.
func (p *Provider) logoutByPost(w http.ResponseWriter, r *http.Request) error {
	params, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	return p.byGet(w, r, "/logout", params)
}

// confirmLogout is the answer to our own question. It names the session it was asked about: a page from yesterday ends nothing of today.
func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	params, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	asked := params.Get("session")
	if len(params["session"]) < 2 { // readSignOut refuses what is there twice
		params.Del("session")
	}
	s, err := p.readSignOut(r, params)
	if err != nil {
		return p.refused(w, r, err)
	}
	live, err := p.engine.Session(r.Context(), p.cookies.Get(r, "session"))
	if err != nil {
		return err
	}
	if live != nil && live.Session.ID.String() != asked {
		return p.askSignOut(w, r, s, live, params)
	}
	if live == nil {
		return p.signedOut(w, r, s)
	}
	return p.endSession(w, r, s, live)
}

// readSignOut checks who asks and where to go afterwards. Whatever is wrong is a page, never a redirect.
func (p *Provider) readSignOut(r *http.Request, params url.Values) (*signOut, error) {
	ctx := r.Context()
	if web.Once(params) != nil {
		return nil, &pageError{kind: views.ErrorRequest}
	}
	s := &signOut{uri: params.Get("post_logout_redirect_uri"), state: params.Get("state")}
	id := params.Get("client_id")
	if token := params.Get("id_token_hint"); token != "" {
		h, err := p.readHint(ctx, token)
		if storage.Away(err) {
			return nil, err
		}
		if err != nil || id != "" && id != h.Audience {
			p.log.WarnContext(ctx, "sign-out refused: the id_token_hint is not an ID token that was issued to this client", "client_id", loggable(id), "request", web.RequestID(ctx))
			return nil, &pageError{kind: views.ErrorRequest}
		}
		s.hint, s.proven, id = h, true, h.Audience
	}
	if id != "" {
		c, err := p.cache.client(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, &pageError{kind: views.ErrorClient}
		}
		if err != nil {
			return nil, err
		}
		s.client = c
	}
	if s.uri == "" {
		return s, nil
	}
	if s.client == nil || !s.client.allowsPostLogout(s.uri) {
		refused := &pageError{kind: views.ErrorRequest}
		var registered []string
		if s.client != nil {
			refused.client, registered = &s.client.Client, s.client.PostLogoutRedirectURIs
			if s.client.Settings.Origin != storage.OriginDocument {
				refused.asked = &asked{leaves: true, params: url.Values{"client_id": {s.client.ID}, "post_logout_redirect_uri": {s.uri}}}
				if params.Has("state") {
					refused.asked.params.Set("state", s.state)
				}
			}
		}
		p.log.WarnContext(ctx, "sign-out refused: the post_logout_redirect_uri is not registered", "client_id", loggable(id), "received", loggable(s.uri),
			"registered", registered, repairCommand(refused.client, "post-logout-redirect-uri", registered, s.uri), "request", web.RequestID(ctx))
		return nil, refused
	}
	return s, nil
}

func (p *Provider) askSignOut(w http.ResponseWriter, r *http.Request, s *signOut, live *authn.Live, params url.Values) error {
	page := views.SignOutPage{Frame: p.frame(r, s.row(), params.Get("ui_locales")), Action: p.IssuerPath + "/logout/confirm", StayURL: "/sign-in"}
	if s.client != nil && s.client.Settings.HomeURL != "" {
		page.StayURL = s.client.Settings.HomeURL
	}
	address, err := p.store.View(r.Context()).PrimaryEmail(live.User.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page.Address = address.Typed
	page.Fields = []views.Field{{Name: "session", Value: live.Session.ID.String()}}
	for _, name := range []string{"client_id", "id_token_hint", "post_logout_redirect_uri", "state"} {
		if params.Has(name) {
			page.Fields = append(page.Fields, views.Field{Name: name, Value: params.Get(name)})
		}
	}
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageMayLeave), views.SignOut(page))
}

func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, s *signOut, live *authn.Live) error {
	if err := p.engine.SignOut(r.Context(), p.visitor(r), live.Session.ID); err != nil {
		return err
	}
	p.cookies.Clear(w, "session")
	return p.signedOut(w, r, s)
}

// leaveApp signs the person out of one application alone: what it was given in this session ends, and the session goes on.
func (p *Provider) leaveApp(w http.ResponseWriter, r *http.Request, s *signOut, live *authn.Live) error {
	err := p.store.Write(r.Context(), func(tx storage.Tx) error {
		return tx.RevokeSessionClientGrants(live.Session.ID, s.client.ID, p.micros())
	})
	if err != nil {
		return err
	}
	return p.signedOut(w, r, s)
}

// endNamed ends the session an ID token names when the request comes without the person's cookies: from an application's server. Where
// the person has signed in anew in that browser, it is the session that took the place of the one that the application was told.
func (p *Provider) endNamed(r *http.Request, c storage.Client, h hint) error {
	id, err := storage.ParseID(h.Session)
	if err != nil {
		return nil // a token without a session
	}
	tx := p.store.View(r.Context())
	named, err := tx.Session(id)
	user := named.UserID
	if errors.Is(err, storage.ErrNotFound) || err == nil && named.RevokedAt > 0 {
		id, user, err = tx.MovedSession(id, c.ID)
	}
	if errors.Is(err, storage.ErrNotFound) || err == nil && p.subject(c, user) != h.Subject {
		return nil
	}
	if err != nil {
		return err
	}
	return p.engine.SignOut(r.Context(), p.visitor(r), id)
}

func (p *Provider) signedOut(w http.ResponseWriter, r *http.Request, s *signOut) error {
	if s.uri != "" {
		values := url.Values{}
		if s.state != "" {
			values.Set("state", s.state)
		}
		if len(values) == 0 {
			return web.SeeOther(w, r, s.uri)
		}
		return web.SeeOther(w, r, withQuery(s.uri, values))
	}
	page := views.SignedOutPage{Frame: p.frame(r, s.row(), ""), SignInURL: "/sign-in"}
	if s.client != nil {
		page.HomeURL = s.client.Settings.HomeURL
	}
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageStays), views.SignedOut(page))
}

// row is the asking application, or nil.
func (s *signOut) row() *storage.Client {
	if s.client == nil {
		return nil
	}
	return &s.client.Client
}
