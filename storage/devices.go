package storage

// Device is a browser in which a person has signed in. It holds a random cookie; here lies only its digest, once for each person.
type Device struct {
	ID      ID
	UserID  ID
	Digest  []byte
	Trusted int64 // when the person said that it needs no second factor; 0: never
	Agent   string
	IP      string
	Created int64
	Seen    int64
	Expires int64
}

const deviceColumns = `d.id, d.user_id, d.digest, d.trusted, d.agent, d.ip, d.created, d.seen, d.expires`

func (d *Device) fields() []any {
	return []any{&d.ID, &d.UserID, &d.Digest, &d.Trusted, &d.Agent, &d.IP, &d.Created, &d.Seen, &d.Expires}
}

// InsertDevice adds a browser.
func (tx Tx) InsertDevice(d Device) error {
	_, err := tx.exec(`INSERT INTO devices (id, user_id, digest, trusted, agent, ip, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		d.ID, d.UserID, d.Digest, d.Trusted, d.Agent, d.IP, d.Created, d.Seen, d.Expires)
	return err
}

// Device returns the browser with that cookie as one of a person's, unless it has expired at now; ErrNotFound.
func (tx Tx) Device(user ID, digest []byte, now int64) (Device, error) {
	var d Device
	err := tx.row(`SELECT `+deviceColumns+` FROM devices d WHERE d.digest = $1 AND d.user_id = $2 AND d.expires > $3`, digest, user, now).Scan(d.fields()...)
	return d, err
}

// DeviceOf returns the browser with that cookie as one of whoever has that username or has proven that normalised address; ErrNotFound.
func (tx Tx) DeviceOf(identifier string, digest []byte, now int64) (Device, error) {
	var d Device
	err := tx.row(`SELECT `+deviceColumns+` FROM devices d WHERE d.digest = $1 AND d.user_id = COALESCE((SELECT e.user_id FROM emails e WHERE e.address = $2 AND e.verified_at > 0), (SELECT n.id FROM users n WHERE n.username = $2)) AND d.expires > $3`,
		digest, identifier, now).Scan(d.fields()...)
	return d, err
}

// MoveDevice gives a browser another cookie, for all the people who have signed in there.
func (tx Tx) MoveDevice(from, to []byte) error {
	_, err := tx.exec(`UPDATE devices SET digest = $2 WHERE digest = $1`, from, to)
	return err
}

// MeetDevice notes that a person has signed in in a browser of theirs once more.
func (tx Tx) MeetDevice(d Device) error {
	return tx.one(`UPDATE devices SET trusted = $2, agent = $3, ip = $4, seen = $5, expires = $6 WHERE id = $1`, d.ID, d.Trusted, d.Agent, d.IP, d.Seen, d.Expires)
}

// UserDevices lists the browsers of a person that have not expired at now, the one seen last first.
func (tx Tx) UserDevices(user ID, now int64) ([]Device, error) {
	var devices []Device
	err := tx.each(`SELECT `+deviceColumns+` FROM devices d WHERE d.user_id = $1 AND d.expires > $2 ORDER BY d.seen DESC`, []any{user, now}, func(row scanner) error {
		var d Device
		if err := row.Scan(d.fields()...); err != nil {
			return err
		}
		devices = append(devices, d)
		return nil
	})
	return devices, err
}

// DeleteDevice forgets a browser of a person; ErrNotFound.
func (tx Tx) DeleteDevice(user, id ID) error {
	return tx.one(`DELETE FROM devices WHERE user_id = $1 AND id = $2`, user, id)
}

// DeleteUserDevices forgets all browsers of a person.
func (tx Tx) DeleteUserDevices(user ID) error {
	_, err := tx.exec(`DELETE FROM devices WHERE user_id = $1`, user)
	return err
}

// UntrustDevice has a person asked for their second factor again in one browser of theirs that was excused from it; ErrNotFound.
func (tx Tx) UntrustDevice(user, id ID) error {
	return tx.one(`UPDATE devices SET trusted = 0 WHERE user_id = $1 AND id = $2 AND trusted > 0`, user, id)
}

// UntrustDevices has a person asked for their second factor in every browser again.
func (tx Tx) UntrustDevices(user ID) error {
	_, err := tx.exec(`UPDATE devices SET trusted = 0 WHERE user_id = $1 AND trusted > 0`, user)
	return err
}
