package signin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// protecting is a step of a flow in which somebody has a second factor to set up before they get on.
type protecting struct {
	*step
	user storage.User
	ways []views.Factor
}

// inProtect makes a handler of one that needs such a step.
func (d *Door) inProtect(v *visit, h func(*protecting) error) error {
	return d.inFlow(v, func(s *step) error {
		user, standing, err := d.engine.Standing(v.r.Context(), v.visitor, v.flow)
		if errors.Is(err, authn.ErrSignIn) || errors.Is(err, authn.ErrFlowDone) {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		if err != nil {
			return err
		}
		next := authn.After(standing)
		if next != authn.StepEnrol {
			return web.SeeOther(v.w, v.r, at(firstOf(pages[next], "/sign-in"), v.flow))
		}
		p := &protecting{step: s, user: user}
		for _, m := range standing.Enrolls() {
			if m == authn.MethodPasskey && !authn.PasskeysWork(d.cfg.PublicURL) {
				continue
			}
			p.ways = append(p.ways, secondWays[m])
		}
		return h(p)
	})
}

// protect shows what there is to set up, the authenticator that is being set up, or the recovery codes that are still to be kept.
func (d *Door) protect(v *visit) error {
	s, codes, err := d.unsaved(v)
	if err != nil {
		return err
	}
	if codes != nil {
		page := views.RecoveryCodesPage{Frame: d.stepFrame(s, "/sign-in/protect"), Action: "/sign-in/protect/saved", Fields: []views.Field{{Name: "flow", Value: v.flow}},
			Codes: codes, DownloadURL: at("/sign-in/protect/codes", v.flow)}
		return d.show(v, http.StatusOK, views.PageMayLeave, views.RecoveryCodes(page))
	}
	return d.inProtect(v, func(p *protecting) error {
		if v.in.Get("choose") == "" {
			app, err := d.engine.SettingUpTOTP(v.r.Context(), authn.SetUpIn(p.flow))
			if err == nil {
				return d.showAuthenticator(p, http.StatusOK, app, views.AuthenticatorPage{})
			}
			if !errors.Is(err, authn.ErrNoSetUp) {
				return err
			}
		}
		return d.showProtect(p, http.StatusOK, views.PasskeyFine)
	})
}

// showProtect is the page with what there is to set up.
func (d *Door) showProtect(p *protecting, status int, trouble views.PasskeyTrouble) error {
	who, err := d.who(p.step, p.user)
	if err != nil {
		return err
	}
	flow := p.visit.flow
	page := views.ProtectPage{Frame: d.stepFrame(p.step, "/sign-in/protect"), Flow: flow, Who: who, Ways: p.ways, Trouble: trouble}
	if slices.Contains(p.ways, views.FactorPasskey) {
		options, err := d.engine.AskToEnrolPasskey(p.r.Context(), p.visitor, flow)
		if err != nil {
			return err
		}
		page.Passkey = views.PasskeyAsk{Action: "/sign-in/protect/passkey", Flow: flow, Options: string(options), Again: at("/sign-in/protect/passkey", flow)}
	}
	return d.show(p.visit, status, views.PageMayLeave, views.Protect(page))
}

// postNewPasskey keeps the passkey that was made, and goes on with the sign-in.
func (d *Door) postNewPasskey(v *visit) error {
	return d.inProtect(v, func(p *protecting) error {
		in, err := d.engine.EnrolPasskey(v.r.Context(), v.visitor, authn.PasskeyAnswer{Flow: v.flow, Credential: []byte(v.in.Get("credential")), Cookie: d.session(v)})
		switch {
		case err == nil:
			return d.signedIn(v, in)
		case errors.Is(err, authn.ErrSignIn), errors.Is(err, authn.ErrFlowDone):
			return web.SeeOther(v.w, v.r, at("/sign-in/protect", v.flow)) // which knows where the flow is
		}
		trouble, _, err := d.passkeyTrouble(err)
		if err != nil {
			return err
		}
		return d.showProtect(p, http.StatusUnprocessableEntity, trouble)
	})
}

// newPasskeyOptions is a fresh question for a passkey to be made.
func (d *Door) newPasskeyOptions(v *visit) error {
	return d.sendOptions(v)(d.engine.AskToEnrolPasskey(v.r.Context(), v.visitor, v.flow))
}

func (d *Door) showAuthenticator(p *protecting, status int, app authn.Authenticator, page views.AuthenticatorPage) error {
	page.Frame = d.stepFrame(p.step, "/sign-in/protect")
	page.Action, page.Fields = "/sign-in/protect/totp", []views.Field{{Name: "flow", Value: p.visit.flow}}
	page.URI, page.Key = app.URI, app.Key
	if len(p.ways) > 1 {
		page.BackURL = at("/sign-in/protect", p.visit.flow) + "&choose=1"
	}
	return d.show(p.visit, status, views.PageMayLeave, views.Authenticator(page))
}

// postProtect begins to set something up.
func (d *Door) postProtect(v *visit) error {
	return d.inProtect(v, func(*protecting) error {
		if views.Factor(v.in.Get("way")) == views.FactorTOTP {
			err := d.engine.BeginProtectTOTP(v.r.Context(), v.visitor, v.flow)
			if err != nil && !errors.Is(err, authn.ErrSignIn) && !errors.Is(err, authn.ErrFlowDone) {
				return err
			}
		}
		return web.SeeOther(v.w, v.r, at("/sign-in/protect", v.flow))
	})
}

// postAuthenticator turns the authenticator on, and goes on with the sign-in.
func (d *Door) postAuthenticator(v *visit) error {
	return d.inProtect(v, func(p *protecting) error {
		app, err := d.engine.SettingUpTOTP(v.r.Context(), authn.SetUpIn(p.flow))
		if err != nil && !errors.Is(err, authn.ErrNoSetUp) {
			return err
		}
		in, err := d.engine.ProtectTOTP(v.r.Context(), v.visitor, authn.Answer{Flow: v.flow, Code: v.in.Get("code"), Cookie: d.session(v)})
		if err != nil {
			return d.notAuthenticator(p, app, err)
		}
		if in.Step == authn.StepDone {
			d.keepSession(v, in)
		}
		return web.SeeOther(v.w, v.r, at("/sign-in/protect", v.flow)) // the recovery codes, and then on
	})
}

// notAuthenticator shows what became of a code that did not turn it on.
func (d *Door) notAuthenticator(p *protecting, app authn.Authenticator, err error) error {
	var (
		wrong *authn.WrongAnswer
		many  *authn.TooMany
	)
	page, status := views.AuthenticatorPage{Code: p.in.Get("code")}, http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, authn.ErrNoSetUp), errors.Is(err, authn.ErrSignIn), errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(p.w, p.r, at("/sign-in/protect", p.visit.flow))
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(p.visit)
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.SecondMalformed
	case errors.As(err, &wrong):
		page.State, page.TriesLeft = views.SecondWrong, wrong.Left
	case errors.As(err, &many) && slowing(many):
		retryAfter(p.w, many.Wait)
		page.State, page.Minutes, status = views.SecondSlowed, wholeMinutes(many.Wait), http.StatusTooManyRequests
	default:
		return err
	}
	return d.showAuthenticator(p, status, app, page)
}

// unsaved finds the recovery codes that were made in a flow of this browser and that its person has not yet said to have kept; nil if
// there are none. Whoever sees them has given two proofs: the flow says so, or the session it ended in.
func (d *Door) unsaved(v *visit) (*step, []string, error) {
	f, demands, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
	if errors.Is(err, authn.ErrFlowGone) || err == nil && f.UserID.IsZero() {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if f.Finished > 0 {
		live, err := d.live(v)
		if err != nil || live == nil || live.Session.ID != f.SessionID || live.User.ID != f.UserID {
			return nil, nil, err
		}
	} else {
		_, standing, err := d.engine.Standing(v.r.Context(), v.visitor, v.flow)
		if errors.Is(err, authn.ErrSignIn) || err == nil && len(standing.Proven) < 2 {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	codes, err := d.engine.UnsavedRecoveryCodes(v.r.Context(), authn.SetUpIn(f))
	if err != nil || codes == nil {
		return nil, nil, err
	}
	s, err := d.stepOf(v, f, demands)
	return s, codes, err
}

// recoveryCodes is the text file with them.
func (d *Door) recoveryCodes(v *visit) error {
	s, codes, err := d.unsaved(v)
	if err != nil {
		return err
	}
	if codes == nil {
		return web.SeeOther(v.w, v.r, at("/sign-in/protect", v.flow))
	}
	who, err := d.engine.Address(v.r.Context(), s.flow.UserID)
	if err != nil {
		return err
	}
	c := d.language(v.r, v.flow, s.demands.UILocales)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n%s\r\n\r\n", c.T("recovery.file", "address", who, "host", d.cfg.PublicURL.Host), c.T("recovery.file_hint", "date", d.now().UTC().Format("2006-01-02")))
	for _, code := range codes {
		b.WriteString(code + "\r\n")
	}
	return web.Download(v.w, "recovery-codes.txt", b.String())
}

// postSaved ends the showing of recovery codes and goes on.
func (d *Door) postSaved(v *visit) error {
	s, codes, err := d.unsaved(v)
	if err != nil {
		return err
	}
	if codes != nil {
		if err := d.engine.SavedRecoveryCodes(v.r.Context(), authn.SetUpIn(s.flow)); err != nil {
			return err
		}
		if s.flow.Finished > 0 {
			return web.SeeOther(v.w, v.r, onward(s.flow))
		}
	}
	return web.SeeOther(v.w, v.r, at("/sign-in/protect", v.flow))
}
