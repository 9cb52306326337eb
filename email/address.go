package email

import (
	"errors"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// Lengths of RFC 5321 §4.5.3.1: a path is at most 256 octets with its brackets.
const (
	maxAddress = 254
	maxLocal   = 64
)

// maxSenderName bounds the display name of a sender.
const maxSenderName = 100

// idn turns the domain of an address into what DNS and SMTP understand. Checks are strict; capital letters are lowered.
var idn = idna.New(idna.MapForLookup(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.BidiRule())

// Address checks one bare address (ann@example.com) and returns it as mail servers take it: the domain in lower case
// and ASCII (IDNA), the part before the @ untouched. It knows the dot-atom form of RFC 5321 §4.1.2 only: no quoted
// names, no address literals, no comments, no second address, and no letters outside ASCII before the @, which SES and
// many servers refuse. The error says what is wrong without repeating the address.
func Address(s string) (string, error) {
	if err := headerText("address", s, maxAddress); err != nil {
		return "", err
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", errors.New("there is no @ in it")
	}
	local, domain := s[:at], s[at+1:]
	if local == "" || domain == "" {
		return "", errors.New("one side of the @ is empty")
	}
	if len(local) > maxLocal {
		return "", errors.New("the part before the @ is too long")
	}
	if !dotAtom(local) {
		return "", errors.New("the part before the @ has a character or a dot where none may be")
	}
	ascii, err := idn.ToASCII(domain)
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", errors.New("the part after the @ is not a domain name")
	}
	if len(local)+1+len(ascii) > maxAddress {
		return "", errors.New("it is too long")
	}
	return local + "@" + ascii, nil
}

// dotAtom reports whether s is a Dot-string: runs of atext with single dots between them.
func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			c := atom[i]
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			digit := c >= '0' && c <= '9'
			if !letter && !digit && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

// From is who a mail comes from.
type From struct {
	Name    string // may be empty
	Address string // bare, as Address returns it
}

// ParseFrom reads a sender as people write it: `sign-in@example.com` or `Bookstore <sign-in@example.com>`, where the name
// may stand in double quotes and may contain commas and any letters.
func ParseFrom(s string) (From, error) {
	s = strings.Trim(s, " ")
	if err := headerText("sender", s, maxAddress+maxSenderName*4+4); err != nil {
		return From{}, err
	}
	name, bare := "", s
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		if !strings.HasSuffix(s, ">") {
			return From{}, errors.New("expected the form Name <name@example.com>")
		}
		name, bare = strings.TrimSpace(s[:open]), s[open+1:len(s)-1]
	}
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(name[1 : len(name)-1])
	}
	if len([]rune(name)) > maxSenderName {
		return From{}, errors.New("the name of the sender is too long")
	}
	address, err := Address(bare)
	if err != nil {
		return From{}, err
	}
	return From{Name: name, Address: address}, nil
}

// String is the sender as a header field has it (RFC 5322 §3.4, names outside ASCII as RFC 2047 encoded words).
func (f From) String() string {
	if f.Name == "" {
		return f.Address
	}
	return (&mail.Address{Name: f.Name, Address: f.Address}).String()
}

// Domain is the part after the @.
func (f From) Domain() string { return f.Address[strings.LastIndexByte(f.Address, '@')+1:] }
