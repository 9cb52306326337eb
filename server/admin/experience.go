package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
)

// Experience is how people sign in and sign up here, as the API shows it.
type Experience struct {
	SignUp             string   `json:"sign_up" enum:"open,invite,closed" doc:"Who may make an account by themselves; invitations work always"`
	Identifiers        string   `json:"identifiers" enum:"email,username,both" doc:"What people type to sign in. With username, a code to their address helps new people and whoever has forgotten it"`
	AllowedDomains     []string `json:"allowed_domains" doc:"Of addresses that people sign up with: example.com, or .example.com with all below it; empty: all"`
	RefusedDomains     []string `json:"refused_domains" doc:"Likewise; what is refused is not allowed"`
	Attributes         []Field  `json:"attributes" doc:"That people are asked for, or that this server has made up itself"`
	TermsURL           string   `json:"terms_url" doc:"https address of the terms of use"`
	TermsVersion       string   `json:"terms_version" doc:"That people have to accept; a new one asks everybody again at their next sign-in; empty: nobody is asked"`
	PrivacyURL         string   `json:"privacy_url" doc:"https address of the privacy notice"`
	PrivacyVersion     string   `json:"privacy_version" doc:"As terms_version"`
	Methods            []string `json:"methods" doc:"What a sign-in can begin with, the one offered first in front"`
	SecondFactor       string   `json:"second_factor" enum:"off,optional,required,groups" doc:"Who needs one"`
	SecondFactorGroups []string `json:"second_factor_groups" doc:"Whose members need one, where second_factor is groups"`
	SecondFactors      []string `json:"second_factors" doc:"What people may use as one"`
	TrustDevice        int64    `json:"trust_device" doc:"Seconds that people may have their second factor not asked for in a browser of theirs; negative: never"`

	PasskeyVerification string `json:"passkey_verification" enum:"required,preferred" doc:"Whether a passkey that begins a sign-in has to verify its user, which makes it two factors"`
	PasskeyOffer        string `json:"passkey_offer" enum:"new,signin,never" doc:"When people are offered to create one: after sign-up or recovery, at sign-in too, or never"`

	Sources map[string]ChoiceSource `json:"sources" doc:"Who has settled each of these"`
}

// ChoiceSource says who has settled a choice.
type ChoiceSource struct {
	From     string `json:"from" enum:"configuration,database,default"`
	Where    string `json:"where,omitempty" doc:"The line of the configuration, or its variable"`
	ReadOnly bool   `json:"read_only,omitempty" doc:"It can be changed in the configuration only"`
}

// Field is an attribute that people are asked for, or that this server has made up itself.
type Field struct {
	Name      string            `json:"name" doc:"An attribute of the standard (given_name, address.locality), or a name of your own"`
	Type      string            `json:"type,omitempty" enum:"text,number,boolean,date,choice" doc:"Of one of your own"`
	Choices   []FieldChoice     `json:"choices,omitempty" doc:"Of a choice"`
	Asked     string            `json:"asked,omitempty" enum:"required,optional" doc:"required: everybody, at sign-up or their next sign-in. optional: new people, once. Left out: nobody"`
	ByAdmin   bool              `json:"by_admin,omitempty" doc:"Only an administrator says it"`
	Immutable bool              `json:"immutable,omitempty" doc:"A person says it once; only an administrator changes it"`
	Labels    map[string]string `json:"labels,omitempty" doc:"What pages call it, by language"`
	Scope     string            `json:"scope,omitempty" doc:"Of one of your own: the scope that tells it; left out: profile"`
	Claim     string            `json:"claim,omitempty" doc:"Likewise the claim; left out: its name"`
}

// FieldChoice is a value that can be chosen.
type FieldChoice struct {
	Value  string            `json:"value"`
	Labels map[string]string `json:"labels,omitempty"`
}

// ExperienceChange is a change to it. What is left out stays.
type ExperienceChange struct {
	SignUp             *string   `json:"sign_up,omitempty" enum:"open,invite,closed"`
	Identifiers        *string   `json:"identifiers,omitempty" enum:"email,username,both"`
	AllowedDomains     *[]string `json:"allowed_domains,omitempty"`
	RefusedDomains     *[]string `json:"refused_domains,omitempty"`
	Attributes         *[]Field  `json:"attributes,omitempty" doc:"Replaces the list"`
	TermsURL           *string   `json:"terms_url,omitempty"`
	TermsVersion       *string   `json:"terms_version,omitempty"`
	PrivacyURL         *string   `json:"privacy_url,omitempty"`
	PrivacyVersion     *string   `json:"privacy_version,omitempty"`
	Methods            *[]string `json:"methods,omitempty" minItems:"1"`
	SecondFactor       *string   `json:"second_factor,omitempty" enum:"off,optional,required,groups"`
	SecondFactorGroups *[]string `json:"second_factor_groups,omitempty"`
	SecondFactors      *[]string `json:"second_factors,omitempty" minItems:"1"`
	TrustDevice        *int64    `json:"trust_device,omitempty" minimum:"-1" maximum:"31536000" doc:"Seconds; 0 or -1: never"`

	PasskeyVerification *string `json:"passkey_verification,omitempty" enum:"required,preferred"`
	PasskeyOffer        *string `json:"passkey_offer,omitempty" enum:"new,signin,never"`

	Reset []string `json:"reset,omitempty" doc:"Names of choices that become again what they are without anybody's word"`
}

// ExperienceOutcome is what a change leads to.
type ExperienceOutcome struct {
	Experience
	DryRun   bool       `json:"dry_run,omitempty" doc:"Nothing was changed"`
	Affected []Affected `json:"affected,omitempty" doc:"Of a dry run: who would feel the change"`
}

// Affected says how many people would feel a change, and how.
type Affected struct {
	How    string   `json:"how" doc:"no_way_in: nothing is left that they could begin a sign-in with. second_factor: they have to set one up at their next sign-in. second_factor_ends: they are no longer asked for one. attribute, document: they are asked for it at their next sign-in. identifier: they can no longer sign in by what it is about, email or username. domain: they stay, and nobody new could sign up with an address like theirs"`
	Of     string   `json:"of,omitempty" doc:"What it is about"`
	People int      `json:"people"`
	First  []string `json:"first" doc:"Some of them, by address"`
}

type experienceAnswer struct{ Body Experience }

func (a *Admin) experienceRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "show-experience", Method: http.MethodGet, Path: "/api/v1/experience", Summary: "Show how people sign in and sign up"},
		func(ctx context.Context, _ *struct{}) (*experienceAnswer, error) {
			x, err := a.deps.People.Experience(ctx)
			if err != nil {
				return nil, err
			}
			body, err := a.showExperience(ctx, x)
			return &experienceAnswer{body}, err
		})
	operation(a, api, huma.Operation{OperationID: "update-experience", Method: http.MethodPatch, Path: "/api/v1/experience", Summary: "Change how people sign in and sign up, or try who would feel it"},
		func(ctx context.Context, in *struct {
			DryRun bool `query:"dry_run" doc:"Change nothing and say who would feel it"`
			Body   ExperienceChange
		}) (*struct{ Body ExperienceOutcome }, error) {
			out, err := a.changeExperience(ctx, in.Body, in.DryRun)
			return &struct{ Body ExperienceOutcome }{out}, err
		})
}

func (a *Admin) changeExperience(ctx context.Context, in ExperienceChange, dry bool) (ExperienceOutcome, error) {
	var (
		after authn.Experience
		who   []authn.Affected
		out   = ExperienceOutcome{DryRun: dry}
	)
	change, err := in.change()
	switch {
	case err != nil:
	case dry:
		after, who, err = a.deps.People.TryExperience(ctx, change)
	default:
		after, err = a.deps.People.ChangeExperience(ctx, actor, change)
	}
	var (
		bad     *authn.BadChoice
		settled *authn.Settled
	)
	switch {
	case errors.As(err, &bad):
		return out, refuse(422, "%s: %s", bad.Name, bad.Why)
	case errors.As(err, &settled):
		return out, refuse(409, "%s is settled by the configuration%s. Change it there; it is read-only here.", settled.Name, inBrackets(settled.Where))
	case err != nil:
		return out, err
	}
	for _, w := range who {
		out.Affected = append(out.Affected, Affected{How: w.How, Of: w.Of, People: w.People, First: w.First})
	}
	out.Experience, err = a.showExperience(ctx, after)
	return out, err
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// change reads which choices are made, and what they are.
func (c ExperienceChange) change() (authn.ExperienceChange, error) {
	var change authn.ExperienceChange
	reset := c.Reset
	c.Reset = nil
	if c.TrustDevice != nil && *c.TrustDevice == 0 {
		never := int64(-1)
		c.TrustDevice = &never
	}
	for name, rules := range map[string]*[]string{"allowed_domains": c.AllowedDomains, "refused_domains": c.RefusedDomains} {
		if rules == nil {
			continue
		}
		for i, rule := range *rules {
			domain, err := authn.Domain(name, rule)
			if err != nil {
				return change, err
			}
			(*rules)[i] = domain
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return change, err
	}
	var made map[string]json.RawMessage
	if err := json.Unmarshal(text, &made); err != nil {
		return change, err
	}
	for name := range made {
		if slices.Contains(reset, name) {
			return change, refuse(422, "%s is both set and reset. Say one of the two.", name)
		}
	}
	for _, name := range authn.Choices {
		if _, ok := made[name]; ok {
			change.Names = append(change.Names, name)
		}
	}
	change.Names = append(change.Names, reset...)
	if err := json.Unmarshal(text, &change.Values); err != nil {
		return change, fmt.Errorf("read change: %w", err)
	}
	return change, nil
}

func (a *Admin) showExperience(ctx context.Context, x authn.Experience) (Experience, error) {
	out := Experience{AllowedDomains: []string{}, RefusedDomains: []string{}, Attributes: []Field{}, Methods: []string{}, SecondFactorGroups: []string{}, SecondFactors: []string{}, Sources: map[string]ChoiceSource{}}
	text, err := json.Marshal(x)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return out, fmt.Errorf("show experience: %w", err)
	}
	sources, err := a.deps.People.Sources(ctx)
	for name, s := range sources {
		out.Sources[name] = ChoiceSource{From: s.From, Where: s.Where, ReadOnly: s.From == authn.FromConfiguration}
	}
	return out, err
}
