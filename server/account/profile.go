package account

import (
	"errors"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/views"
	"gatelatch/views/words"
)

// What people say of themselves, by the names of authn.Attributes. How they are called in apps (preferred_username) is not among
// them: applications take it for an account of theirs. Where people sign in by it, it has a form of its own, behind a fresh sign-in.
var (
	profileFields = []string{"name", "zoneinfo"}
	profileMore   = []string{"given_name", "family_name", "nickname", "birthdate", "phone_number", "website",
		"address.street_address", "address.postal_code", "address.locality", "address.region", "address.country"}
)

// zones are offered; any other that exists can be typed.
var zones = strings.Fields(`Africa/Cairo Africa/Johannesburg Africa/Lagos Africa/Nairobi America/Argentina/Buenos_Aires America/Bogota America/Chicago America/Denver
	America/Halifax America/Los_Angeles America/Mexico_City America/New_York America/Sao_Paulo Asia/Bangkok Asia/Dhaka Asia/Dubai Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem
	Asia/Karachi Asia/Kolkata Asia/Manila Asia/Riyadh Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tehran Asia/Tokyo Australia/Brisbane Australia/Perth Australia/Sydney
	Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London
	Europe/Madrid Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich Pacific/Auckland Pacific/Honolulu UTC`)

// profileParts are what people say of themselves: what the page shows at once, with all that this server asks for, and what stands behind
// "More about you". What administrators alone say of an attribute of the server's own is none of it.
func profileParts(x authn.Experience) (front, more []authn.Field) {
	for _, name := range profileFields {
		front = append(front, x.Field(name))
	}
	for _, f := range x.Attributes {
		if f.Own() && !f.ByAdmin || f.Asked != "" && slices.Contains(profileMore, f.Name) {
			front = append(front, f)
		}
	}
	for _, name := range profileMore {
		if f := x.Field(name); f.Asked == "" {
			more = append(more, f)
		}
	}
	return front, more
}

// settled reports whether a person cannot change what is said of them: it is an administrator's, or they have said it once for all.
func settled(f authn.Field, known map[string]any) bool {
	return f.ByAdmin || f.Immutable && authn.ValueOf(known, f.Name) != nil
}

// profilePanel is "Profile".
func (d *Door) profilePanel(v *visit) (views.Panel, error) {
	u := v.live.User
	known := authn.AttributesOf(u)
	x, err := d.engine.Experience(v.ctx())
	if err != nil {
		return nil, err
	}
	p := views.AccountProfile{Words: v.frame.Words, Status: v.status("profile"), Username: u.Username, Locale: u.Locale, Languages: v.frame.Words.Languages(), Zones: zones}
	if p.Owner, err = d.owner(v.ctx(), u); err != nil {
		return nil, err
	}
	if x.TakesUsernames() {
		p.Rename = &views.UsernameField{Value: u.Username}
	}
	bad := ""
	switch {
	case v.trouble.panel == "profile" && v.trouble.field == usernameField:
		if p.Rename != nil {
			p.Rename.Value, p.Rename.Problem = v.trouble.typed.Get(usernameField), v.trouble.username
		}
	case v.trouble.panel == "profile" && v.trouble.field == pictureField:
		p.PictureBad = p.Words.T(v.trouble.key)
	case v.trouble.panel == "profile":
		bad, p.Locale = v.trouble.field, v.trouble.typed.Get("locale")
	}
	if p.Locale != "" && !slices.ContainsFunc(p.Languages, func(l words.Language) bool { return l.Tag == p.Locale }) {
		p.Languages = append(slices.Clone(p.Languages), words.Language{Tag: p.Locale, Name: p.Locale}) // known to apps, though not spoken here
	}
	fields := func(of []authn.Field) (list []views.AccountField) {
		for _, f := range of {
			shown := shownField(p.Words, f, known)
			if shown.Fixed && shown.Value == "" {
				continue // nothing is said, and nothing can be
			}
			if bad != "" && !shown.Fixed {
				shown.Value, shown.Bad, shown.Missing = v.trouble.typed.Get(f.Name), f.Name == bad, f.Name == bad && v.trouble.key == missing
			}
			list = append(list, shown)
		}
		return list
	}
	front, more := profileParts(x)
	p.Fields, p.More = fields(front), fields(more)
	p.Open = slices.ContainsFunc(more, func(f authn.Field) bool { return f.Name == bad })
	return p.Panel(), nil
}

// missing is the sentence for what is required and was left out.
const missing = "details.missing"

// shownField is a field with its value. A fixed one shows it in words.
func shownField(c *words.Catalogue, f authn.Field, known map[string]any) views.AccountField {
	value := authn.ValueOf(known, f.Name)
	shown := views.AccountField{Name: f.Name, Label: f.Label(c.Lang()), Type: f.Type, Required: f.Asked == authn.AskedRequired, Fixed: settled(f, known), Once: f.Immutable}
	if f.Own() && shown.Label == "" {
		shown.Label = f.Name
	}
	for _, choice := range f.Choices {
		shown.Choices = append(shown.Choices, views.DetailChoice{Value: choice.Value, Label: choice.Label(c.Lang())})
	}
	if text, is := value.(string); is && !shown.Fixed {
		shown.Value = text
	} else {
		shown.Value = f.Text(value, c.Lang())
	}
	return shown
}

// usernameField is the field of the form that changes the username.
const usernameField = "username"

// postUsername changes it.
func (d *Door) postUsername(v *visit) error {
	err := d.engine.ChangeUsername(v.ctx(), v.visitor, v.user(), v.in.Get(usernameField))
	var bad *authn.BadAttribute
	switch {
	case errors.Is(err, authn.ErrUsernameTaken):
		return d.again(v, trouble{panel: "profile", field: usernameField, username: views.UsernameTaken})
	case errors.Is(err, authn.ErrTooMany):
		return d.again(v, trouble{panel: "profile", field: usernameField, username: views.UsernameMany})
	case errors.As(err, &bad):
		return d.again(v, trouble{panel: "profile", field: usernameField, username: views.UsernameBad})
	case errors.Is(err, authn.ErrNotHere):
		return web.SeeOther(v.w, v.r, home)
	case err != nil:
		return err
	}
	return d.done(v, "profile", "saved")
}

func (d *Door) postProfile(v *visit) error {
	x, err := d.engine.Experience(v.ctx())
	if err != nil {
		return err
	}
	values, known := map[string]any{}, authn.AttributesOf(v.live.User)
	for _, f := range ofProfile(x) {
		if v.in.Has(f.Name) && !settled(f, known) {
			values[f.Name] = v.in.Get(f.Name)
		}
	}
	err = d.engine.SetAttributes(v.ctx(), "user:"+v.user().String(), v.user(), values)
	var bad *authn.BadAttribute
	if errors.As(err, &bad) {
		t := trouble{panel: "profile", field: bad.Name}
		if bad.Missing {
			t.key = missing
		}
		return d.again(v, t)
	}
	if err != nil {
		return err
	}
	if tag := v.in.Get("locale"); tag != v.live.User.Locale && slices.ContainsFunc(v.frame.Words.Languages(), func(l words.Language) bool { return l.Tag == tag }) {
		d.keepLanguage(v.w, tag)
	}
	return d.done(v, "profile", "saved")
}
