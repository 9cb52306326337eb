package storage

// Grant is what a person allowed a client, from the authorization code to the last refresh, in one row.
// Codes, refresh tokens and access tokens are names of this row and are not stored.
type Grant struct {
	ID          ID
	ClientID    string
	UserID      ID
	SessionID   ID // zero: not tied to a session
	Secret      []byte
	Scope       string // ordered, append-only
	Audience    string // ordered, append-only
	AuthTime    int64
	AMR         string
	ACR         string
	Request     string // what the exchange needs of the request, form-encoded; emptied by it
	CodeExpires int64
	CodeSpent   int64
	CodeTries   int64
	Generation  int64  // of the refresh token that is current
	Rotated     string // times of the last rotations, the newest first (written and read by server/oidc)
	Expires     int64
	RevokedAt   int64
	JKT         string // thumbprint of the key it is bound to (RFC 9449): its code, then its refresh token; "": none
	Claims      string // what the request asked for beyond its scopes (written and read by server/oidc); "": nothing
	SID         ID     // the session's name as the client was told it; zero: SessionID
}

// Sid is the name of the session in tokens (OpenID Connect Back-Channel Logout 1.0 §2.1): it stays when the person signs in
// again in the same browser.
func (g Grant) Sid() ID {
	if !g.SID.IsZero() {
		return g.SID
	}
	return g.SessionID
}

const grantColumns = `id, client_id, user_id, session_id, secret, scope, audience, auth_time, amr, acr, request, code_expires, code_spent, code_tries, generation, rotated, expires, revoked_at, claims, sid, jkt`

func (g *Grant) fields() []any {
	return []any{&g.ID, &g.ClientID, &g.UserID, &g.SessionID, &g.Secret, &g.Scope, &g.Audience, &g.AuthTime, &g.AMR, &g.ACR, &g.Request,
		&g.CodeExpires, &g.CodeSpent, &g.CodeTries, &g.Generation, &g.Rotated, &g.Expires, &g.RevokedAt, &g.Claims, &g.SID, &g.JKT}
}

// InsertGrant adds a grant whose code is not spent yet; ErrConflict if the person is gone.
func (tx Tx) InsertGrant(g Grant) error {
	_, err := tx.exec(`INSERT INTO grants (`+grantColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, '', $13, 0, $14, NULL, $15)`,
		g.ID, g.ClientID, g.UserID, g.SessionID, g.Secret, g.Scope, g.Audience, g.AuthTime, g.AMR, g.ACR, g.Request, g.CodeExpires, g.Expires, g.Claims, g.JKT)
	return err
}

// Grant returns a grant by id, whatever its state; ErrNotFound.
func (tx Tx) Grant(id ID) (Grant, error) {
	var g Grant
	err := tx.row(`SELECT `+grantColumns+` FROM grants WHERE id = $1`, id).Scan(g.fields()...)
	return g, err
}

// GrantPerson returns a grant together with its person and their primary address (zero when they have none), in one read; ErrNotFound.
func (tx Tx) GrantPerson(id ID) (Grant, User, Email, error) {
	var (
		g Grant
		u User
		e Email
	)
	err := tx.row(`SELECT g.id, g.client_id, g.user_id, g.session_id, g.secret, g.scope, g.audience, g.auth_time, g.amr, g.acr, g.request, g.code_expires, g.code_spent,
		g.code_tries, g.generation, g.rotated, g.expires, g.revoked_at, g.claims, g.sid, g.jkt, `+userColumns+`, COALESCE(e.address, ''), COALESCE(e.typed, ''), COALESCE(e.verified_at, 0)
		FROM grants g JOIN users u ON u.id = g.user_id LEFT JOIN emails e ON e.user_id = u.id AND e.is_primary WHERE g.id = $1`, id).
		Scan(append(append(g.fields(), u.fields()...), &e.Address, &e.Typed, &e.VerifiedAt)...)
	if e.Address != "" {
		e.UserID, e.Primary = u.ID, true
	}
	return g, u, e, err
}

// RedeemCode spends the grant's authorization code, exactly once and before its end; from now on the grant lives until expires.
// ErrSpent for everybody after the first.
func (tx Tx) RedeemCode(id ID, now, expires int64) error {
	return spentUnlessOne(tx.exec(`UPDATE grants SET code_spent = $2, generation = 1, request = '', expires = $3 WHERE id = $1 AND code_spent = 0 AND revoked_at = 0 AND code_expires > $2`,
		id, now, expires))
}

// BindGrant binds a grant to the key with that thumbprint from now on, or with "" to none.
func (tx Tx) BindGrant(id ID, jkt string) error {
	return tx.one(`UPDATE grants SET jkt = $2 WHERE id = $1`, id, jkt)
}

// MissCode counts a failed attempt to exchange the code; at maxTries it is dead.
func (tx Tx) MissCode(id ID, now, maxTries int64) error {
	_, err := tx.exec(`UPDATE grants SET code_tries = code_tries + 1, code_spent = CASE WHEN code_tries + 1 >= $3 THEN $2 ELSE code_spent END WHERE id = $1 AND code_spent = 0`,
		id, now, maxTries)
	return err
}

// RotateGrant moves the refresh token from one generation to the next, once: ErrSpent if the grant is not at from any more,
// is revoked or has expired. rotated replaces the list of rotation times.
func (tx Tx) RotateGrant(id ID, from, to int64, rotated string, now, expires int64) error {
	return spentUnlessOne(tx.exec(`UPDATE grants SET generation = $3, rotated = $4, expires = $6 WHERE id = $1 AND generation = $2 AND code_spent > 0 AND revoked_at = 0 AND expires > $5`,
		id, from, to, rotated, now, expires))
}

// TouchGrant moves the idle end of a live grant without rotating it.
func (tx Tx) TouchGrant(id ID, now, expires int64) error {
	_, err := tx.exec(`UPDATE grants SET expires = $3 WHERE id = $1 AND revoked_at = 0 AND expires > $2`, id, now, expires)
	return err
}

// RevokeGrant ends a grant and all its tokens; first reports whether this call was the one that did.
func (tx Tx) RevokeGrant(id ID, now int64) (first bool, err error) {
	n, err := tx.exec(`UPDATE grants SET revoked_at = $2, request = '' WHERE id = $1 AND revoked_at = 0`, id, now)
	return n == 1, err
}

// SessionGrants returns the grants made in a session that live at now.
func (tx Tx) SessionGrants(session ID, now int64) ([]Grant, error) {
	var grants []Grant
	err := tx.each(`SELECT `+grantColumns+` FROM grants WHERE session_id = $1 AND revoked_at = 0 AND expires > $2`, []any{session, now}, func(row scanner) error {
		var g Grant
		if err := row.Scan(g.fields()...); err != nil {
			return err
		}
		grants = append(grants, g)
		return nil
	})
	return grants, err
}

// UserGrants returns the grants of a person that live at now and whose code was exchanged.
func (tx Tx) UserGrants(user ID, now int64) ([]Grant, error) {
	var grants []Grant
	err := tx.each(`SELECT `+grantColumns+` FROM grants WHERE user_id = $1 AND code_spent > 0 AND revoked_at = 0 AND expires > $2 ORDER BY id`, []any{user, now}, func(row scanner) error {
		var g Grant
		if err := row.Scan(g.fields()...); err != nil {
			return err
		}
		grants = append(grants, g)
		return nil
	})
	return grants, err
}

// RevokeSessionGrants ends every grant made in a session.
func (tx Tx) RevokeSessionGrants(session ID, now int64) error {
	_, err := tx.exec(`UPDATE grants SET revoked_at = $2, request = '' WHERE session_id = $1 AND revoked_at = 0`, session, now)
	return err
}

// RevokeUserGrants ends every grant of a person.
func (tx Tx) RevokeUserGrants(user ID, now int64) error {
	_, err := tx.exec(`UPDATE grants SET revoked_at = $2, request = '' WHERE user_id = $1 AND revoked_at = 0`, user, now)
	return err
}

// RevokeOtherGrants ends every grant of a person but those made in one session.
func (tx Tx) RevokeOtherGrants(user, session ID, now int64) error {
	_, err := tx.exec(`UPDATE grants SET revoked_at = $3, request = '' WHERE user_id = $1 AND revoked_at = 0 AND (session_id IS NULL OR session_id <> $2)`, user, session, now)
	return err
}

// MoveSessionGrants ties the live grants of a session to the one that takes its place in the same browser.
func (tx Tx) MoveSessionGrants(from, to ID) error {
	_, err := tx.exec(`UPDATE grants SET sid = COALESCE(sid, session_id), session_id = $2 WHERE session_id = $1 AND revoked_at = 0`, from, to)
	return err
}

// MovedSession returns the session that has taken the place of the one a client was told, and whose it is; ErrNotFound if nothing
// the client was given has moved.
func (tx Tx) MovedSession(told ID, client string) (session, user ID, err error) {
	err = tx.row(`SELECT session_id, user_id FROM grants WHERE sid = $1 AND client_id = $2 AND session_id IS NOT NULL ORDER BY id DESC LIMIT 1`, told, client).Scan(&session, &user)
	return session, user, err
}

// Farewell is a client that knows a session which ends.
type Farewell struct {
	ClientID string
	UserID   ID
	SID      ID // the session as the client was told it
}

// Farewells lists the clients that were given something in a session, whatever became of it, each once.
func (tx Tx) Farewells(session ID) ([]Farewell, error) {
	return tx.farewells(`session_id = $1 AND code_spent > 0`, session)
}

// ClientFarewells lists the sessions of a person in which a client has something that lives, each once.
func (tx Tx) ClientFarewells(user ID, client string) ([]Farewell, error) {
	return tx.farewells(`user_id = $1 AND client_id = $2 AND session_id IS NOT NULL AND code_spent > 0 AND revoked_at = 0`, user, client)
}

func (tx Tx) farewells(of string, args ...any) ([]Farewell, error) {
	var known []Farewell
	err := tx.each(`SELECT DISTINCT client_id, user_id, COALESCE(sid, session_id) FROM grants WHERE `+of+` ORDER BY client_id`, args, func(row scanner) error {
		var f Farewell
		if err := row.Scan(&f.ClientID, &f.UserID, &f.SID); err != nil {
			return err
		}
		known = append(known, f)
		return nil
	})
	return known, err
}

// RevokeSessionClientGrants ends every grant that a session gave to one client.
func (tx Tx) RevokeSessionClientGrants(session ID, client string, now int64) error {
	_, err := tx.exec(`UPDATE grants SET revoked_at = $3, request = '' WHERE session_id = $1 AND client_id = $2 AND revoked_at = 0`, session, client, now)
	return err
}
