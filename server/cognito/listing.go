package cognito

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

const (
	listMost = 60   // people on a page, as the protocol has it
	listScan = 1000 // people that one call looks at: a page with a filter may end before it is full
)

// condition is the Filter of a list: one attribute and what it is, or begins with.
type condition struct {
	name, value string
	prefix      bool
}

// filterForm is `name = "value"` or `name ^= "value"`; quotes inside the value are escaped.
var filterForm = regexp.MustCompile(`^\s*"?([A-Za-z_:]+)"?\s*(\^?=)\s*("(?:[^"\\]|\\.)*")\s*$`)

// filterable are the attributes of the standard that a list can be asked for, besides the states.
var filterable = []string{"username", "sub", "email", "name", "given_name", "family_name", "preferred_username", "phone_number", "status", "cognito:user_status"}

func readFilter(text string) (condition, error) {
	if strings.TrimSpace(text) == "" {
		return condition{}, nil
	}
	m := filterForm.FindStringSubmatch(text)
	if m == nil || !slices.Contains(filterable, m[1]) {
		return condition{}, fail("InvalidParameterException", "One or more user attributes in filter are invalid.")
	}
	f := condition{name: m[1], prefix: m[2] == "^="}
	if err := json.Unmarshal([]byte(m[3]), &f.value); err != nil {
		return f, fail("InvalidParameterException", "Error while parsing filter.")
	}
	return f, nil
}

// exact reports whether the filter names one person, and how.
func (f condition) exact() bool {
	return !f.prefix && slices.Contains([]string{"username", "sub", "email"}, f.name)
}

// admits reports whether a person is wanted.
func (f condition) admits(p person) bool {
	is := ""
	switch f.name {
	case "":
		return true
	case "username":
		is = p.Username
	case "status":
		is = map[bool]string{true: "Enabled", false: "Disabled"}[p.Enabled]
	case "cognito:user_status":
		is = p.UserStatus
	default:
		for _, a := range p.Attributes {
			if a.Name == f.name {
				is = a.Value
			}
		}
	}
	want := f.value
	if f.name == "email" {
		is, want = strings.ToLower(is), strings.ToLower(want)
	}
	if f.prefix {
		return strings.HasPrefix(is, want)
	}
	return is == want
}

// listUsers lists people, and sign-ups that wait for their code, the newest first.
func (d *Door) listUsers(c *call) (any, error) {
	var in struct {
		Filter, PaginationToken string
		Limit                   *int
		AttributesToGet         []string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	f, err := readFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	limit, cursor, err := pageOf(in.Limit, in.PaginationToken)
	if err != nil {
		return nil, err
	}
	found := []person{}
	last := ""
	if f.exact() {
		found, err = d.one(c, f)
	} else {
		found, last, err = d.scan(c, f, limit, cursor)
	}
	if err != nil {
		return nil, err
	}
	if len(in.AttributesToGet) > 0 {
		for i := range found {
			found[i].Attributes = slices.DeleteFunc(found[i].Attributes, func(a attribute) bool { return !slices.Contains(in.AttributesToGet, a.Name) })
		}
	}
	out := map[string]any{"Users": found}
	if last != "" {
		out["PaginationToken"] = last
	}
	return out, nil
}

// pageOf reads how much is wanted, and from where on.
func pageOf(limit *int, token string) (int, storage.ID, error) {
	n := listMost
	if limit != nil {
		n = *limit
	}
	if n < 0 || n > listMost {
		return 0, storage.ID{}, fail("InvalidParameterException", "Limit must be at most %d", listMost)
	}
	if n == 0 {
		n = listMost
	}
	if token == "" {
		return n, storage.ID{}, nil
	}
	cursor, err := storage.ParseID(token)
	if err != nil {
		err = fail("InvalidParameterException", "Invalid pagination token")
	}
	return n, cursor, err
}

// one finds the one person that a filter can mean.
func (d *Door) one(c *call, f condition) ([]person, error) {
	u, err := d.Engine.Known(c.ctx, f.value)
	var p person
	if errors.Is(err, authn.ErrNoUser) {
		s, waits := d.Engine.Registered(c.ctx, f.value)
		if errors.Is(waits, authn.ErrNotWaiting) {
			return []person{}, nil
		}
		p, err = showWaiting(s), waits
	} else if err == nil {
		p, err = d.show(c, u)
	}
	if err != nil || !f.admits(p) {
		return []person{}, err
	}
	return []person{p}, nil
}

// listed is somebody on a list: one who is there, or one who has signed up and waits.
type listed struct {
	id   storage.ID
	show func() (person, error)
}

// batch is the next part of everybody, the newest first, from the one before cursor on; more says that it is not the last.
func (d *Door) batch(c *call, search string, cursor storage.ID) (all []listed, more bool, err error) {
	people, err := d.Store.View(c.ctx).Users(search, cursor, listMost+1)
	if err != nil {
		return nil, false, err
	}
	waiting, err := d.Engine.Registrations(c.ctx, cursor, listMost+1)
	if err != nil {
		return nil, false, err
	}
	for _, u := range people {
		all = append(all, listed{u.ID, func() (person, error) { return d.show(c, u) }})
	}
	for _, s := range waiting {
		all = append(all, listed{s.UserID, func() (person, error) { return showWaiting(s), nil }})
	}
	slices.SortFunc(all, func(a, b listed) int { return bytes.Compare(b.id[:], a.id[:]) })
	return all[:min(len(all), listMost)], len(all) > listMost, nil
}

// scan goes through everybody until a page is full, or it has looked at many. last is where the next page goes on; "" at the end.
func (d *Door) scan(c *call, f condition, limit int, cursor storage.ID) (found []person, last string, err error) {
	found = []person{}
	search := ""
	if f.name == "email" {
		search = f.value // the store narrows it down; whether it begins with it is looked at here
	}
	for seen := 0; seen < listScan; seen += listMost {
		part, more, err := d.batch(c, search, cursor)
		if err != nil {
			return nil, "", err
		}
		for i, one := range part {
			cursor = one.id
			p, err := one.show()
			if err != nil {
				return nil, "", err
			}
			if f.admits(p) {
				found = append(found, p)
			}
			if len(found) == limit && (more || i < len(part)-1) {
				return found, cursor.String(), nil
			}
		}
		if !more {
			return found, "", nil
		}
	}
	return found, cursor.String(), nil
}
