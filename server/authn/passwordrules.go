package authn

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"gatelatch/storage"
)

// PasswordRule is how long a new password has to be. There is no other rule for what it is composed of.
type PasswordRule struct{ Least, Most int }

// Weakness is why a new password is refused.
type Weakness int

// The weaknesses.
const (
	WeakShort    Weakness = iota + 1 // fewer than Least characters
	WeakLong                         // more than Most
	WeakText                         // it is no text (UTF-8)
	WeakCommon                       // many people have it, or it is a row of keys, or the same over and over
	WeakPersonal                     // it is made of what everybody knows of the person, or of this server's name
	WeakLeaked                       // it was found among passwords that have leaked
)

// WeakPassword is ErrWeakPassword with the reason, which is for the person to read.
type WeakPassword struct {
	Why  Weakness
	Rule PasswordRule
}

// Error implements error.
func (w *WeakPassword) Error() string {
	return "the password is refused: " + map[Weakness]string{WeakShort: "too short", WeakLong: "too long", WeakText: "no text", WeakCommon: "common", WeakPersonal: "made of the person's own data", WeakLeaked: "leaked"}[w.Why]
}

// Is makes errors.Is(err, ErrWeakPassword) true.
func (w *WeakPassword) Is(target error) bool { return target == ErrWeakPassword }

// PasswordRule tells how long a new password of a person has to be: longer if it is all they have to show at a sign-in. A zero id
// stands for somebody who is only about to become one. ErrNoUser.
func (e *Engine) PasswordRule(ctx context.Context, user storage.ID) (PasswordRule, error) {
	rule, _, err := e.passwordTerms(e.store.View(ctx), user)
	return rule, err
}

// WeighPassword tells whether a person may have a password; more is what is known of them beside what is kept, or of somebody who is
// only about to become one (zero id). *WeakPassword if not, ErrNoUser.
func (e *Engine) WeighPassword(ctx context.Context, user storage.ID, password string, more ...string) error {
	rule, own, err := e.passwordTerms(e.store.View(ctx), user)
	if err != nil {
		return err
	}
	return e.weighPassword(ctx, rule, append(own, more...), password)
}

// weighPassword asks for leaks last, for that leaves this machine. No answer refuses nobody.
func (e *Engine) weighPassword(ctx context.Context, rule PasswordRule, own []string, password string) error {
	password = compared(password)
	if why := weakness(password, rule, append(own, e.serverWords()...)); why != 0 {
		return &WeakPassword{Why: why, Rule: rule}
	}
	if e.leaked == nil {
		return nil
	}
	leaked, err := e.leaked(ctx, password)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		e.log.WarnContext(ctx, "a new password was not looked up among those that have leaked", "error", err)
	case leaked:
		return &WeakPassword{Why: WeakLeaked, Rule: rule}
	}
	return nil
}

// passwordTerms are what a person's password has to be like, and what it must not be made of.
func (e *Engine) passwordTerms(tx storage.Tx, user storage.ID) (PasswordRule, []string, error) {
	x, err := e.experienceIn(tx)
	if err != nil {
		return PasswordRule{}, nil, err
	}
	s := Standing{Experience: x}
	var own []string
	if !user.IsZero() {
		u, err := tx.User(user)
		if errors.Is(err, storage.ErrNotFound) {
			err = ErrNoUser
		}
		if err != nil {
			return PasswordRule{}, nil, err
		}
		emails, err := tx.Emails(user)
		if err != nil {
			return PasswordRule{}, nil, fmt.Errorf("read addresses: %w", err)
		}
		own = []string{u.Name, u.Username}
		for _, m := range emails {
			own = append(own, m.Address)
		}
		if err := e.weigh(tx, Visitor{}, &s, user, e.now()); err != nil {
			return PasswordRule{}, nil, err
		}
	}
	rule := PasswordRule{Least: e.cfg.Passwords.Minimum, Most: passwordMost}
	if x.demandsSecond(s.Groups, s.Has) {
		rule.Least = e.cfg.Passwords.MinimumWithSecondFactor
	}
	return rule, own, nil
}

// serverWords are what everybody who tries passwords here would begin with.
func (e *Engine) serverWords() []string { return []string{e.host, "gatelatch"} }

// weakness is the first reason to refuse a password; 0 for none. Each code point counts as one character.
func weakness(password string, rule PasswordRule, own []string) Weakness {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return WeakText
	case n < rule.Least:
		return WeakShort
	case n > rule.Most:
		return WeakLong
	case common(password):
		return WeakCommon
	case personal(password, own):
		return WeakPersonal
	}
	return 0
}

//go:embed common_passwords.txt.gz
var commonList []byte

// commonPasswords are passwords of eight characters and more that many people have, in small letters, sorted.
var commonPasswords = sync.OnceValue(func() []string {
	r, err := gzip.NewReader(bytes.NewReader(commonList))
	if err != nil {
		panic(fmt.Errorf("embedded list of common passwords: %w", err))
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Errorf("embedded list of common passwords: %w", err))
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
})

// common reports whether a whole password is one of those that are tried first. Parts of it do not count (NIST SP 800-63B-4
// §3.1.1.2); the case of letters, and marks between words, do not save it.
func common(password string) bool {
	small := strings.ToLower(password)
	for _, form := range []string{small, lettersAndDigits(small)} {
		if _, found := slices.BinarySearch(commonPasswords(), form); found {
			return true
		}
	}
	runes := []rune(small)
	return repeats(runes) || inRows(runes)
}

func lettersAndDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// repeatedMost is the length of a piece that is no password because it stands there twice or more.
const repeatedMost = 7

// repeats reports whether a text is a short piece over and over.
func repeats(s []rune) bool {
	for n := 1; n <= repeatedMost && 2*n <= len(s); n++ {
		if slices.Equal(s[n:], s[:len(s)-n]) {
			return true
		}
	}
	return false
}

// keyRows are rows of keys that lie beside each other.
var keyRows = []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn"}

// inRows reports whether a text is nothing but pieces of three and more characters that follow each other in the alphabet or on
// the keyboard, in either direction: 1234567890qwerty, abcdef654321.
func inRows(s []rune) bool {
	for start := 0; start < len(s); {
		longest := 0
		for _, follows := range []func(a, b rune) bool{
			func(a, b rune) bool { return b == a }, func(a, b rune) bool { return b == a+1 }, func(a, b rune) bool { return b == a-1 },
			beside, func(a, b rune) bool { return beside(b, a) },
		} {
			end := start + 1
			for end < len(s) && follows(s[end-1], s[end]) {
				end++
			}
			longest = max(longest, end-start)
		}
		if longest < 3 {
			return false
		}
		start += longest
	}
	return true
}

func beside(a, b rune) bool {
	return slices.ContainsFunc(keyRows, func(row string) bool { return strings.Contains(row, string([]rune{a, b})) })
}

// personalRest is how many letters have to be left of a password when the person's own words are taken out of it.
const personalRest = 4

// personal reports whether a password is made of somebody's own words: beside them it has hardly a letter.
func personal(password string, own []string) bool {
	small := strings.ToLower(compared(password))
	rest := small
	for _, word := range ownWords(own) {
		rest = strings.ReplaceAll(rest, word, " ")
	}
	if rest == small {
		return false
	}
	letters := 0
	for _, r := range rest {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters < personalRest
}

// ownWords are the words in what is known of a person, the longest first.
func ownWords(own []string) []string {
	var words []string
	for _, text := range own {
		for word := range strings.FieldsFuncSeq(strings.ToLower(compared(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
			if utf8.RuneCountInString(word) >= 3 {
				words = append(words, word)
			}
		}
	}
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	return words
}
