package signin

import (
	"errors"
	"net/http"
	"net/url"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// notMe is what the button of a notice opens. It changes nothing, however often a mail scanner looks: the page has a button of its own.
func (d *Door) notMe(v *visit) error {
	told, err := d.engine.Told(v.r.Context(), v.in.Get("t"))
	if errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	}
	if err != nil {
		return err
	}
	frame := d.Frame(v.r, "")
	frame.Here = notMeAt(v.in.Get("t"), "")
	if told.Denied {
		return d.showDenied(v, frame)
	}
	page := views.NotMePage{Frame: frame, Token: v.in.Get("t"), Kind: string(told.Kind), At: told.At, Device: told.Device, IP: told.IP}
	for _, kind := range told.Back {
		page.Back = append(page.Back, string(kind))
	}
	return d.show(v, http.StatusOK, views.PageStays, views.NotMe(page))
}

// postNotMe stops what is going on, and begins the sign-in of whoever reads the mail.
func (d *Door) postNotMe(v *visit) error {
	token := v.in.Get("t")
	recovery, err := d.engine.NotMe(v.r.Context(), v.visitor, token)
	if errors.Is(err, authn.ErrLinkGone) {
		return web.SeeOther(v.w, v.r, notMeAt(token, "")) // it says whether that was done already
	}
	if err != nil {
		return err
	}
	flow := ""
	if recovery.Address != "" {
		if flow, err = d.recover(v, recovery.Address); err != nil {
			return err
		}
	}
	return web.SeeOther(v.w, v.r, notMeAt(token, flow))
}

// recover begins a sign-in in this browser with a code to somebody's own address; "" if none can be sent now. It ends on the account page.
func (d *Door) recover(v *visit, address string) (flow string, err error) {
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	v.visitor.Languages = d.Frame(v.r, "").Words.Lang()
	f, err := d.engine.Begin(v.r.Context(), v.visitor, authn.Start{ReturnTo: "/account"})
	if err == nil {
		err = d.engine.SendRecovery(v.r.Context(), v.visitor, f.ID.String(), address)
	}
	if errors.Is(err, authn.ErrTooMany) {
		return "", nil // everything is ended all the same; the page leads to a sign-in
	}
	return f.ID.String(), err
}

// showDenied says that it is done, and leads on: to the code that was mailed, in the browser that asked for it, or to a sign-in.
func (d *Door) showDenied(v *visit, frame views.Frame) error {
	page := views.DeniedPage{Frame: frame, OnURL: "/sign-in"}
	if v.flow != "" {
		f, _, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
		if err != nil && !errors.Is(err, authn.ErrFlowGone) {
			return err
		}
		if err == nil && f.Finished == 0 {
			page.OnURL, page.Mailed = at("/sign-in/code", v.flow), true
		}
	}
	return d.show(v, http.StatusOK, views.PageMayLeave, views.Denied(page))
}

// badLink is the page of a link that works no more.
func (d *Door) badLink(v *visit) error {
	page := views.LinkGonePage{Frame: d.Frame(v.r, ""), AgainURL: "/sign-in"}
	return d.show(v, http.StatusGone, views.PageMayLeave, views.LinkGone(page))
}

func notMeAt(token, flow string) string {
	q := url.Values{"t": {token}}
	if flow != "" {
		q.Set("flow", flow)
	}
	return "/sign-in/not-me?" + q.Encode()
}
