package authn

import (
	"context"
	"errors"
	"fmt"

	"gatelatch/storage"
)

// NewPassword is a password that a person is to have from now on.
type NewPassword struct {
	Password   string
	Session    storage.ID // in which it is chosen: it lives on, with what was given in it
	KeepOthers bool       // the person's other sessions live on, too
	Temporary  bool       // somebody else has chosen it: it ends after TemporaryLife, and signs nobody in before they choose another
	Welcome    bool       // with Temporary: the person is told it by mail; where Password is empty it is made up
}

// SetPassword gives a person a password, whether they had one or not, and ends their other sessions. by is who does it, for the audit
// log; whether they may is the caller's to know. *WeakPassword, ErrBusy, ErrNoUser.
func (e *Engine) SetPassword(ctx context.Context, by string, user storage.ID, n NewPassword) error {
	if n.Welcome && n.Password == "" {
		n.Password = newTemporary()
	}
	rule, own, err := e.passwordTerms(e.store.View(ctx), user)
	if err != nil {
		return err
	}
	if err := e.weighPassword(ctx, rule, own, n.Password); err != nil {
		return err
	}
	kept, err := e.keepPassword(ctx, user, n.Password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if n.Temporary {
		kept.temporary = e.now() + TemporaryLife.Microseconds()
	}
	return e.savePassword(ctx, by, user, kept, n)
}

// ChangePassword is SetPassword for somebody who shows that they know the current one, which counts as a guess. *WrongAnswer,
// *TooMany, ErrNoPassword, and what SetPassword returns.
func (e *Engine) ChangePassword(ctx context.Context, v Visitor, user storage.ID, current string, n NewPassword) error {
	u, err := e.store.View(ctx).User(user)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNoUser
	}
	if err != nil {
		return err
	}
	if _, err := e.store.View(ctx).Password(user); errors.Is(err, storage.ErrNotFound) {
		return ErrNoPassword
	} else if err != nil {
		return err
	}
	identifier := u.Username
	if m, err := e.store.View(ctx).PrimaryEmail(user); err == nil {
		identifier = m.Address
	} else if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if _, err := e.VerifyPassword(ctx, v, identifier, current); err != nil {
		return err
	}
	return e.SetPassword(ctx, actor(user), user, n)
}

// ImportPassword keeps the hash that another server has made of a person's password: argon2id, bcrypt, scrypt or pbkdf2-sha256. It is
// made anew when the person signs in with it. No session ends. ErrBadHash, ErrNoUser.
func (e *Engine) ImportPassword(ctx context.Context, by string, user storage.ID, hash string) error {
	if _, err := readHash(hash); err != nil {
		return err
	}
	return e.savePassword(ctx, by, user, keptPassword{hash: hash}, NewPassword{KeepOthers: true})
}

// keptPassword is what is kept of a password: its hash, and where an application wants it the sealed verifier of SRP.
type keptPassword struct {
	hash      string
	verifier  []byte
	temporary int64
}

// keepPassword makes what is kept of a password. It takes its time: not inside of a write. ErrBusy.
func (e *Engine) keepPassword(ctx context.Context, user storage.ID, password string) (k keptPassword, err error) {
	if k.hash, err = e.hasher.hash(ctx, password); err != nil {
		return k, err
	}
	k.verifier, err = e.verifierOf(e.store.View(ctx), user, password)
	return k, err
}

func (e *Engine) savePassword(ctx context.Context, by string, user storage.ID, kept keptPassword, n NewPassword) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		kind := NoticePasswordChanged
		if _, err := tx.Password(u.ID); errors.Is(err, storage.ErrNotFound) {
			kind = NoticePasswordSet
		} else if err != nil {
			return err
		}
		if err := replacePassword(tx, u, kept, now); err != nil {
			return err
		}
		if err := e.notice(tx, e.from(ctx), u.ID, change{kind: kind, by: by}, now); err != nil {
			return err
		}
		if n.Welcome {
			if err := e.postWelcome(tx, u.ID, n.Password, now); err != nil {
				return err
			}
		}
		if !n.KeepOthers {
			if err := endBesides(tx, u.ID, n.Session, now); err != nil {
				return err
			}
		}
		event := storage.EventPasswordChanged
		if kept.temporary > 0 {
			event = storage.EventPasswordGiven
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: event, Actor: by, UserID: u.ID})
	})
	e.outbox.wakeUp()
	return err
}

// replacePassword keeps another password. A sign-in that is under way has to begin again: what was proven in it with the password before
// is worth nothing, nor is a code that was asked for to choose another one, or a link of an administrator; and every browser is asked for the second factor again, also where the other sessions go on.
func replacePassword(tx storage.Tx, u storage.User, kept keptPassword, now int64) error {
	if err := tx.SavePassword(storage.Password{UserID: u.ID, Hash: kept.hash, Changed: now, Temporary: kept.temporary}); err != nil {
		return err
	}
	if err := keepVerifier(tx, u.ID, kept.verifier, now); err != nil {
		return err
	}
	if err := tx.UntrustDevices(u.ID); err != nil {
		return err
	}
	if err := endLetters(tx, u.ID); err != nil {
		return err
	}
	if err := tx.DeleteOTPsOf(u.ID, purposeReset); err != nil {
		return err
	}
	return tx.ForgetProgress(u.ID)
}

// endBesides ends what was begun with the password before, but for the session in which it is changed; without one, everything.
func endBesides(tx storage.Tx, user, keep storage.ID, now int64) error {
	if keep.IsZero() {
		return EndAccess(tx, user, now)
	}
	return endOthers(tx, user, keep, now)
}

// RemovePassword takes a person's password away, unless it is their last way in. ErrNoPassword, ErrLastWayIn, ErrNoUser.
func (e *Engine) RemovePassword(ctx context.Context, by string, user storage.ID) error {
	err := e.changeUser(ctx, user, func(tx storage.Tx, u storage.User, now int64) error {
		left, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if !left.Password {
			return ErrNoPassword
		}
		left.Password = false
		if err := e.keepsWayIn(tx, left); err != nil {
			return err
		}
		if err := tx.DeletePassword(u.ID); err != nil {
			return err
		}
		if err := tx.DeleteVerifier(u.ID); err != nil {
			return err
		}
		if err := tx.ForgetProgress(u.ID); err != nil {
			return err
		}
		if err := e.notice(tx, e.from(ctx), u.ID, change{kind: NoticePasswordRemoved, by: by}, now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventPasswordRemoved, Actor: by, UserID: u.ID})
	})
	e.outbox.wakeUp()
	return err
}
