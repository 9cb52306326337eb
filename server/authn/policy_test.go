package authn

import (
	"slices"
	"testing"

	"gatelatch/storage"
)

func TestNextStepOfEveryDemand(t *testing.T) {
	const (
		second = int64(1e6)
		now    = 1000 * second
	)
	ours := storage.NewID()
	age := func(seconds int64) *int64 { return &seconds }
	live := func(authTime int64) *Live {
		return &Live{Session: storage.Session{ID: ours, AuthTime: authTime, Expires: now + 1}, User: storage.User{Status: "active"}}
	}
	strong := func(acr string) *Live { l := live(now - second); l.Session.ACR = acr; return l }
	insists := func(acr string) storage.Client {
		return storage.Client{Settings: storage.ClientSettings{RequiredACR: acr}}
	}
	begins := func(methods ...string) storage.Client {
		return storage.Client{Settings: storage.ClientSettings{SignInMethods: methods}}
	}
	admits := func(groups ...string) storage.Client {
		return storage.Client{Settings: storage.ClientSettings{AllowedGroups: groups}}
	}
	member := func(groups ...string) *Live { l := live(now - second); l.Groups = groups; return l }
	methods := func(names string) *Live { l := live(now - second); l.Session.Methods = names; return l }
	finished := &storage.Flow{Finished: now, SessionID: ours}
	foreign := &storage.Flow{Finished: now, SessionID: storage.NewID()}
	unfinished := &storage.Flow{SessionID: ours}
	prompt := func(values ...string) Demands { return Demands{Prompt: values, RequestedAt: now} }

	for _, c := range []struct {
		name    string
		flow    *storage.Flow
		demands Demands
		live    *Live
		client  storage.Client
		want    Step
	}{
		{name: "nobody is signed in", want: StepSignIn},
		{name: "nobody is signed in and an account is to be chosen", demands: prompt("select_account"), want: StepSignIn},
		{name: "somebody is signed in", live: live(now - second), want: StepDone},
		{name: "prompt=none is the caller's", demands: prompt("none"), live: live(now - second), want: StepDone},
		{name: "consent asks nothing of the sign-in", demands: prompt("consent"), live: live(now - second), want: StepDone},
		{name: "a disabled person is nobody", live: func() *Live { l := live(now - second); l.User.Status = "disabled"; return l }(), want: StepSignIn},
		{name: "a disabled person is nobody after their own flow, too", flow: finished,
			live: func() *Live { l := live(now); l.User.Status = "disabled"; return l }(), want: StepSignIn},
		{name: "a wish that is fulfilled", demands: Demands{ACRValues: []string{"phr", ACR}}, live: strong(ACR), want: StepDone},
		{name: "a wish that can be fulfilled", demands: Demands{ACRValues: []string{ACR}}, live: strong("0"), want: StepRaise},
		{name: "a wish that was asked for already", flow: finished, demands: Demands{ACRValues: []string{ACR}}, live: strong("0"), want: StepDone},
		{name: "a wish for more than is proven", demands: Demands{ACRValues: []string{"phr"}}, live: strong(ACR), want: StepRaise},
		{name: "a wish without a meaning", demands: Demands{ACRValues: []string{"x"}}, live: strong(ACR), want: StepDone},
		{name: "more than was wished for", demands: Demands{ACRValues: []string{ACR}}, live: strong("phr"), want: StepDone},
		{name: "required and fulfilled", demands: Demands{RequiredACR: []string{"phr", ACR}}, live: strong(ACR), want: StepDone},
		{name: "required and not fulfilled", demands: Demands{RequiredACR: []string{"phr"}}, live: strong(ACR), want: StepRaise},
		{name: "required and not fulfilled by the flow's own session", flow: finished, demands: Demands{RequiredACR: []string{"phr"}}, live: strong(ACR), want: StepRaise},
		{name: "required without a meaning", demands: Demands{RequiredACR: []string{"x"}}, live: strong("x"), want: StepRaise},
		{name: "required by the client", client: insists("urn:gatelatch:2"), live: strong(ACR), want: StepRaise},
		{name: "required by the client and fulfilled", client: insists("urn:gatelatch:2"), live: strong("phr"), want: StepDone},
		{name: "an ended session is nobody", live: func() *Live { l := live(now - second); l.Session.RevokedAt = now; return l }(), want: StepSignIn},
		{name: "an expired session is nobody", live: func() *Live { l := live(now - second); l.Session.Expires = now; return l }(), want: StepSignIn},
		{name: "a wish is not asked for where nobody may be", demands: Demands{Prompt: []string{"none"}, ACRValues: []string{ACR}}, live: strong("0"), want: StepDone},
		{name: "this server demands a second factor that the session has not", live: func() *Live { l := live(now - second); l.Short = true; return l }(), want: StepRaise},
		{name: "signing in comes before proving more", demands: prompt("login"), live: func() *Live { l := live(now - second); l.Short = true; return l }(), want: StepSignIn},
		{name: "the client does not accept how the session began", client: begins("passkey"), live: methods("code totp"), want: StepSignIn},
		{name: "the client accepts how the session began", client: begins("passkey", "code"), live: methods("code totp"), want: StepDone},
		{name: "the client is for a group the person is not in", client: admits("staff", "editors"), live: member("guests"), want: StepNoAccess},
		{name: "the client is for a group the person is in", client: admits("staff", "editors"), live: member("editors"), want: StepDone},
		{name: "whoever has no access is not asked which account", client: admits("staff"), demands: prompt("select_account"), live: member(), want: StepNoAccess},
		{name: "signing in comes before access", client: admits("staff"), demands: prompt("login"), live: member(), want: StepSignIn},
		{name: "a disabled client lets nobody on", live: live(now - second), client: storage.Client{Disabled: true}, want: StepSignIn},

		{name: "login: a session from before", demands: prompt("login"), live: live(now - 60*second), want: StepSignIn},
		{name: "login: a session of the same second, at the first hit", demands: prompt("login"), live: live(now), want: StepSignIn},
		{name: "login: a session of the same second from before, in an unfinished flow", flow: unfinished, demands: prompt("login"), live: live(now - 1), want: StepSignIn},
		{name: "login: a session of the very same moment, in an unfinished flow", flow: unfinished, demands: prompt("login"), live: live(now), want: StepSignIn},
		{name: "login: a session made since, in another tab", flow: unfinished, demands: Demands{Prompt: []string{"login"}, RequestedAt: now - second}, live: live(now - 1), want: StepDone},
		{name: "login: a session from the future, because the clock stepped back", flow: unfinished, demands: prompt("login"), live: live(now + 3600*second), want: StepSignIn},
		{name: "login: the flow's own session", flow: finished, demands: prompt("login"), live: live(now + 1), want: StepDone},
		{name: "login: the flow's own session from a replica whose clock is a little behind", flow: finished, demands: Demands{Prompt: []string{"login"}, RequestedAt: now + 900_000}, live: live(now + 100_000), want: StepDone},
		{name: "login: an old session that somehow ended the flow", flow: finished, demands: prompt("login"), live: live(now - 60*second), want: StepSignIn},
		{name: "login: a flow that another session ended", flow: foreign, demands: prompt("login"), live: live(now - second), want: StepSignIn},
		{name: "login beside consent still asks", demands: prompt("consent", "login"), live: live(now - 60*second), want: StepSignIn},

		{name: "max_age: young enough", demands: Demands{MaxAge: age(60), RequestedAt: now}, live: live(now - 60*second), want: StepDone},
		{name: "max_age: too old by a second", demands: Demands{MaxAge: age(60), RequestedAt: now}, live: live(now - 61*second), want: StepSignIn},
		{name: "max_age=0 is prompt=login", demands: Demands{MaxAge: age(0), RequestedAt: now}, live: live(now), want: StepSignIn},
		{name: "max_age=0: the flow's own session", flow: finished, demands: Demands{MaxAge: age(0), RequestedAt: now}, live: live(now), want: StepDone},
		{name: "max_age=1: the flow's own session, though the way back took long", flow: finished, demands: Demands{MaxAge: age(1), RequestedAt: now - 100*second}, live: live(now - 50*second), want: StepDone},
		{name: "a negative max_age asks", demands: Demands{MaxAge: age(-1), RequestedAt: now}, live: live(now), want: StepSignIn},

		{name: "select_account: asks once", demands: prompt("select_account"), live: live(now - second), want: StepSelectAccount},
		{name: "select_account: in an unfinished flow", flow: unfinished, demands: prompt("select_account"), live: live(now - second), want: StepSelectAccount},
		{name: "select_account: answered", flow: finished, demands: prompt("select_account"), live: live(now - 60*second), want: StepDone},
		{name: "select_account: answered by another session", flow: foreign, demands: prompt("select_account"), live: live(now - second), want: StepSelectAccount},
		{name: "select_account and login: signing in comes first", demands: prompt("select_account", "login"), live: live(now - second), want: StepSignIn},
		{name: "select_account and max_age: signing in comes first", demands: Demands{Prompt: []string{"select_account"}, MaxAge: age(1), RequestedAt: now}, live: live(now - 60*second), want: StepSignIn},

		{name: "create: asks whoever is signed in", demands: prompt("create"), live: live(now - second), want: StepSignIn},
		{name: "create: a finished flow satisfies it", flow: finished, demands: prompt("create"), live: live(now), want: StepDone},
		{name: "first_screen=register only chooses words", demands: Demands{Screen: "register", RequestedAt: now}, live: live(now - second), want: StepDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Next(c.flow, c.demands, c.live, c.client, now); got != c.want {
				t.Errorf("got step %d, want %d (flow %+v, demands %+v)", got, c.want, c.flow, c.demands)
			}
		})
	}
}

func TestStepAfterEveryProof(t *testing.T) {
	var (
		code     = Proven{Method: MethodCode, AMR: "otp"}
		password = Proven{Method: MethodPassword, AMR: "pwd"}
		totp     = Proven{Method: MethodTOTP, AMR: "otp"}
		passkey  = Proven{Method: MethodPasskey, AMR: "swk user", Both: true}
		touched  = Proven{Method: MethodPasskey, AMR: "hwk"}
		social   = Proven{Method: MethodSocial}

		all      = Experience{Methods: []Method{MethodCode, MethodPassword, MethodPasskey}, SecondFactors: []Method{MethodTOTP, MethodPasskey, MethodCode}, SecondFactor: SecondFactorOptional}
		withTOTP = Factors{Mailbox: true, TOTP: true, Password: true, RecoveryCodes: 10, On: []Method{MethodTOTP}}
		nothing  = Factors{Mailbox: true, Password: true}
		withKey  = Factors{Mailbox: true, Password: true, Passkeys: 1}
	)
	rule := func(second string, groups ...string) Experience {
		x := all
		x.SecondFactor, x.SecondFactorGroups = second, groups
		return x
	}
	wants := func(acr string) storage.Client {
		return storage.Client{Settings: storage.ClientSettings{RequiredACR: acr}}
	}
	for _, c := range []struct {
		name   string
		s      Standing
		want   Step
		offers []Method
	}{
		{name: "one factor is enough where nobody asks for more", s: Standing{Proven: []Proven{code}, Has: nothing, Experience: all}, want: StepDone},
		{name: "whoever has turned one on is asked", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: all}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "and not where it is off", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorOff)}, want: StepDone},
		{name: "and not in a browser that is excused", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: all, Excused: true}, want: StepDone},
		{name: "a mailbox adds to a password", s: Standing{Proven: []Proven{password}, Has: withTOTP, Experience: all}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodCode, MethodRecovery}},
		{name: "an authenticator after a code is enough", s: Standing{Proven: []Proven{code, totp}, Has: withTOTP, Experience: all}, want: StepDone},
		{name: "a code after a code is not", s: Standing{Proven: []Proven{code, code}, Has: withTOTP, Experience: all}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "an authenticator twice is not", s: Standing{Proven: []Proven{totp, totp}, Has: withTOTP, Experience: all}, want: StepSecondFactor, offers: []Method{MethodRecovery}},
		{name: "a passkey that has verified its user is two", s: Standing{Proven: []Proven{passkey}, Has: withTOTP, Experience: all}, want: StepDone},
		{name: "a passkey that was only touched is one", s: Standing{Proven: []Proven{touched}, Has: withTOTP, Experience: all}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "required of everybody: whoever has nothing sets it up", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true}, Experience: rule(SecondFactorRequired)}, want: StepEnrol},
		{name: "required of everybody: a password adds to a code where there is nothing better", s: Standing{Proven: []Proven{code}, Has: nothing, Experience: rule(SecondFactorRequired)}, want: StepSecondFactor, offers: []Method{MethodPassword}},
		{name: "a code does not add to an account elsewhere", s: Standing{Proven: []Proven{social}, Has: Factors{Mailbox: true}, Experience: rule(SecondFactorRequired)}, want: StepEnrol},
		{name: "a key adds to a code", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true, Passkeys: 1}, Experience: rule(SecondFactorRequired)}, want: StepSecondFactor, offers: []Method{MethodPasskey}},
		{name: "a key that nobody demands is not asked for", s: Standing{Proven: []Proven{code}, Has: withKey, Experience: all}, want: StepDone},
		{name: "required of a group: a member", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true}, Groups: []string{"staff"}, Experience: rule(SecondFactorInGroups, "staff")}, want: StepEnrol},
		{name: "required of a group: somebody else", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true}, Groups: []string{"guests"}, Experience: rule(SecondFactorInGroups, "staff")}, want: StepDone},
		{name: "required of a group: somebody else who has turned one on", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorInGroups, "staff")}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "a client insists although it is off", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorOff), Client: wants(ACR2)}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "a client insists: no browser is excused", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: all, Excused: true, Client: wants(ACR2)}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "a client insists on a key: nothing else will do", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true, TOTP: true, Passkeys: 1, On: []Method{MethodTOTP}}, Experience: all, Client: wants(PHR)}, want: StepSecondFactor, offers: []Method{MethodPasskey}},
		{name: "a client insists on a key: whoever has none proves what they have before they make one", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: all, Client: wants(PHR)}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "a client insists on a key: and makes one then", s: Standing{Proven: []Proven{code, totp}, Has: Factors{Mailbox: true, TOTP: true, On: []Method{MethodTOTP}}, Experience: all, Client: wants(PHR)}, want: StepEnrol},
		{name: "a request insists on one of several", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorOff), Demands: Demands{RequiredACR: []string{PHR, ACR2}}}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "a wish is asked for if it can be had", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorOff), Demands: Demands{ACRValues: []string{ACR2}}}, want: StepSecondFactor, offers: []Method{MethodTOTP, MethodRecovery}},
		{name: "and let go if not", s: Standing{Proven: []Proven{code}, Has: Factors{Mailbox: true}, Experience: all, Demands: Demands{ACRValues: []string{ACR2}}}, want: StepDone},
		{name: "a wish without a meaning is nothing", s: Standing{Proven: []Proven{code}, Has: withTOTP, Experience: rule(SecondFactorOff), Demands: Demands{ACRValues: []string{"x"}}}, want: StepDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := After(c.s); got != c.want {
				t.Errorf("got step %d, want %d", got, c.want)
			}
			if c.want == StepSecondFactor && !slices.Equal(c.s.Offers(), c.offers) {
				t.Errorf("offered %v, want %v", c.s.Offers(), c.offers)
			}
		})
	}
}
