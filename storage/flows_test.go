package storage

import "testing"

func TestFlowsAndTheirCodes(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		run := func(what string, want error, f func(Tx) error) {
			t.Helper()
			is(t, what, s.Write(t.Context(), f), want)
		}
		view := s.View(t.Context())
		f := Flow{ID: NewID(), Browser: []byte("browser"), ClientID: "shop", ReturnTo: "/oidc/resume", Request: "a=b", Demands: "{}", Login: "", Created: 1, Expires: 100}
		run("insert", nil, func(tx Tx) error { return tx.InsertFlow(f) })
		same(t, "as inserted", must(view.Flow(f.ID, 99)), f)
		_, err := view.Flow(f.ID, 100)
		is(t, "at its end", err, ErrNotFound)
		otp, session := NewID(), NewID()
		run("challenge", nil, func(tx Tx) error { return tx.ChallengeFlow(f.ID, "ann@example.com", otp) })
		f.Login, f.OTPID = "ann@example.com", otp
		same(t, "challenged", must(view.Flow(f.ID, 50)), f)
		run("finish", nil, func(tx Tx) error { return tx.FinishFlow(f.ID, session, 60) })
		run("finish again", ErrSpent, func(tx Tx) error { return tx.FinishFlow(f.ID, NewID(), 61) })
		run("challenge a finished one", ErrSpent, func(tx Tx) error { return tx.ChallengeFlow(f.ID, "bob@example.com", NewID()) })
		f.SessionID, f.Finished = session, 60
		same(t, "finished", must(view.Flow(f.ID, 70)), f)
		run("answer", nil, func(tx Tx) error { return tx.AnswerFlow(f.ID, 50) })
		run("answer again", ErrSpent, func(tx Tx) error { return tx.AnswerFlow(f.ID, 51) })

		o := OTP{ID: otp, FlowID: f.ID, Purpose: "sign-in", Address: "ann@example.com", Nonce: []byte("nonce"), Sent: 5, Expires: 100}
		run("insert a code", nil, func(tx Tx) error { return tx.InsertOTP(o) })
		same(t, "the code", must(view.OTP(o.ID)), o)
		_, err = view.OTP(NewID())
		is(t, "a code that is not there", err, ErrNotFound)
		run("sent again", nil, func(tx Tx) error { return tx.SentOTP(o.ID, 7) })
		run("sent again, not there", ErrNotFound, func(tx Tx) error { return tx.SentOTP(NewID(), 7) })
		run("guess", nil, func(tx Tx) error { return tx.GuessOTP(o.ID, 8, 2) })
		run("guess", nil, func(tx Tx) error { return tx.GuessOTP(o.ID, 8, 2) })
		run("guess once too often", ErrSpent, func(tx Tx) error { return tx.GuessOTP(o.ID, 8, 2) })
		run("guess too late", ErrSpent, func(tx Tx) error { return tx.GuessOTP(o.ID, 100, 9) })
		o.Sent, o.Tries = 7, 2
		same(t, "guessed", must(view.OTP(o.ID)), o)
		run("spend too late", ErrSpent, func(tx Tx) error { return tx.SpendOTP(o.ID, 100) })
		run("spend", nil, func(tx Tx) error { return tx.SpendOTP(o.ID, 9) })
		run("spend again", ErrSpent, func(tx Tx) error { return tx.SpendOTP(o.ID, 9) })
		run("guess a spent one", ErrSpent, func(tx Tx) error { return tx.GuessOTP(o.ID, 9, 9) })
		o.SpentAt = 9
		same(t, "spent", must(view.OTP(o.ID)), o)
	})
}
