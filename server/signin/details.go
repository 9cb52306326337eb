package signin

import (
	"cmp"
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// inDetails makes a handler of one that needs a flow whose person has proven enough, and has still something to say.
func (d *Door) inDetails(v *visit, h func(*step, storage.User, authn.Standing) error) error {
	return d.inFlow(v, func(s *step) error {
		user, standing, err := d.engine.Standing(v.r.Context(), v.visitor, v.flow)
		if errors.Is(err, authn.ErrSignIn) || errors.Is(err, authn.ErrFlowDone) {
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		}
		if err != nil {
			return err
		}
		if next := authn.After(standing); next != authn.StepDetails {
			return web.SeeOther(v.w, v.r, at(firstOf(pages[next], "/sign-in"), v.flow))
		}
		return h(s, user, standing)
	})
}

// details asks for what is owed.
func (d *Door) details(v *visit) error {
	return d.inDetails(v, func(s *step, u storage.User, standing authn.Standing) error {
		return d.showDetails(s, http.StatusOK, u, standing, nil)
	})
}

// showDetails shows the page; wrong says what is to be put right, of what was typed.
func (d *Door) showDetails(s *step, status int, u storage.User, standing authn.Standing, wrong *authn.BadDetails) error {
	who, err := d.who(s, u)
	if err != nil {
		return err
	}
	page := views.DetailsPage{Frame: d.stepFrame(s, "/sign-in/details"), Flow: s.visit.flow, Who: who, New: standing.New, Unaccepted: wrong != nil && wrong.Unaccepted}
	if standing.Owed.Username {
		page.Username = &views.UsernameField{Value: u.Username}
		if wrong != nil {
			page.Username.Value, page.Username.Problem = s.in.Get("username"), usernameProblem(wrong.Username)
		}
	}
	for _, f := range standing.Owed.Fields {
		shown := detailField(page.Words, f)
		if wrong != nil {
			shown.Value = s.in.Get(f.Name)
			missing, bad := wrong.Fields[f.Name]
			shown.Missing, shown.Bad = missing, bad && !missing
		}
		page.Fields = append(page.Fields, shown)
	}
	for _, doc := range standing.Owed.Documents {
		page.Documents = append(page.Documents, views.DocumentLink{Name: doc.Name, URL: doc.URL})
	}
	return d.show(s.visit, status, views.PageMayLeave, views.Details(page))
}

func detailField(c *words.Catalogue, f authn.Field) views.DetailField {
	shown := views.DetailField{Name: f.Name, Label: f.Label(c.Lang()), Type: cmp.Or(f.Type, authn.FieldText), Required: f.Asked == authn.AskedRequired, Once: f.Immutable}
	if f.Own() && shown.Label == "" {
		shown.Label = f.Name
	}
	for _, choice := range f.Choices {
		shown.Choices = append(shown.Choices, views.DetailChoice{Value: choice.Value, Label: choice.Label(c.Lang())})
	}
	return shown
}

// usernameProblem is the word for why a username was refused.
func usernameProblem(err error) views.UsernameProblem {
	switch {
	case err == nil:
		return views.UsernameFine
	case errors.Is(err, authn.ErrUsernameTaken):
		return views.UsernameTaken
	case errors.Is(err, authn.ErrTooMany):
		return views.UsernameMany
	}
	return views.UsernameBad
}

// postDetails keeps them and goes on.
func (d *Door) postDetails(v *visit) error {
	return d.inDetails(v, func(s *step, u storage.User, standing authn.Standing) error {
		given := authn.Details{Flow: v.flow, Values: map[string]string{}, Username: v.in.Get("username"), Accepted: v.in.Get("accept") == "1", Cookie: d.session(v)}
		for _, f := range standing.Owed.Fields {
			given.Values[f.Name] = v.in.Get(f.Name)
		}
		in, err := d.engine.GiveDetails(v.r.Context(), v.visitor, given)
		var wrong *authn.BadDetails
		switch {
		case errors.As(err, &wrong):
			return d.showDetails(s, http.StatusUnprocessableEntity, u, standing, wrong)
		case errors.Is(err, authn.ErrSignIn), errors.Is(err, authn.ErrFlowDone):
			return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
		case err != nil:
			return err
		}
		return d.signedIn(v, in)
	})
}
