package authn

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatelatch/email"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

func welcomePlace(user storage.ID) []string { return []string{"outbox", "welcome", user.String()} }

// newTemporary makes a temporary password: 80 random bits that can be read aloud and typed.
func newTemporary() string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(secret.Random(10)))
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}

// temporaryIfNeeded makes a temporary password up where nobody signs in with codes; "" elsewhere.
func (e *Engine) temporaryIfNeeded(ctx context.Context) (string, error) {
	x, err := e.Experience(ctx)
	if err != nil || slices.Contains(x.Methods, MethodCode) || !slices.Contains(x.Methods, MethodPassword) {
		return "", err
	}
	return newTemporary(), nil
}

// postWelcome puts the mail into the outbox that tells a person that they have an account, with the temporary password that was given
// to them; "" where they have none. The password lies there sealed until the mail has left.
func (e *Engine) postWelcome(tx storage.Tx, user storage.ID, password string, now int64) error {
	l := letter{Welcome: user.String(), Sent: now}
	if password != "" {
		l.Sealed = e.keys.Seal([]byte(password), welcomePlace(user)...)
	}
	payload, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	return tx.InsertDelivery(storage.Delivery{ID: storage.NewID(), Kind: kindMail, Payload: string(payload), Due: now, Expires: now + TemporaryLife.Microseconds()})
}

// writeWelcome makes the mail, in the language of its person. It is not worth sending once the password is another one.
func (e *Engine) writeWelcome(tx storage.Tx, l letter, now int64) (m email.Message, worth bool, err error) {
	id, err := storage.ParseID(l.Welcome)
	if err != nil {
		return m, false, fmt.Errorf("read letter: %w", err)
	}
	u, err := tx.User(id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read person: %w", err)
	}
	to, err := tx.PrimaryEmail(id)
	if errors.Is(err, storage.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read address: %w", err)
	}
	w := email.WelcomeMail{Address: to.Typed, Link: e.cfg.PublicURL + "/sign-in", Host: e.host}
	if l.Sealed != nil {
		p, err := tx.Password(id)
		if errors.Is(err, storage.ErrNotFound) || err == nil && (p.Changed != l.Sent || p.Temporary <= now) {
			return m, false, nil
		}
		if err != nil {
			return m, false, fmt.Errorf("read password: %w", err)
		}
		password, err := e.keys.Open(l.Sealed, welcomePlace(id)...)
		if err != nil {
			return m, false, fmt.Errorf("read letter: %w", err)
		}
		w.Password, w.Until = string(password), time.UnixMicro(p.Temporary)
	}
	m, err = email.Welcome(e.cfg.Words.Match(u.Locale, u.Language, e.cfg.Language), w)
	return m, err == nil, err
}
