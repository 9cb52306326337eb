package storage

import (
	"encoding/json"
	"fmt"
	"strings"
)

// lastID sorts behind every ID: the start of a list that goes back in time.
var lastID = ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// one runs a statement that must change exactly one row; ErrNotFound otherwise.
func (tx Tx) one(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n != 1 {
		err = ErrNotFound
	}
	return err
}

// spentUnlessOne turns "no row changed" into ErrSpent: somebody was faster, or the thing has had its time.
func spentUnlessOne(n int64, err error) error {
	if err == nil && n != 1 {
		err = ErrSpent
	}
	return err
}

// nullable stores "" as NULL, for columns that are unique where present.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// contains makes a LIKE pattern (escape character \) for "has this part, letter case ignored".
func contains(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(s)) + "%"
}

// text scans a TEXT column into bytes on both engines.
type text []byte

// Scan implements sql.Scanner.
func (t *text) Scan(src any) error {
	switch v := src.(type) {
	case string:
		*t = text(v)
	case []byte:
		*t = append(text(nil), v...)
	case nil:
		*t = nil
	default:
		return fmt.Errorf("scan text: got %T", src)
	}
	return nil
}

// list is a JSON array of strings in a TEXT column.
type list []string

// Scan implements sql.Scanner.
func (l *list) Scan(src any) error {
	var t text
	if err := t.Scan(src); err != nil {
		return err
	}
	return json.Unmarshal(t, (*[]string)(l))
}

func encodeList(l []string) string {
	if l == nil {
		l = []string{}
	}
	b, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}
