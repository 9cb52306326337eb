package oidc

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/jose"
	"gatelatch/storage"
)

// Scopes every client may ask for; others are passed over in silence (OpenID Connect Core §3.1.2.1).
var knownScopes = []string{"openid", "profile", "email", "address", "phone", "groups", "offline_access"}

// client is an application as fosite sees it.
type client struct {
	storage.Client
	secrets  []storage.ClientSecret
	keys     jose.Set // those it registered; see Provider.clientKeys
	defaults Lifetimes
}

var (
	_ fosite.Client                         = (*client)(nil)
	_ fosite.ClientWithCustomTokenLifespans = (*client)(nil)
)

// GetID implements fosite.Client.
func (c *client) GetID() string { return c.ID }

// GetHashedSecret implements fosite.Client; secrets are checked by Provider.authenticate and never by fosite.
func (c *client) GetHashedSecret() []byte { return nil }

// GetRedirectURIs implements fosite.Client.
func (c *client) GetRedirectURIs() []string { return c.RedirectURIs }

// GetGrantTypes implements fosite.Client.
func (c *client) GetGrantTypes() fosite.Arguments {
	return c.Grants()
}

// GetResponseTypes implements fosite.Client.
func (c *client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }

// GetScopes implements fosite.Client; who may ask for what is decided by mayAsk.
func (c *client) GetScopes() fosite.Arguments { return knownScopes }

// known are the scopes of a request for those APIs that the client may ask people for, each once; others are passed over in silence.
func (c *client) known(scope string, of ...storage.Resource) []string {
	var known []string
	for _, s := range strings.Fields(scope) {
		if mayAsk(c.Client, s, of...) && !slices.Contains(known, s) {
			known = append(known, s)
		}
	}
	return known
}

// youngest is how old a sign-in may be: as the request says, and never older than the client's policy.
func (c *client) youngest(asked *int64) *int64 {
	if bound := c.Settings.MaxSessionAge; bound > 0 && (asked == nil || *asked > bound) {
		return &bound
	}
	return asked
}

// ownScopes are those the client may have for itself: the ones about people only a person can give.
func (c *client) ownScopes() []string {
	return slices.DeleteFunc(slices.Clone(c.Settings.Scopes), func(s string) bool { return slices.Contains(knownScopes, s) || slices.Contains(accountScopes, s) })
}

// IsPublic implements fosite.Client.
func (c *client) IsPublic() bool { return c.Public() }

// GetAudience implements fosite.Client.
func (c *client) GetAudience() fosite.Arguments { return nil }

// GetEffectiveLifespan implements fosite.ClientWithCustomTokenLifespans.
func (c *client) GetEffectiveLifespan(_ fosite.GrantType, t fosite.TokenType, _ time.Duration) time.Duration {
	switch t {
	case fosite.RefreshToken:
		return lifetime(c.Settings.RefreshIdle, c.defaults.RefreshIdle)
	case fosite.IDToken:
		return lifetime(c.Settings.IDToken, c.defaults.IDToken)
	}
	return lifetime(c.Settings.AccessToken, c.defaults.AccessToken)
}

// allowsRedirect compares byte for byte (RFC 9700 §2.1). The one liberty is RFC 8252 §7.3: the port of a loopback
// address of a native application is free.
func (c *client) allowsRedirect(uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	if c.Type != "native" {
		return false
	}
	bare, ok := withoutLoopbackPort(uri)
	if !ok {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		r, ok := withoutLoopbackPort(registered)
		return ok && r == bare
	})
}

// withoutLoopbackPort cuts the port out of http://127.0.0.1:PORT/… and http://[::1]:PORT/…, and leaves every other byte.
func withoutLoopbackPort(uri string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return "", false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port := rest[:end], ""
	if i := strings.LastIndexByte(host, ':'); i > strings.IndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
	}
	for _, d := range port {
		if d < '0' || d > '9' {
			return "", false
		}
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || !ip.IsLoopback() || (host != "127.0.0.1" && host != "[::1]") {
		return "", false
	}
	return host + rest[end:], true
}

// allowsPostLogout compares like allowsRedirect, but the empty path and "/" are one address: SDKs send the one and
// their guides register the other.
func (c *client) allowsPostLogout(uri string) bool {
	return slices.ContainsFunc(c.PostLogoutRedirectURIs, func(registered string) bool {
		return registered == uri || registered+"/" == uri && emptyPath(registered) || registered == uri+"/" && emptyPath(uri)
	})
}

// emptyPath reports whether uri ends with its host.
func emptyPath(uri string) bool {
	_, rest, ok := strings.Cut(uri, "://")
	return ok && !strings.ContainsAny(rest, "/?#")
}

// webOrigins are the origins whose pages may read our answers: those registered for the client, and the ones a browser
// application is redirected to. One that nobody entered may be a page, too, when it returns to a port of the person's machine: the
// MCP Inspector is.
func webOrigins(c storage.Client) []string {
	origins := slices.Clone(c.AllowedOrigins)
	if c.Type == "spa" || c.Type == "native" && c.Unchecked() {
		for _, uri := range c.RedirectURIs {
			if o := originOf(uri); o != "" {
				origins = append(origins, o)
			}
		}
	}
	return origins
}

// originOf is the web origin of a URI (RFC 6454 §6.1), "" if it has none.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
