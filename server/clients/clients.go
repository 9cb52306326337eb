// Package clients holds the rules of what may be saved about an application, by whichever way it comes: made by an
// administrator, declared in the configuration, or registered by itself. It reads no database; what has to be fetched comes by
// the Fetcher that the caller brings.
package clients

import (
	"crypto/rand"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatelatch/storage"
)

// Problem says what of an application cannot be saved, and what to do about it.
type Problem struct {
	Member string // in the words of RFC 7591 §2: "redirect_uris"
	Detail string // a sentence or two for a developer
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

func refuse(member, format string, args ...any) error {
	return &Problem{Member: member, Detail: fmt.Sprintf(format, args...)}
}

// IDLength is how many characters a client ID made here has.
const IDLength = 24

// NewID makes a client ID: letters and digits that mean nothing.
func NewID() string { return strings.ToLower(rand.Text())[:IDLength] }

// Settle brings an application into the form that may be saved, or says why it cannot be (*Problem). Every way to save one
// comes by here.
func Settle(c storage.Client) (storage.Client, error) {
	if c.Name == "" || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, misleading) {
		return c, refuse("client_name", "The application needs a name that people can read, without line breaks.")
	}
	if c.Public() {
		c.Settings.RequirePKCE = true
	}
	c, err := settlePermissions(c)
	if err != nil {
		return c, err
	}
	c = withOrigins(c)
	c.RedirectURIs = Distinct(c.RedirectURIs, false)
	c.PostLogoutRedirectURIs = Distinct(c.PostLogoutRedirectURIs, true)
	c.AllowedOrigins = Distinct(c.AllowedOrigins, false)
	if err := checkAddresses(c); err != nil {
		return c, err
	}
	return settleAuthentication(c)
}

// misleading are characters that people do not see, among them those that turn the direction of what they read.
func misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c'
}
