package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/storage"
)

// Letter is a link that signs a person in once. It is shown this one time.
type Letter struct {
	Link    string    `json:"link" doc:"Works once. Nothing is spent by opening it; its page has a button"`
	Expires time.Time `json:"expires"`
}

// LetterCode is a code that signs a person in once. It is shown this one time.
type LetterCode struct {
	Code    string    `json:"code" doc:"Twelve digits, to be told; spaces count for nothing"`
	Page    string    `json:"page" doc:"Where it is typed, beside an address or username"`
	Expires time.Time `json:"expires"`
}

// LetterWish says what a link is to do.
type LetterWish struct {
	Recover bool `json:"recover,omitempty" doc:"All is lost: no second factor is asked for. The session lives an hour and opens the account page alone"`
}

func (a *Admin) letterRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "create-link", Method: http.MethodPost, Path: "/api/v1/users/{user}/links", DefaultStatus: http.StatusCreated,
		Summary: "Make a link that signs a person in once, within an hour"},
		func(ctx context.Context, in *struct {
			User string `path:"user" doc:"The sub, or an e-mail address"`
			Body LetterWish
		}) (*struct{ Body Letter }, error) {
			out := &struct{ Body Letter }{}
			_, err := a.change(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				made, err := a.deps.People.WriteLetter(ctx, by, id, in.Body.Recover)
				out.Body = Letter{Link: strings.TrimSuffix(a.cfg.PublicURL.String(), "/") + "/sign-in/letter?" + url.Values{"t": {made.Token}}.Encode(), Expires: made.Expires.UTC()}
				return err
			})
			return out, err
		})
	operation(a, api, huma.Operation{OperationID: "create-code", Method: http.MethodPost, Path: "/api/v1/users/{user}/codes", DefaultStatus: http.StatusCreated,
		Summary: "Make a code to tell a person by phone, which signs them in once, within 15 minutes; one made before works no more"},
		func(ctx context.Context, in *userPath) (*struct{ Body LetterCode }, error) {
			out := &struct{ Body LetterCode }{}
			_, err := a.change(ctx, in.User, func(ctx context.Context, by string, id storage.ID) error {
				made, err := a.deps.People.WriteLetterCode(ctx, by, id)
				out.Body = LetterCode{Code: made.Code, Page: strings.TrimSuffix(a.cfg.PublicURL.String(), "/") + "/sign-in/letter", Expires: made.Expires.UTC()}
				return err
			})
			return out, err
		})
}
