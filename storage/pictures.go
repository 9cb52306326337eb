package storage

// Picture is the image a person has uploaded of themselves.
type Picture struct {
	UserID    ID
	Name      string // in its address: made of whose it is and what it shows, so that it never shows anything else
	MediaType string
	Data      []byte
	Created   int64
}

// PutPicture keeps a picture, in place of the one the person had. ErrConflict if the person is gone.
func (tx Tx) PutPicture(p Picture) error {
	_, err := tx.exec(`INSERT INTO pictures (user_id, name, media_type, data, created) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, media_type = excluded.media_type, data = excluded.data, created = excluded.created`,
		p.UserID, p.Name, p.MediaType, p.Data, p.Created)
	return err
}

// Picture returns the picture of that name; ErrNotFound.
func (tx Tx) Picture(name string) (Picture, error) {
	var p Picture
	err := tx.row(`SELECT user_id, name, media_type, data, created FROM pictures WHERE name = $1`, name).Scan(&p.UserID, &p.Name, &p.MediaType, &p.Data, &p.Created)
	return p, err
}

// DeletePicture takes the picture of a person away; one who has none stays as they are.
func (tx Tx) DeletePicture(user ID) error {
	_, err := tx.exec(`DELETE FROM pictures WHERE user_id = $1`, user)
	return err
}

// UserPicture returns the picture of a person; ErrNotFound.
func (tx Tx) UserPicture(user ID) (Picture, error) {
	var p Picture
	err := tx.row(`SELECT user_id, name, media_type, data, created FROM pictures WHERE user_id = $1`, user).Scan(&p.UserID, &p.Name, &p.MediaType, &p.Data, &p.Created)
	return p, err
}
