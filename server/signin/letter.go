package signin

import (
	"errors"
	"net/http"
	"net/url"

	"gatelatch/server/authn"
	"gatelatch/views"
)

// letter is what a link of an administrator opens. It spends nothing: the page has a button of its own.
func (d *Door) letter(v *visit) error {
	who, err := d.engine.AdminLetter(v.r.Context(), v.in.Get("t"))
	if errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	}
	if err != nil {
		return err
	}
	frame := d.Frame(v.r, "")
	frame.Here = "/sign-in/letter?" + url.Values{"t": {v.in.Get("t")}}.Encode()
	return d.show(v, http.StatusOK, views.PageMayLeave, views.Letter(views.LetterPage{Frame: frame, Token: v.in.Get("t"), Who: who}))
}

// postLetter signs in, in a flow of its own that ends on the account page. What else is asked for is asked there as always.
func (d *Door) postLetter(v *visit) error {
	if _, err := d.engine.AdminLetter(v.r.Context(), v.in.Get("t")); errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	} else if err != nil {
		return err
	}
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	v.visitor.Languages = d.Frame(v.r, "").Words.Lang()
	f, err := d.engine.Begin(v.r.Context(), v.visitor, authn.Start{ReturnTo: "/account"})
	if err != nil {
		return err
	}
	in, err := d.engine.OpenLetter(v.r.Context(), v.visitor, authn.Answer{Flow: f.ID.String(), Token: v.in.Get("t"), Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
	if errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	}
	if err != nil {
		return err
	}
	return d.signedIn(v, in)
}
