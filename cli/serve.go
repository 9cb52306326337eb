package cli

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// Bounds of a connection: a slow or greedy client holds one goroutine for a short while, and nothing else.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second // header and body
	answerTimeout  = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeader      = 32 << 10
)

// Ending: requests in progress get most of the 15 seconds that service managers grant, the writer's queue the rest.
const endTimeout = 10 * time.Second

func (p *Program) serveCommand() *cobra.Command {
	var listenOn, publicURL, cert, key string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: arguments(),
		Long: "Run the server. From an empty folder it needs no configuration: it makes its data folder and prints\n" +
			"where it is, the link that makes you its first admin, and where mail goes.",
		Example: "  gatelatch serve\n" +
			"  gatelatch serve --data /var/lib/gatelatch --public-url https://id.example.com --listen 0.0.0.0:443 \\\n" +
			"      --tls-cert fullchain.pem --tls-key privkey.pem --config gatelatch.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := map[string]string{}
			for name, value := range map[string]string{"listen": listenOn, "public-url": publicURL, "tls-cert": cert, "tls-key": key} {
				if cmd.Flags().Changed(name) {
					flags[map[string]string{"listen": "listen", "public-url": "public_url", "tls-cert": "tls.cert", "tls-key": "tls.key"}[name]] = value
				}
			}
			cfg, err := p.load(flags)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&listenOn, "listen", "", "`host:port` to listen on (localhost:4283)")
	cmd.Flags().StringVar(&publicURL, "public-url", "", "the `address` people type (http://localhost with the port)")
	cmd.Flags().StringVar(&cert, "tls-cert", "", "certificate `file`, to serve https")
	cmd.Flags().StringVar(&key, "tls-key", "", "key `file` of the certificate")
	return cmd
}

// serve runs the server until ctx ends.
func (p *Program) serve(ctx context.Context, cfg *Config) error {
	listeners, err := listen(cfg.Listen)
	if err != nil {
		if m, ok := dial(cfg); ok { // the port is taken because the same server runs already
			return errors.Join(inUse(cfg), m.close())
		}
		return err
	}
	r, err := p.open(ctx, cfg, listeners)
	if err != nil {
		return err
	}
	link, err := r.parts.server.SetUpLink(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("make the set-up link: %w", err), r.close())
	}
	p.greet(cfg, r.public, link)
	return r.run(ctx)
}

// running is a server with its listeners open, so that from here on nothing but its own faults can stop it.
type running struct {
	parts     *parts
	public    *url.URL
	listeners []net.Listener
	socket    net.Listener // nil where there is none
	cert      *certificate // nil without TLS
	log       *slog.Logger
}

// open puts a server together behind its open addresses. If it cannot, it closes them.
func (p *Program) open(ctx context.Context, cfg *Config, listeners []net.Listener) (_ *running, err error) {
	defer func() {
		if err != nil {
			closeAll(listeners)
		}
	}()
	r := &running{log: p.logger(cfg.Log), listeners: listeners}
	for _, warning := range cfg.Warnings {
		r.log.Warn(warning)
	}
	if cfg.TLS.Cert != "" {
		if r.cert, err = loadCertificate(cfg.TLS.Cert, cfg.TLS.Key); err != nil {
			return nil, err
		}
	}
	r.public = cfg.publicURL(r.listeners[0].Addr().String())
	cfg.Listen = r.listeners[0].Addr().String() // what it came to, for whoever asks
	if r.parts, err = assemble(ctx, cfg, r.public, r.log); err != nil {
		return nil, err
	}
	socket, failed := listenSocket(cfg)
	if failed != nil {
		r.log.Warn(failed.Error())
	}
	r.socket = socket
	return r, nil
}

// close gives back what open took, for a server that never ran.
func (r *running) close() error {
	closeAll(r.listeners)
	if r.socket != nil {
		r.socket.Close()
	}
	return r.parts.close()
}

// run serves until ctx ends, then finishes: requests first, then background jobs, then the writer's queue.
func (r *running) run(ctx context.Context) error {
	web := &http.Server{
		Handler: r.parts.server.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: quiet(r.log),
	}
	// Commands may wait a minute for a code, so their connections have no deadline for the answer.
	local := &http.Server{Handler: r.parts.server.API(), ReadHeaderTimeout: headerTimeout, ErrorLog: quiet(r.log)}

	jobs, endJobs := context.WithCancel(context.Background())
	defer endJobs()
	// What ends first by itself ends all: half a server is worse than none.
	serving, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	var all errgroup.Group
	start := func(f func() error) {
		all.Go(func() error {
			err := f()
			if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
				err = nil
			}
			if err != nil {
				failed(err)
			}
			return err
		})
	}
	start(func() error { return r.parts.server.Run(jobs) })
	if r.cert != nil {
		web.TLSConfig = tlsConfig(r.cert)
	}
	for _, l := range r.listeners {
		if r.cert != nil {
			start(func() error { return web.ServeTLS(l, "", "") })
		} else {
			start(func() error { return web.Serve(l) })
		}
	}
	if r.socket != nil {
		start(func() error { return local.Serve(r.socket) })
	}

	<-serving.Done()
	r.log.Info("ending")
	patience, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if err := web.Shutdown(patience); err != nil {
		web.Close()
	}
	local.Close() // a command that waits for a code need not be waited for
	endJobs()
	err := all.Wait()
	return errors.Join(err, r.parts.close())
}

// quiet sends what net/http has to say about its clients (broken handshakes and the like) to the debug level.
func quiet(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }

// greet tells the person at the terminal where everything is.
func (p *Program) greet(cfg *Config, public *url.URL, setUp string) {
	p.printf("\nGatelatch is running.\n\n")
	w := p.table()
	w.row("  Address", public.String())
	if host, port, err := net.SplitHostPort(cfg.Listen); err == nil && (!isLoopback(host) || public.Host != "localhost:"+port) {
		w.row("  Listens on", cfg.Listen)
	}
	w.row("  Issuer", cfg.issuer(public))
	if setUp != "" {
		w.row("  First admin", setUp)
		w.row("", "(one hour from now; a new link comes with every start)")
	}
	switch cfg.Email.Provider {
	case "ses":
		w.row("  Mail", "leaves through Amazon SES as "+cfg.Email.From)
	case "smtp":
		w.row("  Mail", "leaves through your mail server as "+cfg.Email.From)
	default:
		w.row("  Mail", "stays here: "+public.JoinPath("inbox").String()+" or gatelatch inbox")
	}
	if folder, err := filepath.Abs(cfg.Data); err == nil {
		w.row("  Data", folder)
	}
	if cfg.Database.URL != "" {
		w.row("  Database", "PostgreSQL")
	}
	_ = w.Flush()
	where := "in this folder"
	if cfg.Data != "data" {
		where = "with --data " + cfg.Data
	}
	p.printf("\nNext, from another terminal %s: gatelatch app create NAME --for nextjs\nCtrl-C ends it.\n\n", where)
}
