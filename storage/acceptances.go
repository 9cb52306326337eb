package storage

// Acceptance is a version of a document that a person has accepted.
type Acceptance struct {
	UserID   ID
	Document string // "terms" or "privacy"
	Version  string
	URL      string
	IP       string
	Device   string // as authn.Device names it
	Accepted int64
}

// InsertAcceptance notes it, once: the first time counts.
func (tx Tx) InsertAcceptance(a Acceptance) error {
	_, err := tx.exec(`INSERT INTO acceptances (user_id, document, version, url, ip, device, accepted) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, document, version) DO NOTHING`, a.UserID, a.Document, a.Version, a.URL, a.IP, a.Device, a.Accepted)
	return err
}

// Acceptances lists what a person has accepted, the newest first.
func (tx Tx) Acceptances(user ID) ([]Acceptance, error) {
	var all []Acceptance
	err := tx.each(`SELECT user_id, document, version, url, ip, device, accepted FROM acceptances WHERE user_id = $1 ORDER BY accepted DESC, document`, []any{user}, func(row scanner) error {
		var a Acceptance
		if err := row.Scan(&a.UserID, &a.Document, &a.Version, &a.URL, &a.IP, &a.Device, &a.Accepted); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	})
	return all, err
}
