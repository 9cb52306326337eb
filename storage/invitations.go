package storage

// Invitation lets somebody make an account, or join groups.
type Invitation struct {
	ID      ID
	Nonce   []byte   // what the token of its link is derived from
	Address string   // normalised, of whom it is for; "": whoever has the link
	Mailed  bool     // nobody has the link but the mailbox of Address
	Groups  []string // that whoever accepts it becomes a member of
	Role    string   // that whoever accepts it gets; "none" for none
	Uses    int64
	Used    int64
	Created int64
	Expires int64
}

const invitationColumns = `id, nonce, address, mailed, groups, role, uses, used, created, expires`

func (i *Invitation) fields() []any {
	return []any{&i.ID, &i.Nonce, &i.Address, &i.Mailed, (*list)(&i.Groups), &i.Role, &i.Uses, &i.Used, &i.Created, &i.Expires}
}

// InsertInvitation adds an invitation.
func (tx Tx) InsertInvitation(i Invitation) error {
	_, err := tx.exec(`INSERT INTO invitations (`+invitationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		i.ID, i.Nonce, i.Address, i.Mailed, encodeList(i.Groups), i.Role, i.Uses, i.Used, i.Created, i.Expires)
	return err
}

// Invitation returns an invitation, used up or expired or not; ErrNotFound.
func (tx Tx) Invitation(id ID) (Invitation, error) {
	var i Invitation
	err := tx.row(`SELECT `+invitationColumns+` FROM invitations WHERE id = $1`, id).Scan(i.fields()...)
	return i, err
}

// Invitations lists those that have not expired at now, the newest first.
func (tx Tx) Invitations(now int64) ([]Invitation, error) {
	var all []Invitation
	err := tx.each(`SELECT `+invitationColumns+` FROM invitations WHERE expires > $1 ORDER BY id DESC`, []any{now}, func(row scanner) error {
		var i Invitation
		if err := row.Scan(i.fields()...); err != nil {
			return err
		}
		all = append(all, i)
		return nil
	})
	return all, err
}

// SpendInvitation takes one use of an invitation that lives at now; ErrSpent if there is none left.
func (tx Tx) SpendInvitation(id ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE invitations SET used = used + 1 WHERE id = $1 AND used < uses AND expires > $2`, id, now))
}

// DeleteInvitation ends an invitation; ErrNotFound.
func (tx Tx) DeleteInvitation(id ID) error {
	return tx.one(`DELETE FROM invitations WHERE id = $1`, id)
}
