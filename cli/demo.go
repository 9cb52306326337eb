package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"gatelatch/server/secret"
)

// demoApps are the two applications of the demo and the ports they would like to have.
var demoApps = []struct{ id, name, port string }{
	{"demo-bookstore", "Bookstore", "4284"},
	{"demo-reading-list", "Reading list", "4285"},
}

func (p *Program) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Try it out: the server, two example applications and the inbox", Args: arguments(),
		Long: "Run the server with two example applications and the inbox, to try things out. It leaves nothing behind,\n" +
			"unless --data names a folder to keep.",
		Example: "  gatelatch demo",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context()) },
	}
}

// demo runs the server and both applications until ctx ends.
func (p *Program) demo(ctx context.Context) (err error) {
	if p.data == "" {
		if p.data, err = os.MkdirTemp("", "gatelatch-demo-"); err != nil {
			return fmt.Errorf("make a folder for the demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.data)) }()
	}
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	// Whatever is configured: the demo is for this machine, sends nothing out, and keeps its terminal clear.
	cfg.public, cfg.TLS, cfg.Email.Provider, cfg.SignUp = nil, TLS{}, "inbox", "open"
	if cfg.Log.Level == "info" {
		cfg.Log.Level = "warn"
	}

	var moved []string
	listeners, err := listenNear("4283", &moved)
	if err != nil {
		return err
	}
	issuer := cfg.issuer(cfg.publicURL(listeners[0].Addr().String()))
	apps, err := p.demoParties(cfg, issuer, &moved)
	if err != nil {
		closeAll(listeners)
		return err
	}
	r, err := p.open(ctx, cfg, listeners)
	if err != nil {
		for _, a := range apps {
			closeAll(a.listeners)
		}
		return err
	}
	p.greetDemo(r.public, apps, moved)

	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return r.run(ctx) })
	for _, a := range apps {
		all.Go(func() error { return a.run(ctx) })
	}
	return all.Wait()
}

// demoParties opens the addresses of the applications and declares them as clients of the server.
func (p *Program) demoParties(cfg *Config, issuer string, moved *[]string) ([]*demoApp, error) {
	var apps []*demoApp
	for _, d := range demoApps {
		listeners, err := listenNear(d.port, moved)
		if err != nil {
			for _, a := range apps {
				closeAll(a.listeners)
			}
			return nil, err
		}
		_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
		base := "http://localhost:" + port
		text := secret.Token(32)
		cfg.Clients = append(cfg.Clients, Client{
			FirstParty: true, SignOutEndsSession: true, ClaimsInIDToken: true,
			ClientID: d.id, ClientName: d.name, ClientSecret: text, Type: "web", Framework: "generic", RequirePKCE: true,
			RedirectURIs: []string{base + "/callback"}, PostLogoutRedirectURIs: []string{base + "/"},
		})
		apps = append(apps, newDemoApp(d.name, base, issuer, d.id, text, listeners))
	}
	for i, a := range apps {
		other := apps[(i+1)%len(apps)]
		a.other, a.otherURL = other.name, other.base
	}
	return apps, nil
}

// listenNear opens a loopback port, or a free one when it is taken, and remembers that it moved.
func listenNear(port string, moved *[]string) ([]net.Listener, error) {
	listeners, err := listen("localhost:" + port)
	if _, taken := errors.AsType[*portTaken](err); taken {
		*moved = append(*moved, port)
		return listen("localhost:0")
	}
	return listeners, err
}

func (p *Program) greetDemo(public *url.URL, apps []*demoApp, moved []string) {
	p.printf("\nA Gatelatch to try out.\n\n")
	w := p.table()
	w.row("  1", apps[0].name, apps[0].base, "press Sign in and type any address")
	w.row("  2", "The inbox", public.String()+"/inbox", "the code is here: no mail leaves")
	w.row("  3", apps[1].name, apps[1].base, "knows you without asking")
	_ = w.Flush()
	if len(moved) > 0 {
		p.printf("\nTaken by other programs, so free ports were picked: %s.\n", strings.Join(moved, ", "))
	}
	p.printf("\nCtrl-C ends it.\n\n")
}

// run serves the application until ctx ends.
func (a *demoApp) run(ctx context.Context) error {
	srv := &http.Server{Handler: a.routes(), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout}
	var all errgroup.Group
	for _, l := range a.listeners {
		all.Go(func() error { return srv.Serve(l) })
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := all.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	return nil
}
