package authn

import (
	"slices"
	"strings"

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
	KnownOnly   bool     `json:"known_only,omitempty"`   // nobody makes an account by it
	Direct      string   `json:"direct,omitempty"`       // the connection to sign in with at once
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
	Groups  []string // that the person is a member of
	Short   bool     // of a second factor that this server demands of the person
}

// Administers reports whether somebody may look after the server in a session: an admin or owner who has signed in as this server
// demands. A session that an administrator's word has opened repairs its person's ways in, and nothing else.
func (l *Live) Administers() bool {
	return l != nil && (l.User.Role == "admin" || l.User.Role == "owner") && !l.Short && !recovered(l.Session)
}

// Step is what has to happen next.
type Step int

// The steps.
const (
	StepSignIn        Step = iota // somebody has to sign in
	StepRaise                     // the person who is signed in has to prove more than they have
	StepSecondFactor              // the person who has begun to sign in has to prove more, by something they have
	StepEnrol                     // that person has nothing to prove more with, and has to set it up first
	StepNoAccess                  // the person who is signed in may not use the application
	StepSelectAccount             // the person who is signed in has to say whether to go on as themselves
	StepLeaving                   // the person has asked to be deleted, and has to say whether they stay
	StepDone                      // the request can be answered for the live session
	StepDetails                   // the person who has proven enough has to say something about themselves, or to accept something
	StepNewPassword               // the person who has proven their mailbox, or knows a temporary password, has to choose a new one
)

// Next weighs what a request demands against who is signed in. It is the only place that does.
//
// flow is nil while there is none yet; live is nil when nobody is signed in. The client weighs in with being switched on (for a
// disabled one nobody is ever done), with how a sign-in may begin, and with the strength it insists on. A wish for more strength is
// asked for once, and never where nobody may be asked.
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
	case recovered(live.Session) && c.ID != "":
		return StepSignIn
	case !allows(c, live.Session):
		return StepSignIn
	case live.User.Leaving():
		return StepLeaving
	case live.Short, !StrongEnough(live.Session, d, c), !own && !d.Prompts("none") && stronger(live.Session, d):
		return StepRaise
	case !Admits(c, live.Groups):
		return StepNoAccess
	case d.Prompts("select_account") && !own:
		return StepSelectAccount
	}
	return StepDone
}

// Standing is how far a sign-in has come: what was proven in it, by whom, and what is demanded.
type Standing struct {
	Proven     []Proven
	Has        Factors
	Groups     []string
	Excused    bool // this browser needs no second factor by this server's own rules
	Experience Experience
	Demands    Demands
	Client     storage.Client
	New        bool // they have signed up in this flow
	Asked      bool // they have answered the page for details
	Owed       Owed
}

// After weighs what has been proven in a sign-in against what is demanded of it: StepSecondFactor, StepEnrol, StepNewPassword, or
// StepDone. It is the only place that does. An excused browser fulfils the rules of this server, never those of a request or a client.
//
// A wish (acr_values) is asked for if the person can fulfil it now, and else let go. A temporary password signs nobody in, whatever
// else was proven with it: last of all, StepNewPassword.
func After(s Standing) Step {
	step := s.proving()
	if step == StepDone && s.Has.Temporary && slices.ContainsFunc(s.Proven, func(p Proven) bool { return p.Method == MethodPassword }) {
		return StepNewPassword
	}
	return step
}

// proving is what has still to be proven, if anything.
func (s Standing) proving() Step {
	insisted := s.insisted()
	if !s.Excused && s.Experience.demandsSecond(s.Groups, s.Has) {
		insisted = max(insisted, 2)
	}
	have := level(s.Proven)
	switch {
	case have >= max(insisted, s.wished()):
		return s.proven()
	case len(s.Offers()) > 0:
		return StepSecondFactor
	case have >= insisted:
		return s.proven()
	}
	return StepEnrol
}

// proven is the step of somebody who has proven enough. What is known of them is shown to nobody before.
func (s Standing) proven() Step {
	if s.Owed.any() {
		return StepDetails
	}
	return StepDone
}

// insisted is the level that the request or the client will not do without.
func (s Standing) insisted() int {
	n := strengths[s.Client.Settings.RequiredACR]
	if len(s.Demands.RequiredACR) > 0 {
		n = max(n, weakest(s.Demands.RequiredACR))
	}
	return n
}

// wished is the level that fulfils one of the values wished for; 0 if none has a meaning.
func (s Standing) wished() int { return weakest(s.Demands.ACRValues) }

// Offers lists what the person can prove more with, the one they prefer in front, then the strongest first: what they have, that may be used here, and that is
// of another kind than what was proven already. Where only a key fulfils what is insisted on, and they have one, it is the key.
func (s Standing) Offers() []Method {
	var offers []Method
	have := level(s.Proven)
	for _, m := range []Method{MethodPasskey, MethodTOTP, MethodCode, MethodRecovery, MethodPassword} {
		if s.Has.has(m) && s.usable(m) && level(append(slices.Clone(s.Proven), Proven{Method: m})) > have {
			offers = append(offers, m)
		}
	}
	if s.insisted() > 2 && slices.Contains(offers, MethodPasskey) {
		return []Method{MethodPasskey}
	}
	if at := slices.Index(offers, s.Has.Preferred); at > 0 {
		offers = slices.Insert(slices.Delete(offers, at, at+1), 0, s.Has.Preferred)
	}
	return offers
}

// usable reports whether a method may add to what was proven. A mailbox adds to a password alone: whoever reads the mail could have
// begun with it, or with the account that the mail belongs to. A password adds where the person has nothing better. What somebody
// has set up goes on working where it can no longer be set up.
func (s Standing) usable(m Method) bool {
	switch m {
	case MethodCode:
		return slices.Contains(s.Experience.SecondFactors, MethodCode) && s.only(MethodPassword)
	case MethodRecovery:
		return s.Has.TOTP || s.Has.Passkeys > 0
	case MethodPassword:
		return !s.Has.TOTP && !slices.Contains(s.Has.On, MethodPasskey) && slices.Contains(s.Experience.Methods, MethodPassword)
	}
	return true
}

// Enrolls lists what the person can set up now to fulfil what is insisted on; nothing while they have something to prove more with.
func (s Standing) Enrolls() []Method {
	if After(s) != StepEnrol {
		return nil
	}
	var enrolls []Method
	if slices.Contains(s.Experience.SecondFactors, MethodTOTP) && !s.Has.TOTP && s.insisted() < 3 {
		enrolls = append(enrolls, MethodTOTP)
	}
	if slices.Contains(s.Experience.SecondFactors, MethodPasskey) || s.insisted() > 2 {
		enrolls = append(enrolls, MethodPasskey)
	}
	return enrolls
}

// excused reports whether a sign-in is done only because this browser needs no second factor.
func (s Standing) excused() bool {
	return s.Excused && level(s.Proven) < 2 && s.Experience.demandsSecond(s.Groups, s.Has)
}

func (s Standing) only(m Method) bool {
	return !slices.ContainsFunc(s.Proven, func(p Proven) bool { return p.Method != m })
}

// Admits reports whether a client is for a person of those groups. Whoever issues a token or tells about a person asks it.
func Admits(c storage.Client, groups []string) bool {
	return len(c.Settings.AllowedGroups) == 0 || slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(c.Settings.AllowedGroups, g) })
}

// allows reports whether a client accepts how a session began.
func allows(c storage.Client, s storage.Session) bool {
	return len(c.Settings.SignInMethods) == 0 || slices.ContainsFunc(strings.Fields(s.Methods), func(name string) bool {
		method, via, _ := strings.Cut(name, ":")
		return allowsMethod(c, Method(method), via)
	})
}

// allowsMethod reports whether a client accepts a method, or one connection of it: it may name social, or social:CONNECTION.
func allowsMethod(c storage.Client, m Method, via string) bool {
	return len(c.Settings.SignInMethods) == 0 || slices.Contains(c.Settings.SignInMethods, string(m)) ||
		via != "" && slices.Contains(c.Settings.SignInMethods, string(m)+":"+via)
}

// MayBegin reports whether a sign-in for a client can begin with a method.
func (x Experience) MayBegin(c storage.Client, m Method) bool { return x.mayBeginBy(c, m, "") }

// mayBeginBy is MayBegin for one connection of a method.
func (x Experience) mayBeginBy(c storage.Client, m Method, via string) bool {
	return slices.Contains(x.Methods, m) && allowsMethod(c, m, via)
}

func seconds(micros int64) int64 { return micros / 1e6 }
