package storage

// SpendBudget takes one from the budget called name, of which there are limit in each window of that many microseconds
// (the first use opens the window). ErrSpent if nothing is left: the refused try is not counted.
//
// A window that begins more than its own length in the future (the clock was set back) is opened anew. One that begins a
// little later than now is not: callers who run at the same time bring their times in any order, and must not open it again.
func (tx Tx) SpendBudget(name string, limit, window, now int64) error {
	return spentUnlessOne(tx.exec(`INSERT INTO budgets (name, used, started, expires) VALUES ($1, 1, CAST($4 AS BIGINT), CAST($4 AS BIGINT) + CAST($3 AS BIGINT))
		ON CONFLICT (name) DO UPDATE SET
			used = CASE WHEN budgets.expires <= $4 OR budgets.started > CAST($4 AS BIGINT) + CAST($3 AS BIGINT) THEN 1 ELSE budgets.used + 1 END,
			started = CASE WHEN budgets.expires <= $4 OR budgets.started > CAST($4 AS BIGINT) + CAST($3 AS BIGINT) THEN $4 ELSE budgets.started END,
			expires = CASE WHEN budgets.expires <= $4 OR budgets.started > CAST($4 AS BIGINT) + CAST($3 AS BIGINT) THEN CAST($4 AS BIGINT) + CAST($3 AS BIGINT) ELSE budgets.expires END
		WHERE budgets.expires <= $4 OR budgets.started > CAST($4 AS BIGINT) + CAST($3 AS BIGINT) OR budgets.used < $2`, name, limit, window, now))
}

// SpendBucket takes one from a bucket that holds burst and gains one each interval microseconds. It is kept as the
// moment at which the bucket will be full again. ErrSpent if it is empty. One last used further in the future than it takes
// to fill (the clock was set back) is full.
func (tx Tx) SpendBucket(name string, burst, interval, now int64) error {
	return spentUnlessOne(tx.exec(`INSERT INTO budgets (name, used, started, expires) VALUES ($1, 0, CAST($4 AS BIGINT), CAST($4 AS BIGINT) + CAST($3 AS BIGINT))
		ON CONFLICT (name) DO UPDATE SET
			started = $4,
			expires = CASE WHEN budgets.expires <= $4 OR budgets.started > CAST($4 AS BIGINT) + CAST($2 AS BIGINT) * CAST($3 AS BIGINT) THEN CAST($4 AS BIGINT) + CAST($3 AS BIGINT)
				ELSE budgets.expires + CAST($3 AS BIGINT) END
		WHERE budgets.expires <= CAST($4 AS BIGINT) + (CAST($2 AS BIGINT) - 1) * CAST($3 AS BIGINT)
			OR budgets.started > CAST($4 AS BIGINT) + CAST($2 AS BIGINT) * CAST($3 AS BIGINT)`, name, burst, interval, now))
}

// BudgetLeft tells how many are left in a window budget and when it renews.
func (tx Tx) BudgetLeft(name string, limit, now int64) (left, renews int64, err error) {
	var used, expires int64
	switch err := tx.row(`SELECT used, expires FROM budgets WHERE name = $1`, name).Scan(&used, &expires); {
	case err == ErrNotFound:
		return limit, now, nil
	case err != nil:
		return 0, 0, err
	case expires <= now:
		return limit, now, nil
	}
	return max(0, limit-used), expires, nil
}

// RefundBudget gives back all that was taken: the tries were the owner's, who has got in.
func (tx Tx) RefundBudget(name string) error {
	_, err := tx.exec(`DELETE FROM budgets WHERE name = $1`, name)
	return err
}

// ReturnBudget gives back one of what was taken from a window budget that others share.
func (tx Tx) ReturnBudget(name string) error {
	_, err := tx.exec(`UPDATE budgets SET used = used - 1 WHERE name = $1 AND used > 0`, name)
	return err
}
