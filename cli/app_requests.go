package cli

import (
	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

// requestFlags are the flags that say what an application's authorization requests have to be like.
type requestFlags struct {
	pushed, signed bool
	answers        string
	alg, acr       string
	methods        []string
	typed          func(name string) bool
}

func (s *requestFlags) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.pushed, "require-par", false, "accept only authorization requests that it has pushed (RFC 9126)")
	f.BoolVar(&s.signed, "require-signed-requests", false, "accept only authorization requests that it has signed (RFC 9101)")
	f.StringVar(&s.alg, "request-alg", "", "the only `algorithm` it signs requests with: RS256, PS256, ES256 or EdDSA")
	f.StringVar(&s.answers, "response-alg", "RS256", "`algorithm` that signs the responses it wants signed: RS256, PS256, ES256 or EdDSA")
	f.StringVar(&s.acr, "required-acr", "", "how strong every sign-in must be at least, as `acr`: urn:gatelatch:1; empty for anything")
	f.StringArrayVar(&s.methods, "sign-in-method", nil, "what a sign-in to it may begin with, as `method`: code or password; again for more. Without any, or with \"\": whatever the server offers")
	s.typed = f.Changed
}

func (s *requestFlags) switches() admin.RequestSwitches {
	return admin.RequestSwitches{
		RequirePushedAuthorizationRequests: given(s.typed("require-par"), s.pushed),
		RequireSignedRequestObject:         given(s.typed("require-signed-requests"), s.signed),
		RequestObjectSigningAlg:            given(s.typed("request-alg"), s.alg),
		SignInMethods:                      given(s.typed("sign-in-method"), nonEmpty(s.methods)),
		RequiredACR:                        given(s.typed("required-acr"), s.acr),
		AuthorizationSignedResponseAlg:     given(s.typed("response-alg"), s.answers),
	}
}

// showRequests adds to the table what an application's authorization requests have to be like.
func (w columns) showRequests(app admin.App) {
	if app.RequirePushedAuthorizationRequests {
		w.row("  Requests", "only those it has pushed")
	}
	if app.RequireSignedRequestObject {
		w.row("  Requests", "only those it has signed")
	}
	if len(app.SignInMethods) > 0 {
		w.row("  Sign-ins", "begin with "+orList(app.SignInMethods))
	}
	if app.RequiredACR != "" {
		w.row("  Sign-ins", "of strength "+app.RequiredACR+" and more")
	}
}
