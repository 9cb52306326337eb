package authn

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gatelatch/storage"
)

// usernameMost is the length of a username we make; the number that sets it apart comes on top.
const usernameMost = 32

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

// freeUsername makes the username of a new person from their address, or from the one they have elsewhere: ann@example.com is ann, the second one ann-2.
// Applications show it where there is no name (`preferred_username`). A race for one is the caller's ErrConflict.
func freeUsername(tx storage.Tx, address string) (string, error) {
	base := usernameFrom(address)
	for n := 1; n <= 50; n++ {
		name := base
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		_, err := tx.UserByUsername(name)
		if errors.Is(err, storage.ErrNotFound) {
			return name, nil
		}
		if err != nil {
			return "", fmt.Errorf("look up username: %w", err)
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
