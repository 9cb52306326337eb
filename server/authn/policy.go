package authn

import (
	"slices"

	"gatelatch/storage"
)

// Demands are what a request asks of the sign-in (OpenID Connect Core §3.1.2.1). They are written to the flow when it is
// opened and never change: what the browser sends later cannot strip one.
type Demands struct {
	Prompt      []string `json:"prompt,omitempty"`  // none, login, select_account, create, consent
	MaxAge      *int64   `json:"max_age,omitempty"` // seconds
	LoginHint   string   `json:"login_hint,omitempty"`
	ACRValues   []string `json:"acr_values,omitempty"`
	RequiredACR []string `json:"required_acr,omitempty"` // one of them must be fulfilled; ACRValues are wishes
	UILocales   string   `json:"ui_locales,omitempty"`
	Screen      string   `json:"screen,omitempty"`       // Logto's first_screen
	RequestedAt int64    `json:"requested_at,omitempty"` // microseconds, when the request first arrived
}

// Prompts reports whether the request carries that value of `prompt`.
func (d Demands) Prompts(value string) bool { return slices.Contains(d.Prompt, value) }

// SigningUp reports whether the request would like to see the words for a new account (OpenID Connect Prompt Create 1.0,
// or Logto's first_screen). The steps are the same.
func (d Demands) SigningUp() bool {
	return d.Prompts("create") || d.Screen == "register" || d.Screen == "signup" || d.Screen == "sign_up"
}

// Live is somebody who is signed in: a session that lives and its person.
type Live struct {
	Session storage.Session
	User    storage.User
}

// Step is what has to happen next.
type Step int

// The steps.
const (
	StepSignIn        Step = iota // somebody has to sign in
	StepSelectAccount             // the person who is signed in has to say whether to go on as themselves
	StepDone                      // the request can be answered for the live session
)

// Next weighs what a request demands against who is signed in. It is the only place that does.
//
// flow is nil while there is none yet; live is nil when nobody is signed in. The client weighs in with being switched on (for a
// disabled one nobody is ever done) and with the strength it insists on. A wish for more strength is asked for once.
//
// For prompt=login and max_age=0 only a session made after the request arrived counts, so the first hit of such a request
// always asks. The flow's own session is compared in whole seconds, as auth_time has them (Core §2): the clocks of two
// replicas may differ by less. Any other is compared to the microsecond, and one from the future (the clock stepped back) never counts.
func Next(flow *storage.Flow, d Demands, live *Live, c storage.Client, now int64) Step {
	if live == nil || !live.User.Active() || live.Session.RevokedAt > 0 || live.Session.Expires <= now || c.Disabled {
		return StepSignIn
	}
	own := flow != nil && flow.Finished > 0 && flow.SessionID == live.Session.ID
	at := live.Session.AuthTime
	fresh := own && seconds(at) >= seconds(d.RequestedAt) || flow != nil && at > d.RequestedAt && at <= now
	switch {
	case d.Prompts("login") && !fresh:
		return StepSignIn
	case d.MaxAge != nil && !fresh && (*d.MaxAge <= 0 || seconds(now)-seconds(at) > *d.MaxAge):
		return StepSignIn
	case d.Prompts("create") && !own:
		return StepSignIn
	case !StrongEnough(live.Session, d, c), !own && stronger(live.Session, d):
		return StepSignIn
	case d.Prompts("select_account") && !own:
		return StepSelectAccount
	}
	return StepDone
}

func seconds(micros int64) int64 { return micros / 1e6 }
