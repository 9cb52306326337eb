package storage

// DeviceCode is a device that asks to be connected to somebody's account (RFC 8628). It holds the device code, of which the
// digest lies here; the person types the user code, likewise.
type DeviceCode struct {
	Digest     []byte
	UserDigest []byte
	ClientID   string
	Scope      string
	Audience   string // the APIs it asks for, separated by spaces
	ACRValues  string // how strong the sign-in should be, likewise
	Agent      string
	IP         string
	Created    int64
	Expires    int64
	Pause      int64  // microseconds the device must leave between two questions
	Polled     int64  // when it asked last
	Decision   string // "" (nobody has decided), "allowed" or "denied"
	GrantID    ID     // once allowed
	SpentAt    int64
}

const deviceCodeColumns = `digest, user_digest, client_id, scope, audience, acr_values, agent, ip, created, expires, pause, polled, decision, grant_id, spent_at`

func (d *DeviceCode) fields() []any {
	return []any{&d.Digest, &d.UserDigest, &d.ClientID, &d.Scope, &d.Audience, &d.ACRValues, &d.Agent, &d.IP, &d.Created, &d.Expires, &d.Pause, &d.Polled, &d.Decision, &d.GrantID, &d.SpentAt}
}

// InsertDeviceCode adds a device that asks; ErrConflict if its user code is taken.
func (tx Tx) InsertDeviceCode(d DeviceCode) error {
	_, err := tx.exec(`INSERT INTO device_codes (`+deviceCodeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '', NULL, 0)`,
		d.Digest, d.UserDigest, d.ClientID, d.Scope, d.Audience, d.ACRValues, d.Agent, d.IP, d.Created, d.Expires, d.Pause)
	return err
}

// DeviceCode returns the device that holds a code, whatever its state; ErrNotFound.
func (tx Tx) DeviceCode(digest []byte) (DeviceCode, error) {
	var d DeviceCode
	err := tx.row(`SELECT `+deviceCodeColumns+` FROM device_codes WHERE digest = $1`, digest).Scan(d.fields()...)
	return d, err
}

// DeviceByUserCode returns the device whose code a person has typed, whatever its state; ErrNotFound.
func (tx Tx) DeviceByUserCode(digest []byte) (DeviceCode, error) {
	var d DeviceCode
	err := tx.row(`SELECT `+deviceCodeColumns+` FROM device_codes WHERE user_digest = $1`, digest).Scan(d.fields()...)
	return d, err
}

// PollDeviceCode notes that a device asks at now; ErrSpent if it did not leave the pause it was told to.
func (tx Tx) PollDeviceCode(digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE device_codes SET polled = $2 WHERE digest = $1 AND polled + pause <= $2`, digest, now))
}

// SlowDeviceCode lengthens the pause of a device that asks too often.
func (tx Tx) SlowDeviceCode(digest []byte, now, by int64) error {
	_, err := tx.exec(`UPDATE device_codes SET polled = $2, pause = pause + $3 WHERE digest = $1`, digest, now, by)
	return err
}

// DecideDeviceCode records what a person has decided, once and while the code lives; grant is zero for "denied". ErrSpent
// for everybody after the first, and after its end.
func (tx Tx) DecideDeviceCode(digest []byte, decision string, grant ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE device_codes SET decision = $2, grant_id = $3 WHERE digest = $1 AND decision = '' AND spent_at = 0 AND expires > $4`, digest, decision, grant, now))
}

// SpendDeviceCode uses an allowed code up, once and while it lives; ErrSpent for everybody after the first.
func (tx Tx) SpendDeviceCode(digest []byte, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE device_codes SET spent_at = $2 WHERE digest = $1 AND decision = 'allowed' AND spent_at = 0 AND expires > $2`, digest, now))
}
