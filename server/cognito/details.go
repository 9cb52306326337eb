package cognito

import (
	"slices"

	"gatelatch/server/authn"
)

// accepted are the versions of terms that an application says its person has accepted: ClientMetadata is where Amplify lets it say more
// than the protocol knows. The names are those of the settings.
func accepted(metadata map[string]string) authn.Accepted {
	return authn.Accepted{authn.DocumentTerms: metadata["terms_version"], authn.DocumentPrivacy: metadata["privacy_version"]}
}

// details goes on with somebody of whom something is required that is not known. The protocol asks for attributes along with a new
// password only; everybody else says what is lacking on the pages of this server, once.
func (d *Door) details(a *attempt) (any, error) {
	_, s, err := d.Engine.Standing(a.ctx, a.visitor, a.flow)
	if err != nil {
		return nil, err
	}
	switch {
	case !a.accepted.Covers(s.Owed):
		return nil, d.elsewhere("There is something to accept before you are in here.")
	case len(s.Owed.Fields) == 0:
		in, err := d.Engine.GiveDetails(a.ctx, a.visitor, authn.Details{Flow: a.flow, Accepted: true})
		return d.next(a, in, err)
	case speakable(s.Owed) && s.Has.Temporary && slices.ContainsFunc(s.Proven, func(p authn.Proven) bool { return p.Method == authn.MethodPassword }):
		return d.askNewPassword(a)
	}
	return nil, d.elsewhere("Something about you has still to be added before you are in here.")
}

// elsewhere sends somebody to the pages of this server, where everything can be said: applications show the sentence. Who is signed in there
// already, from before something was required, has to sign out first: that is why it is anew.
func (d *Door) elsewhere(why string) error {
	return fail("NotAuthorizedException", "%s Sign in anew at %s and come back.", why, d.Pages)
}

// required are the names of the attributes that a person owes, as the protocol calls them.
func required(o authn.Owed) []string {
	names := []string{}
	for _, f := range o.Fields {
		names = append(names, wireName(f.Name, f.Own()))
	}
	return names
}

// speakable reports whether the protocol has names for all that a person owes.
func speakable(o authn.Owed) bool { return !slices.Contains(required(o), "") }
