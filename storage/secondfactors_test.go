package storage

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestSecondFactors(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		ann, bob := User{ID: NewID(), Status: "active", Role: "none", Attributes: []byte(`{}`)}, User{ID: NewID(), Status: "active", Role: "none", Attributes: []byte(`{}`)}
		for _, u := range []User{ann, bob} {
			run("insert person", nil, func(tx Tx) error { return tx.InsertUser(u) })
		}
		run("insert address", nil, func(tx Tx) error {
			return tx.InsertEmail(Email{UserID: ann.ID, Address: "ann@example.com", Typed: "ann@example.com", Primary: true, VerifiedAt: 1, Created: 1})
		})

		old, app := TOTP{ID: NewID(), UserID: ann.ID, Sealed: []byte("old"), Step: 1, Created: 1, Used: 1}, TOTP{ID: NewID(), UserID: ann.ID, Sealed: []byte("new"), Step: 5, Created: 2, Used: 2}
		_, err := view.UserTOTP(ann.ID)
		is(t, "nobody's authenticator", err, ErrNotFound)
		run("set up", nil, func(tx Tx) error { return tx.ReplaceTOTP(old) })
		run("set up another", nil, func(tx Tx) error { return tx.ReplaceTOTP(app) })
		same(t, "the newer one", must(view.UserTOTP(ann.ID)), app)
		run("spend a step of the one that is gone", ErrSpent, func(tx Tx) error { return tx.SpendTOTP(old.ID, 9, 3) })
		run("spend the step that was used", ErrSpent, func(tx Tx) error { return tx.SpendTOTP(app.ID, 5, 3) })
		run("spend the one before", ErrSpent, func(tx Tx) error { return tx.SpendTOTP(app.ID, 4, 3) })
		var won atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if s.Write(t.Context(), func(tx Tx) error { return tx.SpendTOTP(app.ID, 6, 3) }) == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		same(t, "winners of one step", won.Load(), int64(1))

		run("on", nil, func(tx Tx) error {
			return tx.TurnOnSecondFactor(SecondFactor{UserID: ann.ID, Method: "code", Preferred: true, Created: 1})
		})
		run("another on", nil, func(tx Tx) error {
			return tx.TurnOnSecondFactor(SecondFactor{UserID: ann.ID, Method: "totp", Preferred: true, Created: 2})
		})
		same(t, "one is preferred", must(view.SecondFactors(ann.ID)), []SecondFactor{{UserID: ann.ID, Method: "totp", Preferred: true, Created: 2}, {UserID: ann.ID, Method: "code", Created: 1}})
		run("off", nil, func(tx Tx) error { return tx.TurnOffSecondFactor(ann.ID, "code") })
		run("off again", ErrNotFound, func(tx Tx) error { return tx.TurnOffSecondFactor(ann.ID, "code") })

		run("codes", nil, func(tx Tx) error { return tx.ReplaceRecoveryCodes(ann.ID, [][]byte{{1}, {2}}, 7) })
		run("use one", nil, func(tx Tx) error { return tx.SpendRecoveryCode(ann.ID, []byte{1}, 8) })
		run("use it again", ErrSpent, func(tx Tx) error { return tx.SpendRecoveryCode(ann.ID, []byte{1}, 9) })
		run("use somebody else's", ErrSpent, func(tx Tx) error { return tx.SpendRecoveryCode(bob.ID, []byte{2}, 9) })
		unused, made, err := view.RecoveryCodes(ann.ID)
		same(t, "codes left and their age", []any{unused, made, err}, []any{int64(1), int64(7), nil})
		run("another set", nil, func(tx Tx) error { return tx.ReplaceRecoveryCodes(ann.ID, [][]byte{{3}}, 9) })
		run("use one of the set before", ErrSpent, func(tx Tx) error { return tx.SpendRecoveryCode(ann.ID, []byte{2}, 9) })

		firefox := Device{ID: NewID(), UserID: ann.ID, Digest: []byte("a"), Trusted: 5, Agent: "Firefox", IP: "192.0.2.1", Created: 1, Seen: 2, Expires: 100}
		bobs := Device{ID: NewID(), UserID: bob.ID, Digest: []byte("a"), Seen: 3, Expires: 100}
		for _, d := range []Device{firefox, bobs} {
			run("keep browser", nil, func(tx Tx) error { return tx.InsertDevice(d) })
		}
		run("the same browser of the same person", ErrConflict, func(tx Tx) error { d := firefox; d.ID = NewID(); return tx.InsertDevice(d) })
		same(t, "Ann's in that browser", must(view.Device(ann.ID, []byte("a"), 99)), firefox)
		same(t, "by address", must(view.DeviceOf("ann@example.com", []byte("a"), 99)), firefox)
		_, err = view.DeviceOf("bob@example.com", []byte("a"), 99)
		is(t, "by an address nobody has", err, ErrNotFound)
		_, err = view.Device(ann.ID, []byte("a"), 100)
		is(t, "an expired one", err, ErrNotFound)
		run("another cookie", nil, func(tx Tx) error { return tx.MoveDevice([]byte("a"), []byte("b")) })
		_, err = view.Device(ann.ID, []byte("a"), 99)
		is(t, "by the cookie before", err, ErrNotFound)
		same(t, "Bob's goes with it", must(view.Device(bob.ID, []byte("b"), 99)).ID, bobs.ID)
		met := Device{ID: firefox.ID, UserID: ann.ID, Digest: []byte("b"), Trusted: 6, Agent: "Firefox 2", IP: "192.0.2.2", Created: 1, Seen: 7, Expires: 200}
		run("meet again", nil, func(tx Tx) error { return tx.MeetDevice(met) })
		same(t, "list", must(view.UserDevices(ann.ID, 50)), []Device{met})
		run("untrust", nil, func(tx Tx) error { return tx.UntrustDevices(ann.ID) })
		same(t, "trusted no more", must(view.Device(ann.ID, []byte("b"), 50)).Trusted, int64(0))
		run("forget Bob's as Ann's", ErrNotFound, func(tx Tx) error { return tx.DeleteDevice(ann.ID, bobs.ID) })
		run("forget", nil, func(tx Tx) error { return tx.DeleteDevice(ann.ID, firefox.ID) })
		run("forget all", nil, func(tx Tx) error { return tx.DeleteUserDevices(bob.ID) })
		same(t, "none left", must(view.UserDevices(bob.ID, 1)), nil)

		f := Flow{ID: NewID(), Browser: []byte("x"), Expires: 10}
		run("flow", nil, func(tx Tx) error { return tx.InsertFlow(f) })
		f.SecondOTP = NewID()
		run("challenge it again", nil, func(tx Tx) error { return tx.ChallengeFlowAgain(f.ID, f.SecondOTP) })
		same(t, "the flow", must(view.Flow(f.ID, 1)), f)

		run("delete person", nil, func(tx Tx) error { return tx.DeleteUser(ann.ID) })
		_, err = view.UserTOTP(ann.ID)
		is(t, "the authenticator goes with them", err, ErrNotFound)
	})
}
