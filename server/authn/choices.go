package authn

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gatelatch/storage"
)

// Choices are the names of what an Experience settles, in its order.
var Choices = func() []string {
	var names []string
	t := reflect.TypeFor[Experience]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// choice is the field of an Experience with that name.
func choice(x *Experience, name string) (reflect.Value, bool) {
	at := slices.Index(Choices, name)
	if at < 0 {
		return reflect.Value{}, false
	}
	return reflect.ValueOf(x).Elem().Field(at), true
}

// Source says who has settled a choice.
type Source struct {
	From  string // one of the From words
	Where string // of FromConfiguration: the line or the variable
}

// Who settles choices.
const (
	FromConfiguration = "configuration"
	FromDatabase      = "database"
	FromDefault       = "default"
)

// Sources says of every choice who has settled it. What the configuration settles is changed there and nowhere else.
func (e *Engine) Sources(ctx context.Context) (map[string]Source, error) {
	kept, err := keptExperience(e.store.View(ctx))
	if err != nil {
		return nil, err
	}
	sources := map[string]Source{}
	for _, name := range Choices {
		configured, _ := choice(&e.cfg.Experience, name)
		stored, _ := choice(&kept, name)
		switch {
		case !unsettled(configured):
			sources[name] = Source{From: FromConfiguration, Where: e.cfg.Settled[name]}
		case !unsettled(stored):
			sources[name] = Source{From: FromDatabase}
		default:
			sources[name] = Source{From: FromDefault}
		}
	}
	return sources, nil
}

// ExperienceChange is a change to what the database settles. Of Values the choices that Names has are taken; one that is unsettled
// there is unsettled again.
type ExperienceChange struct {
	Names  []string
	Values Experience
}

// BadChoice is why an Experience cannot be as it would be: it would keep everybody out, or says two things that do not go together.
type BadChoice struct {
	Name string // of the choice that is to be put right
	Why  string // a sentence for whoever makes it
}

// Error implements error.
func (b *BadChoice) Error() string { return b.Name + ": " + b.Why }

// Settled is why a choice cannot be made here: the configuration makes it.
type Settled struct {
	Name  string
	Where string // the line or the variable, if it is known
}

// Error implements error.
func (s *Settled) Error() string { return s.Name + " is settled by the configuration " + s.Where }

// ChangeExperience makes a change and returns what it leads to. Who signs in meanwhile is asked for what held when they began, or for
// what holds now. *BadChoice, *Settled.
func (e *Engine) ChangeExperience(ctx context.Context, by string, c ExperienceChange) (Experience, error) {
	var after Experience
	now := e.now()
	err := e.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.LockConfiguration(); err != nil {
			return err
		}
		before, kept, err := e.weighChange(tx, c)
		if err != nil {
			return err
		}
		if after = e.settled(kept); reflect.DeepEqual(before, after) && c.same(before) {
			return nil
		}
		document, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		if err := tx.SaveSetting(settingExperience, string(document), now); err != nil {
			return err
		}
		return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventSettingChanged, Actor: by, Detail: Difference(before, after)})
	})
	return after, err
}

// same reports whether a change asks for nothing but what holds already.
func (c ExperienceChange) same(before Experience) bool {
	for _, name := range c.Names {
		asked, _ := choice(&c.Values, name)
		holds, _ := choice(&before, name)
		if unsettled(asked) || !reflect.DeepEqual(asked.Interface(), holds.Interface()) {
			return false
		}
	}
	return true
}

// TryExperience says what a change would lead to, and who would feel it, without making it. *BadChoice, *Settled.
func (e *Engine) TryExperience(ctx context.Context, c ExperienceChange) (Experience, []Affected, error) {
	before, kept, err := e.weighChange(e.store.View(ctx), c)
	if err != nil {
		return Experience{}, nil, err
	}
	after := e.settled(kept)
	who, err := e.affected(ctx, before, after)
	return after, who, err
}

// weighChange returns what holds now, and what the database would settle after a change that is in order.
func (e *Engine) weighChange(tx storage.Tx, c ExperienceChange) (before, kept Experience, err error) {
	if kept, err = keptExperience(tx); err != nil {
		return before, kept, err
	}
	before = e.settled(kept)
	for _, name := range c.Names {
		to, known := choice(&kept, name)
		if !known {
			return before, kept, &BadChoice{Name: name, Why: "there is no such choice; there are " + strings.Join(Choices, ", ")}
		}
		if configured, _ := choice(&e.cfg.Experience, name); !unsettled(configured) {
			return before, kept, &Settled{Name: name, Where: e.cfg.Settled[name]}
		}
		from, _ := choice(&c.Values, name)
		to.Set(from)
	}
	after := e.settled(kept)
	if err := after.check(); err != nil {
		return before, kept, err
	}
	return before, kept, e.checkPeople(tx, after)
}

// check refuses what cannot be, whoever the people are. *BadChoice.
func (x Experience) check() error {
	for i, m := range x.Methods {
		if !slices.Contains(FirstMethods, m) || slices.Contains(x.Methods[:i], m) {
			return &BadChoice{"methods", fmt.Sprintf("A sign-in can begin with some of %s, each named once.", MethodList(FirstMethods, ", "))}
		}
	}
	for i, m := range x.SecondFactors {
		if !slices.Contains(SecondFactorChoices, m) || slices.Contains(x.SecondFactors[:i], m) {
			return &BadChoice{"second_factors", fmt.Sprintf("Second factors can be some of %s, each named once.", MethodList(SecondFactorChoices, ", "))}
		}
	}
	if !slices.Contains(SignUpChoices, x.SignUp) {
		return &BadChoice{"sign_up", "Who may sign up is open, invite or closed."}
	}
	if !slices.Contains(IdentifierChoices, x.Identifiers) {
		return &BadChoice{"identifiers", "People sign in with email, username or both."}
	}
	if x.SignUp != SignUpClosed && !slices.Contains(x.Methods, MethodCode) {
		return &BadChoice{"sign_up", "New people prove their address with a mailed code, so sign_up: " + x.SignUp + " needs code among methods."}
	}
	for _, check := range []func() error{x.checkDomains, x.CheckAsked} {
		if err := check(); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{SecondFactorOff, SecondFactorOptional, SecondFactorRequired, SecondFactorInGroups}, x.SecondFactor) {
		return &BadChoice{"second_factor", "It is off, optional, required, or groups."}
	}
	if !slices.Contains([]string{VerificationRequired, VerificationPreferred}, x.PasskeyVerification) {
		return &BadChoice{"passkey_verification", "It is required or preferred."}
	}
	if !slices.Contains([]string{OfferNew, OfferSignIn, OfferNever}, x.PasskeyOffer) {
		return &BadChoice{"passkey_offer", "It is new, signin, or never."}
	}
	demanded := x.SecondFactor == SecondFactorRequired || x.SecondFactor == SecondFactorInGroups
	if x.SecondFactor == SecondFactorInGroups && len(x.SecondFactorGroups) == 0 {
		return &BadChoice{"second_factor_groups", "Name the groups whose members need a second factor."}
	}
	if demanded && !slices.ContainsFunc(x.SecondFactors, func(m Method) bool { return m != MethodCode }) {
		return &BadChoice{"second_factors", fmt.Sprintf("A second factor is demanded, so people need one that they can set up: one of %s. A mailed code only adds to a password.", MethodList(SecondMethods, ", "))}
	}
	return nil
}

// checkPeople refuses what would keep all owners out, and groups that nobody has made. *BadChoice.
func (e *Engine) checkPeople(tx storage.Tx, x Experience) error {
	if x.SecondFactor == SecondFactorInGroups {
		for _, name := range x.SecondFactorGroups {
			if err := isGroup(tx, name); err != nil {
				return &BadChoice{"second_factor_groups", fmt.Sprintf("There is no group %q.", name)}
			}
		}
	}
	owners, err := tx.Owners()
	if err != nil {
		return err
	}
	for _, u := range owners {
		has, err := e.factors(tx, u.ID)
		if err != nil {
			return err
		}
		if x.begins(has) {
			return nil
		}
	}
	if len(owners) > 0 {
		return &BadChoice{"methods", fmt.Sprintf("No owner of this server could sign in any more: none has anything to begin with (%s).", MethodList(x.Methods, ", "))}
	}
	return nil
}

// begins reports whether somebody who has that can begin a sign-in.
func (x Experience) begins(has Factors) bool { return slices.ContainsFunc(x.Methods, has.has) }
