package storage

// Notice is a mail that told a person of a change to their account, as long as they may say that it was not them.
type Notice struct {
	ID       ID
	UserID   ID
	Kind     string // authn.Notice
	Subject  string // what was added, for taking it back: an address, the id of a key
	Address  string // normalised; where the mail went
	Nonce    []byte // the link in the mail is derived from it
	Device   string // as authn.Device names it
	IP       string
	Created  int64
	Expires  int64
	DeniedAt int64 // when the person said that it was not them
}

const noticeColumns = `id, user_id, kind, subject, address, nonce, device, ip, created, expires, denied_at`

func (n *Notice) fields() []any {
	return []any{&n.ID, &n.UserID, &n.Kind, &n.Subject, &n.Address, &n.Nonce, &n.Device, &n.IP, &n.Created, &n.Expires, &n.DeniedAt}
}

// InsertNotice adds a notice.
func (tx Tx) InsertNotice(n Notice) error {
	_, err := tx.exec(`INSERT INTO notices (`+noticeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		n.ID, n.UserID, n.Kind, n.Subject, n.Address, n.Nonce, n.Device, n.IP, n.Created, n.Expires)
	return err
}

// Notice returns a notice that has not expired at now, denied or not; ErrNotFound.
func (tx Tx) Notice(id ID, now int64) (Notice, error) {
	var n Notice
	err := tx.row(`SELECT `+noticeColumns+` FROM notices WHERE id = $1 AND expires > $2`, id, now).Scan(n.fields()...)
	return n, err
}

// Notices lists what a person was told of since a moment, as long as it has not expired at now, the oldest first.
func (tx Tx) Notices(user ID, since, now int64) ([]Notice, error) {
	var list []Notice
	err := tx.each(`SELECT `+noticeColumns+` FROM notices WHERE user_id = $1 AND created >= $2 AND expires > $3 ORDER BY id`, []any{user, since, now}, func(row scanner) error {
		var n Notice
		if err := row.Scan(n.fields()...); err != nil {
			return err
		}
		list = append(list, n)
		return nil
	})
	return list, err
}

// DenyNotice notes, exactly once, that the person says it was not them; ErrSpent for everybody after the first, and after its end.
func (tx Tx) DenyNotice(id ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE notices SET denied_at = $2 WHERE id = $1 AND denied_at = 0 AND expires > $2`, id, now))
}
