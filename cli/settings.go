package cli

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one key of the configuration: its name, where its value came from, and the value as text.
type Setting struct {
	Key    string // email.smtp.url
	Env    string // GATELATCH_EMAIL_SMTP_URL
	Source string // "default", "config.yaml line 12", "GATELATCH_EMAIL_SMTP_URL" or "--listen"
	Value  string // as text; empty for a secret

	field reflect.Value
	tag   reflect.StructTag
}

// settingsOf lists the leaves of a configuration in the order of its struct. Setting a leaf's field sets the Config.
func settingsOf(c *Config) []*Setting {
	var all []*Setting
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name := f.Tag.Get("key")
			if name == "" || name == "-" {
				continue
			}
			key := prefix + name
			if f.Type.Kind() == reflect.Struct {
				walk(v.Field(i), key+".")
				continue
			}
			all = append(all, &Setting{
				Key: key, Env: envName(key), Source: "default",
				field: v.Field(i), tag: f.Tag,
			})
		}
	}
	walk(reflect.ValueOf(c).Elem(), "")
	return all
}

// envName is the environment variable of a key: email.smtp.url is GATELATCH_EMAIL_SMTP_URL.
func envName(key string) string {
	return "GATELATCH_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// isList says that a setting holds a list of sections (clients, templates), not a value.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && t.Elem() != prefixType
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	documentType = reflect.TypeFor[document]()
)

// document is a setting that holds a piece of JSON; in a file it may be written as YAML.
type document string

// assign puts text into a leaf that holds one value. Its error says what was expected, without the value.
func assign(field reflect.Value, tag reflect.StructTag, text string) error {
	switch {
	case field.Type() == durationType:
		d, err := parseDuration(text)
		if err != nil {
			return fmt.Errorf("expected a duration such as 90s, 10m, 12h or 30d")
		}
		least, _ := parseDuration(tag.Get("min"))
		if d < least {
			return fmt.Errorf("expected at least %s", tag.Get("min"))
		}
		field.SetInt(int64(d))
	case field.Type() == prefixType:
		p, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("expected addresses or networks such as 10.0.0.0/8 or 192.168.1.5")
		}
		field.Set(reflect.ValueOf(p))
	case field.Kind() == reflect.Bool:
		switch text {
		case "true", "false":
			field.SetBool(text == "true")
		default:
			return fmt.Errorf("expected true or false")
		}
	case field.Kind() == reflect.Int:
		n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
		if err != nil {
			return fmt.Errorf("expected a whole number")
		}
		if least, err := strconv.Atoi(tag.Get("min")); err == nil && n < least {
			return fmt.Errorf("expected %d or more", least)
		}
		field.SetInt(int64(n))
	case field.Kind() == reflect.String:
		if allowed := tag.Get("oneof"); allowed != "" && text != "" && !slices.Contains(strings.Split(allowed, ","), text) {
			return fmt.Errorf("expected %s", orList(strings.Split(allowed, ",")))
		}
		field.SetString(text)
	default:
		return fmt.Errorf("expected a list")
	}
	return nil
}

// assignList puts several texts into a leaf that is a list of values.
func assignList(field reflect.Value, tag reflect.StructTag, items []string) error {
	list := reflect.MakeSlice(field.Type(), len(items), len(items))
	for i, item := range items {
		if err := assign(list.Index(i), tag, item); err != nil {
			return err
		}
	}
	field.Set(list)
	return nil
}

// setDefaults fills a section (the whole configuration, or one entry of a list) from its default tags.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("key"); name == "" || name == "-" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			setDefaults(v.Field(i))
			continue
		}
		text, ok := f.Tag.Lookup("default")
		if !ok {
			continue
		}
		if err := assign(v.Field(i), f.Tag, text); err != nil {
			panic("cli: the default of " + f.Name + " is wrong: " + err.Error())
		}
	}
}

// show is a leaf's value as text for display.
func show(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return formatDuration(time.Duration(v.Int()))
	case isList(v.Type()):
		return fmt.Sprintf("%d declared", v.Len())
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(parts, ", ")
	default:
		return fmt.Sprint(v.Interface())
	}
}

// parsePrefix reads a network, or a single address as the network that holds only it.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, err
	}
	return p.Masked(), nil
}

// orList joins words as a person would: "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
