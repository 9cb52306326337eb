package signin

import (
	"errors"
	"net/http"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// signIn asks who somebody is. Without a flow it shows who is signed in, or begins a sign-in that ends there.
func (d *Door) signIn(v *visit) error {
	if v.flow == "" {
		return d.signInAlone(v)
	}
	return d.inFlow(v, func(s *step) error {
		if v.in.Get("other") == "" {
			if answered, err := d.turned(s); err != nil || answered {
				return err
			}
		}
		return d.showSignIn(s, http.StatusOK, views.SignInPage{Email: s.called()})
	})
}

// called is what the page has in its field: what was typed before, or what the application has hinted at.
func (s *step) called() string {
	if s.flow.Login == "" && len(s.demands.LoginHint) <= 254 {
		return s.demands.LoginHint
	}
	return s.flow.Login
}

// turned answers where the person who is signed in has only to prove more, or has no access. It reports whether it has answered.
func (d *Door) turned(s *step) (bool, error) {
	live, err := d.live(s.visit)
	if err != nil {
		return false, err
	}
	switch authn.Next(&s.flow, s.demands, live, s.client, d.now().UnixMicro()) {
	case authn.StepRaise:
		return d.raise(s)
	case authn.StepLeaving:
		return true, web.SeeOther(s.w, s.r, at(leaving, s.visit.flow))
	case authn.StepNoAccess:
		page := views.ErrorPage{Frame: d.stepFrame(s, "/sign-in"), Kind: views.ErrorNoAccess, HomeURL: s.client.StartURL(d.cfg.Issuer),
			OtherURL: at("/sign-in", s.visit.flow) + "&other=1", Reference: d.reference(s.r)}
		return true, d.show(s.visit, http.StatusForbidden, views.PageStays, views.Error(page))
	}
	return false, nil
}

// raise goes on with the person who is signed in, where the flow only asks them to prove more. It reports whether it has answered.
func (d *Door) raise(s *step) (bool, error) {
	in, err := d.engine.Raise(s.r.Context(), s.visitor, s.visit.flow, d.session(s.visit))
	switch {
	case errors.Is(err, authn.ErrSignIn):
		return false, nil
	case errors.Is(err, authn.ErrFlowDone):
		return true, web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case err != nil:
		return true, err
	}
	return true, d.signedIn(s.visit, in)
}

func (d *Door) signInAlone(v *visit) error {
	live, err := d.live(v)
	if err != nil {
		return err
	}
	if live != nil && live.User.Leaving() {
		return web.SeeOther(v.w, v.r, leaving)
	}
	if live != nil {
		return d.landing(v, live)
	}
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	f, err := d.engine.Begin(v.r.Context(), v.visitor, authn.Start{ReturnTo: landing})
	if err != nil {
		return err
	}
	return web.SeeOther(v.w, v.r, at("/sign-in", f.ID.String()))
}

// showSignIn is the page that asks for the address, or whether to go on as who is signed in.
func (d *Door) showSignIn(s *step, status int, page views.SignInPage) error {
	signUp, err := d.engine.SignUpIn(s.r.Context(), s.flow)
	if err != nil {
		return err
	}
	person, err := d.mayContinue(s)
	if err != nil {
		return err
	}
	if person != nil && page.Email == s.flow.Login && !page.BadAddress && !page.Wrong {
		page.Email = "" // "Use another account" begins with an empty field
	}
	w, err := d.waysOf(s)
	if err != nil {
		return err
	}
	if page.Passkey, err = d.askPasskey(s); err != nil {
		return err
	}
	page.Frame, page.Flow = d.stepFrame(s, "/sign-in"), s.flow.ID.String()
	page.SignUp, page.SigningUp, page.SignedIn = views.SignUp(signUp), s.demands.SigningUp(), person
	page.Password = w.passwordFirst || page.Wrong
	page.Code, page.Device = w.code, s.in.Get("device") == "1"
	d.askWho(s, &page, w)
	if err := d.withProviders(s, &page); err != nil {
		return err
	}
	return d.show(s.visit, status, views.PageMayLeave, views.SignIn(page))
}

// What is asked for, as by=, where people sign in by username.
const (
	byAddress  = "address"
	byUsername = "username"
)

// askWho says what the field takes. Whoever is new, or has forgotten their username, has an address: a code is mailed there.
func (d *Door) askWho(s *step, page *views.SignInPage, w ways) {
	page.Identifiers = views.Identifiers(w.rules.Identifiers)
	if !w.rules.TakesUsernames() {
		return
	}
	newcomer := s.demands.SigningUp() && page.SignUp == views.SignUpOpen && s.in.Get("by") != byUsername
	switch only := page.Identifiers == views.IdentifiersUsername; {
	case page.Wrong || !w.code:
	case only && (newcomer || s.in.Get("by") == byAddress || s.in.Has("email")), newcomer && !page.Password:
		page.Identifiers, page.Password = views.IdentifiersEmail, false
		if only {
			page.BackURL = at("/sign-in", s.visit.flow) + "&by=" + byUsername
		}
	case only:
		page.AddressURL = at("/sign-in", s.visit.flow) + "&by=" + byAddress
	}
	if kept := page.BadAddress || page.Wrong; !kept && page.Identifiers != views.IdentifiersBoth && strings.Contains(page.Email, "@") != (page.Identifiers == views.IdentifiersEmail) {
		page.Email = "" // it belongs into the other field
	}
}

// mayContinue is the person who may go on as themselves without a fresh sign-in; nil if nobody may, or if the application
// means somebody else.
func (d *Door) mayContinue(s *step) (*views.Person, error) {
	live, err := d.live(s.visit)
	if err != nil {
		return nil, err
	}
	if step := authn.Next(&s.flow, s.demands, live, s.client, d.now().UnixMicro()); step != authn.StepSelectAccount && step != authn.StepDone {
		return nil, nil
	}
	person, err := d.person(s.visit, live)
	if err != nil {
		return nil, err
	}
	if other, err := d.hintsAtAnother(s, live, person.Address); err != nil || other {
		return nil, err
	}
	return person, nil
}

// hintsAtAnother reports whether the application has named somebody else than who is signed in.
func (d *Door) hintsAtAnother(s *step, live *authn.Live, address string) (bool, error) {
	if hint, err := authn.NormalizeAddress(s.demands.LoginHint); err == nil {
		mine, err := authn.NormalizeAddress(address)
		return err != nil || mine != hint, nil
	}
	x, err := d.engine.Experience(s.r.Context())
	if err != nil || !x.TakesUsernames() {
		return false, err
	}
	name, is := authn.ReadUsername(s.demands.LoginHint)
	return is && name != live.User.Username, nil
}

func (d *Door) person(v *visit, live *authn.Live) (*views.Person, error) {
	address, err := d.engine.Address(v.r.Context(), live.User.ID)
	if err != nil {
		return nil, err
	}
	return &views.Person{Name: live.User.Name, Address: address}, nil
}

// typed is what a form says who somebody is.
func (v *visit) typed() string {
	if v.in.Has("email") {
		return v.in.Get("email")
	}
	return v.in.Get("identifier")
}

// postEmail sends a code to the address that was typed, or to that of the username that was.
func (d *Door) postEmail(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		typed := v.typed()
		w, err := d.waysOf(s)
		if err != nil {
			return err
		}
		if !w.code {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		if typed == "" || !v.in.Has("email") && !w.rules.Takes(typed) {
			return d.showSignIn(s, http.StatusUnprocessableEntity, views.SignInPage{Email: typed, BadAddress: true})
		}
		err = d.engine.SendCode(v.r.Context(), v.visitor, v.flow, typed)
		switch {
		case errors.Is(err, authn.ErrBadAddress):
			return d.showSignIn(s, http.StatusUnprocessableEntity, views.SignInPage{Email: typed, BadAddress: true})
		case err != nil:
			return d.notSent(s, typed, err)
		}
		return web.SeeOther(v.w, v.r, at("/sign-in/code", v.flow))
	})
}

// postRestart goes back to the question for the address.
func (d *Door) postRestart(v *visit) error {
	return d.inFlow(v, func(*step) error { return web.SeeOther(v.w, v.r, at("/sign-in", v.flow)+"&other=1") })
}

// postContinue goes on as who is signed in.
func (d *Door) postContinue(v *visit) error {
	return d.inFlow(v, func(*step) error {
		f, err := d.engine.Continue(v.r.Context(), v.visitor, v.flow, d.session(v))
		switch {
		case errors.Is(err, authn.ErrSignIn), errors.Is(err, authn.ErrFlowDone):
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		case errors.Is(err, authn.ErrFlowGone):
			return d.gone(v)
		case err != nil:
			return err
		}
		return web.SeeOther(v.w, v.r, onward(f))
	})
}

// notSent translates why a mail was not asked for. With a code of this flow on its way to the same address the visitor stays
// with it; without one they learn when to come back. Neither depends on who has the address.
func (d *Door) notSent(s *step, typed string, err error) error {
	var many *authn.TooMany
	switch {
	case errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(s.visit)
	case errors.Is(err, authn.ErrCodeGone):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case !errors.As(err, &many) || many.Budget != authn.BudgetMails:
		return err
	}
	address := authn.ReadIdentifier(typed)
	if typed == "" {
		address = s.flow.Login
	}
	if address == s.flow.Login {
		code, err := d.engine.Code(s.r.Context(), s.flow)
		if err != nil && !errors.Is(err, authn.ErrCodeGone) {
			return err
		}
		if err == nil && code.Gone == 0 {
			retryAfter(s.w, many.Wait)
			return d.showCode(s, http.StatusTooManyRequests, views.CodePage{State: views.CodeTooSoon, ResendIn: wholeSeconds(many.Wait)}, code)
		}
	}
	return d.throttled(s, address, many)
}
