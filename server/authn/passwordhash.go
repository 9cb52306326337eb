package authn

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"

	"gatelatch/server/secret"
)

// Passwords say how passwords are kept, and how long new ones have to be. A zero takes its default.
type Passwords struct {
	MemoryKiB               int // 19,456: with 2 rounds the least that OWASP's Password Storage Cheat Sheet recommends for argon2id
	Iterations              int // 2
	Parallelism             int // 1
	Concurrency             int // hashes made at once: half of the processors, so that the other half serves everybody else
	Minimum                 int // 15 characters where the password is the only factor (NIST SP 800-63B-4 §3.1.1.2)
	MinimumWithSecondFactor int // 8
}

func (p Passwords) withDefaults() Passwords {
	for _, n := range []struct {
		set     *int
		without int
	}{
		{&p.MemoryKiB, 19456}, {&p.Iterations, 2}, {&p.Parallelism, 1}, {&p.Concurrency, max(1, runtime.GOMAXPROCS(0)/2)},
		{&p.Minimum, 15}, {&p.MinimumWithSecondFactor, 8},
	} {
		if *n.set <= 0 {
			*n.set = n.without
		}
	}
	return p
}

// hashWait is how long somebody waits for their turn at hashing before they are told to come back.
const hashWait = 5 * time.Second

// passwordMost is the length of the longest password, in characters.
const passwordMost = 256

const (
	saltSize = 16
	hashSize = 32
)

// hasher makes and checks hashes, a few at a time: each takes its memory and a processor for a while, and whoever may ask for
// hundreds at once would take all of both.
type hasher struct {
	cost  argonCost
	slots chan struct{}
	wait  time.Duration
}

// argonCost are the parameters of argon2id (RFC 9106).
type argonCost struct {
	memory, rounds uint32
	lanes          uint8
}

func newHasher(p Passwords) hasher {
	return hasher{cost: argonCost{uint32(p.MemoryKiB), uint32(p.Iterations), uint8(p.Parallelism)}, slots: make(chan struct{}, p.Concurrency), wait: hashWait}
}

// turn waits for a slot; ErrBusy if none is free in time. The caller gives it back with done.
func (h hasher) turn(ctx context.Context) (done func(), err error) {
	soon := time.NewTimer(h.wait)
	defer soon.Stop()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-soon.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash makes the hash that is kept of a new password; ErrBusy.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return h.make(password), nil
}

func (h hasher) make(password string) string {
	salt := secret.Random(saltSize)
	return h.cost.phc(salt, h.cost.derive(password, salt, hashSize))
}

// check compares a password with what is kept, in one hash whatever is kept: "" (nobody, or nobody with a password) takes the same
// as the hashes made here. renewed is a hash to keep instead, for a right password whose hash was made otherwise. ErrBusy.
func (h hasher) check(ctx context.Context, kept, password string) (right bool, renewed string, err error) {
	if kept == "" {
		kept = h.cost.phc(secret.Random(saltSize), secret.Random(hashSize))
	}
	k, err := readHash(kept)
	if err != nil {
		return false, "", err
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, "", err
	}
	defer done()
	if right = k.matches(password); right && k.cost != h.cost {
		renewed = h.make(password)
	}
	return right, renewed, nil
}

// derive is the argon2id of a password in the form it is compared in.
func (c argonCost) derive(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(compared(password)), salt, c.rounds, c.memory, c.lanes, uint32(size))
}

// compared is a password as it is hashed: composed (NFC), because one keyboard sends ä as one code point and another as two
// (NIST SP 800-63B-4 §3.1.1.2; RFC 8265 §4.2 says the same). Nothing else is changed, least of all cut off.
func compared(password string) string { return norm.NFC.String(password) }

// phc writes a hash in the PHC string format.
func (c argonCost) phc(salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.rounds, c.lanes, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// keptHash is a hash that can be compared with.
type keptHash struct {
	cost    argonCost // zero if it is no argon2id
	matches func(password string) bool
}

// Bounds of hashes that come from elsewhere: none may be so costly that one sign-in takes the server down.
const (
	mostMemoryKiB     = 128 << 10
	mostArgonWork     = 1 << 20 // KiB × rounds
	mostBcryptCost    = 14
	mostPBKDF2Rounds  = 2_000_000
	mostForeignLanes  = 16
	leastHash         = 16
	mostHash          = 128
	mostHashText      = 512
	leastPBKDF2Rounds = 1000
)

// CheckHash reports whether a hash that was made elsewhere can be checked here; ErrBadHash if not.
func CheckHash(text string) error {
	_, err := readHash(text)
	return err
}

// readHash reads a hash that was made here or elsewhere: argon2id, bcrypt, scrypt or pbkdf2-sha256. The last three are of the bytes as
// they were typed. ErrBadHash.
func readHash(text string) (keptHash, error) {
	if len(text) > mostHashText {
		return keptHash{}, ErrBadHash
	}
	fields := strings.Split(text, "$")
	switch {
	case strings.HasPrefix(text, "$argon2id$") && len(fields) == 6:
		return readArgon(fields)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return readBcrypt(text)
	case strings.HasPrefix(text, "$scrypt$") && len(fields) == 5:
		return readScrypt(fields)
	case strings.HasPrefix(text, "$pbkdf2-sha256$") && len(fields) == 5:
		return readPBKDF2(fields)
	}
	return keptHash{}, ErrBadHash
}

func readArgon(fields []string) (keptHash, error) {
	var (
		version int
		c       argonCost
	)
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return keptHash{}, ErrBadHash
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &c.memory, &c.rounds, &c.lanes); err != nil {
		return keptHash{}, ErrBadHash
	}
	salt, sum, err := saltAndSum(fields[4], fields[5])
	if err != nil || c.memory == 0 || c.memory > mostMemoryKiB || c.rounds == 0 || uint64(c.memory)*uint64(c.rounds) > mostArgonWork || c.lanes == 0 || c.lanes > mostForeignLanes {
		return keptHash{}, ErrBadHash
	}
	return keptHash{cost: c, matches: func(password string) bool { return secret.Equal(c.derive(password, salt, len(sum)), sum) }}, nil
}

func readBcrypt(text string) (keptHash, error) {
	if cost, err := bcrypt.Cost([]byte(text)); err != nil || cost > mostBcryptCost {
		return keptHash{}, ErrBadHash
	}
	return keptHash{matches: func(password string) bool {
		return bcrypt.CompareHashAndPassword([]byte(text), []byte(password)) == nil
	}}, nil
}

func readScrypt(fields []string) (keptHash, error) {
	var log, r, p uint
	if _, err := fmt.Sscanf(fields[2], "ln=%d,r=%d,p=%d", &log, &r, &p); err != nil || log < 1 || log > 20 || r == 0 || r > 64 || p == 0 || p > mostForeignLanes {
		return keptHash{}, ErrBadHash
	}
	salt, sum, err := saltAndSum(fields[3], fields[4])
	if high, size := bits.Mul(r*128, uint(1)<<log); err != nil || high > 0 || size > mostMemoryKiB<<10 {
		return keptHash{}, ErrBadHash
	}
	return keptHash{matches: func(password string) bool {
		got, err := scrypt.Key([]byte(password), salt, 1<<log, int(r), int(p), len(sum))
		return err == nil && secret.Equal(got, sum)
	}}, nil
}

// readPBKDF2 reads $pbkdf2-sha256$i=600000$salt$hash; the number may stand alone, and dots for plus signs.
func readPBKDF2(fields []string) (keptHash, error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(fields[2], "i="), ",")
	rounds, err := strconv.Atoi(number)
	if err != nil || rounds < leastPBKDF2Rounds || rounds > mostPBKDF2Rounds {
		return keptHash{}, ErrBadHash
	}
	salt, sum, err := saltAndSum(fields[3], fields[4])
	if err != nil {
		return keptHash{}, ErrBadHash
	}
	return keptHash{matches: func(password string) bool {
		got, err := pbkdf2.Key(sha256.New, password, salt, rounds, len(sum))
		return err == nil && secret.Equal(got, sum)
	}}, nil
}

// saltAndSum reads the two last fields of a PHC string: base64, with or without padding.
func saltAndSum(salt, sum string) ([]byte, []byte, error) {
	read := func(text string) ([]byte, error) {
		return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.ReplaceAll(text, ".", "+"), "="))
	}
	s, err := read(salt)
	if err != nil {
		return nil, nil, err
	}
	h, err := read(sum)
	if err == nil && (len(h) < leastHash || len(h) > mostHash) {
		err = ErrBadHash
	}
	return s, h, err
}
