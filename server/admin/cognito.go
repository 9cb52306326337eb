package admin

import (
	"net/url"
	"strings"

	"gatelatch/storage"
)

// AppCognito is how an application made with AWS Amplify speaks to this server, as the API shows it.
type AppCognito struct {
	Cognito  bool   `json:"cognito,omitempty" doc:"It may use the Cognito API, and its tokens are those of the pool"`
	SRP      bool   `json:"cognito_srp,omitempty" doc:"Its people may sign in by USER_SRP_AUTH: a verifier of each password is kept, sealed"`
	PoolID   string `json:"user_pool_id,omitempty"`
	Endpoint string `json:"user_pool_endpoint,omitempty"`
}

// CognitoSwitches open the Cognito API for an application; nil leaves it as it is.
type CognitoSwitches struct {
	Cognito *bool `json:"cognito,omitempty" doc:"It may use the Cognito API; only for applications without a secret"`
	SRP     *bool `json:"cognito_srp,omitempty" doc:"Its people may sign in by USER_SRP_AUTH"`
}

func (s CognitoSwitches) apply(c storage.Client) storage.Client {
	if s.Cognito != nil {
		c.Settings.Cognito = *s.Cognito
	}
	if s.SRP != nil {
		c.Settings.SRP = *s.SRP
	}
	return c
}

func (a *Admin) cognitoOf(c storage.Client) AppCognito {
	if !c.Settings.Cognito {
		return AppCognito{}
	}
	return AppCognito{Cognito: true, SRP: c.Settings.SRP, PoolID: a.cfg.PoolID, Endpoint: a.cfg.PublicURL.JoinPath("cognito").String()}
}

// checkCognito refuses the Cognito API to applications that it is not made for.
func checkCognito(c storage.Client) error {
	switch {
	case c.Settings.Cognito && !c.Public():
		return refuse(422, "The Cognito API is for applications without a secret: type spa or native. One with a server signs people in by OpenID Connect.")
	case c.Settings.SRP && !c.Settings.Cognito:
		return refuse(422, "cognito_srp goes with cognito: open the Cognito API as well, or leave both out.")
	}
	return nil
}

// amplifyGuide is the configuration of the Amplify tutorials, and nothing else: their applications run as they are.
func amplifyGuide(v guideValues) Guide {
	g := Guide{
		Files: []File{{"amplify.js", fill(amplifyConfigure, v)}},
		Notes: []string{
			"npm install aws-amplify, and @aws-amplify/ui-react for the Authenticator.",
			"Import amplify.js before anything else. userPoolEndpoint has no key in amplify_outputs.json: configure in code, as here.",
			"Amplify says in the console that a custom endpoint is used: that is as it should be.",
			"On a server, check tokens with JwtVerifier or jose: the issuer is " + v.Endpoint + "/cognito/" + v.PoolID + ". CognitoJwtVerifier takes Amazon's issuers only.",
		},
	}
	if u, err := url.Parse(v.Endpoint); err == nil && u.Scheme == "https" {
		g.Notes = append(g.Notes, "For signInWithRedirect add loginWith.oauth: domain '"+strings.TrimPrefix(v.Endpoint, "https://")+"/cognito', redirectSignIn and redirectSignOut as registered.")
	} else {
		g.Notes = append(g.Notes, "signInWithRedirect needs https, also on this machine: Amplify puts it in front of the domain by itself.")
	}
	return g
}

const amplifyConfigure = `import { Amplify } from 'aws-amplify';

Amplify.configure({
  Auth: {
    Cognito: {
      userPoolId: '{{.PoolID}}',
      userPoolClientId: '{{.ClientID}}',
      userPoolEndpoint: '{{.Endpoint}}/cognito',
      loginWith: { email: true },
    },
  },
});
`
