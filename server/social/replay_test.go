package social

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// replay answers in place of the hosts of providers, as their public documentation has it. What it is asked is kept.
type replay struct {
	t       *testing.T
	client  *Client
	key     *ecdsa.PrivateKey
	answers map[string]func(r *http.Request) (status int, body string) // by host and path
	asked   map[string]*http.Request
	forms   map[string]url.Values
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{t: t, key: key, answers: map[string]func(*http.Request) (int, string){}, asked: map[string]*http.Request{}, forms: map[string]url.Values{}}
	r.client = New(&http.Client{Transport: r}, time.Now)
	return r
}

// RoundTrip implements http.RoundTripper.
func (r *replay) RoundTrip(q *http.Request) (*http.Response, error) {
	name := q.URL.Host + q.URL.Path
	if q.URL.Scheme != "https" {
		r.t.Errorf("%s was asked by %s", name, q.URL.Scheme)
	}
	r.asked[name] = q
	if q.Body != nil {
		text, _ := io.ReadAll(q.Body)
		r.forms[name], _ = url.ParseQuery(string(text))
	}
	rec := httptest.NewRecorder()
	if answer := r.answers[name]; answer != nil {
		status, body := answer(q)
		rec.Header().Set("Content-Type", "application/json; charset=utf-8")
		rec.WriteHeader(status)
		_, _ = rec.WriteString(body)
	} else {
		r.t.Errorf("nobody is at %s", name)
		rec.WriteHeader(404)
	}
	return rec.Result(), nil
}

func (r *replay) at(name, body string) {
	r.answers[name] = func(*http.Request) (int, string) { return 200, body }
}

// openID makes a provider publish itself, with the endpoints given.
func (r *replay) openID(issuer, says, token string, claims map[string]any) {
	u, _ := url.Parse(issuer)
	document, _ := json.Marshal(map[string]any{"issuer": says, "authorization_endpoint": issuer + "/authorize", "token_endpoint": token, "jwks_uri": issuer + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"}})
	r.at(u.Host+u.Path+"/.well-known/openid-configuration", string(document))
	keys, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: r.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	r.at(u.Host+u.Path+"/keys", string(keys))
	all := map[string]any{"aud": "client", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "nonce": "n"}
	for name, value := range claims {
		all[name] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: r.key, KeyID: "k1"}}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	id, err := jwt.Signed(signer).Claims(all).Serialize()
	if err != nil {
		r.t.Fatal(err)
	}
	t, _ := url.Parse(token)
	r.at(t.Host+t.Path, `{"access_token":"at","token_type":"Bearer","expires_in":3600,"id_token":"`+id+`"}`)
}

var asked = Question{State: "s", Nonce: "n", Verifier: "v-0123456789012345678901234567890123456789012"}

func (r *replay) redeem(to Connection, a Answer) (Identity, error) {
	r.t.Helper()
	to.ClientID, to.Callback = "client", "https://id.example.com/sign-in/social/x/callback"
	if to.Secret == "" {
		to.Secret = "secret"
	}
	if a.Code == "" {
		a.Code = "c"
	}
	return r.client.Redeem(context.Background(), to, asked, a)
}

func is[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// GitHub: "Authorizing OAuth apps", REST API "Get the authenticated user" and "List email addresses for the authenticated user".
func TestGitHubIsItsNumberAndItsPrimaryAddressAsFarAsVerified(t *testing.T) {
	for name, c := range map[string]struct {
		addresses, email string
		verified         bool
	}{
		"verified":                         {`[{"email":"other@example.com","verified":true,"primary":false,"visibility":null},{"email":"octocat@example.com","verified":true,"primary":true,"visibility":"public"}]`, "octocat@example.com", true},
		"primary unverified":               {`[{"email":"other@example.com","verified":true,"primary":false},{"email":"octocat@example.com","verified":false,"primary":true}]`, "octocat@example.com", false},
		"public address is not looked at":  {`[]`, "", false},
		"none of the addresses is primary": {`[{"email":"other@example.com","verified":true,"primary":false}]`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(t)
			r.at("github.com/login/oauth/access_token", `{"access_token":"gho_16C7e42F292c6912E7710c838347Ae178B4a","scope":"read:user,user:email","token_type":"bearer"}`)
			r.at("api.github.com/user", `{"login":"octocat","id":9007199254740993,"avatar_url":"https://avatars.example/u/1","name":"monalisa octocat","email":"public@example.com"}`)
			r.at("api.github.com/user/emails", c.addresses)
			i, err := r.redeem(Connection{Kind: GitHubKind}, Answer{})
			if err != nil {
				t.Fatal(err)
			}
			is(t, "subject, to the last digit", i.Subject, "9007199254740993")
			is(t, "issuer", i.Issuer, "https://github.com")
			is(t, "address", i.Email, c.email)
			is(t, "verified", i.Verified, c.verified)
			is(t, "name", Attributes(GitHubKind, i, nil)["name"], any("monalisa octocat"))
			is(t, "username", Attributes(GitHubKind, i, nil)["preferred_username"], any("octocat"))
			is(t, "verifier", r.forms["github.com/login/oauth/access_token"].Get("code_verifier"), asked.Verifier)
			is(t, "token in the header", r.asked["api.github.com/user"].Header.Get("Authorization"), "Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a")
		})
	}
}

// GitHub answers errors with 200 ("Troubleshooting OAuth app access token request errors").
func TestGitHubsErrorsWithStatus200AreErrors(t *testing.T) {
	r := newReplay(t)
	r.at("github.com/login/oauth/access_token", `{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired.","error_uri":"https://docs.example/"}`)
	if _, err := r.redeem(Connection{Kind: GitHubKind}, Answer{}); err == nil || !strings.Contains(err.Error(), "bad_verification_code") {
		t.Fatalf("got %v", err)
	}
	if problem := r.client.Check(t.Context(), Connection{Kind: GitHubKind, ClientID: "client", Secret: "s"}); problem != "" {
		t.Errorf("the secret is right, but: %s", problem)
	}
	r.at("github.com/login/oauth/access_token", `{"error":"incorrect_client_credentials","error_description":"The client_id and/or client_secret passed are incorrect."}`)
	if problem := r.client.Check(t.Context(), Connection{Kind: GitHubKind, ClientID: "client", Secret: "s"}); !strings.Contains(problem, "does not know us") {
		t.Errorf("a wrong secret: %q", problem)
	}
}

func TestAGitHubOfOnesOwnIsAnotherIssuer(t *testing.T) {
	r := newReplay(t)
	r.at("git.example.com/login/oauth/access_token", `{"access_token":"t","token_type":"bearer"}`)
	r.at("git.example.com/api/v3/user", `{"login":"ann","id":1}`)
	r.at("git.example.com/api/v3/user/emails", `[]`)
	i, err := r.redeem(Connection{Kind: GitHubKind, Issuer: "https://git.example.com"}, Answer{Issuer: "https://git.example.com/login/oauth"})
	if err != nil || i.Issuer != "https://git.example.com" {
		t.Fatalf("got %+v, %v", i, err)
	}
	if _, err := r.redeem(Connection{Kind: GitHubKind, Issuer: "https://git.example.com"}, Answer{Issuer: "https://github.com/login/oauth"}); err == nil {
		t.Fatal("the answer of another issuer was taken")
	}
}

// Discord: "Get Current User", user object.
func TestDiscordSaysWhetherTheAddressIsVerified(t *testing.T) {
	for verified, want := range map[string]bool{"true": true, "false": false, "null": false, `"true"`: false} {
		r := newReplay(t)
		r.at("discord.com/api/oauth2/token", `{"access_token":"6qrZcUqja7812RVdnEKjpzOL4CvHBFG","token_type":"Bearer","expires_in":604800,"refresh_token":"D43","scope":"identify email"}`)
		r.at("discord.com/api/users/@me", `{"id":"80351110224678912","username":"nelly","discriminator":"0","global_name":"Nelly","avatar":"8342729096ea3675442027381ff50dfe","verified":`+verified+`,"email":"nelly@example.com","locale":"en-US"}`)
		i, err := r.redeem(Connection{Kind: DiscordKind}, Answer{})
		if err != nil {
			t.Fatal(err)
		}
		is(t, "subject", i.Subject, "80351110224678912")
		is(t, "verified "+verified, i.Verified, want)
		is(t, "picture", Attributes(DiscordKind, i, nil)["picture"], any("https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png"))
	}
}

// Facebook: "Manually Build a Login Flow", Graph API reference "User", "Securing Graph API Requests".
func TestFacebookVerifiesNothingAndIsAskedWithTheProofOfTheSecret(t *testing.T) {
	r := newReplay(t)
	r.at("graph.facebook.com/oauth/access_token", `{"access_token":"EAAB","token_type":"bearer","expires_in":5183944}`)
	r.at("graph.facebook.com/me", `{"id":"10158","name":"Ann Example","first_name":"Ann","last_name":"Example","email":"ann@example.com"}`)
	i, err := r.redeem(Connection{Kind: FacebookKind}, Answer{})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "subject", i.Subject, "10158")
	is(t, "verified", i.Verified, false)
	is(t, "given_name", Attributes(FacebookKind, i, nil)["given_name"], any("Ann"))
	q := r.asked["graph.facebook.com/me"].URL.Query()
	// printf EAAB | openssl dgst -sha256 -hmac secret
	is(t, "appsecret_proof", q.Get("appsecret_proof"), "d74f12571ff86b9314ba90b9bc99b872b0e2586ef3b2dbb825531d5278001f28")
	is(t, "token in the address", q.Has("access_token"), false)
	r.answers["graph.facebook.com/me"] = func(*http.Request) (int, string) {
		return 400, `{"error":{"message":"Invalid OAuth access token.","type":"OAuthException","code":190,"fbtrace_id":"A"}}`
	}
	if _, err := r.redeem(Connection{Kind: FacebookKind}, Answer{}); err == nil {
		t.Error("an error of the Graph API was taken for an account")
	}
}

// Login with Amazon: "Access Token Request", "Obtain Customer Profile Information".
func TestAmazonVerifiesNothing(t *testing.T) {
	r := newReplay(t)
	r.at("api.amazon.com/auth/o2/token", `{"access_token":"Atza|IQEBLjAsAexampleHpi0U","token_type":"bearer","expires_in":3600,"refresh_token":"Atzr|IQEBLzAtAhexamplewVz2Nn6"}`)
	r.at("api.amazon.com/user/profile", `{"user_id":"amzn1.account.K2LI23KL2LK2","email":"ann@example.com","name":"Ann Example","postal_code":"98101"}`)
	i, err := r.redeem(Connection{Kind: AmazonKind}, Answer{})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "subject", i.Subject, "amzn1.account.K2LI23KL2LK2")
	is(t, "verified", i.Verified, false)
	r.at("api.amazon.com/user/profile", `{"name":"Nobody"}`)
	if _, err := r.redeem(Connection{Kind: AmazonKind}, Answer{}); err == nil {
		t.Error("an account without an id was taken")
	}
}

// Google: "OpenID Connect", "Authenticate with a backend server": hd and @gmail.com say that Google runs the mailbox.
func TestGoogleIsBelievedWhereItRunsTheMailbox(t *testing.T) {
	for name, c := range map[string]struct {
		claims   map[string]any
		verified bool
	}{
		"a Gmail account":            {map[string]any{"email": "ann@gmail.com", "email_verified": true}, true},
		"a Workspace account":        {map[string]any{"email": "ann@example.com", "email_verified": true, "hd": "example.com"}, true},
		"somebody else's mailbox":    {map[string]any{"email": "ann@example.com", "email_verified": true}, false},
		"a look-alike":               {map[string]any{"email": "ann@gmail.com.evil.example", "email_verified": true}, false},
		"an unverified Gmail":        {map[string]any{"email": "ann@gmail.com", "email_verified": false}, false},
		"an issuer without a scheme": {map[string]any{"iss": "accounts.google.com", "email": "ann@gmail.com", "email_verified": true}, true},
	} {
		r := newReplay(t)
		claims := map[string]any{"iss": "https://accounts.google.com", "sub": "110169484474386276334", "azp": "client"}
		for k, v := range c.claims {
			claims[k] = v
		}
		r.openID("https://accounts.google.com", "https://accounts.google.com", "https://oauth2.googleapis.com/token", claims)
		i, err := r.redeem(Connection{Kind: GoogleKind}, Answer{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		is(t, name, i.Verified, c.verified)
		is(t, name+": issuer", i.Issuer, "https://accounts.google.com")
	}
}

// Microsoft: "OpenID Connect on the Microsoft identity platform", "Migrate away from using email claims", and the attack nOAuth.
func TestMicrosoftsAddressCountsOnlyWhereTheDirectoryOwnsTheDomain(t *testing.T) {
	const tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	common, pattern := "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0"
	own := "https://login.microsoftonline.com/" + tenant + "/v2.0"
	for name, c := range map[string]struct {
		claims   map[string]any
		verified bool
		refused  bool
	}{
		"owned domain":                  {map[string]any{"tid": tenant, "iss": own, "xms_edov": true}, true, false},
		"owned domain, as a number":     {map[string]any{"tid": tenant, "iss": own, "xms_edov": 1}, true, false},
		"not said":                      {map[string]any{"tid": tenant, "iss": own}, false, false},
		"email_verified means nothing":  {map[string]any{"tid": tenant, "iss": own, "email_verified": true}, false, false},
		"domain of somebody else":       {map[string]any{"tid": tenant, "iss": own, "xms_edov": false}, false, false},
		"another directory's issuer":    {map[string]any{"tid": tenant, "iss": "https://login.microsoftonline.com/bbbbcccc-0000-dddd-1111-eeee2222ffff/v2.0"}, false, true},
		"an issuer outside":             {map[string]any{"tid": tenant, "iss": "https://evil.example/" + tenant + "/v2.0"}, false, true},
		"the pattern itself":            {map[string]any{"tid": "{tenantid}", "iss": pattern}, false, true},
		"no directory":                  {map[string]any{"iss": own}, false, true},
		"a directory that is a path up": {map[string]any{"tid": "../x", "iss": "https://login.microsoftonline.com/../x/v2.0"}, false, true},
	} {
		r := newReplay(t)
		c.claims["sub"], c.claims["email"] = "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "ann@example.com"
		r.openID(common, pattern, "https://login.microsoftonline.com/common/oauth2/v2.0/token", c.claims)
		i, err := r.redeem(Connection{Kind: MicrosoftKind}, Answer{})
		if (err != nil) != c.refused {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		is(t, name, i.Verified, c.verified)
		if err == nil {
			is(t, name+": issuer", i.Issuer, own)
		}
	}
	r := newReplay(t)
	r.openID(own, own, "https://login.microsoftonline.com/x/token", map[string]any{"tid": tenant, "iss": "https://login.microsoftonline.com/bbbbcccc-0000-dddd-1111-eeee2222ffff/v2.0", "sub": "s", "email": "a@example.com"})
	if _, err := r.redeem(Connection{Kind: MicrosoftKind, Tenant: tenant}, Answer{}); err == nil {
		t.Error("one directory was asked, and another's token taken")
	}
}

// Apple: "Creating a client secret", "Request an authorization to the Sign in with Apple server", "Token validation".
func TestAppleIsAskedWithASecretThatItsKeySignsAndTellsANameOnce(t *testing.T) {
	r := newReplay(t)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKCS8PrivateKey(own)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	r.openID("https://appleid.apple.com", "https://appleid.apple.com", "https://appleid.apple.com/auth/token",
		map[string]any{"iss": "https://appleid.apple.com", "sub": "000792.d71059495fa24644b94e4a644e2e3b4a.0638", "email": "ann@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true", "nonce_supported": true})
	to := Connection{Kind: AppleKind, Secret: strings.TrimSpace(text), TeamID: "TEAM123456", KeyID: "KEY1234567"}
	i, err := r.redeem(to, Answer{User: `{"name":{"firstName":"Ann","lastName":"Example"},"email":"other@example.com"}`})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "address, not that of the unsigned part", i.Email, "ann@privaterelay.appleid.com")
	is(t, "verified, spelt as text", i.Verified, true)
	is(t, "name", Attributes(AppleKind, i, nil)["name"], any("Ann Example"))
	form := r.forms["appleid.apple.com/auth/token"]
	token, err := jwt.ParseSigned(form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := token.Claims(own.Public(), &claims); err != nil {
		t.Fatal(err)
	}
	is(t, "kid", token.Headers[0].KeyID, "KEY1234567")
	is(t, "iss", claims.Issuer, "TEAM123456")
	is(t, "sub", claims.Subject, "client")
	is(t, "aud", claims.Audience[0], "https://appleid.apple.com")
	is(t, "life", claims.Expiry.Time().Sub(claims.IssuedAt.Time()) <= 180*24*time.Hour, true)
	for name, user := range map[string]string{"nonsense": "{", "too much": `{"name":{"firstName":"` + strings.Repeat("x", 5<<10) + `"}}`} {
		if i, err := r.redeem(to, Answer{User: user}); err != nil || i.Claims["name"] != nil {
			t.Errorf("%s: got %v, %v", name, i.Claims["name"], err)
		}
	}
	address, err := r.client.Ask(t.Context(), to, asked)
	q, _ := url.Parse(address)
	if err != nil || q.Query().Get("response_mode") != "form_post" || q.Query().Get("nonce") != "n" || q.Query().Get("scope") != "openid name email" {
		t.Errorf("the question is %s, %v", address, err)
	}
}

// PKCE cannot be talked down: whatever a provider publishes, the question has a challenge of S256, and the verifier goes along.
func TestEveryQuestionHasAStateAndAChallengeOfS256(t *testing.T) {
	for _, kind := range Kinds {
		r := newReplay(t)
		for _, issuer := range []string{"https://accounts.google.com", "https://gitlab.com", "https://appleid.apple.com", "https://id.example.com"} {
			r.openID(issuer, issuer, issuer+"/token", map[string]any{})
		}
		r.openID("https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/t", map[string]any{})
		to := Connection{Kind: kind, ClientID: "client", Callback: "https://us.example/cb"}
		if kind == OIDCKind {
			to.Issuer = "https://id.example.com"
		}
		address, err := r.client.Ask(t.Context(), to, Question{State: "s", Nonce: "n", Verifier: asked.Verifier, LoginHint: "ann@example.com", Again: true})
		u, _ := url.Parse(address)
		q := u.Query()
		if err != nil || q.Get("state") != "s" || q.Get("redirect_uri") != to.Callback || q.Get("client_id") != "client" || q.Get("response_type") != "code" {
			t.Errorf("%s: %s, %v", kind, address, err)
		}
		if want := kind != AppleKind; (q.Get("code_challenge_method") == "S256" && len(q.Get("code_challenge")) == 43) != want {
			t.Errorf("%s: challenge %q %q", kind, q.Get("code_challenge_method"), q.Get("code_challenge"))
		}
	}
}

func TestADocumentOfAnotherIssuerIsNotBelieved(t *testing.T) {
	r := newReplay(t)
	r.openID("https://id.example.com", "https://accounts.google.com", "https://id.example.com/token", map[string]any{})
	if _, err := r.client.Ask(t.Context(), Connection{Kind: OIDCKind, Issuer: "https://id.example.com", ClientID: "c"}, asked); err == nil {
		t.Fatal("it was believed")
	}
}

func TestWhatAProviderAnswersIsNotRepeatedInErrors(t *testing.T) {
	r := newReplay(t)
	r.answers["github.com/login/oauth/access_token"] = func(*http.Request) (int, string) {
		return 502, "<html>secret-of-theirs" + strings.Repeat("x", 5000)
	}
	_, err := r.redeem(Connection{Kind: GitHubKind}, Answer{})
	if err == nil || strings.Contains(err.Error(), "secret-of-theirs") || len(err.Error()) > 300 {
		t.Fatalf("got %v", err)
	}
}
