package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"gatelatch/storage"
)

// Experience is how people sign in and sign up here. A zero field is unsettled: the configuration wins over what is kept in the
// database, and that over the default.
type Experience struct {
	SignUp             string   `json:"sign_up,omitempty"`              // one of the SignUp words; the default is closed until somebody chooses
	Identifiers        string   `json:"identifiers,omitempty"`          // what people type to sign in: one of the Identifiers words
	AllowedDomains     []string `json:"allowed_domains,omitempty"`      // of addresses that people sign up with; empty: all
	RefusedDomains     []string `json:"refused_domains,omitempty"`      // likewise; what is refused is not allowed
	Methods            []Method `json:"methods,omitempty"`              // to begin a sign-in with, the one offered first in front
	SecondFactor       string   `json:"second_factor,omitempty"`        // one of the SecondFactor words
	SecondFactorGroups []string `json:"second_factor_groups,omitempty"` // whose members need one, for SecondFactorGroups
	SecondFactors      []Method `json:"second_factors,omitempty"`       // that people may use
	Attributes         []Field  `json:"attributes,omitempty"`           // that this server asks for, or has made up itself
	TermsURL           string   `json:"terms_url,omitempty"`
	TermsVersion       string   `json:"terms_version,omitempty"` // that people have to accept; empty: none
	PrivacyURL         string   `json:"privacy_url,omitempty"`
	PrivacyVersion     string   `json:"privacy_version,omitempty"` // likewise
	TrustDevice        int64    `json:"trust_device,omitempty"`    // seconds that a browser may be excused from the second factor; negative: never

	PasskeyVerification string `json:"passkey_verification,omitempty"` // one of the Verification words
	PasskeyOffer        string `json:"passkey_offer,omitempty"`        // one of the Offer words
}

// Who may sign up.
const (
	SignUpOpen   = "open"   // whoever proves an address
	SignUpClosed = "closed" // people whom an administrator adds, or invites
	SignUpInvite = "invite" // likewise, and the pages say that there are invitations
)

// Who needs a second factor.
const (
	SecondFactorOff      = "off"      // nobody, unless an application insists
	SecondFactorOptional = "optional" // whoever has turned one on
	SecondFactorRequired = "required" // everybody
	SecondFactorInGroups = "groups"   // members of some groups, and whoever has turned one on
)

// trustDevice is how long a browser is excused by default.
const trustDevice = 30 * 24 * 60 * 60 // seconds

// over fills what x leaves unsettled from y.
func (x Experience) over(y Experience) Experience {
	to, from := reflect.ValueOf(&x).Elem(), reflect.ValueOf(y)
	for i := range to.NumField() {
		if unsettled(to.Field(i)) {
			to.Field(i).Set(from.Field(i))
		}
	}
	return x
}

// unsettled reports whether nobody has said anything: an empty list says nothing.
func unsettled(field reflect.Value) bool {
	return field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0
}

var defaultExperience = Experience{
	SignUp: SignUpClosed, Identifiers: IdentifiersEmail, Methods: FirstMethods, SecondFactor: SecondFactorOptional, SecondFactors: SecondMethods, TrustDevice: trustDevice,
	PasskeyVerification: VerificationRequired, PasskeyOffer: OfferNew,
}

// demandsSecond reports whether the server itself asks a member of those groups, with those factors, for a second factor.
func (x Experience) demandsSecond(groups []string, has Factors) bool {
	switch x.SecondFactor {
	case SecondFactorOff:
		return false
	case SecondFactorRequired:
		return true
	case SecondFactorInGroups:
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(x.SecondFactorGroups, g) }) {
			return true
		}
	}
	return len(has.On) > 0
}

// settingExperience is the name under which the experience is kept. settingSignUp is the choice of the set-up page.
const (
	settingExperience = "experience"
	settingSignUp     = "sign_up"
)

// freshFor is how long a setting is believed without asking whether another replica has changed anything.
const freshFor = time.Second

// settings is what the console can change and every request needs.
type settings struct {
	sync.Mutex
	checked time.Time
	changes int64 // of this process, when it was checked
	version int64
	kept    Experience // as the database has it
	settled Experience // what that comes to
}

// Experience tells how people sign in and sign up here now.
func (e *Engine) Experience(ctx context.Context) (Experience, error) {
	s, at, changes := &e.settings, e.clock(), e.store.Changes()
	s.Lock()
	defer s.Unlock()
	if age := at.Sub(s.checked); s.version == 0 || s.changes != changes || age < 0 || age >= freshFor {
		tx := e.store.View(ctx)
		version, err := tx.Version()
		if err != nil {
			return Experience{}, fmt.Errorf("read version of the settings: %w", err)
		}
		if version != s.version {
			if s.kept, err = keptExperience(tx); err != nil {
				return Experience{}, err
			}
			s.settled = e.settled(s.kept)
		}
		s.version, s.changes, s.checked = version, changes, at
	}
	return s.settled, nil
}

// experienceIn is Experience as a transaction sees it. What it reads may never become durable, so it is not remembered.
func (e *Engine) experienceIn(tx storage.Tx) (Experience, error) {
	version, err := tx.Version()
	if err != nil {
		return Experience{}, fmt.Errorf("read version of the settings: %w", err)
	}
	s := &e.settings
	s.Lock()
	known, settled := s.version == version, s.settled
	s.Unlock()
	if known {
		return settled, nil
	}
	kept, err := keptExperience(tx)
	return e.settled(kept), err
}

func (e *Engine) settled(kept Experience) Experience {
	return e.cfg.Experience.over(kept).over(Experience{SignUp: e.cfg.SignUp}).over(defaultExperience)
}

// SignUpAsked reports whether the set-up page has to ask who may make an account: the configuration does not say.
func (e *Engine) SignUpAsked() bool { return e.cfg.Experience.SignUp == "" && e.cfg.SignUp == "" }

// keptExperience reads what the database has.
func keptExperience(tx storage.Tx) (Experience, error) {
	var x Experience
	if err := readSetting(tx, settingExperience, &x); err != nil {
		return Experience{}, err
	}
	if x.SignUp == "" {
		if err := readSetting(tx, settingSignUp, &x.SignUp); err != nil {
			return Experience{}, err
		}
	}
	return x, nil
}

// readSetting leaves into as it is if nobody has settled it.
func readSetting(tx storage.Tx, name string, into any) error {
	document, err := tx.Setting(name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(document), into)
	}
	if err != nil {
		return fmt.Errorf("read setting %s: %w", name, err)
	}
	return nil
}
