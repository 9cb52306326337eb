package storage

// Flow is a request to sign in that somebody has still to act on: what was asked (immutable), in whose browser, and how far it has come.
type Flow struct {
	ID         ID
	Browser    []byte // digest of the browser's cookie: the flow's id alone gives nothing
	ClientID   string // "" for a sign-in without an application
	ReturnTo   string // path of ours that goes on when somebody has signed in
	Request    string // the door's own parameters, form-encoded; only the door that wrote them reads them
	Demands    string // JSON of what the request demands of the sign-in (authn.Demands)
	Login      string // normalised address typed so far
	OTPID      ID     // the code sent last
	SecondOTP  ID     // the code sent last to whoever has proven something already
	UserID     ID     // who has proven something so far, while more is needed
	Progress   string // JSON of what was proven so far (authn); "" while nothing was
	SessionID  ID     // who signed in, once finished
	Invitation ID     // that it was begun with
	Created    int64
	Expires    int64
	Finished   int64
	Answered   int64 // when the door that opened it sent its answer
}

// InsertFlow adds a flow.
func (tx Tx) InsertFlow(f Flow) error {
	_, err := tx.exec(`INSERT INTO flows (id, browser, client_id, return_to, request, demands, login, otp_id, second_otp_id, user_id, progress, session_id, invitation_id, created, expires, finished_at, answered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		f.ID, f.Browser, f.ClientID, f.ReturnTo, f.Request, f.Demands, f.Login, f.OTPID, f.SecondOTP, f.UserID, f.Progress, f.SessionID, f.Invitation, f.Created, f.Expires, f.Finished, f.Answered)
	return err
}

// Flow returns the flow with that id if it has not expired at now; ErrNotFound.
func (tx Tx) Flow(id ID, now int64) (Flow, error) {
	var f Flow
	err := tx.row(`SELECT id, browser, client_id, return_to, request, demands, login, otp_id, second_otp_id, user_id, progress, session_id, invitation_id, created, expires, finished_at, answered_at FROM flows WHERE id = $1 AND expires > $2`, id, now).
		Scan(&f.ID, &f.Browser, &f.ClientID, &f.ReturnTo, &f.Request, &f.Demands, &f.Login, &f.OTPID, &f.SecondOTP, &f.UserID, &f.Progress, &f.SessionID, &f.Invitation, &f.Created, &f.Expires, &f.Finished, &f.Answered)
	return f, err
}

// ChallengeFlow notes which address was typed and which code was sent, in a flow that is not finished; ErrSpent if it is, or is gone.
func (tx Tx) ChallengeFlow(id ID, login string, otp ID) error {
	return spentUnlessOne(tx.exec(`UPDATE flows SET login = $2, otp_id = $3 WHERE id = $1 AND finished_at = 0`, id, login, otp))
}

// ChallengeFlowAgain notes which code was sent as a second factor, in a flow that is not finished; ErrSpent if it is, or is gone.
func (tx Tx) ChallengeFlowAgain(id, otp ID) error {
	return spentUnlessOne(tx.exec(`UPDATE flows SET second_otp_id = $2 WHERE id = $1 AND finished_at = 0`, id, otp))
}

// ProgressFlow notes who has proven what so far, in a flow that is not finished; ErrSpent if it is, or is gone.
func (tx Tx) ProgressFlow(id, user ID, progress string) error {
	return spentUnlessOne(tx.exec(`UPDATE flows SET user_id = $2, progress = $3 WHERE id = $1 AND finished_at = 0`, id, user, progress))
}

// ForgetProgress drops what a person has proven in flows that are not finished: they begin again.
func (tx Tx) ForgetProgress(user ID) error {
	_, err := tx.exec(`UPDATE flows SET user_id = NULL, progress = '' WHERE user_id = $1 AND finished_at = 0`, user)
	return err
}

// FinishFlow records which session the flow ended in, once; ErrSpent for everybody after the first.
func (tx Tx) FinishFlow(id, session ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE flows SET session_id = $2, finished_at = $3 WHERE id = $1 AND finished_at = 0`, id, session, now))
}

// AnswerFlow notes that the door has sent its answer, once; ErrSpent for everybody after the first.
func (tx Tx) AnswerFlow(id ID, now int64) error {
	return spentUnlessOne(tx.exec(`UPDATE flows SET answered_at = $2 WHERE id = $1 AND answered_at = 0`, id, now))
}
