package signin

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// resendHint is how long the page counts down before it suggests another mail. The server would send one sooner.
const resendHint = 30 * time.Second

// What has happened, told to the code page behind a 303.
const (
	stateResent  = "resent"
	stateExpired = "expired"
)

// code asks for the code that was mailed.
func (d *Door) code(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		code, err := d.engine.Code(v.r.Context(), s.flow)
		if errors.Is(err, authn.ErrCodeGone) {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		if err != nil {
			return err
		}
		page := views.CodePage{TriesLeft: code.Left}
		switch {
		case code.Gone == authn.GoneTries:
			page.State = views.CodeWrong
		case code.Gone == authn.GoneSpent:
			page.State = views.CodeUsed
		case code.Unsent:
			page.State = views.CodeNotSent
		case v.in.Get("state") == stateResent:
			page.State = views.CodeResent
		case v.in.Get("state") == stateExpired && code.Gone == 0:
			page.State = views.CodeExpired
		}
		return d.showCode(s, http.StatusOK, page, code)
	})
}

// showCode fills in what every state of the code page has.
func (d *Door) showCode(s *step, status int, page views.CodePage, code authn.Code) error {
	w, err := d.waysOf(s)
	if err != nil {
		return err
	}
	page.Frame = d.stepFrame(s, "/sign-in/code")
	page.Password = w.password && w.rules.Takes(s.flow.Login)
	page.InboxURL = d.cfg.InboxURL
	page.Flow, page.Address, page.Digits = s.flow.ID.String(), code.Address, authn.Digits
	if !strings.Contains(code.Address, "@") {
		page.Username = code.Address
	}
	page.Minutes = wholeMinutes(code.Valid)
	page.Device = s.in.Get("device") == "1"
	if page.ResendIn == 0 && code.Gone == 0 {
		page.ResendIn = wholeSeconds(min(resendHint, resendHint-d.now().Sub(code.Sent)))
	}
	return d.show(s.visit, status, views.PageMayLeave, views.EnterCode(page))
}

// postCode checks a code.
func (d *Door) postCode(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		in, err := d.engine.CheckCode(v.r.Context(), v.visitor, authn.Answer{
			Flow: v.flow, Code: v.in.Get("code"), Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
		if err != nil {
			return d.notIn(s, err)
		}
		return d.signedIn(v, in)
	})
}

// notIn shows what became of a code that did not sign in.
func (d *Door) notIn(s *step, err error) error {
	var (
		wrong *authn.WrongAnswer
		gone  *authn.CodeGone
		many  *authn.TooMany
	)
	switch {
	case errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(s.visit)
	case errors.As(err, &many) && many.Budget == authn.BudgetGuesses:
		return d.throttled(s, s.flow.Login, many)
	case errors.As(err, &gone) && gone.Why == authn.GoneNever:
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	case errors.As(err, &gone) && gone.Why == authn.GoneExpired:
		return d.sendAgain(s, stateExpired)
	}
	page := views.CodePage{Code: s.in.Get("code")}
	switch {
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.CodeWrongLength
	case errors.As(err, &wrong):
		page.State, page.TriesLeft = views.CodeWrong, wrong.Left
	case errors.As(err, &gone) && gone.Why == authn.GoneTries:
		page.State = views.CodeWrong
	case errors.As(err, &gone):
		page.State = views.CodeUsed
	default:
		return err
	}
	code, err := d.engine.Code(s.r.Context(), s.flow)
	if errors.Is(err, authn.ErrCodeGone) {
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	}
	if err != nil {
		return err
	}
	return d.showCode(s, http.StatusUnprocessableEntity, page, code)
}

// postResend mails the code once more.
func (d *Door) postResend(v *visit) error {
	return d.inFlow(v, func(s *step) error { return d.sendAgain(s, stateResent) })
}

func (d *Door) sendAgain(s *step, state string) error {
	if err := d.engine.SendCode(s.r.Context(), s.visitor, s.visit.flow, ""); err != nil {
		return d.notSent(s, "", err)
	}
	return web.SeeOther(s.w, s.r, at("/sign-in/code", s.visit.flow)+"&state="+state)
}

// throttled is the page of an address whose codes are paused: the mailed link goes on working.
func (d *Door) throttled(s *step, address string, many *authn.TooMany) error {
	retryAfter(s.w, many.Wait)
	page := views.ThrottledPage{Frame: d.stepFrame(s, "/sign-in"), Flow: s.flow.ID.String(), Address: address, Minutes: wholeMinutes(many.Wait), Reference: d.reference(s.r)}
	return d.show(s.visit, http.StatusTooManyRequests, views.PageMayLeave, views.Throttled(page))
}

// wholeMinutes rounds up, so that nobody comes back too early. The little that a request takes does not count.
func wholeMinutes(t time.Duration) int { return max(1, int(math.Ceil((t - time.Second).Minutes()))) }

func wholeSeconds(t time.Duration) int { return max(0, int(math.Ceil(t.Seconds()))) }

func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, wholeSeconds(wait))))
}
