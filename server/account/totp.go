package account

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// Pages of the set-up of an authenticator app, and of recovery codes.
const (
	totpPath     = home + "/totp"
	recoveryPath = home + "/recovery-codes"
)

// setUp is the set-up of a second factor in this session.
func (v *visit) setUp() authn.SetUpBy {
	return authn.SetUpBy{User: v.user(), Place: v.live.Session.ID, By: "user:" + v.user().String()}
}

// totpWay is the authenticator app.
func (d *Door) totpWay(v *visit, has authn.Factors) ([]views.AccountWay, error) {
	c := v.frame.Words
	way := views.AccountWay{Kind: views.WayApp, Title: c.T("account.totp"), On: has.TOTP}
	if has.TOTP {
		way.Detail = c.T("account.totp_on")
		way.Actions = []views.Panel{views.AccountButton("totp-remove", totpPath+"/remove", c.T("account.turn_off"), way.Title)}
	} else {
		way.Detail = c.T("account.totp_off")
		way.Actions = []views.Panel{views.AccountButton("totp-begin", totpPath+"/begin", c.T("account.set_up"), way.Title)}
	}
	return []views.AccountWay{way}, nil
}

// recoveryWay are the recovery codes of whoever has a second factor.
func (d *Door) recoveryWay(v *visit, has authn.Factors) ([]views.AccountWay, error) {
	if !has.TOTP && has.Passkeys == 0 {
		return nil, nil
	}
	c := v.frame.Words
	title := c.T("account.recovery")
	return []views.AccountWay{{Kind: views.WayOther, Title: title, Detail: c.N("account.recovery_left", has.RecoveryCodes), On: has.RecoveryCodes > 0,
		Actions: []views.Panel{views.AccountButton("recovery-new", recoveryPath, c.T("account.recovery_new"), title)}}}, nil
}

// trustedWay are the browsers in which the person is not asked for their second factor.
func (d *Door) trustedWay(v *visit, _ authn.Factors) ([]views.AccountWay, error) {
	trusted, err := d.engine.TrustedDevices(v.ctx(), v.visitor, v.user())
	if err != nil || len(trusted) == 0 {
		return nil, err
	}
	c := v.frame.Words
	forget := func(id, about string, which ...views.Field) []views.Panel {
		return []views.Panel{views.AccountButton(id, home+"/trusted/forget", c.T("account.trusted_forget"), about, which...)}
	}
	var rows []views.AccountWay
	if title := c.T("account.trusted"); len(trusted) > 1 {
		rows = append(rows, views.AccountWay{Kind: views.WayApp, Title: title, On: true, Actions: forget("trusted-forget", title)})
	}
	for i, t := range trusted {
		name := cmp.Or(t.Name, c.T("account.unknown_device"))
		row := views.AccountWay{Kind: views.WayApp, Title: name, Detail: c.T("account.trusted_one"), On: true,
			Actions: forget("trusted-forget-"+strconv.Itoa(i+1), name, views.Field{Name: "browser", Value: t.ID.String()})}
		if t.Here {
			row.Pill = c.T("account.this_device")
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// strong lets somebody change their second factor who has given it in this session: a browser that is excused from it, or a session
// from before, is no proof of it. Whoever has none has nothing to give.
func (d *Door) strong(h func(*visit) error) web.Handler {
	return d.fresh("ways", func(v *visit) error {
		has, err := d.engine.Factors(v.ctx(), v.user())
		if err != nil {
			return err
		}
		if (has.TOTP || has.Passkeys > 0) && !authn.Fulfils(v.live.Session.ACR, authn.ACR2) {
			return d.signIn(v, v.live, authn.Demands{RequiredACR: []string{authn.ACR2}}, doneAt("ways", "again"))
		}
		return h(v)
	})
}

// postBeginTOTP makes the key of an authenticator.
func (d *Door) postBeginTOTP(v *visit) error {
	if _, err := d.engine.BeginTOTP(v.ctx(), v.setUp()); err != nil {
		return err
	}
	return web.SeeOther(v.w, v.r, totpPath)
}

// totp shows the key, in the session that has begun the set-up.
func (d *Door) totp(v *visit) error {
	return d.showTOTP(v, http.StatusOK, views.AuthenticatorPage{})
}

func (d *Door) showTOTP(v *visit, status int, page views.AuthenticatorPage) error {
	app, err := d.engine.SettingUpTOTP(v.ctx(), v.setUp())
	if errors.Is(err, authn.ErrNoSetUp) {
		return web.SeeOther(v.w, v.r, home+"#ways")
	}
	if err != nil {
		return err
	}
	page.Frame, page.Action, page.URI, page.Key, page.CancelURL = v.frame, totpPath, app.URI, app.Key, home+"#ways"
	page.Here = totpPath
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.Authenticator(page))
}

// postTOTP turns it on. The sign-in was fresh when the set-up began, and to find and install an app takes people longer than that.
func (d *Door) postTOTP(v *visit) error {
	err := d.engine.ConfirmTOTP(v.ctx(), v.visitor, v.setUp(), v.in.Get("code"))
	var (
		wrong *authn.WrongAnswer
		many  *authn.TooMany
	)
	page := views.AuthenticatorPage{Code: v.in.Get("code")}
	switch {
	case err == nil, errors.Is(err, authn.ErrNoSetUp):
		return web.SeeOther(v.w, v.r, recoveryPath)
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.SecondMalformed
	case errors.As(err, &wrong):
		page.State, page.TriesLeft = views.SecondWrong, wrong.Left
	case errors.As(err, &many) && (many.Budget == authn.BudgetSecondFactor || many.Budget == authn.BudgetSecondFactorDay):
		page.State, page.Minutes = views.SecondSlowed, int(math.Ceil(many.Wait.Minutes()))
		return d.showTOTP(v, http.StatusTooManyRequests, page)
	default:
		return err
	}
	return d.showTOTP(v, http.StatusUnprocessableEntity, page)
}

// postRemoveTOTP takes it away. A sign-in never begins with it, so it is nobody's last way in.
func (d *Door) postRemoveTOTP(v *visit) error {
	err := d.engine.RemoveTOTP(v.ctx(), v.setUp().By, v.user())
	if err != nil && !errors.Is(err, authn.ErrNotEnrolled) {
		return err
	}
	return d.done(v, "ways", "totp_off")
}

// postNewRecoveryCodes makes a new set.
func (d *Door) postNewRecoveryCodes(v *visit) error {
	err := d.engine.NewRecoveryCodes(v.ctx(), v.setUp())
	if err != nil && !errors.Is(err, authn.ErrNotEnrolled) {
		return err
	}
	return web.SeeOther(v.w, v.r, recoveryPath)
}

// recoveryCodes shows a set until the person has said to have kept it, in the session that it was made in.
func (d *Door) recoveryCodes(v *visit) error {
	codes, err := d.engine.UnsavedRecoveryCodes(v.ctx(), v.setUp())
	if err != nil {
		return err
	}
	if codes == nil {
		return d.done(v, "ways", "saved")
	}
	page := views.RecoveryCodesPage{Frame: v.frame, Action: recoveryPath + "/saved", Codes: codes, DownloadURL: recoveryPath + "/file"}
	page.Here = recoveryPath
	return web.Page(v.w, v.r, http.StatusOK, views.CSP(views.PageStays), views.RecoveryCodes(page))
}

// recoveryFile is the same as a text file.
func (d *Door) recoveryFile(v *visit) error {
	codes, err := d.engine.UnsavedRecoveryCodes(v.ctx(), v.setUp())
	if err != nil {
		return err
	}
	if codes == nil {
		return web.SeeOther(v.w, v.r, recoveryPath)
	}
	who, err := d.engine.Address(v.ctx(), v.user())
	if err != nil {
		return err
	}
	c := v.frame.Words
	head := fmt.Sprintf("%s\r\n%s\r\n\r\n", c.T("recovery.file", "address", who, "host", d.cfg.PublicURL.Host), c.T("recovery.file_hint", "date", d.clock().UTC().Format(time.DateOnly)))
	return web.Download(v.w, "recovery-codes.txt", head+strings.Join(codes, "\r\n")+"\r\n")
}

// postSaved ends the showing.
func (d *Door) postSaved(v *visit) error {
	if err := d.engine.SavedRecoveryCodes(v.ctx(), v.setUp()); err != nil {
		return err
	}
	return d.done(v, "ways", "saved")
}

// postForgetTrusted has the person asked again, in one browser or everywhere. One that is not theirs gets the answer of one that asks already.
func (d *Door) postForgetTrusted(v *visit) error {
	if text := v.in.Get("browser"); text != "" {
		if id, err := storage.ParseID(text); err == nil {
			if err := d.engine.ForgetTrustIn(v.ctx(), v.setUp().By, v.user(), id); err != nil {
				return err
			}
		}
		return d.done(v, "ways", "trust_ended_one")
	}
	if err := d.engine.ForgetTrust(v.ctx(), v.setUp().By, v.user()); err != nil {
		return err
	}
	return d.done(v, "ways", "trust_ended")
}
