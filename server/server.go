// Package server joins the rooms: it hands each door what it needs, mounts their routes, and runs the jobs in the background.
// Read [New] as the table of contents. It holds no rule of its own but what concerns every request: who may post from where,
// and which address this server answers at.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gatelatch/email"
	"gatelatch/server/account"
	"gatelatch/server/admin"
	"gatelatch/server/authn"
	"gatelatch/server/cognito"
	"gatelatch/server/oidc"
	"gatelatch/server/safehttp"
	"gatelatch/server/secret"
	"gatelatch/server/signin"
	"gatelatch/server/social"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// Config is what the owner of the server has settled.
type Config struct {
	PublicURL      *url.URL // the only truth about where this server is: never a Host or X-Forwarded-* header
	IssuerPath     string   // "/oidc", or "" for the root
	TrustedProxies []netip.Prefix
	AllowNetworks  []netip.Prefix    // private networks that clients' addresses may lie in
	Registration   string            // who may register applications: "off" (or ""), "token" or "open"
	Documents      bool              // applications may describe themselves at the address that is their client_id
	Experience     authn.Experience  // what is settled of how people sign in and sign up
	Settled        map[string]string // where, by the names of authn.Choices
	SignUp         string            // who may sign up as long as nobody settles it; "": the first admin is asked
	Words          *words.Library    // the texts of pages and mails; nil: those that come with the program
	RelatedOrigins []string          // other sites whose pages may use the passkeys of this server
	Language       string            // of visitors whose languages are not spoken here
	PrivacyURL     string            // for the footer of pages
	HelpURL        string            // likewise
	Version        string
	Mail           string // "inbox", "ses" or "smtp"
	Listen         string // host:port, for those who ask how the server is
	TLS            bool   // it speaks https there
	Templates      []email.Template
	CodeInSubject  bool
	Budgets        authn.Budgets
	Lifetimes      Lifetimes
	QuietNotices   []string // of authn.NoticeGroups: what people are not told of by mail
	Passwords      authn.Passwords
	LeakedList     string // where to ask whether a password has leaked, by ranges; "": nowhere
}

// Lifetimes say how long things are good for; a zero takes its default, but for RefreshGrace and AccountDeletion, where it means none.
type Lifetimes struct {
	Code            time.Duration
	AccessToken     time.Duration
	IDToken         time.Duration
	RefreshIdle     time.Duration
	RefreshAbsolute time.Duration
	RefreshGrace    time.Duration
	Flow            time.Duration
	OTP             time.Duration
	SessionIdle     time.Duration
	SessionAbsolute time.Duration
	SessionShort    time.Duration
	AccountDeletion time.Duration
}

// Deps are what the server does not make itself.
type Deps struct {
	Store   *storage.Store
	Secrets *secret.Keys
	Mail    email.Sender // nil: the development inbox
	Log     *slog.Logger
	Now     func() time.Time
}

// Server is all doors behind one handler.
type Server struct {
	cfg      Config
	store    *storage.Store
	log      *slog.Logger
	now      func() time.Time
	engine   *authn.Engine
	admin    *admin.Admin
	provider *oidc.Provider
	handler  http.Handler
}

// New puts a server together. It starts nothing and, but for the signing keys at the very first start, writes nothing.
func New(ctx context.Context, c Config, d Deps) (*Server, error) {
	templates, err := email.NewTemplates(c.Templates)
	if err != nil {
		return nil, err
	}
	mail := d.Mail
	if mail == nil {
		mail = email.Capture(mailbox{store: d.Store, keys: d.Secrets, now: d.Now})
	}
	l, cookies := c.Lifetimes, web.NewCookies(c.PublicURL)
	s := &Server{cfg: c, store: d.Store, log: d.Log, now: d.Now}
	if isLoopback(c.PublicURL.Hostname()) { // a developer's applications are on this machine, too
		c.AllowNetworks = append(slices.Clone(c.AllowNetworks), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	pools, err := poolID(ctx, d.Store, d.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	var leaked func(context.Context, string) (bool, error)
	if c.LeakedList != "" {
		leaked = leaks(c.LeakedList, safehttp.Reading(leaksMost, c.AllowNetworks, d.Now))
	}
	outgoing := safehttp.New(c.AllowNetworks, d.Now)
	providers := social.New(outgoing.HTTP(), d.Now)
	s.engine = authn.New(
		authn.Config{
			PublicURL: strings.TrimSuffix(c.PublicURL.String(), "/"), Experience: c.Experience, Settled: c.Settled, SignUp: c.SignUp, CodeInSubject: c.CodeInSubject, Words: c.Words, Language: c.Language, Budgets: c.Budgets, RelatedOrigins: c.RelatedOrigins,
			Lifetimes: authn.Lifetimes{Flow: l.Flow, OTP: l.OTP, SessionIdle: l.SessionIdle, SessionAbsolute: l.SessionAbsolute, SessionShort: l.SessionShort, AccountDeletion: l.AccountDeletion},
			Passwords: c.Passwords, Quiet: c.QuietNotices, Pool: strings.TrimPrefix(pools, poolRegion+"_"),
		},
		authn.Deps{Store: d.Store, Keys: d.Secrets, Social: providers, Mail: mail, Templates: templates, Now: d.Now, Log: d.Log, Leaked: leaked, From: visitor})
	inbox := ""
	if c.Mail == "inbox" && isLoopback(c.PublicURL.Hostname()) {
		inbox = "/inbox"
	}
	signIn := signin.New(
		signin.Config{PublicURL: c.PublicURL, Issuer: strings.TrimSuffix(c.PublicURL.String(), "/") + c.IssuerPath, Words: c.Words, Language: c.Language, PrivacyURL: c.PrivacyURL, HelpURL: c.HelpURL, InboxURL: inbox},
		signin.Deps{Engine: s.engine, Cookies: cookies, Now: d.Now, Log: d.Log,
			Client: func(ctx context.Context, id string) (storage.Client, error) { return d.Store.View(ctx).Client(id) }})
	provider, err := oidc.New(ctx,
		oidc.Config{PublicURL: c.PublicURL, IssuerPath: c.IssuerPath, Languages: tags(c.Words), Registration: c.Registration, PoolID: pools, ClientDocuments: c.Documents,
			Lifetimes: oidc.Lifetimes{Code: l.Code, AccessToken: l.AccessToken, IDToken: l.IDToken, RefreshIdle: l.RefreshIdle, RefreshAbsolute: l.RefreshAbsolute, RefreshGrace: l.RefreshGrace}},
		oidc.Deps{Store: d.Store, Secrets: d.Secrets, Engine: s.engine, Cookies: cookies, Outgoing: outgoing, Log: d.Log, Now: d.Now, Frame: signIn.Frame, KeepLanguage: signIn.KeepLanguage, ShowError: signIn.ShowError})
	if errors.Is(err, secret.ErrWrongKey) {
		return nil, fmt.Errorf("the key file does not belong to this database: what was sealed with the right one cannot be opened with it. Put the right key file back (key_file or GATELATCH_KEY_FILE says where it lies); nothing was changed: %w", err)
	}
	if err != nil {
		return nil, err
	}
	pages := web.Edge{Log: d.Log, Translate: translate, Show: signIn.ShowError}
	s.provider = provider
	applications := cognito.New(cognito.Config{RPID: c.PublicURL.Hostname(), PoolID: pools, Host: c.PublicURL.Host, Pages: c.PublicURL.JoinPath("sign-in").String()}, cognito.Deps{Engine: s.engine, Store: d.Store, Keys: d.Secrets, Issuer: pool{provider}, Log: d.Log, Now: d.Now})
	s.engine.Carry(authn.KindFarewell, provider.Farewell)
	s.admin = admin.New(
		admin.Config{PublicURL: c.PublicURL, Issuer: provider.Issuer(), PoolID: pools, Version: c.Version, Mail: c.Mail, Listen: c.Listen, TLS: c.TLS},
		admin.Deps{Store: d.Store, People: s.engine, Log: d.Log, Now: d.Now, Keys: signingKeys{provider}, Outgoing: outgoing, Providers: providers, Secrets: d.Secrets, SealCognitoKey: applications.SealKey, OpenMail: mailbox{store: d.Store, keys: d.Secrets, now: d.Now}.open, IsAdmin: s.byAdmin(cookies), TestMail: s.testMail(mail),
			Frame: func(_ http.ResponseWriter, r *http.Request) views.Frame { return signIn.Frame(r, "") },
			Pages: pages})

	accounts := account.New(account.Config{PublicURL: c.PublicURL, InboxURL: inbox, Issuer: provider.Issuer(), DeletionGrace: l.AccountDeletion, Version: c.Version},
		account.Deps{Store: d.Store, Engine: s.engine, Cookies: cookies, LastUsed: oidc.LastUsed, Bearer: bearer(provider), Challenge: provider.Challenge, CrossOrigin: provider.CrossOrigin, Frame: signIn.Frame, Pages: signIn.Edge(), Now: d.Now, Log: d.Log})

	mux := http.NewServeMux()
	provider.Routes(mux)
	signIn.Routes(mux)
	accounts.Routes(mux)
	applications.Routes(mux)
	s.admin.Mount(mux)
	mux.Handle("GET /assets/", views.Assets())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", pages.Handle(nothing(mux)))
	s.handler = web.Identify(c.TrustedProxies, d.Log, unremarkable, web.Secure(c.PublicURL.Scheme == "https", s.home(s.sameOrigin(mux, c, signIn.ShowError))))
	return s, nil
}

// Handler answers everything that comes by the network.
func (s *Server) Handler() http.Handler { return s.handler }

// API answers the management API. Whoever reaches it may do everything: it belongs on a socket only the owner can open.
func (s *Server) API() http.Handler { return s.admin.API() }

// SetUpLink makes the one-time link that creates the first admin, in place of any before it; "" once there is one.
func (s *Server) SetUpLink(ctx context.Context) (string, error) {
	token, err := s.engine.NewSetUp(ctx)
	if err != nil || token == "" {
		return "", err
	}
	return s.cfg.PublicURL.JoinPath("set-up").String() + "?t=" + token, nil
}

// Run does what happens in the background until ctx ends: mail leaves, expired rows go, signing keys take turns. It returns the first job's failure.
func (s *Server) Run(ctx context.Context) error {
	jobs, ctx := errgroup.WithContext(ctx)
	for _, job := range []func(context.Context) error{s.engine.Deliver, s.sweep, s.tendKeys} {
		jobs.Go(func() error { return job(ctx) })
	}
	return jobs.Wait()
}

// Sweeping looks for what has expired this often, and leaves it this long before: whoever comes late still learns why.
const (
	sweepEvery = 10 * time.Minute
	sweepAfter = time.Hour
)

// Tend does once what Run does again and again for the people of this server: who has asked to go goes, and what is to be forgotten
// is forgotten.
func (s *Server) Tend(ctx context.Context) error { return s.engine.Tend(ctx) }

func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "what time brings could not be done; the next round tries again", "error", err)
		}
		rows, err := s.store.Sweep(ctx, s.now().Add(-sweepAfter).UnixMicro())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.log.WarnContext(ctx, "expired rows could not be removed; they count for nothing and the next round tries again", "error", err)
		case rows > 0:
			s.log.DebugContext(ctx, "expired rows removed", "rows", rows)
		}
	}
}

// byAdmin says whether a request comes from an admin who is signed in.
func (s *Server) byAdmin(cookies web.Cookies) func(*http.Request) bool {
	return func(r *http.Request) bool {
		live, err := s.engine.Session(r.Context(), cookies.Get(r, "session"))
		return err == nil && live.Administers()
	}
}

// visitor is who a request came from, in the words of the engine.
func visitor(ctx context.Context) authn.Visitor {
	from := web.VisitorOf(ctx)
	if !from.IP.IsValid() {
		return authn.Visitor{} // the socket of the data folder, or the program itself
	}
	return authn.Visitor{IP: from.IP, Network: from.Network(), Agent: from.Agent}
}

// unremarkable are requests that come by the dozen and say nothing: style sheets, pages that look for new mail, questions after our health.
func unremarkable(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/assets/") || r.URL.Path == "/inbox" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
}

// tags are the languages of a library as ui_locales_supported names them.
func tags(w *words.Library) []string {
	var list []string
	for _, l := range w.Languages() {
		list = append(list, l.Tag)
	}
	return list
}
