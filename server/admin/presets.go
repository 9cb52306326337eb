package admin

// preset is what an application made with a framework begins with: where the framework's own guide expects to be
// called back on the developer's machine, and the switches it needs.
type preset struct {
	kind                   string
	redirectURIs           []string
	postLogoutRedirectURIs []string
	pkce                   bool // a confidential client that is known to send PKCE
	username               bool // reads Logto's claim username
	guide                  func(g guideValues) Guide
}

var presets = map[string]preset{
	"nextjs": {
		kind:                   "web",
		redirectURIs:           []string{"http://localhost:3000/api/auth/callback/gatelatch"},
		postLogoutRedirectURIs: []string{"http://localhost:3000"},
		pkce:                   true, username: true, guide: nextjsGuide,
	},
	"express": {
		kind:                   "web",
		redirectURIs:           []string{"http://localhost:3000/logto/sign-in-callback"},
		postLogoutRedirectURIs: []string{"http://localhost:3000"},
		pkce:                   true, username: true, guide: expressGuide,
	},
	"spa": {
		kind:                   "spa",
		redirectURIs:           []string{"http://localhost:5173/callback"},
		postLogoutRedirectURIs: []string{"http://localhost:5173"},
		pkce:                   true, guide: spaGuide,
	},
	"native":  {kind: "native", redirectURIs: []string{"http://127.0.0.1/callback"}, pkce: true, guide: nativeGuide},
	"generic": {kind: "web", guide: genericGuide},
}

func presetOf(framework string) preset {
	if p, ok := presets[framework]; ok {
		return p
	}
	return presets["generic"]
}
