package authn

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Digits is the length of a mailed code.
const Digits = 6

// A code's nonce begins with the number of the key it is derived with, so that the mail and the answer agree while a
// key of the key file is being replaced.
const nonceSize = 16

func (e *Engine) newNonce() []byte {
	return append([]byte{e.keys.Active()}, secret.Random(nonceSize)...)
}

// codeOf derives the six digits of a row. Numbers that would make some codes likelier than others are passed over.
// "" if the row was made with a key that is no longer there.
func (e *Engine) codeOf(o storage.OTP) string {
	const (
		codes = 1_000_000
		fair  = (1 << 32) / codes * codes
	)
	for round := byte(0); ; round++ {
		digest := e.digest("otp-code", o, []byte{round})
		if digest == nil {
			return ""
		}
		for ; len(digest) >= 4; digest = digest[4:] {
			if n := binary.BigEndian.Uint32(digest); n < fair {
				return fmt.Sprintf("%0*d", Digits, n%codes)
			}
		}
	}
}

// digest binds a secret to everything the row is about: moved to another flow or address it would be another one.
func (e *Engine) digest(purpose string, o storage.OTP, more ...[]byte) []byte {
	if len(o.Nonce) != 1+nonceSize {
		return nil
	}
	parts := append([][]byte{o.ID[:], o.FlowID[:], o.Nonce, []byte(o.Address)}, more...)
	return e.keys.DigestUnder(o.Nonce[0], purpose, parts...)
}

const linkSize = 16

// linkOf derives the token of the link that goes with a row's code: the row's id, which is no secret, and 128 bits that are.
// "" if the row was made with a key that is no longer there.
func (e *Engine) linkOf(o storage.OTP) string {
	digest := e.digest("otp-link", o)
	if digest == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte(nil), o.ID[:]...), digest[:linkSize]...))
}

// linkID reads the row's id from a link's token; false if it cannot be one.
func linkID(token string) (storage.ID, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(storage.ID{})+linkSize {
		return storage.ID{}, false
	}
	return storage.ID(raw[:len(storage.ID{})]), true
}

// readCode is readDigits of a code of six digits.
func readCode(typed string) (string, bool) { return readDigits(typed, Digits) }

// readDigits brings a typed code into its plain form: spaces and dashes go, the digits of Arabic, Persian and full-width
// keyboards become ours. false if that does not leave as many digits.
func readDigits(typed string, digits int) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u2013' || r == '\u2009':
			continue
		case '0' <= r && r <= '9':
		case '\u0660' <= r && r <= '\u0669':
			r -= '\u0660' - '0'
		case '\u06f0' <= r && r <= '\u06f9':
			r -= '\u06f0' - '0'
		case '\uff10' <= r && r <= '\uff19':
			r -= '\uff10' - '0'
		default:
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), b.Len() == digits
}
