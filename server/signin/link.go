package signin

import (
	"errors"
	"net/http"
	"net/url"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// link is what the button in the mail opens. It spends nothing, however often a mail scanner looks: in the browser that asked it
// shows a button of its own, in any other the code to type where the sign-in began.
func (d *Door) link(v *visit) error {
	l, err := d.engine.Link(v.r.Context(), v.visitor, v.flow, v.in.Get("t"))
	if errors.Is(err, authn.ErrLinkGone) {
		return d.linkGone(v, storage.Flow{}, false)
	}
	if err != nil {
		return err
	}
	if l.Here && l.Flow.Finished > 0 && l.Flow.Answered == 0 {
		live, err := d.live(v)
		if err != nil {
			return err
		}
		if live != nil && live.Session.ID == l.Flow.SessionID {
			return web.SeeOther(v.w, v.r, onward(l.Flow))
		}
	}
	if l.Gone != 0 {
		return d.linkGone(v, l.Flow, l.Gone == authn.GoneSpent)
	}
	frame, err := d.linkFrame(v, l.Flow)
	if err != nil {
		return err
	}
	if !l.Here {
		return d.show(v, http.StatusOK, views.PageStays, views.LinkElsewhere(views.LinkElsewherePage{Frame: frame, Code: l.Code}))
	}
	return d.show(v, http.StatusOK, views.PageMayLeave, views.Link(views.LinkPage{Frame: frame, Flow: v.flow, Token: v.in.Get("t"), Address: l.Address, Reset: l.Reset}))
}

// postLink signs in.
func (d *Door) postLink(v *visit) error {
	in, err := d.engine.CheckLink(v.r.Context(), v.visitor, authn.Answer{
		Flow: v.flow, Token: v.in.Get("t"), Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
	var gone *authn.CodeGone
	switch {
	case errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
	case errors.Is(err, authn.ErrFlowGone): // another browser: the page behind the link says what to do there
		return web.SeeOther(v.w, v.r, linkAddress(v))
	case errors.Is(err, authn.ErrLinkGone):
		return d.linkGone(v, storage.Flow{}, false)
	case errors.As(err, &gone):
		return d.linkGone(v, storage.Flow{}, gone.Why == authn.GoneSpent)
	case err != nil:
		return err
	}
	return d.signedIn(v, in)
}

// linkGone says that a link works no more, and offers the way on: to the code in the browser where the flow goes on, to the
// application, or to a sign-in of its own.
func (d *Door) linkGone(v *visit, f storage.Flow, used bool) error {
	frame, err := d.linkFrame(v, f)
	if err != nil {
		return err
	}
	again := "/sign-in"
	mine, _, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
	switch {
	case err == nil && mine.Finished == 0:
		again = at("/sign-in/code", v.flow)
	case err != nil && !errors.Is(err, authn.ErrFlowGone):
		return err
	case f.ClientID != "":
		c, err := d.clientOf(v.r.Context(), f.ClientID)
		if err != nil {
			return err
		}
		again = c.StartURL(d.cfg.Issuer)
	}
	return d.show(v, http.StatusGone, views.PageMayLeave, views.LinkGone(views.LinkGonePage{Frame: frame, Used: used, AgainURL: again}))
}

// linkFrame speaks for the application only once the link has proven to be one of its flow.
func (d *Door) linkFrame(v *visit, f storage.Flow) (views.Frame, error) {
	c, err := d.clientOf(v.r.Context(), f.ClientID)
	if err != nil {
		return views.Frame{}, err
	}
	return d.frame(v, authn.Demands{}, c, linkAddress(v)), nil
}

func linkAddress(v *visit) string {
	return at("/sign-in/link", v.flow) + "&t=" + url.QueryEscape(v.in.Get("t"))
}
