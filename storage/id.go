package storage

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ID names a row: 16 bytes, a version 7 UUID (RFC 9562 §5.7), so rows made later sort later.
// The zero ID means "none" and is stored as NULL.
type ID [16]byte

// ErrNotID says that a text is not the canonical form of an ID.
var ErrNotID = errors.New("not an identifier")

var idClock struct {
	sync.Mutex
	last uint64 // milliseconds << 12 | counter
}

// NewID returns a fresh ID: 48 bits of milliseconds, a 12-bit counter that keeps IDs of one
// process in order even when the clock stands still or steps back, and 62 random bits.
func NewID() ID {
	var id ID
	if _, err := rand.Read(id[:]); err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	idClock.Lock()
	next := uint64(time.Now().UnixMilli()) << 12
	if next <= idClock.last {
		next = idClock.last + 1
	}
	idClock.last = next
	idClock.Unlock()
	ms, counter := next>>12, next&0xfff
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = 0x70 | byte(counter>>8)
	id[7] = byte(counter)
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// String returns the canonical lower-case UUID text, 36 characters; "" for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Time is the moment in which the ID was made, to the millisecond.
func (id ID) Time() time.Time {
	var ms int64
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// idAt sorts before every ID made at that moment, in microseconds, or later.
func idAt(micros int64) ID {
	id := ID{15: 1} // the zero ID is none
	ms := uint64(max(micros, 0)) / 1000
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// ParseID reads the one spelling String writes; anything else is ErrNotID.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrNotID
	}
	for i, from := range [...]int{0, 9, 14, 19, 24} {
		to := [...]int{8, 13, 18, 23, 36}[i]
		at := [...]int{0, 4, 6, 8, 10}[i]
		if _, err := hex.Decode(id[at:], []byte(s[from:to])); err != nil {
			return ID{}, ErrNotID
		}
	}
	if id.String() != s {
		return ID{}, ErrNotID
	}
	return id, nil
}

// Value implements driver.Valuer: 16 bytes, or NULL for the zero ID.
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id[:], nil
}

// Scan implements sql.Scanner for what Value wrote.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
	}
	return fmt.Errorf("scan id: %T of unexpected shape", src)
}
