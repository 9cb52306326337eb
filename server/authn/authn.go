// Package authn is the engine behind every door: who is this, and how sure are we.
//
// It owns flows (a sign-in on its way), mailed codes and links, passwords, the budgets that slow a guesser, sessions, and the making
// of people. Every sign-in ends in [Engine.Finish], the only maker of sessions; what a request demands is weighed by one
// pure function, [Next]. A rule that must never be forgotten is written here and in no door.
//
// It does not own HTTP (no cookies, no pages, no routes) and no rule of OAuth. Its failures are the reasons in reasons.go;
// each door has its own words for them. Anything else it returns is a failure of the storage below.
package authn

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"gatelatch/email"
	"gatelatch/server/secret"
	"gatelatch/server/social"
	"gatelatch/storage"
	"gatelatch/views/words"
)

// Visitor is where a request came from, as far as the engine wants to know.
type Visitor struct {
	IP        netip.Addr
	Network   string // the unit budgets count by: an IPv4 address or an IPv6 /64
	Agent     string // User-Agent, printable
	Languages string // what mail to this visitor should be written in, best first (words.Library.Match)
	Program   bool   // it keeps no cookies: it is never met again
	Browser   string // value of the "browser" cookie; "" if there is none
	Device    string // value of the "device" cookie, which outlives sign-ins; "" if there is none
}

// Config is what the owner of the server can set.
type Config struct {
	PublicURL     string            // what links in mails begin with, without a slash at the end
	Experience    Experience        // what it settles of how people sign in and sign up
	Settled       map[string]string // where it does, by the names of Choices: "config.yaml line 12"
	SignUp        string            // Experience.SignUp as long as nobody settles it; "": the first admin is asked
	Words         *words.Library    // nil: the one that comes with the program
	Language      string            // of mail to visitors whose languages are not spoken here
	CodeInSubject bool              // show the code in the subject of its mail
	Budgets       Budgets
	Lifetimes     Lifetimes
	Pool          string // the part of the Cognito pool's id after the _, which verifiers depend on; "": there is none
	Passwords     Passwords
	Quiet         []string // of NoticeGroups: what people are not told of by mail

	RelatedOrigins []string // whose pages may use the passkeys of this server, too
}

// Lifetimes say how long things are good for. A zero takes its default.
type Lifetimes struct {
	Flow            time.Duration // 30 minutes
	OTP             time.Duration // 10 minutes, the most NIST SP 800-63B-4 §3.1.3 allows
	SessionIdle     time.Duration // 30 days, on a device the person called theirs
	SessionAbsolute time.Duration // 1 year, likewise
	SessionShort    time.Duration // 12 hours, everywhere else
	AccountDeletion time.Duration // how long somebody who has asked to be deleted may come back; 0: not at all
}

// Deps are the rooms the engine works with.
type Deps struct {
	Store     *storage.Store
	Keys      *secret.Keys
	Social    *social.Client // speaks with the providers of connections
	Mail      email.Sender
	Templates *email.Templates // the administrator's own words; nil: none
	Now       func() time.Time
	Log       *slog.Logger
	// From is who a request came from, where whoever asks the engine for something does not say; nil: nobody knows.
	From func(ctx context.Context) Visitor
	// Leaked reports whether a password is among those that have leaked; nil: nobody is asked.
	Leaked func(ctx context.Context, password string) (bool, error)
}

// Engine signs people in. It may be used by many goroutines; all that must last lies in the store.
type Engine struct {
	cfg       Config
	host      string // of PublicURL
	party     party
	store     *storage.Store
	keys      *secret.Keys
	social    *social.Client
	mail      email.Sender
	templates *email.Templates
	clock     func() time.Time
	log       *slog.Logger
	settings  settings
	outbox    outbox
	hasher    hasher
	leaked    func(context.Context, string) (bool, error)
	visitor   func(context.Context) Visitor
}

// New makes the engine. Mail leaves only while [Engine.Deliver] runs.
func New(c Config, d Deps) *Engine {
	c.Budgets = c.Budgets.withDefaults()
	c.Lifetimes = c.Lifetimes.withDefaults()
	c.Passwords = c.Passwords.withDefaults()
	_, host, _ := strings.Cut(c.PublicURL, "://")
	return &Engine{cfg: c, host: host, party: partyOf(c), store: d.Store, keys: d.Keys, social: d.Social, mail: d.Mail, templates: d.Templates, clock: d.Now, log: d.Log, outbox: newOutbox(),
		hasher: newHasher(c.Passwords), leaked: d.Leaked, visitor: d.From}
}

// from is who a request came from.
func (e *Engine) from(ctx context.Context) Visitor {
	if e.visitor == nil {
		return Visitor{}
	}
	return e.visitor(ctx)
}

func (e *Engine) now() int64 { return e.clock().UnixMicro() }

func (l Lifetimes) withDefaults() Lifetimes {
	const day = 24 * time.Hour
	for _, d := range []struct {
		set     *time.Duration
		without time.Duration
	}{
		{&l.Flow, 30 * time.Minute}, {&l.OTP, 10 * time.Minute},
		{&l.SessionIdle, 30 * day}, {&l.SessionAbsolute, 365 * day}, {&l.SessionShort, 12 * time.Hour},
	} {
		if *d.set <= 0 {
			*d.set = d.without
		}
	}
	return l
}
