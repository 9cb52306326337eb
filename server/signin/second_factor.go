package signin

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// secondWays are the ways that the page of the second factor asks for.
var secondWays = map[authn.Method]views.Factor{authn.MethodTOTP: views.FactorTOTP, authn.MethodCode: views.FactorCode, authn.MethodRecovery: views.FactorRecovery, authn.MethodPasskey: views.FactorPasskey}

// second is a step of a flow in which somebody has proven something, and more is asked for.
type second struct {
	*step
	user   storage.User
	offers []authn.Method // that the page can ask for
	other  bool           // the password would do, too: it has a page of its own
	trust  int64          // seconds for which this browser could be excused
}

// inSecond makes a handler of one that needs such a step. Whoever has proven nothing yet, or has something to set up, is sent there.
func (d *Door) inSecond(v *visit, h func(*second) error) error {
	return d.inFlow(v, func(s *step) error {
		user, standing, err := d.engine.Standing(v.r.Context(), v.visitor, v.flow)
		if errors.Is(err, authn.ErrSignIn) || errors.Is(err, authn.ErrFlowDone) {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		if err != nil {
			return err
		}
		next := authn.After(standing)
		if next != authn.StepSecondFactor {
			return web.SeeOther(v.w, v.r, at(firstOf(pages[next], "/sign-in"), v.flow))
		}
		s2 := &second{step: s, user: user, trust: standing.Experience.TrustDevice}
		s2.other = slices.Contains(standing.Offers(), authn.MethodPassword)
		offers := standing.Offers()
		for _, m := range offers {
			if _, known := secondWays[m]; known && (m != authn.MethodPasskey || len(offers) == 1 || authn.PasskeysWork(d.cfg.PublicURL)) {
				s2.offers = append(s2.offers, m)
			}
		}
		if len(s2.offers) == 0 { // nothing but a password, which has a page of its own
			return web.SeeOther(v.w, v.r, at("/sign-in/password", v.flow))
		}
		if len(s2.offers) == 0 && s2.other {
			return web.SeeOther(v.w, v.r, at("/sign-in/password", v.flow))
		}
		return h(s2)
	})
}

// wanted is the method that a request is about: the one it names, if the person can use it, or else the first.
func (s *second) wanted() authn.Method {
	for _, m := range s.offers {
		if string(secondWays[m]) == s.in.Get("way") {
			return m
		}
	}
	if len(s.offers) == 0 {
		return ""
	}
	return s.offers[0]
}

// secondFactor asks for one more proof.
func (d *Door) secondFactor(v *visit) error {
	return d.inSecond(v, func(s *second) error {
		page := views.SecondFactorPage{}
		if v.in.Get("state") == stateResent {
			page.State = views.SecondSent
		}
		return d.showSecond(s, http.StatusOK, s.wanted(), page)
	})
}

// showSecond fills in what every state of the page has.
func (d *Door) showSecond(s *second, status int, m authn.Method, page views.SecondFactorPage) error {
	flow := s.flow.ID.String()
	page.Frame = d.stepFrame(s.step, "/sign-in/second-factor")
	page.Frame.Here = views.SecondFactorURL(flow, secondWays[m])
	page.Flow, page.Way = flow, secondWays[m]
	for _, other := range s.offers {
		if other != m {
			page.Others = append(page.Others, views.OtherWay{Way: secondWays[other], URL: views.SecondFactorURL(flow, secondWays[other])})
		}
	}
	if s.other {
		page.Others = append(page.Others, views.OtherWay{Way: views.FactorPassword, URL: at("/sign-in/password", flow)})
	}
	if s.trust > 0 {
		page.TrustDays, page.Trust = wholeDays(s.trust), s.in.Get("trust") == "1"
	}
	var err error
	if page.Who, err = d.who(s.step, s.user); err != nil {
		return err
	}
	if m == authn.MethodPasskey {
		if page.Passkey, err = d.askSecondPasskey(s, page.Passkey); err != nil {
			return err
		}
	}
	if m == authn.MethodCode {
		code, err := d.engine.SecondCode(s.r.Context(), s.flow)
		if err != nil {
			return err
		}
		page.Address, page.Sent = code.Address, code.Gone == 0
		page.InboxURL = d.cfg.InboxURL
		if code.Unsent && page.State == views.SecondFresh {
			page.State = views.SecondNotSent
		}
		if page.Sent && page.ResendIn == 0 {
			page.ResendIn = wholeSeconds(min(resendHint, resendHint-d.now().Sub(code.Sent)))
		}
	}
	return d.show(s.visit, status, views.PageMayLeave, views.SecondFactor(page))
}

// who is how the page calls the person: as they have called themselves, for they have proven no more than one factor. Somebody who is
// signed in sees their address.
func (d *Door) who(s *step, user storage.User) (string, error) {
	if s.flow.Login != "" {
		return s.flow.Login, nil
	}
	live, err := d.live(s.visit)
	if err != nil || live == nil || live.User.ID != user.ID {
		return "", err
	}
	return d.engine.Address(s.r.Context(), user.ID)
}

// postSecondFactor checks one.
func (d *Door) postSecondFactor(v *visit) error {
	return d.inSecond(v, func(s *second) error {
		m := s.wanted()
		if m == "" || string(secondWays[m]) != v.in.Get("way") {
			return web.SeeOther(v.w, v.r, at("/sign-in/second-factor", v.flow)) // no longer one of theirs
		}
		check := map[authn.Method]checker{authn.MethodTOTP: d.engine.CheckTOTP, authn.MethodCode: d.engine.CheckSecondCode, authn.MethodRecovery: d.engine.CheckRecovery}[m]
		if check == nil { // a passkey is not typed
			return web.SeeOther(v.w, v.r, views.SecondFactorURL(v.flow, secondWays[m]))
		}
		in, err := check(v.r.Context(), v.visitor, authn.Answer{Flow: v.flow, Code: v.in.Get("code"), Trust: v.in.Get("trust") == "1", Cookie: d.session(v)})
		if err != nil {
			return d.notSecond(s, m, err)
		}
		return d.signedIn(v, in)
	})
}

// notSecond shows what became of an answer that did not do.
func (d *Door) notSecond(s *second, m authn.Method, err error) error {
	var (
		wrong *authn.WrongAnswer
		gone  *authn.CodeGone
		many  *authn.TooMany
	)
	page, status := views.SecondFactorPage{Code: s.in.Get("code")}, http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, authn.ErrFlowDone), errors.Is(err, authn.ErrSignIn):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(s.visit)
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.SecondMalformed
	case errors.As(err, &wrong):
		page.State, page.TriesLeft = views.SecondWrong, wrong.Left
	case errors.As(err, &gone) && (gone.Why == authn.GoneNever || gone.Why == authn.GoneExpired):
		return d.sendSecond(s)
	case errors.As(err, &gone):
		page.State = views.SecondUsed
	case errors.As(err, &many) && slowing(many):
		retryAfter(s.w, many.Wait)
		page.State, page.Minutes, status = views.SecondSlowed, wholeMinutes(many.Wait), http.StatusTooManyRequests
	default:
		return err
	}
	return d.showSecond(s, status, m, page)
}

// slowing reports whether one way is paused, so that others may help.
func slowing(many *authn.TooMany) bool {
	return slices.Contains([]string{authn.BudgetSecondFactor, authn.BudgetSecondFactorDay, authn.BudgetGuesses, authn.BudgetMails}, many.Budget)
}

// postSendSecond mails a code to the person.
func (d *Door) postSendSecond(v *visit) error {
	return d.inSecond(v, func(s *second) error {
		if !slices.Contains(s.offers, authn.MethodCode) {
			return web.SeeOther(v.w, v.r, at("/sign-in/second-factor", v.flow))
		}
		return d.sendSecond(s)
	})
}

func (d *Door) sendSecond(s *second) error {
	err := d.engine.SendSecondCode(s.r.Context(), s.visitor, s.visit.flow)
	if err != nil {
		return d.notSecond(s, authn.MethodCode, err)
	}
	return web.SeeOther(s.w, s.r, views.SecondFactorURL(s.visit.flow, views.FactorCode)+"&state="+stateResent)
}

// checker is a method that goes on with a sign-in.
type checker func(context.Context, authn.Visitor, authn.Answer) (authn.SignIn, error)

// wholeDays rounds up.
func wholeDays(seconds int64) int {
	return int(math.Ceil((time.Duration(seconds) * time.Second).Hours() / 24))
}
