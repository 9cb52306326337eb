package authn

import (
	"fmt"
	"strings"
	"unicode"

	"gatelatch/email"
)

// NormalizeAddress brings a typed e-mail address into the one form that is looked up, counted and mailed: trimmed, the domain
// in lower case and ASCII (IDNA), the part before the @ in lower case. Plus signs and dots stay: they are other mailboxes.
//
// Canonicalising comes before every check, so nothing that passed one changes afterwards (GHSA-7rqj-j65f-68wh). A domain whose
// other letters turn into plain ASCII (full-width, mathematical, the Kelvin sign) is a look-alike and is refused rather than read
// as the name it imitates. ErrBadAddress, with the reason for the log.
func NormalizeAddress(typed string) (string, error) {
	typed = strings.TrimFunc(typed, unicode.IsSpace)
	address, err := email.Address(typed)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadAddress, err)
	}
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	labels := strings.Split(domain, ".")
	asTyped := strings.Split(typed[strings.LastIndexByte(typed, '@')+1:], ".")
	if len(labels) < 2 || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", fmt.Errorf("%w: the part after the @ is no domain of the internet", ErrBadAddress)
	}
	if len(asTyped) != len(labels) {
		return "", fmt.Errorf("%w: the domain has look-alikes of a dot", ErrBadAddress)
	}
	for i, label := range asTyped {
		if !ascii(label) && !strings.HasPrefix(labels[i], "xn--") {
			return "", fmt.Errorf("%w: the domain has look-alikes of ASCII letters", ErrBadAddress)
		}
	}
	return strings.ToLower(local) + "@" + domain, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
