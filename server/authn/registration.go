package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/server/srp"
	"gatelatch/storage"
)

// registrationLife is how long a sign-up waits for its code. Until then nobody else can sign up with the address at the same door,
// so it is short.
const registrationLife = time.Hour

// Registration is a sign-up that names its person first and proves the address later, as applications made with Amplify do it.
type Registration struct {
	Client     string
	Address    string
	Password   string // "": none
	Attributes map[string]any
	Accepted   Accepted
}

// registered is what a registration will make, as its row has it, sealed.
type registered struct {
	Hash       string         `json:"hash,omitempty"`
	Verifier   *srp.Verifier  `json:"srp,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Accepted   []Document     `json:"accepted,omitempty"`
	IP         string         `json:"ip,omitempty"`     // where they were accepted
	Device     string         `json:"device,omitempty"` // likewise
	Flow       string         `json:"flow"`
	Browser    string         `json:"browser"`
}

func registrationPlace(address string) []string { return []string{"sign_ups", address, "sealed"} }

func (e *Engine) sealRegistered(address string, r registered) ([]byte, error) {
	document, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("keep sign-up: %w", err)
	}
	return e.keys.Seal(document, registrationPlace(address)...), nil
}

func (e *Engine) openRegistered(s storage.SignUp) (registered, error) {
	var r registered
	document, err := e.keys.Open(s.Sealed, registrationPlace(s.Address)...)
	if err == nil {
		err = json.Unmarshal(document, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read sign-up: %w", err)
	}
	return r, nil
}

// Register begins a sign-up and mails its code. The id it returns is that of the person there will be. Of two that sign up with one
// address the second is ErrTaken, and the first loses what it says of its person (contest): whoever brings the code may not be whoever said it.
// ErrSignUpClosed, ErrBadAddress, ErrTaken, *WeakPassword, *BadAttribute, *TooMany, ErrBusy.
func (e *Engine) Register(ctx context.Context, v Visitor, r Registration) (storage.ID, error) {
	address, err := NormalizeAddress(r.Address)
	if err != nil {
		return storage.ID{}, err
	}
	x, err := e.Experience(ctx)
	if err != nil {
		return storage.ID{}, err
	}
	if err := x.admits(address); err != nil {
		return storage.ID{}, err
	}
	made := registered{Attributes: map[string]any{}, Accepted: r.Accepted.of(x.documents()), IP: ip(v), Device: Device(v.Agent)}
	for name, value := range r.Attributes {
		a, err := x.attribute(name)
		if err != nil {
			return storage.ID{}, err
		}
		if a.Vouched || x.Field(name).ByAdmin {
			return storage.ID{}, &BadAttribute{Name: name, Form: "said by somebody else"}
		}
		if made.Attributes[name], err = a.read(value); err != nil {
			return storage.ID{}, err
		}
	}
	for _, f := range x.Attributes {
		if f.Asked == AskedRequired && made.Attributes[f.Name] == nil {
			return storage.ID{}, &BadAttribute{Name: f.Name, Form: f.Right(), Missing: true}
		}
	}
	now := e.now()
	s := storage.SignUp{Address: address, UserID: storage.NewID(), Created: now, Expires: now + registrationLife.Microseconds()}
	v.Browser = NewBrowser()
	f, err := e.Begin(ctx, v, Start{ClientID: r.Client, ReturnTo: "/"}) // counted before a stranger's password is hashed, or looked up elsewhere
	if err != nil {
		return storage.ID{}, err
	}
	if r.Password != "" {
		if err := e.choosePassword(ctx, &made, s.UserID, address, r.Password); err != nil {
			return storage.ID{}, err
		}
	}
	made.Flow, made.Browser = f.ID.String(), v.Browser
	if s.Sealed, err = e.sealRegistered(address, made); err != nil {
		return storage.ID{}, err
	}
	taken := false
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		taken = false
		if _, err := tx.UserByEmail(address); !errors.Is(err, storage.ErrNotFound) {
			if err == nil {
				err = ErrTaken
			}
			return err
		}
		before, err := tx.SignUp(address, now)
		if errors.Is(err, storage.ErrNotFound) {
			return tx.InsertSignUp(s)
		}
		if err != nil {
			return err
		}
		taken = true
		return e.contest(tx, before)
	})
	if err == nil && taken || errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	if err != nil {
		return storage.ID{}, err
	}
	return s.UserID, e.SendCode(ctx, v, made.Flow, address)
}

// choosePassword adds a password to what a registration will make.
func (e *Engine) choosePassword(ctx context.Context, made *registered, user storage.ID, address, password string) error {
	tx := e.store.View(ctx)
	rule, _, err := e.passwordTerms(tx, storage.ID{})
	if err != nil {
		return err
	}
	if err := e.weighPassword(ctx, rule, []string{address}, password); err != nil {
		return err
	}
	if made.Hash, err = e.hasher.hash(ctx, password); err != nil {
		return err
	}
	wanted, err := tx.VerifiersWanted()
	if err == nil && wanted && e.cfg.Pool != "" {
		v := srp.NewVerifier(e.cfg.Pool, user.String(), password)
		made.Verifier = &v
	}
	return err
}

// endWaiting ends the sign-up that waits for the code of an address, if there is one: the address has its person now, and whoever began
// that sign-up with it has nothing to say about them.
func endWaiting(tx storage.Tx, address string) error {
	err := tx.EndSignUp(address)
	if errors.Is(err, storage.ErrSpent) {
		return nil
	}
	return err
}

// bare reports whether a sign-up says nothing of its person but the address.
func (r registered) bare() bool {
	return r.Hash == "" && len(r.Attributes) == 0 && len(r.Accepted) == 0
}

// contest takes from a sign-up that somebody else has tried to make as well what only its person may say: the password, who they are,
// and what they have accepted. What is required of them is asked for once they are in.
func (e *Engine) contest(tx storage.Tx, s storage.SignUp) error {
	r, err := e.openRegistered(s)
	if err != nil || r.bare() {
		return err
	}
	r.Hash, r.Verifier, r.Attributes, r.Accepted = "", nil, nil, nil
	if s.Sealed, err = e.sealRegistered(s.Address, r); err != nil {
		return err
	}
	return tx.ChangeSignUp(s)
}

// waiting finds the sign-up of an address that waits for its code; ErrNotWaiting.
func (e *Engine) waiting(tx storage.Tx, address string, now int64) (storage.SignUp, registered, error) {
	s, err := tx.SignUp(address, now)
	if errors.Is(err, storage.ErrNotFound) {
		return s, registered{}, ErrNotWaiting
	}
	if err != nil {
		return s, registered{}, err
	}
	r, err := e.openRegistered(s)
	return s, r, err
}

// Unconfirmed tells somebody who has shown nothing yet whether a sign-up waits for the code of an address. They will be asked for that
// code next, and need not be whoever has chosen the sign-up's password: that is dropped, lest it open the account of who brings the code,
// with what else only its person may say (contest).
func (e *Engine) Unconfirmed(ctx context.Context, address string) (bool, error) {
	normal, err := NormalizeAddress(address)
	if err != nil {
		return false, nil
	}
	now := e.now()
	_, r, err := e.waiting(e.store.View(ctx), normal, now)
	if errors.Is(err, ErrNotWaiting) {
		return false, nil
	}
	if err != nil || r.bare() {
		return err == nil, err
	}
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		s, _, err := e.waiting(tx, normal, now)
		if err != nil {
			return err
		}
		return e.contest(tx, s)
	})
	if errors.Is(err, ErrNotWaiting) {
		return false, nil
	}
	return err == nil, err
}

// SendRegistrationCode mails another code for a sign-up; the one before is worth nothing any more. ErrNotWaiting, *TooMany.
func (e *Engine) SendRegistrationCode(ctx context.Context, v Visitor, client, address string) error {
	address, err := NormalizeAddress(address)
	if err != nil {
		return ErrNotWaiting
	}
	s, r, err := e.waiting(e.store.View(ctx), address, e.now())
	if err != nil {
		return err
	}
	v.Browser = NewBrowser()
	f, err := e.Begin(ctx, v, Start{ClientID: client, ReturnTo: "/"})
	if err != nil {
		return err
	}
	r.Flow, r.Browser = f.ID.String(), v.Browser
	if s.Sealed, err = e.sealRegistered(address, r); err != nil {
		return err
	}
	// The mail is asked for first: where it is refused, the code before stays good.
	if err := e.SendCode(ctx, v, r.Flow, address); err != nil {
		return err
	}
	return e.store.Write(ctx, func(tx storage.Tx) error { return tx.ChangeSignUp(s) })
}

// Confirmed is a sign-up that has brought its code: the person is there, and their flow can be carried on.
type Confirmed struct {
	User          storage.User
	Flow, Browser string
}

// ConfirmRegistration makes the person of a sign-up whose code it is. The address is proven by it: CarryOn signs the person in, in the
// flow it returns, without another code. ErrNotWaiting, ErrNotAnswer, *WrongAnswer, *CodeGone, *TooMany, ErrTaken.
func (e *Engine) ConfirmRegistration(ctx context.Context, v Visitor, address, code string) (Confirmed, error) {
	address, err := NormalizeAddress(address)
	if err != nil {
		return Confirmed{}, ErrNotWaiting
	}
	guess, ok := readCode(code)
	if !ok {
		return Confirmed{}, ErrNotAnswer
	}
	var (
		done    Confirmed
		outcome error
		now     = e.now()
	)
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		done, outcome = Confirmed{}, nil
		s, r, err := e.waiting(tx, address, now)
		if err != nil {
			return err
		}
		f, err := e.flow(tx, r.Flow, r.Browser, now)
		if errors.Is(err, ErrFlowGone) {
			return &CodeGone{Why: GoneExpired}
		}
		if err != nil {
			return err
		}
		o, err := e.countGuess(tx, v, f.OTPID, "", now)
		if err != nil {
			return err
		}
		if !secret.Equal([]byte(e.codeOf(o)), []byte(guess)) || o.Purpose != purposeSignUp {
			outcome, err = e.wrong(tx, v, o, "", now)
			return err
		}
		if err := tx.SpendOTP(o.ID, now); errors.Is(err, storage.ErrSpent) {
			return &CodeGone{Why: GoneSpent}
		} else if err != nil {
			return err
		}
		if err := tx.EndSignUp(address); err != nil {
			return err
		}
		if done.User, err = e.admit(tx, s, r, storage.Event{Kind: storage.EventSignedUp, Actor: actor(s.UserID), ClientID: f.ClientID, IP: ip(v)}, now); err != nil {
			return err
		}
		done.Flow, done.Browser = r.Flow, r.Browser
		if err := e.refund(tx, v, address, address, true, now); err != nil {
			return err
		}
		_, err = e.note(tx, f, done.User.ID, progress{Proven: []Proven{{Method: MethodCode, AMR: "otp", At: now}}, New: true, Address: address}, StepSignIn)
		return err
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	if err == nil {
		err = outcome
	}
	if err != nil {
		return Confirmed{}, err
	}
	return done, nil
}

// admit makes the person of a sign-up, with everything it came with; ev says how that came about.
func (e *Engine) admit(tx storage.Tx, s storage.SignUp, r registered, ev storage.Event, now int64) (storage.User, error) {
	u := storage.User{ID: s.UserID, Status: "active", Role: "none", Created: now, Updated: now}
	if _, err := setAttributes(&u, r.Attributes); err != nil {
		return u, err
	}
	if err := insertPerson(tx, &u, s.Address, ev); err != nil {
		return u, err
	}
	if err := accept(tx, u.ID, r.Accepted, r.IP, r.Device, now); err != nil {
		return u, err
	}
	if r.Hash == "" {
		return u, nil
	}
	if err := tx.SavePassword(storage.Password{UserID: u.ID, Hash: r.Hash, Changed: now}); err != nil {
		return u, err
	}
	if r.Verifier == nil {
		return u, nil
	}
	document, err := json.Marshal(r.Verifier)
	if err != nil {
		return u, err
	}
	return u, tx.SaveVerifier(u.ID, e.keys.Seal(document, verifierPlace(u.ID)...), now)
}

// AdmitRegistration makes the person of a sign-up without its code: an administrator vouches for the address. name is
// as of Registered. ErrNotWaiting, ErrTaken.
func (e *Engine) AdmitRegistration(ctx context.Context, by, name string) error {
	return e.endRegistration(ctx, name, func(tx storage.Tx, s storage.SignUp, r registered, now int64) error {
		_, err := e.admit(tx, s, r, storage.Event{Kind: storage.EventUserCreated, Actor: by}, now)
		return err
	})
}

// DropRegistration ends a sign-up that waits for its code. ErrNotWaiting.
func (e *Engine) DropRegistration(ctx context.Context, by, name string) error {
	return e.endRegistration(ctx, name, func(tx storage.Tx, _ storage.SignUp, _ registered, _ int64) error {
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSignUpDropped, Actor: by})
	})
}

// endRegistration takes a sign-up away that waits for its code, and does what is to become of it.
func (e *Engine) endRegistration(ctx context.Context, name string, then func(storage.Tx, storage.SignUp, registered, int64) error) error {
	named, err := e.awaited(ctx, name)
	if err != nil {
		return err
	}
	address, now := named.Address, e.now()
	err = e.writeUnique(ctx, func(tx storage.Tx) error {
		s, r, err := e.waiting(tx, address, now)
		if err != nil {
			return err
		}
		if err := tx.EndSignUp(address); errors.Is(err, storage.ErrSpent) {
			return ErrNotWaiting
		} else if err != nil {
			return err
		}
		return then(tx, s, r, now)
	})
	if errors.Is(err, storage.ErrConflict) {
		err = ErrTaken
	}
	return err
}

// Awaited is a sign-up that waits for its code, and the person it will make.
type Awaited struct {
	storage.SignUp
	Person storage.User // without a row
}

// Registered finds a sign-up that waits for its code, by its address or the sub that its person will have; ErrNotWaiting.
func (e *Engine) Registered(ctx context.Context, name string) (Awaited, error) {
	s, err := e.awaited(ctx, name)
	if err != nil {
		return Awaited{}, err
	}
	return e.awaits(s)
}

// Registrations lists the sign-ups that wait for their code, the newest first, from the one before cursor on.
func (e *Engine) Registrations(ctx context.Context, cursor storage.ID, limit int) ([]Awaited, error) {
	rows, err := e.store.View(ctx).SignUps(cursor, e.now(), limit)
	if err != nil {
		return nil, fmt.Errorf("list sign-ups: %w", err)
	}
	all := make([]Awaited, 0, len(rows))
	for _, s := range rows {
		a, err := e.awaits(s)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func (e *Engine) awaited(ctx context.Context, name string) (s storage.SignUp, err error) {
	tx := e.store.View(ctx)
	if id, not := storage.ParseID(name); not == nil {
		s, err = tx.SignUpOf(id, e.now())
	} else if address, bad := NormalizeAddress(name); bad == nil {
		s, err = tx.SignUp(address, e.now())
	} else {
		return s, ErrNotWaiting
	}
	if errors.Is(err, storage.ErrNotFound) {
		return s, ErrNotWaiting
	}
	if err != nil {
		return s, fmt.Errorf("read sign-up: %w", err)
	}
	return s, nil
}

func (e *Engine) awaits(s storage.SignUp) (Awaited, error) {
	a := Awaited{s, storage.User{ID: s.UserID}}
	r, err := e.openRegistered(s)
	if err == nil {
		_, err = setAttributes(&a.Person, r.Attributes)
	}
	return a, err
}

// CarryOn goes on with a flow in which enough may have been proven already: by the code of a sign-up. ErrSignIn if nothing was,
// ErrFlowGone, ErrFlowDone.
func (e *Engine) CarryOn(ctx context.Context, v Visitor, id, cookie string) (SignIn, error) {
	var in SignIn
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		f, err := e.flow(tx, id, v.Browser, now)
		if err == nil {
			err = hold(tx, &f, now)
		}
		switch {
		case err != nil:
			return err
		case f.Finished > 0:
			return ErrFlowDone
		case f.UserID.IsZero():
			return ErrSignIn
		}
		u, err := tx.User(f.UserID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !u.Active() {
			return ErrSignIn
		}
		if err != nil {
			return err
		}
		s, err := e.standing(tx, v, &f, now)
		if err != nil {
			return err
		}
		g, err := progressOf(&f)
		if err != nil {
			return err
		}
		in, err = e.proceed(tx, now, v, &f, u, s, g, cookie)
		return err
	})
	return in, err
}
