package clients

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatelatch/storage"
)

// What may be saved as an address that a browser is sent to. Later these strings are compared byte for byte with what
// an application sends (RFC 9700 §2.1), so everything that browsers and libraries respell is refused here, with the
// spelling that works.

const (
	maxURIs      = 50
	maxURILength = 1000
)

// A private-use scheme must contain a dot, a domain in reverse, so that two apps do not share one by chance (RFC 8252 §7.1).
var privateScheme = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$`)

// checkAddresses checks every address of an application; the error names the first that cannot be saved.
func checkAddresses(c storage.Client) error {
	for _, list := range []struct {
		name  string
		items []string
		check func(storage.Client, string) error
	}{
		{"redirect_uris", c.RedirectURIs, checkURI},
		{"post_logout_redirect_uris", c.PostLogoutRedirectURIs, checkURI},
		{"allowed_origins", c.AllowedOrigins, checkOrigin},
	} {
		if len(list.items) > maxURIs {
			return refuse(list.name, "%s has %d entries. At most %d fit: make a second application for the others", list.name, len(list.items), maxURIs)
		}
		for _, item := range list.items {
			if err := list.check(c, item); err != nil {
				return refuse(list.name, "%s: %q %v.", list.name, item, err)
			}
		}
	}
	for _, link := range []struct{ name, uri string }{{"client_uri", c.Settings.HomeURL}, {"policy_uri", c.Settings.PolicyURL}, {"tos_uri", c.Settings.TermsURL}, {"logo_uri", c.Settings.LogoURL},
		{"backchannel_logout_uri", c.Settings.LogoutURI}, {"initiate_login_uri", c.Settings.InitiateLoginURI}} {
		if link.uri == "" {
			continue
		}
		if err := checkLink(c, link.uri); err != nil {
			return refuse(link.name, "%s: %q %v.", link.name, link.uri, err)
		}
	}
	if !slices.Contains(c.Grants(), "authorization_code") {
		if len(c.RedirectURIs)+len(c.PostLogoutRedirectURIs) > 0 {
			return refuse("redirect_uris", "%s signs nobody in, so no browser ever comes back to it. Leave the redirect URIs out.", c.Name)
		}
		return nil
	}
	if len(c.RedirectURIs) == 0 {
		return refuse("redirect_uris", "The application needs at least one redirect URI: the address that people come back to. Add --redirect-uri https://….")
	}
	return nil
}

// checkURI says what is wrong with a redirect or post-logout redirect URI, as the end of a sentence that begins with it.
func checkURI(c storage.Client, uri string) error {
	if err := CheckSpelling(uri); err != nil {
		return err
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("is not a whole address. Write it with its scheme and host, as in https://app.example.com/callback")
	}
	switch u.Scheme {
	case "https", "http":
		return checkWeb(c, u, uri)
	case "javascript", "data", "file", "vbscript", "about", "blob", "ftp", "ws", "wss", "mailto", "urn":
		return fmt.Errorf("has the scheme %s, which no browser may be sent to. Use https", u.Scheme)
	}
	if c.Type != "native" {
		return fmt.Errorf("has the scheme %s. Use https; a scheme of its own is for applications of type native", u.Scheme)
	}
	if !privateScheme.MatchString(u.Scheme) {
		return fmt.Errorf("has the scheme %s, which any other app could claim. Use your domain in reverse, as in com.example.app:/callback (RFC 8252 §7.1)", u.Scheme)
	}
	return nil
}

// checkWeb checks an http or https address.
func checkWeb(c storage.Client, u *url.URL, uri string) error {
	host := u.Hostname()
	if host == "" || u.Opaque != "" {
		return fmt.Errorf("has no host. Write it as https://app.example.com/callback")
	}
	if u.Host != strings.ToLower(u.Host) {
		return fmt.Errorf("has capital letters in its host. Browsers send %s", strings.Replace(uri, u.Host, strings.ToLower(u.Host), 1))
	}
	if strings.HasSuffix(u.Host, ":") || (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		return fmt.Errorf("names the port that browsers leave out. Write it without :%s", u.Port())
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
			return fmt.Errorf("has the port %s, which does not exist. Ports go from 1 to 65535", port)
		}
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if plain := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); plain == "." || plain == ".." {
			return fmt.Errorf("has . or .. in its path, which browsers resolve. Write the path it leads to")
		}
	}
	if u.Scheme == "http" && !IsLoopback(host) && !c.Settings.AllowHTTP {
		return fmt.Errorf("is plain http, so everybody on the way could read the code in it. Use https; in a network you trust allow it with --allow-http")
	}
	return nil
}

// checkLink says what is wrong with the address of a page that people are offered.
func checkLink(c storage.Client, uri string) error {
	if err := CheckSpelling(uri); err != nil {
		return err
	}
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("is not the address of a page. Write it as https://app.example.com/")
	}
	if c.Unchecked() && u.Scheme != "https" {
		return fmt.Errorf("is not an https address")
	}
	return checkWeb(c, u, uri)
}

// checkOrigin says what is wrong with an origin for CORS.
func checkOrigin(c storage.Client, origin string) error {
	if err := CheckSpelling(origin); err != nil {
		return err
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return fmt.Errorf("is not an origin. Write it as https://app.example.com")
	}
	if u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("has a path. An origin ends with the host or port: %s://%s", u.Scheme, u.Host)
	}
	return checkWeb(c, u, origin)
}

// CheckSpelling refuses what no two readers understand alike; the error is the end of a sentence that begins with the address.
func CheckSpelling(uri string) error {
	if uri == "" {
		return fmt.Errorf("is empty")
	}
	if len(uri) > maxURILength {
		return fmt.Errorf("is longer than %d characters", maxURILength)
	}
	for _, r := range uri {
		switch {
		case r <= ' ' || r == 0x7f:
			return fmt.Errorf("has a space or control character in it. Remove it, or write it as %%%02X", r)
		case r > 0x7e:
			return fmt.Errorf("has the letter %q. Write the host in its xn-- form and the path percent-encoded, as browsers send it", r)
		case strings.ContainsRune(`\"'<>^{|}`+"`", r):
			return fmt.Errorf("has a %c, which browsers respell. Remove it, or write it as %%%02X", r, r)
		case r == '*':
			return fmt.Errorf("has a *. Addresses are compared letter by letter: register each one")
		case r == '#':
			return fmt.Errorf("has a #. The answer comes in the query, so leave the # and what follows out")
		}
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	if scheme != strings.ToLower(scheme) && !strings.ContainsAny(scheme, "/?.") {
		return fmt.Errorf("has capital letters in its scheme. Write %s:%s", strings.ToLower(scheme), rest)
	}
	authority, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	if authority, _, _ = strings.Cut(authority, "?"); strings.HasPrefix(rest, "//") && strings.Contains(authority, "@") {
		return fmt.Errorf("has a user name in it. Leave out everything between // and @")
	}
	return nil
}

// IsLoopback says whether a host means the person's own machine.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() && !a.Is4In6()
}

// withOrigins adds the origins of a browser application's own redirect URIs: its pages call the token endpoint from there.
func withOrigins(c storage.Client) storage.Client {
	if c.Type != "spa" {
		return c
	}
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil {
			continue
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(c.AllowedOrigins, origin) {
			c.AllowedOrigins = append(slices.Clone(c.AllowedOrigins), origin)
		}
	}
	return c
}

// Distinct drops repetitions; with slash, also those that differ only in the / of an empty path, which count as equal.
func Distinct(uris []string, slash bool) []string {
	seen := map[string]bool{}
	var out []string
	for _, uri := range uris {
		key := uri
		if u, err := url.Parse(uri); slash && err == nil && u.Path == "/" && u.RawQuery == "" {
			key = strings.TrimSuffix(uri, "/")
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, uri)
		}
	}
	return out
}
