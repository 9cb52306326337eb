// Package account is the door for people who look after their own account: one page in panels, for whoever is signed in. What
// happens to sign-ins, addresses and access is the engine's to decide; the door owns which panels there are, and asks for a fresh
// sign-in before a change to the ways in.
//
// Every page works without JavaScript, and every POST ends in a 303 or in the page that says what to put right. Nobody signed in,
// or not as this server demands: the browser is sent to sign in and comes back.
//
//	GET  /account                     done   all panels; done says what a POST has done
//	GET  /account/passkey             id     a passkey: its name, and how to be rid of it
//	POST /account/passkey/rename      id, name
//	POST /account/passkey/remove      id
//	GET  /account/passkey/new                where one is made; /account/passkey/new/options is a fresh question to an authenticator
//	POST /account/passkey/new         credential
//	GET  /account/back                flow   comes back from a sign-in
//	POST /account/profile             names of attributes
//	POST /account/username            username   a fresh sign-in
//	GET  /account/password                      a fresh sign-in; the page for a new one
//	POST /account/password            password, keep  a fresh sign-in
//	POST /account/password/remove               a fresh sign-in
//	POST /account/picture             picture, a file of at most 5 MB (multipart/form-data)
//	POST /account/picture/remove
//	GET  /pictures/{name}                       for everybody: the picture that a `picture` claim names
//	GET  /account/link                connection   a fresh sign-in; says where the browser is about to go, to link an account elsewhere
//	POST /account/link                connection
//	GET  /account/linked              state        comes back from there
//	POST /account/unlink              account
//	POST /account/addresses           email     a fresh sign-in; a code is mailed there
//	POST /account/addresses/primary   address   a fresh sign-in
//	POST /account/addresses/remove    address   a fresh sign-in
//	GET  /account/address             address   asks for the code
//	POST /account/address/code        address, code
//	POST /account/address/again       address
//	GET  /account/activity            before    what has happened, the newest first
//	GET  /account/data                          a fresh sign-in; everything about the person, as JSON
//	GET  /account/delete                        a fresh sign-in; the question
//	POST /account/delete              address   a fresh sign-in
//	GET  /account/leaving             flow      who has asked to be deleted decides whether they stay
//	POST /account/keep                flow
//	GET  /account/deleted                       after it
//	POST /account/devices/end         device
//	POST /account/devices/end-others
//	POST /account/devices/end-all
//	POST /account/apps/remove         app
//	POST /account/totp/begin                 the set-up of an authenticator app
//	GET  /account/totp
//	POST /account/totp                code
//	POST /account/totp/remove
//	POST /account/recovery-codes             a new set
//	GET  /account/recovery-codes             shown until they are saved; …/file: as text
//	POST /account/recovery-codes/saved
//	POST /account/trusted/forget   browser (left out: all)
//
// And the same for programs that a person has let (scopes account and account:write), as /api/account/v1/openapi.json lists it.
package account

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// Config is what the door has to be told.
type Config struct {
	PublicURL *url.URL
	InboxURL  string // where captured mail can be read; empty: mail leaves
	Issuer    string // as tokens name it
	// DeletionGrace is how long somebody who has asked to be deleted may come back; 0: not at all.
	DeletionGrace time.Duration
	Version       string // of the program
}

// Deps are the rooms the door works with.
type Deps struct {
	Store   *storage.Store
	Engine  *authn.Engine
	Cookies web.Cookies
	// LastUsed is when something was last done with a grant: only the door that mints tokens can read that.
	LastUsed func(storage.Grant) int64
	// Bearer tells whom a request with an access token speaks for; *web.Error.
	Bearer func(w http.ResponseWriter, r *http.Request) (Bearer, error)
	// Challenge is what an API answers who has no such token, or one that does not do; more are parameters.
	Challenge func(r *http.Request, e *web.Error, more ...string) []string
	// CrossOrigin lets pages of the applications' origins use a handler.
	CrossOrigin func(methods string, next http.Handler) http.Handler
	// Frame is what every page starts from, in the visitor's language or, if they have chosen none, the first of locales spoken here.
	Frame func(r *http.Request, locales string) views.Frame
	// Pages answers when a page fails.
	Pages web.Edge
	Now   func() time.Time
	Log   *slog.Logger
}

// Door is the account page.
type Door struct {
	cfg      Config
	store    *storage.Store
	engine   *authn.Engine
	cookies  web.Cookies
	lastUsed func(storage.Grant) int64
	deps     Deps // what the API alone works with
	api      func() http.Handler
	frame    func(r *http.Request, locales string) views.Frame
	pages    web.Edge
	clock    func() time.Time
	log      *slog.Logger
}

// New makes the door.
func New(c Config, d Deps) *Door {
	door := &Door{deps: d, cfg: c, store: d.Store, engine: d.Engine, cookies: d.Cookies, lastUsed: d.LastUsed, frame: d.Frame, pages: d.Pages, clock: d.Now, log: d.Log}
	door.api = sync.OnceValue(door.newAPI) // put together at its first request: a server starts faster
	return door
}

// panel makes one section of the page.
type panel func(*visit) (views.Panel, error)

// panels are the sections of the page, in their order.
func (d *Door) panels() []panel {
	return []panel{d.waysPanel, d.linkedPanel, d.addressesPanel, d.devicesPanel, d.appsPanel, d.profilePanel, d.activityPanel, d.dataPanel}
}

// Routes mounts the door.
func (d *Door) Routes(mux *http.ServeMux) {
	for route, h := range map[string]web.Handler{
		"GET /account":                     d.page(d.overview),
		"GET /account/back":                d.back,
		"POST /account/profile":            d.form(d.postProfile),
		"POST /account/username":           d.fresh("profile", d.postUsername),
		"GET /account/password":            d.freshPage("ways", d.password),
		"POST /account/password":           d.fresh("ways", d.postPassword),
		"POST /account/password/remove":    d.fresh("ways", d.postRemovePassword),
		"GET /account/link":                d.link,
		"POST /account/link":               d.fresh("linked", d.postLink),
		"GET /account/linked":              d.page(d.linked),
		"POST /account/unlink":             d.fresh("linked", d.postUnlink),
		"POST /account/addresses":          d.fresh("addresses", d.postAddress),
		"POST /account/addresses/primary":  d.fresh("addresses", d.postPrimary),
		"POST /account/addresses/remove":   d.fresh("addresses", d.postRemoveAddress),
		"GET /account/address":             d.page(d.address),
		"POST /account/address/code":       d.form(d.postAddressCode),
		"POST /account/address/again":      d.form(d.postAddressAgain),
		"GET /account/activity":            d.page(d.activity),
		"GET /account/data":                d.freshPage("data", d.data),
		"GET /account/delete":              d.freshPage("data", d.askDelete),
		"POST /account/delete":             d.fresh("data", d.postDelete),
		"GET /account/leaving":             d.leavingPage,
		"POST /account/keep":               d.postKeep,
		"GET /account/deleted":             d.deleted,
		"POST /account/picture":            d.upload(d.postPicture),
		"POST /account/picture/remove":     d.form(d.postRemovePicture),
		"GET /pictures/{name}":             d.picture,
		"POST /account/devices/end":        d.form(d.postEndDevice),
		"POST /account/devices/end-others": d.form(d.postEndOthers),
		"POST /account/devices/end-all":    d.form(d.postEndAll),
		"POST /account/apps/remove":        d.form(d.postRemoveApp),

		"POST /account/totp/begin":           d.strong(d.postBeginTOTP),
		"GET /account/totp":                  d.page(d.totp),
		"POST /account/totp":                 d.form(d.postTOTP),
		"POST /account/totp/remove":          d.strong(d.postRemoveTOTP),
		"POST /account/recovery-codes":       d.strong(d.postNewRecoveryCodes),
		"GET /account/recovery-codes":        d.page(d.recoveryCodes),
		"GET /account/recovery-codes/file":   d.page(d.recoveryFile),
		"POST /account/recovery-codes/saved": d.form(d.postSaved),
		"POST /account/trusted/forget":       d.form(d.postForgetTrusted),
	} {
		mux.Handle(route, d.pages.Handle(h))
	}
	d.passkeyRoutes(mux)
	mux.Handle(APIPath+"/", d.deps.CrossOrigin("GET, POST, PUT, PATCH, DELETE", http.HandlerFunc(d.serveAPI)))
}

func (d *Door) now() int64 { return d.clock().UnixMicro() }

// overview is the page.
func (d *Door) overview(v *visit) error { return d.show(v, http.StatusOK) }

// show sends the page with all panels.
func (d *Door) show(v *visit, status int) error {
	owner, err := d.owner(v.ctx(), v.live.User)
	if err != nil {
		return err
	}
	page := views.AccountPage{Frame: v.frame, Owner: owner, Problem: status >= http.StatusBadRequest}
	for _, make := range d.panels() {
		p, err := make(v)
		if err != nil {
			return err
		}
		page.Panels = append(page.Panels, p)
	}
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.Account(page))
}

// owner is how a person is shown to themselves.
func (d *Door) owner(ctx context.Context, u storage.User) (views.AccountOwner, error) {
	address, err := d.engine.Address(ctx, u.ID)
	if err != nil {
		return views.AccountOwner{}, err
	}
	return views.AccountOwner{Person: views.Person{Name: u.Name, Address: address}, Hue: int(u.ID[len(u.ID)-1])%12 + 1, Picture: d.ownPicture(u.Picture), Since: moment(u.Created)}, nil
}

// moment is a time of the store; the zero time for none.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros)
}
