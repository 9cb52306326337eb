package storage

import (
	"errors"
	"testing"
)

func TestADeviceCodeIsDecidedOnceAndSpentOnce(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		now := int64(1_000)
		d := DeviceCode{Digest: []byte("d"), UserDigest: []byte("u"), ClientID: "tv", Scope: "openid", Agent: "curl", IP: "192.0.2.1", Created: now, Expires: 2_000, Pause: 50}
		write(t, s, func(tx Tx) error { return tx.InsertDeviceCode(d) })
		try := func(f func(Tx) error) error { return s.Write(t.Context(), f) }
		twin := d
		twin.Digest = []byte("e")
		if err := try(func(tx Tx) error { return tx.InsertDeviceCode(twin) }); !errors.Is(err, ErrConflict) {
			t.Errorf("the same user code twice: %v", err)
		}
		for _, poll := range []struct {
			at   int64
			want error
		}{{now, nil}, {now + 49, ErrSpent}, {now + 50, nil}} {
			if err := try(func(tx Tx) error { return tx.PollDeviceCode(d.Digest, poll.at) }); !errors.Is(err, poll.want) {
				t.Errorf("asked at %d: %v, want %v", poll.at, err, poll.want)
			}
		}
		write(t, s, func(tx Tx) error { return tx.SlowDeviceCode(d.Digest, now+60, 40) })
		if err := try(func(tx Tx) error { return tx.PollDeviceCode(d.Digest, now+149) }); !errors.Is(err, ErrSpent) {
			t.Errorf("the pause was not lengthened: %v", err)
		}
		if err := try(func(tx Tx) error { return tx.SpendDeviceCode(d.Digest, now) }); !errors.Is(err, ErrSpent) {
			t.Errorf("spent before anybody decided: %v", err)
		}
		grant := NewID()
		if err := try(func(tx Tx) error { return tx.DecideDeviceCode(d.Digest, "allowed", grant, 2_000) }); !errors.Is(err, ErrSpent) {
			t.Errorf("decided after its end: %v", err)
		}
		write(t, s, func(tx Tx) error { return tx.DecideDeviceCode(d.Digest, "allowed", grant, now) })
		if err := try(func(tx Tx) error { return tx.DecideDeviceCode(d.Digest, "denied", ID{}, now) }); !errors.Is(err, ErrSpent) {
			t.Errorf("decided twice: %v", err)
		}
		view := s.View(t.Context())
		byUser, err := view.DeviceByUserCode(d.UserDigest)
		if err != nil || byUser.Decision != "allowed" || byUser.GrantID != grant || byUser.Agent != "curl" {
			t.Errorf("got %+v %v", byUser, err)
		}
		if err := try(func(tx Tx) error { return tx.SpendDeviceCode(d.Digest, 2_000) }); !errors.Is(err, ErrSpent) {
			t.Errorf("spent after its end: %v", err)
		}
		write(t, s, func(tx Tx) error { return tx.SpendDeviceCode(d.Digest, now) })
		if err := try(func(tx Tx) error { return tx.SpendDeviceCode(d.Digest, now) }); !errors.Is(err, ErrSpent) {
			t.Errorf("spent twice: %v", err)
		}
		write(t, s, func(tx Tx) error {
			return tx.InsertDeviceCode(DeviceCode{Digest: []byte("f"), UserDigest: []byte("v"), ClientID: "tv", Expires: 2_000})
		})
		write(t, s, func(tx Tx) error { return tx.DecideDeviceCode([]byte("f"), "denied", ID{}, now) })
		if denied, err := view.DeviceCode([]byte("f")); err != nil || !denied.GrantID.IsZero() || denied.Decision != "denied" {
			t.Errorf("got %+v %v", denied, err)
		}
	})
}
