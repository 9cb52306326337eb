package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatelatch/storage"
)

// settingSignUp is the name under which the choice of the set-up page is kept.
const settingSignUp = "sign_up"

// freshFor is how long a setting is believed without asking whether another replica has changed anything.
const freshFor = time.Second

// settings is what the console can change and every request needs.
type settings struct {
	sync.Mutex
	checked time.Time
	changes int64 // of this process, when it was checked
	version int64
	signUp  string
}

// SignUpOpen reports whether whoever proves an address may make an account.
func (e *Engine) SignUpOpen(ctx context.Context) (bool, error) {
	if e.cfg.SignUp != "" {
		return e.cfg.SignUp == "open", nil
	}
	s, at, changes := &e.settings, e.clock(), e.store.Changes()
	s.Lock()
	defer s.Unlock()
	if age := at.Sub(s.checked); s.version > 0 && s.changes == changes && age >= 0 && age < freshFor {
		return s.signUp == "open", nil
	}
	tx := e.store.View(ctx)
	version, err := tx.Version()
	if err != nil {
		return false, fmt.Errorf("read version of the settings: %w", err)
	}
	if version != s.version {
		if s.signUp, err = readSignUp(tx); err != nil {
			return false, fmt.Errorf("read setting %s: %w", settingSignUp, err)
		}
	}
	s.version, s.changes, s.checked = version, changes, at
	return s.signUp == "open", nil
}

// SignUpAsked reports whether the set-up page has to ask who may make an account: the configuration does not say.
func (e *Engine) SignUpAsked() bool { return e.cfg.SignUp == "" }

// readSignUp returns "closed" while nobody has chosen.
func readSignUp(tx storage.Tx) (string, error) {
	document, err := tx.Setting(settingSignUp)
	if errors.Is(err, storage.ErrNotFound) {
		return "closed", nil
	}
	if err != nil {
		return "", err
	}
	var choice string
	if err := json.Unmarshal([]byte(document), &choice); err != nil {
		return "", err
	}
	return choice, nil
}
