package authn

import (
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
		{name: "a wish that can be fulfilled", demands: Demands{ACRValues: []string{ACR}}, live: strong("0"), want: StepSignIn},
		{name: "a wish that was asked for already", flow: finished, demands: Demands{ACRValues: []string{ACR}}, live: strong("0"), want: StepDone},
		{name: "a wish that nobody can fulfil", demands: Demands{ACRValues: []string{"phr"}}, live: strong(ACR), want: StepDone},
		{name: "a wish without a meaning", demands: Demands{ACRValues: []string{"x"}}, live: strong(ACR), want: StepDone},
		{name: "more than was wished for", demands: Demands{ACRValues: []string{ACR}}, live: strong("phr"), want: StepDone},
		{name: "required and fulfilled", demands: Demands{RequiredACR: []string{"phr", ACR}}, live: strong(ACR), want: StepDone},
		{name: "required and not fulfilled", demands: Demands{RequiredACR: []string{"phr"}}, live: strong(ACR), want: StepSignIn},
		{name: "required and not fulfilled by the flow's own session", flow: finished, demands: Demands{RequiredACR: []string{"phr"}}, live: strong(ACR), want: StepSignIn},
		{name: "required without a meaning", demands: Demands{RequiredACR: []string{"x"}}, live: strong("x"), want: StepSignIn},
		{name: "required by the client", client: insists("urn:gatelatch:2"), live: strong(ACR), want: StepSignIn},
		{name: "required by the client and fulfilled", client: insists("urn:gatelatch:2"), live: strong("phr"), want: StepDone},
		{name: "an ended session is nobody", live: func() *Live { l := live(now - second); l.Session.RevokedAt = now; return l }(), want: StepSignIn},
		{name: "an expired session is nobody", live: func() *Live { l := live(now - second); l.Session.Expires = now; return l }(), want: StepSignIn},
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
