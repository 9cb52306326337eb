package signin

import (
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// landing says who is signed in, where no application waits.
func (d *Door) landing(v *visit, live *authn.Live) error {
	person, err := d.person(v, live)
	if err != nil {
		return err
	}
	frame := d.Frame(v.r, "")
	frame.Here = "/sign-in"
	return d.show(v, http.StatusOK, views.PageMayLeave, views.Landing(views.LandingPage{Frame: frame, Person: *person, Admin: live.Administers(), SignOutURL: "/sign-out"}))
}

// postSignOut ends the session of this browser and what hangs on it.
func (d *Door) postSignOut(v *visit) error {
	live, err := d.live(v)
	if err != nil {
		return err
	}
	if live != nil {
		if err := d.engine.SignOut(v.r.Context(), v.visitor, live.Session.ID); err != nil {
			return err
		}
	}
	d.cookies.Clear(v.w, cookieSession)
	return web.SeeOther(v.w, v.r, "/signed-out")
}

// signedOut says that it is done.
func (d *Door) signedOut(v *visit) error {
	frame := d.Frame(v.r, "")
	frame.Here = "/signed-out"
	return d.show(v, http.StatusOK, views.PageStays, views.SignedOut(views.SignedOutPage{Frame: frame, SignInURL: "/sign-in"}))
}
