package storage

// traced tells somebody every statement before it runs: a test that counts them.
type traced struct {
	statements
	tell func(query string)
}

func (t traced) exec(query string, args ...any) (int64, error) {
	t.tell(query)
	return t.statements.exec(query, args...)
}

func (t traced) each(query string, args []any, scan func(scanner) error) error {
	t.tell(query)
	return t.statements.each(query, args, scan)
}

// trace puts the listener, if there is one, before the statements of tx.
func (s *Store) trace(tx Tx) Tx {
	if s.tell == nil {
		return tx
	}
	return Tx{traced{tx.statements, s.tell}}
}

// tracing is trace for the transaction a function will be given.
func (s *Store) tracing(f func(Tx) error) func(Tx) error {
	if s.tell == nil {
		return f
	}
	return func(tx Tx) error { return f(s.trace(tx)) }
}
