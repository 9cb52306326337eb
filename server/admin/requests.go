package admin

import (
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// AppRequests is what an application's authorization requests have to be like, as the API shows it.
type AppRequests struct {
	RequirePushedAuthorizationRequests bool   `json:"require_pushed_authorization_requests,omitempty" doc:"Only requests that the application has pushed count (RFC 9126)"`
	RequireSignedRequestObject         bool   `json:"require_signed_request_object,omitempty" doc:"Only requests that the application has signed count (RFC 9101)"`
	RequestObjectSigningAlg            string `json:"request_object_signing_alg,omitempty" doc:"The only algorithm it signs them with; left out: any that is supported"`
	AuthorizationSignedResponseAlg     string `json:"authorization_signed_response_alg,omitempty" doc:"Signs the responses that it wants signed (response_mode jwt); left out: RS256"`
	RequiredACR                        string `json:"required_acr,omitempty" doc:"How strong every sign-in must be at least"`

	SignInMethods []string `json:"sign_in_methods,omitempty" doc:"What a sign-in to it may begin with; left out: whatever the server offers"`
}

// RequestSwitches change what an application's authorization requests have to be like; nil leaves a setting as it is.
type RequestSwitches struct {
	RequirePushedAuthorizationRequests *bool   `json:"require_pushed_authorization_requests,omitempty" doc:"Only requests that the application has pushed count (RFC 9126)"`
	RequireSignedRequestObject         *bool   `json:"require_signed_request_object,omitempty" doc:"Only requests that the application has signed count (RFC 9101)"`
	RequestObjectSigningAlg            *string `json:"request_object_signing_alg,omitempty" doc:"Empty for any that is supported"`
	AuthorizationSignedResponseAlg     *string `json:"authorization_signed_response_alg,omitempty" enum:"RS256,PS256,ES256,EdDSA"`
	RequiredACR                        *string `json:"required_acr,omitempty" doc:"How strong every sign-in must be at least; empty for anything"`

	SignInMethods *[]string `json:"sign_in_methods,omitempty" doc:"What a sign-in to it may begin with: code, password; empty for whatever the server offers"`
}

func (s RequestSwitches) apply(c storage.Client) storage.Client {
	set := &c.Settings
	if s.RequirePushedAuthorizationRequests != nil {
		set.RequirePushed = *s.RequirePushedAuthorizationRequests
	}
	if s.RequireSignedRequestObject != nil {
		set.RequireSigned = *s.RequireSignedRequestObject
	}
	if s.RequestObjectSigningAlg != nil {
		set.RequestObjectAlg = *s.RequestObjectSigningAlg
	}
	if s.AuthorizationSignedResponseAlg != nil {
		set.AuthorizationAlg = *s.AuthorizationSignedResponseAlg
	}
	if s.RequiredACR != nil {
		set.RequiredACR = *s.RequiredACR
	}
	if s.SignInMethods != nil {
		set.SignInMethods = *s.SignInMethods
	}
	return c
}

func requestsOf(c storage.Client) AppRequests {
	return AppRequests{RequirePushedAuthorizationRequests: c.Settings.RequirePushed, RequireSignedRequestObject: c.Settings.RequireSigned, RequestObjectSigningAlg: c.Settings.RequestObjectAlg,
		AuthorizationSignedResponseAlg: c.Settings.AuthorizationAlg, RequiredACR: c.Settings.RequiredACR, SignInMethods: c.Settings.SignInMethods}
}

// checkStrength refuses demands on sign-ins that nobody can meet.
func checkStrength(c storage.Client) error {
	if acr := c.Settings.RequiredACR; acr != "" && !authn.Reachable([]string{acr}) {
		return refuse(422, "required_acr is %q, and nobody can sign in here as strongly. It can be %s.", acr, strings.Join(authn.ACRs, ", "))
	}
	for _, m := range c.Settings.SignInMethods {
		method, connection, one := strings.Cut(m, ":") // social:CONNECTION
		if !slices.Contains(authn.FirstMethods, authn.Method(method)) || one && (method != string(authn.MethodSocial) || connection == "") {
			return refuse(422, "sign_in_methods has %q, and no sign-in can begin with that here. It can be %s.", m, authn.MethodList(authn.FirstMethods, ", "))
		}
	}
	return nil
}
