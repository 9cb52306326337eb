package admin

import (
	"net/url"
	"slices"
	"strings"
)

// preset is what an application made with a framework begins with: where the framework's own guide expects to be
// called back on the developer's machine, and the switches it needs.
type preset struct {
	kind                   string
	redirectURIs           []string
	callback               string // the path that a bare site address gets; "" leaves it bare
	bareToo                bool   // people write a bare address with or without the slash, and mean both
	postLogoutRedirectURIs []string
	pkce                   bool // a confidential client that is known to send PKCE
	cognito                bool // speaks the Cognito API
	username               bool // reads Logto's claim username
	guide                  func(g guideValues) Guide
}

var presets = map[string]preset{
	"nextjs": {
		kind:                   "web",
		redirectURIs:           []string{"http://localhost:3000/api/auth/callback/gatelatch"},
		callback:               "/api/auth/callback/gatelatch",
		postLogoutRedirectURIs: []string{"http://localhost:3000"},
		pkce:                   true, username: true, guide: nextjsGuide,
	},
	"express": {
		kind:                   "web",
		redirectURIs:           []string{"http://localhost:3000/logto/sign-in-callback"},
		callback:               "/logto/sign-in-callback",
		postLogoutRedirectURIs: []string{"http://localhost:3000"},
		pkce:                   true, username: true, guide: expressGuide,
	},
	"spa": {
		kind:                   "spa",
		redirectURIs:           []string{"http://localhost:5173/callback"},
		postLogoutRedirectURIs: []string{"http://localhost:5173"},
		pkce:                   true, guide: spaGuide,
	},
	"amplify": {kind: "spa", callback: "/", bareToo: true, redirectURIs: []string{"http://localhost:5173/"}, postLogoutRedirectURIs: []string{"http://localhost:5173/"}, pkce: true, cognito: true, guide: amplifyGuide},
	"native":  {kind: "native", redirectURIs: []string{"http://127.0.0.1/callback"}, pkce: true, guide: nativeGuide},
	"m2m":     {kind: "m2m", guide: machineGuide},
	"generic": {kind: "web", guide: genericGuide},
}

// addresses are where an application made with the preset is called back, and where it goes after signing out: what was
// given, with the framework's path on a bare site address, and else the framework's own on this machine.
func (p preset) addresses(redirects, logouts []string) (_, _ []string) {
	if redirects == nil {
		redirects = p.redirectURIs
	}
	sites := make([]string, 0, len(redirects))
	redirects = slices.Clone(redirects)
	for i, uri := range redirects {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || u.RawQuery != "" {
			continue
		}
		if sites = append(sites, u.Scheme+"://"+u.Host); strings.Trim(u.Path, "/") == "" && !strings.ContainsAny(uri, "?#") {
			redirects[i] = strings.TrimSuffix(uri, "/") + p.callback
			if p.bareToo {
				redirects = append(redirects, strings.TrimSuffix(uri, "/"))
			}
		}
	}
	if logouts == nil && p.postLogoutRedirectURIs != nil {
		logouts = sites
	}
	return redirects, logouts
}

func presetOf(framework string) preset {
	if p, ok := presets[framework]; ok {
		return p
	}
	return presets["generic"]
}
