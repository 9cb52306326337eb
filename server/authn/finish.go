package authn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Proof is what a method has established about the person at the other end.
type Proof struct {
	Address  string     // they hold this normalised address, or
	UserID   storage.ID // they are this person
	Method   Method
	Via      string     // the connection, of MethodSocial
	Vouched  *Vouched   // the account elsewhere, which is the person's once the sign-in is done
	AMR      string     // RFC 8176, separated by spaces
	Both     bool       // the method has shown two factors at once
	OTP      storage.ID // spent by this proof
	Typed    bool       // a code was typed, so a guess was counted
	Remember bool       // "This is my device"
	Trust    bool       // "This device needs no second factor", said along with a second factor
	Waived   bool       // an administrator has said that no second factor is to be asked for (MethodLetter alone)
	Cookie   string     // value of the session cookie the browser has now
}

// SignIn is what a proof has led to: a session, or the next step of its flow.
type SignIn struct {
	Step   Step          // StepDone, or what has to happen before there is a session
	Flow   storage.Flow  // finished if there is a session; zero for a sign-in without one
	Live   Live          // zero until there is a session
	Cookie string        // the new value of the session cookie
	Life   time.Duration // of the cookie; 0: until the browser is closed
	Device string        // the new value of the device cookie, which lives for DeviceLife
	New    bool          // the person signed up
}

// progress is what a flow remembers of a sign-in that is under way.
type progress struct {
	Proven   []Proven `json:"proven"`
	Remember bool     `json:"remember,omitempty"`
	Trust    bool     `json:"trust,omitempty"`
	New      bool     `json:"new,omitempty"`
	Asked    bool     `json:"asked,omitempty"`   // the page for details was answered
	Address  string   `json:"address,omitempty"` // that the sign-in began with
	Waiting  *Vouched `json:"waiting,omitempty"` // an account elsewhere, to be linked once its person is in
	waived   bool     // never kept: it ends with the proof that brings it
}

func progressOf(f *storage.Flow) (progress, error) {
	var g progress
	if f == nil || f.Progress == "" {
		return g, nil
	}
	if err := json.Unmarshal([]byte(f.Progress), &g); err != nil {
		return g, fmt.Errorf("progress of flow %s: %w", f.ID, err)
	}
	return g, nil
}

// refusal is a right answer of somebody who may not sign in. From outside it is a wrong answer.
type refusal struct {
	why  string
	user storage.ID
}

func (r *refusal) Error() string { return "refused: " + r.why }

// Finish takes a proof and makes a session once nothing more is demanded; nothing else makes one. In the caller's transaction it
// checks that the person may sign in, and in this way; makes the person of a new address (which counts from now on); uses up the
// code; and weighs what has been proven ([After]). If more is needed it notes how far the flow has come. Else it uses up the flow,
// ends the session this browser had and writes the events. Proofs of different people never add up: a proof that does not belong to
// what the flow was waiting for begins it anew.
// Its checks come first: an error that is not storage's has written nothing. f is nil for a sign-in without a flow, of which no
// second factor is demanded. ErrPasswordExpired; *CodeGone and ErrFlowDone for the loser of a race.
func (e *Engine) Finish(tx storage.Tx, now int64, v Visitor, f *storage.Flow, p Proof) (SignIn, error) {
	if err := hold(tx, f, now); err != nil {
		return SignIn{}, err
	}
	s, err := e.standing(tx, v, f, now)
	if err != nil {
		return SignIn{}, err
	}
	invited, closed, err := e.maySignUp(tx, s.Experience, f, s.Demands, p.Address, now)
	if err != nil {
		return SignIn{}, err
	}
	u, fresh, err := e.personOf(tx, p, closed, now)
	if err != nil {
		return SignIn{}, err
	}
	if p.Method == MethodPassword {
		if err := stillGood(tx, u.ID, f != nil, now); err != nil {
			return SignIn{}, err
		}
	}
	g, err := progressOf(f)
	if err != nil {
		return SignIn{}, err
	}
	if f == nil || f.UserID != u.ID || !slices.Contains(s.Offers(), p.Method) {
		if f != nil && p.Method != MethodLetter && !s.Experience.mayBeginBy(s.Client, p.Method, p.Via) {
			return SignIn{}, &refusal{why: "a sign-in cannot begin with " + string(p.Method) + " here", user: u.ID}
		}
		waiting, err := waitingIn(f)
		if err != nil {
			return SignIn{}, err
		}
		g = progress{Address: p.Address, Waiting: waiting}
	}
	g.waived = p.Waived && p.Method == MethodLetter
	if p.Vouched != nil {
		g.Waiting = p.Vouched
	}
	g.Proven = append(g.Proven, Proven{Method: p.Method, Via: p.Via, AMR: p.AMR, Both: p.Both, At: now})
	g.Remember, g.Trust, g.New = g.Remember || p.Remember, g.Trust || p.Trust, g.New || fresh
	if !p.OTP.IsZero() {
		if err := tx.SpendOTP(p.OTP, now); errors.Is(err, storage.ErrSpent) {
			return SignIn{}, &CodeGone{Why: GoneSpent}
		} else if err != nil {
			return SignIn{}, fmt.Errorf("spend code: %w", err)
		}
	}
	if fresh {
		if err := introduce(&u, g.Waiting); err != nil {
			return SignIn{}, err
		}
		if err := insertPerson(tx, &u, p.Address, storage.Event{Kind: storage.EventSignedUp, Actor: actor(u.ID), ClientID: s.Client.ID, IP: ip(v), Device: Device(v.Agent)}); err != nil {
			return SignIn{}, err
		}
		if err := useInvitation(tx, v, invited, &u, now); err != nil {
			return SignIn{}, err
		}
	}
	if p.Address != "" {
		login := p.Address
		if f != nil && p.Method == MethodCode && p.OTP == f.OTPID {
			login = firstOf(f.Login, p.Address)
		}
		if err := e.refund(tx, v, p.Address, login, p.Typed, now); err != nil {
			return SignIn{}, err
		}
	}
	return e.proceed(tx, now, v, f, u, s, g, p.Cookie)
}

// standing is how far a flow has come, and what is demanded of it.
func (e *Engine) standing(tx storage.Tx, v Visitor, f *storage.Flow, now int64) (Standing, error) {
	x, err := e.experienceIn(tx)
	if err != nil || f == nil {
		return Standing{Experience: x}, err
	}
	s := Standing{Experience: x}
	if s.Demands, err = demandsOf(*f); err != nil {
		return Standing{}, err
	}
	if s.Client, err = tx.Client(f.ClientID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Standing{}, fmt.Errorf("read application: %w", err)
	}
	g, err := progressOf(f)
	if err != nil || f.UserID.IsZero() {
		return s, err
	}
	s.Proven, s.New, s.Asked = g.Proven, g.New, g.Asked
	return s, e.weigh(tx, v, &s, f.UserID, now)
}

// weigh fills in what is to be known of the person, and of this browser as one of theirs.
func (e *Engine) weigh(tx storage.Tx, v Visitor, s *Standing, user storage.ID, now int64) error {
	d, _, err := e.device(tx, v, user, now)
	if err != nil {
		return err
	}
	s.Excused = d.Trusted > 0 && s.Experience.TrustDevice > 0 && now < d.Trusted+s.Experience.TrustDevice*1e6
	if s.Has, err = e.factors(tx, user); err != nil {
		return fmt.Errorf("read factors: %w", err)
	}
	if s.Groups, err = tx.UserGroups(user); err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	// A program has no page to ask on: what may be left out is left out.
	s.Owed, err = e.owed(tx, s.Experience, user, s.New, s.Asked || v.Program)
	return err
}

// proceed makes the session of a person who has proven enough, or notes in the flow what they have proven.
func (e *Engine) proceed(tx storage.Tx, now int64, v Visitor, f *storage.Flow, u storage.User, s Standing, g progress, before string) (SignIn, error) {
	s.Proven, s.New, s.Asked = g.Proven, g.New, g.Asked
	if f != nil {
		if err := e.weigh(tx, v, &s, u.ID, now); err != nil {
			return SignIn{}, err
		}
		if step := After(s); step != StepDone && !g.waived {
			return e.note(tx, *f, u.ID, g, step)
		}
	}
	cookie := secret.Token(32)
	row := storage.Session{
		ID: storage.NewID(), Digest: secret.Hash(cookie), UserID: u.ID, AuthTime: authTime(g.Proven), AMR: amr(g.Proven), ACR: acrOf(level(g.Proven)), Methods: methodNames(g.Proven, s.excused()),
		Remembered: g.Remember, IP: ip(v), Agent: v.Agent, Seen: now, Expires: e.sessionEnd(g.Remember, authTime(g.Proven), now),
	}
	if g.waived {
		row.Methods += " " + methodRecovered
		row.Expires = now + recoveredLife.Microseconds()
	}
	in := SignIn{Step: StepDone, Live: Live{Session: row, User: u, Groups: s.Groups}, Cookie: cookie, New: g.New}
	if g.Remember {
		in.Life = e.cfg.Lifetimes.SessionAbsolute
	}
	if f != nil {
		if err := tx.FinishFlow(f.ID, row.ID, now); err != nil {
			return SignIn{}, doneIfSpent(err)
		}
		in.Flow = *f
		in.Flow.Finished, in.Flow.SessionID = now, row.ID
		if !g.New {
			if err := e.joinInvited(tx, v, *f, &in.Live, now); err != nil {
				return SignIn{}, err
			}
		}
	}
	if g.Waiting != nil {
		if err := e.adopt(tx, v, u.ID, g.New, *g.Waiting, now); err != nil && !errors.Is(err, ErrLinkedElsewhere) {
			return SignIn{}, fmt.Errorf("link the account elsewhere: %w", err)
		}
	}
	var err error
	trust := g.Trust && level(g.Proven) > 1 && s.Experience.TrustDevice > 0
	if in.Device, err = e.meetDevice(tx, v, u, trust, now); err != nil {
		return SignIn{}, fmt.Errorf("keep browser: %w", err)
	}
	if err := e.meet(tx, v, u, now); err != nil {
		return SignIn{}, err
	}
	if err := e.replaceSession(tx, v, before, row, now); err != nil {
		return SignIn{}, fmt.Errorf("end the session before: %w", err)
	}
	return in, tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSignedIn, Actor: actor(u.ID), UserID: u.ID, ClientID: s.Client.ID, IP: ip(v), Device: Device(v.Agent), Detail: row.Methods})
}

// meet notes that a person has signed in, and in which language.
func (e *Engine) meet(tx storage.Tx, v Visitor, u storage.User, now int64) error {
	language := ""
	if v.Languages != "" {
		language = e.cfg.Words.Match(v.Languages, e.cfg.Language).Lang()
	}
	if err := tx.MeetUser(u.ID, language, now); err != nil {
		return fmt.Errorf("meet person: %w", err)
	}
	return nil
}

// authTime is when the person last proved something.
func authTime(proven []Proven) int64 {
	var at int64
	for _, p := range proven {
		at = max(at, p.At)
	}
	return at
}

// note writes down how far a flow has come.
func (e *Engine) note(tx storage.Tx, f storage.Flow, user storage.ID, g progress, step Step) (SignIn, error) {
	document, err := json.Marshal(g)
	if err != nil {
		return SignIn{}, err
	}
	if err := tx.ProgressFlow(f.ID, user, string(document)); err != nil {
		return SignIn{}, doneIfSpent(err)
	}
	f.UserID, f.Progress = user, string(document)
	return SignIn{Step: step, Flow: f, New: g.New}, nil
}

// personOf finds who has given the proof, or makes up (without writing) the person of a new address, unless closed says why not.
// A *refusal for somebody who may not sign in.
func (e *Engine) personOf(tx storage.Tx, p Proof, closed error, now int64) (u storage.User, fresh bool, err error) {
	look := func() (storage.User, error) {
		if p.UserID.IsZero() {
			return tx.UserByEmail(p.Address)
		}
		return tx.User(p.UserID)
	}
	if u, err = look(); err == nil {
		err = tx.HoldUser(u.ID)
	}
	if err == nil {
		u, err = look() // whoever was disabled meanwhile, or has given the address away, gets no session after it
	}
	switch {
	case errors.Is(err, storage.ErrNotFound) && p.UserID.IsZero() && closed == nil:
		return storage.User{ID: storage.NewID(), Status: "active", Role: "none", Created: now, Updated: now}, true, nil
	case errors.Is(err, storage.ErrNotFound):
		return storage.User{}, false, &refusal{why: fmt.Sprintf("nobody has this address: %v", closed)}
	case err != nil:
		return storage.User{}, false, fmt.Errorf("look up person: %w", err)
	case !u.Active():
		return storage.User{}, false, &refusal{why: "the person is disabled", user: u.ID}
	}
	return u, false, nil
}

// replaceSession puts a new session in the place of the one this browser had: no id and no cookie from before a sign-in is
// worth anything after it (ASVS 7.2.4). The same person's apps go on under the new one; another person's end as at a sign-out.
func (e *Engine) replaceSession(tx storage.Tx, v Visitor, cookie string, s storage.Session, now int64) error {
	if err := tx.InsertSession(s); err != nil {
		return err
	}
	if cookie == "" {
		return nil
	}
	old, _, err := tx.LiveSession(secret.Hash(cookie), now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return err
	case old.UserID != s.UserID:
		return e.endSession(tx, v, old, now)
	}
	if err := tx.RevokeSession(old.ID, now); err != nil {
		return err
	}
	return tx.MoveSessionGrants(old.ID, s.ID)
}

func actor(user storage.ID) string { return "user:" + user.String() }
