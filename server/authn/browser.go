package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// DeviceLife is how long a browser stays known after the last sign-in in it.
const DeviceLife = 180 * 24 * time.Hour

// device finds this browser among those in which a person has signed in.
func (e *Engine) device(tx storage.Tx, v Visitor, user storage.ID, now int64) (d storage.Device, known bool, err error) {
	if v.Device == "" {
		return storage.Device{}, false, nil
	}
	d, err = tx.Device(user, secret.Hash(v.Device), now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.Device{}, false, nil
	case err != nil:
		return storage.Device{}, false, fmt.Errorf("look up browser: %w", err)
	}
	return d, true, nil
}

// meetDevice notes that a person has signed in in this browser (they are told of one that is new), and gives it a new cookie: a value that
// somebody has planted there, or seen, is worth nothing afterwards. A program gets none.
func (e *Engine) meetDevice(tx storage.Tx, v Visitor, u storage.User, trust bool, now int64) (cookie string, err error) {
	if v.Program {
		return "", e.noticeDevice(tx, v, u, now)
	}
	user := u.ID
	d, known, err := e.device(tx, v, user, now)
	if err != nil {
		return "", err
	}
	cookie = secret.Token(32)
	digest := secret.Hash(cookie)
	if v.Device != "" {
		if err := tx.MoveDevice(secret.Hash(v.Device), digest); err != nil {
			return "", err
		}
	}
	if !known {
		if err := e.noticeDevice(tx, v, u, now); err != nil {
			return "", err
		}
		d = storage.Device{ID: storage.NewID(), UserID: user, Digest: digest, Created: now}
	}
	d.Agent, d.IP, d.Seen, d.Expires = v.Agent, ip(v), now, now+DeviceLife.Microseconds()
	if trust {
		d.Trusted = now
		err := tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventDeviceTrusted, Actor: actor(user), UserID: user, IP: ip(v), Detail: Device(v.Agent)})
		if err != nil {
			return "", err
		}
	}
	if known {
		return cookie, tx.MeetDevice(d)
	}
	return cookie, tx.InsertDevice(d)
}

// noticeDevice tells a person that they have signed in where they never had before. A program, which
// keeps no cookie, is known while a session lives that was made by one of the same name.
func (e *Engine) noticeDevice(tx storage.Tx, v Visitor, u storage.User, now int64) error {
	if u.SignedIn == 0 {
		return nil
	}
	if v.Program {
		live, err := tx.UserSessions(u.ID, now)
		if err != nil {
			return fmt.Errorf("read sessions: %w", err)
		}
		if slices.ContainsFunc(live, func(s storage.Session) bool { return s.Agent == v.Agent }) {
			return nil
		}
	}
	return e.notice(tx, v, u.ID, change{kind: NoticeDevice, by: actor(u.ID)}, now)
}

// TrustedDevice is a browser that needs no second factor of a person, as they may see it.
type TrustedDevice struct {
	ID    storage.ID
	Name  string // "Firefox on Linux"
	IP    string // of the last sign-in
	Seen  int64
	Until int64
	Here  bool // it is the visitor's
}

// TrustedDevices lists the browsers that need no second factor of a person now, the one seen last first.
func (e *Engine) TrustedDevices(ctx context.Context, v Visitor, user storage.ID) ([]TrustedDevice, error) {
	x, err := e.Experience(ctx)
	if err != nil {
		return nil, err
	}
	now := e.now()
	devices, err := e.store.View(ctx).UserDevices(user, now)
	if err != nil {
		return nil, fmt.Errorf("read browsers: %w", err)
	}
	var trusted []TrustedDevice
	for _, d := range devices {
		until := d.Trusted + x.TrustDevice*1e6
		if d.Trusted > 0 && x.TrustDevice > 0 && now < until {
			trusted = append(trusted, TrustedDevice{ID: d.ID, Name: Device(d.Agent), IP: d.IP, Seen: d.Seen, Until: until, Here: v.Device != "" && secret.Equal(d.Digest, secret.Hash(v.Device))})
		}
	}
	return trusted, nil
}

// ForgetTrust has a person asked for their second factor in every browser again. by is who does it.
func (e *Engine) ForgetTrust(ctx context.Context, by string, user storage.ID) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, _ int64) error {
		if err := tx.UntrustDevices(u.ID); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventDeviceForgotten, Actor: by, UserID: u.ID})
	})
}

// ForgetTrustIn has a person asked for their second factor again in one browser. One that is not theirs, or asks already, stays as it is.
// by is who does it.
func (e *Engine) ForgetTrustIn(ctx context.Context, by string, user, browser storage.ID) error {
	return e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, _ int64) error {
		err := tx.UntrustDevice(u.ID, browser)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventDeviceForgotten, Actor: by, UserID: u.ID})
	})
}
