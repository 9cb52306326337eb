// Package signin is the door for people who sign in: the pages between an application's "Sign in" and the way back to it, and
// the set-up of the first admin. It decides nothing about who somebody is: that is authn's. It owns the visitor's language, the
// cookies of browser and session, and the page of every error a visitor sees.
//
// Every page works without JavaScript, every POST ends in a 303 or in the page that says what to put right, and every POST of a
// flow must come from the browser the flow began in. A GET changes nothing, but for /sign-in without a flow, which begins one, and
// the way to a provider and back.
//
//	GET  /sign-in            flow     who are you: address, or "Continue as …"
//	POST /sign-in/email      flow, email
//	GET  /sign-in/code       flow     the code that was mailed
//	POST /sign-in/code       flow, code, device
//	POST /sign-in/resend     flow
//	POST /sign-in/restart    flow
//	POST /sign-in/continue   flow
//	POST /sign-in/social     flow, connection   to a provider, which brings the browser back to
//	GET  /sign-in/social/{connection}/callback  state, code or error, iss
//	POST /sign-in/social/{connection}/callback  likewise, from another site: goes on as the GET
//	GET  /sign-in/direct     flow     to the provider that the application has named
//	POST /sign-in/disconnect flow     goes on without the account elsewhere that is nobody's yet
//	GET  /sign-in/link       flow, t  what the button in the mail opens
//	POST /sign-in/link       flow, t, device
//	GET  /sign-in/second-factor       flow, way               one more proof of whoever has given the first
//	POST /sign-in/second-factor       flow, way, code, trust
//	POST /sign-in/second-factor/send  flow                    mails a code
//	GET  /sign-in/protect             flow                    the set-up of a second factor, where one is demanded
//	POST /sign-in/protect             flow, way
//	POST /sign-in/protect/totp        flow, code
//	GET  /sign-in/protect/codes       flow                    recovery codes as a text file, while their page is open
//	POST /sign-in/protect/saved       flow
//	GET  /sign-in/details             flow                    what a person has still to say or to accept before they are in
//	POST /sign-in/details             flow, username, one field for each that is asked for, accept
//	GET  /invitation         t        what the link of an invitation opens
//	POST /invitation         t
//	GET  /sign-in/letter     t        what a link of an administrator opens; without t it asks for a code that one has told
//	POST /sign-in/letter     t, device; or identifier, code, device
//	GET  /sign-in/not-me     t, flow  what the button in a notice opens
//	POST /sign-in/not-me     t
//	POST /sign-in/protect/passkey     flow, credential
//	POST /sign-in/passkey    flow, way, credential, trust    what an authenticator has answered
//	GET  /sign-in/passkey, /sign-in/protect/passkey, /sign-in/passkey-offer/options   flow   a fresh question to one, as JSON
//	GET  /sign-in/passkey-offer   flow     a passkey for the next time, after the sign-in
//	POST /sign-in/passkey-offer   flow, credential
//	GET  /.well-known/webauthn             which other sites may use the passkeys
//	GET  /set-up             t        the first admin
//	POST /set-up             t, name, email, sign_up
//	POST /sign-out
//	GET  /signed-out
package signin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// Names of the cookies. The values are secret.
const (
	cookieSession = "session"
	cookieBrowser = "browser"
	cookieLang    = "lang"
	cookieDevice  = "device"
)

const (
	browserLife = 24 * time.Hour // longer than any flow
	langLife    = 365 * 24 * time.Hour
)

// Config is what the door has to be told.
type Config struct {
	PublicURL  *url.URL
	Issuer     string         // as tokens name it: applications that can be asked to sign somebody in are told
	Words      *words.Library // nil: the one that comes with the program
	Language   string         // for visitors whose languages are not spoken here
	PrivacyURL string         // for the footer; may be empty
	HelpURL    string         // likewise
	InboxURL   string         // where captured mail can be read, shown on the code page; empty: mail leaves
}

// Deps are the rooms the door works with.
type Deps struct {
	Engine  *authn.Engine
	Cookies web.Cookies
	// Client returns the row of an application; storage.ErrNotFound.
	Client func(ctx context.Context, id string) (storage.Client, error)
	Now    func() time.Time
	Log    *slog.Logger
}

// Door is the sign-in pages.
type Door struct {
	cfg     Config
	engine  *authn.Engine
	cookies web.Cookies
	client  func(context.Context, string) (storage.Client, error)
	now     func() time.Time
	log     *slog.Logger
}

// New makes the door.
func New(c Config, d Deps) *Door {
	return &Door{cfg: c, engine: d.Engine, cookies: d.Cookies, client: d.Client, now: d.Now, log: d.Log}
}

// Edge is where errors of pages for people become pages; other doors use it, too.
func (d *Door) Edge() web.Edge { return web.Edge{Log: d.log, Translate: translate, Show: d.ShowError} }

// Routes mounts the door.
func (d *Door) Routes(mux *http.ServeMux) {
	edge := d.Edge()
	for route, h := range map[string]web.Handler{
		"GET /sign-in":                     d.page(d.signIn),
		"POST /sign-in/email":              d.form(d.postEmail),
		"GET /sign-in/code":                d.page(d.code),
		"POST /sign-in/code":               d.form(d.postCode),
		"POST /sign-in/resend":             d.form(d.postResend),
		"POST /sign-in/restart":            d.form(d.postRestart),
		"POST /sign-in/continue":           d.form(d.postContinue),
		"GET /sign-in/password":            d.page(d.password),
		"POST /sign-in/password":           d.form(d.postPassword),
		"GET /sign-in/forgot":              d.page(d.forgot),
		"POST /sign-in/forgot":             d.form(d.postForgot),
		"GET /sign-in/new-password":        d.page(d.newPassword),
		"POST /sign-in/new-password":       d.form(d.postNewPassword),
		"GET /sign-in/link":                d.page(d.link),
		"POST /sign-in/link":               d.form(d.postLink),
		"GET /sign-in/second-factor":       d.page(d.secondFactor),
		"POST /sign-in/second-factor":      d.form(d.postSecondFactor),
		"POST /sign-in/second-factor/send": d.form(d.postSendSecond),
		"GET /sign-in/protect":             d.page(d.protect),
		"POST /sign-in/protect":            d.form(d.postProtect),
		"POST /sign-in/protect/totp":       d.form(d.postAuthenticator),
		"GET /sign-in/protect/codes":       d.page(d.recoveryCodes),
		"POST /sign-in/protect/saved":      d.form(d.postSaved),
		"GET /sign-in/details":             d.page(d.details),
		"POST /sign-in/details":            d.form(d.postDetails),
		"GET /invitation":                  d.page(d.invitation),
		"POST /invitation":                 d.form(d.postInvitation),
		"GET /sign-in/letter":              d.page(d.letter),
		"POST /sign-in/letter":             d.form(d.postLetter),
		"GET /sign-in/not-me":              d.page(d.notMe),
		"POST /sign-in/not-me":             d.form(d.postNotMe),
		"GET /set-up":                      d.page(d.setUp),
		"POST /set-up":                     d.form(d.postSetUp),
		"POST /sign-in/social":             d.form(d.postSocial),
		"GET /sign-in/direct":              d.page(d.direct),
		"POST /sign-in/disconnect":         d.form(d.postDisconnect),
		"POST /sign-out":                   d.form(d.postSignOut),

		"GET /sign-in/social/{connection}/callback":  d.page(d.callback),
		"POST /sign-in/social/{connection}/callback": d.postCallback,
		"GET /signed-out": d.page(d.signedOut),
	} {
		mux.Handle(route, edge.Handle(h))
	}
	d.passkeyRoutes(mux, edge)
}

// visit is one request to this door.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	in      url.Values // of the query or the form, each name once
	flow    string     // id of the flow it is about, as received
	visitor authn.Visitor
}

// page reads the parameters of a GET and keeps a choice of language.
func (d *Door) page(h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.Query(r)
		if err != nil {
			return err
		}
		if lang := d.chosen(in.Get(views.LangParam)); lang != "" {
			d.keepLanguage(w, lang, in.Get("flow"))
		}
		return d.serve(w, r, in, h)
	}
}

// form reads the form of a POST.
func (d *Door) form(h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.PostForm(w, r)
		if err != nil {
			return err
		}
		return d.serve(w, r, in, h)
	}
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request, in url.Values, h func(*visit) error) error {
	if err := web.Once(in); err != nil {
		return &web.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: err}
	}
	from := web.VisitorOf(r.Context())
	return h(&visit{w: w, r: r, in: in, flow: in.Get("flow"), visitor: authn.Visitor{
		IP: from.IP, Network: from.Network(), Agent: from.Agent, Browser: d.cookies.Get(r, cookieBrowser),
		Device: d.cookies.Get(r, cookieDevice)}})
}

// session is the value of the session cookie.
func (d *Door) session(v *visit) string { return d.cookies.Get(v.r, cookieSession) }

// live is who is signed in in this browser; nil: nobody.
func (d *Door) live(v *visit) (*authn.Live, error) {
	return d.engine.Session(v.r.Context(), d.session(v))
}

// show sends a page.
func (d *Door) show(v *visit, status int, class views.PageClass, page web.Component) error {
	return web.Page(v.w, v.r, status, views.CSP(class), page)
}

// signedIn gives the browser its new session and sends it to where the flow goes on; or to the page of what is still to be proven.
func (d *Door) signedIn(v *visit, in authn.SignIn) error {
	if page, more := pages[in.Step]; more {
		return web.SeeOther(v.w, v.r, at(page, in.Flow.ID.String()))
	}
	d.keepSession(v, in)
	if !in.Live.User.Leaving() && d.offersPasskey(v, in) {
		return web.SeeOther(v.w, v.r, at("/sign-in/passkey-offer", in.Flow.ID.String()))
	}
	return d.goOn(v, &in.Live, in.Flow)
}

// keepSession gives the browser the cookies of a sign-in that is done.
func (d *Door) keepSession(v *visit, in authn.SignIn) {
	d.cookies.Set(v.w, cookieSession, in.Cookie, in.Life)
	d.cookies.Set(v.w, cookieDevice, in.Device, authn.DeviceLife)
}

// pages are where the steps between the first proof and the session happen.
var pages = map[authn.Step]string{authn.StepSecondFactor: "/sign-in/second-factor", authn.StepEnrol: "/sign-in/protect", authn.StepDetails: "/sign-in/details", authn.StepNewPassword: "/sign-in/new-password"}

// landing is where a sign-in without an application ends.
const landing = "/sign-in"

// leaving is where somebody who has asked to be deleted says whether they stay: nothing else is done for them.
const leaving = "/account/leaving"

// goOn sends the browser of a finished flow to the door that has still to answer it.
func (d *Door) goOn(v *visit, live *authn.Live, f storage.Flow) error {
	if live.User.Leaving() {
		return web.SeeOther(v.w, v.r, at(leaving, f.ID.String()))
	}
	return web.SeeOther(v.w, v.r, onward(f))
}

// onward is where a finished flow goes on. ReturnTo was written by a door of ours, never by a visitor.
func onward(f storage.Flow) string {
	if f.ReturnTo == landing || f.ReturnTo == "" {
		return landing
	}
	return at(f.ReturnTo, f.ID.String())
}

// at is the address of a page of a flow.
func at(path, flow string) string { return path + "?flow=" + url.QueryEscape(flow) }
