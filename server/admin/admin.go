// Package admin is the door for those who look after the server: the REST API under /api/v1 (OpenAPI 3.1, the commands
// speak it too) and the development inbox. It owns what may be saved about applications and people; it holds no rule of
// OAuth and signs nobody in.
//
// Routes, on the Unix socket and in-process only:
//
//	/api/v1/health                              how the server is
//	/api/v1/apps, /api/v1/apps/{client_id}      applications; POST …/secrets makes a new secret, …/disable and …/enable close and open one
//	/api/v1/resources, /api/v1/resource?resource=…   APIs that applications get tokens for
//	/api/v1/connections, …/{id}                 providers with whose accounts people sign in; POST …/test tries one out
//	/api/v1/registration/tokens, …/{id}         initial access tokens, with which applications register themselves
//	/api/v1/cognito/keys, …/{id}                keys with which programs sign their calls of the Cognito API
//	/api/v1/keys                                signing keys; POST …/rotate brings new ones into use
//	/api/v1/users, /api/v1/users/{user}         people; POST …/disable, …/enable, …/role; GET …/consents, DELETE …/consents/{client_id}
//	/api/v1/experience                          how people sign in and sign up; PATCH ?dry_run=true says who would feel a change
//	/api/v1/invitations, …/{id}                 invitations to make an account
//	/api/v1/events                              the audit log; ?user= &kind= &client_id= &since=
//	/api/v1/inbox, …/inbox/code, …/inbox/{id}   captured mail, and the newest unspent code for an address
//	/api/v1/mail/test                           sends a test mail and says what came of it
//	/api/v1/openapi.json                        this list for programs
//
// Routes for browsers:
//
//	GET /inbox, /inbox/{id}, /inbox/{id}/html   captured mail as pages; ?address= shows that person's alone
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatelatch/server/clients"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// Config is what the door has to know about the server around it.
type Config struct {
	PublicURL *url.URL
	Issuer    string // as tokens name it
	PoolID    string // of the Cognito API
	Version   string // of the program
	Mail      string // where mail goes: "inbox", "ses" or "smtp"
	Listen    string // host:port the server listens on
	TLS       bool   // it speaks https there
}

// Deps is what the door works with.
type Deps struct {
	Store  *storage.Store
	People People
	Log    *slog.Logger
	Now    func() time.Time

	// Outgoing fetches what applications publish about themselves.
	Outgoing clients.Fetcher
	// Providers are asked whether they know this server.
	Providers Providers
	// Secrets seal the secrets of connections.
	Secrets *secret.Keys
	// Keys are the keys that sign tokens.
	Keys SigningKeys
	// SealCognitoKey seals the secret of a key of that id, for the Cognito API to find.
	SealCognitoKey func(id, key string) []byte
	// OpenMail unseals a captured mail. Sent, expiry and the code's state are filled in by this package.
	OpenMail func(storage.Captured) (Mail, error)
	// TestMail sends a test mail by the mailer in use.
	TestMail func(ctx context.Context, address string) (MailTest, error)
	// IsAdmin says whether a request comes from an admin who is signed in.
	IsAdmin func(*http.Request) bool
	// Pages answers for the inbox pages when they fail, and Frame is what they share with all others.
	Pages web.Edge
	Frame func(http.ResponseWriter, *http.Request) views.Frame
}

// Admin is the door.
type Admin struct {
	cfg  Config
	deps Deps
	api  func() http.Handler
}

// New makes the door. The API behind it is put together at its first request: a server that nobody administers starts faster.
func New(cfg Config, deps Deps) *Admin {
	a := &Admin{cfg: cfg, deps: deps}
	a.api = sync.OnceValue(a.newAPI)
	return a
}

// API is the handler of /api/v1. Whoever reaches it may do everything: it belongs on a socket only the owner can open.
func (a *Admin) API() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.api().ServeHTTP(w, r) })
}

func (a *Admin) newAPI() http.Handler {
	cfg := huma.DefaultConfig("Gatelatch", a.cfg.Version)
	cfg.OpenAPIPath = "/api/v1/openapi"
	cfg.DocsPath, cfg.SchemasPath = "", "" // the pages huma brings load their script from elsewhere
	cfg.CreateHooks = nil                  // no $schema in every answer
	cfg.RejectUnknownQueryParameters = true
	cfg.Info.Description = "Applications, people, signing keys and the development inbox of one Gatelatch server."
	mux := http.NewServeMux()
	api := humago.New(mux, cfg)
	a.healthRoutes(api)
	a.appRoutes(api)
	a.userRoutes(api)
	a.passwordRoutes(api)
	a.letterRoutes(api)
	a.groupRoutes(api)
	a.experienceRoutes(api)
	a.invitationRoutes(api)
	a.eventRoutes(api)
	a.resourceRoutes(api)
	a.connectionRoutes(api)
	a.keyRoutes(api)
	a.consentRoutes(api)
	a.registrationRoutes(api)
	a.cognitoKeyRoutes(api)
	a.mailRoutes(api)
	a.mailTestRoutes(api)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"title":"Not Found","status":404,"detail":"There is nothing at this address. GET /api/v1/openapi.json lists what there is."}` + "\n"))
	})
	return mux
}

// operation adds one operation to the API and translates its errors into problem documents.
func operation[I, O any](a *Admin, api huma.API, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// now is the time in the unit of the store.
func (a *Admin) now() int64 { return a.deps.Now().UnixMicro() }

// moment shows a time of the store; nil for none.
func moment(micros int64) *time.Time {
	if micros == 0 {
		return nil
	}
	t := time.UnixMicro(micros).UTC()
	return &t
}

// actor is who the audit log names: whoever opened the socket owns the data folder.
const actor = "cli"
