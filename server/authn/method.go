package authn

import (
	"errors"
	"slices"
	"strings"

	"gatelatch/storage"
)

// Method is one way to prove who one is. Its name is unique; which amr values (RFC 8176) it earns is another matter.
type Method string

// The methods.
const (
	MethodCode     Method = "code"     // a mailed code, or the link beside it
	MethodPassword Method = "password" // what the person knows
	MethodPasskey  Method = "passkey"  // WebAuthn
	MethodTOTP     Method = "totp"     // an authenticator app (RFC 6238)
	MethodRecovery Method = "recovery" // a recovery code
	MethodSocial   Method = "social"   // an account elsewhere
	MethodLetter   Method = "letter"   // a link or code that an administrator has made
)

// FirstMethods are what a sign-in can begin with here, SecondMethods what can be its second factor, as long as nobody settles
// it otherwise.
var (
	FirstMethods  = []Method{MethodCode, MethodPassword, MethodPasskey, MethodSocial}
	SecondMethods = []Method{MethodTOTP, MethodPasskey}
	// SecondFactorChoices are what second_factors can name.
	SecondFactorChoices = append(slices.Clone(SecondMethods), MethodCode)
)

// MethodList joins the names of methods.
func MethodList(methods []Method, between string) string {
	var names []string
	for _, m := range methods {
		names = append(names, string(m))
	}
	return strings.Join(names, between)
}

// methodDevice stands among the methods of a session that was excused from its second factor.
const methodDevice = "device"

// kinds tells what a method shows: two proofs of one kind are one factor, a code after a code never a second one.
var kinds = map[Method]string{
	MethodCode: "mailbox", MethodLetter: "mailbox", MethodPassword: "knowledge", MethodPasskey: "key", MethodTOTP: "app", MethodRecovery: "recovery", MethodSocial: "account",
}

// Proven is one proof that has been given.
type Proven struct {
	Method Method `json:"method"`
	Via    string `json:"via,omitempty"`  // the connection, of MethodSocial
	AMR    string `json:"amr,omitempty"`  // RFC 8176, separated by spaces
	Both   bool   `json:"both,omitempty"` // two factors in one: a passkey that has verified its user
	At     int64  `json:"at"`
}

// Factors are what a person can prove themselves with.
type Factors struct {
	Mailbox       bool // an address of theirs is proven
	Password      bool
	Temporary     bool // the password is one that somebody else has chosen
	Passkeys      int
	TOTP          bool     // an authenticator app is set up
	Accounts      int      // elsewhere, with providers that can be asked
	RecoveryCodes int      // not yet used
	On            []Method // second factors that the person wants to be asked for at every sign-in, the preferred one first
	Preferred     Method   // "" if none of them is
}

// has reports whether the person can use the method now.
func (f Factors) has(m Method) bool {
	switch m {
	case MethodCode:
		return f.Mailbox
	case MethodPassword:
		return f.Password
	case MethodPasskey:
		return f.Passkeys > 0
	case MethodTOTP:
		return f.TOTP
	case MethodRecovery:
		return f.RecoveryCodes > 0
	case MethodSocial:
		return f.Accounts > 0
	}
	return false
}

// factors looks up what a person can prove themselves with.
func (e *Engine) factors(tx storage.Tx, user storage.ID) (Factors, error) {
	m, err := tx.PrimaryEmail(user)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Factors{}, err
	}
	has := Factors{Mailbox: m.VerifiedAt > 0}
	if p, err := tx.Password(user); err == nil {
		has.Password, has.Temporary = true, p.Temporary > 0
	} else if !errors.Is(err, storage.ErrNotFound) {
		return Factors{}, err
	}
	if _, err := tx.UserTOTP(user); err == nil {
		has.TOTP = true
	} else if !errors.Is(err, storage.ErrNotFound) {
		return Factors{}, err
	}
	codes, _, err := tx.RecoveryCodes(user)
	if err != nil {
		return Factors{}, err
	}
	has.RecoveryCodes = int(codes)
	accounts, err := tx.WaysByIdentity(user)
	if err != nil {
		return Factors{}, err
	}
	has.Accounts = int(accounts)
	on, err := tx.SecondFactors(user)
	if err != nil {
		return Factors{}, err
	}
	for _, f := range on {
		has.On = append(has.On, Method(f.Method))
		if f.Preferred {
			has.Preferred = Method(f.Method)
		}
	}
	passkeys, err := tx.CountPasskeys(user)
	has.Passkeys = int(passkeys)
	return has, err
}

// level is how strong proofs are together: 0 for none, 1 for one factor, 2 for two of different kinds, 3 if one of two cannot be phished.
func level(proven []Proven) int {
	factors, phishable := map[string]bool{}, true
	for _, p := range proven {
		factors[kinds[p.Method]] = true
		if p.Both {
			factors["user"] = true
		}
		if p.Method == MethodPasskey {
			phishable = false
		}
	}
	n := min(len(factors), 2)
	if n == 2 && !phishable {
		n = 3
	}
	return n
}

// amr joins what the proofs earn, with mfa for more than one factor (RFC 8176 §2).
func amr(proven []Proven) string {
	var values []string
	for _, p := range proven {
		for _, v := range strings.Fields(p.AMR) {
			if !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
	}
	if level(proven) > 1 {
		values = append(values, "mfa")
	}
	return strings.Join(values, " ")
}

// methodNames lists the proofs for the session's row: an account elsewhere as social:CONNECTION.
func methodNames(proven []Proven, excused bool) string {
	var names []string
	for _, p := range proven {
		name := string(p.Method)
		if p.Via != "" {
			name += ":" + p.Via
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if excused {
		names = append(names, methodDevice)
	}
	return strings.Join(names, " ")
}
