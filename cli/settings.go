package cli

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
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
)

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

var durationPart = regexp.MustCompile(`^(\d+)(ms|s|m|h|d|w|y)`)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// parseDuration reads Go's durations and also days, weeks and years of 365 days: 90s, 1h30m, 30d, 1y.
func parseDuration(text string) (time.Duration, error) {
	var sum time.Duration
	rest := text
	for rest != "" {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			break
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := durationUnits[part[2]]
		if err != nil || n > int64((math.MaxInt64-sum)/unit) {
			break
		}
		sum += time.Duration(n) * unit
		rest = rest[len(part[0]):]
	}
	if rest != "" || text == "" {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return sum, nil
}

// formatDuration writes a duration the way parseDuration reads it, in its largest whole unit.
func formatDuration(d time.Duration) string {
	for _, unit := range []string{"y", "d", "h", "m", "s", "ms"} {
		if size := durationUnits[unit]; d >= size && d%size == 0 {
			return fmt.Sprintf("%d%s", d/size, unit)
		}
	}
	return d.String()
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

// nearest returns the candidate that s is most likely a misspelling of, or "".
func nearest(s string, candidates []string) string {
	best, at := "", 3
	if len(s) < 5 {
		at = 2
	}
	for _, c := range candidates {
		if d := distance(s, c); d <= at && d < len(c) && (d < at || best == "") {
			best, at = c, d
		}
	}
	return best
}

// distance counts the single-letter edits between two words, a swap of neighbours being one.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
