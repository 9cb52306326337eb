package server

import (
	"context"
	"crypto/sha1" //nolint:gosec // the list is kept by it; nothing is protected by it
	"encoding/hex"
	"errors"
	"strings"

	"gatelatch/server/safehttp"
)

// leaksMost is how much of an answer is read. A range of the list that Have I Been Pwned gives out is some 50 KB.
const leaksMost = 1 << 20

// leakRange is how many hexadecimal digits of a password's SHA-1 leave this server: a thousand and more leaked passwords begin so.
const leakRange = 5

// leaks asks a list of leaked passwords by ranges, in the way of Have I Been Pwned: what is sent is the beginning of a hash, what
// comes back are the ends of all that begin so, one a line with the number of times it was found.
func leaks(address string, c *safehttp.Client) func(ctx context.Context, password string) (bool, error) {
	return func(ctx context.Context, password string) (bool, error) {
		sum := sha1.Sum([]byte(password))
		digits := strings.ToUpper(hex.EncodeToString(sum[:]))
		answer, err := c.Get(ctx, strings.TrimSuffix(address, "/")+"/"+digits[:leakRange], "text/plain")
		if err != nil {
			if cause := errors.Unwrap(err); cause != nil {
				err = cause // without the address, which ends in a piece of the hash
			}
			return false, err
		}
		for line := range strings.Lines(string(answer.Body)) {
			end, times, _ := strings.Cut(strings.TrimSpace(line), ":")
			if strings.EqualFold(end, digits[leakRange:]) && times != "0" { // lines with 0 are padding
				return true, nil
			}
		}
		return false, nil
	}
}
