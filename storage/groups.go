package storage

// Group is a set of people that rules and applications can name.
type Group struct {
	Name        string // unique; what the `groups` claim says
	Description string
	Created     int64
	Updated     int64
}

// InsertGroup adds a group; ErrConflict if the name is taken.
func (tx Tx) InsertGroup(g Group) error {
	_, err := tx.exec(`INSERT INTO groups (name, description, created, updated) VALUES ($1, $2, $3, $4)`, g.Name, g.Description, g.Created, g.Updated)
	return err
}

// Group returns the group with that name; ErrNotFound.
func (tx Tx) Group(name string) (Group, error) {
	var g Group
	err := tx.row(`SELECT name, description, created, updated FROM groups WHERE name = $1`, name).Scan(&g.Name, &g.Description, &g.Created, &g.Updated)
	return g, err
}

// Groups lists every group by name.
func (tx Tx) Groups() ([]Group, error) {
	var groups []Group
	err := tx.each(`SELECT name, description, created, updated FROM groups ORDER BY name`, nil, func(row scanner) error {
		var g Group
		if err := row.Scan(&g.Name, &g.Description, &g.Created, &g.Updated); err != nil {
			return err
		}
		groups = append(groups, g)
		return nil
	})
	return groups, err
}

// DeleteGroup removes a group with its memberships; ErrNotFound.
func (tx Tx) DeleteGroup(name string) error {
	return tx.one(`DELETE FROM groups WHERE name = $1`, name)
}

// Join makes a person a member of a group; one who is stays one. The group must exist.
func (tx Tx) Join(user ID, group string, now int64) error {
	_, err := tx.exec(`INSERT INTO memberships (user_id, group_name, created) VALUES ($1, $2, $3) ON CONFLICT (user_id, group_name) DO NOTHING`, user, group, now)
	return err
}

// Leave ends a membership, if there is one.
func (tx Tx) Leave(user ID, group string) error {
	_, err := tx.exec(`DELETE FROM memberships WHERE user_id = $1 AND group_name = $2`, user, group)
	return err
}

// UserGroups lists the names of the groups that a person is a member of, in order.
func (tx Tx) UserGroups(user ID) ([]string, error) {
	var names []string
	err := tx.each(`SELECT group_name FROM memberships WHERE user_id = $1 ORDER BY group_name`, []any{user}, func(row scanner) error {
		var name string
		if err := row.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// Members lists up to limit members of a group, newest person first, made before the one named by cursor (zero ID: from the newest).
func (tx Tx) Members(group string, cursor ID, limit int) ([]User, error) {
	if cursor.IsZero() {
		cursor = lastID
	}
	var users []User
	err := tx.each(`SELECT `+userColumns+` FROM users u JOIN memberships m ON m.user_id = u.id WHERE m.group_name = $1 AND u.id < $2 ORDER BY u.id DESC LIMIT $3`,
		[]any{group, cursor, limit}, func(row scanner) error {
			var u User
			if err := row.Scan(u.fields()...); err != nil {
				return err
			}
			users = append(users, u)
			return nil
		})
	return users, err
}
