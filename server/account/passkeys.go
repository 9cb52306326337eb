package account

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

const passkeyPath = home + "/passkey"

// passkeyRoutes mounts the pages of passkeys.
func (d *Door) passkeyRoutes(mux *http.ServeMux) {
	for route, h := range map[string]web.Handler{
		"GET /account/passkey":             d.page(d.passkey),
		"POST /account/passkey/rename":     d.form(d.postRenamePasskey),
		"POST /account/passkey/remove":     d.fresh("ways", d.proven(d.postRemovePasskey)),
		"GET /account/passkey/new":         d.freshPage("ways", d.proven(d.newPasskey)),
		"POST /account/passkey/new":        d.fresh("ways", d.proven(d.postNewPasskey)),
		"GET /account/passkey/new/options": d.freshPage("ways", d.proven(d.passkeyOptions)),
	} {
		mux.Handle(route, d.pages.Handle(h))
	}
}

// proven lets somebody change their passkeys who has proven all that is asked of them: a browser that is excused from the second factor
// is no proof of it. An authenticator app, where there is one, is asked for; a passkey is not: it may be the one that was lost.
func (d *Door) proven(h func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		has, err := d.engine.Factors(v.ctx(), v.user())
		if err != nil {
			return err
		}
		if !d.engine.Fresh(v.live) || has.TOTP && !authn.Fulfils(v.live.Session.ACR, authn.ACR2) {
			return d.signIn(v, v.live, authn.Demands{RequiredACR: []string{authn.ACR2}}, doneAt("ways", "again"))
		}
		return h(v)
	}
}

// passkeyWay are the passkeys, and where another one is made.
func (d *Door) passkeyWay(v *visit, has authn.Factors) ([]views.AccountWay, error) {
	x, err := d.engine.Experience(v.ctx())
	if err != nil {
		return nil, err
	}
	passkeys, err := d.engine.Passkeys(v.ctx(), v.user())
	if err != nil {
		return nil, err
	}
	c := v.frame.Words
	var ways []views.AccountWay
	for _, p := range passkeys {
		shown := shownPasskey(p)
		ways = append(ways, views.AccountWay{Kind: views.WayPasskey, Title: views.PasskeyTitle(c, p.Name), On: true, About: views.PasskeyFacts(c, shown), Actions: []views.Panel{views.PasskeyAction(c, shown)}})
	}
	if !slices.Contains(x.Methods, authn.MethodPasskey) && !slices.Contains(x.SecondFactors, authn.MethodPasskey) || !authn.PasskeysWork(d.cfg.PublicURL) {
		return ways, nil
	}
	add := views.AccountWay{Kind: views.WayPasskey, Title: c.T("account.passkey_add"), Actions: []views.Panel{views.PasskeyAdd(c)}}
	if len(passkeys) == 0 {
		add.Detail = c.T("passkey.offer")
	}
	return append(ways, add), nil
}

func shownPasskey(p storage.Passkey) views.AccountPasskey {
	return views.AccountPasskey{ID: p.ID.String(), Name: p.Name, Made: moment(p.Created), Used: moment(p.Used), MadeOn: p.CreatedOn, UsedOn: p.UsedOn, Synced: p.BackedUp}
}

// passkey is the page of one: its name, and how to be rid of it.
func (d *Door) passkey(v *visit) error { return d.showPasskey(v, http.StatusOK, views.PasskeyPage{}) }

func (d *Door) showPasskey(v *visit, status int, page views.PasskeyPage) error {
	passkeys, err := d.engine.Passkeys(v.ctx(), v.user())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(passkeys, func(p storage.Passkey) bool { return p.ID.String() == v.in.Get("id") })
	if at < 0 {
		return web.SeeOther(v.w, v.r, home+"#ways")
	}
	page.Frame, page.Passkey = v.frame, shownPasskey(passkeys[at])
	if page.BadName {
		page.Passkey.Name = v.in.Get("name")
	}
	page.Here = passkeyPath + "?id=" + page.Passkey.ID
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.Passkey(page))
}

// id is the passkey that a form is about; the zero one is nobody's.
func (v *visit) passkey() storage.ID {
	id, err := storage.ParseID(v.in.Get("id"))
	if err != nil {
		return storage.ID{}
	}
	return id
}

func (d *Door) postRenamePasskey(v *visit) error {
	err := d.engine.RenamePasskey(v.ctx(), "user:"+v.user().String(), v.user(), v.passkey(), v.in.Get("name"))
	switch {
	case errors.Is(err, authn.ErrNotAnswer):
		return d.showPasskey(v, http.StatusUnprocessableEntity, views.PasskeyPage{BadName: true})
	case err != nil && !errors.Is(err, authn.ErrNoPasskey):
		return err
	}
	return d.done(v, "ways", "saved")
}

func (d *Door) postRemovePasskey(v *visit) error {
	err := d.engine.RemovePasskey(v.ctx(), "user:"+v.user().String(), v.user(), v.passkey())
	switch {
	case errors.Is(err, authn.ErrLastWayIn):
		return d.showPasskey(v, http.StatusConflict, views.PasskeyPage{Last: true})
	case err != nil && !errors.Is(err, authn.ErrNoPasskey):
		return err
	}
	return d.done(v, "ways", "passkey_removed")
}

// newPasskey is the page on which one is made.
func (d *Door) newPasskey(v *visit) error {
	return d.showNewPasskey(v, http.StatusOK, views.PasskeyFine)
}

func (d *Door) showNewPasskey(v *visit, status int, trouble views.PasskeyTrouble) error {
	if !authn.PasskeysWork(d.cfg.PublicURL) {
		return web.SeeOther(v.w, v.r, home+"#ways")
	}
	options, err := d.engine.AskToAddPasskey(v.ctx(), v.visitor, v.live)
	if err != nil {
		return err
	}
	page := views.PasskeyOfferPage{Frame: v.frame, Trouble: trouble, GoOnURL: home + "#ways",
		Ask: views.PasskeyAsk{Action: passkeyPath + "/new", Options: string(options), Again: passkeyPath + "/new/options"}}
	page.Here = passkeyPath + "/new"
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.PasskeyOffer(page))
}

func (d *Door) postNewPasskey(v *visit) error {
	_, err := d.engine.AddPasskey(v.ctx(), v.visitor, v.live, []byte(v.in.Get("credential")))
	var refused *authn.PasskeyError
	switch {
	case err == nil:
		return d.done(v, "ways", "passkey_added")
	case errors.Is(err, authn.ErrPasskeyGone):
		return d.showNewPasskey(v, http.StatusUnprocessableEntity, views.PasskeyLate)
	case !errors.As(err, &refused):
		return err
	}
	trouble := map[authn.PasskeyReason]views.PasskeyTrouble{authn.PasskeyRefused: views.PasskeyFailed, authn.PasskeyTaken: views.PasskeyTaken, authn.PasskeyFull: views.PasskeyFull}
	return d.showNewPasskey(v, http.StatusUnprocessableEntity, trouble[refused.Reason])
}

// passkeyOptions is a fresh question for a page that was open for long.
func (d *Door) passkeyOptions(v *visit) error {
	options, err := d.engine.AskToAddPasskey(v.ctx(), v.visitor, v.live)
	if err != nil {
		return err
	}
	return web.JSON(v.w, http.StatusOK, json.RawMessage(options))
}
