package authn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"gatelatch/storage"
)

// What people type to say who they are when they sign in.
const (
	IdentifiersEmail    = "email"
	IdentifiersUsername = "username"
	IdentifiersBoth     = "both"
)

// IdentifierChoices are the answers to what people type.
var IdentifierChoices = []string{IdentifiersEmail, IdentifiersUsername, IdentifiersBoth}

// TakesUsernames reports whether people sign in by username here.
func (x Experience) TakesUsernames() bool {
	return x.Identifiers == IdentifiersUsername || x.Identifiers == IdentifiersBoth
}

// Takes reports whether what was typed is of a kind that people sign in with here. It looks at nobody.
func (x Experience) Takes(typed string) bool {
	if isAddress(ReadIdentifier(typed)) {
		return x.Identifiers != IdentifiersUsername
	}
	return x.TakesUsernames()
}

// loginOf is what a person with that username and that address types to sign in.
func (x Experience) loginOf(username, address string) string {
	if address == "" || x.Identifiers == IdentifiersUsername && username != "" {
		return username
	}
	return address
}

// LoginOf is what a person types to sign in here. ErrNoUser.
func (e *Engine) LoginOf(ctx context.Context, user storage.ID) (string, error) {
	x, err := e.Experience(ctx)
	if err != nil {
		return "", err
	}
	u, err := e.Known(ctx, user.String())
	if err != nil {
		return "", err
	}
	address, err := e.Address(ctx, user)
	return x.loginOf(u.Username, address), err
}

// identifierMost is more than any address or username has; what is longer is nobody's.
const identifierMost = 320

// ReadIdentifier brings what was typed into the form in which people are looked up and tries counted: that of an address where it is
// one, else of a username. All spellings of one name share its budgets (CVE-2026-47203).
func ReadIdentifier(typed string) string {
	if address, err := NormalizeAddress(typed); err == nil {
		return address
	}
	name := strings.ToValidUTF8(typed, "")
	name = canonicalName(name[:min(len(name), identifierMost)])
	if isAddress(name) {
		return "" // no username has an @, and no address was typed: it must not be looked up as the one that it resembles
	}
	return name
}

// canonicalName is the one spelling of a name that is compared: without the width and case of its letters.
func canonicalName(typed string) string {
	name := strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(typed, "")))
	return strings.TrimSpace(strings.ReplaceAll(name, "\x00", ""))
}

// isAddress tells an address from a username, in the form that ReadIdentifier gives them: no username has an @.
func isAddress(identifier string) bool { return strings.Contains(identifier, "@") }

// readLogin reads where a code is wanted: an address, which new people begin with and whoever has forgotten their username; or a
// username, where people sign in by one. ErrBadAddress.
func (e *Engine) readLogin(ctx context.Context, v Visitor, typed string) (string, error) {
	address, bad := NormalizeAddress(typed)
	if bad == nil {
		return address, nil
	}
	x, err := e.Experience(ctx)
	if err != nil {
		return "", err
	}
	name, fits := ReadUsername(typed)
	if v.Program || !x.TakesUsernames() || !fits {
		return "", bad
	}
	return name, nil
}

// mailbox is where a code goes that was asked for by username, and whether a mail leaves. None does where nobody has the name, and
// none to a mailbox that has got enough by username: to say so would tell whose it is. Both take the same statements. The name itself
// has been counted as whose.
func (e *Engine) mailbox(tx storage.Tx, name, whose string, now int64) (address string, quiet bool, err error) {
	address, err = tx.AddressByUsername(name)
	nobody := errors.Is(err, storage.ErrNotFound)
	if err != nil && !nobody {
		return "", false, fmt.Errorf("look up username: %w", err)
	}
	if nobody {
		address = name
	}
	if whose != name { // this browser is the owner's: it has been counted
		return address, nobody, nil
	}
	enough := false
	for _, b := range []budget{e.cfg.Budgets.burst(), e.cfg.Budgets.mails()} {
		err := e.take(tx, b, byName(address), now)
		if err != nil && !errors.Is(err, storage.ErrSpent) {
			return "", false, err
		}
		enough = enough || err != nil
	}
	return address, nobody || enough, nil
}

// byName is whose budgets count the mails that a mailbox gets by username. They are none of those that an address has which is typed:
// else five codes by somebody's username would have its page say that their address has got enough. No address has a space, so nobody
// can type it.
func byName(address string) string { return "by name " + address }
