package storage

import (
	"context"
	"fmt"
	"time"
)

// sweepRows is how many rows one unit of work of the sweeper takes: one big DELETE would keep every writer waiting.
const sweepRows = 200

// What goes when it has ended. Tables with an index on the time are asked for it; in the others the sweeper walks along
// the primary key, which is ordered by time of birth, because an index on a time that every refresh moves costs more than
// that walk.
var (
	sweepByTime = []struct{ table, key string }{
		{"flows", "id"},
		{"otps", "id"},
		{"pending", "digest"},
		{"budgets", "name"},
		{"revoked_tokens", "digest"},
		{"used_jtis", "digest"},
		{"device_codes", "digest"},
		{"registration_tokens", "id"},
		{"devices", "id"},
		{"invitations", "id"},
		{"sign_ups", "address"},
		{"notices", "id"},
	}
	sweepByWalk = []struct{ table, ended string }{
		{"sessions", `expires < $1 OR (revoked_at > 0 AND revoked_at < $1)`},
		{"grants", `expires < $1 OR (revoked_at > 0 AND revoked_at < $1) OR NOT EXISTS (SELECT 1 FROM clients WHERE clients.id = grants.client_id)`},
		{"client_secrets", `expires > 0 AND expires < $1`},
		{"inbox", `expires < $1`},
	}
)

// Sweep deletes what expired or was revoked before that moment, the applications that nobody entered and that were not used in
// their time, and the grants of those that are gone: a few rows in each unit of work, with a pause as long as the unit took,
// so that nobody waits for it. It returns how many rows went and ends early, with what it has done so far kept, when ctx does.
func (s *Store) Sweep(ctx context.Context, before int64) (rows int64, err error) {
	for _, t := range sweepByTime {
		n, err := s.sweepByTime(ctx, t.table, t.key, before)
		if rows += n; err != nil {
			return rows, fmt.Errorf("sweep %s: %w", t.table, err)
		}
	}
	for _, t := range sweepByWalk {
		n, err := s.sweepByWalk(ctx, t.table, t.ended, before)
		if rows += n; err != nil {
			return rows, fmt.Errorf("sweep %s: %w", t.table, err)
		}
	}
	n, err := s.sweepRegistrations(ctx, before)
	if rows += n; err != nil {
		return rows, fmt.Errorf("sweep registrations: %w", err)
	}
	n, err = s.sweepDocuments(ctx, before)
	if rows += n; err != nil {
		return rows, fmt.Errorf("sweep client documents: %w", err)
	}
	if err := s.engine.compact(ctx); err != nil {
		return rows, fmt.Errorf("give free pages back: %w", err)
	}
	return rows, nil
}

func (s *Store) sweepByTime(ctx context.Context, table, key string, before int64) (rows int64, err error) {
	query := `DELETE FROM ` + table + ` WHERE ` + key + ` IN (SELECT ` + key + ` FROM ` + table + ` WHERE expires < $1 ORDER BY expires LIMIT $2)`
	for {
		start := time.Now()
		var n int64
		err := s.Write(ctx, func(tx Tx) (err error) {
			n, err = tx.exec(query, before, sweepRows)
			return err
		})
		if err != nil {
			return rows, err
		}
		if rows += n; n < sweepRows {
			return rows, nil
		}
		if err := pause(ctx, time.Since(start)); err != nil {
			return rows, err
		}
	}
}

func (s *Store) sweepByWalk(ctx context.Context, table, ended string, before int64) (rows int64, err error) {
	page := `SELECT id, ` + ended + ` FROM ` + table + ` WHERE id > $2 ORDER BY id LIMIT $3`
	remove := `DELETE FROM ` + table + ` WHERE id > $2 AND id <= $3 AND (` + ended + `)` // asks again: a row may have been touched meanwhile
	for from := []byte{0}; ; {
		start := time.Now()
		to, seen, dead := from, 0, 0
		err := s.View(ctx).each(page, []any{before, from, sweepRows}, func(row scanner) error {
			var over bool
			if err := row.Scan(&to, &over); err != nil {
				return err
			}
			if seen++; over {
				dead++
			}
			return nil
		})
		if err != nil {
			return rows, err
		}
		if dead > 0 {
			var n int64
			err := s.Write(ctx, func(tx Tx) (err error) {
				n, err = tx.exec(remove, before, from, to)
				return err
			})
			if err != nil {
				return rows, err
			}
			rows += n
		}
		if seen < sweepRows {
			return rows, nil
		}
		from = to
		if err := pause(ctx, time.Since(start)); err != nil {
			return rows, err
		}
	}
}

// pause sleeps unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
