package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// session is a connection to SQLite with the statements that were prepared on it. Its statements run with the background
// context: an interrupt would roll back everybody in the transaction and cost the connection.
type session struct {
	db       *sql.DB // has just this connection
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// openSession opens a connection of its own.
func openSession(ctx context.Context, dsn string) (*session, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(sqliteError(err), db.Close())
	}
	return &session{db: db, conn: conn, prepared: map[string]*sql.Stmt{}}, nil
}

func (s *session) statement(query string) (*sql.Stmt, error) {
	if p, ok := s.prepared[query]; ok {
		return p, nil
	}
	p, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, sqliteError(err)
	}
	s.prepared[query] = p
	return p, nil
}

// do runs a statement that controls the transaction.
func (s *session) do(query string) error {
	if _, err := s.exec(query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

func (s *session) exec(query string, args ...any) (int64, error) {
	p, err := s.statement(query)
	if err != nil {
		return 0, err
	}
	r, err := p.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, sqliteError(err)
	}
	return r.RowsAffected()
}

func (s *session) each(query string, args []any, scan func(scanner) error) error {
	p, err := s.statement(query)
	if err != nil {
		return err
	}
	rows, err := p.QueryContext(context.Background(), args...)
	if err != nil {
		return sqliteError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return sqliteError(rows.Err())
}

// close ends the connection, and with it a transaction that is open.
func (s *session) close() error {
	var errs []error
	for _, p := range s.prepared {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, s.conn.Close(), s.db.Close())...)
}
