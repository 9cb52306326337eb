package account

import (
	"errors"
	"net/http"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// passwordWay is the password, or the offer to have one where it would let somebody in.
func (d *Door) passwordWay(v *visit, has authn.Factors) ([]views.AccountWay, error) {
	x, err := d.engine.Experience(v.ctx())
	if err != nil || !has.Password && !slices.Contains(x.Methods, authn.MethodPassword) {
		return nil, err
	}
	w := views.AccountWay{Kind: views.WaySecret, Title: v.frame.Words.T("password.label"), On: has.Password, Actions: []views.Panel{views.AccountPasswordAction(v.frame.Words, has.Password)}}
	if !has.Password {
		w.Detail = v.frame.Words.T("account.password_none")
	}
	return []views.AccountWay{w}, nil
}

// password is the page for a new one. Whoever sees it has just signed in, so the one before is not asked for.
func (d *Door) password(v *visit) error {
	return d.showPassword(v, http.StatusOK, views.AccountPasswordPage{})
}

func (d *Door) showPassword(v *visit, status int, page views.AccountPasswordPage) error {
	rule, err := d.engine.PasswordRule(v.ctx(), v.user())
	if err != nil {
		return err
	}
	has, ways, err := d.engine.WaysIn(v.ctx(), v.user())
	if err != nil {
		return err
	}
	if page.Address, err = d.engine.Address(v.ctx(), v.user()); err != nil {
		return err
	}
	if page.Address == "" {
		page.Address = v.live.User.Username
	}
	page.Frame, page.Has, page.Least, page.Most = v.frame, has.Password, rule.Least, rule.Most
	page.Removable = has.Password && slices.ContainsFunc(ways, func(m authn.Method) bool { return m != authn.MethodPassword })
	page.Here = home + "/password"
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.AccountPassword(page))
}

// passwordProblems are the words for weaknesses. What is no text cannot come from a form.
var passwordProblems = map[authn.Weakness]views.PasswordProblem{
	authn.WeakShort: views.PasswordShort, authn.WeakLong: views.PasswordLong, authn.WeakText: views.PasswordCommon, authn.WeakCommon: views.PasswordCommon,
	authn.WeakPersonal: views.PasswordPersonal, authn.WeakLeaked: views.PasswordLeaked,
}

func (d *Door) postPassword(v *visit) error {
	keep := v.in.Get("keep") == "1"
	err := d.engine.SetPassword(v.ctx(), "user:"+v.user().String(), v.user(), authn.NewPassword{Password: v.in.Get("password"), Session: v.live.Session.ID, KeepOthers: keep})
	var weak *authn.WeakPassword
	if errors.As(err, &weak) {
		return d.showPassword(v, http.StatusUnprocessableEntity, views.AccountPasswordPage{Keep: keep, NewPassword: views.NewPassword{Problem: passwordProblems[weak.Why]}})
	}
	if err != nil {
		return err
	}
	return d.done(v, "ways", "password_saved")
}

func (d *Door) postRemovePassword(v *visit) error {
	err := d.engine.RemovePassword(v.ctx(), "user:"+v.user().String(), v.user())
	switch {
	case errors.Is(err, authn.ErrLastWayIn):
		return d.showPassword(v, http.StatusConflict, views.AccountPasswordPage{Last: true})
	case err != nil && !errors.Is(err, authn.ErrNoPassword):
		return err
	}
	return d.done(v, "ways", "password_removed")
}
