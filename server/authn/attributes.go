package authn

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // time zones have names also where the system knows none
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"gatelatch/storage"
)

// Attribute is something known about a person, under the name of the claim that tells it (OpenID Connect Core §5.1).
type Attribute struct {
	Name    string                      // a member of the address is written address.locality
	Scope   string                      // tells it (Core §5.4)
	Vouched bool                        // true or false instead of text; nobody says it of themselves
	Form    string                      // what a right value looks like, for whoever typed another
	tidy    func(string) (string, bool) // the value as it is kept, or false; nil for any line
	typed   func(any) (any, bool)       // likewise, of an attribute that may be no text
}

// Attributes are those of the standard, in its order. The e-mail address is none of them: it has rows of its own.
var Attributes = []Attribute{
	{Name: "name", Scope: "profile", Form: line},
	{Name: "given_name", Scope: "profile", Form: line},
	{Name: "family_name", Scope: "profile", Form: line},
	{Name: "middle_name", Scope: "profile", Form: line},
	{Name: "nickname", Scope: "profile", Form: line},
	{Name: "preferred_username", Scope: "profile", Form: usernameSays, tidy: ReadUsername},
	{Name: "profile", Scope: "profile", Form: page, tidy: tidyPage},
	{Name: "picture", Scope: "profile", Form: page, tidy: tidyPage},
	{Name: "website", Scope: "profile", Form: page, tidy: tidyPage},
	{Name: "gender", Scope: "profile", Form: line},
	{Name: "birthdate", Scope: "profile", Form: "a day such as 1990-02-03, 0000-02-03 without the year, or 1990", tidy: tidyBirthdate},
	{Name: "zoneinfo", Scope: "profile", Form: "the name of a time zone, such as Europe/Berlin", tidy: tidyZone},
	{Name: "locale", Scope: "profile", Form: "a language, such as de or en-GB", tidy: tidyLocale},
	{Name: "address.formatted", Scope: "address", Form: lines, tidy: tidyLines},
	{Name: "address.street_address", Scope: "address", Form: lines, tidy: tidyLines},
	{Name: "address.locality", Scope: "address", Form: line},
	{Name: "address.region", Scope: "address", Form: line},
	{Name: "address.postal_code", Scope: "address", Form: line},
	{Name: "address.country", Scope: "address", Form: line},
	{Name: "phone_number", Scope: "phone", Form: "a number with its country, such as +44 1392 000000", tidy: tidyPhone},
	{Name: "phone_number_verified", Scope: "phone", Form: vouching, Vouched: true},
}

const (
	line  = "one line of up to 200 characters"
	lines = "up to 500 characters"
	page  = "an https address, such as https://example.com/ann"

	vouching = "true or false, and only of a phone_number"
)

// BadAttribute is a value that cannot be kept, or a name that nothing has.
type BadAttribute struct {
	Name string
	Form string // what would be right; "" where there is no such attribute

	Missing bool // it is required here, and was not said
}

// Error implements error.
func (b *BadAttribute) Error() string {
	if b.Form == "" {
		return fmt.Sprintf("there is no attribute %q", b.Name)
	}
	return b.Name + " must be " + b.Form
}

// attribute finds one by its name; *BadAttribute.
func attribute(name string) (Attribute, error) {
	for _, a := range Attributes {
		if a.Name == name {
			return a, nil
		}
	}
	return Attribute{}, &BadAttribute{Name: name}
}

// read checks a value and gives it as it is kept; nil for one that takes the attribute away.
func (a Attribute) read(value any) (any, error) {
	wrong := &BadAttribute{Name: a.Name, Form: a.Form}
	if a.typed != nil && value != nil && value != "" {
		if text, ok := value.(string); ok {
			value = strings.TrimSpace(text)
		}
		if kept, right := a.typed(value); right {
			return kept, nil
		}
		return nil, wrong
	}
	switch v := value.(type) {
	case nil:
		return nil, nil
	case bool:
		if !a.Vouched {
			return nil, wrong
		}
		return v, nil
	case string:
		v = strings.TrimSpace(v)
		if v == "" {
			return nil, nil
		}
		tidy := a.tidy
		if tidy == nil {
			tidy = tidyLine
		}
		if kept, right := tidy(v); right && !a.Vouched {
			return kept, nil
		}
	}
	return nil, wrong
}

// AttributesOf are the claims that a person's row holds, by name, in their JSON types (Core §5.1).
func AttributesOf(u storage.User) map[string]any {
	claims := map[string]any{}
	if len(u.Attributes) > len("{}") {
		_ = json.Unmarshal(u.Attributes, &claims) // written by SetAttributes; what does not decode is not told
	}
	for _, name := range columns {
		if value := *column(&u, name); value != "" {
			claims[name] = value
		}
	}
	if _, known := claims["phone_number"]; known && claims["phone_number_verified"] == nil {
		claims["phone_number_verified"] = false // Core §5.1: false, not silence
	}
	return claims
}

// setAttributes puts checked values by name into the row; nil takes one away. A new phone number is unproven until somebody
// vouches for it. It names what is different then.
func setAttributes(u *storage.User, values map[string]any) (changed []string, err error) {
	before, claims := AttributesOf(*u), AttributesOf(*u)
	for name, value := range values {
		put(claims, name, value)
	}
	number, known := claims["phone_number"]
	_, said := values["phone_number_verified"]
	switch {
	case !known && values["phone_number_verified"] != nil:
		return nil, &BadAttribute{Name: "phone_number_verified", Form: vouching}
	case !known:
		delete(claims, "phone_number_verified")
	case !said && number != before["phone_number"]:
		claims["phone_number_verified"] = false
	}
	changed = changedMembers(before, claims)
	for _, name := range columns {
		*column(u, name), _ = claims[name].(string)
		delete(claims, name)
	}
	u.Attributes, err = json.Marshal(claims)
	return changed, err
}

// put places a value under its name, a member of the address inside it.
func put(claims map[string]any, name string, value any) {
	parent := claims
	top, member, nested := strings.Cut(name, ".")
	if nested {
		if parent, _ = claims[top].(map[string]any); parent == nil {
			parent = map[string]any{}
			claims[top] = parent
		}
		name = member
	}
	parent[name] = value
	if value == nil {
		delete(parent, name)
	}
	if nested && len(parent) == 0 {
		delete(claims, top)
	}
}

// columns are the attributes that the row holds outside the JSON.
var columns = []string{"name", "preferred_username", "picture", "locale"}

// column is the field of the row that holds an attribute outside the JSON; nil for the others.
func column(u *storage.User, name string) *string {
	switch name {
	case "name":
		return &u.Name
	case "preferred_username":
		return &u.Username
	case "picture":
		return &u.Picture
	case "locale":
		return &u.Locale
	}
	return nil
}

func tidyLine(v string) (string, bool) {
	return v, utf8.ValidString(v) && utf8.RuneCountInString(v) <= 200 && !strings.ContainsFunc(v, unicode.IsControl)
}

// tidyLines lets line breaks stay, in one spelling (Core §5.1.1).
func tidyLines(v string) (string, bool) {
	v = strings.ReplaceAll(v, "\r\n", "\n")
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' }
	return v, utf8.ValidString(v) && utf8.RuneCountInString(v) <= 500 && !strings.ContainsFunc(v, control)
}

// tidyPage wants https: applications put these addresses into their pages.
func tidyPage(v string) (string, bool) {
	u, err := url.Parse(v)
	return v, err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && len(v) <= 2000 && !strings.ContainsAny(v, " <>\"'\\")
}

// tidyBirthdate takes YYYY-MM-DD, YYYY, or 0000-MM-DD for whoever keeps the year to themselves.
func tidyBirthdate(v string) (string, bool) {
	day := v
	if month, yearless := strings.CutPrefix(v, "0000-"); yearless {
		day = "2000-" + month // a leap year
	} else if len(v) == len("1990") {
		day = v + "-01-01"
	}
	_, err := time.Parse(time.DateOnly, day)
	return v, err == nil && v != "0000"
}

func tidyZone(v string) (string, bool) {
	_, err := time.LoadLocation(v)
	return v, err == nil && v != "Local"
}

// tidyLocale spells a language tag as BCP 47 recommends: en_gb is en-GB.
func tidyLocale(v string) (string, bool) {
	tag, err := language.Parse(v)
	return tag.String(), err == nil && tag != language.Und && len(v) <= 35
}

// tidyPhone leaves the digits of E.164 and drops what people put between them.
func tidyPhone(v string) (string, bool) {
	digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(v)
	return digits, e164.MatchString(digits)
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{3,14}$`)
