package signin

import (
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// stateChanged is told to the password page when a new one was chosen.
const stateChanged = "changed"

// ways are what a sign-in for an application can begin with here, by which rules.
type ways struct {
	code, password, passwordFirst bool
	rules                         authn.Experience
}

// waysOf asks the engine's rules, and nothing of who is signing in.
func (d *Door) waysOf(s *step) (ways, error) {
	x, err := d.engine.Experience(s.r.Context())
	if err != nil {
		return ways{}, err
	}
	w := ways{rules: x, code: x.MayBegin(s.client, authn.MethodCode), password: x.MayBegin(s.client, authn.MethodPassword)}
	for _, m := range x.Methods {
		if m == authn.MethodCode && w.code {
			break
		}
		if m == authn.MethodPassword && w.password {
			w.passwordFirst = true
			break
		}
	}
	return w, nil
}

// password asks for the password of the address that was typed before. Where both are asked for at once, that page does.
func (d *Door) password(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		identifier, err := d.identifier(s)
		if err != nil {
			return err
		}
		if identifier == "" {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		return d.showPassword(s, http.StatusOK, views.PasswordPage{Identifier: identifier, Changed: v.in.Get("state") == stateChanged})
	})
}

// identifier is what was typed before; or, where somebody who is signed in has to prove more, what they could have typed.
func (d *Door) identifier(s *step) (string, error) {
	if s.flow.UserID.IsZero() {
		return s.flow.Login, nil
	}
	name, err := d.who(s, storage.User{ID: s.flow.UserID})
	if err != nil || name == "" {
		return "", err
	}
	x, err := d.engine.Experience(s.r.Context())
	if err == nil && !x.Takes(name) {
		name, err = d.engine.LoginOf(s.r.Context(), s.flow.UserID)
	}
	return name, err
}

func (d *Door) showPassword(s *step, status int, page views.PasswordPage) error {
	w, err := d.waysOf(s)
	if err != nil {
		return err
	}
	if s.flow.UserID.IsZero() && (!w.password || !w.rules.Takes(page.Identifier)) {
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	}
	page.Frame = d.stepFrame(s, "/sign-in/password")
	page.Flow, page.Device = s.flow.ID.String(), s.in.Get("device") == "1"
	page.Code = w.code && s.flow.UserID.IsZero()
	return d.show(s.visit, status, views.PageMayLeave, views.EnterPassword(page))
}

// postPassword checks a password.
func (d *Door) postPassword(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		in, err := d.engine.CheckPassword(v.r.Context(), v.visitor, authn.Attempt{Flow: v.flow, Identifier: v.in.Get("identifier"), Password: v.in.Get("password"),
			Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
		if err != nil {
			return d.notByPassword(s, err)
		}
		return d.signedIn(v, in)
	})
}

// notByPassword shows what became of a password that did not sign in. Nothing of it depends on whether there is such a person.
func (d *Door) notByPassword(s *step, err error) error {
	identifier := s.in.Get("identifier")
	var many *authn.TooMany
	switch {
	case errors.Is(err, authn.ErrFlowDone), errors.Is(err, authn.ErrNotHere):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(s.visit)
	case errors.Is(err, authn.ErrPasswordExpired): // it was right: the mailbox decides
		return web.SeeOther(s.w, s.r, at("/sign-in/forgot", s.visit.flow))
	case errors.As(err, &many) && many.Budget == authn.BudgetGuesses:
		return d.guessed(s, identifier, many)
	case errors.Is(err, authn.ErrBadIdentifier):
		return d.showSignIn(s, http.StatusUnprocessableEntity, views.SignInPage{Email: identifier, BadAddress: true})
	case !errors.Is(err, authn.ErrWrongAnswer):
		return err
	}
	mine, bad := d.identifier(s)
	if bad != nil {
		return bad
	}
	if mine != "" && mine == identifier {
		return d.showPassword(s, http.StatusUnprocessableEntity, views.PasswordPage{Identifier: identifier, Wrong: true})
	}
	return d.showSignIn(s, http.StatusUnprocessableEntity, views.SignInPage{Email: identifier, Wrong: true})
}

// guessed is the page of an address or username whose passwords are paused: a mailed link goes on working.
func (d *Door) guessed(s *step, identifier string, many *authn.TooMany) error {
	w, err := d.waysOf(s)
	if err != nil {
		return err
	}
	retryAfter(s.w, many.Wait)
	page := views.ThrottledPage{Frame: d.stepFrame(s, "/sign-in"), Flow: s.flow.ID.String(), Address: identifier, Minutes: wholeMinutes(many.Wait), Reference: d.reference(s.r),
		Guessed: true, Code: w.code}
	return d.show(s.visit, http.StatusTooManyRequests, views.PageMayLeave, views.Throttled(page))
}

// forgot asks where the code for a new password goes.
func (d *Door) forgot(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		w, err := d.waysOf(s)
		if err != nil {
			return err
		}
		if !w.password {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		return d.showForgot(s, http.StatusOK, views.ForgotPage{Email: s.called()})
	})
}

func (d *Door) showForgot(s *step, status int, page views.ForgotPage) error {
	page.Frame = d.stepFrame(s, "/sign-in/forgot")
	page.Flow = s.flow.ID.String()
	x, err := d.engine.Experience(s.r.Context())
	if err != nil {
		return err
	}
	if x.TakesUsernames() { // and an address, for whoever has forgotten both
		page.Identifiers = views.IdentifiersBoth
	}
	return d.show(s.visit, status, views.PageMayLeave, views.Forgot(page))
}

// postForgot mails the code. The page after it is the same as that of every code.
func (d *Door) postForgot(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		typed := v.typed()
		err := d.engine.ForgotPassword(v.r.Context(), v.visitor, v.flow, typed)
		switch {
		case errors.Is(err, authn.ErrBadAddress):
			return d.showForgot(s, http.StatusUnprocessableEntity, views.ForgotPage{Email: typed, BadAddress: true})
		case errors.Is(err, authn.ErrNotHere):
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		case err != nil:
			return d.notSent(s, typed, err)
		}
		return web.SeeOther(v.w, v.r, at("/sign-in/code", v.flow))
	})
}

// newPassword asks whoever has proven their mailbox, or knows a temporary password, for a new one.
func (d *Door) newPassword(v *visit) error {
	return d.inFlow(v, func(s *step) error { return d.showNewPassword(s, http.StatusOK, views.PasswordFine) })
}

func (d *Door) showNewPassword(s *step, status int, problem views.PasswordProblem) error {
	address, rule, err := d.engine.Replacing(s.r.Context(), s.visitor, s.visit.flow)
	if errors.Is(err, authn.ErrSignIn) {
		address, rule, err = d.engine.Reset(s.r.Context(), s.visitor, s.visit.flow)
	}
	if err != nil {
		return d.notReset(s, err)
	}
	page := views.NewPasswordPage{Frame: d.stepFrame(s, "/sign-in/new-password"), Flow: s.flow.ID.String(), Address: address,
		NewPassword: views.NewPassword{Least: rule.Least, Most: rule.Most, Problem: problem}}
	return d.show(s.visit, status, views.PageMayLeave, views.ChooseNewPassword(page))
}

// postNewPassword changes it. The sign-in goes on with it, and with whatever else is asked for.
func (d *Door) postNewPassword(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		in, err := d.engine.ReplacePassword(v.r.Context(), v.visitor, v.flow, v.in.Get("password"), d.session(v))
		if err == nil {
			return d.signedIn(v, in)
		}
		if errors.Is(err, authn.ErrSignIn) {
			err = d.engine.ResetPassword(v.r.Context(), v.visitor, v.flow, v.in.Get("password"))
		}
		var weak *authn.WeakPassword
		switch {
		case errors.Is(err, authn.ErrSamePassword):
			return d.showNewPassword(s, http.StatusUnprocessableEntity, views.PasswordSame)
		case errors.As(err, &weak):
			return d.showNewPassword(s, http.StatusUnprocessableEntity, passwordProblems[weak.Why])
		case err != nil:
			return d.notReset(s, err)
		}
		return web.SeeOther(v.w, v.r, at("/sign-in/password", v.flow)+"&state="+stateChanged)
	})
}

// passwordProblems are the words for weaknesses. What is no text cannot come from a form.
var passwordProblems = map[authn.Weakness]views.PasswordProblem{
	authn.WeakShort: views.PasswordShort, authn.WeakLong: views.PasswordLong, authn.WeakText: views.PasswordCommon, authn.WeakCommon: views.PasswordCommon,
	authn.WeakPersonal: views.PasswordPersonal, authn.WeakLeaked: views.PasswordLeaked,
}

// notReset sends on whoever comes to the new password without, or too long after, the code for it.
func (d *Door) notReset(s *step, err error) error {
	switch {
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(s.visit)
	case errors.Is(err, authn.ErrPasswordExpired):
		return web.SeeOther(s.w, s.r, at("/sign-in/forgot", s.visit.flow))
	case errors.Is(err, authn.ErrFlowDone), errors.Is(err, authn.ErrCodeGone):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	}
	return err
}
