package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatelatch/storage"
)

// SignUpChoices are the answers to who may sign up.
var SignUpChoices = []string{SignUpClosed, SignUpInvite, SignUpOpen}

// admits says whether whoever proves an address may make an account without being invited: nil, ErrSignUpClosed or ErrDomain. Every
// door that makes accounts asks it.
func (x Experience) admits(address string) error {
	switch {
	case x.SignUp != SignUpOpen:
		return ErrSignUpClosed
	case !x.admitsDomain(address):
		return ErrDomain
	}
	return nil
}

// admitsDomain reports whether people may sign up with an address like this one.
func (x Experience) admitsDomain(address string) bool {
	domain := address[strings.LastIndexByte(address, '@')+1:]
	of := func(rule string) bool {
		below, wide := strings.CutPrefix(rule, ".")
		return domain == below || wide && strings.HasSuffix(domain, rule)
	}
	return !slices.ContainsFunc(x.RefusedDomains, of) && (len(x.AllowedDomains) == 0 || slices.ContainsFunc(x.AllowedDomains, of))
}

// Domain brings a rule about domains into the form in which it is compared: a domain as addresses have it (NormalizeAddress), with a dot
// in front for the domains below it as well. *BadChoice.
func Domain(choice, typed string) (string, error) {
	domain, wide := strings.CutPrefix(strings.TrimSpace(typed), ".")
	address, err := NormalizeAddress("someone@" + domain)
	if err != nil {
		return "", &BadChoice{choice, fmt.Sprintf("%q is no domain. Write example.com for that domain alone, or .example.com for it and all below it.", typed)}
	}
	domain = address[strings.LastIndexByte(address, '@')+1:]
	if wide {
		domain = "." + domain
	}
	return domain, nil
}

// checkDomains refuses rules that no address could meet. *BadChoice.
func (x Experience) checkDomains() error {
	for name, rules := range map[string][]string{"allowed_domains": x.AllowedDomains, "refused_domains": x.RefusedDomains} {
		for _, rule := range rules {
			if kept, err := Domain(name, rule); err != nil {
				return err
			} else if kept != rule {
				return &BadChoice{name, fmt.Sprintf("%q is compared as %q. Write it so.", rule, kept)}
			}
		}
	}
	return nil
}

// maySignUp says whether whoever proves an address in a flow may make an account. closed is nil, ErrSignUpClosed or ErrDomain. An
// invitation of the flow that is for them wins over all rules; it is returned to be used.
func (e *Engine) maySignUp(tx storage.Tx, x Experience, f *storage.Flow, d Demands, address string, now int64) (invited *storage.Invitation, closed, err error) {
	if d.KnownOnly {
		return nil, ErrSignUpClosed, nil
	}
	if f != nil && !f.Invitation.IsZero() {
		i, err := e.liveInvitation(tx, f.Invitation, now)
		switch {
		case err == nil && (i.Address == "" || i.Address == address):
			return &i, nil, nil
		case err != nil && !errors.Is(err, ErrNoInvitation) && !errors.Is(err, ErrInviteUsed):
			return nil, nil, err
		}
	}
	return nil, x.admits(address), nil
}

// SignUpIn tells the pages of a flow who may make an account in it: one of the SignUp words.
func (e *Engine) SignUpIn(ctx context.Context, f storage.Flow) (string, error) {
	x, err := e.Experience(ctx)
	if err != nil || f.Invitation.IsZero() {
		return x.SignUp, err
	}
	switch _, err := e.liveInvitation(e.store.View(ctx), f.Invitation, e.now()); {
	case err == nil:
		return SignUpOpen, nil
	case !errors.Is(err, ErrNoInvitation) && !errors.Is(err, ErrInviteUsed):
		return "", err
	}
	return x.SignUp, nil
}
