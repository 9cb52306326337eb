package signin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatelatch/server/authn"
	"gatelatch/views"
)

// maxName bounds a person's name, in characters.
const maxName = 200

// setUp asks who the first admin is.
func (d *Door) setUp(v *visit) error {
	if err := d.engine.CheckSetUp(v.r.Context(), v.in.Get("t")); err != nil {
		return d.setUpGone(v, err)
	}
	return d.showSetUp(v, http.StatusOK, views.SetUpPage{})
}

func (d *Door) showSetUp(v *visit, status int, page views.SetUpPage) error {
	page.Frame = d.Frame(v.r, "")
	page.Token, page.AskSignUp = v.in.Get("t"), d.engine.SignUpAsked()
	return d.show(v, status, views.PageStays, views.SetUp(page))
}

// postSetUp makes the first admin and signs them in.
func (d *Door) postSetUp(v *visit) error {
	if err := d.engine.CheckSetUp(v.r.Context(), v.in.Get("t")); err != nil {
		return d.setUpGone(v, err)
	}
	page := views.SetUpPage{Name: readName(v.in.Get("name")), Email: v.in.Get("email"), SignUp: views.SignUp(v.in.Get("sign_up"))}
	_, bad := authn.NormalizeAddress(page.Email)
	page.NameMissing, page.BadAddress = page.Name == "", bad != nil
	page.SignUpMissing = d.engine.SignUpAsked() && !slices.Contains(authn.SignUpChoices, string(page.SignUp))
	if page.NameMissing || page.BadAddress || page.SignUpMissing {
		return d.showSetUp(v, http.StatusUnprocessableEntity, page)
	}
	in, err := d.engine.CreateOwner(v.r.Context(), v.visitor, authn.SetUp{
		Token: v.in.Get("t"), Address: page.Email, Name: page.Name, SignUp: string(page.SignUp), Cookie: d.session(v)})
	if err != nil {
		return d.setUpGone(v, err)
	}
	return d.signedIn(v, in)
}

// setUpGone is the page of a link that works no more; any other error passes.
func (d *Door) setUpGone(v *visit, err error) error {
	done := errors.Is(err, authn.ErrSetUpDone)
	if !done && !errors.Is(err, authn.ErrSetUpGone) {
		return err
	}
	return d.show(v, http.StatusGone, views.PageStays, views.SetUpGone(views.SetUpGonePage{Frame: d.Frame(v.r, ""), Done: done}))
}

// readName trims a name and drops what no name has. "" if nothing is left, or far too much.
func readName(typed string) string {
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, typed))
	if utf8.RuneCountInString(name) > maxName {
		return ""
	}
	return name
}
