package account

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// Names of the cookies, which are signin's: who is signed in, which browser a flow belongs to, and the language that was chosen.
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

// freshFor is how old a sign-in may be that changes a way in (SECURITY row 84).
const freshFor = 5 * time.Minute

// visit is one request of somebody who is signed in.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	in      url.Values // of the query or the form, each name once
	visitor authn.Visitor
	live    *authn.Live
	frame   views.Frame
	trouble trouble // what a form is shown again for
}

// trouble is why a form is shown again.
type trouble struct {
	panel    string                // whose form it is
	field    string                // that is to be put right; "" for the whole form
	key      string                // of the sentence
	username views.UsernameProblem // instead of a sentence, of that form
	typed    url.Values
}

func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) user() storage.ID { return v.live.User.ID }

// page answers a GET of somebody who is signed in.
func (d *Door) page(h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.Query(r)
		if err != nil {
			return err
		}
		return d.enter(w, r, in, way{to: r.URL.Path}, h)
	}
}

// form answers a POST of somebody who is signed in.
func (d *Door) form(h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.PostForm(w, r)
		if err != nil {
			return err
		}
		return d.enter(w, r, in, way{to: home}, h)
	}
}

// fresh answers a POST that changes a way in: of somebody whose sign-in is at most five minutes old. Anybody else signs in first,
// and comes back to the panel that the form stands in.
func (d *Door) fresh(panel string, h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.PostForm(w, r)
		if err != nil {
			return err
		}
		return d.enter(w, r, in, afresh(panel), h)
	}
}

// freshPage answers a GET that nobody but the person should see, of somebody whose sign-in is at most five minutes old.
func (d *Door) freshPage(panel string, h func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.Query(r)
		if err != nil {
			return err
		}
		return d.enter(w, r, in, afresh(panel), h)
	}
}

// home is the page.
const home = "/account"

// way is where somebody who has to sign in first comes back to.
type way struct {
	to      string // path of ours
	maxAge  *int64 // how old, in seconds, the sign-in may be
	leaving bool   // it is also for somebody who has asked to be deleted
}

func afresh(panel string) way {
	age := int64(freshFor.Seconds())
	return way{to: doneAt(panel, "again"), maxAge: &age}
}

// enter finds out who is signed in and lets them in, or sends them to sign in.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, in url.Values, back way, h func(*visit) error) error {
	if err := web.Once(in); err != nil {
		return &web.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: err}
	}
	from := web.VisitorOf(r.Context())
	v := &visit{w: w, r: r, in: in, visitor: authn.Visitor{IP: from.IP, Network: from.Network(), Agent: from.Agent, Browser: d.cookies.Get(r, cookieBrowser), Device: d.cookies.Get(r, cookieDevice)}}
	live, err := d.engine.Session(r.Context(), d.cookies.Get(r, cookieSession))
	if err != nil {
		return err
	}
	demands := authn.Demands{MaxAge: back.maxAge}
	switch step := authn.Next(nil, demands, live, storage.Client{}, d.now()); {
	case step == authn.StepLeaving && !back.leaving:
		return web.SeeOther(w, r, leavingPath)
	case step != authn.StepDone && step != authn.StepLeaving:
		return d.signIn(v, live, demands, back.to)
	}
	v.live, v.frame = live, d.frameFor(w, r, in, live.User)
	v.visitor.Languages = v.frame.Words.Lang()
	return h(v)
}

// frameFor is what a page starts from. A language that is chosen in the footer is kept in this browser, and before it counts what the
// person has said in their profile.
func (d *Door) frameFor(w http.ResponseWriter, r *http.Request, in url.Values, u storage.User) views.Frame {
	locales := u.Locale
	if d.cookies.Get(r, cookieLang) != "" {
		locales = ""
	}
	f := d.frame(r, locales)
	if f.Words.Lang() == in.Get(views.LangParam) {
		d.keepLanguage(w, f.Words.Lang())
	}
	if r.Method == http.MethodGet {
		f.Here = r.URL.Path
	} else {
		f.Here = home
	}
	return f
}

func (d *Door) keepLanguage(w http.ResponseWriter, tag string) {
	d.cookies.Set(w, cookieLang, tag+".", langLife)
}

// signIn begins a sign-in that comes back to a path of ours.
func (d *Door) signIn(v *visit, live *authn.Live, demands authn.Demands, to string) error {
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	if live != nil {
		var err error
		if demands.LoginHint, err = d.engine.LoginOf(v.ctx(), live.User.ID); err != nil {
			return err
		}
	}
	f, err := d.engine.Begin(v.ctx(), v.visitor, authn.Start{ReturnTo: backPath, Request: to, Demands: demands})
	if err != nil {
		return err
	}
	return web.SeeOther(v.w, v.r, "/sign-in?flow="+f.ID.String())
}

// backPath is where sign-ins that were begun here come back to.
const backPath = home + "/back"

// back goes on after a sign-in. Where that leads stands in the flow, written by us; who they are now is asked there again.
func (d *Door) back(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Query(r)
	if err != nil {
		return err
	}
	f, _, err := d.engine.Flow(r.Context(), in.Get("flow"), d.cookies.Get(r, cookieBrowser))
	if err != nil {
		return err
	}
	switch {
	case f.ReturnTo != backPath:
		return authn.ErrFlowGone
	case f.Finished == 0:
		return web.SeeOther(w, r, "/sign-in?flow="+f.ID.String())
	}
	return web.SeeOther(w, r, f.Request)
}

// done ends a POST: the page says in that panel what has happened.
func (d *Door) done(v *visit, panel, what string) error {
	return web.SeeOther(v.w, v.r, doneAt(panel, what))
}

func doneAt(panel, what string) string { return home + "?done=" + panel + "." + what + "#" + panel }

// statuses are what a panel can say after a POST.
var statuses = map[string]string{
	"again":            "account.again",
	"saved":            "account.saved",
	"passkey_added":    "account.passkey_added",
	"passkey_removed":  "account.passkey_removed",
	"address_added":    "account.address_added",
	"address_taken":    "account.address_taken",
	"address_gone":     "account.address_gone",
	"address_primary":  "account.address_primary",
	"address_removed":  "account.address_removed",
	"kept":             "account.kept",
	"password_saved":   "account.password_saved",
	"password_removed": "account.password_removed",
	"linked":           "account.linked_done",
	"unlinked":         "account.unlinked",
	"link_elsewhere":   "account.link_elsewhere",
	"link_refused":     "account.link_refused",
	"link_failed":      "account.link_failed",
	"device_ended":     "account.device_ended",
	"others_ended":     "account.others_ended",
	"access_ended":     "account.app_removed",
	"totp_off":         "account.totp_removed",
	"trust_ended":      "account.trust_ended",
	"trust_ended_one":  "account.trust_ended_one",
}

// status is what has just happened in a panel; "" for nothing.
func (v *visit) status(panel string) string {
	at, what, _ := strings.Cut(v.in.Get("done"), ".")
	if key := statuses[what]; at == panel && key != "" && v.r.Method == http.MethodGet {
		return v.frame.Words.T(key)
	}
	return ""
}

// again shows the page once more, with what is to be put right.
func (d *Door) again(v *visit, t trouble) error {
	t.typed = v.in
	v.trouble = t
	return d.show(v, http.StatusUnprocessableEntity)
}
