package authn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatelatch/storage"
)

// Field is an attribute that this server asks people for: one of the standard (Attributes), or one of its own.
type Field struct {
	Name      string            `json:"name"`
	Type      string            `json:"type,omitempty"`      // of one of its own: text, number, boolean, date or choice
	Choices   []FieldChoice     `json:"choices,omitempty"`   // of a choice
	Asked     string            `json:"asked,omitempty"`     // required, optional, or "" for one that nobody is asked for
	ByAdmin   bool              `json:"by_admin,omitempty"`  // only an administrator says it
	Immutable bool              `json:"immutable,omitempty"` // what a person has said of it they cannot change; an administrator can
	Labels    map[string]string `json:"labels,omitempty"`    // what pages call it, by language
	Scope     string            `json:"scope,omitempty"`     // of one of its own: tells it to applications; "" for profile
	Claim     string            `json:"claim,omitempty"`     // likewise, under that name; "" for Name
}

// FieldChoice is a value that can be chosen.
type FieldChoice struct {
	Value  string            `json:"value"`
	Labels map[string]string `json:"labels,omitempty"`
}

// The types of fields, and how they are asked for.
const (
	FieldText     = "text"
	FieldNumber   = "number"
	FieldBoolean  = "boolean"
	FieldDate     = "date"
	FieldOneOf    = "choice"
	AskedRequired = "required"
	AskedOptional = "optional"
)

// FieldsWithWords are the attributes of the standard that pages have words for.
var FieldsWithWords = []string{"name", "given_name", "family_name", "nickname", "birthdate", "zoneinfo", "website", "phone_number",
	"address.street_address", "address.postal_code", "address.locality", "address.region", "address.country"}

// Own reports whether the field is none of the standard.
func (f Field) Own() bool { return f.Type != "" }

// Told is the scope and the claim that tell an own field to applications.
func (f Field) Told() (scope, claim string) {
	scope, claim = f.Scope, f.Claim
	if scope == "" {
		scope = "profile"
	}
	if claim == "" {
		claim = f.Name
	}
	return scope, claim
}

// Label is what a page in that language calls the field: in that language, else in English, else in any; "" if nobody has said.
func (f Field) Label(lang string) string { return inLanguage(f.Labels, lang) }

// Label is Field.Label of a choice, which is called by its value where nobody has said more.
func (c FieldChoice) Label(lang string) string {
	return cmp.Or(inLanguage(c.Labels, lang), c.Value)
}

func inLanguage(labels map[string]string, lang string) string {
	if label := cmp.Or(labels[lang], labels["en"]); label != "" || len(labels) == 0 {
		return label
	}
	return labels[slices.Min(slices.Collect(maps.Keys(labels)))]
}

// Text is a value of the field as a page in that language shows it; a boolean is true or false.
func (f Field) Text(value any, lang string) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if at := slices.IndexFunc(f.Choices, func(c FieldChoice) bool { return c.Value == v }); at >= 0 {
			return f.Choices[at].Label(lang)
		}
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// attribute finds one of the standard, or of this server's own; *BadAttribute.
func (x Experience) attribute(name string) (Attribute, error) {
	for _, f := range x.Attributes {
		if f.Name == name && f.Own() {
			scope, _ := f.Told()
			return Attribute{Name: name, Scope: scope, Form: f.form(), typed: f.read}, nil
		}
	}
	return attribute(name)
}

// Field is what the server has settled about an attribute: nothing but its name for most of the standard.
func (x Experience) Field(name string) Field {
	if at := slices.IndexFunc(x.Attributes, func(f Field) bool { return f.Name == name }); at >= 0 {
		return x.Attributes[at]
	}
	return Field{Name: name}
}

// Right says what a right value looks like, for whoever gave another.
func (f Field) Right() string {
	if a, err := attribute(f.Name); err == nil && !f.Own() {
		return a.Form
	}
	return f.form()
}

// form is Right for a field of this server's own.
func (f Field) form() string {
	switch f.Type {
	case FieldNumber:
		return "a number such as 12 or 1.5"
	case FieldBoolean:
		return "true or false"
	case FieldDate:
		return "a day such as 1990-02-03"
	case FieldOneOf:
		var values []string
		for _, c := range f.Choices {
			values = append(values, c.Value)
		}
		return "one of " + strings.Join(values, ", ")
	}
	return line
}

// read checks a value, as JSON has it or as it was typed, and gives it as it is kept.
func (f Field) read(value any) (any, bool) {
	text, typed := value.(string)
	switch f.Type {
	case FieldNumber:
		n, ok := value.(float64)
		if typed {
			var err error
			n, err = strconv.ParseFloat(text, 64)
			ok = err == nil
		}
		return n, ok && !math.IsNaN(n) && !math.IsInf(n, 0)
	case FieldBoolean:
		b, ok := value.(bool)
		if typed {
			b, ok = text == "true", text == "true" || text == "false"
		}
		return b, ok
	case FieldDate:
		_, err := time.Parse(time.DateOnly, text)
		return text, typed && err == nil
	case FieldOneOf:
		return text, typed && slices.ContainsFunc(f.Choices, func(c FieldChoice) bool { return c.Value == text })
	}
	kept, ok := tidyLine(text)
	return kept, typed && ok
}

// ValueOf is what is known of a person under a name, a member of the address too; nil if nothing.
func ValueOf(known map[string]any, name string) any {
	if top, member, nested := strings.Cut(name, "."); nested {
		known, _ = known[top].(map[string]any)
		name = member
	}
	return known[name]
}

// OwnAttributesOf are the values of a person that are none of the standard's, by name; nil if there are none.
func OwnAttributesOf(u storage.User) map[string]any {
	var own map[string]any
	for name, value := range AttributesOf(u) {
		if !standardClaims[name] {
			if own == nil {
				own = map[string]any{}
			}
			own[name] = value
		}
	}
	return own
}

// standardClaims are the claims of Attributes.
var standardClaims = func() map[string]bool {
	claims := map[string]bool{}
	for _, a := range Attributes {
		claim, _, _ := strings.Cut(a.Name, ".")
		claims[claim] = true
	}
	return claims
}()

// OwnScopes are the scopes that tell this server's own attributes, by claim.
func (x Experience) OwnScopes() map[string]string {
	scopes := map[string]string{}
	for _, f := range x.Attributes {
		if f.Own() {
			scope, claim := f.Told()
			scopes[claim] = scope
		}
	}
	return scopes
}

// OwnClaims are the values of this server's own attributes that are told, by claim.
func (x Experience) OwnClaims(u storage.User, told func(scope, claim string) bool) map[string]any {
	claims := map[string]any{}
	if len(x.Attributes) == 0 || len(u.Attributes) <= len("{}") {
		return claims
	}
	known := AttributesOf(u)
	for _, f := range x.Attributes {
		scope, claim := f.Told()
		if value := known[f.Name]; f.Own() && value != nil && told(scope, claim) {
			claims[claim] = value
		}
	}
	return claims
}

var (
	fieldName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	fieldClaim = regexp.MustCompile(`^[A-Za-z0-9_:/.\-]{1,200}$`)
	// reservedClaims mean something of their own in tokens and at userinfo; the first four in forms of ours.
	reservedClaims = strings.Fields(`flow accept lang done iss sub aud exp nbf iat jti azp nonce auth_time acr amr sid at_hash c_hash s_hash cnf act may_act client_id scope scp roles groups entitlements
		email email_verified updated_at username address phone_number phone_number_verified origin_jti token_use events`)
)

// CheckAsked refuses attributes and documents that people cannot be asked for. *BadChoice.
func (x Experience) CheckAsked() error {
	if err := x.checkFields(); err != nil {
		return err
	}
	return x.checkDocuments()
}

// checkFields refuses attributes that cannot be. *BadChoice.
func (x Experience) checkFields() error {
	bad := func(f Field, format string, args ...any) error {
		return &BadChoice{"attributes", fmt.Sprintf("%q ", f.Name) + fmt.Sprintf(format, args...)}
	}
	seen := map[string]bool{}
	for _, f := range x.Attributes {
		_, unknown := attribute(f.Name)
		_, claim := f.Told()
		switch {
		case seen[f.Name]:
			return bad(f, "stands there twice.")
		case f.Asked != "" && f.Asked != AskedRequired && f.Asked != AskedOptional:
			return bad(f, "can be asked for as required or optional, or not at all.")
		case f.Immutable && f.ByAdmin:
			return bad(f, "is said by administrators only, so people cannot change it anyway: leave immutable out.")
		case f.Asked != "" && f.ByAdmin:
			return bad(f, "is said by administrators only, so people cannot be asked for it.")
		case unknown == nil && (f.Type != "" || f.Scope != "" || f.Claim != "" || len(f.Choices) > 0):
			return bad(f, "is an attribute of the standard: its type, scope and claim are settled.")
		case unknown == nil && f.Asked != "" && !slices.Contains(FieldsWithWords, f.Name):
			return bad(f, "cannot be asked for on a page.")
		case unknown != nil && !slices.Contains([]string{FieldText, FieldNumber, FieldBoolean, FieldDate, FieldOneOf}, f.Type):
			return bad(f, "is no attribute of the standard, so it needs a type: text, number, boolean, date or choice.")
		case unknown != nil && !fieldName.MatchString(f.Name), unknown != nil && slices.Contains(reservedClaims, f.Name):
			return bad(f, "cannot be a name: it takes up to 40 of a-z, 0-9 and underscore, and none that means something in tokens.")
		case unknown != nil && (!fieldClaim.MatchString(claim) || slices.Contains(reservedClaims, claim) || standardClaims[claim]):
			return bad(f, "cannot be told as %q: that claim means something else.", claim)
		case unknown != nil && !slices.Contains([]string{"", "profile", "email", "address", "phone", "groups"}, f.Scope):
			return bad(f, "can be told by the scopes profile, email, address, phone or groups.")
		case (f.Type == FieldOneOf) != (len(f.Choices) > 0):
			return bad(f, "has choices if its type is choice, and only then.")
		}
		seen[f.Name] = true
		for _, c := range f.Choices {
			if _, right := tidyLine(c.Value); !right || strings.TrimSpace(c.Value) != c.Value || c.Value == "" {
				return bad(f, "has a choice %q, which is not one line of text.", c.Value)
			}
		}
	}
	return nil
}

// The documents that people accept.
const (
	DocumentTerms   = "terms"
	DocumentPrivacy = "privacy"
)

// Document is a version of what people accept.
type Document struct{ Name, URL, Version string }

// documents are those that have a version to accept.
func (x Experience) documents() []Document {
	var all []Document
	for _, d := range []Document{{DocumentTerms, x.TermsURL, x.TermsVersion}, {DocumentPrivacy, x.PrivacyURL, x.PrivacyVersion}} {
		if d.URL != "" && d.Version != "" {
			all = append(all, d)
		}
	}
	return all
}

// checkDocuments refuses addresses that are none, and versions of nothing. *BadChoice.
func (x Experience) checkDocuments() error {
	for _, d := range []Document{{DocumentTerms, x.TermsURL, x.TermsVersion}, {DocumentPrivacy, x.PrivacyURL, x.PrivacyVersion}} {
		if d.URL != "" {
			if _, right := tidyPage(d.URL); !right {
				return &BadChoice{d.Name + "_url", "An https address is expected, such as https://example.com/" + d.Name + "."}
			}
		}
		if _, right := tidyLine(d.Version); !right || len(d.Version) > 100 {
			return &BadChoice{d.Name + "_version", "A version is one line of up to 100 characters, such as 2026-11."}
		}
		if d.Version != "" && d.URL == "" {
			return &BadChoice{d.Name + "_version", "A version to accept needs a page that shows it: " + d.Name + "_url."}
		}
	}
	return nil
}

// ReadFields decodes a list of fields, strictly: a member that is none is a mistake.
func ReadFields(text []byte) ([]Field, error) {
	var fields []Field
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	return fields, nil
}
