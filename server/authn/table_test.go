package authn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/storage/storagetest"
)

// outcomes are what becomes of a first proof by a code, by the link beside it and by a password, for each policy, person and application:
// "in" is a session, "second" and "set up" are none yet, "no" is the answer of a wrong proof.
//
// bare has a password, protected an authenticator as well, trusted is protected in a browser that is excused. plain asks for nothing,
// two for two factors, key for one that cannot be phished, secret for sign-ins that begin with a password. A code after a password is
// asked for nowhere here: the authenticator alone is among the second factors.
const outcomes = `
off        bare       plain   in      in      in
off        bare       two     second  second  set up
off        bare       key     second  second  set up
off        bare       secret  no      no      in
off        protected  plain   in      in      in
off        protected  two     second  second  second
off        protected  key     second  second  second
off        protected  secret  no      no      in
off        trusted    plain   in      in      in
off        trusted    two     second  second  second
off        trusted    key     second  second  second
off        trusted    secret  no      no      in
optional   bare       plain   in      in      in
optional   bare       two     second  second  set up
optional   bare       key     second  second  set up
optional   bare       secret  no      no      in
optional   protected  plain   second  second  second
optional   protected  two     second  second  second
optional   protected  key     second  second  second
optional   protected  secret  no      no      second
optional   trusted    plain   in      in      in
optional   trusted    two     second  second  second
optional   trusted    key     second  second  second
optional   trusted    secret  no      no      in
required   bare       plain   second  second  set up
required   bare       two     second  second  set up
required   bare       key     second  second  set up
required   bare       secret  no      no      set up
required   protected  plain   second  second  second
required   protected  two     second  second  second
required   protected  key     second  second  second
required   protected  secret  no      no      second
required   trusted    plain   in      in      in
required   trusted    two     second  second  second
required   trusted    key     second  second  second
required   trusted    secret  no      no      in
member     bare       plain   second  second  set up
member     bare       two     second  second  set up
member     bare       key     second  second  set up
member     bare       secret  no      no      set up
member     protected  plain   second  second  second
member     protected  two     second  second  second
member     protected  key     second  second  second
member     protected  secret  no      no      second
member     trusted    plain   in      in      in
member     trusted    two     second  second  second
member     trusted    key     second  second  second
member     trusted    secret  no      no      in
stranger   bare       plain   in      in      in
stranger   bare       two     second  second  set up
stranger   bare       key     second  second  set up
stranger   bare       secret  no      no      in
stranger   protected  plain   second  second  second
stranger   protected  two     second  second  second
stranger   protected  key     second  second  second
stranger   protected  secret  no      no      second
stranger   trusted    plain   in      in      in
stranger   trusted    two     second  second  second
stranger   trusted    key     second  second  second
stranger   trusted    secret  no      no      in
`

// policies of the table. member and stranger are the rule for a group, of people in it and of others.
var policies = map[string]string{"off": authn.SecondFactorOff, "optional": authn.SecondFactorOptional, "required": authn.SecondFactorRequired,
	"member": authn.SecondFactorInGroups, "stranger": authn.SecondFactorInGroups}

const tablePassword = "four small words of mine"

func TestWhatBecomesOfEveryFirstProof(t *testing.T) {
	if got := strings.Count(outcomes, "\n") - 1; got != len(policies)*3*4 {
		t.Fatalf("the table has %d lines", got)
	}
	for policy, rule := range policies {
		t.Run(policy, func(t *testing.T) {
			r := tableRoom(t, policy, rule)
			cookies := map[string]string{"trusted": r.furnish(policy)}
			for line := range strings.Lines(outcomes) {
				f := strings.Fields(strings.ReplaceAll(line, "set up", "setup"))
				if len(f) == 0 || f[0] != policy {
					continue
				}
				for i, method := range []string{"code", "link", "password"} {
					v := browser()
					v.Device = cookies[f[1]]
					got, device := r.outcome(v, f[1]+"@example.com", f[2], method)
					if device != "" && v.Device != "" {
						cookies[f[1]] = device
					}
					if want := f[3+i]; got != want {
						t.Errorf("%s, %s, %s, by %s: got %s, want %s", policy, f[1], f[2], method, got, want)
					}
				}
			}
		})
	}
}

func tableRoom(t *testing.T, policy, rule string) *room {
	t.Helper()
	const much = 100_000
	r := newRoom(t, storagetest.Open(t), authn.Config{
		Experience: authn.Experience{SignUp: "closed", Methods: []authn.Method{authn.MethodCode, authn.MethodPassword}, SecondFactor: rule, SecondFactorGroups: []string{"staff"},
			SecondFactors: []authn.Method{authn.MethodTOTP}},
		Budgets: authn.Budgets{MailsPerAddressBurst: much, MailsPerAddressHour: much, NetworkMailsHour: much, MailsHour: much, NetworkGuessesHour: much, FlowsNetworkHour: much, WrongGuessesPerAddressHour: much},
	})
	err := r.store.Write(t.Context(), func(tx storage.Tx) error {
		for id, s := range map[string]storage.ClientSettings{"plain": {}, "two": {RequiredACR: authn.ACR2}, "key": {RequiredACR: authn.PHR}, "secret": {SignInMethods: []string{"password"}}} {
			if err := tx.InsertClient(storage.Client{ID: id, Nonce: make([]byte, 16), Name: id, Type: "web", Source: "api", Settings: s}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// furnish makes the people of the table, and returns the cookie of the browser that is excused.
func (r *room) furnish(policy string) (cookie string) {
	r.Helper()
	if _, err := r.e.CreateGroup(r.Context(), "test", "staff", ""); err != nil {
		r.Fatal(err)
	}
	for _, who := range []string{"bare", "protected", "trusted"} {
		u, err := r.e.CreateUser(r.Context(), "test", who+"@example.com", who)
		if err == nil {
			err = r.e.SetPassword(r.Context(), "test", u.ID, authn.NewPassword{Password: tablePassword})
		}
		if err == nil && policy == "member" {
			err = r.e.Join(r.Context(), "test", u.ID, "staff")
		}
		if err != nil {
			r.Fatal(err)
		}
		if who == "bare" {
			continue
		}
		by := authn.SetUpBy{User: u.ID, Place: storage.NewID(), By: "test"}
		app, err := r.e.BeginTOTP(r.Context(), by)
		if err != nil {
			r.Fatal(err)
		}
		p := &protected{room: r, user: u.ID, key: app.Key}
		if err := r.e.ConfirmTOTP(r.Context(), browser(), by, p.code(0)); err != nil {
			r.Fatal(err)
		}
		r.pass(time.Minute)
		if who == "trusted" {
			v := browser()
			in := r.first(v, "trusted@example.com", "two", "code")
			done, err := r.e.CheckTOTP(r.Context(), v, authn.Answer{Flow: in.Flow.ID.String(), Code: p.code(0), Trust: true})
			if err != nil {
				r.Fatal(err)
			}
			cookie = done.Device
		}
	}
	return cookie
}

// outcome is what the first proof leads to, in the words of the table, and the new value of the device cookie.
func (r *room) outcome(v authn.Visitor, address, client, method string) (outcome, device string) {
	r.Helper()
	in, err := r.prove(v, address, client, method)
	switch {
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrLinkGone):
		return "no", ""
	case err != nil:
		return err.Error(), ""
	}
	step := map[authn.Step]string{authn.StepDone: "in", authn.StepSecondFactor: "second", authn.StepEnrol: "setup"}[in.Step]
	if (in.Cookie != "") != (in.Step == authn.StepDone) || (in.Live.Session.ID.IsZero()) != (in.Step != authn.StepDone) {
		return fmt.Sprintf("%s, and a session %v", step, in.Live.Session.ID), ""
	}
	return step, in.Device
}

func (r *room) first(v authn.Visitor, address, client, method string) authn.SignIn {
	r.Helper()
	in, err := r.prove(v, address, client, method)
	if err != nil {
		r.Fatal(err)
	}
	return in
}

// prove begins a sign-in for an application and gives one proof.
func (r *room) prove(v authn.Visitor, address, client, method string) (authn.SignIn, error) {
	r.Helper()
	f, err := r.e.Begin(r.Context(), v, authn.Start{ClientID: client, ReturnTo: "/back"})
	if err != nil {
		r.Fatal(err)
	}
	flow := f.ID.String()
	if method == "password" {
		return r.e.CheckPassword(r.Context(), v, authn.Attempt{Flow: flow, Identifier: address, Password: tablePassword})
	}
	if err := r.e.SendCode(r.Context(), v, flow, address); err != nil {
		r.Fatal(err)
	}
	m, err := r.mails.Wait(r.Context(), address)
	if err != nil {
		r.Fatal(err)
	}
	if method == "link" {
		_, token, _ := strings.Cut(m.Link, "&t=")
		return r.e.CheckLink(r.Context(), v, authn.Answer{Flow: flow, Token: token})
	}
	return r.e.CheckCode(r.Context(), v, authn.Answer{Flow: flow, Code: m.Code})
}
