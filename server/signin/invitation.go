package signin

import (
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// invitation is what the link of an invitation opens. It uses nothing up, however often a mail scanner looks.
func (d *Door) invitation(v *visit) error {
	i, err := d.engine.Invitation(v.r.Context(), v.in.Get("t"))
	if err != nil {
		return d.invitationGone(v, err)
	}
	return d.show(v, http.StatusOK, views.PageMayLeave, views.Invitation(views.InvitationPage{
		Frame: d.Frame(v.r, ""), Token: v.in.Get("t"), Host: d.cfg.PublicURL.Host, Address: i.Address}))
}

// postInvitation begins the sign-in of whoever accepts it.
func (d *Door) postInvitation(v *visit) error {
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	in, err := d.engine.Accept(v.r.Context(), v.visitor, v.in.Get("t"), d.session(v))
	if err != nil {
		return d.invitationGone(v, err)
	}
	if in.Step == authn.StepSignIn {
		return web.SeeOther(v.w, v.r, at("/sign-in", in.Flow.ID.String()))
	}
	return d.signedIn(v, in)
}

// invitationGone is the page of a link that works no more; any other error passes.
func (d *Door) invitationGone(v *visit, err error) error {
	used := errors.Is(err, authn.ErrInviteUsed)
	if !used && !errors.Is(err, authn.ErrNoInvitation) {
		return err
	}
	return d.show(v, http.StatusGone, views.PageStays, views.InvitationGone(views.InvitationGonePage{Frame: d.Frame(v.r, ""), Used: used}))
}
