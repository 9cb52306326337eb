package storage

import "testing"

func TestPasskeys(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		ann, bob := User{ID: NewID(), Status: "active"}, User{ID: NewID(), Status: "active"}
		for _, u := range []User{ann, bob} {
			run("insert person", nil, func(tx Tx) error { return tx.InsertUser(u) })
		}
		laptop := Passkey{ID: NewID(), UserID: ann.ID, CredentialID: []byte("laptop"), PublicKey: []byte("key"), Name: "Laptop", AAGUID: make([]byte, 16),
			Transports: []string{"internal", "hybrid"}, Attachment: "platform", BackupEligible: true, BackedUp: true, UserVerified: true, Created: 1, CreatedOn: "Chrome on Mac"}
		stick := Passkey{ID: NewID(), UserID: ann.ID, CredentialID: []byte("stick"), PublicKey: []byte("key"), SignCount: 7, Name: "Stick", AAGUID: make([]byte, 16), Transports: []string{}, Created: 2}
		run("insert", nil, func(tx Tx) error { return tx.InsertPasskey(laptop) })
		run("insert another", nil, func(tx Tx) error { return tx.InsertPasskey(stick) })
		run("the same credential of somebody else", ErrConflict, func(tx Tx) error {
			stolen := laptop
			stolen.ID, stolen.UserID = NewID(), bob.ID
			return tx.InsertPasskey(stolen)
		})
		run("of nobody", ErrConflict, func(tx Tx) error {
			return tx.InsertPasskey(Passkey{ID: NewID(), UserID: NewID(), CredentialID: []byte("x"), PublicKey: []byte("x"), AAGUID: []byte{}})
		})
		same(t, "by credential", must(view.Passkey([]byte("laptop"))), laptop)
		same(t, "of Ann", must(view.Passkeys(ann.ID)), []Passkey{laptop, stick})
		same(t, "of Bob", must(view.CountPasskeys(bob.ID)), int64(0))
		_, err := view.Passkey([]byte("lap"))
		is(t, "a part of a credential id", err, ErrNotFound)

		stick.SignCount, stick.UserVerified, stick.BackedUp, stick.Used, stick.UsedOn = 8, true, true, 9, "Firefox on Linux"
		run("use", nil, func(tx Tx) error { return tx.UsePasskey(stick) })
		same(t, "used", must(view.Passkey([]byte("stick"))), stick)
		run("use with the same count", ErrSpent, func(tx Tx) error { return tx.UsePasskey(stick) })
		back := stick
		back.SignCount = 0
		run("use with a count that went back to nought", ErrSpent, func(tx Tx) error { return tx.UsePasskey(back) })
		unverified := stick
		unverified.SignCount, unverified.UserVerified, unverified.BackedUp = 9, false, false
		run("use without its user verified", nil, func(tx Tx) error { return tx.UsePasskey(unverified) })
		if p := must(view.Passkey([]byte("stick"))); !p.UserVerified || p.BackedUp {
			t.Errorf("got %+v, want a passkey that has verified its user once and is no longer backed up", p)
		}
		run("use one that never counts", nil, func(tx Tx) error { return tx.UsePasskey(laptop) })
		run("use it again", nil, func(tx Tx) error { return tx.UsePasskey(laptop) })
		run("use one that is not there", ErrNotFound, func(tx Tx) error { return tx.UsePasskey(Passkey{ID: NewID(), CredentialID: []byte("gone")}) })

		run("rename another's", ErrNotFound, func(tx Tx) error { return tx.RenamePasskey(bob.ID, laptop.ID, "Mine") })
		run("rename", nil, func(tx Tx) error { return tx.RenamePasskey(ann.ID, laptop.ID, "Work") })
		if p := must(view.Passkey([]byte("laptop"))); p.Name != "Work" {
			t.Errorf("named %q, want Work", p.Name)
		}
		run("delete another's", ErrNotFound, func(tx Tx) error { return tx.DeletePasskey(bob.ID, laptop.ID) })
		run("delete", nil, func(tx Tx) error { return tx.DeletePasskey(ann.ID, laptop.ID) })
		same(t, "left to Ann", must(view.CountPasskeys(ann.ID)), int64(1))
		run("delete Ann", nil, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		_, err = view.Passkey([]byte("stick"))
		is(t, "a passkey of nobody", err, ErrNotFound)
	})
}
