package authn

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// usernameMost is the length of a username we make; the number that sets it apart comes on top.
const usernameMost = 32

const usernameSays = "up to 64 of a-z, 0-9, dot, hyphen and underscore, such as ann.example"

// usernameForm is what every username is like. None has an @, so none can be taken for an address.
var usernameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ReadUsername brings a typed username into the form it is kept in; false for what cannot be one.
func ReadUsername(typed string) (string, bool) {
	if len(typed) > identifierMost {
		return "", false
	}
	name := canonicalName(typed)
	return name, usernameForm.MatchString(name)
}

// reservedUsernames would be taken for somebody who speaks for the server (RFC 2142 has some of them) or for nobody. Administrators may give them.
var reservedUsernames = []string{"abuse", "admin", "administrator", "anonymous", "gatelatch", "hostmaster", "moderator", "nobody", "noc", "null", "official", "owner",
	"postmaster", "root", "security", "staff", "superuser", "support", "sysadmin", "system", "webmaster"}

// kindFormer are usernames that somebody has had until lately, among pending things: nobody else gets them for a while, for
// applications may know the person by them.
const (
	kindFormer = "former_username"
	formerLife = 30 * 24 * time.Hour
)

func formerDigest(name string) []byte { return secret.Hash(kindFormer + " " + name) }

// freeFor reports whether a person may have a username: nil, or ErrUsernameTaken.
func freeFor(tx storage.Tx, user storage.ID, name string, now int64) error {
	if slices.Contains(reservedUsernames, name) {
		return ErrUsernameTaken
	}
	other, err := tx.UserByUsername(name)
	switch {
	case err == nil && other.ID == user:
		return nil
	case err == nil:
		return ErrUsernameTaken
	case !errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("look up username: %w", err)
	}
	former, err := tx.Pending(kindFormer, formerDigest(name), now)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && former.Data == user.String():
		return nil
	case err != nil:
		return fmt.Errorf("look up username: %w", err)
	}
	return ErrUsernameTaken
}

// leaveUsername keeps the username that a person gives up from others for a while.
func leaveUsername(tx storage.Tx, user storage.ID, name string, now int64) error {
	if name == "" {
		return nil
	}
	return tx.ReplacePending(storage.Pending{Kind: kindFormer, Digest: formerDigest(name), Data: user.String(), Created: now, Expires: now + formerLife.Microseconds()})
}

// Names that people may try for themselves: whoever is here may learn which are taken, and not all of them.
const (
	usernamesHour        = 20
	usernamesNetworkHour = 60
)

// takeUsername gives a person the username they have typed, in their row, which the caller writes. A try is counted before anything is looked
// up, so the caller's write has to stand whatever it says. It reports whether it is another one. *BadAttribute, ErrUsernameTaken,
// *TooMany: then nothing is changed.
func (e *Engine) takeUsername(tx storage.Tx, v Visitor, u *storage.User, typed string, now int64) (changed bool, err error) {
	name, fits := ReadUsername(typed)
	if !fits {
		return false, &BadAttribute{Name: "preferred_username", Form: usernameSays}
	}
	if name == u.Username {
		return false, nil
	}
	for _, s := range []struct {
		budget budget
		whose  string
	}{
		{budget{slows: BudgetUsernames, limit: usernamesHour, window: time.Hour}, u.ID.String()},
		{budget{slows: BudgetNetworkUsernames, limit: usernamesNetworkHour, window: time.Hour}, v.Network},
	} {
		if err := e.spend(tx, s.budget, s.whose, now); err != nil {
			return false, err
		}
	}
	if err := freeFor(tx, u.ID, name, now); err != nil {
		return false, err
	}
	if err := leaveUsername(tx, u.ID, u.Username, now); err != nil {
		return false, err
	}
	u.Username = name
	return true, nil
}

// ChangeUsername gives a person another username by their own wish, where people sign in by one. Others do not get the one before for 30
// days. *BadAttribute, ErrUsernameTaken, *TooMany, ErrNotHere, ErrNoUser.
func (e *Engine) ChangeUsername(ctx context.Context, v Visitor, user storage.ID, typed string) error {
	x, err := e.Experience(ctx)
	if err != nil {
		return err
	}
	if !x.TakesUsernames() {
		return ErrNotHere
	}
	var refused error // of a try that was counted: the write stands
	now := e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		refused = nil
		if err := tx.HoldUser(user); errors.Is(err, storage.ErrNotFound) {
			return ErrNoUser
		} else if err != nil {
			return fmt.Errorf("lock person: %w", err)
		}
		u, err := tx.User(user)
		if err != nil {
			return fmt.Errorf("read person: %w", err)
		}
		changed, err := e.takeUsername(tx, v, &u, typed, now)
		if errors.Is(err, ErrUsernameTaken) {
			refused = err
			return nil
		}
		if err != nil || !changed {
			return err
		}
		u.Updated = now
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		return tx.InsertEvent(ownEvent(v, u.ID, storage.EventUserChanged, "preferred_username"))
	})
	return firstError(err, refused)
}

// freeUsername makes the username of a new person from their address, or from the one they have elsewhere: ann@example.com is ann, the second one ann-2.
// Applications show it where there is no name (`preferred_username`). A race for one is the caller's ErrConflict.
func freeUsername(tx storage.Tx, user storage.ID, address string, now int64) (string, error) {
	base := usernameFrom(address)
	for n := 1; n <= 50; n++ {
		name := base
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		err := freeFor(tx, user, name, now)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, ErrUsernameTaken) {
			return "", err
		}
	}
	id := storage.NewID().String() // fifty people called info: no need to count on
	return base + "-" + id[len(id)-8:], nil
}

// usernameFrom keeps what is safe to show anywhere of the part before the @, without what follows a plus.
func usernameFrom(address string) string {
	local, _, _ := strings.Cut(address, "@")
	local, _, _ = strings.Cut(local, "+")
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, local)
	if name = strings.Trim(name[:min(len(name), usernameMost)], ".-_"); name == "" {
		return "user"
	}
	return name
}
