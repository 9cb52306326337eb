package account

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// leavingPath is the only page for somebody who has asked to be deleted.
const leavingPath = home + "/leaving"

// askDelete is the question before an account is deleted.
func (d *Door) askDelete(v *visit) error {
	return d.showDelete(v, http.StatusOK, views.AccountDeletePage{})
}

func (d *Door) showDelete(v *visit, status int, page views.AccountDeletePage) error {
	address, err := d.engine.Address(v.ctx(), v.user())
	if err != nil {
		return err
	}
	if address == "" {
		address = v.live.User.Username
	}
	page.Frame, page.Address, page.Days = v.frame, address, days(d.cfg.DeletionGrace)
	page.Here = home + "/delete"
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.AccountDelete(page))
}

// days rounds down: nobody is promised too much.
func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

func (d *Door) postDelete(v *visit) error {
	_, err := d.engine.EndAccount(v.ctx(), v.visitor, v.user(), v.in.Get("address"))
	switch {
	case errors.Is(err, authn.ErrNoAddress):
		return d.showDelete(v, http.StatusUnprocessableEntity, views.AccountDeletePage{Typed: v.in.Get("address"), Bad: true})
	case errors.Is(err, authn.ErrLastOwner):
		return d.showDelete(v, http.StatusConflict, views.AccountDeletePage{LastOwner: true})
	case err != nil:
		return err
	}
	d.cookies.Clear(v.w, cookieSession)
	return web.SeeOther(v.w, v.r, home+"/deleted")
}

// deleted says what happens next. It knows nobody any more.
func (d *Door) deleted(w http.ResponseWriter, r *http.Request) error {
	page := views.AccountDeletedPage{Frame: d.frame(r, ""), Days: days(d.cfg.DeletionGrace), Grace: d.cfg.DeletionGrace > 0}
	page.Here = home + "/deleted"
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageStays), views.AccountDeleted(page))
}

// leavingPage asks somebody who has asked to be deleted, and signs in before they are, whether they stay.
func (d *Door) leavingPage(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Query(r)
	if err != nil {
		return err
	}
	return d.enter(w, r, in, way{to: leavingPath, leaving: true}, func(v *visit) error {
		if !v.live.User.Leaving() {
			return web.SeeOther(v.w, v.r, onward(v.in))
		}
		page := views.AccountLeavingPage{Frame: v.frame, Flow: flowOf(v.in), At: moment(v.live.User.DeleteAt)}
		page.Here = leavingPath
		if page.Flow != "" {
			page.Here += "?flow=" + page.Flow
		}
		return web.Page(v.w, v.r, http.StatusOK, views.CSP(views.PageMayLeave), views.AccountLeaving(page))
	})
}

// postKeep takes the wish to be deleted back, and goes on with what the person was on their way to.
func (d *Door) postKeep(w http.ResponseWriter, r *http.Request) error {
	in, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	return d.enter(w, r, in, way{to: leavingPath, leaving: true}, func(v *visit) error {
		if err := d.engine.KeepAccount(v.ctx(), v.visitor, v.user()); err != nil {
			return err
		}
		f, _, err := d.engine.Flow(v.ctx(), flowOf(v.in), v.visitor.Browser)
		if err == nil && f.ReturnTo == backPath { // they were on their way to this page
			return d.done(v, "data", "kept")
		}
		return web.SeeOther(v.w, v.r, onward(v.in))
	})
}

// flowOf is the flow that was interrupted, if it can be one.
func flowOf(in url.Values) string {
	if _, err := storage.ParseID(in.Get("flow")); err != nil {
		return ""
	}
	return in.Get("flow")
}

// onward is where somebody who stays goes on: with the flow, whose browser and end the sign-in pages look at, or to their account.
func onward(in url.Values) string {
	if flow := flowOf(in); flow != "" {
		return "/sign-in?flow=" + flow
	}
	return doneAt("data", "kept")
}
