package social

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The kinds of providers.
const (
	OIDCKind      = "oidc"
	GoogleKind    = "google"
	AppleKind     = "apple"
	MicrosoftKind = "microsoft"
	GitHubKind    = "github"
	GitLabKind    = "gitlab"
	DiscordKind   = "discord"
	FacebookKind  = "facebook"
	AmazonKind    = "amazon"
)

// Kinds lists them, those for everybody first.
var Kinds = []string{GoogleKind, AppleKind, MicrosoftKind, GitHubKind, GitLabKind, DiscordKind, FacebookKind, AmazonKind, OIDCKind}

// kind is what is known of a provider beforehand.
type kind struct {
	name      string // as people know it
	trusted   bool   // unless somebody settles it otherwise: what it calls verified is
	openID    bool
	issuer    string
	scopes    []string
	pkce      bool
	formPost  bool // answers by POST
	loginHint bool // understands login_hint
	again     bool // understands prompt=login
	verified  func(claims map[string]any) bool
	endpoints func(base string) endpoints
	read      func(account) (Identity, error)
	claims    map[string]string // attribute here → claim there
}

// usual are the claims of OpenID Connect Core §5.1 that become attributes of a new person.
var usual = map[string]string{"name": "name", "given_name": "given_name", "family_name": "family_name", "picture": "picture", "locale": "locale", "preferred_username": "preferred_username"}

var everything = []string{"openid", "profile", "email"}

var kinds = map[string]*kind{
	OIDCKind:      {name: "", openID: true, scopes: everything, pkce: true, loginHint: true, again: true, verified: emailVerified, claims: usual},
	GoogleKind:    {name: "Google", trusted: true, openID: true, issuer: "https://accounts.google.com", scopes: everything, pkce: true, loginHint: true, verified: googleVerified, claims: usual},
	AppleKind:     {name: "Apple", trusted: true, openID: true, issuer: "https://appleid.apple.com", scopes: []string{"openid", "name", "email"}, formPost: true, verified: emailVerified, claims: usual},
	MicrosoftKind: {name: "Microsoft", openID: true, scopes: everything, pkce: true, loginHint: true, again: true, verified: microsoftVerified, claims: usual},
	GitLabKind:    {name: "GitLab", openID: true, issuer: "https://gitlab.com", scopes: everything, pkce: true, verified: emailVerified, claims: without(usual, "preferred_username", "nickname")},
	GitHubKind: {name: "GitHub", trusted: true, scopes: []string{"read:user", "user:email"}, pkce: true, endpoints: githubEndpoints, read: readGitHub,
		claims: map[string]string{"name": "name", "picture": "avatar_url", "preferred_username": "login"}},
	DiscordKind: {name: "Discord", scopes: []string{"identify", "email"}, pkce: true, endpoints: fixed(discord), read: readDiscord,
		claims: map[string]string{"name": "global_name", "preferred_username": "username", "locale": "locale", "picture": "avatar_url"}},
	FacebookKind: {name: "Facebook", scopes: []string{"public_profile", "email"}, pkce: true, endpoints: fixed(facebook), read: readFacebook,
		claims: map[string]string{"name": "name", "given_name": "first_name", "family_name": "last_name"}},
	AmazonKind: {name: "Amazon", scopes: []string{"profile"}, pkce: true, endpoints: fixed(amazon), read: readAmazon, claims: map[string]string{"name": "name"}},
}

func without(all map[string]string, name, instead string) map[string]string {
	out := map[string]string{}
	for k, v := range all {
		out[k] = v
	}
	out[name] = instead
	return out
}

func fixed(e endpoints) func(string) endpoints { return func(string) endpoints { return e } }

// Name is what people call a provider of a kind; "" if that depends.
func Name(kind string) string {
	if k := kinds[kind]; k != nil {
		return k.name
	}
	return ""
}

// Trusted reports whether what a kind calls a verified address is one, as long as nobody settles it otherwise.
func Trusted(kind string) bool { return kinds[kind] != nil && kinds[kind].trusted }

// Attributes are the claims of an identity by the names of our attributes. mapped says for some of them which claim to take.
func Attributes(kind string, i Identity, mapped map[string]string) map[string]any {
	out := map[string]any{}
	k := kinds[kind]
	if k == nil {
		return out
	}
	for _, table := range []map[string]string{k.claims, mapped} {
		for attribute, claim := range table {
			delete(out, attribute)
			if text, _ := i.Claims[claim].(string); text != "" {
				out[attribute] = text
			}
		}
	}
	return out
}

// Label is what a person recognises an account of theirs by.
func (i Identity) Label() string {
	for _, text := range []any{i.Email, i.Claims["login"], i.Claims["preferred_username"], i.Claims["username"], i.Claims["nickname"], i.Claims["name"]} {
		if s, _ := text.(string); s != "" {
			return s
		}
	}
	return ""
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// Complaint says what is wrong with the settings of a connection, as a sentence; "" if nothing is.
func (c Connection) Complaint() string {
	k := kinds[c.Kind]
	own := c.Kind == OIDCKind || c.Kind == GitHubKind || c.Kind == GitLabKind
	switch u, err := url.Parse(c.Issuer); {
	case k == nil:
		return fmt.Sprintf("There is no kind %q. Choose one of %s.", c.Kind, strings.Join(Kinds, ", "))
	case c.ClientID == "":
		return "client_id is missing: the ID that the provider has given to this server."
	case c.Kind == OIDCKind && c.Issuer == "":
		return "issuer is missing: the address of the provider, below which /.well-known/openid-configuration lies."
	case c.Issuer != "" && !own:
		return "issuer belongs to the kinds oidc, github and gitlab only."
	case c.Issuer != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.Issuer, "?# ")):
		return "issuer must be an address such as https://id.example.com, without ? and #."
	case c.Kind != MicrosoftKind && c.Tenant != "":
		return "tenant belongs to the kind microsoft only."
	case c.Tenant != "" && !slices.Contains([]string{"common", "organizations", "consumers"}, c.Tenant) && !guid.MatchString(c.Tenant):
		return "tenant must be the directory's ID (a GUID in small letters), common, organizations or consumers."
	case c.Kind != AppleKind && (c.TeamID != "" || c.KeyID != ""):
		return "team_id and key_id belong to the kind apple only."
	case c.Kind == AppleKind && (c.TeamID == "" || c.KeyID == ""):
		return "apple needs team_id and key_id: the team's ID and the ID of the key."
	case c.Secret == "" && c.Kind != OIDCKind:
		return "client_secret is missing: the secret that the provider has given to this server (--secret-stdin)."
	}
	if c.Kind == AppleKind {
		if _, err := appleKey(c.Secret); err != nil {
			return "client_secret of apple is the text of the key file (AuthKey_….p8), beginning with -----BEGIN PRIVATE KEY-----."
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") {
			return fmt.Sprintf("%q is no scope.", scope)
		}
	}
	return ""
}
