package cognito

import (
	"errors"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// crowd is a group as the protocol shows it.
type crowd struct {
	GroupName        string
	UserPoolId       string
	Description      string `json:",omitempty"`
	CreationDate     float64
	LastModifiedDate float64
}

func (d *Door) showGroup(g storage.Group) crowd {
	return crowd{GroupName: g.Name, UserPoolId: d.PoolID, Description: g.Description, CreationDate: moment(g.Created), LastModifiedDate: moment(g.Updated)}
}

var errNoGroup = fail("ResourceNotFoundException", "Group not found.")

// ofGroup gives the reasons about groups their names.
func ofGroup(err error) error {
	var used *authn.GroupInUse
	switch {
	case errors.Is(err, authn.ErrNoGroup):
		return errNoGroup
	case errors.As(err, &used):
		return fail("InvalidParameterException", "The group lets people use an application (%s): take it from there first.", used.Client.ID)
	}
	return gone(err)
}

func (d *Door) createGroup(c *call) (any, error) {
	var in struct{ GroupName, Description string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	g, err := d.Engine.CreateGroup(c.ctx, c.by, in.GroupName, in.Description)
	switch {
	case errors.Is(err, authn.ErrTaken):
		return nil, fail("GroupExistsException", "A group with the name already exists.")
	case errors.Is(err, authn.ErrGroupName):
		return nil, fail("InvalidParameterException", "GroupName takes letters, digits, and - _ . : / between them; Description takes no line breaks.")
	}
	return map[string]any{"Group": d.showGroup(g)}, err
}

func (d *Door) getGroup(c *call) (any, error) {
	var in struct{ GroupName string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	g, err := d.Store.View(c.ctx).Group(in.GroupName)
	if errors.Is(err, storage.ErrNotFound) {
		err = errNoGroup
	}
	return map[string]any{"Group": d.showGroup(g)}, err
}

func (d *Door) deleteGroup(c *call) (any, error) {
	var in struct{ GroupName string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return struct{}{}, ofGroup(d.Engine.DeleteGroup(c.ctx, c.by, in.GroupName))
}

func (d *Door) listGroups(c *call) (any, error) {
	return d.pageOfGroups(c, func(string) bool { return true })
}

func (d *Door) adminListGroupsForUser(c *call) (any, error) {
	var in aboutPerson
	if err := c.read(&in); err != nil {
		return nil, err
	}
	u, err := d.who(c, in.Username)
	if err != nil {
		return nil, err
	}
	names, err := d.Store.View(c.ctx).UserGroups(u.ID)
	if err != nil {
		return nil, err
	}
	return d.pageOfGroups(c, func(name string) bool { return slices.Contains(names, name) })
}

// pageOfGroups lists groups by name; the token of the next page is the last name of this one.
func (d *Door) pageOfGroups(c *call, wanted func(string) bool) (any, error) {
	var in struct {
		Limit     *int
		NextToken string
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	limit, _, err := pageOf(in.Limit, "")
	if err != nil {
		return nil, err
	}
	groups, err := d.Store.View(c.ctx).Groups()
	if err != nil {
		return nil, err
	}
	list, out := []crowd{}, map[string]any{}
	// The order is that of the database, whatever it is: the page goes on behind the name it ended with.
	begun := in.NextToken == ""
	for _, g := range groups {
		switch {
		case begun && wanted(g.Name) && len(list) == limit:
			out["NextToken"] = list[limit-1].GroupName
			out["Groups"] = list
			return out, nil
		case begun && wanted(g.Name):
			list = append(list, d.showGroup(g))
		}
		begun = begun || g.Name == in.NextToken
	}
	if !begun {
		return nil, fail("InvalidParameterException", "Invalid pagination token")
	}
	out["Groups"] = list
	return out, nil
}

func (d *Door) listUsersInGroup(c *call) (any, error) {
	var in struct {
		GroupName, NextToken string
		Limit                *int
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	limit, cursor, err := pageOf(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	if _, err := d.Store.View(c.ctx).Group(in.GroupName); errors.Is(err, storage.ErrNotFound) {
		return nil, errNoGroup
	} else if err != nil {
		return nil, err
	}
	members, err := d.Store.View(c.ctx).Members(in.GroupName, cursor, limit+1)
	if err != nil {
		return nil, err
	}
	list, out := []person{}, map[string]any{}
	for i, u := range members {
		if i == limit {
			out["NextToken"] = members[i-1].ID.String()
			break
		}
		p, err := d.show(c, u)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	out["Users"] = list
	return out, nil
}

func (d *Door) adminAddUserToGroup(c *call, u storage.User) error {
	var in struct{ GroupName string }
	if err := c.read(&in); err != nil {
		return err
	}
	return ofGroup(d.Engine.Join(c.ctx, c.by, u.ID, in.GroupName))
}

func (d *Door) adminRemoveUserFromGroup(c *call, u storage.User) error {
	var in struct{ GroupName string }
	if err := c.read(&in); err != nil {
		return err
	}
	return ofGroup(d.Engine.Leave(c.ctx, c.by, u.ID, in.GroupName))
}
