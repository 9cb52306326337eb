// Package social speaks with the providers that vouch for people: any that has OpenID Connect and discovery, and ready-made Google,
// Apple, Microsoft, GitHub, GitLab, Discord, Facebook and Amazon.
//
// It asks a provider for somebody (Ask), redeems the answer (Redeem), and says who they are there and which of that was verified. It
// keeps nothing but what providers publish about themselves, holds no rule of who may sign in, and calls out only by the client it is given.
package social

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Why a provider was not asked, or has vouched for nobody. Everything else that Redeem and Check return is a failure of the provider, or
// an answer that must not be believed.
var (
	// ErrRefused says that the person, or the provider, has said no.
	ErrRefused = errors.New("the provider let nobody in")
	// ErrSettings says that a connection cannot work as it is set.
	ErrSettings = errors.New("the connection is not set up right")
)

// Connection is what it takes to speak with a provider.
type Connection struct {
	Kind     string
	Issuer   string // of OIDC; the address of one's own server for GitHubKind and GitLabKind
	ClientID string
	Secret   string // AppleKind: the private key, PEM
	Tenant   string // MicrosoftKind
	TeamID   string // AppleKind
	KeyID    string // AppleKind
	Scopes   []string
	Callback string // redirect_uri: an address of ours for this connection alone (RFC 9700 §4.4.2.2)
}

// Question is what one person in one browser is asked for. Its secrets are used once.
type Question struct {
	State     string
	Nonce     string
	Verifier  string // PKCE (RFC 7636)
	LoginHint string
	Again     bool // the provider shall not take a sign-in for granted that it remembers
}

// Answer is what the browser brought back.
type Answer struct {
	Code   string
	Error  string
	Issuer string // iss (RFC 9207)
	User   string // Apple, the first time: a name
}

// Identity is who somebody is at a provider.
type Identity struct {
	Issuer   string         `json:"issuer"`
	Subject  string         `json:"subject"` // never given to somebody else there
	Email    string         `json:"email,omitempty"`
	Verified bool           `json:"verified,omitempty"` // the provider answers for it that the mailbox is theirs now
	Claims   map[string]any `json:"claims,omitempty"`   // as the provider names them
}

// Client speaks with providers. It is safe for concurrent use.
type Client struct {
	http *http.Client
	now  func() time.Time

	mu    sync.Mutex
	known map[string]published // by issuer
}

// New makes a client that calls out by http.
func New(http *http.Client, now func() time.Time) *Client {
	return &Client{http: http, now: now, known: map[string]published{}}
}

// Ask returns the address at the provider to which the person's browser is sent.
func (c *Client) Ask(ctx context.Context, to Connection, q Question) (string, error) {
	k, end, err := c.endpoints(ctx, to)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{}
	if k.openID {
		options = append(options, oauth2.SetAuthURLParam("nonce", q.Nonce))
	}
	if k.pkce {
		options = append(options, oauth2.S256ChallengeOption(q.Verifier))
	}
	if k.formPost {
		options = append(options, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	if q.LoginHint != "" && k.loginHint {
		options = append(options, oauth2.SetAuthURLParam("login_hint", q.LoginHint))
	}
	if q.Again && k.again {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return end.config(to, k, "").AuthCodeURL(q.State, options...), nil
}

// Redeem exchanges the answer to a question for who the person is.
func (c *Client) Redeem(ctx context.Context, to Connection, q Question, a Answer) (Identity, error) {
	k, end, err := c.endpoints(ctx, to)
	if err != nil {
		return Identity{}, err
	}
	switch {
	case end.saysIssuer && a.Issuer == "":
		return Identity{}, errors.New("the answer does not say which provider gave it, although this one always does (RFC 9207)")
	case a.Issuer != "" && !end.isIssuer(a.Issuer):
		return Identity{}, fmt.Errorf("the answer is another provider's, %.80q", a.Issuer)
	case a.Error != "":
		return Identity{}, fmt.Errorf("%w: %.80q", ErrRefused, a.Error)
	case a.Code == "":
		return Identity{}, errors.New("the answer has no code")
	}
	secret, err := c.secretOf(to, k)
	if err != nil {
		return Identity{}, err
	}
	options := []oauth2.AuthCodeOption{}
	if k.pkce {
		options = append(options, oauth2.VerifierOption(q.Verifier))
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.http)
	token, err := end.config(to, k, secret).Exchange(ctx, a.Code, options...)
	if err != nil {
		return Identity{}, fmt.Errorf("redeem the code: %w", plain(err))
	}
	if k.openID {
		return c.vouched(ctx, to, k, end, q, a, token)
	}
	i, err := k.read(account{ctx: ctx, client: c, to: to, end: end, token: token})
	if err == nil && i.Subject == "" {
		err = errors.New("the provider does not say who it is")
	}
	i.Issuer = end.issuer
	return i, err
}

// endpoints are the addresses of a provider.
type endpoints struct {
	issuer     string
	also       []string // other spellings of issuer in answers
	authorize  string
	token      string
	profile    string // userinfo, or what takes its place
	inHeader   bool   // the client's secret goes into the Authorization header
	saysIssuer bool   // always sends iss (RFC 9207)
	published  published
}

func (e endpoints) isIssuer(iss string) bool { return iss == e.issuer || slices.Contains(e.also, iss) }

func (e endpoints) config(to Connection, k *kind, secret string) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if e.inHeader && secret != "" {
		style = oauth2.AuthStyleInHeader
	}
	scopes := to.Scopes
	if len(scopes) == 0 {
		scopes = k.scopes
	}
	if k.openID && !slices.Contains(scopes, "openid") {
		scopes = append([]string{"openid"}, scopes...)
	}
	return &oauth2.Config{ClientID: to.ClientID, ClientSecret: secret, RedirectURL: to.Callback, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: e.authorize, TokenURL: e.token, AuthStyle: style}}
}

// endpoints finds them: they are known, or published.
func (c *Client) endpoints(ctx context.Context, to Connection) (*kind, endpoints, error) {
	k := kinds[to.Kind]
	if k == nil {
		return nil, endpoints{}, fmt.Errorf("%w: there is no kind %q", ErrSettings, to.Kind)
	}
	if k.openID {
		end, err := c.discover(ctx, to, k)
		return k, end, err
	}
	return k, k.endpoints(strings.TrimSuffix(to.Issuer, "/")), nil
}

// plain says what a provider has answered without repeating its words, which may be anything: a page, or a token.
func plain(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // it would name method and address once more
		}
		return err
	}
	return &answered{Status: answer.Response.StatusCode, Code: answer.ErrorCode}
}

// answered is a refusal of the token endpoint.
type answered struct {
	Status int
	Code   string // RFC 6749 §5.2, or the provider's own
}

func (a *answered) Error() string {
	return fmt.Sprintf("the token endpoint answered %d %.80q", a.Status, a.Code)
}

// Check tries out whether a connection works, as far as that can be known without a person: the provider answers, and knows us by our
// secret. problem is a sentence for whoever set it up; "" if nothing is wrong.
func (c *Client) Check(ctx context.Context, to Connection) (problem string) {
	k, end, err := c.endpoints(ctx, to)
	if err != nil {
		return sentence(err)
	}
	secret, err := c.secretOf(to, k)
	if err != nil {
		return sentence(err)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.http)
	_, err = end.config(to, k, secret).Exchange(ctx, "gatelatch-asks-whether-its-secret-is-right", oauth2.VerifierOption(oauth2.GenerateVerifier()))
	err = plain(err)
	var a *answered
	switch {
	case !errors.As(err, &a):
		return sentence(err)
	case slices.Contains([]string{"invalid_client", "unauthorized_client", "incorrect_client_credentials", "Not Found"}, a.Code), a.Status == http.StatusUnauthorized:
		return "The provider does not know us by this client ID and secret."
	case a.Code == "redirect_uri_mismatch":
		return "The provider does not have our callback address, " + to.Callback + "."
	case a.Status >= http.StatusInternalServerError, a.Status == http.StatusNotFound:
		return sentence(err)
	}
	return ""
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
