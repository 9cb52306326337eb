package admin

import (
	"bytes"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"text/template"
)

// Guide is what somebody pastes into an application: nothing in it has to be filled in by hand.
type Guide struct {
	Env   []EnvLine `json:"env" doc:"Lines for the .env file of the application"`
	Files []File    `json:"files" doc:"Code, each with the file it belongs to"`
	Notes []string  `json:"notes" doc:"What else there is to know, a sentence each"`
}

// EnvLine is one variable.
type EnvLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// File is a piece of code and where it goes.
type File struct {
	Name string `json:"name"`
	Code string `json:"code"`
}

// guideValues is what the guides are filled in with.
type guideValues struct {
	App
	Secret     string // "" when it is not new: then the line asks for the one that was kept
	Endpoint   string // the public address, which the Logto SDKs add /oidc to
	Redirect   string // the first redirect URI
	PostLogout string // the first post-logout redirect URI; "" if there is none
	Base       string // origin of the application
	Random     string // a secret for the application itself
	Provider   string // Auth.js: the last part of the callback path
}

func (a *Admin) guide(app App, secret string) Guide {
	v := guideValues{App: app, Secret: secret, Endpoint: a.cfg.PublicURL.String(), Random: rand.Text() + rand.Text(), Provider: "gatelatch"}
	if len(app.RedirectURIs) > 0 {
		v.Redirect = app.RedirectURIs[0]
	}
	if len(app.PostLogoutRedirectURIs) > 0 {
		v.PostLogout = app.PostLogoutRedirectURIs[0]
	}
	if u, err := url.Parse(v.Redirect); err == nil {
		v.Base = u.Scheme + "://" + u.Host
		if before, id, ok := strings.Cut(u.Path, "/api/auth/callback/"); ok && before == "" && id != "" && !strings.Contains(id, "/") {
			v.Provider = id
		}
	}
	g := presetOf(app.Framework).guide(v)
	if g.Env == nil {
		g.Env = []EnvLine{}
	}
	if g.Files == nil {
		g.Files = []File{}
	}
	if g.Notes == nil {
		g.Notes = []string{}
	}
	return g
}

// nextjsGuide is the provider of the Auth.js tutorials. Auth.js finds AUTH_<PROVIDER>_ID, _SECRET and _ISSUER by itself;
// they are written out so that the block also works under another id.
func nextjsGuide(v guideValues) Guide {
	prefix := "AUTH_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(v.Provider))
	g := Guide{
		Env: []EnvLine{
			{"AUTH_SECRET", v.Random},
			{prefix + "_ID", v.ClientID},
			{prefix + "_SECRET", v.Secret},
			{prefix + "_ISSUER", v.Issuer},
		},
		Files: []File{
			{"auth.ts", fill(nextjsAuth, map[string]any{"V": v, "Prefix": prefix})},
			{"app/api/auth/[...nextauth]/route.ts", "import { handlers } from '@/auth';\n\nexport const { GET, POST } = handlers;\n"},
		},
		Notes: []string{
			"npm install next-auth@beta",
			"@/ is the folder that auth.ts is in, as create-next-app sets it up (\"paths\": {\"@/*\": [\"./*\"]} in tsconfig.json).",
			"Sign in with a server action: <form action={async () => { 'use server'; await signIn('" + v.Provider + "'); }}><button>Sign in</button></form>",
			"auth() says who is signed in, in any server component; both come from '@/auth'.",
		},
	}
	if v.PostLogout == "" {
		g.Notes = append(g.Notes, "Without a post-logout redirect URI signing out ends on a page of Gatelatch.")
	}
	g.Files = append(g.Files, File{"app/sign-out.ts", fill(nextjsSignOut, map[string]any{"V": v, "Prefix": prefix})})
	g.Notes = append(g.Notes, "signOut() of Auth.js ends only the application's own session: the next sign-in asks nothing. signOutEverywhere() in app/sign-out.ts ends both.")
	return g
}

const nextjsAuth = `import NextAuth from 'next-auth';

export const { handlers, signIn, signOut, auth } = NextAuth({
  providers: [
    {
      id: '{{.V.Provider}}',
      name: 'Gatelatch',
      type: 'oidc',
      issuer: process.env.{{.Prefix}}_ISSUER,
      clientId: process.env.{{.Prefix}}_ID,
      clientSecret: process.env.{{.Prefix}}_SECRET,
      authorization: {
        params: { scope: 'openid offline_access profile email' },
      },
      profile(profile) {
        return {
          id: profile.sub,
          name: profile.name ?? profile.username,
          email: profile.email,
          image: profile.picture,
        };
      },
    },
  ],
  callbacks: {
    // Kept in the encrypted session cookie, for signing out at Gatelatch too.
    jwt({ token, account }) {
      if (account?.id_token) token.idToken = account.id_token;
      return token;
    },
  },
});
`

const nextjsSignOut = `'use server';

import { cookies, headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { getToken } from 'next-auth/jwt';
import { signOut } from '@/auth';

export async function signOutEverywhere() {
  const secureCookie = (await cookies()).getAll().some((cookie) => cookie.name.startsWith('__Secure-authjs.'));
  const token = await getToken({
    req: { headers: await headers() },
    secret: process.env.AUTH_SECRET,
    secureCookie,
  });
  await signOut({ redirect: false });

  const end = new URL(process.env.{{.Prefix}}_ISSUER + '/logout');
  end.searchParams.set('client_id', process.env.{{.Prefix}}_ID!);
{{- if .V.PostLogout}}
  end.searchParams.set('post_logout_redirect_uri', '{{.V.PostLogout}}');
{{- end}}
  if (typeof token?.idToken === 'string') end.searchParams.set('id_token_hint', token.idToken);
  redirect(end.href);
}
`

// expressGuide is the configuration of @logto/express, which adds /oidc to the endpoint itself.
func expressGuide(v guideValues) Guide {
	g := Guide{
		Env: []EnvLine{
			{"LOGTO_ENDPOINT", v.Endpoint},
			{"LOGTO_APP_ID", v.ClientID},
			{"LOGTO_APP_SECRET", v.Secret},
			{"BASE_URL", v.Base},
			{"SESSION_SECRET", v.Random},
		},
		Files: []File{{"app.mjs", expressApp}},
		Notes: []string{
			"npm install @logto/express express express-session cookie-parser",
			"node --env-file=.env app.mjs",
			"Open BASE_URL. /logto/sign-out ends the session at Gatelatch too and comes back; Gatelatch asks first, because this SDK sends no ID token.",
		},
	}
	if v.Issuer != v.Endpoint+"/oidc" {
		g.Notes = append(g.Notes, "The Logto SDKs look for the issuer under /oidc. Set issuer_path to /oidc in the configuration of the server, or they will not find it.")
	}
	return g
}

const expressApp = `import { handleAuthRoutes, withLogto } from '@logto/express';
import cookieParser from 'cookie-parser';
import express from 'express';
import session from 'express-session';

const config = {
  endpoint: process.env.LOGTO_ENDPOINT,
  appId: process.env.LOGTO_APP_ID,
  appSecret: process.env.LOGTO_APP_SECRET,
  baseUrl: process.env.BASE_URL,
  scopes: ['email'],
};

const app = express();
app.use(cookieParser());
app.use(session({ secret: process.env.SESSION_SECRET, cookie: { maxAge: 14 * 24 * 60 * 60 * 1000 }, resave: false, saveUninitialized: true }));
app.use(handleAuthRoutes(config));

app.get('/', withLogto(config), (request, response) => {
  if (request.user.isAuthenticated) {
    response.send('Hello ' + request.user.claims.email + ' <a href="/logto/sign-out">Sign out</a>');
  } else {
    response.send('<a href="/logto/sign-in">Sign in</a>');
  }
});

app.listen(new URL(config.baseUrl).port || 3000);
`

func spaGuide(v guideValues) Guide {
	return Guide{
		Files: []File{{"auth.js", fill(spaAuth, v)}},
		Notes: []string{
			"npm install oidc-client-ts",
			"Call users.signinRedirect() to sign in, and users.signinCallback() on " + v.Redirect + ".",
			"users.signoutRedirect() signs out of the application and of Gatelatch.",
		},
	}
}

const spaAuth = `import { UserManager, WebStorageStateStore } from 'oidc-client-ts';

export const users = new UserManager({
  authority: '{{.Issuer}}',
  client_id: '{{.ClientID}}',
  redirect_uri: '{{.Redirect}}',
{{- if .PostLogout}}
  post_logout_redirect_uri: '{{.PostLogout}}',
{{- end}}
  scope: 'openid offline_access profile email',
  userStore: new WebStorageStateStore({ store: window.localStorage }),
});
`

func nativeGuide(v guideValues) Guide {
	if v.Redirect == "" {
		return genericGuide(v)
	}
	g := Guide{
		Env:   []EnvLine{{"OIDC_ISSUER", v.Issuer}, {"OIDC_CLIENT_ID", v.ClientID}, {"OIDC_REDIRECT_URI", v.Redirect}},
		Notes: []string{"Open the system browser, with PKCE (S256) and without a secret (RFC 8252)."},
	}
	if strings.HasPrefix(v.Redirect, "http://") {
		g.Notes = append(g.Notes, "A redirect URI on 127.0.0.1 or [::1] may have any port: listen on a free one and send it.")
	}
	return g
}

// machineGuide is for a program that acts for itself (RFC 6749 §4.4).
func machineGuide(v guideValues) Guide {
	if v.TokenEndpointAuthMethod == "private_key_jwt" {
		return Guide{
			Env:   []EnvLine{{"OIDC_ISSUER", v.Issuer}, {"OIDC_CLIENT_ID", v.ClientID}},
			Notes: []string{"Sign a new client_assertion for every request, addressed to " + v.Issuer + " (RFC 7523)."},
		}
	}
	return Guide{
		Env:   []EnvLine{{"OIDC_ISSUER", v.Issuer}, {"OIDC_CLIENT_ID", v.ClientID}, {"OIDC_CLIENT_SECRET", v.Secret}},
		Files: []File{{"token.sh", "curl -sS -u \"$OIDC_CLIENT_ID:$OIDC_CLIENT_SECRET\" -d grant_type=client_credentials \"$OIDC_ISSUER/token\"\n"}},
		Notes: []string{
			"set -a; . ./.env; sh token.sh",
			"The token is good for expires_in seconds. Ask for a new one then; there is no refresh token.",
		},
	}
}

func genericGuide(v guideValues) Guide {
	g := Guide{Env: []EnvLine{{"OIDC_ISSUER", v.Issuer}, {"OIDC_CLIENT_ID", v.ClientID}}}
	if v.Type == "m2m" {
		return machineGuide(v)
	}
	if v.Type == "web" && v.TokenEndpointAuthMethod != "private_key_jwt" {
		g.Env = append(g.Env, EnvLine{"OIDC_CLIENT_SECRET", v.Secret})
	}
	if v.Redirect != "" {
		g.Env = append(g.Env, EnvLine{"OIDC_REDIRECT_URI", v.Redirect})
	}
	g.Notes = []string{"Everything else is in " + v.Issuer + "/.well-known/openid-configuration."}
	if slices.Contains(v.GrantTypes, "urn:ietf:params:oauth:grant-type:device_code") {
		g.Notes = append(g.Notes, "A device asks "+v.Issuer+"/device_authorization, shows user_code and verification_uri, and asks "+v.Issuer+"/token until somebody has answered (RFC 8628).")
	}
	if v.Type != "web" && v.Redirect != "" {
		g.Notes = append(g.Notes, "Send PKCE (S256); there is no secret.")
	}
	return g
}

// fill puts values into a piece of code. Addresses hold no quotes: clients.Settle refuses what would need escaping.
func fill(code string, values any) string {
	var b bytes.Buffer
	if err := template.Must(template.New("guide").Parse(code)).Execute(&b, values); err != nil {
		panic("admin: a guide does not fit its values: " + err.Error())
	}
	return b.String()
}
