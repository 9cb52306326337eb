package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/server/authn"
)

// MailTest is what came of a test mail, with as much as the provider tells.
type MailTest struct {
	Sent     bool     `json:"sent"`
	Captured bool     `json:"captured,omitempty" doc:"No mailer is set up: it went to the inbox"`
	Reason   string   `json:"reason,omitempty" doc:"Why not, in plain words"`
	Next     string   `json:"next,omitempty" doc:"What to do about it"`
	Answer   string   `json:"answer,omitempty" doc:"What the provider said, word for word"`
	Facts    []string `json:"facts,omitempty" doc:"What else the provider says of the account"`
	Dialogue []string `json:"dialogue,omitempty" doc:"The conversation with the mail server, without passwords"`
}

type mailTestAnswer struct{ Body MailTest }

func (a *Admin) mailTestRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "test-mail", Method: http.MethodPost, Path: "/api/v1/mail/test", Summary: "Send a test mail and say what came of it"},
		func(ctx context.Context, in *struct {
			Body struct {
				Email string `json:"email" minLength:"3" maxLength:"254"`
			}
		}) (*mailTestAnswer, error) {
			address, err := authn.NormalizeAddress(in.Body.Email)
			if err != nil {
				return nil, refuse(422, "%q is not an e-mail address.", in.Body.Email)
			}
			result, err := a.deps.TestMail(ctx, address)
			if err != nil {
				return nil, err
			}
			return &mailTestAnswer{result}, nil
		})
}
