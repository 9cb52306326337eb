package cli

import (
	"net/netip"
	"net/url"
	"time"

	"gatelatch/email"
	"gatelatch/server/authn"
	"gatelatch/views/words"
)

// Config is everything that can be set from outside: each leaf is one setting with a key in the file, an environment
// variable, and a default in its tag. Tags: key (its name), default, oneof (the values allowed), min (the least number
// or duration), secret (its value is never shown), path (the value names a file), zero (the value that means "none").
// config.example.yaml explains every one of them; a test compares the two.
type Config struct {
	PublicURL       string         `key:"public_url"`
	Listen          string         `key:"listen" default:"localhost:4283"`
	Data            string         `key:"data" default:"data" path:"folder"`
	IssuerPath      string         `key:"issuer_path" default:"/oidc"`
	KeyFile         string         `key:"key_file" path:"file"`
	TLS             TLS            `key:"tls"`
	Database        Database       `key:"database"`
	Log             Log            `key:"log"`
	TrustedProxies  []netip.Prefix `key:"trusted_proxies"`
	Outgoing        Outgoing       `key:"outgoing"`
	Registration    string         `key:"registration" default:"off" oneof:"off,token,open"`
	ClientDocuments bool           `key:"client_id_metadata_documents"`
	SignUp          string         `key:"sign_up" oneof:"open,invite,closed"`
	Languages       Languages      `key:"languages"`
	PrivacyURL      string         `key:"privacy_url"`
	HelpURL         string         `key:"help_url"`
	Email           Email          `key:"email"`
	SignIn          SignIn         `key:"sign_in"`
	Notices         Notices        `key:"notices"`
	Passwords       Passwords      `key:"passwords"`
	Budgets         Budgets        `key:"budgets"`
	Lifetimes       Lifetimes      `key:"lifetimes"`
	Resources       []Resource     `key:"resources"`
	Clients         []Client       `key:"clients"`
	Connections     []Connection   `key:"connections"`

	// Settings says for every key where its value came from, in the order of the struct.
	Settings []Setting `key:"-"`
	// Warnings are sentences about settings that work but deserve a second look.
	Warnings []string `key:"-"`

	public *url.URL // the parsed PublicURL; nil where it follows the address listened on
}

// TLS names the certificate for serving https without a proxy in front.
type TLS struct {
	Cert string `key:"cert" path:"file"`
	Key  string `key:"key" path:"file"`
}

// Outgoing says where the server may call at addresses that applications have named.
type Outgoing struct {
	AllowNetworks []netip.Prefix `key:"allow_networks"`
}

// Database says where the data lives when it is not the embedded SQLite.
type Database struct {
	URL string `key:"url" secret:"true"`
}

// Log says how the program talks about its work.
type Log struct {
	Format string `key:"format" default:"text" oneof:"text,json"`
	Level  string `key:"level" default:"info" oneof:"debug,info,warn,error"`
}

// Languages says which language pages and mails use when the person has no preference that is spoken here, and where the
// owner's own words for them are.
type Languages struct {
	Default string `key:"default" default:"en"`
	Folder  string `key:"folder" path:"folder"`

	library *words.Library // ours with the owner's words in it
}

// Email says how mail leaves.
type Email struct {
	Provider      string     `key:"provider" oneof:"inbox,ses,smtp"`
	From          string     `key:"from"`
	CodeInSubject bool       `key:"code_in_subject" default:"true"`
	SES           SES        `key:"ses"`
	SMTP          SMTP       `key:"smtp"`
	Templates     []Template `key:"templates"`
	TemplatesFile string     `key:"templates_file"`

	pasted []email.Template // what the templates file says
}

// SES holds the fields of an Amazon SES v2 sender. Without keys, or without a region, the usual AWS chain is asked.
type SES struct {
	AccessKeyID                   string `key:"access_key_id"`
	SecretAccessKey               string `key:"secret_access_key" secret:"true"`
	Region                        string `key:"region"`
	Endpoint                      string `key:"endpoint"`
	FromIdentityARN               string `key:"from_identity_arn"`
	FeedbackForwardingAddress     string `key:"feedback_forwarding_address"`
	FeedbackForwardingIdentityARN string `key:"feedback_forwarding_identity_arn"`
	ConfigurationSet              string `key:"configuration_set"`
}

// SMTP holds the one address of a mail server, smtps://user:password@host:port.
type SMTP struct {
	URL string `key:"url" secret:"true"`
}

// Template replaces the text of one kind of mail in one language.
type Template struct {
	Usage    string `key:"usage" oneof:"SignIn,Register,ForgotPassword,Generic,UserPermissionValidation,BindNewIdentifier,MfaVerification,BindMfa"`
	Language string `key:"language"`
	Subject  string `key:"subject"`
	Text     string `key:"text"`
	HTML     string `key:"html"`
}

// Notices says of which changes to their account people are told by mail. Turning one off means that nobody learns of a thief.
type Notices struct {
	NewDevices     bool `key:"new_devices" default:"true"`
	Passwords      bool `key:"passwords" default:"true"`
	Factors        bool `key:"factors" default:"true"`
	RecoveryCodes  bool `key:"recovery_codes" default:"true"`
	Addresses      bool `key:"addresses" default:"true"`
	LinkedAccounts bool `key:"linked_accounts" default:"true"`
	Deletion       bool `key:"deletion" default:"true"`
}

// SignIn says what people prove themselves with, and what they are asked for.
type SignIn struct {
	Identifiers         string        `key:"identifiers" oneof:"email,username,both"`
	Methods             []string      `key:"methods"`
	SecondFactor        string        `key:"second_factor" oneof:"off,optional,required,groups"`
	SecondFactorGroups  []string      `key:"second_factor_groups"`
	SecondFactors       []string      `key:"second_factors"`
	TrustDevice         time.Duration `key:"trust_device" default:"30d" min:"0s"`
	AllowedDomains      []string      `key:"allowed_domains"`
	RefusedDomains      []string      `key:"refused_domains"`
	PasskeyVerification string        `key:"passkey_verification" oneof:"required,preferred"`
	PasskeyOffer        string        `key:"passkey_offer" oneof:"new,signin,never"`
	RelatedOrigins      []string      `key:"related_origins"`
	Attributes          document      `key:"attributes"`
	TermsURL            string        `key:"terms_url"`
	TermsVersion        string        `key:"terms_version"`
	PrivacyURL          string        `key:"privacy_url"`
	PrivacyVersion      string        `key:"privacy_version"`

	asked []authn.Field // what Attributes says
}

// Passwords say how passwords are kept, and what is asked of new ones.
type Passwords struct {
	MemoryKiB               int    `key:"memory_kib" default:"19456" min:"7168"`
	Iterations              int    `key:"iterations" default:"2" min:"1"`
	Parallelism             int    `key:"parallelism" default:"1" min:"1"`
	Concurrency             int    `key:"concurrency" default:"0" min:"0" zero:"half of the processors"`
	Minimum                 int    `key:"minimum" default:"15" min:"8"`
	MinimumWithSecondFactor int    `key:"minimum_with_second_factor" default:"8" min:"8"`
	LeakedList              string `key:"leaked_list"`
}

// Budgets are the limits that slow a guesser and protect mailboxes.
type Budgets struct {
	GuessesPerCode             int `key:"guesses_per_code" default:"5" min:"1"`
	WrongGuessesPerAddressHour int `key:"wrong_guesses_per_address_hour" default:"30" min:"1"`
	MailsPerAddressBurst       int `key:"mails_per_address_burst" default:"5" min:"1"`
	MailsPerAddressMinute      int `key:"mails_per_address_minute" default:"1" min:"1"`
	MailsPerAddressHour        int `key:"mails_per_address_hour" default:"20" min:"1"`
	NetworkMailsHour           int `key:"network_mails_hour" default:"60" min:"1"`
	NetworkGuessesHour         int `key:"network_guesses_hour" default:"120" min:"1"`
	MailsHour                  int `key:"mails_hour" default:"1000" min:"1"`
	FlowsNetworkHour           int `key:"flows_network_hour" default:"300" min:"1"`
	SecondFactorGuessesHour    int `key:"second_factor_guesses_hour" default:"10" min:"1"`
	SecondFactorGuessesDay     int `key:"second_factor_guesses_day" default:"30" min:"1"`
}

// Lifetimes say how long things are good for.
type Lifetimes struct {
	Code            time.Duration `key:"code" default:"60s" min:"1s"`
	AccessToken     time.Duration `key:"access_token" default:"1h" min:"1m"`
	IDToken         time.Duration `key:"id_token" default:"1h" min:"1m"`
	RefreshIdle     time.Duration `key:"refresh_idle" default:"30d" min:"1m"`
	RefreshAbsolute time.Duration `key:"refresh_absolute" default:"1y" min:"1m"`
	RefreshGrace    time.Duration `key:"refresh_grace" default:"30s" min:"0s"`
	Flow            time.Duration `key:"flow" default:"30m" min:"1m"`
	OTP             time.Duration `key:"otp" default:"10m" min:"1m"`
	SessionIdle     time.Duration `key:"session_idle" default:"30d" min:"1m"`
	SessionAbsolute time.Duration `key:"session_absolute" default:"1y" min:"1m"`
	SessionShort    time.Duration `key:"session_short" default:"12h" min:"1m"`
	AccountDeletion time.Duration `key:"account_deletion" default:"7d" min:"0s"`
}

// Resource is an API declared in the file. Elsewhere it is read-only.
type Resource struct {
	Resource      string        `key:"resource"`
	Name          string        `key:"name"`
	Scopes        []string      `key:"scopes"`
	Servers       []string      `key:"servers"`
	AccessToken   time.Duration `key:"access_token" default:"15m" min:"1m"`
	Alg           string        `key:"alg" default:"RS256" oneof:"RS256,PS256,ES256,EdDSA"`
	Opaque        bool          `key:"opaque"`
	UncheckedApps bool          `key:"unchecked_apps"`
}

// Connection is a provider declared in the file, with whose accounts people sign in. Elsewhere it is read-only.
type Connection struct {
	ID           string   `key:"id"`
	Kind         string   `key:"kind" oneof:"oidc,google,apple,microsoft,github,gitlab,discord,facebook,amazon"`
	Name         string   `key:"name"`
	ClientID     string   `key:"client_id"`
	ClientSecret string   `key:"client_secret" secret:"true"`
	Issuer       string   `key:"issuer"`
	Tenant       string   `key:"tenant"`
	TeamID       string   `key:"team_id"`
	KeyID        string   `key:"key_id"`
	Scopes       []string `key:"scopes"`
	Domains      []string `key:"domains"`
	Claims       []string `key:"claims"`
	Trusted      string   `key:"trusted" oneof:"true,false"`
	Disabled     bool     `key:"disabled"`
}

// Client is an application declared in the file. Elsewhere it is read-only. The words are those of RFC 7591 wherever it
// has one, so that what `gatelatch app show --json` prints can be copied here.
type Client struct {
	ClientID                       string        `key:"client_id"`
	ClientName                     string        `key:"client_name"`
	ClientSecret                   string        `key:"client_secret" secret:"true"`
	Type                           string        `key:"type" default:"web" oneof:"web,spa,native,m2m"`
	Framework                      string        `key:"framework" default:"generic" oneof:"nextjs,express,spa,native,amplify,m2m,generic"`
	RedirectURIs                   []string      `key:"redirect_uris"`
	PostLogoutRedirectURIs         []string      `key:"post_logout_redirect_uris"`
	AllowedOrigins                 []string      `key:"allowed_origins"`
	GrantTypes                     []string      `key:"grant_types"`
	Scope                          string        `key:"scope"`
	Resources                      []string      `key:"resources"`
	JWTAccessTokens                bool          `key:"jwt_access_tokens"`
	SubjectType                    string        `key:"subject_type" default:"public" oneof:"public,pairwise"`
	UserinfoSignedResponseAlg      string        `key:"userinfo_signed_response_alg" oneof:"RS256,PS256,ES256,EdDSA"`
	DPoPBoundAccessTokens          bool          `key:"dpop_bound_access_tokens"`
	RequireDPoPNonce               bool          `key:"require_dpop_nonce"`
	IntrospectionSignedResponseAlg string        `key:"introspection_signed_response_alg" default:"RS256" oneof:"RS256,PS256,ES256,EdDSA"`
	AllowHTTP                      bool          `key:"allow_http"`
	RequirePKCE                    bool          `key:"require_pkce"`
	IDTokenSignedResponseAlg       string        `key:"id_token_signed_response_alg" default:"RS256" oneof:"RS256,PS256,ES256,EdDSA"`
	FirstParty                     bool          `key:"first_party" default:"true"`
	ClientURI                      string        `key:"client_uri"`
	PolicyURI                      string        `key:"policy_uri"`
	TOSURI                         string        `key:"tos_uri"`
	BackchannelLogoutURI           string        `key:"backchannel_logout_uri"`
	InitiateLoginURI               string        `key:"initiate_login_uri"`
	MaxSessionAge                  time.Duration `key:"max_session_age" default:"0s" min:"0s"`
	ClaimsInIDToken                bool          `key:"claims_in_id_token" default:"true"`
	SignOutEndsSession             bool          `key:"sign_out_ends_session" default:"true"`
	SignOutEndsAccess              bool          `key:"sign_out_ends_access"`

	TokenEndpointAuthMethod     string   `key:"token_endpoint_auth_method" oneof:"client_secret_basic,client_secret_post,private_key_jwt,none"`
	TokenEndpointAuthSigningAlg string   `key:"token_endpoint_auth_signing_alg" oneof:"RS256,PS256,ES256,EdDSA"`
	JWKS                        document `key:"jwks"`
	JWKSURI                     string   `key:"jwks_uri"`
	AllowEndpointAudience       bool     `key:"allow_endpoint_audience"`

	RequirePushedAuthorizationRequests bool   `key:"require_pushed_authorization_requests"`
	RequireSignedRequestObject         bool   `key:"require_signed_request_object"`
	RequestObjectSigningAlg            string `key:"request_object_signing_alg" oneof:"RS256,PS256,ES256,EdDSA"`
	AuthorizationSignedResponseAlg     string `key:"authorization_signed_response_alg" oneof:"RS256,PS256,ES256,EdDSA"`
	RequiredACR                        string `key:"required_acr"`

	SignInMethods []string `key:"sign_in_methods"`
	AllowedGroups []string `key:"allowed_groups"`
	Cognito       bool     `key:"cognito"`
	CognitoSRP    bool     `key:"cognito_srp"`
}
