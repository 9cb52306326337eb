package account

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
)

// addressesPanel is "E-mail addresses".
func (d *Door) addressesPanel(v *visit) (views.Panel, error) {
	all, err := d.store.View(v.ctx()).Emails(v.user())
	if err != nil {
		return nil, err
	}
	p := views.AccountAddresses{Words: v.frame.Words, Status: v.status("addresses")}
	for _, m := range all {
		p.Addresses = append(p.Addresses, views.AccountAddress{Address: m.Address, Primary: m.Primary, Proven: m.VerifiedAt > 0})
	}
	if t := v.trouble; t.panel == "addresses" {
		if t.field == "" {
			p.Problem = p.Words.T(t.key)
		} else {
			p.Typed, p.Bad = t.typed.Get("email"), p.Words.T(t.key)
		}
	}
	return p.Panel(), nil
}

func (d *Door) postAddress(v *visit) error {
	address, err := d.engine.AddAddress(v.ctx(), v.visitor, v.user(), v.in.Get("email"))
	switch {
	case errors.Is(err, authn.ErrBadAddress):
		return d.again(v, trouble{panel: "addresses", field: "email", key: "sign_in.bad_address"})
	case errors.Is(err, authn.ErrHasAddress):
		return d.again(v, trouble{panel: "addresses", field: "email", key: "account.address_yours"})
	case errors.Is(err, authn.ErrManyAddresses):
		return d.again(v, trouble{panel: "addresses", field: "email", key: "account.address_many"})
	case err != nil:
		return err
	}
	return web.SeeOther(v.w, v.r, addressPath(address, ""))
}

// addressPath is the page that asks for the code of a new address.
func addressPath(address, state string) string {
	q := url.Values{"address": {address}}
	if state != "" {
		q.Set("state", state)
	}
	return home + "/address?" + q.Encode()
}

// address asks for the code that was mailed to a new address.
func (d *Door) address(v *visit) error {
	state := views.CodeFresh
	if v.in.Get("state") == "resent" {
		state = views.CodeResent
	}
	return d.showAddress(v, http.StatusOK, views.AccountAddressPage{State: state})
}

func (d *Door) showAddress(v *visit, status int, page views.AccountAddressPage) error {
	page.Address = v.in.Get("address")
	code, err := d.engine.AddressCode(v.ctx(), v.user(), page.Address)
	if errors.Is(err, authn.ErrCodeGone) {
		return d.done(v, "addresses", "address_gone")
	}
	if err != nil {
		return err
	}
	if code.Gone != 0 {
		page.State = views.CodeOver
	}
	page.Frame = v.frame
	page.Here = addressPath(page.Address, "")
	page.InboxURL = d.cfg.InboxURL
	page.Digits, page.Minutes = authn.Digits, max(1, int(math.Ceil((code.Valid-time.Second).Minutes())))
	return web.Page(v.w, v.r, status, views.CSP(views.PageStays), views.AccountAddressCode(page))
}

// postAddressCode checks the code.
func (d *Door) postAddressCode(v *visit) error {
	address := v.in.Get("address")
	err := d.engine.CheckAddress(v.ctx(), v.visitor, v.user(), address, v.in.Get("code"))
	var (
		wrong *authn.WrongAnswer
		gone  *authn.CodeGone
	)
	page := views.AccountAddressPage{Code: v.in.Get("code")}
	switch {
	case err == nil:
		return d.done(v, "addresses", "address_added")
	case errors.Is(err, authn.ErrTaken):
		return d.done(v, "addresses", "address_taken")
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.CodeWrongLength
	case errors.As(err, &wrong):
		page.State, page.TriesLeft = views.CodeWrong, wrong.Left
	case errors.As(err, &gone):
		page.State = views.CodeOver
	default:
		return err
	}
	return d.showAddress(v, http.StatusUnprocessableEntity, page)
}

// postAddressAgain mails the code once more.
func (d *Door) postAddressAgain(v *visit) error {
	address := v.in.Get("address")
	if _, err := d.engine.AddressCode(v.ctx(), v.user(), address); errors.Is(err, authn.ErrCodeGone) {
		return d.done(v, "addresses", "address_gone")
	}
	if _, err := d.engine.AddAddress(v.ctx(), v.visitor, v.user(), address); err != nil && !errors.Is(err, authn.ErrHasAddress) {
		var many *authn.TooMany
		if errors.As(err, &many) {
			v.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(many.Wait.Seconds()))))
			return d.showAddress(v, http.StatusTooManyRequests, views.AccountAddressPage{State: views.CodeTooSoon})
		}
		return err
	}
	return web.SeeOther(v.w, v.r, addressPath(address, "resent"))
}

func (d *Door) postPrimary(v *visit) error {
	err := d.engine.MakePrimary(v.ctx(), v.visitor, v.user(), v.live.Session.ID, v.in.Get("address"))
	if errors.Is(err, authn.ErrNoAddress) {
		return d.done(v, "addresses", "address_gone")
	}
	if err != nil {
		return err
	}
	return d.done(v, "addresses", "address_primary")
}

func (d *Door) postRemoveAddress(v *visit) error {
	err := d.engine.RemoveAddress(v.ctx(), v.visitor, v.user(), v.live.Session.ID, v.in.Get("address"))
	switch {
	case errors.Is(err, authn.ErrNoAddress):
		return d.done(v, "addresses", "address_gone")
	case errors.Is(err, authn.ErrLastWayIn):
		return d.again(v, trouble{panel: "addresses", key: "account.address_last"})
	case errors.Is(err, authn.ErrPrimary):
		return d.again(v, trouble{panel: "addresses", key: "account.address_is_primary"})
	case err != nil:
		return err
	}
	return d.done(v, "addresses", "address_removed")
}
