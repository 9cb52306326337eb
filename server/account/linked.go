package account

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// linkPath is where linking begins; linkedPath is where the way back from a provider goes on.
const (
	linkPath   = home + "/link"
	linkedPath = home + "/linked"
)

// linkedPanel is "Linked accounts"; nothing where no provider is connected and no account linked.
func (d *Door) linkedPanel(v *visit) (views.Panel, error) {
	accounts, err := d.engine.LinkedAccounts(v.ctx(), v.user())
	if err != nil {
		return nil, err
	}
	providers, err := d.engine.Providers(v.ctx(), storage.Client{})
	if err != nil {
		return nil, err
	}
	p := views.AccountLinked{Words: v.frame.Words, Status: v.status("linked")}
	for _, a := range accounts {
		p.Accounts = append(p.Accounts, views.LinkedAccount{ID: a.ID.String(), Provider: views.Provider{ID: a.Connection, Kind: a.Kind, Name: a.Name}, Label: a.Label,
			First: moment(a.Created), Last: moment(a.Used), Off: !a.Usable})
	}
	for _, k := range providers {
		p.More = append(p.More, views.Provider{ID: k.ID, Kind: k.Kind, Name: k.Name})
	}
	if v.trouble.panel == "linked" {
		p.Problem = p.Words.T(v.trouble.key)
	}
	return p.Panel(), nil
}

// link is the page at which linking begins. Applications send people here, so whoever has to sign in first comes back to it.
func (d *Door) link(w http.ResponseWriter, r *http.Request) error {
	in, err := web.Query(r)
	if err != nil {
		return err
	}
	back := afresh("linked")
	back.to = linkPath + "?" + url.Values{"connection": {in.Get("connection")}}.Encode()
	return d.enter(w, r, in, back, d.askLink)
}

// askLink says where the person is about to go. Its form ends at the provider, which no form of the account page may.
func (d *Door) askLink(v *visit) error {
	providers, err := d.engine.Providers(v.ctx(), storage.Client{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(providers, func(k authn.Provider) bool { return k.ID == v.in.Get("connection") })
	if i < 0 {
		return web.SeeOther(v.w, v.r, home+"#linked")
	}
	page := views.AccountLinkPage{Frame: v.frame, Provider: views.Provider{ID: providers[i].ID, Kind: providers[i].Kind, Name: providers[i].Name}}
	page.Here = ""
	return web.Page(v.w, v.r, http.StatusOK, views.CSP(views.PageMayLeave), views.AccountLink(page))
}

func (d *Door) postLink(v *visit) error {
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	address, err := d.engine.AskToLink(v.ctx(), v.visitor, v.live, v.in.Get("connection"), linkedPath)
	switch {
	case errors.Is(err, authn.ErrNotHere), errors.Is(err, authn.ErrProvider):
		return d.done(v, "linked", "link_failed")
	case err != nil:
		return err
	}
	return web.SeeOther(v.w, v.r, address)
}

// linked says what became of the way to a provider.
func (d *Door) linked(v *visit) error {
	switch state := v.in.Get("state"); state {
	case "linked", "elsewhere", "refused", "again":
		return d.done(v, "linked", map[string]string{"linked": "linked", "elsewhere": "link_elsewhere", "refused": "link_refused", "again": "link_refused"}[state])
	}
	return d.done(v, "linked", "link_failed")
}

func (d *Door) postUnlink(v *visit) error {
	id, err := storage.ParseID(v.in.Get("account"))
	if err != nil {
		return d.done(v, "linked", "unlinked")
	}
	err = d.engine.Unlink(v.ctx(), "user:"+v.user().String(), v.user(), id)
	switch {
	case errors.Is(err, authn.ErrLastWayIn):
		return d.again(v, trouble{panel: "linked", key: "account.unlink_last"})
	case err != nil && !errors.Is(err, authn.ErrNotEnrolled):
		return err
	}
	return d.done(v, "linked", "unlinked")
}
