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
	if v.in.Get("t") == "" {
		return d.showLetterCode(v, http.StatusOK, views.LetterCodePage{})
	}
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
	if v.in.Get("t") == "" {
		return d.postLetterCode(v)
	}
	if _, err := d.engine.AdminLetter(v.r.Context(), v.in.Get("t")); errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	} else if err != nil {
		return err
	}
	flow, err := d.beginLetter(v)
	if err != nil {
		return err
	}
	in, err := d.engine.OpenLetter(v.r.Context(), v.visitor, authn.Answer{Flow: flow, Token: v.in.Get("t"), Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
	if errors.Is(err, authn.ErrLinkGone) {
		return d.badLink(v)
	}
	if err != nil {
		return err
	}
	return d.signedIn(v, in)
}

// beginLetter opens the flow of a sign-in by an administrator's word.
func (d *Door) beginLetter(v *visit) (flow string, err error) {
	if v.visitor.Browser == "" {
		v.visitor.Browser = authn.NewBrowser()
		d.cookies.Set(v.w, cookieBrowser, v.visitor.Browser, browserLife)
	}
	v.visitor.Languages = d.Frame(v.r, "").Words.Lang()
	f, err := d.engine.Begin(v.r.Context(), v.visitor, authn.Start{ReturnTo: "/account"})
	return f.ID.String(), err
}

// postLetterCode signs in with a code that an administrator has told. What it answers says nothing of who is here.
func (d *Door) postLetterCode(v *visit) error {
	flow, err := d.beginLetter(v)
	if err != nil {
		return err
	}
	in, err := d.engine.CheckLetterCode(v.r.Context(), v.visitor, authn.ToldCode{Flow: flow, Identifier: v.in.Get("identifier"), Code: v.in.Get("code"),
		Remember: v.in.Get("device") == "1", Cookie: d.session(v)})
	page := views.LetterCodePage{Identifier: v.in.Get("identifier"), Code: v.in.Get("code"), Device: v.in.Get("device") == "1"}
	switch {
	case errors.Is(err, authn.ErrNotAnswer):
		page.State = views.CodeWrongLength
	case errors.Is(err, authn.ErrWrongAnswer):
		page.State = views.CodeWrong
	case err != nil:
		return err
	default:
		return d.signedIn(v, in)
	}
	return d.showLetterCode(v, http.StatusUnprocessableEntity, page)
}

func (d *Door) showLetterCode(v *visit, status int, page views.LetterCodePage) error {
	page.Frame, page.Digits = d.Frame(v.r, ""), authn.LetterDigits
	page.Here = "/sign-in/letter"
	return d.show(v, status, views.PageMayLeave, views.LetterCode(page))
}
