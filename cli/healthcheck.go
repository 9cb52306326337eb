package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Ask the server whether it is well", Args: arguments(),
		Long: "Ask the server whether it is well. Where it listens is read from the same configuration the server reads.\n" +
			"The exit code is 0 if it can take requests and reach its database, else 1.",
		Example: "  gatelatch healthcheck --config /etc/gatelatch.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.load(nil)
			if err != nil {
				return err
			}
			address, err := whereToAsk(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := ready(cmd.Context(), cfg, address); err != nil {
				return err
			}
			p.printf("ok\n")
			return nil
		},
	}
}

// whereToAsk is the address the server listens on, as one that can be dialled.
func whereToAsk(ctx context.Context, cfg *Config) (string, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("listen is %q: %w", cfg.Listen, err)
	}
	switch host {
	case "", "0.0.0.0", "localhost":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	if port != "0" {
		return net.JoinHostPort(host, port), nil
	}
	// The system chose the port. The running server knows it, and says so in the address it answers by.
	m, ok := dial(cfg)
	if !ok {
		return "", fmt.Errorf("no server runs on %s", cfg.Data)
	}
	defer m.close()
	var health admin.Health
	if err := m.call(ctx, "GET", "/health", nil, &health); err != nil {
		return "", err
	}
	public, err := url.Parse(health.PublicURL)
	if err != nil {
		return "", fmt.Errorf("read the server's address: %w", err)
	}
	return net.JoinHostPort(host, public.Port()), nil
}

// ready asks /readyz. The certificate is not checked: this asks whether the process works, and its name is that of the
// public address, which may not even resolve here.
func ready(ctx context.Context, cfg *Config, address string) error {
	scheme := "http"
	if cfg.TLS.Cert != "" {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", scheme+"://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", address, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers, but is not ready (%s). Its log says why", address, res.Status)
	}
	return nil
}
