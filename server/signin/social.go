package signin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatelatch/server/authn"
	"gatelatch/server/social"
	"gatelatch/server/web"
	"gatelatch/views"
)

// What became of the way to a provider, told to the sign-in page behind a 303.
const (
	stateRefused   = "refused"    // the person, or the provider, said no
	stateFailed    = "failed"     // the provider cannot be reached, or its answer is not to be believed
	stateNoAccount = "no_account" // the account there opens none here
)

var notes = map[string]views.ProviderNote{stateRefused: views.ProviderRefused, stateFailed: views.ProviderFailed, stateNoAccount: views.ProviderNoAccount}

// postSocial sends the browser to a provider.
func (d *Door) postSocial(v *visit) error {
	return d.inFlow(v, func(s *step) error { return d.toProvider(s, v.in.Get("connection")) })
}

// direct sends the browser on to the provider that the application has named, without a page of ours. If that one cannot be used, the
// page comes after all.
func (d *Door) direct(v *visit) error {
	return d.inFlow(v, func(s *step) error {
		p, found, err := d.engine.Direct(v.r.Context(), s.client, s.demands.Direct)
		if err != nil {
			return err
		}
		if !found {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		return d.toProvider(s, p.ID)
	})
}

func (d *Door) toProvider(s *step, connection string) error {
	address, err := d.engine.AskProvider(s.r.Context(), s.visitor, s.visit.flow, connection)
	switch {
	case err == nil:
		return web.SeeOther(s.w, s.r, address)
	case errors.Is(err, authn.ErrProvider):
		return web.SeeOther(s.w, s.r, noted(s.visit.flow, stateFailed, connection))
	case errors.Is(err, authn.ErrNotHere), errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(s.w, s.r, at("/sign-in", s.visit.flow))
	}
	return err
}

// noted is the sign-in page with a word about a provider.
func noted(flow, state, connection string) string {
	return at("/sign-in", flow) + "&state=" + state + "&connection=" + url.QueryEscape(connection)
}

// answerParams are what providers send: RFC 6749 §4.1.2, RFC 9207, and the name that Apple tells once.
var answerParams = []string{"code", "state", "error", "iss", "user"}

// answerMost bounds what is carried over from a provider's POST.
const answerMost = 8 << 10

// postCallback brings a provider's answer by POST (form_post) onto the one way there is: a browser does not send our cookies with a POST
// from another site, but it does with the GET we send it to. Nothing is looked at here.
func (d *Door) postCallback(w http.ResponseWriter, r *http.Request) error {
	in, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	kept := url.Values{}
	for _, name := range answerParams {
		if values := in[name]; len(values) > 0 {
			kept[name] = values
		}
	}
	query := kept.Encode()
	if len(query) > answerMost {
		return &web.Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Err: errors.New("an answer of more than 8 KiB")}
	}
	return web.SeeOther(w, r, authn.CallbackPath(url.PathEscape(r.PathValue("connection")))+"?"+query)
}

// callback is where a browser comes back to from a provider.
func (d *Door) callback(v *visit) error {
	connection := v.r.PathValue("connection")
	back, err := d.engine.Return(v.r.Context(), v.visitor, authn.Brought{Connection: connection, State: v.in.Get("state"), Cookie: d.session(v),
		Answer: social.Answer{Code: v.in.Get("code"), Error: v.in.Get("error"), Issuer: v.in.Get("iss"), User: v.in.Get("user")}})
	state, known := map[error]string{nil: "", authn.ErrProvider: stateFailed, authn.ErrProviderRefused: stateRefused, authn.ErrNoAccount: stateNoAccount,
		authn.ErrLinkedElsewhere: "elsewhere", authn.ErrSignIn: "again"}[err]
	v.flow = back.Flow
	switch {
	case errors.Is(err, authn.ErrFlowGone):
		return d.gone(v)
	case errors.Is(err, authn.ErrFlowDone):
		return web.SeeOther(v.w, v.r, at("/sign-in", back.Flow))
	case !known:
		return err
	case back.ReturnTo != "":
		return web.SeeOther(v.w, v.r, back.ReturnTo+"?state="+firstOf(state, "linked"))
	case err != nil:
		return web.SeeOther(v.w, v.r, noted(back.Flow, state, connection))
	case back.SignIn.Step == authn.StepSignIn:
		return web.SeeOther(v.w, v.r, at("/sign-in", back.Flow))
	}
	return d.signedIn(v, back.SignIn)
}

// postDisconnect goes on without the account elsewhere that waits for its person.
func (d *Door) postDisconnect(v *visit) error {
	return d.inFlow(v, func(*step) error {
		if err := d.engine.ForgetWaiting(v.r.Context(), v.visitor, v.flow); err != nil && !errors.Is(err, authn.ErrFlowDone) {
			return err
		}
		return web.SeeOther(v.w, v.r, at("/sign-in", v.flow)+"&other=1")
	})
}

// withProviders fills in what the sign-in page says about providers.
func (d *Door) withProviders(s *step, page *views.SignInPage) error {
	ctx := s.r.Context()
	all, err := d.engine.Providers(ctx, s.client)
	if err != nil {
		return err
	}
	for _, p := range all {
		page.Providers = append(page.Providers, views.Provider{ID: p.ID, Kind: p.Kind, Name: p.Name})
	}
	if i := slices.IndexFunc(all, func(p authn.Provider) bool { return p.ID == s.in.Get("connection") }); i >= 0 && s.r.Method == http.MethodGet {
		page.Note, page.NoteFrom = notes[s.in.Get("state")], all[i].Name
	}
	w, err := d.engine.WaitingAccount(ctx, s.flow)
	if err != nil || w == nil {
		return err
	}
	page.Waiting = &views.WaitingAccount{Provider: views.Provider{ID: w.ID, Kind: w.Kind, Name: w.Name}, Label: w.Label}
	page.Providers, page.SignedIn = nil, nil // who they are here is proven another way, and by nobody's leave
	if page.Email == "" && s.r.Method == http.MethodGet {
		page.Email = w.Email
	}
	return nil
}
