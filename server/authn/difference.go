package authn

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

const (
	// differenceMost is how long, in bytes, what the audit log says of one change may be,
	differenceMost = 1500
	// valueMost and how long each value in it.
	valueMost = 200
)

// Difference tells the audit log what a change has changed: every member in which two documents differ, with what was before and after,
// in order of their names. Of the members that silent names it tells only that they have changed. What cannot be a document is a bug.
func Difference(before, after any, silent ...string) string {
	var b strings.Builder
	for _, c := range differences("", document(before), document(after)) {
		part := c.name + ": " + c.told()
		if slices.Contains(silent, c.name) {
			part = c.name
		}
		if b.Len() > 0 {
			part = "; " + part
		}
		if left := differenceMost - b.Len(); len(part) > left {
			b.WriteString(strings.ToValidUTF8(part[:left], "") + "…")
			break
		}
		b.WriteString(part)
	}
	return b.String()
}

// changedMembers names the members in which two documents differ, in order.
func changedMembers(before, after any) []string {
	var names []string
	for _, c := range differences("", document(before), document(after)) {
		names = append(names, c.name)
	}
	return names
}

// member is a member of a document that has changed; nil for none.
type member struct {
	name     string
	was, now any
}

func differences(prefix string, before, after map[string]any) []member {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, after)
	var found []member
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], after[name]
		inWas, nestedWas := was.(map[string]any)
		inIs, nestedIs := is.(map[string]any)
		switch {
		case none(was) && none(is), reflect.DeepEqual(was, is):
		case (nestedWas || none(was)) && (nestedIs || none(is)):
			found = append(found, differences(prefix+name+".", inWas, inIs)...)
		default:
			found = append(found, member{prefix + name, was, is})
		}
	}
	return found
}

func document(v any) map[string]any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil {
		panic(err)
	}
	return members
}

// none reports whether a value says nothing: a document that leaves it out says the same.
func none(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// told is the change in words. Of long lists only what was taken out and put in is told, so that nothing hides at their end.
func (m member) told() string {
	was, isList := m.was.([]any)
	now, areLists := m.now.([]any)
	if !(isList || none(m.was)) || !(areLists || none(m.now)) || len(inText(m.was)) <= valueMost && len(inText(m.now)) <= valueMost {
		return short(inText(m.was)) + " → " + short(inText(m.now))
	}
	var parts []string
	only := func(sign string, here, there []any) {
		for _, item := range here {
			if !slices.ContainsFunc(there, func(other any) bool { return reflect.DeepEqual(item, other) }) {
				parts = append(parts, sign+short(inText(item)))
			}
		}
	}
	only("−", was, now)
	only("+", now, was)
	if len(parts) == 0 {
		return "in another order"
	}
	return strings.Join(parts, " ")
}

// inText is a value as the log shows it. A text that could be taken for more than one value is in quotes.
func inText(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		switch {
		case v == "":
			return "none"
		case strings.ContainsAny(v, " ;→\"−") || strings.HasPrefix(v, "+"):
			return quoted(v)
		}
		return v
	case []any:
		if len(v) == 0 {
			return "none"
		}
		var parts []string
		for _, item := range v {
			parts = append(parts, inText(item))
		}
		return strings.Join(parts, " ")
	}
	return quoted(v)
}

func quoted(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// short is the beginning of a long text.
func short(text string) string {
	if len(text) <= valueMost {
		return text
	}
	return strings.ToValidUTF8(text[:valueMost], "") + "…"
}
