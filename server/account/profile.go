package account

import (
	"errors"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/views"
	"gatelatch/views/words"
)

// What people say of themselves, by the names of authn.Attributes. How they are called in apps (preferred_username) is not among
// them: applications take it for an account of theirs.
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

// profilePanel is "Profile".
func (d *Door) profilePanel(v *visit) (views.Panel, error) {
	u := v.live.User
	known := authn.AttributesOf(u)
	p := views.AccountProfile{Words: v.frame.Words, Status: v.status("profile"), Username: u.Username, Locale: u.Locale, Languages: v.frame.Words.Languages(), Zones: zones}
	var err error
	if p.Owner, err = d.owner(v.ctx(), u); err != nil {
		return nil, err
	}
	bad := ""
	switch {
	case v.trouble.panel == "profile" && v.trouble.field == pictureField:
		p.PictureBad = p.Words.T(v.trouble.key)
	case v.trouble.panel == "profile":
		bad, p.Locale = v.trouble.field, v.trouble.typed.Get("locale")
	}
	if p.Locale != "" && !slices.ContainsFunc(p.Languages, func(l words.Language) bool { return l.Tag == p.Locale }) {
		p.Languages = append(slices.Clone(p.Languages), words.Language{Tag: p.Locale, Name: p.Locale}) // known to apps, though not spoken here
	}
	fields := func(names []string) (list []views.AccountField) {
		for _, name := range names {
			f := views.AccountField{Name: name, Value: textOf(known, name), Bad: name == bad, First: name == bad}
			if bad != "" {
				f.Value = v.trouble.typed.Get(name)
			}
			list = append(list, f)
		}
		return list
	}
	p.Fields, p.More = fields(profileFields), fields(profileMore)
	p.Open = slices.Contains(profileMore, bad)
	return p.Panel(), nil
}

// textOf is the value of an attribute as a field shows it, a member of the address too.
func textOf(known map[string]any, name string) string {
	if top, member, nested := strings.Cut(name, "."); nested {
		known, _ = known[top].(map[string]any)
		name = member
	}
	text, _ := known[name].(string)
	return text
}

func (d *Door) postProfile(v *visit) error {
	values := map[string]any{}
	for _, name := range slices.Concat(profileFields, profileMore, []string{"locale"}) {
		if v.in.Has(name) {
			values[name] = v.in.Get(name)
		}
	}
	err := d.engine.SetAttributes(v.ctx(), "user:"+v.user().String(), v.user(), values)
	var bad *authn.BadAttribute
	if errors.As(err, &bad) {
		return d.again(v, trouble{panel: "profile", field: bad.Name})
	}
	if err != nil {
		return err
	}
	if tag := v.in.Get("locale"); tag != v.live.User.Locale && slices.ContainsFunc(v.frame.Words.Languages(), func(l words.Language) bool { return l.Tag == tag }) {
		d.keepLanguage(v.w, tag)
	}
	return d.done(v, "profile", "saved")
}
